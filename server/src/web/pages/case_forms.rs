//! The forms by which officers enter the acts of a case: which fields each has, and the entry that
//! was typed.

mod typed;

use super::forms::Given;
use crate::penalty_case::{PenaltyKind, words};
use crate::web::view::words::Lang;
pub(super) use typed::{day, officers, party, read};

/// How a field is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CaseFieldKind {
    Text,
    /// May be left out.
    Maybe,
    Area,
    Day,
    Number,
    Yes,
    Choice,
}

pub(super) struct FieldView {
    pub(super) name: String,
    pub(super) label: String,
    kind: CaseFieldKind,
    pub(super) value: String,
    /// Code, words.
    pub(super) options: Vec<(String, String)>,
}

impl FieldView {
    // The template asks in words.
    pub(super) fn is(&self, kind: &str) -> bool {
        kind == match self.kind {
            CaseFieldKind::Text => "text",
            CaseFieldKind::Maybe => "maybe",
            CaseFieldKind::Area => "area",
            CaseFieldKind::Day => "day",
            CaseFieldKind::Number => "number",
            CaseFieldKind::Yes => "yes",
            CaseFieldKind::Choice => "choice",
        }
    }
}

/// One act that may be entered.
pub(super) struct FormView {
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) fields: Vec<FieldView>,
    /// It was sent and refused: it stays open.
    pub(super) open: bool,
}

/// Acts before the decision, in the order of the procedure.
const BEFORE: [&str; 20] = [
    "officers",
    "party_named",
    "harm_found",
    "preserved",
    "preservation_decided",
    "correction_ordered",
    "correction_checked",
    "notified",
    "stated",
    "hearing_requested",
    "hearing_waived",
    "hearing_called",
    "hearing_held",
    "legally_reviewed",
    "discussed",
    "excluded",
    "decision_extended",
    "decided",
    "served",
    "struck",
];
const AFTER: [&str; 6] = [
    "served",
    "simple_reported",
    "published",
    "not_published",
    "correction_checked",
    "preservation_decided",
];
/// Also when the case is closed.
const ALWAYS: [&str; 4] = ["published", "not_published", "quashed", "publication_withdrawn"];
const CRIME: [&str; 5] = [
    "crime_reported",
    "crime_decided",
    "crime_transferred",
    "police_refused",
    "reconsideration_asked",
];

/// How far a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Acts {
    BeforeOpening,
    /// Some party waits for its decision.
    Open,
    /// Every party is decided upon.
    Decided,
    Closed,
}

/// The acts that a case may take now.
pub(super) fn codes(acts: Acts, decided: bool) -> Vec<&'static str> {
    match acts {
        Acts::BeforeOpening => vec!["opening_extended", "harm_found"],
        Acts::Open => {
            let more = AFTER.into_iter().filter(|code| decided && !BEFORE.contains(code));
            BEFORE.into_iter().chain(CRIME).chain(more).collect()
        }
        Acts::Decided => {
            let all = AFTER.into_iter().chain(["quashed", "publication_withdrawn", "party_named"]);
            all.chain(CRIME).chain(["struck"]).collect()
        }
        Acts::Closed => ALWAYS.to_vec(),
    }
}

/// Asks to whom an act is done, where a case has more than one party.
pub(super) fn party_field(l: Lang, parties: &[(i64, String)]) -> FieldView {
    let option = |(id, name): &(i64, String)| (id.to_string(), name.clone());
    let options = parties.iter().map(option).collect();
    FieldView { options, ..field(l, "party", "当事人", "Party", CaseFieldKind::Choice) }
}

/// Offers whom the findings name.
pub(super) fn person_field(l: Lang, persons: &[(String, String)]) -> FieldView {
    let nobody = (String::new(), l.t("不在登记中", "not registered").to_owned());
    let options = persons.iter().cloned().chain([nobody]).collect();
    FieldView {
        options,
        ..field(l, "person", "登记人员", "Registered person", CaseFieldKind::Choice)
    }
}

pub(super) fn form(l: Lang, code: &'static str, given: Option<&Given>) -> FormView {
    let sent = given.filter(|g| g.text("kind") == code);
    let mut fields = fields(l, code);
    if let Some(given) = sent {
        for field in &mut fields {
            given.text(&field.name).clone_into(&mut field.value);
        }
    }
    FormView { code, title: l.t(words::zh(code), words::en(code)), fields, open: sent.is_some() }
}

const OUTCOMES: [(&str, &str, &str); 4] = [
    ("punished", "予以行政处罚", "penalty"),
    ("not_punished", "不予行政处罚", "no penalty"),
    ("not_established", "违法事实不能成立", "not established"),
    ("transferred", "移送", "transferred"),
];
const CAUSES: [(&str, &str, &str); 4] = [
    ("hearing", "听证", "hearing"),
    ("appraisal", "鉴定", "appraisal"),
    ("public_notice", "公告", "public notice"),
    ("assistance", "协助调查", "assistance"),
];
const EXTENSIONS: [(&str, &str, &str); 2] = [
    ("head", "负责人批准延长60日", "60 days, by the head"),
    ("discussion", "集体讨论再延长30日", "30 days more, by discussion"),
];
const PAPERS: [(&str, &str, &str); 2] =
    [("decision", "决定书", "decision"), ("notice", "告知书", "notice")];
const WAYS: [(&str, &str, &str); 5] = [
    ("direct", "直接送达", "directly"),
    ("left", "留置送达", "left"),
    ("mail", "邮寄送达", "by mail"),
    ("electronic", "电子送达", "electronically"),
    ("public_notice", "公告送达", "by public notice"),
];

