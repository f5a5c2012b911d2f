//! A table as people send it: XLSX, or text divided by commas, semicolons or tabs in UTF-8,
//! GB18030 (which holds GBK) or UTF-16. The whole file says which; what could be read in two ways
//! is asked about and never guessed.
//!
//! Rows out, nothing about what they mean.

mod letters;
mod references;

use std::io::{Cursor, Read as _};

use calamine::{DataRef, Reader as _, Xlsx};

use super::csv::{self, Most, Record};
pub(super) use letters::Encoding;
use references::References;

/// What an XLSX may hold when it is unpacked: a small file may be made to hold much more.
const MOST_UNPACKED_BYTES: u64 = 32 << 20;
/// Columns of a table, at most: no noun has a fifth of these.
const MOST_COLUMNS: usize = 100;
/// The last row that is looked at.
const MOST_LINES: u32 = 100_000;

const BEYOND: &str = "the sheet has text beyond its row 100,000 or its column 100: delete that";

/// How a file was read, for whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadAs {
    Xlsx,
    Text(Encoding, char),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableFile {
    pub records: Vec<Record>,
    pub read_as: ReadAs,
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum UnreadTable {
    /// One line.
    Fault(String),
    /// Its bytes are text in each of these, and nothing in it says which is meant.
    Either(Vec<(Encoding, String)>),
}

impl From<String> for UnreadTable {
    fn from(fault: String) -> Self {
        Self::Fault(fault)
    }
}

impl From<&str> for UnreadTable {
    fn from(fault: &str) -> Self {
        Self::Fault(fault.to_owned())
    }
}

/// Reads a file up to `most`; `told` is what its sender says of its letters, and a word that
/// `is_ours` shows that they were read rightly.
pub(super) fn read(
    bytes: &[u8],
    told: Option<Encoding>,
    most: Most,
    is_ours: fn(&str) -> bool,
) -> Result<TableFile, UnreadTable> {
    if bytes.starts_with(b"PK\x03\x04") {
        let records = xlsx(bytes, most)?;
        return Ok(TableFile { records, read_as: ReadAs::Xlsx });
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        // A workbook with a password is an archive of the older kind around the newer one.
        let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        if bytes.windows(name.len()).any(|part| part == name) {
            return Err("this workbook is locked by a password: save it without one".into());
        }
        return Err("this is an XLS file of before 2007: save it as XLSX or CSV".into());
    }
    let (text, encoding) = letters::text(bytes, told, is_ours)?;
    let text = text.trim_start_matches('\u{feff}');
    let (text, separator) = divided(text);
    let records = csv::records(&text, separator, most).map_err(UnreadTable::Fault)?;
    Ok(TableFile { records, read_as: ReadAs::Text(encoding, separator) })
}

/// The text without a spreadsheet's own `sep=` line, and what divides its cells: whichever sign the
/// first line has most of outside quotation marks. The comma of a Chinese keyboard is one, where
/// the first line has no other.
fn divided(text: &str) -> (std::borrow::Cow<'_, str>, char) {
    let head = text.lines().next().unwrap_or_default();
    if let Some(said) = head.trim().strip_prefix("sep=").and_then(|s| s.chars().next()) {
        // Its line stays, empty: those that follow keep their numbers.
        let rest = text.get(head.len()..).unwrap_or_default();
        return (rest.into(), said);
    }
    let mut counts = [(',', 0usize), ('\t', 0), (';', 0), ('，', 0), ('；', 0)];
    let mut quoted = false;
    for c in head.chars() {
        quoted ^= c == '"';
        if let Some(count) = counts.iter_mut().find(|(sign, _)| !quoted && *sign == c) {
            count.1 += 1;
        }
    }
    let plain = counts[..3].iter().rev().max_by_key(|(_, n)| *n).filter(|(_, n)| *n > 0);
    let wide = counts[3..].iter().rev().max_by_key(|(_, n)| *n).filter(|(_, n)| *n > 0);
    match (plain, wide) {
        (Some((sign, _)), _) => (text.into(), *sign),
        (None, Some(('，', _))) => (narrowed(text, '，', ',').into(), ','),
        (None, Some(_)) => (narrowed(text, '；', ';').into(), ';'),
        (None, None) => (text.into(), ','),
    }
}

/// The text with `sign` in place of `wide` where that divides cells: within quotation marks it is
/// the cell's own.
fn narrowed(text: &str, wide: char, sign: char) -> String {
    let mut quoted = false;
    let narrow = |c: char| {
        quoted ^= c == '"';
        if c == wide && !quoted { sign } else { c }
    };
    text.chars().map(narrow).collect()
}

/// The first sheet's rows. Cell by cell: a sheet with one cell in its last corner is as small as it
/// looks.
fn xlsx(bytes: &[u8], most: Most) -> Result<Vec<Record>, UnreadTable> {
    let unreadable = "this XLSX file can not be read: open it in the spreadsheet and save it again";
    bounded(bytes)?;
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).map_err(|_| unreadable)?;
    let first = book.sheet_names().first().cloned().ok_or("this XLSX file has no sheet")?;
    let mut cells = book.worksheet_cells_reader(&first).map_err(|_| unreadable)?;
    let mut records: Vec<Record> = Vec::new();
    while let Some(cell) = cells.next_cell().map_err(|_| unreadable)? {
        let (row, column) = cell.get_position();
        let text = shown(cell.get_value());
        if text.is_empty() {
            continue;
        }
        let column = column as usize;
        if row >= MOST_LINES || column >= MOST_COLUMNS {
            return Err(BEYOND.into());
        }
        let line = u64::from(row) + 1;
        if records.last().is_none_or(|last| last.line != line) {
            most.take_row(records.len())?;
            records.push(Record { line, cells: Vec::new() });
        }
        // One was just pushed, or is of this line.
        let Some(record) = records.last_mut() else { continue };
        most.put(&mut record.cells, column, text);
    }
    Ok(records)
}

