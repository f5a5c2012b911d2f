//! Why an entry does not go into a penalty case, in both languages of the pages.

use jiff::civil::Date;

/// Why an entry is refused. A missed term is never among them: late is shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaseRefusal {
    #[error("{name}: fill it in, at most {most} characters")]
    Text { name: &'static str, most: usize },
    #[error("on: {0} is still to come; enter it once it was done")]
    Future(Date),
    #[error("on: {on} is before {after}, which it follows")]
    TooEarly { on: Date, after: Date },
    #[error("from, to: an interval begins before it ends")]
    Interval,
    #[error("the case is not opened yet (立案)")]
    NotOpened,
    #[error("the case is opened: its opening is not extended any more")]
    Opened,
    #[error("the case is closed")]
    Closed,
    #[error("it stands already; strike the earlier entry first")]
    Twice,
    #[error("officers: name two different people with two different certificates")]
    Officers,
    #[error("officers: two officers with their certificates come first")]
    NoOfficers,
    #[error("the decision is made: nothing but its service and the correction follows")]
    Decided,
    #[error("`{0}` comes first")]
    Missing(&'static str),
    #[error("the extension by the head comes before that by discussion")]
    ExtensionOrder,
    #[error("{name}: `{who}` is an officer of this case; somebody else is asked for")]
    OwnOfficer { name: &'static str, who: String },
    #[error("officers: `{0}` reviewed this case; somebody else works it")]
    OwnReviewer(String),
    #[error("the act of this document is done: its text stays as it was")]
    DocumentDone,
    #[error("participants: a collective discussion has two or more people")]
    Alone,
    #[error(
        "penalties: name at least one, each kind once; a fine has its amount, nothing else has one"
    )]
    Penalties,
    #[error("hearing_offered: these penalties ask for a hearing to be offered")]
    HearingOwed,
    #[error("the party may ask for a hearing until {0}, or waive it")]
    HearingOpen(Date),
    #[error("the party asked for a hearing, which was not held yet")]
    HearingNotHeld,
    #[error("penalties: more than the party was told of; tell the party anew")]
    MoreThanTold,
    #[error("agreed: electronic service needs the party's signed agreement")]
    NotAgreed,
    #[error("id: no standing entry has this number")]
    UnknownEntry,
    #[error("an entry is struck by another person than its author `{0}`")]
    SamePerson(String),
    #[error("the case is closed by another person than `{0}`, who entered the decision")]
    SameCloser(String),
    #[error("on: the term ended on {0}; what is over is not made longer")]
    TermOver(Date),
    #[error("the service by announcement takes effect on {0}; the case is closed from then on")]
    ServiceRuns(Date),
    #[error("party: no person of this case has this number")]
    UnknownParty,
    #[error(
        "simple: on the spot a warning is given, or a fine of at most 200 yuan (a person) or 3,000 \
        (an institution); whoever was told already is decided upon in the ordinary way"
    )]
    NotSimple,
    #[error("without that entry a later one would not hold: {0}")]
    Dependent(Box<CaseRefusal>),
}

impl CaseRefusal {
    pub fn zh(&self) -> String {
        match self {
            Self::Text { name, most } => format!("{name}：必填，不超过{most}字"),
            Self::Future(on) => format!("日期：{on}尚未到来，完成后再登记"),
            Self::TooEarly { on, after } => format!("日期：{on}早于{after}，顺序不符"),
            Self::Interval => "起止日期：开始不得晚于结束".to_owned(),
            Self::NotOpened => "尚未立案".to_owned(),
            Self::Opened => "已立案，立案期限不再延长".to_owned(),
            Self::Closed => "案件已结案".to_owned(),
            Self::Twice => "已有该项记录；如有误，请先更正原记录".to_owned(),
            Self::Officers => "承办人：须为两名不同人员，执法证号不同".to_owned(),
            Self::NoOfficers => "承办人：请先登记两名执法人员及证号".to_owned(),
            Self::Decided => "已作出决定，其后只登记送达与改正情况".to_owned(),
            Self::Missing(what) => format!("缺少前置步骤：{}", super::words::zh(what)),
            Self::ExtensionOrder => "须先经负责人批准延长，再经集体讨论延长".to_owned(),
            Self::OwnOfficer { who, .. } => format!("{who}是本案承办人，须由他人担任"),
            Self::OwnReviewer(who) => format!("{who}是本案法制审核人，不得承办本案"),
            Self::DocumentDone => "该文书对应的步骤已完成，内容不再更改".to_owned(),
            Self::Alone => "参加人：集体讨论须两人以上".to_owned(),
            Self::Penalties => "处罚种类：至少一项，每种一次；仅罚款填写金额".to_owned(),
            Self::HearingOwed => "该类处罚须告知听证权利".to_owned(),
            Self::HearingOpen(until) => format!("当事人可在{until}前要求听证，或书面放弃"),
            Self::HearingNotHeld => "当事人已要求听证，尚未举行".to_owned(),
            Self::MoreThanTold => "重于已告知的处罚，须重新告知".to_owned(),
            Self::NotAgreed => "电子送达须有当事人签署的同意书".to_owned(),
            Self::UnknownEntry => "没有该编号的有效记录".to_owned(),
            Self::SamePerson(who) => format!("更正须由记录人（{who}）以外的人作出"),
            Self::SameCloser(who) => format!("结案须由登记决定的人（{who}）以外的人办理"),
            Self::TermOver(on) => format!("期限已于{on}届满，不能再延长"),
            Self::ServiceRuns(on) => format!("公告送达须满30日，{on}起方可结案"),
            Self::UnknownParty => "当事人：本案没有该编号的个人当事人".to_owned(),
            Self::NotSimple => "简易程序：仅限警告、对个人200元以下、对机构3000元以下罚款；\
                已事先告知的按普通程序决定"
                .to_owned(),
            Self::Dependent(why) => format!("去除该记录后，其后的记录不能成立：{}", why.zh()),
        }
    }
}
