//! CSV (RFC 4180) by the `csv` crate: cells out, so that no spreadsheet takes one for a formula;
//! records in, with lines.

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

/// Reads a whole file, header row included; empty rows are left out, a byte-order mark is skipped,
/// cells are trimmed and lose the apostrophe that [`cell`] gave them. `Err` is one line for a
/// person.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Record>, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let bytes = &*with_plain_commas(bytes)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(bytes);
    let mut records = Vec::new();
    for found in reader.records() {
        let found = found.map_err(|e| match e.position() {
            Some(at) => {
                format!("line {}: this is no UTF-8 text; save the file as CSV UTF-8", at.line())
            }
            None => format!("the file can not be read as CSV: {e}"),
        })?;
        let cells: Vec<String> = found.iter().map(plain).collect();
        if cells.iter().any(|c| !c.is_empty()) {
            records.push(Record { line: found.position().map_or(0, |at| line(bytes, at)), cells });
        }
    }
    Ok(records)
}

/// A table whose first line is divided by the comma of a Chinese keyboard is divided by it
/// throughout. Refuses GBK that happens to be UTF-8, too: its letters are of scripts in which no
/// table of ours is written.
fn with_plain_commas(bytes: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(bytes.into()) };
    let latin = |c: char| c.is_alphabetic() && c < '\u{250}';
    let mut foreign = text.chars().filter(|c| !c.is_ascii()).peekable();
    if foreign.peek().is_some() {
        let (mut chinese, mut other) = (false, false);
        for c in foreign {
            chinese |= c >= '\u{2e80}';
            other |= !latin(c) && ('\u{80}'..'\u{800}').contains(&c) && c != '·';
        }
        if other && !chinese {
            return Err("this is GBK and no UTF-8 text: save the file as CSV UTF-8".to_owned());
        }
    }
    let head = text.lines().next().unwrap_or_default();
    if head.contains('，') && !head.contains(',') {
        return Ok(text.replace('，', ",").into_bytes().into());
    }
    Ok(bytes.into())
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

    #[test]
    fn what_is_written_is_read_again() {
        for text in
            ["plain", "with, comma", "with \"quotes\"", "two\nlines", "锦城", "=1+1", "it's"]
        {
            let line = format!("{},{}\n", cell(text), cell("end"));
            assert_eq!(read(line.as_bytes()).unwrap()[0].cells, [text, "end"], "{line}");
        }
        assert_eq!(cell("=1+1"), "'=1+1");
    }

    #[test]
    fn the_comma_of_a_chinese_keyboard_divides() {
        let found = read("id，name\np-2，甲\n".as_bytes()).unwrap();
        assert_eq!(found[1].cells, ["p-2", "甲"]);
        assert_eq!(read("id,name\nc-1,锦城，二部\n".as_bytes()).unwrap()[1].cells[1], "锦城，二部");
    }

    /// 叶薇, 谢薇, 石薇, 陆薇 in GBK are UTF-8 by chance.
    #[test]
    fn gbk_that_happens_to_be_utf_8_is_refused() {
        for name in
            [b"\xd2\xb6\xde\xb1", b"\xd0\xbb\xde\xb1", b"\xca\xaf\xde\xb1", b"\xc2\xbd\xde\xb1"]
        {
            let file = [b"id,name\np-1,".as_slice(), name, b"\n"].concat();
            assert!(read(&file).unwrap_err().contains("GBK"), "{}", String::from_utf8_lossy(name));
        }
        for name in ["José", "Müller", "王芳", "阿卜杜拉·买买提", "Wang"] {
            assert!(read(format!("id,name\np-1,{name}\n").as_bytes()).is_ok(), "{name}");
        }
    }

    #[test]
    fn records_know_their_lines_and_empty_ones_are_none() {
        let found = read("\u{feff}a,b\r\n\r\n\"x\ny\",2\r\n ,\r\n3,4".as_bytes()).unwrap();
        assert_eq!(found.iter().map(|r| r.line).collect::<Vec<_>>(), [1, 3, 6]);
        assert_eq!(found[0].cells, ["a", "b"]);
        assert!(read(b"a\nb,\xff\n").unwrap_err().starts_with("line 2"));
    }
}
