//! What a day of a room is drawn of: each session, finding and blind span as a moment of its axis,
//! in words.

use protocol::names::{IntervalName, PartName};
use protocol::up::{FindingReport, Interval, PresenceSummary};

use super::{Day, DayRecords, Moment, NumberedFinding, carried, span};
use crate::clock::{At, ms};
use crate::model::Session;
use crate::web::pages::frame::local;
use crate::web::pages::institution::item_words;
use crate::web::view::names::{Html, Label};
use crate::web::view::words::Lang;

fn clock_span(from_ms: i64, to_ms: i64) -> String {
    let at =
        |ms: i64| local(&At::of_ms(ms)).split_once(' ').map(|t| t.1.to_owned()).unwrap_or_default();
    format!("{} – {}", at(from_ms), at(to_ms))
}

fn session_moment(l: Lang, it: &Session, told: &DayRecords, day: &Day) -> Option<Moment> {
    let from_ms = ms(&it.start)?;
    let to_ms = it.end.as_deref().and_then(ms).unwrap_or(day.to_ms).min(day.to_ms).max(from_ms);
    let item = it.item.as_ref().map(|code| {
        let found = told.items.iter().find(|i| i.code == *code);
        found.map_or_else(|| code.to_string(), |i| item_words(l, i))
    });
    let named = carried(&told.findings).contains(it.id.as_str());
    let person =
        |id: &str, part: String| (if named { told.names.get(id) } else { Label::default() }, part);
    let lead = || l.part(&PartName::DeclaredLead).to_owned();
    let mut who: Vec<_> = it.declared_lead.iter().map(|p| person(p.as_str(), lead())).collect();
    // Who was declared is not therefore who was seen at work.
    let operator = || l.t("登记操作人", "declared operator").to_owned();
    who.extend(it.declared_operators.iter().map(|p| person(p.as_str(), operator())));
    let judged = told.summaries.get(it.id.as_str()).map(|s| seen_words(l, s));
    Some(Moment {
        from_ms,
        to_ms,
        span: clock_span(from_ms, to_ms),
        class: "declared",
        what: format!("{} {}", l.t("登记的诊疗活动", "Declared session"), item.unwrap_or_default()),
        said: Html::text(&judged.unwrap_or_default()),
        who,
        href: format!("/sessions/{}", it.id),
    })
}

/// How much could be seen of a session, and whether anything follows from it.
fn seen_words(l: Lang, it: &PresenceSummary) -> String {
    let visible = format!(
        "{} {}.{} %",
        l.t("画面可见度", "visibility"),
        it.visibility_over_i_ppm / 10_000,
        it.visibility_over_i_ppm / 1000 % 10
    );
    let judged = match (it.assessable, it.lead_verified) {
        (false, _) => l.t("不可判定", "not assessable"),
        (true, true) => l.t("已核实主诊到场", "the lead was verified in the room"),
        (true, false) => l.t("未核实主诊到场", "the lead was not verified in the room"),
    };
    format!("{visible} · {judged}")
}

fn finding_moment(
    l: Lang,
    (alert, number, report): &(String, i64, FindingReport),
    told: &DayRecords,
) -> Option<Moment> {
    let (from_ms, to_ms) = span(report)?;
    let person = |p: &protocol::up::PersonInFinding| {
        let part = format!("{} · {}", l.part(&p.part), l.verified(&p.verified_by));
        (told.names.get(p.person.as_str()), part)
    };
    Some(Moment {
        from_ms,
        to_ms,
        span: clock_span(from_ms, to_ms),
        class: "alleged",
        what: format!("#{number} {}", l.finding_kind(report.kind)),
        said: told.names.said(l, told.pages, l.t(&report.explanation.zh, &report.explanation.en)),
        who: report.persons.iter().map(person).collect(),
        href: format!("/alerts/{alert}"),
    })
}

fn blind_moment(l: Lang, &(from_ms, to_ms): &(i64, i64)) -> Moment {
    Moment {
        from_ms,
        to_ms,
        span: clock_span(from_ms, to_ms),
        class: "blind",
        what: l.t("画面不足", "Hardly any picture").to_owned(),
        said: Html::text(l.t("此时段不能据以认定", "nothing follows from this hour")),
        who: Vec::new(),
        href: String::new(),
    }
}

pub(super) fn moments(l: Lang, told: &DayRecords, day: &Day) -> Vec<Moment> {
    let sessions = told.sessions.iter().filter_map(|s| session_moment(l, s, told, day));
    let findings = told.findings.iter().filter_map(|it| finding_moment(l, it, told));
    let blind = told.blind.iter().map(|hour| blind_moment(l, hour));
    let mut all: Vec<Moment> = sessions.chain(findings).chain(blind).collect();
    all.sort_by_key(|m| (m.from_ms, m.to_ms));
    all
}

/// The lanes of the day: declared, what the findings rest on, and hours without a picture.
pub(super) fn lanes(
    sessions: &[Session],
    findings: &[NumberedFinding],
    blind: &[(i64, i64)],
    day: &Day,
) -> Vec<Interval> {
    let clipped = |what: &IntervalName, from_ms: i64, to_ms: i64| Interval {
        what: what.clone(),
        from: At::of_ms(from_ms.clamp(day.from_ms, day.to_ms)).to_string(),
        to: At::of_ms(to_ms.clamp(day.from_ms, day.to_ms)).to_string(),
    };
    let sessions = sessions.iter().filter_map(|s| {
        let from = ms(&s.start)?;
        let to = s.end.as_deref().and_then(ms).unwrap_or(from);
        Some(clipped(&IntervalName::Declared, from, to.max(from)))
    });
    let of = findings.iter().flat_map(|(_, _, report)| &report.intervals);
    let findings = of.filter(|i| i.what != IntervalName::Declared).filter_map(|i| {
        let (from, to) = (ms(&i.from)?, ms(&i.to)?);
        Some(clipped(&i.what, from.min(to), from.max(to)))
    });
    let blind = blind.iter().map(|&(from, to)| clipped(&IntervalName::NoPicture, from, to));
    sessions.chain(findings).chain(blind).collect()
}
