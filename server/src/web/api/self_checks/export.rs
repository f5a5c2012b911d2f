//! Checklists and self-checks taken out as tables. Free text stays where it is sealed.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;

use super::part_of;
use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::problem::Problem;
use crate::self_check::checklist::{Basis, ChecklistItem};
use crate::self_check::table::COLUMNS;
use crate::store::SelfCheckFilter;
use crate::web::answer::{Csv, Download};
use crate::web::csv::cell;
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::SIGHT;

/// Rows of one table, at most.
const MOST_ROWS: usize = 20_000;
const PAGE: u32 = 500;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/export/checklists", checklists)
            .roles(SIGHT)
            .audited()
            .summary("The newest version of each checklist as CSV, as an import takes it"),
        Endpoint::get("/api/v1/export/self_checks", self_checks)
            .roles(SIGHT)
            .audited()
            .summary("Self-checks as CSV: a row per question that was handed in"),
        Endpoint::page("/export/self_checks", self_checks).roles(SIGHT).audited(),
        Endpoint::page("/export/checklists", checklists).roles(SIGHT).audited(),
    ]
}

/// A spreadsheet knows by the byte-order mark that this is UTF-8.
fn table(head: &str, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("\u{feff}{head}\n");
    for row in rows {
        let cells: Vec<String> = row.iter().map(|c| cell(c)).collect();
        let _ = writeln!(text, "{}", cells.join(","));
    }
    text
}

async fn checklists(State(app): State<Arc<App>>, who: Who) -> Result<Download<Csv>, Problem> {
    let forms = app.blocking(move |a| super::in_force(a, &who)).await?;
    let newest = forms.first().into_iter().flat_map(|form| &form.items).map(row_of);
    let text = table(&COLUMNS.join(","), newest);
    Ok(Download::new("zaigang-checklists.csv".to_owned(), text))
}

fn row_of(item: &ChecklistItem) -> Vec<String> {
    use crate::self_check::AnswerKind;
    let grade = |basis: &Basis| match basis.grade {
        Some(law::Grade::FullText) => "full_text",
        Some(law::Grade::Excerpt) => "excerpt",
        Some(law::Grade::Derived) => "derived",
        Some(law::Grade::Memory) => "memory",
        None => "agreement",
    };
    let basis = |b: &Basis| format!("{}|{}|{}|{}", b.law, b.article, b.edition, grade(b));
    let kind = match item.answer {
        AnswerKind::YesNoNa => "select_one yes_no_na",
        AnswerKind::Number => "integer",
        AnswerKind::Date => "date",
    };
    let bounds = [("least", item.least), ("most", item.most)].into_iter().filter_map(|(end, n)| {
        n.map(|n| if end == "least" { format!(". >= {n}") } else { format!(". <= {n}") })
    });
    let relevant = item.relevant.as_ref();
    vec![
        kind.to_owned(),
        item.code.clone(),
        item.requirement.clone(),
        item.hint.clone(),
        if item.required { "yes" } else { "no" }.to_owned(),
        relevant.map_or(String::new(), |r| format!("${{{}}} = '{}'", r.item, r.answer.as_str())),
        bounds.collect::<Vec<_>>().join(" and "),
        item.level1.clone(),
        item.level2.clone(),
        item.basis.iter().map(basis).collect::<Vec<_>>().join(";"),
        item.fact.map_or(String::new(), |fact| fact.as_str().to_owned()),
        item.severity_if_no.to_string(),
    ]
}

async fn self_checks(State(app): State<Arc<App>>, who: Who) -> Result<Download<Csv>, Problem> {
    let rows = app.blocking(move |a| rows(a, &who)).await?;
    let head = "institution,kind,period,due_on,state,revision,submitted_at,item,answer";
    Ok(Download::new("zaigang-self-checks.csv".to_owned(), table(head, rows)))
}

fn rows(a: &App, who: &Who) -> Result<Vec<Vec<String>>, Problem> {
    let (jurisdiction, institution) = part_of(who, None);
    let mut filter =
        SelfCheckFilter { jurisdiction, institution, limit: PAGE, ..SelfCheckFilter::default() };
    let mut rows = Vec::new();
    loop {
        let found = a.store.self_checks(&filter)?;
        for it in &found {
            let revisions = a.store.self_check_revisions(&it.id)?;
            let line = |submitted_at: Option<At>, item: &str, answer: &str| {
                vec![
                    it.institution.clone(),
                    it.kind.as_str().to_owned(),
                    it.period.clone(),
                    it.due.to_string(),
                    it.handling.state.as_str().to_owned(),
                    it.handling.revision.to_string(),
                    submitted_at.map(|at| at.to_string()).unwrap_or_default(),
                    item.to_owned(),
                    answer.to_owned(),
                ]
            };
            match revisions.last() {
                Some(last) => {
                    rows.extend(last.answers.iter().map(|(item, v)| line(Some(last.at), item, v)));
                }
                None => rows.push(line(None, "", "")),
            }
        }
        filter.before = found.last().map(|it| it.number.for_authority());
        if found.len() < PAGE as usize || rows.len() >= MOST_ROWS {
            return Ok(rows);
        }
    }
}
