//! What the law table says of an alert's findings, and whether their box was reviewed by 行政处罚法
//! 41. Reads the store and the table; decides nothing.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;
use jiff::civil::Date;
use law::{Category, Circumstances, Legal, Matter, RegistrationAtAct, Table};
use protocol::down::{PractitionerCategory, RegistrationStatus};
use protocol::id::DeviceId;
use protocol::names::RuleCode;
use protocol::up::{FindingKind, FindingReport};

use crate::monitoring_review::{Cite, Entered, ReviewStanding};
use crate::store::{Alert, Result, ReviewEntry, Store};
use crate::{act_time, clock};

/// The shipped table with everything that the authority's lawyer decided.
pub fn table(store: &Store) -> Result<Table> {
    Ok(Table::shipped().with(store.law_decisions()?))
}

/// Basis and penalty of a finding on the day of the act.
pub fn of(store: &Store, table: &Table, report: &FindingReport) -> Result<Option<Legal>> {
    let about = match (&report.rule, report.persons.first()) {
        (RuleCode::Ll4 | RuleCode::Nl3, Some(named)) => {
            store.practitioner(named.person.as_str())?
        }
        _ => None,
    };
    let circumstances = Circumstances {
        is_mismatch: report.kind == FindingKind::RecordMismatch,
        in_a_session: report.session.is_some(),
        registration: registration(report, about.as_ref().map(|p| p.registration)),
        about: about.and_then(|p| category(p.category)),
    };
    let matter = Matter::of_rule(report.rule.as_str(), circumstances);
    let mut legal = table.of(matter, act_day(report));
    if let Some(legal) = legal.as_mut().filter(|legal| legal.agreement) {
        let institution = store.institution(report.institution.as_str())?;
        name_clause(legal, institution.and_then(|i| i.agreement).as_deref());
    }
    Ok(legal)
}

/// How a registration stood when it happened. The registry holds today's state alone, so whether it
/// was in force goes by what the box cited then; which end it had, by the registry.
fn registration(report: &FindingReport, today: Option<RegistrationStatus>) -> RegistrationAtAct {
    let today = today.unwrap_or(RegistrationStatus::Valid);
    let cited = |article: &str| {
        report.candidate_basis.iter().any(|b| b.law == "医师法" && b.article == article)
    };
    let was_in_force = match (cited("第十三条第四款"), cited("第十四条第一款")) {
        (true, false) => false,
        (false, true) => true,
        _ => today == RegistrationStatus::Valid,
    };
    match today {
        _ if was_in_force => RegistrationAtAct::InForce,
        RegistrationStatus::Cancelled | RegistrationStatus::Revoked => RegistrationAtAct::Ended,
        _ => RegistrationAtAct::Unclear,
    }
}

/// Names the clause that the duty comes from, or says that the institution's record holds none.
fn name_clause(legal: &mut Legal, clause: Option<&str>) {
    let (zh, en) = match clause {
        Some(clause) => (format!("协议依据：{clause}"), format!("by agreement: {clause}")),
        None => (
            "机构记录中没有协议条款".to_owned(),
            "the institution's record holds no clause of an agreement".to_owned(),
        ),
    };
    let said = |none: &str, more: String, between: &str| match none {
        "" => more,
        none => format!("{none}{between}{more}"),
    };
    legal.none_zh = said(&legal.none_zh, zh, "；");
    legal.none_en = said(&legal.none_en, en, "; ");
}

/// How the box stood by 行政处罚法 41 on the day of the earliest of these acts.
pub fn standing<'a>(
    store: &Store,
    alert: &Alert,
    reports: impl IntoIterator<Item = &'a FindingReport>,
) -> Result<ReviewStanding> {
    let entries = entered(store, alert)?;
    Ok(stood(&entries, first_act(alert, reports), &Cite::of(&table(store)?)))
}

/// What was entered of the box of an alert, in its room; of no box nothing was.
fn entered(store: &Store, alert: &Alert) -> Result<Vec<ReviewEntry>> {
    let of = |device| store.monitoring_entries(device, &alert.room);
    alert.device.as_ref().map_or_else(|| Ok(Vec::new()), of)
}

/// How a box in a room stood by 行政处罚法 41 on a day, by everything that was entered of it.
pub fn standing_of(
    store: &Store,
    device: &DeviceId,
    room: &str,
    act: Date,
) -> Result<ReviewStanding> {
    let entries = store.monitoring_entries(device, room)?;
    Ok(stood(&entries, act, &Cite::of(&table(store)?)))
}

/// How the boxes of many alerts stood; what was entered of a box is read once.
#[derive(Debug, Default)]
pub struct Standings {
    entered: BTreeMap<(Option<DeviceId>, String), Vec<ReviewEntry>>,
    cite: Option<Cite>,
}

impl Standings {
    pub fn of(&mut self, store: &Store, alert: &Alert) -> Result<ReviewStanding> {
        let place = (alert.device.clone(), alert.room.clone());
        let cite = match &self.cite {
            Some(cite) => cite.clone(),
            None => self.cite.insert(Cite::of(&table(store)?)).clone(),
        };
        let entries = match self.entered.entry(place) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(entered(store, alert)?),
        };
        // Most boxes have none: then it is the same for every act.
        let findings = match entries.as_slice() {
            [] => Vec::new(),
            _ => store.worst_findings(&alert.id, FINDINGS)?,
        };
        Ok(stood(entries, first_act(alert, findings.iter().map(|f| &f.report)), &cite))
    }

    /// Whether one of them is a lead alone.
    pub fn any_is_lead_only<'a>(
        store: &Store,
        alerts: impl IntoIterator<Item = &'a Alert>,
    ) -> Result<bool> {
        let mut standings = Self::default();
        for alert in alerts {
            if !standings.of(store, alert)?.notice_zh.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Findings of one alert that are looked at for the day of its first act.
const FINDINGS: i64 = 200;

fn stood(entries: &[ReviewEntry], act: Date, cite: &Cite) -> ReviewStanding {
    let entered: Vec<Entered<'_>> = entries.iter().map(ReviewEntry::entered).collect();
    ReviewStanding::of(&entered, act, cite)
}

fn first_act<'a>(alert: &Alert, reports: impl IntoIterator<Item = &'a FindingReport>) -> Date {
    let first = reports.into_iter().filter_map(act_day).min();
    first.unwrap_or_else(|| alert.raised_at.date())
}

fn category(it: PractitionerCategory) -> Option<Category> {
    Some(match it {
        PractitionerCategory::LicensedPhysician => Category::LicensedPhysician,
        PractitionerCategory::AssistantPhysician => Category::AssistantPhysician,
        PractitionerCategory::Nurse => Category::Nurse,
        PractitionerCategory::Pharmacist => Category::Pharmacist,
        PractitionerCategory::Technician => Category::Technician,
        PractitionerCategory::Trainee => Category::Trainee,
        PractitionerCategory::NonClinical => Category::NonClinical,
        PractitionerCategory::Unknown => return None,
    })
}

/// The day on which what is alleged began, by the clinics' calendar.
fn act_day(report: &FindingReport) -> Option<Date> {
    let (from_ms, _) = act_time::span_ms(report)?;
    Timestamp::from_millisecond(from_ms).ok().map(|at| at.to_zoned(clock::zone()).date())
}
