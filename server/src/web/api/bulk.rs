//! Tables in: `POST /api/v1/import/{noun}`. A dry run lists every row's fault. Tables out are
//! `export`'s.
//!
//! An import is stored whole or not at all, after every row passed; the same checks as the API's,
//! and the same scopes.

mod batch;
mod export;
mod known;
mod refused;
mod row;
pub(in crate::web) mod sheet;
pub(in crate::web) mod words;
pub(in crate::web) mod workbook;

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};

use crate::access::{Right, Who};
use crate::app::App;
use crate::clock::At;
use crate::knowledge::Nudge;
use crate::problem::{Problem, prose};
use crate::store::{Imported, SessionDeed, Stated, StoreError};
use crate::web::answer::{Csv, RawBody};
use crate::web::csv::Most;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::BULK;
use crate::web::table_file::{Encoding, ReadAs, read};
use batch::{Batch, BatchRow, batch};
use known::KnownRecords;
use refused::{ImportRefused, unread};
use row::Layout;
pub(in crate::web) use sheet::Noun;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/export/{noun}", export::get_table).roles(BULK).audited(),
        Endpoint::page("/export/{noun}/xlsx", export::get_workbook).roles(BULK).audited(),
        Endpoint::page("/export/{noun}/template", export::get_template).roles(BULK),
        Endpoint::get("/api/v1/export/{noun}", export::get_export)
            .roles(BULK)
            .audited()
            .summary("institutions, practitioners, rooms, items or sessions as CSV"),
        Endpoint::post("/api/v1/import/{noun}", post_import)
            .roles(BULK)
            .audited()
            .body_limit(MOST_BYTES + 65_536)
            .summary(
                "Import a CSV or XLSX, whole or not at all; `dry_run=true` lists every row's \
                fault and stores nothing",
            ),
    ]
}

/// Bytes and rows of one file, at most.
pub(in crate::web) const MOST_BYTES: usize = 8 << 20;
const MOST_ROWS: usize = 20_000;

/// What is wrong with a row, or worth a second look.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub(in crate::web) struct Remark {
    pub line: u64,
    /// Empty where the whole row is meant.
    pub column: String,
    pub text: String,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, serde::Serialize, schemars::JsonSchema)]
pub(in crate::web) struct Report {
    pub rows: usize,
    pub created: usize,
    pub replaced: usize,
    pub faults: Vec<Remark>,
    /// What the file was taken for.
    pub read_as: ReadWord,
    pub stored: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[schemars(inline)]
pub(in crate::web) enum ReadWord {
    #[serde(rename = "xlsx")]
    Xlsx,
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "gb18030")]
    Gb18030,
    #[serde(rename = "utf-16")]
    Utf16,
    #[serde(rename = "big5")]
    Big5,
    #[serde(rename = "shift_jis")]
    ShiftJis,
}

impl From<ReadAs> for ReadWord {
    fn from(read_as: ReadAs) -> Self {
        match read_as {
            ReadAs::Xlsx => Self::Xlsx,
            ReadAs::Text(encoding, _) => encoding.into(),
        }
    }
}

impl From<Encoding> for ReadWord {
    fn from(encoding: Encoding) -> Self {
        match encoding {
            Encoding::Utf8 => Self::Utf8,
            Encoding::Gb18030 => Self::Gb18030,
            Encoding::Utf16 => Self::Utf16,
            Encoding::Big5 => Self::Big5,
            Encoding::ShiftJis => Self::ShiftJis,
        }
    }
}

/// How the address says the letters of a reading.
fn asked_by(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Utf8 | Encoding::Utf16 => "`encoding=utf-8`",
        Encoding::Gb18030 => "`encoding=gb18030`",
        Encoding::Big5 => "`encoding=big5`",
        Encoding::ShiftJis => "`encoding=shift_jis`",
    }
}

/// How far a table of this noun is read.
pub(in crate::web) fn most(noun: Noun) -> Most {
    Most { rows: MOST_ROWS, columns: noun.column_names().len() }
}

pub(in crate::web) fn may(who: &Who, noun: Noun) -> bool {
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
    /// How the letters of a text are to be read, where its bytes are text in several encodings.
    encoding: Option<EncodingWord>,
}

#[derive(Debug, Clone, Copy, serde::Deserialize, schemars::JsonSchema)]
enum EncodingWord {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "gb18030")]
    Gb18030,
    #[serde(rename = "big5")]
    Big5,
    #[serde(rename = "shift_jis")]
    ShiftJis,
}

