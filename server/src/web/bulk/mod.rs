//! Tables in: `POST /api/v1/import/{noun}`. A dry run lists every row's fault. Tables out are
//! `export`'s.
//!
//! An import is stored whole or not at all, after every row passed; the same checks as the API's,
//! and the same scopes.

mod export;
mod known;
pub(in crate::web) mod sheet;
pub(in crate::web) mod words;
pub(in crate::web) mod workbook;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::{Csv, Raw};
use super::csv::{Most, Record};
use super::deed;
use super::endpoint::Endpoint;
use super::rights::BULK;
use super::table_file::{Encoding, Unread, read};
use crate::access::{Right, Who};
use crate::app::App;
use crate::clock::{clip, now_text};
use crate::knowledge::Nudge;
use crate::model::{Institution, Item, Practitioner, Room, Session};
use crate::problem::Problem;
use crate::store::{Imported, SessionDeed, Stated, StoreError};
use known::Known;
pub(super) use sheet::Noun;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/export/{noun}", export::get_export).roles(BULK).audited(),
        Endpoint::page("/export/{noun}/xlsx", export::get_workbook).roles(BULK).audited(),
        Endpoint::page("/export/{noun}/template", export::get_template).roles(BULK),
        Endpoint::get("/api/v1/export/{noun}", export::get_export).roles(BULK).audited().summary("institutions, practitioners, rooms, items or sessions as CSV"),
        Endpoint::post("/api/v1/import/{noun}", post_import).roles(BULK).audited().body_limit(MOST_BYTES + 65_536).summary("Import a CSV or XLSX, whole or not at all; `dry_run=true` lists every row's fault and stores nothing"),
    ]
}

/// Bytes and rows of one file, at most.
pub(super) const MOST_BYTES: usize = 8 << 20;
const MOST_ROWS: usize = 20_000;

/// What is wrong with a row, or worth a second look.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub(super) struct Remark {
    pub line: u64,
    /// Empty where the whole row is meant.
    pub column: String,
    pub text: String,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, serde::Serialize, schemars::JsonSchema)]
pub(super) struct Report {
    pub rows: usize,
    pub created: usize,
    pub replaced: usize,
    pub faults: Vec<Remark>,
    pub stored: bool,
}

/// The rows that passed, each with the lines that it came from.
#[derive(Default)]
struct Batch {
    entries: Vec<(u64, Imported)>,
    faults: Vec<Remark>,
}

/// How far a table of this noun is read.
pub(super) fn most(noun: Noun) -> Most {
    Most { rows: MOST_ROWS, columns: noun.column_names().len() }
}

pub(super) fn may(who: &Who, noun: Noun) -> bool {
    match noun {
        Noun::Sessions => who.may(Right::DeclareSessions),
        _ => who.may(Right::KeepRegistry),
    }
}

fn noun_of(who: &Who, text: &str) -> Result<Noun, Problem> {
    let noun = Noun::parse(text).ok_or_else(|| Problem::unknown("table", text))?;
    if may(who, noun) {
        Ok(noun)
    } else {
        Err(Problem::unprocessable(format!("{text}: your role does not bring these in")))
    }
}

#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct ImportQuery {
    #[serde(default)]
    dry_run: bool,
    /// New ids that are close to others are meant so.
    #[serde(default)]
    near_ids: bool,
    /// How the letters of a text are to be read, where its bytes are text in both.
    encoding: Option<EncodingWord>,
}

#[derive(Debug, Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
enum EncodingWord {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "gb18030")]
    Gb18030,
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Wish {
    /// It is looked at and not stored.
    pub dry_run: bool,
    /// A new id may be close to another.
    pub near_ids: bool,
    /// What the sender says of the letters.
    pub encoding: Option<Encoding>,
}

