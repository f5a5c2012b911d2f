//! A plain paper as PDF: headings, pairs and paragraphs in Chinese and Latin, broken into lines and
//! pages.
//!
//! The font is one that stands on this machine; only the glyphs that are used go into the file.
//! Knows nothing of cases.

mod docx;
mod font;
mod layout;

use std::collections::BTreeSet;
use std::path::PathBuf;

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

pub use docx::docx;
pub use font::Font;
use layout::{MARGIN, PAGE, PlacedLine, laid_out};

const FONT: Name<'static> = Name(b"F");

#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    #[error(
        "no font with Chinese was found: install Debian's fonts-noto-cjk or fonts-wqy-microhei, \
        or name one as `export.font_file`"
    )]
    NoFont,
    #[error("`{path}` can not be used as a font: {why}")]
    BadFont { path: PathBuf, why: String },
}

/// What a paper is made of, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    Title(String),
    /// A heading of an office's document, in the middle of the line.
    Centred(String),
    Heading(String),
    /// A name and its value, side by side.
    Pair(String, String),
    /// Rows of as many cells as the first, which is the head.
    Table(Vec<Vec<String>>),
    Text(String),
    /// Small, for hashes and notes.
    Small(String),
    Gap,
}

/// Makes the PDF. `foot` stands under every page beside its number.
pub fn pdf(
    title: &str,
    language: &str,
    blocks: &[Block],
    foot: &str,
    font: &Font,
) -> Result<Vec<u8>, PaperError> {
    let lacking = font.lacks(blocks.iter().flat_map(Block::characters))?;
    let noted: Vec<Block> = blocks.iter().cloned().chain(note(language, &lacking)).collect();
    let wide = font.widths(noted.iter().flat_map(Block::characters))?;
    let mut pages = laid_out(&noted, &wide);
    let count = pages.len();
    for (n, lines) in pages.iter_mut().enumerate() {
        let text = format!("{foot}    {} / {count}", n + 1);
        lines.push(PlacedLine { x: MARGIN, y: PAGE.1 - 32.0, size: 8.0, text, rule_to: None });
    }
    let used = font.used(pages.iter().flatten().flat_map(|line| line.text.chars()))?;

    let mut pdf = Pdf::new();
    let mut next = Ref::new(1);
    let (catalog, tree, small, about) = (next.bump(), next.bump(), next.bump(), next.bump());
    pdf.catalog(catalog).pages(tree).lang(TextStr(language));
    pdf.document_info(about).title(TextStr(title));
    font.embed(&mut pdf, small, &mut next, &used)?;
    let ids: Vec<(Ref, Ref)> = pages.iter().map(|_| (next.bump(), next.bump())).collect();
    pdf.pages(tree).kids(ids.iter().map(|(page, _)| *page)).count(count as i32);
    for (lines, (page, text)) in pages.iter().zip(ids) {
        let mut made = pdf.page(page);
        made.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1)).parent(tree).contents(text);
        made.resources().fonts().pair(FONT, small);
        made.finish();
        let mut content = Content::new();
        for line in lines {
            if let Some(to) = line.rule_to {
                let y = PAGE.1 - line.y;
                content.set_line_width(0.4).move_to(line.x, y).line_to(to, y).stroke();
                continue;
            }
            content.begin_text();
            // PDF counts from the lower edge.
            content.set_font(FONT, line.size).set_text_matrix([
                1.0,
                0.0,
                0.0,
                1.0,
                line.x,
                PAGE.1 - line.y,
            ]);
            for run in used.shown(&line.text) {
                if let Some(says) = run.says {
                    let mut span = content.begin_marked_content_with_properties(Name(b"Span"));
                    span.properties().actual_text(TextStr(says.encode_utf8(&mut [0; 4])));
                }
                content.show(Str(&run.glyphs));
                if run.says.is_some() {
                    content.end_marked_content();
                }
            }
            content.end_text();
        }
        pdf.stream(text, &content.finish());
    }
    Ok(pdf.finish())
}

/// Says which characters stand there as numbers.
fn note(language: &str, lacking: &BTreeSet<char>) -> Option<Block> {
    if lacking.is_empty() {
        return None;
    }
    let numbers: Vec<String> = lacking.iter().map(|c| format!("U+{:04X}", u32::from(*c))).collect();
    let numbers = numbers.join(" ");
    Some(Block::Small(if language.starts_with("zh") {
        format!("本机字体缺少下列字符，文中以其编码表示，复制时为原字符：{numbers}")
    } else {
        format!(
            "The font lacks these characters; they stand here as their numbers, and copied they \
            are themselves: {numbers}"
        )
    }))
}

