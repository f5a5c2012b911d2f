//! By when the law wants the next act of a case (行政处罚法, 卫生健康行政处罚程序规定, 国令310). Pure: it shows
//! what is due and blocks nothing.

use std::collections::BTreeSet;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::procedure::{Provision, read_whole};
use super::{
    Entry, Extension, HEARING_REQUEST_DAYS, PenaltyCase, Recorded, Refusal, ServedPaper, ServiceWay,
};
use crate::calendar::{Calendar, Deadline};

const OPENING_DAYS: u32 = 7;
const HEARING_NOTICE_DAYS: u32 = 7;
const SERVICE_DAYS: u32 = 7;
const PUBLIC_NOTICE_DAYS: u32 = 30;
const CRIME_DECISION_DAYS: u32 = 3;
const CRIME_TRANSFER_DAYS: u32 = 1;
const RECONSIDERATION_DAYS: u32 = 3;
const PRESERVATION_DAYS: u32 = 7;
const DECISION_DAYS: u32 = 90;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Due {
    /// 立案, or the decision that there is no case.
    OpenCase,
    /// What the party was ordered to correct.
    Correct,
    /// The party may ask for a hearing.
    HearingRequest,
    /// The hearing may not be held earlier.
    HearingNotice,
    /// 行政处罚决定.
    Decide,
    /// 送达.
    Serve,
    /// 公告送达 takes effect.
    PublicService,
    /// Whether to transfer to the police.
    CrimeDecision,
    CrimeTransfer,
    /// 提请复议 where the police refused.
    Reconsideration,
    /// What becomes of what was preserved.
    Preservation,
}

/// Whose act is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    Authority,
    Party,
}

impl Due {
    pub const ALL: [Self; 11] = [
        Self::OpenCase,
        Self::Correct,
        Self::HearingRequest,
        Self::HearingNotice,
        Self::Decide,
        Self::Serve,
        Self::PublicService,
        Self::CrimeDecision,
        Self::CrimeTransfer,
        Self::Reconsideration,
        Self::Preservation,
    ];

    pub fn code(self) -> &'static str {
        match self {
            Self::OpenCase => "open_case",
            Self::Correct => "correct",
            Self::HearingRequest => "hearing_request",
            Self::HearingNotice => "hearing_notice",
            Self::Decide => "decide",
            Self::Serve => "serve",
            Self::PublicService => "public_service",
            Self::CrimeDecision => "crime_decision",
            Self::CrimeTransfer => "crime_transfer",
            Self::Reconsideration => "reconsideration",
            Self::Preservation => "preservation",
        }
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::OpenCase => "立案期限",
            Self::Correct => "改正期限",
            Self::HearingRequest => "当事人要求听证期限",
            Self::HearingNotice => "听证最早日期",
            Self::Decide => "作出处罚决定期限",
            Self::Serve => "送达期限",
            Self::PublicService => "公告送达期满",
            Self::CrimeDecision => "移送审批期限",
            Self::CrimeTransfer => "移送公安机关期限",
            Self::Reconsideration => "提请复议期限",
            Self::Preservation => "先行登记保存处理期限",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::OpenCase => "open the case by",
            Self::Correct => "the party corrects by",
            Self::HearingRequest => "the party may ask for a hearing until",
            Self::HearingNotice => "the hearing is held not before",
            Self::Decide => "decide by",
            Self::Serve => "serve by",
            Self::PublicService => "public service takes effect on",
            Self::CrimeDecision => "decide on the transfer by",
            Self::CrimeTransfer => "transfer to the police by",
            Self::Reconsideration => "ask the police to reconsider by",
            Self::Preservation => "decide on what was preserved by",
        }
    }

    pub fn whose(self) -> Whose {
        match self {
            Self::Correct | Self::HearingRequest | Self::PublicService => Whose::Party,
            _ => Whose::Authority,
        }
    }

    /// Which article sets it, and how it may be longer.
    pub fn provision(self) -> Provision {
        let (zh, en) = match self {
            Self::OpenCase => (
                "卫生健康行政处罚程序规定第三十二条：7个工作日，经负责人批准可延长7个工作日",
                "程序规定 32: 7 working days, 7 more with the head's approval",
            ),
            Self::Correct => (
                "程序规定第二十八条、行政处罚法第二十八条：责令限期改正",
                "程序规定 28, 行政处罚法 28: the term of the order",
            ),
            Self::HearingRequest => (
                "程序规定第四十三条、第四十四条，行政处罚法第六十三条、第六十四条：告知后5个工作日内提出",
                "程序规定 43, 44, 行政处罚法 63, 64: within 5 working days after being told",
            ),
            Self::HearingNotice => (
                "程序规定第四十三条至第四十六条、行政处罚法第六十四条：举行听证7个工作日前通知",
                "程序规定 43-46, 行政处罚法 64: called 7 working days before",
            ),
            Self::Decide => (
                "行政处罚法第六十条、程序规定第四十二条：立案之日起90日，可延长60日、再延长30日；\
                 听证、鉴定、公告、协助调查时间不计入",
                "行政处罚法 60, 程序规定 42: 90 days from the opening, 60 and 30 more; hearing, \
                 appraisal, publication and assistance do not count",
            ),
            Self::Serve => (
                "行政处罚法第六十一条，程序规定第五十三条、第五十七条、第五十八条：\
                 当场交付，否则7个工作日内送达",
                "行政处罚法 61, 程序规定 53, 57, 58: on the spot, else within 7 working days",
            ),
            Self::PublicService => (
                "程序规定第五十三条、第五十七条、第五十八条：公告之日起30日",
                "程序规定 53, 57, 58: 30 days from the announcement",
            ),
            Self::CrimeDecision => (
                "行政执法机关移送涉嫌犯罪案件的规定第五条：自接到报告之日起3日内",
                "国令310 5: within 3 days of the report",
            ),
            Self::CrimeTransfer => (
                "行政执法机关移送涉嫌犯罪案件的规定第五条：批准后24小时内",
                "国令310 5: within 24 hours of the decision",
            ),
            Self::Reconsideration => (
                "行政执法机关移送涉嫌犯罪案件的规定第九条：自接到不予立案通知书之日起3日内",
                "国令310 9: within 3 days of the refusal",
            ),
            Self::Preservation => (
                "程序规定第三十三条、行政处罚法第五十六条：7个工作日内作出处理决定；\
                 情况紧急的，24小时内报告",
                "程序规定 33, 行政处罚法 56: decided within 7 working days; reported within 24 \
                 hours where it was urgent",
            ),
        };
        read_whole(zh, en)
    }
}

