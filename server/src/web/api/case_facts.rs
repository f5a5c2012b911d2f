//! What a case knows for its documents: names out of the registry, acts out of its entries, basis
//! and penalty out of the law table, each article with its mark. Reads; decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use law::{Against, Matter};
use protocol::names::PartName;
use protocol::up::Step;

use super::alerts::whole;
use crate::access::Who;
use crate::alert_view::{FindingSeen, WholeForAuthority, words_for_clinic};
use crate::app::App;
use crate::case_document::{CaseFact, CaseFacts, DocumentKind};
use crate::clock::today;
use crate::legal;
use crate::model::{Institution, Name};
use crate::penalty_case::{
    CaseEntry, INSTITUTION, Party, Penalty, PenaltyCase, Provision, ServedPaper,
};
use crate::problem::Problem;
use crate::store::Alert;
use crate::text::id_replaced;
use crate::web::view::alert_facts::cited;
use crate::web::view::case_words::penalties;
use crate::web::view::law_words::{against, in_force};
use crate::web::view::times::dated;
use crate::web::view::words::Lang;

/// Findings that a document tells of.
const FINDINGS: i64 = 20;

/// What a document of this party says. Blocking.
pub(in crate::web) fn facts(
    a: &App,
    who: &Who,
    alert: &Alert,
    kind: DocumentKind,
    party: &Party,
) -> Result<CaseFacts, Problem> {
    let mut whole = whole(a, who, alert, FINDINGS)?;
    // What a box took back is held against nobody.
    whole.alert.findings.retain(|f| f.report.step != Step::Withdrawn);
    let case = a.store.penalty_case(&alert.id)?.as_of(party.id);
    let mut facts = CaseFacts::new();
    let mut add = |fact: CaseFact, value: String| {
        if !value.is_empty() {
            facts.insert(fact, value);
        }
    };
    let institution = a.store.institution(&alert.institution)?;
    add(CaseFact::Authority, a.config.authority_name.clone().unwrap_or_default());
    add(CaseFact::CaseNumber, alert.case.case_number.clone().unwrap_or_default());
    match party.id {
        INSTITUTION => of_the_institution(institution, &mut add),
        _ => of_a_person(&mut whole, party, &mut add),
    }
    add(CaseFact::Room, alert.room.clone());
    add(CaseFact::Item, crate::web::view::alert_facts::item_name(a, alert)?);
    add(CaseFact::RaisedAt, dated(&alert.raised_at));
    if party.id == INSTITUTION {
        add(CaseFact::Persons, persons(a, &whole, None)?);
        add(CaseFact::DeclaredLead, persons(a, &whole, Some(&PartName::DeclaredLead))?);
        let answers = whole.steps.iter().filter(|s| s.step == "answer").map(|s| s.note.as_str());
        add(CaseFact::Answer, answers.collect::<Vec<_>>().join("；"));
    }
    add(CaseFact::Today, zh_day(today()));
    said(&whole, (kind, party), &names(a, &whole)?, &mut add);
    acts(&case, &mut add);
    steps(&legal::table(&a.store)?, &case, &mut add);
    Ok(facts)
}

/// The institution as a party.
fn of_the_institution(institution: Option<Institution>, add: &mut impl FnMut(CaseFact, String)) {
    let code = institution.as_ref().and_then(|i| i.code.clone()).unwrap_or_default();
    add(
        CaseFact::PartyAddress,
        institution.as_ref().and_then(|i| i.address.clone()).unwrap_or_default(),
    );
    add(CaseFact::Party, institution.map(|i| i.name).unwrap_or_default());
    let shown = if code.is_empty() { TO_FILL_IN } else { code.as_str() };
    add(CaseFact::PartyId, format!("统一社会信用代码：{shown}"));
    add(CaseFact::PartyCode, code);
    add(CaseFact::You, "你单位".to_owned());
}

/// A person as a party: what is said to them is what names them, and no word of anybody else.
fn of_a_person(
    whole: &mut WholeForAuthority,
    party: &Party,
    add: &mut impl FnMut(CaseFact, String),
) {
    if let Some(person) = &party.person {
        let names =
            |f: &FindingSeen| f.report.persons.iter().any(|p| p.person.as_str() == person.as_str());
        whole.alert.findings.retain(names);
    }
    add(CaseFact::Party, party.name.clone());
    add(CaseFact::PartyId, format!("居民身份证号码：{TO_FILL_IN}"));
    add(CaseFact::You, "你".to_owned());
}