/// Refuses an archive that unpacks to more than a table is.
fn bounded(bytes: &[u8]) -> Result<(), UnreadTable> {
    let unreadable = "this XLSX file can not be read: open it in the spreadsheet and save it again";
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| unreadable)?;
    let mut left = MOST_UNPACKED_BYTES;
    for n in 0..archive.len() {
        let entry = archive.by_index(n).map_err(|_| unreadable)?;
        // What an entry says of its own size is its maker's word.
        let is_sheet = entry.name().is_ok_and(|name| name.starts_with("xl/worksheets/"));
        let mut places = References::new();
        let mut entry = entry.take(left + 1);
        let size = if is_sheet {
            std::io::copy(&mut entry, &mut places)
        } else {
            std::io::copy(&mut entry, &mut std::io::sink())
        };
        if places.is_beyond {
            return Err(BEYOND.into());
        }
        left = left
            .checked_sub(size.map_err(|_| unreadable)?)
            .ok_or("this XLSX file unpacks to more than 32 MiB: keep the table alone in it")?;
    }
    Ok(())
}

/// A cell as it is read on: a date as the field takes it, a whole number without a point.
fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Empty => String::new(),
        // Its text names the column; nothing at all would be taken for an empty cell.
        DataRef::Error(fault) => fault.to_string(),
        DataRef::Int(n) => n.to_string(),
        DataRef::Float(n) => number(*n),
        DataRef::String(text) => text.trim().to_owned(),
        DataRef::SharedString(text) => text.trim().to_owned(),
        DataRef::Bool(is) => if *is { "yes" } else { "no" }.to_owned(),
        DataRef::DateTime(at) if at.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = at.to_ymd_hms_milli();
            format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
        }
        DataRef::DateTime(at) => number(at.as_f64()),
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
    }
}

/// Beyond 15 digits a spreadsheet has rounded: such a number is shown as it keeps it.
fn number(n: f64) -> String {
    if n.abs() >= 1e15 { format!("{n:E}").replace('E', "E+") } else { n.to_string() }
}

#[cfg(test)]
mod tests;
