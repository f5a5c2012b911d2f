//! Charts as SVG text, drawn here: columns by day, bars by name, a line with a limit. Classes carry
//! the colours (strict CSP).
//!
//! Pure. Every chart has a title for screen readers; the page shows the same numbers as a table
//! beside it.

use std::fmt::Write as _;

/// The parts of one bar or column, in the order of [`SEVERITIES`] or a single one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Stack {
    pub name: String,
    pub parts: Vec<(&'static str, i64)>,
    /// What stands at the bar's end instead of its sum.
    pub label: String,
}

impl Stack {
    fn sum(&self) -> i64 {
        self.parts.iter().map(|p| p.1).sum()
    }
}

/// Classes of the four severities.
pub(in crate::web) const SEVERITIES: [&str; 4] = ["v0", "v1", "v2", "v3"];

const WIDE: i64 = 480;

pub(in crate::web) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn open(height: i64, title: &str) -> String {
    let title = escape(title);
    format!(
        r#"<svg class="chart" viewBox="0 0 {WIDE} {height}" role="img" aria-label="{title}"><title>{title}</title>"#
    )
}

/// Horizontal bars, one row each, all to one scale.
pub(in crate::web) fn bars(title: &str, rows: &[Stack]) -> String {
    scaled(title, rows, rows.iter().map(Stack::sum).max().unwrap_or(0))
}

