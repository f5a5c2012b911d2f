//! A session's intervals as a picture: rows of bars on one time axis, in whole user units of an SVG
//! 1000 wide. Pure.
//!
//! The intervals are a box's word: any order, any year. It never panics over them and draws none
//! outside its axis.

use protocol::names::IntervalName;
use protocol::up::Interval;

use super::times::local;
use super::words::Lang;

pub(in crate::web) struct Timeline {
    pub rows: Vec<TimelineRow>,
    pub ticks: Vec<Tick>,
    pub height: u32,
    /// Where the axis begins and ends, Unix milliseconds.
    pub from_ms: i64,
    pub to_ms: i64,
}

pub(in crate::web) struct TimelineRow {
    pub name: String,
    pub y: u32,
    pub text_y: u32,
    pub class: &'static str,
    pub bars: Vec<Bar>,
}

pub(in crate::web) struct Bar {
    pub x: u32,
    pub width: u32,
    pub title: String,
}

pub(in crate::web) struct Tick {
    pub x: u32,
    pub label: String,
}

const LEFT: i64 = 150;
const RIGHT: i64 = 960;
const ROW: u32 = 34;

fn ms(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

/// `None` where no interval has two readable ends.
pub(in crate::web) fn draw(l: Lang, intervals: &[Interval]) -> Option<Timeline> {
    let ends = |i: &Interval| Some((ms(&i.from)?, ms(&i.to)?));
    let read: Vec<(&IntervalName, i64, i64)> = intervals
        .iter()
        .filter_map(|i| ends(i).map(|(one, other)| (&i.what, one.min(other), one.max(other))))
        .collect();
    let from = read.iter().map(|r| r.1).min()?;
    let to = read.iter().map(|r| r.2).max()?.max(from + 1000);
    let x = |at: i64| (LEFT + (at - from) * (RIGHT - LEFT) / (to - from)).clamp(LEFT, RIGHT) as u32;
    let mut names: Vec<&IntervalName> = Vec::new();
    for (what, _, _) in &read {
        if !names.contains(what) {
            names.push(what);
        }
    }
    let rows = names.iter().enumerate().map(|(n, name)| {
        let y = 12 + n as u32 * ROW;
        let bars = read.iter().filter(|r| r.0 == *name).map(|r| Bar {
            x: x(r.1),
            // Both are on the axis and the ends are in order.
            width: x(r.2).saturating_sub(x(r.1)).max(3),
            title: span_text(r.1, r.2),
        });
        TimelineRow {
            name: l.interval(name).to_owned(),
            y,
            text_y: y + 15,
            class: class(name),
            bars: bars.collect(),
        }
    });
    let rows: Vec<TimelineRow> = rows.collect();
    let height = 12 + rows.len() as u32 * ROW + 26;
    let ticks = (0..=4).map(|n| {
        let at = from + (to - from) * n / 4;
        let whole = n == 0 || day_of(at) != day_of(from + (to - from) * (n - 1) / 4);
        Tick { x: x(at), label: if whole { time_text(at) } else { clock_text(at) } }
    });
    Some(Timeline { ticks: ticks.collect(), rows, height, from_ms: from, to_ms: to })
}

/// With its day: a time alone says not when it was.
fn time_text(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or(String::new(), |at| local(&at.to_string()))
}

fn day_of(ms: i64) -> String {
    time_text(ms).split(' ').next().unwrap_or_default().to_owned()
}

fn clock_text(ms: i64) -> String {
    time_text(ms).split_once(' ').map_or(String::new(), |(_, time)| time.to_owned())
}

/// From one time to another, the day said once where it is the same.
fn span_text(from: i64, to: i64) -> String {
    let until = if day_of(from) == day_of(to) { clock_text(to) } else { time_text(to) };
    format!("{} – {until}", time_text(from))
}

fn class(what: &IntervalName) -> &'static str {
    match what {
        IntervalName::Declared => "declared",
        IntervalName::Operating | IntervalName::Operator => "operating",
        IntervalName::LeadPresent => "present",
        IntervalName::LeadGap => "gap",
        IntervalName::Camera | IntervalName::Unheard | IntervalName::NoPicture => "blind",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_stand_where_their_times_are() {
        let interval = |what: &str, from: &str, to: &str| Interval {
            what: what.into(),
            from: format!("2026-03-02T{from}:00.000Z"),
            to: format!("2026-03-02T{to}:00.000Z"),
        };
        let drawn = draw(
            Lang::Zh,
            &[
                interval("declared", "01:00", "02:00"),
                interval("operating", "01:30", "02:00"),
                interval("declared", "01:00", "01:15"),
            ],
        )
        .unwrap();
        assert_eq!(drawn.rows.len(), 2);
        assert_eq!((drawn.rows[0].bars[0].x, drawn.rows[0].bars[0].width), (150, 810));
        assert_eq!(drawn.rows[1].bars[0].x, 555);
        assert_eq!(drawn.ticks[0].label, "2026-03-02 09:00:00");
        assert_eq!(drawn.ticks[1].label, "09:15:00");
        assert_eq!(drawn.rows[1].bars[0].title, "2026-03-02 09:30:00 – 10:00:00");
        assert!(draw(Lang::Zh, &[]).is_none());
    }

    #[test]
    fn an_interval_told_backwards_is_drawn_forwards() {
        let interval = |from: &str, to: &str| Interval {
            what: "gap".into(),
            from: from.into(),
            to: to.into(),
        };
        let (early, late) = ("2026-03-02T01:00:00.000Z", "2026-03-02T02:00:00.000Z");
        let drawn =
            |from, to| draw(Lang::Zh, &[interval(from, to)]).unwrap().rows.remove(0).bars.remove(0);
        let (told, backwards) = (drawn(early, late), drawn(late, early));
        assert_eq!(
            (told.x, told.width, &told.title),
            (backwards.x, backwards.width, &backwards.title)
        );
    }

    #[test]
    fn no_interval_of_any_year_leaves_the_axis() {
        let years = [
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-03-02T01:00:00Z",
            "9999-12-30T21:59:59Z",
        ];
        for from in years {
            for to in years {
                let all =
                    years.map(|y| Interval { what: "gap".into(), from: from.into(), to: y.into() });
                let other = Interval { what: "other".into(), from: to.into(), to: from.into() };
                let drawn = draw(Lang::Zh, &[&all[..], &[other]].concat()).unwrap();
                for bar in drawn.rows.iter().flat_map(|r| &r.bars) {
                    assert!(
                        bar.x >= LEFT as u32 && bar.x + bar.width <= RIGHT as u32 + 3,
                        "{} {}",
                        bar.x,
                        bar.width
                    );
                }
            }
        }
    }
}