impl Block {
    fn characters(&self) -> impl Iterator<Item = char> {
        let texts: Vec<&str> = match self {
            Self::Title(text)
            | Self::Centred(text)
            | Self::Heading(text)
            | Self::Text(text)
            | Self::Small(text) => vec![text],
            Self::Pair(name, value) => vec![name, value],
            Self::Table(rows) => rows.iter().flatten().map(String::as_str).collect(),
            Self::Gap => Vec::new(),
        };
        texts.into_iter().flat_map(str::chars)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_is_a_pdf_with_chinese_in_it() {
        let font = font();
        let blocks = [
            Block::Title("案件材料包".into()),
            Block::Pair("机构".into(), "锦城医疗美容门诊部".into()),
        ];
        let bytes = pdf("案件", "zh-CN", &blocks, "线索", &font).unwrap();
        assert!(bytes.starts_with(b"%PDF-") && bytes.len() < 200_000, "{} bytes", bytes.len());
    }

    fn font() -> Font {
        Font::find(None).expect("a font with Chinese: ./scripts/setup --tests installs one")
    }

    /// Names of a paper for a court: what the font lacks is neither empty nor somebody else.
    #[test]
    fn a_rare_character_never_becomes_another_one() {
        let font = font();
        let rare = ['\u{31350}', '\u{31351}', '\u{e000}', '\u{10fffd}'];
        let text: String = rare.iter().chain(&['刘', 'U', '[', 'A']).collect();
        let lacking = font.lacks(text.chars()).unwrap();
        let used = font.used(text.chars()).unwrap();
        for c in rare.into_iter().filter(|c| lacking.contains(c)) {
            let runs = used.shown(&format!("刘{c}"));
            assert_eq!(runs.len(), 2, "{c:?}");
            assert_eq!(runs[1].says, Some(c));
            let number = used.shown(&format!("[U+{:04X}]", u32::from(c)));
            assert_eq!(runs[1].glyphs, number[0].glyphs, "an empty box was drawn");
        }
        assert!(lacking.contains(&'\u{10fffd}'), "the font is not asked");
        let Some(Block::Small(note)) = note("zh-CN", &lacking) else { panic!("nothing says so") };
        assert!(note.contains("U+10FFFD"), "{note}");
        let bytes = pdf("案件", "zh-CN", &[Block::Text(text)], "线索", &font).unwrap();
        let has = |wanted: &[u8]| bytes.windows(wanted.len()).any(|w| w == wanted);
        assert!(has(b"ActualText"));
    }

    /// The page by which libraries were compared: a table, a long name, a rare character.
    #[test]
    fn a_page_with_a_table_keeps_each_cells_words() {
        let font = font();
        let row = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        let name = "欧阳".repeat(40);
        let table =
            Block::Table(vec![row("姓名", "时间"), row(&name, "2026"), row("刘\u{31350}", "2027")]);
        let bytes = pdf("表", "zh-CN", std::slice::from_ref(&table), "线索", &font).unwrap();
        assert!(bytes.starts_with(b"%PDF-"), "no paper");
        let lacking = font.lacks(table.characters()).unwrap();
        assert!(lacking.iter().all(|c| *c == '\u{31350}'), "{lacking:?}");
    }

    /// Characters that share a glyph are told apart where they are copied.
    #[test]
    fn characters_of_one_glyph_say_each_its_own() {
        let font = font();
        let pairs = [
            ('豈', '\u{f900}'),
            ('更', '\u{f901}'),
            ('車', '\u{f902}'),
            ('Å', '\u{212b}'),
            ('Ω', '\u{2126}'),
        ];
        for (one, other) in pairs {
            let used = font.used([one, other].into_iter()).unwrap();
            let said: Vec<char> = [one, other]
                .into_iter()
                .flat_map(|c| used.shown(&c.to_string()))
                .map(|run| run.says.unwrap_or_else(|| used.stands_for(&run.glyphs)))
                .collect();
            assert_eq!(said, [one, other]);
        }
    }

    #[test]
    fn a_font_that_is_none_is_named() {
        let error =
            Font::find(Some(std::path::Path::new("/nowhere/font.ttf"))).unwrap_err().to_string();
        assert!(error.contains("/nowhere/font.ttf"), "{error}");
    }
}