async fn post_import(
    State(app): State<Arc<App>>,
    who: Who,
    Path(noun): Path<String>,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    Raw(body, _): Raw<Csv>,
) -> Result<Json<Report>, ImportRefused> {
    let noun = noun_of(&who, &noun)?;
    let why = super::auth::reason(&headers)?.unwrap_or_default();
    let encoding = query.encoding.map(|word| match word {
        EncodingWord::Utf8 => Encoding::Utf8,
        EncodingWord::Gb18030 => Encoding::Gb18030,
    });
    let wish = Wish { dry_run: query.dry_run, near_ids: query.near_ids, encoding };
    let report = import(&app, &who, noun, body.to_vec(), wish, why).await?;
    if query.dry_run || report.stored {
        Ok(Json(report))
    } else {
        Err(ImportRefused::Rows { faults: report.faults, rows: report.rows })
    }
}

/// Why nothing was stored.
enum ImportRefused {
    Rows { faults: Vec<Remark>, rows: usize },
    Other(Problem),
}

impl From<Problem> for ImportRefused {
    fn from(problem: Problem) -> Self {
        Self::Other(problem)
    }
}

impl IntoResponse for ImportRefused {
    fn into_response(self) -> Response {
        let (faults, rows) = match self {
            Self::Rows { faults, rows } => (faults, rows),
            Self::Other(problem) => return problem.into_response(),
        };
        let detail = format!("nothing was stored: {} of {rows} rows are at fault", faults.len());
        let problem = json!({"type": "about:blank", "title": "Unprocessable Entity",
            "status": 422, "detail": detail, "faults": faults});
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        (StatusCode::UNPROCESSABLE_ENTITY, kind, problem.to_string()).into_response()
    }
}

/// Reads, checks and, unless it is a dry run or a row is at fault, stores a whole file.
pub(super) async fn import(
    app: &Arc<App>,
    who: &Who,
    noun: Noun,
    bytes: Vec<u8>,
    wish: Wish,
    why: String,
) -> Result<Report, Problem> {
    if bytes.len() > MOST_BYTES {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the file is larger than {} MiB: divide it", MOST_BYTES >> 20),
        ));
    }
    let _turn = app.table_turn().await?;
    let who = who.clone();
    let (report, told) = app.blocking(move |a| work(a, &who, noun, &bytes, wish, &why)).await?;
    for nudge in told {
        app.tell(nudge);
    }
    if report.stored {
        app.touch();
    }
    Ok(report)
}

fn work(
    a: &App,
    who: &Who,
    noun: Noun,
    bytes: &[u8],
    wish: Wish,
    why: &str,
) -> Result<(Report, Vec<Nudge>), Problem> {
    let table = read(bytes, wish.encoding, most(noun)).map_err(unread)?.records;
    let Some((head, records)) = table.split_first() else {
        return Err(Problem::unprocessable(format!(
            "the file is empty; its first line names the columns: {}",
            noun.head()
        )));
    };
    let order = sheet::order(noun, &head.cells)
        .map_err(|e| Problem::unprocessable(format!("line {}: {e}", head.line)))?;
    let mut known = Known::of(a, who, noun)?;
    let Batch { entries, mut faults } = batch(noun, &order, records, &mut known, wish);
    faults.sort_by_key(|f| f.line);
    let mut report = Report { rows: records.len(), faults, ..Report::default() };
    drop(table);
    let new = entries.iter().filter(|(_, e)| !known.holds(e)).count();
    (report.created, report.replaced) = (new, entries.len() - new);
    if wish.dry_run || !report.faults.is_empty() {
        return Ok((report, Vec::new()));
    }
    let lines: Vec<u64> = entries.iter().map(|e| e.0).collect();
    let all: Vec<Imported> = entries.into_iter().map(|e| known.completed(e.1)).collect();
    let deed =
        SessionDeed { by: &who.name, reason: &clip(if why.is_empty() { "CSV" } else { why }, 400) };
    match a.store.put_all(&all, &deed, &now_text()) {
        Ok(_) => {
            report.stored = true;
            state(a, who, &all)?;
            deed::did(format!(
                "{}: {} new, {} replaced",
                noun.name(),
                report.created,
                report.replaced
            ));
            deed::persons(all.iter().filter_map(|one| match one {
                Imported::Practitioner(it) => Some(it.id.as_str()),
                _ => None,
            }));
        }
        Err((at, error)) => {
            let text = Problem::from(error).detail;
            report.faults.push(Remark {
                line: lines.get(at).copied().unwrap_or(0),
                column: String::new(),
                text,
            });
            return Ok((report, Vec::new()));
        }
    }
    Ok((report, told(&all, &known)))
}

