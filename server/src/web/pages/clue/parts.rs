//! A clue's parts as its page shows them: facts, rooms, steps and what the reader may do, in words.
//! It draws no page and changes nothing.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::access::{Right, Role, Who, partner_scope};
use crate::alert::{AlertState, Reason};
use crate::app::App;
use crate::calendar::Calendar;
use crate::clue::{Agency, Anonymity, IntakeState, RejectReason};
use crate::corroborate::{CorroborationResult, RoomAnswer, Why};
use crate::problem::Problem;
use crate::store::{Clue, MergedClue};
use crate::text::Listed as _;
use crate::web::pages::clues::place_of;
use crate::web::view::names::{Label, Names};
use crate::web::view::scope_tree;
use crate::web::view::times::local;
use crate::web::view::words::Lang;

/// What the reader may do with it, each a switch of the page.
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
pub(super) struct ClueActions {
    pub(super) step: bool,
    pub(super) ask_contact: bool,
    pub(super) intake: bool,
    pub(super) ask: bool,
    pub(super) unmerge: bool,
    pub(super) extend: bool,
    /// Whoever reported by name waits to be told.
    pub(super) tell: bool,
    pub(super) review: bool,
    pub(super) go: bool,
    pub(super) decide: bool,
    pub(super) close: bool,
}

impl ClueActions {
    pub(super) fn of(who: &Who, clue: &Clue) -> Self {
        let handling = &clue.handling;
        let stage = handling.case.as_ref().map(|case| case.state);
        let cases = who.may(Right::WorkCases);
        let named = clue.about.anonymity == Anonymity::Named;
        Self {
            step: who.may(Right::GiveVerdicts),
            ask_contact: who.is_one_of(&[Role::Supervisor]),
            intake: matches!(handling.intake, IntakeState::Received | IntakeState::AskedBack),
            ask: handling.intake == IntakeState::Received && clue.can_be_asked(),
            unmerge: handling.intake == IntakeState::Merged,
            extend: handling.awaits_decision() && handling.extended_on.is_none(),
            tell: named && handling.decided_on().is_some() && handling.told_on.is_none(),
            review: matches!(
                stage,
                Some(AlertState::Raised | AlertState::Review1 | AlertState::Review2)
            ),
            go: cases && stage == Some(AlertState::Lead),
            decide: cases && stage == Some(AlertState::OnSite),
            close: cases && matches!(stage, Some(AlertState::Case | AlertState::Unfounded)),
        }
    }
}

pub(super) struct RoomView {
    pub(super) name: Label,
    pub(super) room: String,
    pub(super) class: &'static str,
    pub(super) answer: &'static str,
    /// Words, and the alert that they name.
    pub(super) because: Vec<(String, Option<String>)>,
    pub(super) sessions: Vec<String>,
}

pub(super) struct StepView {
    pub(super) at: String,
    pub(super) by: String,
    pub(super) step: &'static str,
    pub(super) state: &'static str,
    pub(super) said: String,
    pub(super) note: String,
}

/// 办理期限 with the rule that gave it.
pub(super) fn due_words(a: &App, l: Lang, clue: &Clue) -> Result<String, Problem> {
    let Some(on) = &clue.due_on else { return Ok(String::new()) };
    let rule = clue.due_rule.map_or("", |rule| l.t(rule.zh(), rule.en()));
    let calendar = Calendar::new(a.store.workdays()?);
    let known = on.parse::<Date>().is_ok_and(|day| calendar.knows(day.year()));
    let weekends =
        l.t("（该年无节假日表，按周末推算）", " (no table of that year: weekends alone)");
    Ok(format!("{on} {rule}{}", if known { "" } else { weekends }))
}

pub(super) fn merged_view(it: &MergedClue) -> (String, i64, String) {
    (it.id.to_string(), it.number, it.received_on.clone())
}

/// Why people dismiss one; a box withdraws none.
pub(super) fn dismissals(l: Lang) -> Vec<(&'static str, &'static str)> {
    let of_people = Reason::ALL.into_iter().filter(|reason| *reason != Reason::Withdrawn);
    of_people.map(|reason| (reason.as_str(), l.reason(reason))).collect()
}

pub(super) fn proposal_words(l: Lang, it: &crate::clue::DisposalProposal) -> &'static str {
    use crate::clue::Disposal;
    match it.disposal {
        Disposal::NotOurs { agency } => l.t(agency.zh(), agency.en()),
        Disposal::Rejected { reason } => l.t(reason.zh(), reason.en()),
        Disposal::NothingFound => l.t("查无实据", "nothing found"),
    }
}

