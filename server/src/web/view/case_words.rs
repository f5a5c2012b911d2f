//! What an entry of a case says, in one line for its page and its papers.

use super::words::Lang;
use crate::penalty_case::{Cause, Entry, Extension, Penalty, PenaltyKind, ServedPaper};

pub(in crate::web) fn penalties(l: Lang, all: &[Penalty]) -> String {
    let one = |p: &Penalty| match p.kind {
        PenaltyKind::Fine => {
            format!("{}{}{}", l.t("罚款人民币", "fine of "), p.amount_yuan, l.t("元", " yuan"))
        }
        kind => l.t(kind.zh(), kind.en()).to_owned(),
    };
    all.iter().map(one).collect::<Vec<_>>().join(l.t("、", ", "))
}

pub(in crate::web) fn said(l: Lang, entry: &Entry) -> String {
    let yes = |it: bool| l.t(if it { "是" } else { "否" }, if it { "yes" } else { "no" });
    let approved = |by: &str| format!("{} {by}", l.t("批准人", "approved by"));
    match entry {
        Entry::OpeningExtended { approved_by } => approved(approved_by),
        Entry::Officers { officers } => officers
            .iter()
            .map(|o| format!("{}（{}）", o.name, o.certificate))
            .collect::<Vec<_>>()
            .join("、"),
        Entry::CorrectionOrdered { until } => format!("{} {until}", l.t("期限", "by")),
        Entry::CorrectionChecked { corrected } => {
            format!("{}：{}", l.t("已改正", "corrected"), yes(*corrected))
        }
        Entry::Excluded { cause, from, to } => format!("{} {from} – {to}", cause_words(l, *cause)),
        Entry::DecisionExtended { extension, approved_by } => {
            let more = match extension {
                Extension::Head => l.t("延长60日", "60 days more"),
                Extension::Discussion => l.t("再延长30日", "30 days more"),
            };
            format!("{more}，{}", approved(approved_by))
        }
        Entry::Notified { penalties: told, hearing_offered } => format!(
            "{}；{}：{}",
            penalties(l, told),
            l.t("告知听证权利", "hearing offered"),
            yes(*hearing_offered)
        ),
        Entry::HearingCalled { held_on } => {
            format!("{} {held_on}", l.t("听证日期", "to be held on"))
        }
        Entry::LegallyReviewed { reviewer, agreed } => {
            format!("{reviewer}；{}：{}", l.t("通过", "agreed"), yes(*agreed))
        }
        Entry::Discussed { participants, conclusion } => {
            format!("{}；{conclusion}", participants.join("、"))
        }
        Entry::Decided { outcome, number, penalties: decided, approved_by, simple } => {
            let all = penalties(l, decided);
            let spot = if *simple { l.t("（简易程序）", " (on the spot)") } else { "" };
            format!("{}{spot} {number} {all}；{}", outcome.zh(), approved(approved_by))
        }
        Entry::PartyNamed { name, person } => match person {
            Some(person) => format!("{name}（{person}）"),
            None => name.clone(),
        },
        Entry::Served { paper, way, .. } => format!("{} {}", paper_words(l, *paper), way.zh()),
        Entry::CrimeDecided { transfer, approved_by } => format!(
            "{}：{}；{}",
            l.t("批准移送", "transfer"),
            yes(*transfer),
            approved(approved_by)
        ),
        Entry::Stated { text }
        | Entry::CrimeTransferred { to: text }
        | Entry::PoliceRefused { why: text }
        | Entry::HarmFound { text }
        | Entry::Published { at: text }
        | Entry::NotPublished { why: text }
        | Entry::Quashed { why: text }
        | Entry::PreservationDecided { measure: text } => text.clone(),
        Entry::Preserved { items, approved_by } => format!("{items}；{}", approved(approved_by)),
        Entry::Struck { id, why } => format!("{} {id}：{why}", l.t("更正记录", "strikes")),
        Entry::HearingRequested {}
        | Entry::HearingWaived {}
        | Entry::HearingHeld {}
        | Entry::SimpleReported {}
        | Entry::PublicationWithdrawn {}
        | Entry::ReconsiderationAsked {}
        | Entry::CrimeReported {} => String::new(),
    }
}

fn paper_words(l: Lang, paper: ServedPaper) -> &'static str {
    match paper {
        ServedPaper::Notice => l.t("告知书", "notice"),
        ServedPaper::Decision => l.t("决定书", "decision"),
    }
}

fn cause_words(l: Lang, cause: Cause) -> &'static str {
    match cause {
        Cause::Hearing => l.t("听证", "hearing"),
        Cause::Appraisal => l.t("鉴定", "appraisal"),
        Cause::PublicNotice => l.t("公告", "public notice"),
        Cause::Assistance => l.t("协助调查", "assistance"),
    }
}