fn unread(fault: Unread) -> Problem {
    let why = match fault {
        Unread::Fault(why) => why,
        Unread::Either { utf8, gb18030 } => {
            let shown = |text: &str| clip(text.lines().nth(1).unwrap_or_default(), 60);
            format!(
                "the file is text in UTF-8 (`{}`) and in GB18030 (`{}`): say which by \
                `encoding=utf-8` or `encoding=gb18030`",
                shown(&utf8),
                shown(&gb18030)
            )
        }
    };
    Problem::unprocessable(why)
}

/// Filings of a table are stated as those of a form are; sessions keep their own history.
fn state(a: &App, who: &Who, all: &[Imported]) -> Result<(), StoreError> {
    let said = all.iter().flat_map(|one| match one {
        Imported::Institution(it) => vec![Stated::institution(who, it.id.as_str())],
        Imported::Practitioner(it) => {
            let at = |site: &crate::model::Site| {
                Stated::practitioner(who, site.institution.as_str(), it.id.as_str())
            };
            it.sites.iter().map(at).collect()
        }
        Imported::Room(_) | Imported::Item(_) | Imported::Session(_) => Vec::new(),
    });
    for one in said {
        a.store.state_now(&one, &now_text())?;
    }
    Ok(())
}

/// Who has to hear of it, each once.
fn told(all: &[Imported], known: &Known) -> Vec<Nudge> {
    let mut places = BTreeSet::new();
    let mut rooms = BTreeSet::new();
    for one in all {
        match one {
            Imported::Item(_) => return vec![Nudge::All],
            Imported::Institution(it) => drop(places.insert(it.id.to_string())),
            Imported::Practitioner(it) => {
                places.extend(it.sites.iter().map(|s| s.institution.to_string()));
            }
            Imported::Room(it) => drop(rooms.insert(it.id.to_string())),
            Imported::Session(it) => {
                rooms.insert(it.room.to_string());
                rooms.extend(known.left(one).cloned());
            }
        }
    }
    places.into_iter().map(Nudge::Institution).chain(rooms.into_iter().map(Nudge::Room)).collect()
}

fn batch(noun: Noun, order: &[usize], records: &[Record], known: &mut Known, wish: Wish) -> Batch {
    let mut batch = Batch::default();
    let mut first_line: BTreeMap<String, usize> = BTreeMap::new();
    for record in records {
        let mut fault = |column: &str, text: String| {
            batch.faults.push(Remark { line: record.line, column: column.to_owned(), text });
        };
        let read =
            sheet::object(noun, order, &record.cells).and_then(|object| typed(noun, &object));
        let it = match read {
            Ok(it) => it,
            Err((column, text)) => {
                fault(&column, text);
                continue;
            }
        };
        let mut refers = known.refers(&it);
        if let Some(near) = known.near(&it).filter(|_| !wish.near_ids) {
            refers.push((noun.key(), near_id(&key(&it), &near)));
        }
        let sound = refers.is_empty();
        for (column, text) in refers {
            fault(column, text);
        }
        let key = key(&it);
        match first_line.get(&key).copied() {
            None => {
                first_line.insert(key, batch.entries.len());
                batch.entries.push((record.line, it));
            }
            Some(at) => {
                // A row that is at fault already does not complain a second time.
                if let Err(text) = join(&mut batch.entries[at], it)
                    && sound
                {
                    batch.faults.push(Remark {
                        line: record.line,
                        column: noun.key().to_owned(),
                        text,
                    });
                }
            }
        }
    }
    batch
}