pub(super) fn facts(
    l: Lang,
    clue: &Clue,
    (names, people): (&BTreeMap<String, String>, &Names),
    due: &str,
) -> Vec<(&'static str, String)> {
    let about = &clue.about;
    let window = match (&about.from_at, &about.to_at) {
        (Some(from), Some(to)) => format!("{} – {}", local(from), local(to)),
        _ => l.t("未提供", "not given").to_owned(),
    };
    let vague = if about.window_vague { l.t("（大约）", " (about)") } else { "" };
    let kind = about.place.as_ref().map_or("", |p| l.t(p.kind.zh(), p.kind.en()));
    [
        (l.t("地点", "Place"), place_of(clue, names)),
        (l.t("场所类型", "Kind of place"), kind.to_owned()),
        (l.t("发生时段", "When"), format!("{window}{vague}")),
        (l.t("所称项目", "Item as called"), about.item_text.clone()),
        (l.t("署名方式", "Anonymity"), l.t(about.anonymity.zh(), about.anonymity.en()).to_owned()),
        (l.t("收到日期", "Received"), clue.received_on.clone()),
        (l.t("来源单号", "Sender's number"), clue.external_no.clone().unwrap_or_default()),
        (l.t("录入", "Typed or sent by"), by_words(l, people, &clue.posted_by)),
        (l.t("辖区", "Jurisdiction"), crate::divisions::words(&clue.jurisdiction)),
        (l.t("办理期限", "Due"), due.to_owned()),
        (
            l.t("内容已按期销毁", "Text destroyed by its term"),
            clue.gone_on.clone().unwrap_or_default(),
        ),
    ]
    .into_iter()
    .filter(|(_, value)| !value.trim().is_empty())
    .collect()
}

/// Whoever sent or stepped: a partner's program by its agency and district, a person by name.
fn by_words(l: Lang, people: &Names, by: &str) -> String {
    if partner_scope(by).is_some() {
        return scope_tree::words(l, Role::Partner, by, &scope_tree::InstitutionDivisions::new());
    }
    people.get(by).to_string()
}

pub(super) fn room_view(l: Lang, it: &RoomAnswer, rooms: &Names) -> RoomView {
    let because = it.because.iter().map(|why| match why {
        Why::Finding { rule, alert } => (l.rule(rule), Some(alert.clone())),
        Why::UnmatchedOperator { session, tracks } => {
            let words = l.t("操作区有未登记人员", "somebody unregistered in the operator's place");
            (format!("{words} · {session} · {tracks}"), None)
        }
        Why::LeadNotVerified { session } => {
            let words = l.t("登记的主诊医师未被确认在场", "the declared lead was not verified");
            (format!("{words} · {session}"), None)
        }
    });
    RoomView {
        name: rooms.get(&it.room),
        room: it.room.clone(),
        class: match it.answer {
            CorroborationResult::Fits => "bad",
            CorroborationResult::NothingLike => "ok",
            _ => "warn",
        },
        answer: l.t(it.answer.zh(), it.answer.en()),
        because: because.collect(),
        sessions: it.sessions.clone(),
    }
}

pub(super) fn step_view(l: Lang, it: &crate::store::ClueStep, people: &Names) -> StepView {
    let (zh, en) = match it.step.as_str() {
        "received" => ("收到", "received"),
        "accept" => ("受理", "accepted"),
        "ask" => ("请反映人补充", "asked back"),
        "answered" => ("反映人已补充", "answered"),
        "not_ours" => ("认为应移送", "for a hand-over"),
        "reject" => ("认为不予受理", "for refusal"),
        "merge" => ("并案", "merged"),
        "joined" => ("并入另一举报，此前的意见作废", "took another in: earlier words fall"),
        "same_text" => ("与另一举报文字相同，请核对是否并案", "same text as another: merge?"),
        "unmerge" => ("撤销并案", "merge undone"),
        "extend" => ("延长核查期限", "verification extended"),
        "told" => ("已告知反映人", "reporter told"),
        "link" => ("关联线索", "lead linked"),
        "replay" => ("请设备重放", "boxes asked to replay"),
        "take" => ("开始审核", "taken"),
        "uphold" => ("认为成立", "upheld"),
        "dismiss" => ("认为应排除", "for dismissal"),
        "go_on_site" => ("转现场核查", "sent on site"),
        "found" => ("立案", "case opened"),
        "nothing_found" => ("认为查无实据", "for nothing found"),
        "close" => ("办结", "closed"),
        _ => ("备注", "comment"),
    };
    StepView {
        at: local(&it.at),
        by: if it.by.is_empty() {
            l.t("反映人", "reporter").to_owned()
        } else {
            by_words(l, people, &it.by)
        },
        step: l.t(zh, en),
        state: l.clue_stage(&it.state_after),
        said: said_words(l, it),
        note: it.note.clone(),
    }
}

/// What a step said, its closed lists in the reader's words.
fn said_words(l: Lang, it: &crate::store::ClueStep) -> String {
    let word = match it.step.as_str() {
        "not_ours" => Agency::of_word(&it.said).map(|a| l.t(a.zh(), a.en())),
        "reject" => {
            let found = RejectReason::ALL.iter().find(|r| r.as_str() == it.said);
            found.map(|r| l.t(r.zh(), r.en()))
        }
        "dismiss" => Reason::parse(&it.said).map(|reason| l.reason(reason)),
        // The clue that goes on is linked beside the record.
        "merge" | "replay" => Some(""),
        _ => None,
    };
    word.map_or_else(|| it.said.clone(), str::to_owned)
}
