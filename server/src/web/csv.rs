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

/// A cell of text that a spreadsheet would change as it opens the file (`007`, a long number,
/// `1E5`, or `3-2`, a day to it) as a formula that shows that text; any other as [`cell`] has it.
pub(super) fn guarded(text: &str) -> String {
    if is_changed(text) { format!("\"=\"\"{text}\"\"\"") } else { cell(text) }
}

/// Digits of a number that a spreadsheet still shows as they are.
const MOST_DIGITS: usize = 11;

fn is_changed(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits(text) {
        return text.len() > MOST_DIGITS || (text.len() > 1 && text.starts_with('0'));
    }
    let power = text.split_once(['e', 'E']).is_some_and(|(n, power)| digits(n) && digits(power));
    let parts: Vec<&str> = text.split(['-', '/']).collect();
    power || (matches!(parts.len(), 2 | 3) && parts.iter().all(|part| digits(part)))
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
/// apostrophe that [`cell`] gave them, or the formula of [`guarded`]. `Err` is one line for a
/// person.
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
    let shown = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"'));
    if let Some(shown) = shown.filter(|shown| is_changed(shown)) {
        return shown.to_owned();
    }
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
    fn what_a_spreadsheet_would_change_is_guarded() {
        for text in ["007", "0", "110105000000000000", "1E5", "3-2", "2026/3/2", "p-07", "12"] {
            let line = format!("{},{}\n", guarded(text), cell("end"));
            assert_eq!(read(&line)[0].cells, [text, "end"], "{line}");
        }
        assert_eq!(guarded("007"), "\"=\"\"007\"\"\"");
        assert_eq!((guarded("12"), guarded("p-07")), ("12".to_owned(), "p-07".to_owned()));
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
