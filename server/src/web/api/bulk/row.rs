//! A row of a table as the API's own model, and every fault of it, each at its column. Pure.
//!
//! The model's readers and checks stop at the first fault. So what is at fault leaves the row, or
//! gives way to something sound where every row needs it, and what is left is asked again.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::Noun;
use super::sheet::{CellKind, OF_SITE, value};
use super::words;
use crate::clock::clip;
use crate::model::{Institution, Item, Practitioner, Room, Session};
use crate::store::Imported;
use crate::text;

/// A column and what is wrong with it; empty where the whole row is meant.
pub(super) type Wrong = (String, String);
type Fields = Map<String, Value>;

/// How the rows of a file are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    pub noun: Noun,
    /// Which column of the noun each column of the file is.
    pub order: &'a [usize],
    /// A spreadsheet's cells, where no quotation mark can be open.
    pub workbook: bool,
}

/// What a row became.
#[derive(Debug)]
pub(super) struct ImportedRow {
    /// With something sound in the place of what is at fault; `None` where that says nothing.
    pub it: Option<Imported>,
    pub wrong: Vec<Wrong>,
}

impl Layout<'_> {
    pub(super) fn row(self, cells: &[String]) -> ImportedRow {
        let mut row = match self.fields(cells) {
            Ok((fields, wrong)) => completed(self.noun, fields, wrong),
            Err(wrong) => ImportedRow { it: None, wrong },
        };
        let names = self.noun.column_names();
        row.wrong.sort_by_key(|w| names.iter().position(|name| *name == w.0));
        row
    }

    /// The cells that are sound by themselves, and the faults of the others; `Err` where the cells
    /// can not be told apart.
    fn fields(self, cells: &[String]) -> Result<(Fields, Vec<Wrong>), Vec<Wrong>> {
        let filled = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        if filled > self.order.len() {
            let why = format!("{filled} cells, the first line has {}", self.order.len());
            return Err(vec![(String::new(), why)]);
        }
        let (mut fields, mut wrong) = (Map::new(), Vec::new());
        for (at, cell) in self.order.iter().zip(cells) {
            let (name, kind) = self.noun.columns()[*at];
            let broken = kind != CellKind::Json && cell.contains(['\n', '\r']);
            // A quotation mark that nobody closed takes the lines that follow into its cell.
            if broken && !self.workbook {
                let why = "holds a line break: close the quotation mark that was opened before it";
                wrong.push((name.to_owned(), why.to_owned()));
                return Err(wrong);
            }
            match read(name, kind, cell, broken) {
                Ok(Some(value)) => drop(fields.insert(name.to_owned(), value)),
                Ok(None) => {}
                Err(why) => wrong.push((name.to_owned(), why)),
            }
        }
        Ok((fields, wrong))
    }
}

fn read(name: &str, kind: CellKind, cell: &str, broken: bool) -> Result<Option<Value>, String> {
    if broken {
        return Err("holds a line break: write it in one line".to_owned());
    }
    if words::is_formula_fault(cell) {
        return Err(format!(
            "`{cell}` is the fault of a formula: mend it in the spreadsheet, or empty the cell"
        ));
    }
    let unnamed =
        |fault: String| fault.strip_prefix(&format!("{name}: ")).unwrap_or(&fault).to_owned();
    value(name, kind, &text::incoming(name, cell).map_err(unnamed)?)
}

/// The row as its model takes it, and what else is wrong with it.
fn completed(noun: Noun, mut fields: Fields, mut wrong: Vec<Wrong>) -> ImportedRow {
    for (column, _) in &wrong {
        put_right(noun, &mut fields, column);
    }
    let names = noun.column_names();
    // Each turn puts another column right, so that there are no more turns than columns.
    loop {
        let (column, why) = match typed(noun, &fields) {
            Ok(it) => return ImportedRow { it: Some(it), wrong },
            Err(fault) => fault,
        };
        let again = wrong.iter().any(|w| w.0 == column);
        let known = names.contains(&column.as_str());
        put_right(noun, &mut fields, &column);
        if !again {
            wrong.push((column, why));
        }
        if again || !known {
            return ImportedRow { it: None, wrong };
        }
    }
}

/// Takes a column out; what every row needs gives way to something sound, which no other column
/// is judged by.
fn put_right(noun: Noun, fields: &mut Fields, column: &str) {
    match column {
        "north_deg" | "east_deg" => {
            fields.remove("north_deg");
            fields.remove("east_deg");
        }
        // Whose number it is decides what is asked of it.
        "category" => drop(fields.remove("practice_no")),
        _ => {}
    }
    match sound(noun, column) {
        Some(value) => drop(fields.insert(column.to_owned(), value)),
        None => drop(fields.remove(column)),
    }
}