fn field(l: Lang, name: &str, zh: &str, en: &str, kind: CaseFieldKind) -> FieldView {
    FieldView {
        name: name.to_owned(),
        label: l.t(zh, en).to_owned(),
        kind,
        value: String::new(),
        options: Vec::new(),
    }
}

fn choice(
    l: Lang,
    (name, zh, en): (&str, &str, &str),
    options: &[(&str, &str, &str)],
) -> FieldView {
    let option = |(code, zh, en): &(&str, &str, &str)| ((*code).to_owned(), l.t(zh, en).to_owned());
    let options = options.iter().map(option).collect();
    FieldView { options, ..field(l, name, zh, en, CaseFieldKind::Choice) }
}

pub(super) fn officer_fields(l: Lang) -> Vec<FieldView> {
    let mut fields = Vec::new();
    for n in 1..=2 {
        fields.push(field(
            l,
            &format!("officer_{n}"),
            &format!("承办人{n}姓名"),
            &format!("Officer {n}"),
            CaseFieldKind::Text,
        ));
        fields.push(field(
            l,
            &format!("certificate_{n}"),
            &format!("承办人{n}执法证号"),
            &format!("Certificate {n}"),
            CaseFieldKind::Text,
        ));
    }
    fields
}

fn penalty_fields(l: Lang) -> Vec<FieldView> {
    let tick = |k: PenaltyKind| {
        field(l, &format!("penalty_{}", k.code()), k.zh(), k.en(), CaseFieldKind::Yes)
    };
    let mut fields: Vec<FieldView> = PenaltyKind::ALL.into_iter().map(tick).collect();
    fields.push(field(l, "amount_yuan", "罚款金额（元）", "Fine, yuan", CaseFieldKind::Number));
    fields
}

fn fields(l: Lang, code: &str) -> Vec<FieldView> {
    let one = |name: &str, zh: &str, en: &str, kind| field(l, name, zh, en, kind);
    let approver = || one("approved_by", "批准的负责人", "Approved by", CaseFieldKind::Text);
    match code {
        "opening_extended" => vec![approver()],
        "officers" => officer_fields(l),
        "correction_ordered" => vec![one("until", "改正期限", "Correct by", CaseFieldKind::Day)],
        "correction_checked" => vec![one("corrected", "已改正", "Corrected", CaseFieldKind::Yes)],
        "excluded" => vec![
            choice(l, ("cause", "事由", "Cause"), &CAUSES),
            one("from", "自", "From", CaseFieldKind::Day),
            one("to", "至", "To", CaseFieldKind::Day),
        ],
        "decision_extended" => {
            vec![choice(l, ("extension", "延长", "Extension"), &EXTENSIONS), approver()]
        }
        "notified" => {
            let mut fields = penalty_fields(l);
            fields.push(one(
                "hearing_offered",
                "告知听证权利",
                "Hearing offered",
                CaseFieldKind::Yes,
            ));
            fields
        }
        "stated" => vec![one("text", "陈述申辩内容", "What the party said", CaseFieldKind::Area)],
        "hearing_called" => {
            vec![one("held_on", "听证日期", "Day of the hearing", CaseFieldKind::Day)]
        }
        "legally_reviewed" => vec![
            one("reviewer", "审核人", "Reviewer", CaseFieldKind::Text),
            one("agreed", "审核通过", "Agreed", CaseFieldKind::Yes),
        ],
        "discussed" => vec![
            one(
                "participants",
                "参加人（每行一人）",
                "Participants, one a line",
                CaseFieldKind::Area,
            ),
            one("conclusion", "讨论结论", "Conclusion", CaseFieldKind::Area),
        ],
        "decided" => {
            let mut fields = vec![
                choice(l, ("outcome", "决定", "Decision"), &OUTCOMES),
                one("number", "文号", "Number", CaseFieldKind::Text),
            ];
            fields.extend(penalty_fields(l));
            fields.push(one(
                "simple",
                "简易程序（当场处罚）",
                "On the spot (simple)",
                CaseFieldKind::Yes,
            ));
            fields.push(approver());
            fields
        }
        "party_named" => {
            vec![one(
                "name",
                "姓名（不在登记中时）",
                "Name, if not registered",
                CaseFieldKind::Maybe,
            )]
        }
        "harm_found" => vec![one("text", "危害后果", "What harm", CaseFieldKind::Area)],
        "published" => vec![one("at", "公示网站或者栏目", "Where", CaseFieldKind::Text)],
        "not_published" => vec![one("why", "不予公示的理由", "Why not", CaseFieldKind::Area)],
        "quashed" => {
            vec![one("why", "由何机关、为何撤销或者变更", "By whom, and why", CaseFieldKind::Area)]
        }
        "served" => vec![
            choice(l, ("paper", "文书", "Paper"), &PAPERS),
            choice(l, ("way", "方式", "Way"), &WAYS),
            one("agreed", "当事人已签同意书（电子送达）", "Signed agreement", CaseFieldKind::Yes),
        ],
        "crime_decided" => {
            vec![one("transfer", "批准移送", "Transfer", CaseFieldKind::Yes), approver()]
        }
        "crime_transferred" => vec![one("to", "接收机关", "To", CaseFieldKind::Text)],
        "police_refused" => vec![one("why", "不予立案的理由", "Why", CaseFieldKind::Area)],
        "preserved" => {
            vec![one("items", "保存的物品", "What was preserved", CaseFieldKind::Area), approver()]
        }
        "preservation_decided" => vec![one("measure", "处理决定", "Decision", CaseFieldKind::Area)],
        "struck" => vec![
            one("id", "原记录编号", "Entry number", CaseFieldKind::Number),
            one("why", "更正理由", "Why", CaseFieldKind::Area),
        ],
        _ => Vec::new(),
    }
}
