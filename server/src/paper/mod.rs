//! A plain paper as PDF: headings, pairs and paragraphs in Chinese and Latin, broken into lines and
//! pages.
//!
//! The font is one that stands on this machine; only the glyphs that are used go into the file.
//! Knows nothing of cases.

mod docx;
mod font;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

pub use docx::docx;
pub use font::Font;

/// A4 in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 56.0;
const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;
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
    Text(String),
    /// Small, for hashes and notes.
    Small(String),
    Gap,
}

/// A line at its place.
struct Placed {
    x: f32,
    y: f32,
    size: f32,
    text: String,
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
        lines.push(Placed { x: MARGIN, y: PAGE.1 - 32.0, size: 8.0, text });
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
        let (one, other) = match self {
            Self::Title(text)
            | Self::Centred(text)
            | Self::Heading(text)
            | Self::Text(text)
            | Self::Small(text) => (text.as_str(), ""),
            Self::Pair(name, value) => (name.as_str(), value.as_str()),
            Self::Gap => ("", ""),
        };
        one.chars().chain(other.chars())
    }
}

/// Width of each character that occurs, in em.
type Widths = BTreeMap<char, f32>;

/// Breaks the blocks into lines and pages.
fn laid_out(blocks: &[Block], wide: &Widths) -> Vec<Vec<Placed>> {
    let mut pages: Vec<Vec<Placed>> = vec![Vec::new()];
    let mut y = MARGIN;
    let mut put = |x: f32, size: f32, text: String, advance: f32| {
        if y + advance > PAGE.1 - MARGIN {
            pages.push(Vec::new());
            y = MARGIN;
        }
        y += advance;
        if let Some(page) = pages.last_mut() {
            page.push(Placed { x, y, size, text });
        }
    };
    for block in blocks {
        match block {
            Block::Title(text) => wrapped(text, 18.0, WIDTH, wide)
                .into_iter()
                .for_each(|t| put(MARGIN, 18.0, t, 30.0)),
            Block::Centred(text) => {
                for line in wrapped(text, 18.0, WIDTH, wide) {
                    let x = MARGIN + (WIDTH - length(&line, 18.0, wide)).max(0.0) / 2.0;
                    put(x, 18.0, line, 30.0);
                }
            }
            Block::Heading(text) => {
                put(MARGIN, 6.0, String::new(), 8.0);
                for t in wrapped(text, 13.0, WIDTH, wide) {
                    put(MARGIN, 13.0, t, 22.0);
                }
            }
            Block::Pair(name, value) => {
                let values = wrapped(value, 10.0, WIDTH - 130.0, wide);
                for (n, line) in values.into_iter().enumerate() {
                    let label = if n == 0 { name.clone() } else { String::new() };
                    put(MARGIN, 10.0, label, 15.0);
                    // The value stands on the label's line.
                    put(MARGIN + 130.0, 10.0, line, 0.0);
                }
            }
            Block::Text(text) => wrapped(text, 10.5, WIDTH, wide)
                .into_iter()
                .for_each(|t| put(MARGIN, 10.5, t, 17.0)),
            Block::Small(text) => {
                for line in wrapped(text, 7.5, WIDTH, wide) {
                    put(MARGIN, 7.5, line, 12.0);
                }
            }
            Block::Gap => put(MARGIN, 6.0, String::new(), 8.0),
        }
    }
    pages
}

/// How long a line is, in points.
fn length(line: &str, size: f32, wide: &Widths) -> f32 {
    line.chars().map(|c| wide.get(&c).copied().unwrap_or(1.0)).sum::<f32>() * size
}

/// Lines no wider than `width`: Chinese breaks anywhere, Latin at blanks, what has none (a hash)
/// where it must.
fn wrapped(text: &str, size: f32, width: f32, wide: &Widths) -> Vec<String> {
    let em = |c: &char| wide.get(c).copied().unwrap_or(1.0);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let (mut line, mut used) = (String::new(), 0.0);
        for c in paragraph.chars().filter(|c| !c.is_control()) {
            let advance = em(&c) * size;
            if used + advance > width {
                let rest = match line.rfind(' ') {
                    Some(at) if c.is_ascii_graphic() && line.len() - at < 24 => {
                        line.split_off(at + 1)
                    }
                    _ => String::new(),
                };
                lines.push(std::mem::replace(&mut line, rest));
                used = length(&line, size, wide);
            }
            line.push(c);
            used += advance;
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_breaks_anywhere_and_latin_at_blanks() {
        let wide: Widths = [('a', 0.5), ('b', 0.5), (' ', 0.5)].into();
        assert_eq!(wrapped("一二三四五", 10.0, 30.0, &wide), ["一二三", "四五"]);
        assert_eq!(wrapped("aaaa bbbb", 10.0, 40.0, &wide), ["aaaa ", "bbbb"]);
        assert_eq!(wrapped("", 10.0, 40.0, &wide), [""]);
    }

    #[test]
    fn what_does_not_fit_goes_on_the_next_page() {
        let blocks: Vec<Block> = (0..100).map(|n| Block::Text(n.to_string())).collect();
        let pages = laid_out(&blocks, &Widths::new());
        assert!(pages.len() > 1);
        assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), 100);
        assert!(pages.iter().flatten().all(|line| line.y <= PAGE.1 - MARGIN));
    }

    #[test]
    fn a_paper_is_a_pdf_with_chinese_in_it() {
        let Some(font) = font() else { return };
        let blocks = [
            Block::Title("案件材料包".into()),
            Block::Pair("机构".into(), "锦城医疗美容门诊部".into()),
        ];
        let bytes = pdf("案件", "zh-CN", &blocks, "线索", &font).unwrap();
        assert!(bytes.starts_with(b"%PDF-") && bytes.len() < 200_000, "{} bytes", bytes.len());
    }

    fn font() -> Option<Font> {
        let font = Font::find(None).ok();
        if font.is_none() {
            eprintln!("SKIPPED: no font with Chinese found");
        }
        font
    }

    /// Names of a paper for a court: what the font lacks is neither empty nor somebody else.
    #[test]
    fn a_rare_character_never_becomes_another_one() {
        let Some(font) = font() else { return };
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

    /// Characters that share a glyph are told apart where they are copied.
    #[test]
    fn characters_of_one_glyph_say_each_its_own() {
        let Some(font) = font() else { return };
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
