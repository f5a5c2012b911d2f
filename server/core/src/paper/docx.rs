//! The same paper as a word processor's document (Office Open XML, ISO/IEC 29500), so that an
//! officer goes on writing in it: paragraphs alone, with page x of y in the foot.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;

use super::Block;

const HEAD: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>"#;
const WORD: &str = "http://schemas.openxmlformats.org/wordprocessingml/2006/main";
const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// Half points, as the format counts.
const TITLE: u32 = 36;
const HEADING: u32 = 26;
const BODY: u32 = 21;
const SMALL: u32 = 16;

/// Makes the document. `foot` stands under every page beside its number.
pub fn docx(blocks: &[Block], foot: &str) -> zip::result::ZipResult<Vec<u8>> {
    let mut out = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut part = |name: &str, text: String| {
        out.start_file(name, options)?;
        out.write_all(text.as_bytes())?;
        Ok::<_, zip::result::ZipError>(())
    };
    part("[Content_Types].xml", content_types())?;
    part("_rels/.rels", relation("officeDocument", "word/document.xml"))?;
    part("word/_rels/document.xml.rels", relation("footer", "footer1.xml"))?;
    part("word/footer1.xml", footer(foot))?;
    part("word/document.xml", document(blocks))?;
    Ok(out.finish()?.into_inner())
}

fn content_types() -> String {
    let main = "application/vnd.openxmlformats-officedocument.wordprocessingml";
    format!(
        "{HEAD}<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Default Extension=\"rels\" \
         ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Override PartName=\"/word/document.xml\" ContentType=\"{main}.document.main+xml\"/>\
         <Override PartName=\"/word/footer1.xml\" ContentType=\"{main}.footer+xml\"/></Types>"
    )
}

fn relation(kind: &str, target: &str) -> String {
    format!(
        "{HEAD}<Relationships xmlns=\"{RELATIONS}\"><Relationship Id=\"rId1\" \
         Type=\"{OFFICE}/{kind}\" Target=\"{target}\"/></Relationships>"
    )
}

fn document(blocks: &[Block]) -> String {
    let mut body = String::new();
    for block in blocks {
        match block {
            Block::Title(text) => paragraph(&mut body, text, TITLE, Align::Left),
            Block::Centred(text) => paragraph(&mut body, text, TITLE, Align::Centre),
            Block::Heading(text) => paragraph(&mut body, text, HEADING, Align::Left),
            Block::Pair(name, value) => {
                paragraph(&mut body, &format!("{name}：{value}"), BODY, Align::Left);
            }
            Block::Table(rows) => table(&mut body, rows),
            Block::Text(text) => paragraph(&mut body, text, BODY, Align::Left),
            Block::Small(text) => paragraph(&mut body, text, SMALL, Align::Left),
            Block::Gap => body.push_str("<w:p/>"),
        }
    }
    format!(
        "{HEAD}<w:document xmlns:w=\"{WORD}\" xmlns:r=\"{OFFICE}\"><w:body>{body}<w:sectPr>\
         <w:footerReference w:type=\"default\" r:id=\"rId1\"/>\
         <w:pgSz w:w=\"11906\" w:h=\"16838\"/>\
         <w:pgMar w:top=\"1440\" w:right=\"1440\" w:bottom=\"1440\" w:left=\"1440\" \
         w:header=\"720\" w:footer=\"720\" w:gutter=\"0\"/></w:sectPr></w:body></w:document>"
    )
}

/// With a line around each cell; the first row stands on each page anew.
fn table(out: &mut String, rows: &[Vec<String>]) {
    let side = |name: &str| format!("<w:{name} w:val=\"single\" w:sz=\"4\"/>");
    let sides = ["top", "left", "bottom", "right", "insideH", "insideV"].map(side).concat();
    let mut cells = String::new();
    for (n, row) in rows.iter().enumerate() {
        let head = if n == 0 { "<w:trPr><w:tblHeader/></w:trPr>" } else { "" };
        cells.push_str("<w:tr>");
        cells.push_str(head);
        for cell in row {
            cells.push_str("<w:tc>");
            paragraph(&mut cells, cell, BODY, Align::Left);
            cells.push_str("</w:tc>");
        }
        cells.push_str("</w:tr>");
    }
    // Writing to a text never fails. A paragraph stands between two tables, and after the last.
    let _ = write!(
        out,
        "<w:tbl><w:tblPr><w:tblW w:w=\"5000\" w:type=\"pct\"/><w:tblBorders>{sides}</w:tblBorders>\
         </w:tblPr>{cells}</w:tbl><w:p/>"
    );
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Centre,
}

fn paragraph(out: &mut String, text: &str, half_points: u32, align: Align) {
    let centre = if align == Align::Centre { "<w:jc w:val=\"center\"/>" } else { "" };
    for line in text.split('\n') {
        // Writing to a text never fails.
        let _ = write!(out, "<w:p><w:pPr>{centre}</w:pPr>{}</w:p>", run(line, half_points));
    }
}

fn run(text: &str, half_points: u32) -> String {
    format!(
        "<w:r><w:rPr><w:rFonts w:eastAsia=\"仿宋\" w:hint=\"eastAsia\"/>\
         <w:sz w:val=\"{half_points}\"/></w:rPr>\
         <w:t xml:space=\"preserve\">{}</w:t></w:r>",
        escaped(text)
    )
}

fn footer(foot: &str) -> String {
    let field =
        |name: &str| format!("<w:fldSimple w:instr=\" {name} \">{}</w:fldSimple>", run("1", SMALL));
    format!(
        "{HEAD}<w:ftr xmlns:w=\"{WORD}\"><w:p>{}{}{}{}</w:p></w:ftr>",
        run(&format!("{foot}    "), SMALL),
        field("PAGE"),
        run(" / ", SMALL),
        field("NUMPAGES")
    )
}

/// XML 1.0 has no control characters and neither U+FFFE nor U+FFFF: they are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn text_of(bytes: &[u8], name: &str) -> String {
        let mut file = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut text = String::new();
        file.by_name(name).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn a_document_holds_its_text_and_counts_its_pages() {
        let blocks = [Block::Centred("决定书".into()), Block::Text("锦城\u{31350}门诊部".into())];
        let bytes = docx(&blocks, "草稿").unwrap();
        let text = text_of(&bytes, "word/document.xml");
        assert!(text.contains("决定书") && text.contains("锦城\u{31350}门诊部"), "{text}");
        let foot = text_of(&bytes, "word/footer1.xml");
        assert!(foot.contains("草稿") && foot.contains("NUMPAGES"), "{foot}");
    }

    #[test]
    fn a_table_has_its_cells_and_a_head() {
        let rows = vec![vec!["姓名".to_owned()], vec!["<刘\u{31350}>".to_owned()]];
        let bytes = docx(&[Block::Table(rows)], "").unwrap();
        let text = text_of(&bytes, "word/document.xml");
        assert_eq!(text.matches("<w:tr>").count(), 2, "{text}");
        assert!(text.contains("tblHeader") && text.contains("&lt;刘\u{31350}&gt;"), "{text}");
    }

    #[test]
    fn a_name_of_markup_stays_text() {
        let bytes = docx(&[Block::Text("<w:p>&\u{0}\u{ffff}".into())], "").unwrap();
        assert!(text_of(&bytes, "word/document.xml").contains("&lt;w:p&gt;&amp;</w:t>"));
    }
}
