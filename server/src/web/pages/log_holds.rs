//! 保全: which days of which box's observation log are kept for a lead or a clue, as a card of its
//! page. It orders nothing: a hold follows from the steps that people take.

use askama::Template;

use super::frame::local;
use crate::access::Who;
use crate::app::App;
use crate::store::{Alert, HoldStanding, LogHold, StoreError};
use crate::web::view::names::{Html, Names, Pages};
use crate::web::view::words::Lang;

#[derive(Template)]
#[template(path = "log_holds.html")]
struct Card {
    l: Lang,
    days: Vec<DayView>,
}

struct DayView {
    day: String,
    name: Html,
    until: String,
    class: &'static str,
    standing: &'static str,
}

/// The days that are held for an alert, on its box. Blocking.
pub(super) fn of_alert(a: &App, alert: &Alert) -> Result<Vec<LogHold>, StoreError> {
    let of = |device| a.store.log_holds_of_alert(&alert.id, device);
    alert.device.as_ref().map_or_else(|| Ok(Vec::new()), of)
}

/// The card; empty where nothing is held. Blocking.
pub(super) fn card(a: &App, l: Lang, who: &Who, holds: &[LogHold]) -> Result<String, StoreError> {
    if holds.is_empty() {
        return Ok(String::new());
    }
    let names = Names::boxes(a, holds.iter().map(|hold| hold.device.as_str()))?;
    let page = Pages::of(who).device;
    let days = holds.iter().map(|hold| {
        let (class, standing) = words(l, hold.standing);
        DayView {
            day: hold.day.clone(),
            name: names.get(&hold.device).link(page),
            until: local(&hold.until),
            class,
            standing,
        }
    });
    let card = Card { l, days: days.collect() };
    Ok(card.render().unwrap_or_default())
}

fn words(l: Lang, it: HoldStanding) -> (&'static str, &'static str) {
    match it {
        HoldStanding::Asked => ("warn", l.t("已要求，待设备确认", "asked, not confirmed yet")),
        HoldStanding::Refused => ("bad", l.t("设备未执行", "the box does not obey")),
        HoldStanding::Held => ("ok", l.t("设备已保全", "the box holds it")),
        HoldStanding::NoLog => {
            ("bad", l.t("设备上已无当日记录", "the box has no log of that day any more"))
        }
    }
}
