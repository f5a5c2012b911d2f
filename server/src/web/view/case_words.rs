//! What an entry of a case says, in one line for its page and its papers.

use super::words::Lang;
use crate::penalty_case::{
    CaseEntry, Extension, Penalty, PenaltyKind, ServedPaper, SuspensionCause,
};

pub(in crate::web) fn penalties(l: Lang, all: &[Penalty]) -> String {
    let one = |p: &Penalty| match p.kind {
        PenaltyKind::Fine => {
            format!("{}{}{}", l.t("罚款人民币", "fine of "), p.amount_yuan, l.t("元", " yuan"))
        }
        kind => l.t(kind.zh(), kind.en()).to_owned(),
    };
    all.iter().map(one).collect::<Vec<_>>().join(l.t("、", ", "))
}

pub(in crate::web) fn said(l: Lang, entry: &CaseEntry) -> String {
    let yes = |it: bool| l.t(if it { "是" } else { "否" }, if it { "yes" } else { "no" });
    let approved = |by: &str| format!("{} {by}", l.t("批准人", "approved by"));
    match entry {
        CaseEntry::OpeningExtended { approved_by } => approved(approved_by),
        CaseEntry::Officers { officers } => officers
            .iter()
            .map(|o| format!("{}（{}）", o.name, o.certificate))
            .collect::<Vec<_>>()
            .join("、"),
        CaseEntry::CorrectionOrdered { until } => format!("{} {until}", l.t("期限", "by")),
        CaseEntry::CorrectionChecked { corrected } => {
            format!("{}：{}", l.t("已改正", "corrected"), yes(*corrected))
        }
        CaseEntry::Excluded { cause, from, to } => {
            format!("{} {from} – {to}", cause_words(l, *cause))
        }
        CaseEntry::DecisionExtended { extension, approved_by } => {
            let more = match extension {
                Extension::Head => l.t("延长60日", "60 days more"),
                Extension::Discussion => l.t("再延长30日", "30 days more"),
            };
            format!("{more}，{}", approved(approved_by))
        }
        CaseEntry::Notified { penalties: told, hearing_offered } => format!(
            "{}；{}：{}",
            penalties(l, told),
            l.t("告知听证权利", "hearing offered"),
            yes(*hearing_offered)
        ),
        CaseEntry::HearingCalled { held_on } => {
            format!("{} {held_on}", l.t("听证日期", "to be held on"))
        }
        CaseEntry::LegallyReviewed { reviewer, agreed } => {
            format!("{reviewer}；{}：{}", l.t("通过", "agreed"), yes(*agreed))
        }
        CaseEntry::Discussed { participants, conclusion } => {
            format!("{}；{conclusion}", participants.join("、"))
        }
        CaseEntry::Decided { outcome, number, penalties: decided, approved_by, simple } => {
            let all = penalties(l, decided);
            let spot = if *simple { l.t("（简易程序）", " (on the spot)") } else { "" };
            format!("{}{spot} {number} {all}；{}", outcome.zh(), approved(approved_by))
        }
        CaseEntry::PartyNamed { name, person } => match person {
            Some(person) => format!("{name}（{person}）"),
            None => name.clone(),
        },
        CaseEntry::Served { paper, way, .. } => format!("{} {}", paper_words(l, *paper), way.zh()),
        CaseEntry::CrimeDecided { transfer, approved_by } => format!(
            "{}：{}；{}",
            l.t("批准移送", "transfer"),
            yes(*transfer),
            approved(approved_by)
        ),
        CaseEntry::Stated { text }
        | CaseEntry::CrimeTransferred { to: text }
        | CaseEntry::PoliceRefused { why: text }
        | CaseEntry::HarmFound { text }
        | CaseEntry::Published { at: text }
        | CaseEntry::NotPublished { why: text }
        | CaseEntry::Quashed { why: text }
        | CaseEntry::PreservationDecided { measure: text } => text.clone(),
        CaseEntry::Preserved { items, approved_by } => {
            format!("{items}；{}", approved(approved_by))
        }
        CaseEntry::Struck { id, why } => format!("{} {id}：{why}", l.t("更正记录", "strikes")),
        CaseEntry::HearingRequested {}
        | CaseEntry::HearingWaived {}
        | CaseEntry::HearingHeld {}
        | CaseEntry::SimpleReported {}
        | CaseEntry::PublicationWithdrawn {}
        | CaseEntry::ReconsiderationAsked {}
        | CaseEntry::CrimeReported {} => String::new(),
    }
}

fn paper_words(l: Lang, paper: ServedPaper) -> &'static str {
    match paper {
        ServedPaper::Notice => l.t("告知书", "notice"),
        ServedPaper::Decision => l.t("决定书", "decision"),
    }
}

fn cause_words(l: Lang, cause: SuspensionCause) -> &'static str {
    match cause {
        SuspensionCause::Hearing => l.t("听证", "hearing"),
        SuspensionCause::Appraisal => l.t("鉴定", "appraisal"),
        SuspensionCause::PublicNotice => l.t("公告", "public notice"),
        SuspensionCause::Assistance => l.t("协助调查", "assistance"),
    }
}
