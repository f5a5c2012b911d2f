//! CSV (RFC 4180) by the `csv` crate: cells out, so that no spreadsheet takes one for a formula;
//! records in, with lines. What the bytes of a file mean is `table_file`'s.

/// What a spreadsheet would take for a formula, at a cell's start.
const RISKY: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// A cell of text, quoted where it must be and made harmless with an apostrophe where it looks like
/// a formula.
pub(super) fn cell(text: &str) -> String {
    let text = if text.starts_with(RISKY) { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// One record, with the line that it begins at (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub line: u64,
    pub cells: Vec<String>,
}

/// How far a table is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Rows below the first.
    pub rows: usize,
    pub columns: usize,
}

impl Most {
    /// Whether one more row is taken where so many stand, the first one included.
    pub(super) fn take_row(self, standing: usize) -> Result<(), String> {
        if standing > self.rows {
            return Err(format!("more than {} rows: divide the file", self.rows));
        }
        Ok(())
    }

    /// Puts a cell in its place. Of what stands beyond the columns the first is kept right behind
    /// them: enough to say that it is too much.
    pub(super) fn put(self, cells: &mut Vec<String>, column: usize, cell: String) {
        let column = column.min(self.columns);
        if cells.len() <= column {
            cells.resize(column + 1, String::new());
        } else if column == self.columns {
            return;
        }
        cells[column] = cell;
    }
}

/// The rows of a text, header row included; empty rows are left out, cells are trimmed and lose the
/// apostrophe that [`cell`] gave them. `Err` is one line for a person.
pub(super) fn records(text: &str, separator: char, most: Most) -> Result<Vec<Record>, String> {
    let separator = u8::try_from(separator)
        .ok()
        .filter(|s| s.is_ascii() && !matches!(s, b'"' | b'\n' | b'\r'))
        .ok_or_else(|| format!("`{separator}` divides no cells: use a comma"))?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    for found in reader.records() {
        let found = found.map_err(|e| format!("the file can not be read as CSV: {e}"))?;
        let mut cells = Vec::new();
        for (column, cell) in found.iter().enumerate() {
            if column < most.columns || !cell.is_empty() {
                most.put(&mut cells, column, plain(cell));
            }
        }
        if cells.iter().any(|c| !c.is_empty()) {
            most.take_row(records.len())?;
            let line = found.position().map_or(0, |at| line(text.as_bytes(), at));
            records.push(Record { line, cells });
        }
    }
    Ok(records)
}

/// Rows as text that [`records`] reads again, each at its own line.
pub(super) fn written(records: &[Record]) -> String {
    let mut text = String::new();
    let mut line = 1;
    for record in records {
        while line < record.line {
            text.push('\n');
            line += 1;
        }
        let cells: Vec<String> = record.cells.iter().map(|c| cell(c)).collect();
        let row = cells.join(",");
        line += 1 + row.matches('\n').count() as u64;
        text.push_str(&row);
        text.push('\n');
    }
    text
}

/// The reader's position may lie before empty lines and the end of the line before.
fn line(bytes: &[u8], at: &csv::Position) -> u64 {
    let rest = bytes.get(at.byte() as usize..).unwrap_or_default();
    let skipped =
        rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).filter(|b| **b == b'\n').count();
    at.line() + skipped as u64
}

fn plain(text: &str) -> String {
    text.strip_prefix('\'').filter(|rest| rest.starts_with(RISKY)).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Most = Most { rows: 100, columns: 14 };

    fn read(text: &str) -> Vec<Record> {
        records(text, ',', MOST).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in
            ["plain", "with, comma", "with \"quotes\"", "two\nlines", "锦城", "=1+1", "it's"]
        {
            let line = format!("{},{}\n", cell(text), cell("end"));
            assert_eq!(read(&line)[0].cells, [text, "end"], "{line}");
        }
        assert_eq!(cell("=1+1"), "'=1+1");
    }

    #[test]
    fn rows_keep_their_lines_when_they_are_written() {
        let found = read("a,b\n\n\n\"x\ny\",2\n\n3,4\n");
        assert_eq!(read(&written(&found)), found);
    }

    #[test]
    fn records_know_their_lines_and_empty_ones_are_none() {
        let found = read("a,b\r\n\r\n\"x\ny\",2\r\n ,\r\n3,4");
        assert_eq!(found.iter().map(|r| r.line).collect::<Vec<_>>(), [1, 3, 6]);
        assert_eq!(found[0].cells, ["a", "b"]);
        assert!(records("a\n", '"', MOST).is_err());
    }
}
