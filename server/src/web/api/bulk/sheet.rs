//! The registry as tables: which columns a noun has, what a cell says, and the API's JSON as a row.
//! A row as the API's model is `row`'s. Pure.
//!
//! Lists stand in one cell, divided by `;` (`；` and `、` do as well). A practitioner with several
//! institutions has one row for each. Rooms keep their zones as JSON in a cell, because polygons
//! have no better one.

use serde_json::{Value, json};

use super::words;
use crate::web::view::words::Lang;

/// Columns of a practitioner's row that speak of one institution.
pub(super) const OF_SITE: [&str; 7] =
    ["institution", "relation", "exempt_until", "lead_of", "roles", "filing_no", "filed_on"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Noun {
    Institutions,
    Practitioners,
    Rooms,
    Items,
    Sessions,
}

/// How a cell becomes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CellKind {
    Text,
    /// A word of a closed list; people may write it in Chinese.
    Word,
    /// A point in time; people may write it as their clocks show it.
    Moment,
    /// A day; people may write it as their spreadsheets show it.
    Day,
    Number,
    Degrees,
    YesNo,
    List,
    Json,
}

use CellKind::{Day, Degrees, Json, List, Moment, Number, Text, Word, YesNo};

type Column = (&'static str, CellKind);

const INSTITUTIONS: &[Column] = &[
    ("id", Text),
    ("name", Text),
    ("code", Text),
    ("kind", Text),
    ("grade_ceiling", Number),
    ("filed_items", List),
    ("jurisdiction", Text),
    ("north_deg", Degrees),
    ("east_deg", Degrees),
    ("address", Text),
    ("licence_no", Text),
    ("licence_until", Day),
    ("subjects", List),
    ("pledge_on", Day),
    ("agreement", Text),
];
const PRACTITIONERS: &[Column] = &[
    ("id", Text),
    ("name", Text),
    ("category", Word),
    ("registration", Word),
    ("institution", Text),
    ("relation", Word),
    ("exempt_until", Moment),
    ("lead_of", List),
    ("roles", List),
    ("filing_no", Text),
    ("filed_on", Day),
    ("practice_no", Text),
    ("practice_scope", Text),
];
const ROOMS: &[Column] = &[
    ("id", Text),
    ("institution", Text),
    ("name", Text),
    ("mode", Word),
    ("intimate", YesNo),
    ("undressing", YesNo),
    ("time_zone", Text),
    ("zones", Json),
    ("opening_min", Json),
];
const ITEMS: &[Column] = &[
    ("code", Text),
    ("name_zh", Text),
    ("name_en", Text),
    ("kind", Word),
    ("specialties", List),
    ("surgery_grade", Number),
    ("min_operator", Word),
    ("min_duration_ms", Number),
    ("prep_ms", Number),
    ("lead_part_ms", Number),
    ("jurisdiction", Text),
];
const SESSIONS: &[Column] = &[
    ("id", Text),
    ("room", Text),
    ("item", Text),
    ("declared_lead", Text),
    ("declared_operators", List),
    ("start", Moment),
    ("end", Moment),
    ("cancelled", YesNo),
    ("emergency", YesNo),
    ("declined", YesNo),
    ("patient_ref", Text),
];

impl Noun {
    pub(in crate::web) const ALL: [Self; 5] =
        [Self::Institutions, Self::Items, Self::Rooms, Self::Practitioners, Self::Sessions];

    pub(in crate::web) fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|n| n.name() == text)
    }

    pub(in crate::web) fn name(self) -> &'static str {
        match self {
            Self::Institutions => "institutions",
            Self::Practitioners => "practitioners",
            Self::Rooms => "rooms",
            Self::Items => "items",
            Self::Sessions => "sessions",
        }
    }

    pub(super) fn key(self) -> &'static str {
        if self == Self::Items { "code" } else { "id" }
    }

    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Self::Institutions => INSTITUTIONS,
            Self::Practitioners => PRACTITIONERS,
            Self::Rooms => ROOMS,
            Self::Items => ITEMS,
            Self::Sessions => SESSIONS,
        }
    }

    /// The names of the columns in order.
    pub(in crate::web) fn column_names(self) -> Vec<&'static str> {
        self.columns().iter().map(|c| c.0).collect()
    }

    /// Whether what stands in a column is text, whatever it looks like.
    pub(super) fn is_text(self, at: usize) -> bool {
        self.columns().get(at).is_some_and(|column| matches!(column.1, Text | List))
    }

    pub(in crate::web) fn head(self) -> String {
        self.columns().iter().map(|c| c.0).collect::<Vec<_>>().join(",")
    }
}

