//! Breaks blocks into lines and pages. Knows how wide each character is, and nothing of fonts, PDF
//! or cases.

use std::collections::BTreeMap;

use super::Block;

/// A4 in points.
pub(super) const PAGE: (f32, f32) = (595.0, 842.0);
pub(super) const MARGIN: f32 = 56.0;
const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;

/// A line at its place.
pub(super) struct Placed {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) size: f32,
    pub(super) text: String,
}

/// Width of each character that occurs, in em.
pub(super) type Widths = BTreeMap<char, f32>;

/// Breaks the blocks into lines and pages.
pub(super) fn laid_out(blocks: &[Block], wide: &Widths) -> Vec<Vec<Placed>> {
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
            Block::Pair(name, value) => pair(name, value, wide, &mut put),
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

/// Width of the labels, and where their values begin.
const LABEL: f32 = 124.0;
const VALUE: f32 = 130.0;

/// A label and its value side by side, each broken into lines of its own; a label that is too long
/// for its column stands above the value.
fn pair(name: &str, value: &str, wide: &Widths, put: &mut impl FnMut(f32, f32, String, f32)) {
    let values = wrapped(value, 10.0, WIDTH - VALUE, wide);
    let above = length(name, 10.0, wide) > 1.6 * LABEL;
    let names = wrapped(name, 10.0, if above { WIDTH } else { LABEL }, wide);
    if above {
        for line in names {
            put(MARGIN, 10.0, line, 15.0);
        }
        for line in values {
            put(MARGIN + VALUE, 10.0, line, 15.0);
        }
        return;
    }
    let (mut names, mut values) = (names.into_iter(), values.into_iter());
    loop {
        let (name, value) = (names.next(), values.next());
        if name.is_none() && value.is_none() {
            return;
        }
        put(MARGIN, 10.0, name.unwrap_or_default(), 15.0);
        // The value stands on the label's line.
        put(MARGIN + VALUE, 10.0, value.unwrap_or_default(), 0.0);
    }
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
    fn a_long_label_wraps_beside_its_value() {
        let names = ["机构", "2026-03-02 08:50:40 (UTC+8) wang", &"长".repeat(64), &"w".repeat(64)];
        let blocks: Vec<Block> = names
            .iter()
            .flat_map(|name| {
                ["", "短", &"值".repeat(120)]
                    .map(|value| Block::Pair((*name).to_owned(), value.to_owned()))
            })
            .collect();
        let wide = Widths::new();
        let pages = laid_out(&blocks, &wide);
        let said: usize = pages.iter().flatten().map(|line| line.text.chars().count()).sum();
        let given: usize = blocks.iter().flat_map(Block::characters).count();
        assert_eq!(said, given, "words are lost");
        for page in &pages {
            for (n, line) in page.iter().enumerate() {
                let end = line.x + length(&line.text, line.size, &wide);
                assert!(end <= PAGE.0 - MARGIN + 0.1, "beyond the edge: {}", line.text);
                let others = page[n + 1..].iter().filter(|other| (other.y - line.y).abs() < 0.01);
                for other in others.filter(|other| !other.text.is_empty()) {
                    let ended = other.x + length(&other.text, other.size, &wide);
                    assert!(
                        end <= other.x || ended <= line.x,
                        "`{}` lies over `{}`",
                        line.text,
                        other.text
                    );
                }
            }
        }
    }
}