/// Something that is taken for a column which no row may lack.
#[expect(clippy::match_same_arms, reason = "one column after the other")]
fn sound(noun: Noun, column: &str) -> Option<Value> {
    Some(match (noun, column) {
        (Noun::Items, "kind") => json!("other"),
        (Noun::Items, "min_operator") => json!("nurse"),
        (Noun::Items, "specialties") => json!(["cosmetic_surgery"]),
        (Noun::Practitioners, "category") => json!("licensed_physician"),
        (Noun::Practitioners, "registration") => json!("valid"),
        (Noun::Practitioners, "relation") => json!("primary"),
        (Noun::Items, "code" | "name_zh") | (Noun::Practitioners | Noun::Rooms, "institution") => {
            json!("x")
        }
        (Noun::Practitioners | Noun::Institutions, "name") => json!("x"),
        (Noun::Sessions, "room") => json!("x"),
        (Noun::Sessions, "start") => json!("1970-01-01T00:00:00.000Z"),
        (_, "id") => json!("x"),
        _ => return None,
    })
}

/// The API's JSON of a row.
pub(super) fn nested(noun: Noun, fields: &Fields) -> Result<Value, Wrong> {
    let mut fields = fields.clone();
    match noun {
        Noun::Institutions => match (fields.remove("north_deg"), fields.remove("east_deg")) {
            (Some(north), Some(east)) => {
                fields.insert("place".into(), json!({"north_deg": north, "east_deg": east}));
            }
            (None, None) => {}
            (None, _) => {
                return Err(("north_deg".into(), "is needed where east_deg is given".into()));
            }
            (_, None) => {
                return Err(("east_deg".into(), "is needed where north_deg is given".into()));
            }
        },
        Noun::Practitioners => {
            let mut site = Map::new();
            for name in OF_SITE {
                if let Some(value) = fields.remove(name) {
                    site.insert(name.to_owned(), value);
                }
            }
            let sites = if site.is_empty() { json!([]) } else { json!([site]) };
            fields.insert("sites".into(), sites);
        }
        Noun::Rooms | Noun::Items | Noun::Sessions => {}
    }
    Ok(Value::Object(fields))
}

/// The API's own model and its own checks; the column is the field that the fault begins with.
fn typed(noun: Noun, fields: &Fields) -> Result<Imported, Wrong> {
    Ok(match noun {
        Noun::Institutions => {
            let it: Institution = model(noun, fields)?;
            it.check().map_err(named)?;
            Imported::Institution(it)
        }
        Noun::Practitioners => {
            let mut it: Practitioner = model(noun, fields)?;
            it.check().map_err(named)?;
            Imported::Practitioner(it)
        }
        Noun::Rooms => {
            let it: Room = model(noun, fields)?;
            it.check().map_err(named)?;
            Imported::Room(it)
        }
        Noun::Items => {
            let it: Item = model(noun, fields)?;
            it.check().map_err(named)?;
            Imported::Item(it)
        }
        Noun::Sessions => {
            let mut it: Session = model(noun, fields)?;
            it.check().map_err(named)?;
            Imported::Session(it)
        }
    })
}

/// The column that a check's fault begins with, where it begins with one: `zones.bed` is `zones`.
fn named(fault: String) -> Wrong {
    let Some((field, why)) = fault.split_once(": ") else { return (String::new(), fault) };
    let column = field.split('.').next().unwrap_or(field);
    match column {
        // One field of the model, two columns of a table.
        "place" => ("north_deg".to_owned(), fault),
        _ if column != field => (column.to_owned(), fault),
        _ if column.chars().all(|c| c.is_ascii_lowercase() || c == '_') => {
            (column.to_owned(), why.to_owned())
        }
        _ => (String::new(), fault),
    }
}