/// One line for a new id that is easily taken for another.
pub(super) fn near_id(new: &str, known: &str) -> String {
    format!(
        "`{new}` is new, and `{known}` exists: write `{known}` if that is meant, or say that \
        `{new}` is another"
    )
}

fn key(it: &Imported) -> String {
    match it {
        Imported::Institution(it) => it.id.to_string(),
        Imported::Practitioner(it) => it.id.to_string(),
        Imported::Room(it) => it.id.to_string(),
        Imported::Item(it) => it.code.to_string(),
        Imported::Session(it) => it.id.to_string(),
    }
}

/// A second row of a practitioner adds an institution; of anything else it is a mistake.
fn join(first: &mut (u64, Imported), again: Imported) -> Result<(), String> {
    let (line, first) = (first.0, &mut first.1);
    let (Imported::Practitioner(first), Imported::Practitioner(again)) = (first, again) else {
        return Err(format!("the same stands in line {line}"));
    };
    if (&first.name, first.category, first.registration)
        != (&again.name, again.category, again.registration)
    {
        return Err(format!("name, category or registration differ from line {line}"));
    }
    for site in again.sites {
        if first.sites.iter().any(|s| s.institution == site.institution) {
            return Err(format!("the same institution stands in line {line}"));
        }
        first.sites.push(site);
    }
    Ok(())
}

type Wrong = (String, String);

/// The API's own model and its own checks; the column is the field that the fault begins with.
fn typed(noun: Noun, object: &Value) -> Result<Imported, Wrong> {
    let named = |fault: String| match fault.split_once(": ") {
        Some((column, why)) if column.chars().all(|c| c.is_ascii_lowercase() || c == '_') => {
            (column.to_owned(), why.to_owned())
        }
        _ => (String::new(), fault),
    };
    Ok(match noun {
        Noun::Institutions => {
            let it: Institution = model(noun, object)?;
            it.check().map_err(named)?;
            Imported::Institution(it)
        }
        Noun::Practitioners => {
            let mut it: Practitioner = model(noun, object)?;
            it.check().map_err(named)?;
            Imported::Practitioner(it)
        }
        Noun::Rooms => {
            let it: Room = model(noun, object)?;
            it.check().map_err(named)?;
            Imported::Room(it)
        }
        Noun::Items => {
            let it: Item = model(noun, object)?;
            it.check().map_err(named)?;
            Imported::Item(it)
        }
        Noun::Sessions => {
            let mut it: Session = model(noun, object)?;
            it.check().map_err(named)?;
            Imported::Session(it)
        }
    })
}

/// serde says what is wrong, but not where: the field is found by leaving each one out until the
/// fault is another.
fn model<T: DeserializeOwned>(noun: Noun, object: &Value) -> Result<T, Wrong> {
    let error = match serde_json::from_value(object.clone()) {
        Ok(it) => return Ok(it),
        Err(error) => error.to_string(),
    };
    if let Some((field, _)) = error.strip_prefix("missing field `").and_then(|t| t.split_once('`'))
    {
        return Err((field.to_owned(), "this is needed".to_owned()));
    }
    let fields: Vec<String> =
        object.as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default();
    let at = fields.into_iter().find(|name| {
        let mut without = object.clone();
        without.as_object_mut().and_then(|o| o.remove(name));
        let other = serde_json::from_value::<T>(without).err().map(|e| e.to_string());
        other.is_none_or(|o| o != error)
    });
    let column = at.unwrap_or_default();
    let column =
        if noun == Noun::Practitioners && column == "sites" { String::new() } else { column };
    let text = error.strip_prefix(&format!("{column}: ")).unwrap_or(&error);
    Err((column.clone(), clip(text, 300)))
}
