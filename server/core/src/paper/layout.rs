//! Breaks blocks into lines and pages. Knows how wide each character is, and nothing of fonts, PDF
//! or cases.

use std::collections::BTreeMap;

use super::Block;

/// A4 in points.
pub(super) const PAGE: (f32, f32) = (595.0, 842.0);
pub(super) const MARGIN: f32 = 56.0;
const WIDTH: f32 = PAGE.0 - 2.0 * MARGIN;

/// A line of text at its place; or a rule, drawn from there to the right.
pub(super) struct PlacedLine {
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) size: f32,
    pub(super) text: String,
    /// Where a rule ends; `None`: it is text.
    pub(super) rule_to: Option<f32>,
}

/// Width of each character that occurs, in em.
pub(super) type Widths = BTreeMap<char, f32>;

/// Pages that are filled from the top.
struct Sheet {
    pages: Vec<Vec<PlacedLine>>,
    y: f32,
}

impl Sheet {
    fn has_room(&self, height: f32) -> bool {
        self.y + height <= PAGE.1 - MARGIN
    }

    fn turn(&mut self) {
        self.pages.push(Vec::new());
        self.y = MARGIN;
    }

    fn put(&mut self, x: f32, size: f32, text: String, advance: f32) {
        if !self.has_room(advance) {
            self.turn();
        }
        self.y += advance;
        self.place(PlacedLine { x, y: self.y, size, text, rule_to: None });
    }

    fn place(&mut self, it: PlacedLine) {
        if let Some(page) = self.pages.last_mut() {
            page.push(it);
        }
    }

    fn rule(&mut self) {
        let (x, y, text) = (MARGIN, self.y + RULE_BELOW, String::new());
        self.place(PlacedLine { x, y, size: 0.0, text, rule_to: Some(MARGIN + WIDTH) });
    }
}

/// Breaks the blocks into lines and pages.
pub(super) fn laid_out(blocks: &[Block], wide: &Widths) -> Vec<Vec<PlacedLine>> {
    let mut sheet = Sheet { pages: vec![Vec::new()], y: MARGIN };
    let lines = |sheet: &mut Sheet, text: &str, size: f32, advance: f32| {
        for line in wrapped(text, size, WIDTH, wide) {
            sheet.put(MARGIN, size, line, advance);
        }
    };
    for block in blocks {
        match block {
            Block::Title(text) => lines(&mut sheet, text, 18.0, 30.0),
            Block::Centred(text) => {
                for line in wrapped(text, 18.0, WIDTH, wide) {
                    let x = MARGIN + (WIDTH - length(&line, 18.0, wide)).max(0.0) / 2.0;
                    sheet.put(x, 18.0, line, 30.0);
                }
            }
            Block::Heading(text) => {
                sheet.put(MARGIN, 6.0, String::new(), 8.0);
                lines(&mut sheet, text, 13.0, 22.0);
            }
            Block::Pair(name, value) => pair(name, value, wide, &mut sheet),
            Block::Table(rows) => table(rows, wide, &mut sheet),
            Block::Text(text) => lines(&mut sheet, text, 10.5, 17.0),
            Block::Small(text) => lines(&mut sheet, text, 7.5, 12.0),
            Block::Gap => sheet.put(MARGIN, 6.0, String::new(), 8.0),
        }
    }
    sheet.pages
}

/// Of a table: letters, lines, what is free between two columns, and how far a rule is below its
/// row.
const CELL: f32 = 9.0;
const CELL_LINE: f32 = 13.0;
const BETWEEN: f32 = 6.0;
const RULE_BELOW: f32 = 3.5;

