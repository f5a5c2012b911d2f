//! CSV (RFC 4180) by the `csv` crate: cells out, so that no spreadsheet takes one for a formula; records in, with lines.

/// What a spreadsheet would take for a formula, at a cell's start.
const RISKY: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A cell of text, quoted where it must be and made harmless with an apostrophe where it looks like a formula.
pub(super) fn cell(text: &str) -> String {
    let text = if text.starts_with(RISKY) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

/// One record, with the line that it begins at (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub line: u64,
    pub cells: Vec<String>,
}

/// Reads a whole file, header row included; empty rows are left out, a byte-order mark is skipped, cells are trimmed and
/// lose the apostrophe that [`cell`] gave them. `Err` is one line for a person.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Record>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader =
        csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes);
    let mut records = Vec::new();
    for found in reader.records() {
        let found = found.map_err(|e| match e.position() {
            Some(at) => format!("line {}: this is no UTF-8 text; save the file as CSV UTF-8", at.line()),
            None => format!("the file can not be read as CSV: {e}"),
        })?;
        let cells: Vec<String> = found.iter().map(plain).collect();
        if cells.iter().any(|c| !c.is_empty()) {
            records.push(Record { line: found.position().map_or(0, |at| line(bytes, at)), cells });
        }
    }
    Ok(records)
}

/// The reader's position may lie before empty lines and the end of the line before.
fn line(bytes: &[u8], at: &csv::Position) -> u64 {
    let rest = bytes.get(at.byte() as usize..).unwrap_or_default();
    let skipped = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|b| **b == b'\n').count();
    at.line() + skipped as u64
}

fn plain(text: &str) -> String {
    text.strip_prefix('\'').filter(|rest| rest.starts_with(RISKY)).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for text in ["plain", "with, comma", "with \"quotes\"", "two\nlines", "锦城", "=1+1", "it's"] {
            let line = format!("{},{}\n", cell(text), cell("end"));
            assert_eq!(read(line.as_bytes()).unwrap()[0].cells, [text, "end"], "{line}");
        }
        assert_eq!(cell("=1+1"), "'=1+1");
    }

    #[test]
    fn records_know_their_lines_and_empty_ones_are_none() {
        let found = read("\u{feff}a,b\r\n\r\n\"x\ny\",2\r\n ,\r\n3,4".as_bytes()).unwrap();
        assert_eq!(found.iter().map(|r| r.line).collect::<Vec<_>>(), [1, 3, 6]);
        assert_eq!(found[0].cells, ["a", "b"]);
        assert!(read(b"a\nb,\xff\n").unwrap_err().starts_with("line 2"));
    }
}