/// Where an officer writes by hand.
const TO_FILL_IN: &str = "＿＿＿＿＿＿";

/// The articles of the procedure out of the law table, each with its mark.
fn steps(table: &law::Table, case: &PenaltyCase, add: &mut impl FnMut(CaseFact, String)) {
    let said = |matter: Matter| cited(Lang::Zh, &Provision::of(table, matter, None, today()));
    for (fact, matter) in [
        (CaseFact::OpeningBasis, Matter::Opening),
        (CaseFact::InvestigationBasis, Matter::Investigation),
        (CaseFact::CorrectionBasis, Matter::Correction),
        (CaseFact::NoticeBasis, Matter::Notice),
        (CaseFact::StatementBasis, Matter::Statement),
        (CaseFact::HearingBasis, Matter::Hearing),
        (CaseFact::AppealBasis, Matter::Appeal),
        (CaseFact::ClosingBasis, Matter::Closing),
    ] {
        add(fact, said(matter));
    }
    if case.is_decided_on_the_spot() {
        add(CaseFact::SimpleNote, format!("（适用简易程序当场作出：{}）", said(Matter::Simple)));
    }
}

/// What every paper of this alert says of its evidence, whatever its text says. Blocking.
pub(in crate::web) fn notices(a: &App, alert: &Alert) -> Result<Vec<String>, Problem> {
    let findings = a.store.worst_findings(&alert.id, FINDINGS)?;
    let standing = legal::standing(&a.store, alert, findings.iter().map(|f| &f.report))?;
    Ok(vec![standing.notice_zh].into_iter().filter(|n| !n.is_empty()).collect())
}

/// Names with ids and parts beside, each person once: of everybody, or of one part.
fn persons(a: &App, whole: &WholeForAuthority, only: Option<&PartName>) -> Result<String, Problem> {
    let mut parts: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for p in whole.alert.findings.iter().flat_map(|f| &f.report.persons) {
        if only.is_none_or(|part| *part == p.part) {
            let part = Lang::Zh.part(&p.part);
            parts.entry(p.person.to_string()).or_default().insert(part);
        }
    }
    let ids: Vec<String> = parts.keys().cloned().collect();
    crate::web::request::deed::persons(&ids);
    let names = a.store.names_of(&ids)?;
    let one = |(id, parts): (&String, &BTreeSet<&str>)| {
        let parts = parts.iter().copied().collect::<Vec<_>>().join("、");
        match names.get(id) {
            Some(name) => format!("{}（{id}，{parts}）", name.0),
            None => format!("{id}（{parts}）"),
        }
    };
    Ok(parts.iter().map(one).collect::<Vec<_>>().join("、"))
}

/// Names of whoever the findings name, by id.
fn names(a: &App, whole: &WholeForAuthority) -> Result<BTreeMap<String, Name>, Problem> {
    let persons = whole.alert.findings.iter().flat_map(|f| &f.report.persons);
    let ids: BTreeSet<String> = persons.map(|p| p.person.to_string()).collect();
    Ok(a.store.names_of(&ids.into_iter().collect::<Vec<_>>())?)
}

/// The findings' words, the articles with their marks, the clinic's answers. Outside this house an
/// id says nothing: the words have names.
fn said(
    whole: &WholeForAuthority,
    (kind, party): (DocumentKind, &Party),
    names: &BTreeMap<String, Name>,
    add: &mut impl FnMut(CaseFact, String),
) {
    let (mut words, mut basis, mut penalty) = (Vec::new(), Vec::new(), Vec::new());
    for finding in &whole.alert.findings {
        let (rule, words_of) = (&finding.report.rule, finding.report.explanation.clone());
        // The party learns of no other institution.
        let told =
            if kind.is_for_the_party() { words_for_clinic(rule, words_of) } else { words_of };
        // What is handed to a person names nobody else.
        let own = |id: &str| party.id == INSTITUTION || party.person.as_deref() == Some(id);
        let named = |id: &str, name: &Name| {
            if own(id) || !kind.is_for_the_party() {
                name.0.clone()
            } else {
                "另一名人员".to_owned()
            }
        };
        let words_zh =
            names.iter().fold(told.zh, |text, (id, name)| id_replaced(&text, id, &named(id, name)));
        once(&mut words, format!("（{rule}）{words_zh}"));
        let Some(legal) = &finding.legal else { continue };
        let cited = |c: &law::Cited| {
            let (edition, in_force) = (&c.edition, in_force(Lang::Zh, &c.in_force));
            let whom = c.against.map_or("", |whom| against(Lang::Zh, whom));
            let whom = if whom.is_empty() { String::new() } else { format!("，对{whom}") };
            format!("{}{}（{edition}，{in_force}，{}{whom}）", c.law, c.article, c.mark.zh())
        };
        for it in &legal.basis {
            once(&mut basis, cited(it));
        }
        // The institution's penalties are not a person's, nor a person's the institution's.
        for it in legal.penalties.iter().filter(|it| meets(it.against, party)) {
            once(&mut penalty, cited(it));
        }
        if !legal.none_zh.is_empty() {
            once(&mut basis, legal.none_zh.clone());
        }
    }
    add(CaseFact::Findings, words.join("\n"));
    add(CaseFact::Basis, basis.join("\n"));
    add(CaseFact::PenaltyBasis, penalty.join("\n"));
}