/// Rows under a head, which stands on each page anew. A row stays on one page where it fits on one.
fn table(rows: &[Vec<String>], wide: &Widths, sheet: &mut Sheet) {
    let Some((head, rows)) = rows.split_first() else { return };
    let columns = columns(head, rows, wide);
    let broken = |row: &[String]| -> Vec<Vec<String>> {
        let cells = row.iter().zip(&columns);
        cells.map(|(text, (_, width))| wrapped(text, CELL, *width, wide)).collect()
    };
    let head = broken(head);
    let height = |cells: &[Vec<String>]| {
        cells.iter().map(Vec::len).max().unwrap_or(0) as f32 * CELL_LINE + RULE_BELOW
    };
    let put = |cells: &[Vec<String>], sheet: &mut Sheet| {
        for n in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
            // The first cell moves on; the others stand on its line.
            for (column, (cell, (x, _))) in cells.iter().zip(&columns).enumerate() {
                let advance = if column == 0 { CELL_LINE } else { 0.0 };
                sheet.put(*x, CELL, cell.get(n).cloned().unwrap_or_default(), advance);
            }
        }
        sheet.rule();
        sheet.y += RULE_BELOW;
    };
    if !sheet.has_room(height(&head) + CELL_LINE) {
        sheet.turn();
    }
    put(&head, sheet);
    for row in rows {
        let cells = broken(row);
        if !sheet.has_room(height(&cells)) {
            sheet.turn();
            put(&head, sheet);
        }
        put(&cells, sheet);
    }
}

/// Where each column begins, and how wide it is: by its longest cell, no column below its share of
/// a narrow one.
fn columns(head: &[String], rows: &[Vec<String>], wide: &Widths) -> Vec<(f32, f32)> {
    let count = head.len().max(1) as f32;
    let free = WIDTH - BETWEEN * (count - 1.0);
    let least = free / (count * 2.0);
    let wanted: Vec<f32> = (0..head.len())
        .map(|n| {
            let cells = std::iter::once(head).chain(rows.iter().map(Vec::as_slice));
            let longest = cells.filter_map(|row| row.get(n)).map(|c| length(c, CELL, wide));
            longest.fold(least, f32::max).min(free)
        })
        .collect();
    let beyond: f32 = wanted.iter().map(|w| w - least).sum();
    let share = ((free - least * count) / beyond.max(1.0)).min(1.0);
    let mut x = MARGIN;
    wanted
        .into_iter()
        .map(|wanted| {
            let (at, width) = (x, least + (wanted - least) * share);
            x += width + BETWEEN;
            (at, width)
        })
        .collect()
}

/// Width of the labels, and where their values begin.
const LABEL: f32 = 124.0;
const VALUE: f32 = 130.0;

/// A label and its value side by side, each broken into lines of its own; a label that is too long
/// for its column stands above the value.
fn pair(name: &str, value: &str, wide: &Widths, sheet: &mut Sheet) {
    let values = wrapped(value, 10.0, WIDTH - VALUE, wide);
    let above = length(name, 10.0, wide) > 1.6 * LABEL;
    let names = wrapped(name, 10.0, if above { WIDTH } else { LABEL }, wide);
    if above {
        for line in names {
            sheet.put(MARGIN, 10.0, line, 15.0);
        }
        for line in values {
            sheet.put(MARGIN + VALUE, 10.0, line, 15.0);
        }
        return;
    }
    let (mut names, mut values) = (names.into_iter(), values.into_iter());
    loop {
        let (name, value) = (names.next(), values.next());
        if name.is_none() && value.is_none() {
            return;
        }
        sheet.put(MARGIN, 10.0, name.unwrap_or_default(), 15.0);
        // The value stands on the label's line.
        sheet.put(MARGIN + VALUE, 10.0, value.unwrap_or_default(), 0.0);
    }
}

/// How long a line is, in points.
fn length(line: &str, size: f32, wide: &Widths) -> f32 {
    line.chars().map(|c| wide.get(&c).copied().unwrap_or(1.0)).sum::<f32>() * size
}

/// Signs that begin no line, and those that end none.
const CLOSING: &str = "，。；：、？！）》〉」』】〕”’,;:?!)";
const OPENING: &str = "（《〈「『【〔“‘(";

/// What goes along to the next line begins here: with the sign that may begin none, the one before
/// it; with a part of a number, a day or an edition, all of it. A long row of either breaks where
/// it must.
fn taken_along(line: &str, mut next: char) -> usize {
    let of_a_number = |c: char| c.is_ascii_digit() || "-.:/%".contains(c);
    let mut at = line.len();
    for (n, last) in line.char_indices().rev().take(16) {
        let number = of_a_number(next) && of_a_number(last);
        if !CLOSING.contains(next) && !OPENING.contains(last) && !number {
            return at;
        }
        (at, next) = (n, last);
    }
    line.len()
}

