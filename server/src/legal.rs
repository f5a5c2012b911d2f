//! What the law table says of an alert's findings, and whether their box was reviewed by 行政处罚法 41.
//! Reads the store and the table; decides nothing.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use law::{Category, Legal, Matter, Table};
use protocol::down::{PractitionerCategory, RegistrationStatus};
use protocol::up::FindingReport;

use crate::monitoring_review::Standing;
use crate::store::{Alert, Result, Store};

/// The shipped table with everything that the authority's lawyer decided.
pub fn table(store: &Store) -> Result<Table> {
    Ok(Table::shipped().with(store.law_decisions()?))
}

/// Basis and penalty of a finding on the day of the act.
pub fn of(store: &Store, table: &Table, report: &FindingReport) -> Result<Option<Legal>> {
    let about = match (report.rule.as_str(), report.persons.first()) {
        ("LL-4" | "NL-3", Some(named)) => store.practitioner(named.person.as_str())?,
        _ => None,
    };
    let registered = about.as_ref().is_none_or(|p| p.registration == RegistrationStatus::Valid);
    let about = about.and_then(|p| category(p.category));
    // A room that stood empty for days is a matter of the agreement; one silent session may be a
    // false record.
    let matter = match report.rule.as_str() {
        "HB-1" if report.session.is_none() => Matter::Agreement,
        rule => match Matter::of_rule(rule, about) {
            Matter::Site if !registered => Matter::Unregistered,
            matter => matter,
        },
    };
    let mut legal = table.of(matter, act_day(report));
    if let Some(legal) = legal.as_mut().filter(|legal| legal.agreement) {
        let institution = store.institution(report.institution.as_str())?;
        name_clause(legal, institution.and_then(|i| i.agreement).as_deref());
    }
    Ok(legal)
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
) -> Result<Standing> {
    let review = store.monitoring_review(&alert.device, &alert.room)?;
    let first = reports.into_iter().filter_map(act_day).min().or_else(|| day(&alert.raised_at));
    Ok(review.standing(first.unwrap_or(Date::MIN)))
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

/// The day on which what is alleged began, where this server stands.
fn act_day(report: &FindingReport) -> Option<Date> {
    report.intervals.iter().filter_map(|i| day(&i.from)).min().or_else(|| day(&report.raised_at))
}

fn day(at: &str) -> Option<Date> {
    at.parse::<Timestamp>().ok().map(|t| t.to_zoned(TimeZone::system()).date())
}