/// Which column of the noun each column of a file is; `Err` is one line.
pub(super) fn order(noun: Noun, head: &[String]) -> Result<Vec<usize>, String> {
    let columns = noun.columns();
    // Columns without a name behind the last one are a spreadsheet's.
    let named = head.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
    let mut order = Vec::with_capacity(named);
    for name in &head[..named] {
        let known = columns.iter().position(|c| words::is_column(noun, c.0, name));
        let at = known.ok_or_else(|| {
            format!(
                "column `{}` is unknown; the columns of {} are {}",
                crate::clock::clip(name, 40),
                noun.name(),
                noun.head()
            )
        })?;
        if order.contains(&at) {
            return Err(format!("column `{name}` stands twice"));
        }
        order.push(at);
    }
    if !order.iter().any(|at| columns[*at].0 == noun.key()) {
        return Err(format!(
            "the column `{}` is missing; the first line names the columns: {}",
            noun.key(),
            noun.head()
        ));
    }
    Ok(order)
}

/// What a cell says as JSON; nothing where it is empty. `Err` is one line.
pub(super) fn value(column: &str, kind: CellKind, cell: &str) -> Result<Option<Value>, String> {
    if cell.is_empty() {
        return Ok(None);
    }
    let shown = crate::clock::clip(cell, 60);
    if matches!(kind, Text | List) && words::is_shortened_number(cell) {
        return Err(format!(
            "`{shown}` is a number that the spreadsheet shortened, its digits are lost: format the \
            column as text and enter it again"
        ));
    }
    Ok(Some(match kind {
        Text => json!(cell),
        Word => json!(words::code(column, cell)),
        Moment => json!(words::moment(cell)?),
        Day => json!(words::day(cell)?),
        Number => json!(cell.parse::<i64>().map_err(|_| format!("`{shown}` is no whole number"))?),
        Degrees => json!(
            cell.parse::<f64>()
                .ok()
                .filter(|d| d.is_finite())
                .ok_or_else(|| format!("`{shown}` is no number of degrees"))?
        ),
        YesNo => json!(match cell.to_lowercase().as_str() {
            "true" | "yes" | "1" | "是" => true,
            "false" | "no" | "0" | "否" => false,
            _ => return Err(format!("`{shown}`: use yes or no (是, 否)")),
        }),
        List => json!(
            cell.split([';', '；', '、'])
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(|word| words::code(column, word))
                .collect::<Vec<_>>()
        ),
        Json => serde_json::from_str(cell).map_err(|e| format!("is no JSON: {e}"))?,
    }))
}

/// An object of the API as rows of cells, in the order of [`Noun::head`].
pub(super) fn rows(noun: Noun, object: &Value) -> Vec<Vec<String>> {
    let row = |from: &Value| -> Vec<String> {
        noun.columns().iter().map(|(name, kind)| text(*kind, &from[*name])).collect()
    };
    match noun {
        Noun::Institutions => {
            let mut flat = object.clone();
            for name in ["north_deg", "east_deg"] {
                flat[name] = object["place"][name].clone();
            }
            vec![row(&flat)]
        }
        Noun::Practitioners => {
            let sites = object["sites"].as_array().cloned().unwrap_or_default();
            let with = |site: &Value| {
                let mut flat = object.clone();
                for name in OF_SITE {
                    flat[name] = site[name].clone();
                }
                row(&flat)
            };
            if sites.is_empty() { vec![row(object)] } else { sites.iter().map(with).collect() }
        }
        Noun::Rooms | Noun::Items | Noun::Sessions => vec![row(object)],
    }
}