/// Lines no wider than `width`: Chinese breaks anywhere but before a closing sign and behind an
/// opening one, Latin at blanks, what has none (a hash) where it must.
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
                    _ => line.split_off(taken_along(&line, c)),
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
    fn a_line_begins_with_no_closing_and_ends_with_no_opening_sign() {
        let wide = Widths::new();
        let lines = |text: &str| wrapped(text, 10.0, 40.0, &wide);
        assert_eq!(lines("一二三四，五"), ["一二三", "四，五"]);
        assert_eq!(lines("一二三（四五）六"), ["一二三", "（四五）", "六"]);
        let narrow: Widths = "0123456789-.".chars().map(|c| (c, 0.25)).collect();
        let edition = wrapped("依据表2026-11-30.3版", 10.0, 57.0, &narrow);
        assert_eq!(edition, ["依据表", "2026-11-30.3版"], "an edition is one word");
        assert_eq!(lines("一二三四）。五"), ["一二三", "四）。五"]);
        assert_eq!(lines("一二三12月"), ["一二三", "12月"]);
        let signs = "，".repeat(9);
        assert_eq!(lines(&signs).concat(), signs, "words are lost");
        for text in
            ["《医师法》，第一条；（待核）。", "（（（（（（（（（甲", "甲））））））））））乙"]
        {
            assert_eq!(lines(text).concat(), text);
            assert!(lines(text).iter().all(|line| line.chars().count() <= 4), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_goes_on_the_next_page() {
        let blocks: Vec<Block> = (0..100).map(|n| Block::Text(n.to_string())).collect();
        let pages = laid_out(&blocks, &Widths::new());
        assert!(pages.len() > 1);
        assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), 100);
        assert!(pages.iter().flatten().all(|line| line.y <= PAGE.1 - MARGIN));
    }

    /// No two texts of a page lie on one another, and none goes beyond the edge.
    fn apart(pages: &[Vec<PlacedLine>], wide: &Widths) {
        for page in pages {
            let texts: Vec<&PlacedLine> =
                page.iter().filter(|p| p.rule_to.is_none() && !p.text.is_empty()).collect();
            for (n, line) in texts.iter().enumerate() {
                let end = line.x + length(&line.text, line.size, wide);
                assert!(end <= PAGE.0 - MARGIN + 0.1, "beyond the edge: {}", line.text);
                for other in texts[n + 1..].iter().filter(|o| (o.y - line.y).abs() < 0.01) {
                    let ended = other.x + length(&other.text, other.size, wide);
                    let clear = end <= other.x + 0.1 || ended <= line.x + 0.1;
                    assert!(clear, "`{}` lies over `{}`", line.text, other.text);
                }
            }
        }
    }

    #[test]
    fn a_table_keeps_rows_whole_and_its_head_on_each_page() {
        let row = |cells: &[&str]| cells.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
        let long = "欧阳".repeat(60);
        let mut rows = vec![row(&["时间", "姓名", "内容"])];
        for n in 0..60 {
            rows.push(row(&[&format!("2026-03-02 08:{n:02}"), &long, "刘\u{31350}"]));
        }
        let wide = Widths::new();
        let pages = laid_out(&[Block::Table(rows.clone())], &wide);
        assert!(pages.len() > 1);
        apart(&pages, &wide);
        for page in &pages {
            assert_eq!(page[0].text, "时间", "a page without the table's head");
            assert!(page.iter().all(|p| p.y <= PAGE.1 - MARGIN + RULE_BELOW));
            let said: String = page.iter().map(|p| p.text.as_str()).collect();
            assert_eq!(said.matches('欧').count() % 60, 0, "a row is cut");
        }
        let said: usize = pages.iter().flatten().map(|p| p.text.chars().count()).sum();
        let given: usize = rows.iter().flatten().map(|c| c.chars().count()).sum();
        assert_eq!(said, given + (pages.len() - 1) * 6, "words are lost");
    }

    #[test]
    fn a_row_longer_than_a_page_goes_on() {
        let rows = vec![vec!["内容".to_owned()], vec!["长".repeat(9000)]];
        let pages = laid_out(&[Block::Table(rows)], &Widths::new());
        let said: usize = pages.iter().flatten().map(|p| p.text.chars().count()).sum();
        assert!(said >= 9002, "words are lost");
        assert!(laid_out(&[Block::Table(Vec::new())], &Widths::new())[0].is_empty());
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
        apart(&pages, &wide);
    }
}