/// serde says what is wrong, but not always where: the column is found by leaving each one out
/// until the fault is another.
fn model<T: DeserializeOwned>(noun: Noun, fields: &Fields) -> Result<T, Wrong> {
    let error = match serde_json::from_value(nested(noun, fields)?) {
        Ok(it) => return Ok(it),
        Err(error) => error.to_string(),
    };
    if let Some((field, _)) = error.strip_prefix("missing field `").and_then(|t| t.split_once('`'))
    {
        return Err((field.to_owned(), "this is needed".to_owned()));
    }
    if let Some((field, why)) = error.split_once(": ")
        && noun.column_names().contains(&field)
    {
        return Err((field.to_owned(), clip(why, 300)));
    }
    let at = fields.keys().find(|name| {
        let mut without = fields.clone();
        without.remove(*name);
        let Ok(object) = nested(noun, &without) else { return false };
        let other = serde_json::from_value::<T>(object).err().map(|e| e.to_string());
        other.is_none_or(|other| other != error)
    });
    Err((at.cloned().unwrap_or_default(), clip(&error, 300)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(noun: Noun, head: &[&str], row: &[&str]) -> Vec<String> {
        let owned = |cells: &[&str]| cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        let order = crate::web::api::bulk::sheet::order(noun, &owned(head)).unwrap();
        let layout = Layout { noun, order: &order, workbook: true };
        layout.row(&owned(row)).wrong.into_iter().map(|w| w.0).collect()
    }

    #[test]
    fn every_fault_of_a_row_is_named_at_once() {
        let head = ["id", "name", "category", "registration", "institution", "relation", "lead_of"];
        let person = |row: &[&str]| columns(Noun::Practitioners, &head, row);
        assert_eq!(person(&["p-1", "王", "nurse", "valid", "c-1", "primary", ""]), [""; 0]);
        assert_eq!(
            person(&["p 1", "", "doctor", "good", "c 1", "first", "surgery"]),
            ["id", "name", "category", "registration", "institution", "relation", "lead_of"]
        );
        assert_eq!(
            person(&["1.2E+17", "#REF!", "nurse", "", "c-1", "", "cosmetic_tcm"]),
            ["id", "name", "registration", "relation", "lead_of"]
        );
    }

    #[test]
    fn a_fault_makes_no_other_fault() {
        let head = ["id", "name", "category", "registration", "institution", "relation", "lead_of"];
        let row = ["p-1", "王", "doctor", "valid", "c-1", "primary", "cosmetic_tcm"];
        assert_eq!(columns(Noun::Practitioners, &head, &row), ["category"]);
        let sessions = ["id", "room", "start", "end", "declared_operators"];
        let row = ["s-1", "r-1", "soon", "2026-03-02 09:00", "p-1"];
        assert_eq!(columns(Noun::Sessions, &sessions, &row), ["start"]);
        let places = ["id", "name", "north_deg", "east_deg", "licence_until", "pledge_on"];
        let row = ["c-1", "甲", "north", "104.1", "someday", "46083"];
        assert_eq!(
            columns(Noun::Institutions, &places, &row),
            ["north_deg", "licence_until", "pledge_on"]
        );
        let items = ["code", "name_zh", "kind", "specialties", "surgery_grade", "min_operator"];
        let row = ["", "", "", "", "9", ""];
        assert_eq!(columns(Noun::Items, &items, &row), items);
    }

    #[test]
    fn a_line_break_is_told_by_where_it_stands() {
        let order = [0, 2];
        let cells = ["r-1".to_owned(), "甲,\nr-2,乙".to_owned()];
        let said = |workbook| {
            let layout = Layout { noun: Noun::Rooms, order: &order, workbook };
            let wrong = layout.row(&cells).wrong;
            wrong.iter().find(|w| w.0 == "name").map(|w| w.1.clone()).unwrap_or_default()
        };
        assert!(said(false).contains("quotation mark"), "{}", said(false));
        assert!(said(true).ends_with("write it in one line"), "{}", said(true));
    }

    #[test]
    fn too_many_cells_are_one_fault() {
        let order = [0, 2];
        let layout = Layout { noun: Noun::Rooms, order: &order, workbook: false };
        let found = layout.row(&["r 1", "甲", "乙"].map(str::to_owned));
        assert!(found.it.is_none() && found.wrong.len() == 1, "{found:?}");
    }

    proptest::proptest! {
        /// Whatever stands in the cells, a row ends, and says one thing of a column.
        #[test]
        fn any_cells_are_answered(cells in proptest::collection::vec("\\PC{0,12}", 0..15)) {
            for noun in Noun::ALL {
                let order = (0..noun.column_names().len()).collect::<Vec<_>>();
                let row = Layout { noun, order: &order, workbook: true }.row(&cells);
                let mut columns: Vec<_> = row.wrong.iter().map(|w| &w.0).collect();
                columns.dedup();
                proptest::prop_assert_eq!(columns.len(), row.wrong.len());
            }
        }
    }
}
