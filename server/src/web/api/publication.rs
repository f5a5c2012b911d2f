//! What of penalties leaves for publication (公示): served decisions as a table, and a decision's
//! text. A natural person stands in neither, unless the policy of the place says so. It publishes
//! nothing by itself, and knows no lead: what is not decided is not published.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bulk::workbook;
use super::case_facts::facts;
use crate::access::Who;
use crate::app::App;
use crate::case_document::{CaseFact, DocumentKind};
use crate::case_watch;
use crate::clock::today;
use crate::penalty_case::{CaseEntry, INSTITUTION, Party, PenaltyCase};
use crate::problem::Problem;
use crate::rules::Numbers;
use crate::store::{Alert, StoreError};
use crate::text::id_replaced;
use crate::web::answer::{Csv, Download, Xlsx};
use crate::web::csv::cell;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PACKAGE;
use crate::web::view::case_words::penalties;
use crate::web::view::words::Lang;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/cases/publication/csv", as_csv).roles(PACKAGE).audited(),
        Endpoint::page("/cases/publication/xlsx", as_workbook).roles(PACKAGE).audited(),
    ]
}

/// For whom a document is printed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::web) enum Edition {
    /// Whoever works the case, and its parties.
    #[default]
    Case,
    /// Everybody.
    Publication,
}

/// What stands where a natural person stood.
const SOMEBODY: &str = "某某";

/// Whether the authority of a place lets publications name natural persons. Blocking.
pub(in crate::web) fn names_persons(a: &App, jurisdiction: &str) -> Result<bool, StoreError> {
    let numbers = Numbers::of(&super::policy::values_at(a, jurisdiction)?);
    Ok(numbers.publish_persons_level == 1)
}

/// The text of a decision as everybody may read it. Blocking.
pub(in crate::web) fn for_everybody(
    a: &App,
    alert: &Alert,
    kind: DocumentKind,
    party: &Party,
    text: &str,
) -> Result<String, Problem> {
    if kind != DocumentKind::Decision {
        return Err(Problem::unprocessable("edition: only a decision is published"));
    }
    if names_persons(a, &alert.jurisdiction)? {
        return Ok(text.to_owned());
    }
    if party.id != INSTITUTION {
        return Err(Problem::unprocessable(
            "edition: penalties of natural persons are not published (`publish_persons_level`)",
        ));
    }
    veiled(a, alert, text)
}

/// Without the natural persons whom the findings name, who are parties, or who work there.
fn veiled(a: &App, alert: &Alert, text: &str) -> Result<String, Problem> {
    let mut known = a.store.practitioners(Some(&alert.institution))?;
    for id in a.store.persons_named(&alert.id)? {
        known.extend(a.store.practitioner(&id)?);
    }
    let mut ids: Vec<String> = known.iter().map(|p| p.id.as_str().to_owned()).collect();
    let mut names: Vec<String> = known.into_iter().map(|p| p.name.0).collect();
    names.extend(a.store.penalty_case(&alert.id)?.parties().map(|party| party.name));
    names.retain(|name| !name.trim().is_empty());
    // A name within a longer one would leave the rest of it.
    names.sort_by_key(|name| std::cmp::Reverse(name.chars().count()));
    ids.sort_by_key(|id| std::cmp::Reverse(id.len()));
    let without_names = names.iter().fold(text.to_owned(), |text, n| text.replace(n, SOMEBODY));
    let without = ids.iter().fold(without_names, |text, id| id_replaced(&text, id, SOMEBODY));
    Ok(without.replace(&format!("{SOMEBODY}（{SOMEBODY}）"), SOMEBODY))
}

async fn as_csv(State(app): State<Arc<App>>, who: Who, l: Lang) -> Result<Download<Csv>, Problem> {
    let rows = app.blocking(move |a| table(a, &who, l)).await?;
    // A spreadsheet knows by the byte-order mark that this is UTF-8.
    let mut text = "\u{feff}".to_owned();
    for row in &rows {
        let cells: Vec<String> = row.iter().map(|c| cell(c)).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    Ok(Download::new("zaigang-publication.csv".to_owned(), text))
}

async fn as_workbook(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
) -> Result<Download<Xlsx>, Problem> {
    let rows = app.blocking(move |a| table(a, &who, l)).await?;
    let book = workbook::of_rows(&rows).map_err(|e| Problem::internal(&e))?;
    Ok(Download::new("zaigang-publication.xlsx".to_owned(), book))
}

fn head(l: Lang) -> Vec<String> {
    [
        l.t("决定书文号", "Decision"),
        l.t("当事人类型", "Kind of party"),
        l.t("当事人", "Party"),
        l.t("统一社会信用代码或登记号", "Registration code"),
        l.t("处罚内容", "Penalty"),
        l.t("处罚依据", "Basis of the penalty"),
        l.t("决定日期", "Decided on"),
        l.t("送达日期", "Served on"),
        l.t("已公布于", "Published at"),
        l.t("处罚机关", "Authority"),
    ]
    .map(str::to_owned)
    .to_vec()
}

/// Served decisions that punish and hold, of whoever may stand there. Blocking.
fn table(a: &App, who: &Who, l: Lang) -> Result<Vec<Vec<String>>, Problem> {
    let mut rows = vec![head(l)];
    let running = a.store.running_cases()?.into_iter();
    for alert in running.chain(a.store.lately_decided_cases(case_watch::since(today()))?) {
        if !who.sees(&alert.institution, &alert.jurisdiction) {
            continue;
        }
        let (case, persons) =
            (a.store.penalty_case(&alert.id)?, names_persons(a, &alert.jurisdiction)?);
        for party in case.parties().filter(|party| party.id == INSTITUTION || persons) {
            rows.extend(row(a, who, l, &alert, &case.as_of(party.id), &party)?);
        }
    }
    deed::did(format!("{} decisions for publication", rows.len().saturating_sub(1)));
    Ok(rows)
}

/// One party's decision; none where nothing of it is to be published.
fn row(
    a: &App,
    who: &Who,
    l: Lang,
    alert: &Alert,
    case: &PenaltyCase,
    party: &Party,
) -> Result<Option<Vec<String>>, Problem> {
    let decided = case.last("decided").map(|r| (r.on, &r.entry));
    let Some((on, CaseEntry::Decided { number, penalties: decided, .. })) = decided else {
        return Ok(None);
    };
    let kept_back = case.last("not_published").is_some();
    let Some(served_on) = case.decision_served_on().filter(|_| case.punished() && !kept_back)
    else {
        return Ok(None);
    };
    let published = match case.last("published").map(|r| &r.entry) {
        Some(CaseEntry::Published { at }) => at.clone(),
        _ => String::new(),
    };
    let facts = facts(a, who, alert, DocumentKind::Decision, party)?;
    let day = |day: Date| day.to_string();
    let (of, name, code) = match party.id {
        INSTITUTION => {
            let it = a.store.institution(&alert.institution)?;
            let code = it.as_ref().and_then(|i| i.code.clone()).unwrap_or_default();
            (l.t("机构", "institution"), it.map(|i| i.name).unwrap_or_default(), code)
        }
        _ => (l.t("自然人", "natural person"), party.name.clone(), String::new()),
    };
    Ok(Some(vec![
        number.clone(),
        of.to_owned(),
        name,
        code,
        penalties(l, decided),
        facts.get(&CaseFact::PenaltyBasis).cloned().unwrap_or_default(),
        day(on),
        day(served_on),
        published,
        a.config.authority_name.clone().unwrap_or_default(),
    ]))
}