/// One term of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CaseClock {
    pub due: Due,
    pub whose: Whose,
    pub deadline: Deadline,
    /// Its day is over; of the hearing: it is called for an earlier day.
    pub late: bool,
    pub provision: Provision,
}

impl PenaltyCase {
    /// Every term that runs on `today`, the earliest first.
    pub fn clocks(&self, calendar: &Calendar, today: Date) -> Vec<CaseClock> {
        let mut running = Vec::new();
        if self.closed_on.is_none() {
            let simple = [
                (Due::OpenCase, self.opening(calendar)),
                (Due::Correct, self.correction()),
                (Due::HearingRequest, self.hearing_request(calendar)),
                (Due::Decide, self.decision()),
                (Due::Serve, self.service(calendar)),
                (Due::PublicService, self.public_service()),
                (Due::CrimeDecision, self.crime("crime_reported", "crime_decided")),
                (Due::CrimeTransfer, self.crime("crime_decided", "crime_transferred")),
                (Due::Reconsideration, self.reconsideration()),
                (Due::Preservation, self.preservation(calendar)),
            ];
            for (due, deadline) in simple {
                let Some(deadline) = deadline else { continue };
                running.push(clock(due, deadline, today > deadline.on));
            }
            running.extend(self.hearing_notice(calendar));
        }
        running.sort_by_key(|c| c.deadline.on);
        running
    }

    fn opening(&self, calendar: &Calendar) -> Option<Deadline> {
        let from = self.on_site_on.filter(|_| self.opened_on.is_none())?;
        let more = if self.last("opening_extended").is_some() { OPENING_DAYS } else { 0 };
        Some(calendar.add_working_days(from, OPENING_DAYS + more))
    }

    fn correction(&self) -> Option<Deadline> {
        let ordered = self.last("correction_ordered")?;
        let Entry::CorrectionOrdered { until } = ordered.entry else { return None };
        let checked = self.last("correction_checked").is_some_and(|c| c.id > ordered.id);
        (!checked).then_some(Deadline { on: until, year_without_table: false })
    }

    fn hearing_request(&self, calendar: &Calendar) -> Option<Deadline> {
        let (told_on, _, offered) = self.told()?;
        let settled = ["hearing_requested", "hearing_waived", "decided"];
        if !offered || settled.iter().any(|code| self.since_told(code).is_some()) {
            return None;
        }
        Some(calendar.add_working_days(told_on, HEARING_REQUEST_DAYS))
    }