/// Whether a penalty may meet this party.
fn meets(whom: Option<Against>, party: &Party) -> bool {
    match whom {
        Some(Against::Institution) => party.id == INSTITUTION,
        Some(Against::Person) => party.id != INSTITUTION,
        Some(Against::Either) | None => true,
    }
}

fn once(list: &mut Vec<String>, line: String) {
    if !list.contains(&line) {
        list.push(line);
    }
}

/// What officers entered; struck entries do not count.
fn acts(case: &PenaltyCase, add: &mut impl FnMut(CaseFact, String)) {
    let officers = case.officers().iter().map(|o| format!("{}（{}）", o.name, o.certificate));
    add(CaseFact::Officers, officers.collect::<Vec<_>>().join("、"));
    add(CaseFact::OnSiteOn, case.on_site_on.map(zh_day).unwrap_or_default());
    add(CaseFact::OpenedOn, case.opened_on.map(zh_day).unwrap_or_default());
    if let Some((on, told, offered)) = case.told() {
        add(CaseFact::ToldOn, zh_day(on));
        add(CaseFact::ToldPenalties, penalties(Lang::Zh, told));
        add(CaseFact::Hearing, hearing(case, offered).to_owned());
    }
    let mut statements = Vec::new();
    for recorded in case.standing() {
        match &recorded.entry {
            CaseEntry::CorrectionOrdered { until } => add(CaseFact::CorrectBy, zh_day(*until)),
            CaseEntry::CorrectionChecked { corrected } => {
                let word = if *corrected { "已改正" } else { "未改正" };
                add(CaseFact::Corrected, format!("{}复查：{word}", zh_day(recorded.on)));
            }
            CaseEntry::Stated { text } => statements.push(text.clone()),
            CaseEntry::LegallyReviewed { reviewer, agreed } => {
                let word = if *agreed { "通过" } else { "未通过" };
                add(CaseFact::LegalReview, format!("{}，{reviewer}：{word}", zh_day(recorded.on)));
            }
            CaseEntry::Discussed { participants, conclusion } => {
                let (on, who) = (zh_day(recorded.on), participants.join("、"));
                add(CaseFact::Discussion, format!("{on}，{who}：{conclusion}"));
            }
            CaseEntry::Decided { outcome, number, penalties: decided, approved_by, .. } => {
                add(CaseFact::Outcome, outcome.zh().to_owned());
                add(CaseFact::DecisionNumber, number.clone());
                add(CaseFact::DecidedOn, zh_day(recorded.on));
                add(CaseFact::DecidedPenalties, decided_words(decided));
                add(CaseFact::ApprovedBy, approved_by.clone());
            }
            _ => {}
        }
    }
    add(CaseFact::Statements, statements.join("；"));
    if let Some((served, way)) = case.served(ServedPaper::Decision) {
        add(CaseFact::ServedOn, zh_day(served.on));
        add(CaseFact::ServedHow, way.zh().to_owned());
    }
}

/// A decision without a penalty says so; a blank would wait to be filled in.
fn decided_words(decided: &[Penalty]) -> String {
    if decided.is_empty() { "无处罚".to_owned() } else { penalties(Lang::Zh, decided) }
}

fn hearing(case: &PenaltyCase, offered: bool) -> &'static str {
    let has = |code: &str| case.since_told(code).is_some();
    match () {
        () if !offered => "不适用",
        () if has("hearing_held") => "已举行听证",
        () if case.hearing_is_owed() => "当事人已要求听证",
        () if has("hearing_waived") => "当事人放弃听证",
        () => "已告知听证权利",
    }
}

fn zh_day(day: jiff::civil::Date) -> String {
    format!("{}年{}月{}日", day.year(), day.month(), day.day())
}
