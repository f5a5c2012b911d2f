//! A small table as people save it: CSV divided by commas, semicolons or tabs, with or without
//! quotes and a byte order mark. Rows out, with their lines; nothing about what they mean.

use std::path::Path;

use anyhow::{Context, anyhow, bail};

const DIVIDERS: [char; 3] = [',', ';', '\t'];

/// A line that is neither empty nor a remark (`#`); cells without the blanks around them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableLine {
    /// From 1.
    pub(crate) line: u64,
    pub(crate) cells: Vec<String>,
}

impl TableLine {
    /// The cells as text, to be matched.
    pub(crate) fn cells(&self) -> Vec<&str> {
        self.cells.iter().map(String::as_str).collect()
    }
}

/// The rows of a file, which is text in UTF-8.
pub(crate) fn load(path: &Path) -> anyhow::Result<Vec<TableLine>> {
    let file = path.display();
    let bytes = std::fs::read(path).with_context(|| format!("{file}: cannot be read"))?;
    let text = std::str::from_utf8(&bytes).map_err(|why| {
        let line = bytes[..why.valid_up_to()].split(|b| *b == b'\n').count();
        anyhow!("{file}:{line}: this is no UTF-8 text; save the file as CSV UTF-8")
    })?;
    parse(text, &file.to_string())
}

/// The rows of a text that errors call `file`.
pub(crate) fn parse(text: &str, file: &str) -> anyhow::Result<Vec<TableLine>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .comment(Some(b'#'))
        .delimiter(divider(text) as u8)
        .from_reader(text.as_bytes());
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(why) => bail!("{file}: {why}"),
        };
        let line = line_of(text, record.position().map_or(0, csv::Position::byte));
        let cells: Vec<String> = record.iter().map(str::to_owned).collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            rows.push(TableLine { line, cells });
        }
    }
    Ok(rows)
}

/// The line of a record that begins at this byte, or behind the empty lines and remarks there.
fn line_of(text: &str, byte: u64) -> u64 {
    let (before, from) = text.split_at_checked(byte as usize).unwrap_or((text, ""));
    let passed = from.lines().map(str::trim);
    let passed = passed.take_while(|line| line.is_empty() || line.starts_with('#')).count();
    1 + (before.matches('\n').count() + passed) as u64
}

/// What the first line is divided by, outside quotes; a comma where nothing divides it.
fn divider(text: &str) -> char {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let mut quoted = false;
    let mut counts = [0_usize; DIVIDERS.len()];
    for letter in first.unwrap_or_default().chars() {
        quoted ^= letter == '"';
        if let Some(at) = DIVIDERS.iter().position(|d| *d == letter && !quoted) {
            counts[at] += 1;
        }
    }
    // The first of equals is the comma.
    let most = (0..DIVIDERS.len()).rev().max_by_key(|at| counts[*at]).unwrap_or_default();
    DIVIDERS[most]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        parse(text, "t.csv").expect("a table").into_iter().map(|row| row.cells).collect()
    }

    #[test]
    fn each_divider_gives_the_same_cells() {
        let expected = vec![vec!["a".to_owned(), "b c".to_owned()]];
        for text in ["a,b c\n", "\u{feff}a;b c\r\n", " a \t b c ", "# remark\n\n\"a\",\"b c\""] {
            assert_eq!(cells(text), expected, "{text:?}");
        }
        assert_eq!(cells("\"Li, Wei\";east\n"), [["Li, Wei", "east"]]);
        assert_eq!(cells("alone\n"), [["alone"]]);
    }

    #[test]
    fn a_row_carries_its_line() {
        let rows = parse("# remark\n\na,b\n\nc,d\n", "t.csv").expect("a table");
        assert_eq!(rows.iter().map(|row| row.line).collect::<Vec<_>>(), [3, 5]);
    }
}