impl From<EncodingWord> for Encoding {
    fn from(word: EncodingWord) -> Self {
        match word {
            EncodingWord::Utf8 => Self::Utf8,
            EncodingWord::Gb18030 => Self::Gb18030,
            EncodingWord::Big5 => Self::Big5,
            EncodingWord::ShiftJis => Self::ShiftJis,
        }
    }
}

/// What is done with a file.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::web) struct Wish {
    /// It is looked at and not stored.
    pub dry_run: bool,
    /// A new id may be close to another.
    pub near_ids: bool,
    /// What the sender says of the letters.
    pub encoding: Option<Encoding>,
    /// The text was made of a spreadsheet's cells.
    pub workbook: bool,
}

async fn post_import(
    State(app): State<Arc<App>>,
    who: Who,
    Path(noun): Path<String>,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    RawBody(body, _): RawBody<Csv>,
) -> Result<Json<Report>, ImportRefused> {
    let noun = noun_of(&who, &noun)?;
    let why = prose("why", &deed::reason(&headers)?.unwrap_or_default(), 400)?;
    let encoding = query.encoding.map(Encoding::from);
    let wish = Wish { dry_run: query.dry_run, near_ids: query.near_ids, encoding, workbook: false };
    let report = import(&app, &who, noun, body.to_vec(), wish, why).await?;
    if query.dry_run || report.stored {
        Ok(Json(report))
    } else {
        Err(ImportRefused::Rows { faults: report.faults, rows: report.rows })
    }
}

/// Reads, checks and, unless it is a dry run or a row is at fault, stores a whole file.
pub(in crate::web) async fn import(
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
    let table = read(bytes, wish.encoding, most(noun), words::is_ours).map_err(unread)?;
    let read_as = ReadWord::from(table.read_as);
    let Some((head, records)) = table.records.split_first() else {
        return Err(Problem::unprocessable(format!(
            "the file is empty; its first line names the columns: {}",
            noun.head()
        )));
    };
    let order = sheet::order(noun, &head.cells)
        .map_err(|e| Problem::unprocessable(format!("line {}: {e}", head.line)))?;
    let mut known = KnownRecords::of(a, who, noun)?;
    let workbook = wish.workbook || read_as == ReadWord::Xlsx;
    let layout = Layout { noun, order: &order, workbook };
    let Batch { entries, mut faults } = batch(layout, records, &mut known, wish.near_ids);
    faults.sort_by_key(|f| f.line);
    let mut report = Report { rows: records.len(), faults, read_as, ..Report::default() };
    drop(table);
    let sound = entries.iter().filter(|e| e.at_fault.is_empty());
    let (old, new): (Vec<&BatchRow>, Vec<&BatchRow>) = sound.partition(|e| known.holds(&e.it));
    (report.created, report.replaced) = (new.len(), old.len());
    if wish.dry_run || !report.faults.is_empty() {
        return Ok((report, Vec::new()));
    }
    let clinic = who.role == crate::access::Role::Clinic;
    let now = crate::clock::now();
    if clinic && !a.clinic_requests.take_rows(&who.scope, report.rows, now) {
        return Err(crate::clinic_requests::too_many());
    }
    let lines: Vec<u64> = entries.iter().map(|e| e.line).collect();
    let all: Vec<Imported> = entries.into_iter().map(|e| known.completed(e.it)).collect();
    let deed = SessionDeed { by: &who.name, reason: if why.is_empty() { "CSV" } else { why } };
    match a.store.put_all(&all, &deed, At::now()) {
        Ok(_) => {
            report.stored = true;
            state(a, who, &all)?;
            note(noun, &all, &report);
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

/// For the audit log.
fn note(noun: Noun, all: &[Imported], report: &Report) {
    let (new, replaced) = (report.created, report.replaced);
    deed::did(format!("{}: {new} new, {replaced} replaced", noun.name()));
    deed::persons(all.iter().filter_map(|one| match one {
        Imported::Practitioner(it) => Some(it.id.as_str()),
        _ => None,
    }));
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
        a.store.state_now(&one, At::now())?;
    }
    Ok(())
}

/// Who has to hear of it, each once.
fn told(all: &[Imported], known: &KnownRecords) -> Vec<Nudge> {
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

/// One line for a new id that is easily taken for another.
pub(in crate::web) fn near_id(new: &str, known: &str) -> String {
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
