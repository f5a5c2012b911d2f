//! The inbox as a file: the list that its reader sees, narrowed as the page is.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};

use super::frame::{shown, zone_name};
use super::inbox;
use crate::access::{Role, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::rules::Numbers;
use crate::web::answer::{Csv, Download, Xlsx};
use crate::web::api::alerts::ListQuery;
use crate::web::api::bulk::workbook;
use crate::web::csv::cell;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::PartQuery;
use crate::web::request::rights::SIGHT;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/leads/csv", as_csv).roles(SIGHT).audited(),
        Endpoint::page("/leads/xlsx", as_workbook).roles(SIGHT).audited(),
    ]
}

async fn as_csv(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<ListQuery>,
) -> Response {
    let made = rows(&app, l, &who, query).await.map(|rows| {
        // A spreadsheet knows by the byte-order mark that this is UTF-8.
        let mut text = "\u{feff}".to_owned();
        for row in &rows {
            let cells: Vec<String> = row.iter().map(|c| cell(c)).collect();
            let _ = writeln!(text, "{}", cells.join(","));
        }
        Download::<Csv>::new("zaigang-leads.csv".to_owned(), text).into_response()
    });
    shown(&app, &who, l, made).await
}

async fn as_workbook(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<ListQuery>,
) -> Response {
    let made = match rows(&app, l, &who, query).await {
        Ok(rows) => workbook::of_rows(&rows)
            .map(|book| {
                Download::<Xlsx>::new("zaigang-leads.xlsx".to_owned(), book).into_response()
            })
            .map_err(|e| Problem::internal(&e)),
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}

async fn rows(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    query: ListQuery,
) -> Result<Vec<Vec<String>>, Problem> {
    let rows = table(app, l, who, query).await?;
    deed::did(format!("{} leads exported", rows.len().saturating_sub(1)));
    Ok(rows)
}

/// Leads of one file, at most: where there are more, none is left out in silence.
const MOST_EXPORTED: usize = 5_000;
/// Leads that are asked for at once.
const AT_ONCE: u32 = 500;

/// The list as a table for a spreadsheet: the filter of the page, without its next pages' bound.
async fn table(
    app: &Arc<App>,
    l: Lang,
    who: &Who,
    mut query: ListQuery,
) -> Result<Vec<Vec<String>>, Problem> {
    query.state.get_or_insert_with(|| "open".to_owned());
    query.limit = Some(AT_ONCE);
    let part = PartQuery::default().part(who, 1);
    let scope = if who.role == Role::Clinic { String::new() } else { who.scope.clone() };
    let numbers =
        Numbers::of(&app.blocking(move |a| crate::web::api::policy::values_at(a, &scope)).await?);
    let raised_at = match l {
        Lang::Zh => format!("发现时间（{}）", zone_name()),
        Lang::En => format!("Raised at ({})", zone_name()),
    };
    let head = [
        l.t("编号", "Number"),
        l.t("级别", "Severity"),
        l.t("类别", "Kind"),
        l.t("机构与诊室", "Clinic and room"),
        l.t("诊疗活动", "Session"),
        l.t("状态", "State"),
        l.t("负责人", "Assignee"),
        raised_at.as_str(),
        l.t("期限", "Due"),
        l.t("说明", "What was seen"),
        l.t("证据地位", "Worth as evidence"),
    ];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    loop {
        let filter = query.filter(who, AT_ONCE)?;
        let found = app.blocking(|a| inbox::find(a, who, l, &filter, &part)).await?;
        let whole = found.lines.len() < AT_ONCE as usize;
        let mut last = None;
        for line in &found.lines {
            let row = inbox::row(l, line, &found.known, &numbers);
            last = Some(row.number);
            rows.push(cells(l, row));
        }
        if rows.len() > MOST_EXPORTED + 1 {
            return Err(Problem::unprocessable(format!(
                "more than {MOST_EXPORTED} leads: narrow the list by day, clinic or state"
            )));
        }
        if whole {
            return Ok(rows);
        }
        if filter.oldest_first {
            query.after = last;
        } else {
            query.before = last;
        }
    }
}

fn cells(l: Lang, r: inbox::AlertRow) -> Vec<String> {
    vec![
        r.number.to_string(),
        format!("L{} {}", r.severity, r.level),
        r.kinds.join("、"),
        format!("{} · {}", r.place, r.room),
        r.session,
        r.state.to_owned(),
        r.assignee.to_string(),
        r.raised_at,
        r.due,
        r.summary,
        if r.evidence.is_empty() {
            l.t("法制和技术审核齐备", "reviewed by law and technique").to_owned()
        } else {
            r.evidence
        },
    ]
}