/// A row's codes in the words of the reader's language; an import reads either.
pub(super) fn worded(l: Lang, noun: Noun, row: &[String]) -> Vec<String> {
    let in_words = |((name, kind), cell): (&Column, &String)| match kind {
        _ if l == Lang::En => cell.clone(),
        Word => words::chinese_word(name, cell).to_owned(),
        List => {
            let codes = cell.split(';').map(|code| words::chinese_word(name, code));
            codes.collect::<Vec<_>>().join(";")
        }
        YesNo if cell == "yes" => "是".to_owned(),
        YesNo if cell == "no" => "否".to_owned(),
        _ => cell.clone(),
    };
    noun.columns().iter().zip(row).map(in_words).collect()
}

fn text(kind: CellKind, value: &Value) -> String {
    match (kind, value) {
        (_, Value::Null) => String::new(),
        (List, Value::Array(list)) => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(";")
        }
        (YesNo, Value::Bool(is)) => if *is { "yes" } else { "no" }.to_owned(),
        (Text | Word | Moment | Day, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::api::bulk::row::{Layout, nested};

    fn head(noun: Noun) -> Vec<String> {
        noun.head().split(',').map(str::to_owned).collect()
    }

    #[test]
    fn what_goes_out_comes_in_the_same() {
        for (noun, object) in [
            (
                Noun::Institutions,
                json!({"id":"c-1","name":"锦城","grade_ceiling":2,"filed_items":["a","b"],
                    "place":{"north_deg":30.5,"east_deg":104.1}}),
            ),
            (
                Noun::Items,
                json!({"code":"x","name_zh":"激光","kind":"surgery",
                    "specialties":["cosmetic_surgery"],"surgery_grade":2,"min_operator":"nurse"}),
            ),
            (
                Noun::Rooms,
                json!({"id":"r","institution":"c-1","mode":"in_room","intimate":false,
                    "zones":{"bed":[[[0,1],[2,3],[4,5]]]}}),
            ),
            (
                Noun::Sessions,
                json!({"id":"s","room":"r","declared_operators":["p-1"],
                    "start":"2026-03-02T01:00:00.000Z","cancelled":false,"emergency":true,
                        "declined":true}),
            ),
            (
                Noun::Practitioners,
                json!({"id":"p","name":"王","category":"nurse","registration":"valid",
                    "sites":[{"institution":"c-1","relation":"primary"}]}),
            ),
        ] {
            let row = &rows(noun, &object)[0];
            let cells = noun.columns().iter().zip(row);
            let read = cells.filter_map(|((name, kind), cell)| {
                Some(((*name).to_owned(), value(name, *kind, cell).unwrap()?))
            });
            assert_eq!(nested(noun, &read.collect()).unwrap(), object, "{noun:?}");
        }
    }

    #[test]
    fn a_wrong_cell_names_its_column() {
        let order = order(Noun::Items, &head(Noun::Items)).unwrap();
        let mut cells = vec![String::new(); 10];
        cells[5] = "two".into();
        let layout = Layout { noun: Noun::Items, order: &order, workbook: false };
        assert!(layout.row(&cells).wrong.iter().any(|w| w.0 == "surgery_grade"));
    }

    #[test]
    fn a_cell_of_a_chinese_keyboard_is_read() {
        let head = ["Ｃｏｄｅ", "surgery_grade", "specialties", "name_zh", "kind", "min_operator"];
        let order = order(Noun::Items, &head.map(str::to_owned)).unwrap();
        let cells = ["ｗ－１", "２", "cosmetic_surgery；cosmetic_tcm", "甲", "手术", "护士"];
        let layout = Layout { noun: Noun::Items, order: &order, workbook: false };
        let read = layout.row(&cells.map(str::to_owned));
        let Some(crate::store::Imported::Item(item)) = read.it else { panic!("{:?}", read.wrong) };
        assert_eq!((item.code.as_str(), item.surgery_grade), ("w-1", Some(2)));
        assert_eq!((item.specialties.len(), read.wrong), (2, Vec::new()));
    }

    #[test]
    fn a_head_that_is_none_says_what_one_looks_like() {
        let of = |names: &[&str]| {
            order(Noun::Rooms, &names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
                .unwrap_err()
        };
        assert!(
            of(&["id", "colour"]).contains("`colour` is unknown")
                && of(&["name"]).contains("`id` is missing")
        );
        assert!(of(&["id", "id"]).contains("twice"));
    }
}
