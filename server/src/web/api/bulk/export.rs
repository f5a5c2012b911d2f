//! Tables out: CSV as programs read it, XLSX as people do, and an empty one to fill in.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::sheet;
use super::workbook;
use super::{MOST_ROWS, Noun, noun_of};
use crate::access::Who;
use crate::app::App;
use crate::model::Session;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::web::answer::{Csv, Download, Xlsx};
use crate::web::csv::{cell, guarded};
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::words::Lang;

/// Sessions read at once.
const PAGE: u32 = 500;

pub(super) async fn get_export(
    State(app): State<Arc<App>>,
    who: Who,
    Path(noun): Path<String>,
) -> Result<Download<Csv>, Problem> {
    let noun = noun_of(&who, &noun)?;
    let rows = app.blocking(move |a| rows(a, &who, noun)).await?;
    let cells = |row: &Vec<String>| row.iter().map(|c| cell(c)).collect::<Vec<_>>().join(",");
    Ok(csv(noun, &noun.head(), rows.iter().map(cells)))
}

/// For people: heads and words in their language, and nothing that their spreadsheet changes as it
/// opens the file.
pub(super) async fn get_table(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(noun): Path<String>,
) -> Result<Download<Csv>, Problem> {
    let noun = noun_of(&who, &noun)?;
    let rows = app.blocking(move |a| rows(a, &who, noun)).await?;
    let cells = |row: &Vec<String>| {
        let cells = sheet::worded(l, noun, row).into_iter().enumerate();
        let written =
            |(at, c): (usize, String)| if noun.is_text(at) { guarded(&c) } else { cell(&c) };
        cells.map(written).collect::<Vec<_>>().join(",")
    };
    Ok(csv(noun, &workbook::heading(l, noun).join(","), rows.iter().map(cells)))
}

fn csv(noun: Noun, head: &str, rows: impl Iterator<Item = String>) -> Download<Csv> {
    // A spreadsheet knows by the byte-order mark that this is UTF-8.
    let mut text = format!("\u{feff}{head}\n");
    for row in rows {
        text.push_str(&row);
        text.push('\n');
    }
    Download::new(format!("zaigang-{}.csv", noun.name()), text)
}

pub(super) async fn get_workbook(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(noun): Path<String>,
) -> Result<Download<Xlsx>, Problem> {
    let noun = noun_of(&who, &noun)?;
    let rows = app.blocking(move |a| rows(a, &who, noun)).await?;
    let bytes = workbook::of(l, noun, &rows).map_err(|e| Problem::internal(&e))?;
    Ok(Download::new(format!("zaigang-{}.xlsx", noun.name()), bytes))
}

pub(super) async fn get_template(
    who: Who,
    l: Lang,
    Path(noun): Path<String>,
) -> Result<Download<Xlsx>, Problem> {
    let noun = noun_of(&who, &noun)?;
    let bytes = workbook::template(l, noun).map_err(|e| Problem::internal(&e))?;
    Ok(Download::new(format!("zaigang-{}-template.xlsx", noun.name()), bytes))
}

/// The newest sessions that the reader sees, as many as an import takes at once. The store narrows
/// them down, so that another's sessions take no room among them.
fn sessions(a: &App, who: &Who) -> Result<Vec<Session>, StoreError> {
    let part = PartQuery::default().part(who, PAGE);
    let (mut all, mut before) = (Vec::new(), String::new());
    while all.len() < MOST_ROWS {
        let mut found = a.store.sessions_part(&part, &before)?;
        let next = cut(&mut found, &part, |s| format!("{} {}", s.start, s.id));
        all.append(&mut found);
        match next {
            Some(next) => before = next,
            None => break,
        }
    }
    Ok(all)
}

/// Everything of a noun that the reader sees, as an import takes it.
fn rows(a: &App, who: &Who, noun: Noun) -> Result<Vec<Vec<String>>, Problem> {
    let seen = VisibleInstitutions::of(a, who)?;
    let objects: Vec<Value> = match noun {
        Noun::Institutions => a
            .store
            .institutions()?
            .iter()
            .filter(|i| seen.has(i.id.as_str()))
            .map(|i| json!(i))
            .collect(),
        Noun::Practitioners => {
            let mut all = a.store.practitioners(None)?;
            all.retain(|p| seen.person(p));
            deed::persons(all.iter().map(|p| p.id.as_str()));
            for p in &mut all {
                seen.narrow(who, p);
            }
            all.iter().map(|p| json!(p)).collect()
        }
        Noun::Rooms => a
            .store
            .rooms()?
            .iter()
            .filter(|r| seen.has(r.institution.as_str()))
            .map(|r| json!(r))
            .collect(),
        Noun::Items => a.store.items()?.iter().map(|i| json!(i)).collect(),
        Noun::Sessions => sessions(a, who)?.iter().map(|s| json!(s)).collect(),
    };
    Ok(objects.iter().flat_map(|object| sheet::rows(noun, object)).collect())
}