    fn hearing_notice(&self, calendar: &Calendar) -> Option<CaseClock> {
        let called = self.since_told("hearing_called")?;
        let Entry::HearingCalled { held_on } = called.entry else { return None };
        if self.since_told("hearing_held").is_some() {
            return None;
        }
        let earliest = calendar.add_working_days(called.on, HEARING_NOTICE_DAYS);
        Some(clock(Due::HearingNotice, earliest, held_on < earliest.on))
    }

    /// The ninetieth day after the opening, of those that count.
    fn decision(&self) -> Option<Deadline> {
        let opened = self.opened_on.filter(|_| self.last("decided").is_none())?;
        let more = [(Extension::Head, 60), (Extension::Discussion, 30)];
        let days = DECISION_DAYS
            + more.iter().filter(|(e, _)| self.extended(*e)).map(|(_, d)| d).sum::<u32>();
        let excluded = self.excluded_days();
        let (mut on, mut left) = (opened, days);
        while left > 0 {
            let Ok(next) = on.tomorrow() else { break };
            on = next;
            left -= u32::from(!excluded.contains(&on));
        }
        Some(Deadline { on, year_without_table: false })
    }

    /// A term that is over is not made longer; the second time people discuss it first.
    pub(super) fn decision_extended(&self, on: Date, wanted: Extension) -> Result<(), Refusal> {
        let has = |extension| self.extended(extension);
        if has(wanted) {
            return Err(Refusal::Twice);
        }
        if wanted == Extension::Discussion {
            if !has(Extension::Head) {
                return Err(Refusal::ExtensionOrder);
            }
            self.after("discussed", on)?;
        }
        match self.decision() {
            Some(term) if on > term.on => Err(Refusal::TermOver(term.on)),
            _ => Ok(()),
        }
    }

    /// The extension that a discussion was held for; what is discussed after it is another matter.
    pub(super) fn extension_discussed(&self) -> i64 {
        let by_discussion = |r: &&Recorded| {
            matches!(r.entry, Entry::DecisionExtended { extension: Extension::Discussion, .. })
        };
        self.standing().find(by_discussion).map_or(0, |r| r.id)
    }

    fn extended(&self, wanted: Extension) -> bool {
        self.standing().any(
            |r| matches!(r.entry, Entry::DecisionExtended { extension, .. } if extension == wanted),
        )
    }

    /// Each day once, however many intervals hold it.
    fn excluded_days(&self) -> BTreeSet<Date> {
        let mut days = BTreeSet::new();
        for r in self.standing() {
            let Entry::Excluded { from, to, .. } = r.entry else { continue };
            days.extend(from.series(jiff::Span::new().days(1)).take_while(|day| *day <= to));
        }
        days
    }

    fn service(&self, calendar: &Calendar) -> Option<Deadline> {
        let decided = self.last("decided")?;
        if self.served(ServedPaper::Decision).is_some() {
            return None;
        }
        Some(calendar.add_working_days(decided.on, SERVICE_DAYS))
    }

    pub(super) fn public_service(&self) -> Option<Deadline> {
        let (served, way) = self.served(ServedPaper::Decision)?;
        (way == ServiceWay::PublicNotice).then(|| Calendar::add_days(served.on, PUBLIC_NOTICE_DAYS))
    }

    /// The last act of this kind that no later one of the other answered.
    fn unanswered(&self, act: &str, answer: &str) -> Option<&Recorded> {
        let begun = self.last(act)?;
        self.last(answer).is_none_or(|done| done.id < begun.id).then_some(begun)
    }

    fn reconsideration(&self) -> Option<Deadline> {
        let refused = self.unanswered("police_refused", "reconsideration_asked")?;
        Some(Calendar::add_days(refused.on, RECONSIDERATION_DAYS))
    }

    fn preservation(&self, calendar: &Calendar) -> Option<Deadline> {
        let preserved = self.unanswered("preserved", "preservation_decided")?;
        Some(calendar.add_working_days(preserved.on, PRESERVATION_DAYS))
    }

    fn crime(&self, from: &str, until: &str) -> Option<Deadline> {
        let begun = self.unanswered(from, until)?;
        let days = match begun.entry {
            Entry::CrimeDecided { transfer: false, .. } => return None,
            Entry::CrimeDecided { .. } => CRIME_TRANSFER_DAYS,
            _ => CRIME_DECISION_DAYS,
        };
        Some(Calendar::add_days(begun.on, days))
    }
}

fn clock(due: Due, deadline: Deadline, late: bool) -> CaseClock {
    CaseClock { due, whose: due.whose(), deadline, late, provision: due.provision() }
}
