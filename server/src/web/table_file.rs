//! A table as people send it: XLSX, or text divided by commas, semicolons or tabs in UTF-8,
//! GB18030 (which holds GBK) or UTF-16. The whole file says which; what could be read in two ways
//! is asked about and never guessed.
//!
//! Rows out, nothing about what they mean.

mod references;

use std::io::{Cursor, Read as _};

use calamine::{DataRef, Reader as _, Xlsx};
use encoding_rs::{GB18030, UTF_16BE, UTF_16LE};

use super::csv::{self, Most, Record};
use references::References;

/// What an XLSX may hold when it is unpacked: a small file may be made to hold much more.
const MOST_UNPACKED_BYTES: u64 = 32 << 20;
/// Columns of a table, at most: no noun has a fifth of these.
const MOST_COLUMNS: usize = 100;
/// The last row that is looked at.
const MOST_LINES: u32 = 100_000;

const BEYOND: &str = "the sheet has text beyond its row 100,000 or its column 100: delete that";

/// How the letters of a text were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    Gb18030,
    Utf16,
}

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
pub(super) enum Unread {
    /// One line.
    Fault(String),
    /// Its bytes are text in both encodings, and each reading may be meant.
    Either { utf8: String, gb18030: String },
}

impl From<String> for Unread {
    fn from(fault: String) -> Self {
        Self::Fault(fault)
    }
}

impl From<&str> for Unread {
    fn from(fault: &str) -> Self {
        Self::Fault(fault.to_owned())
    }
}

/// Reads a file up to `most`; `told` is what its sender says of its letters.
pub(super) fn read(bytes: &[u8], told: Option<Encoding>, most: Most) -> Result<TableFile, Unread> {
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
    let (text, encoding) = text(bytes, told)?;
    let text = text.trim_start_matches('\u{feff}');
    let (text, separator) = divided(text);
    let records = csv::records(&text, separator, most).map_err(Unread::Fault)?;
    Ok(TableFile { records, read_as: ReadAs::Text(encoding, separator) })
}

fn text(bytes: &[u8], told: Option<Encoding>) -> Result<(String, Encoding), Unread> {
    let utf16 = |kind: &'static encoding_rs::Encoding| {
        let (text, _, broken) = kind.decode(bytes);
        if broken {
            Err(Unread::from("the file is broken UTF-16 text: save it as CSV UTF-8"))
        } else {
            Ok((text.into_owned(), Encoding::Utf16))
        }
    };
    match bytes {
        [0xff, 0xfe, ..] => return utf16(UTF_16LE),
        [0xfe, 0xff, ..] => return utf16(UTF_16BE),
        // A head's first letter is ASCII, or UTF-16 without its mark.
        [first, 0, ..] if *first != 0 => return utf16(UTF_16LE),
        [0, second, ..] if *second != 0 => return utf16(UTF_16BE),
        _ => {}
    }
    let utf8 = std::str::from_utf8(bytes);
    let marked = bytes.starts_with(b"\xef\xbb\xbf");
    let gb = || GB18030.decode_without_bom_handling_and_without_replacement(bytes);
    match (utf8, told) {
        (Ok(text), Some(Encoding::Utf8 | Encoding::Utf16)) => Ok((text.to_owned(), Encoding::Utf8)),
        (Ok(text), None) if marked || text.is_ascii() => Ok((text.to_owned(), Encoding::Utf8)),
        (Ok(text), None) => match gb().filter(|_| looks_like_gb2312(bytes)) {
            Some(other) => {
                Err(Unread::Either { utf8: text.to_owned(), gb18030: other.into_owned() })
            }
            None => Ok((text.to_owned(), Encoding::Utf8)),
        },
        (_, Some(Encoding::Gb18030)) | (Err(_), None) => match gb() {
            Some(text) => Ok((text.into_owned(), Encoding::Gb18030)),
            None => Err(Unread::Fault(broken(bytes))),
        },
        (Err(_), Some(_)) => Err(Unread::Fault(broken(bytes))),
    }
}

/// The line at which the text stops being one.
fn broken(bytes: &[u8]) -> String {
    let good = std::str::from_utf8(bytes).map_or_else(|e| e.valid_up_to(), str::len);
    let line = bytes[..good].split(|b| *b == b'\n').count();
    format!("line {line}: this is neither UTF-8 nor GB18030 text; save the file as CSV UTF-8")
}

/// Whether every letter beyond ASCII would be one of GB 2312, which Chinese names are written in,
/// and stands apart from Latin letters (`Müller` is no name with a Chinese letter in it).
fn looks_like_gb2312(bytes: &[u8]) -> bool {
    let mut at = 0;
    let mut latin_before = false;
    while let Some(lead) = bytes.get(at) {
        if lead.is_ascii() {
            latin_before = lead.is_ascii_alphabetic();
            at += 1;
            continue;
        }
        let trail = bytes.get(at + 1).copied().unwrap_or(0);
        let letter = (0xa1..=0xf7).contains(lead) && (0xa1..=0xfe).contains(&trail);
        let latin_after = bytes.get(at + 2).is_some_and(u8::is_ascii_alphabetic);
        if !letter || latin_before || latin_after {
            return false;
        }
        latin_before = false;
        at += 2;
    }
    true
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
fn xlsx(bytes: &[u8], most: Most) -> Result<Vec<Record>, Unread> {
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
fn bounded(bytes: &[u8]) -> Result<(), Unread> {
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