/// The same to a scale that is given, such as 100 %.
pub(in crate::web) fn scaled(title: &str, rows: &[Stack], most: i64) -> String {
    const LEFT: i64 = 130;
    const RIGHT: i64 = WIDE - 140;
    let most = most.max(1);
    // Names that do not fit beside their bars stand above them, all of them alike.
    let above = rows.iter().any(|row| wide(&row.name) > LEFT - 10);
    let height = if above { 50 } else { 30 };
    let mut svg = open(rows.len() as i64 * height + 8, title);
    for (n, row) in rows.iter().enumerate() {
        let top = n as i64 * height + 6;
        let name: String = row.name.chars().take(60).collect();
        let (class, at) = if above { ("tick", 0) } else { ("name", LEFT - 10) };
        let _ = write!(
            svg,
            r#"<text class="{class}" x="{at}" y="{}">{}</text>"#,
            top + if above { 10 } else { 15 },
            escape(&name)
        );
        let y = if above { top + 16 } else { top };
        let mut x = if above { 0 } else { LEFT };
        for (class, value) in row.parts.iter().filter(|p| p.1 > 0) {
            let width = (value * (RIGHT - LEFT) / most).max(2);
            let _ = write!(
                svg,
                r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="20" rx="3"><title>{value}</title></rect>"#
            );
            x += width;
        }
        let label = if row.label.is_empty() { row.sum().to_string() } else { row.label.clone() };
        let _ = write!(
            svg,
            r#"<text class="value" x="{}" y="{}">{}</text>"#,
            x + 8,
            y + 15,
            escape(&label)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// About how wide a name is drawn: a Chinese character is as wide as it is high.
fn wide(name: &str) -> i64 {
    name.chars().map(|c| if c.is_ascii() { 8 } else { 14 }).sum()
}

/// Columns over days; the days are given in order, each with its own stack.
pub(in crate::web) fn columns(title: &str, days: &[Stack]) -> String {
    const HEIGHT: i64 = 220;
    const FLOOR: i64 = HEIGHT - 28;
    let most = days.iter().map(Stack::sum).max().unwrap_or(0).max(1);
    let step = ((WIDE - 50) / (days.len() as i64).max(1)).clamp(1, 72);
    let mut svg = open(HEIGHT, title);
    axis(&mut svg, FLOOR, &most.to_string());
    let every = (days.len() as i64 / 5).max(1);
    for (n, day) in days.iter().enumerate() {
        let x = 46 + n as i64 * step;
        let mut y = FLOOR;
        for (class, value) in day.parts.iter().filter(|p| p.1 > 0) {
            let height = (value * (FLOOR - 16) / most).max(2);
            y -= height;
            let what = escape(&format!("{}: {value}", day.name));
            let width = (step - 2).max(1);
            let _ = write!(
                svg,
                r#"<rect class="{class}" x="{x}" y="{y}" width="{width}" height="{height}"><title>{what}</title></rect>"#
            );
        }
        if n as i64 % every == 0 {
            let _ = write!(
                svg,
                r#"<text class="tick" x="{x}" y="{}">{}</text>"#,
                HEIGHT - 8,
                escape(tick_text(&day.name, before(n, every).map(|at| days[at].name.as_str())))
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

/// A line of shares (0 to 1) over days, in ppm, with the limit below which nothing is alleged.
pub(in crate::web) fn line(title: &str, days: &[(String, i64)], limit_ppm: i64) -> String {
    const HEIGHT: i64 = 220;
    const FLOOR: i64 = HEIGHT - 28;
    let y = |ppm: i64| FLOOR - ppm.clamp(0, 1_000_000) * (FLOOR - 16) / 1_000_000;
    let step = ((WIDE - 70) / (days.len() as i64).max(1)).clamp(1, 72);
    let mut svg = open(HEIGHT, title);
    axis(&mut svg, FLOOR, "1");
    let at = y(limit_ppm);
    let _ = write!(
        svg,
        r#"<line class="limit" x1="42" x2="{WIDE}" y1="{at}" y2="{at}"/><text class="tick" x="{}" y="{}">{} %</text>"#,
        WIDE - 40,
        at - 4,
        limit_ppm / 10_000
    );
    let points: Vec<String> = days
        .iter()
        .enumerate()
        .map(|(n, d)| format!("{},{}", 50 + n as i64 * step, y(d.1)))
        .collect();
    let _ = write!(svg, r#"<polyline class="line" points="{}"/>"#, points.join(" "));
    let every = (days.len() as i64 / 5).max(1);
    for (n, (day, ppm)) in days.iter().enumerate() {
        let x = 50 + n as i64 * step;
        let what = escape(&format!("{day}: {} %", ppm / 10_000));
        let _ = write!(
            svg,
            r#"<circle class="point" cx="{x}" cy="{}" r="4"><title>{what}</title></circle>"#,
            y(*ppm)
        );
        if n as i64 % every == 0 {
            let _ = write!(
                svg,
                r#"<text class="tick" x="{x}" y="{}">{}</text>"#,
                HEIGHT - 8,
                escape(tick_text(day, before(n, every).map(|at| days[at].0.as_str())))
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

fn axis(svg: &mut String, floor: i64, most: &str) {
    let most = escape(most);
    let _ = write!(
        svg,
        r#"<line class="axis" x1="42" x2="{WIDE}" y1="{floor}" y2="{floor}"/><line class="grid" x1="42" x2="{WIDE}" y1="16" y2="16"/><text class="name" x="36" y="20">{most}</text><text class="name" x="36" y="{floor}">0</text>"#
    );
}

/// Where the tick before this one stands; every so many days have one.
fn before(at: usize, every: i64) -> Option<usize> {
    at.checked_sub(every as usize)
}

/// The day of a tick, with its year where the tick before it is of another year or there is none:
/// `2026-03-02`, then `03-03`.
fn tick_text<'a>(day: &'a str, before: Option<&str>) -> &'a str {
    let year = |day: &'a str| day.get(..4);
    let same = before.is_some_and(|before| before.get(..4) == year(day));
    if same { day.get(5..).unwrap_or(day) } else { day }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, value: i64) -> Stack {
        Stack { name: name.into(), parts: vec![("v2", value)], label: String::new() }
    }

    #[test]
    fn the_longest_bar_fills_the_scale_and_none_is_invisible() {
        let svg = bars("t", &[one("LL-1", 1_000_000), one("LL-2", 1), one("LL-3", 0)]);
        assert!(svg.contains(r#"width="210""#) && svg.contains(r#"width="2""#), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 2, "nothing has no bar");
    }

    #[test]
    fn the_first_tick_of_a_year_says_its_year() {
        let days = ["2025-12-30", "2025-12-31", "2026-01-01", "2026-01-02"];
        let svg = line("t", &days.map(|day| (day.to_owned(), 1)), 500_000);
        let ticks: Vec<&str> = svg
            .split(r#"class="tick""#)
            .filter_map(|of| of.split_once('>')?.1.split_once('<'))
            .map(|(text, _)| text)
            .filter(|text| text.contains('-'))
            .collect();
        assert_eq!(ticks, ["2025-12-30", "12-31", "2026-01-01", "01-02"]);
    }

    #[test]
    fn a_long_name_stands_whole_above_its_bar() {
        let svg = bars("t", &[one("以其名义登记而极少到场（LL-2）", 3)]);
        assert!(svg.contains(r#"x="0" y="16">以其名义登记而极少到场（LL-2）<"#), "{svg}");
        assert!(svg.contains(r#"<rect class="v2" x="0" y="22""#), "{svg}");
    }

    #[test]
    fn a_name_cannot_leave_its_text() {
        let svg = bars("<script>", &[one("\"><script>alert(1)</script>", 1)]);
        assert!(!svg.contains("<script"), "{svg}");
        assert!(
            !columns("t", &[one("<b>", 1)]).contains("<b>")
                && !line("t", &[("<b>".into(), 1)], 0).contains("<b>")
        );
    }

    #[test]
    fn nothing_at_all_still_draws() {
        assert!(
            bars("t", &[]).ends_with("</svg>")
                && columns("t", &[]).ends_with("</svg>")
                && line("t", &[], 600_000).ends_with("</svg>")
        );
    }
}
