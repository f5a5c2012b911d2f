//! `/api/v1/checklists`: versions in, as a table with a dry run; and which one is in force where.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Right, Who};
use crate::app::App;
use crate::clock::{At, now, today, zone};
use crate::problem::{JsonBody, Problem};
use crate::self_check::checklist::Checklist;
use crate::self_check::table::{
    COLUMNS, Head, MOST_ITEMS, RowFault, SHIPPED_CODE, SHIPPED_TABLE, SHIPPED_TITLE, read,
};
use crate::text;
use crate::web::answer::Created;
use crate::web::csv::{Most, records};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::{AUTHORITY, SIGHT};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/checklists", get_all)
            .roles(SIGHT)
            .summary("Every version of every checklist, newest first"),
        Endpoint::post("/api/v1/checklists", post)
            .roles(AUTHORITY)
            .audited()
            .summary("Import a version of a checklist; `dry_run=true` lists every row's fault"),
    ]
}

/// A version as it is kept.
#[derive(Debug, Serialize, JsonSchema)]
struct Version {
    sha256: String,
    #[serde(flatten)]
    form: Checklist,
}

impl Version {
    fn of(form: Checklist) -> Self {
        Self { sha256: trust::sha256_hex(form.canonical()), form }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(inline)]
struct Checklists {
    checklists: Vec<Version>,
}

async fn get_all(State(app): State<Arc<App>>) -> Result<Json<Checklists>, Problem> {
    let found = app.blocking(|a| a.store.checklists()).await?;
    Ok(Json(Checklists { checklists: found.into_iter().map(Version::of).collect() }))
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ChecklistBody {
    /// 1 to 40 of `a-z`, `0-9` and `-`; left out: the shipped list's.
    #[serde(default)]
    pub code: Option<String>,
    /// Left out: the one after the newest.
    #[serde(default)]
    pub version: Option<u32>,
    /// Digits of a division that begin with your own; left out: your own.
    #[serde(default)]
    pub jurisdiction: Option<String>,
    #[serde(default)]
    pub title: Option<String>,
    /// RFC 3339 full-date; left out: today.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub effective_from: Option<jiff::civil::Date>,
    /// `XLSForm`'s columns; left out: the shipped list for medical cosmetology.
    #[serde(default)]
    pub csv: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImportQuery {
    #[serde(default)]
    dry_run: bool,
}

/// What an import did, or would do.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct Import {
    pub code: String,
    pub version: u32,
    pub sha256: String,
    pub items: usize,
    pub faults: Vec<RowFault>,
    pub stored: bool,
}

async fn post(
    State(app): State<Arc<App>>,
    who: Who,
    Query(query): Query<ImportQuery>,
    JsonBody(it): JsonBody<ChecklistBody>,
) -> Result<Created<Import>, Problem> {
    Ok(Created(import(&app, &who, it, query.dry_run).await?))
}

fn head(a: &App, who: &Who, it: &ChecklistBody) -> Result<Head, Problem> {
    let given = |text: &Option<String>| text.clone().filter(|t| !t.trim().is_empty());
    let jurisdiction = given(&it.jurisdiction).unwrap_or_else(|| who.scope.clone());
    let digits = jurisdiction.bytes().all(|b| b.is_ascii_digit()) && jurisdiction.len() <= 12;
    if !digits || !jurisdiction.starts_with(&who.scope) {
        let why = format!("jurisdiction: use digits of a division that begin with `{}`", who.scope);
        return Err(Problem::unprocessable(why));
    }
    if jurisdiction.is_empty() && !who.may(Right::DecideForAll) {
        let why = "jurisdiction: name a division: the whole country's list is for those of no \
            division";
        return Err(Problem::unprocessable(why));
    }
    let code = given(&it.code).unwrap_or_else(|| SHIPPED_CODE.to_owned());
    let is_code = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if code.len() > 40 || !code.bytes().all(is_code) {
        return Err(Problem::unprocessable("code: use 1 to 40 of a-z, 0-9 and -"));
    }
    let title = given(&it.title).unwrap_or_else(|| SHIPPED_TITLE.to_owned());
    text::line("title", &title, 100).map_err(Problem::unprocessable)?;
    let same = |form: &&Checklist| form.code == code && form.jurisdiction == jurisdiction;
    let newest = a.store.checklists()?.iter().filter(same).map(|form| form.version).max();
    let version = it.version.unwrap_or_else(|| newest.map_or(1, |n| n.saturating_add(1)));
    let effective_from = it.effective_from.unwrap_or_else(today);
    Ok(Head { code, version, jurisdiction, title, effective_from })
}

/// Reads, checks and, unless it is a dry run or a row is at fault, stores a version; the
/// self-checks of the day are opened with it.
pub(in crate::web) async fn import(
    app: &Arc<App>,
    who: &Who,
    it: ChecklistBody,
    dry_run: bool,
) -> Result<Import, Problem> {
    app.blocking(|a| {
        let head = head(a, who, &it)?;
        let (code, version) = (head.code.clone(), head.version);
        let most = Most { rows: MOST_ITEMS + 1, columns: COLUMNS.len() };
        let csv = it.csv.as_deref().filter(|csv| !csv.trim().is_empty()).unwrap_or(SHIPPED_TABLE);
        let csv = csv.trim_start_matches('\u{feff}');
        let rows = records(csv, ',', most).map_err(Problem::unprocessable)?;
        let rows: Vec<_> = rows.into_iter().map(|row| (row.line, row.cells)).collect();
        let read = read(head, &rows);
        let mut report = Import {
            code,
            version,
            sha256: read.as_ref().map(|f| trust::sha256_hex(f.canonical())).unwrap_or_default(),
            items: read.as_ref().map_or(0, |form| form.items.len()),
            faults: read.as_ref().err().cloned().unwrap_or_default(),
            stored: false,
        };
        let Ok(form) = read else {
            if dry_run {
                return Ok(report);
            }
            return Err(Problem::unprocessable(told(&report.faults)));
        };
        if !dry_run {
            a.store.put_checklist(&form, &who.name, At::now())?;
            a.store.open_due_self_checks(now().to_zoned(zone()).date(), At::now())?;
            deed::did(format!("checklist {} {} put in force", report.code, report.version));
            report.stored = true;
        }
        Ok(report)
    })
    .await
}

fn told(faults: &[RowFault]) -> String {
    let one = |f: &RowFault| format!("line {} {}: {}", f.line, f.column, f.text);
    let first: Vec<String> = faults.iter().take(5).map(one).collect();
    format!("csv: nothing was stored, {} faults: {}", faults.len(), first.join("; "))
}

/// The versions that hold in somebody's part of the country, newest first. Blocking.
pub(in crate::web) fn in_force(a: &App, who: &Who) -> Result<Vec<Checklist>, Problem> {
    let holds = |form: &Checklist| {
        form.jurisdiction.starts_with(&who.scope) || who.scope.starts_with(&form.jurisdiction)
    };
    Ok(a.store.checklists()?.into_iter().filter(holds).collect())
}
