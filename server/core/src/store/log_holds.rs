//! 保全: which days of which boxes' observation logs are kept, and what for. Nobody orders one by
//! hand: a lead that a second person looks at, and a clue from its receipt on, hold the days that
//! they are about, until they end or their term does. Ids and days only; no picture is asked for.
//!
//! A box is told of a clue and of a lead in the same shape: a word that means nothing, a day, a
//! date. The pictures of a lead are held by an order of their own. Whoever reads a box's orders
//! (the clinic has it in its hands) can not tell which of the two a day is held for; that a day is
//! held on which the box raised nothing, it can see.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use protocol::evidence::{EvidenceHeld, Hold};
use protocol::id::DeviceId;
use protocol::up::HealthReport;
use schemars::JsonSchema;
use serde::Serialize;

use super::clues::{COLUMNS, Clue, by_id, row};
use super::engine::{Connection, OptionalExtension as _};
use super::rows::collect;
use super::{Result, Store, StoreError};
use crate::alert::AlertState;
use crate::clock::At;
use crate::clue::IntakeState;
use crate::ids::{AlertId, ClueId};

/// Days for which a log is held from the last step of a lead, or the acceptance of a clue.
const HELD_DAYS: i64 = 90;
/// More days for a case: a decision is due within 90, and may take 60 and 30 more.
const CASE_DAYS: i64 = 180;
/// Days of one lead or clue.
const MOST_DAYS: usize = 8;
/// Leads and clues of one box.
const MOST: i64 = 500;
/// A box keeps a log so many days by itself: before a clue came, an older one was gone.
const KEPT_DAYS: i64 = 7;

const DAY_MS: i64 = 86_400_000;
/// Days of receipt that are looked at for clues that nobody has accepted yet.
const UNREAD_DAYS: i64 = 30;
/// Unread clues of one day that are held by what they say; of more, the days before it are.
const UNREAD_A_DAY: usize = 50;

/// What a log is held for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HeldFor {
    Alert(AlertId),
    /// The clue that goes on, where others were merged into it.
    Clue(ClueId),
    /// More unread clues than are looked at one by one came on this day.
    Unread(String),
}

/// How far a hold has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldStanding {
    /// The box has not confirmed it yet.
    Asked,
    /// The box does not obey.
    Refused,
    /// The box says that it holds the log.
    Held,
    /// The box obeys, and has no log of that day: it was deleted before, or never written.
    NoLog,
}

/// One day of one box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LogHold {
    #[schemars(with = "String")]
    pub device: DeviceId,
    /// UTC day (`2026-11-29`).
    pub day: String,
    /// RFC 3339 UTC with milliseconds.
    pub until: At,
    pub standing: HoldStanding,
}

impl Store {
    /// The days that are held for an alert, on its box.
    pub fn log_holds_of_alert(&self, alert: &AlertId, device: &DeviceId) -> Result<Vec<LogHold>> {
        let wanted = [HeldFor::Alert(alert.to_owned())];
        self.read(|c| seen(c, &wanted, [device.clone()].into()))
    }

    /// The days that are held for a clue, and for what was merged into it, on every box that stood
    /// in its room at the time.
    pub fn log_holds_of_clue(&self, clue: &Clue) -> Result<Vec<LogHold>> {
        self.read(|c| {
            let goes_on = end_of_merges(c, clue)?.map_or_else(|| clue.id.clone(), |it| it.id);
            let sql = "WITH RECURSIVE below(id) AS (SELECT ?1 UNION
                SELECT c.id FROM clue c JOIN below b ON c.merged_into = b.id)
                SELECT DISTINCT p.device FROM below b JOIN clue k ON k.id = b.id
                JOIN device_place p ON p.room = k.room ORDER BY p.device";
            let devices = collect(c, sql, [&goes_on], |r| Ok(r.id::<_, DeviceId>(0)?))?;
            let unread = HeldFor::Unread(clue.received_on.clone());
            let is_unread =
                matches!(clue.handling.intake, IntakeState::Received | IntakeState::AskedBack);
            let wanted = [HeldFor::Clue(goes_on), unread];
            let wanted = if is_unread { &wanted[..] } else { &wanted[..1] };
            seen(c, wanted, devices.into_iter().collect())
        })
    }
}

/// Everything that one box is told to hold, in an order that says nothing of what for.
pub(super) fn of_device(c: &Connection, device: &DeviceId) -> Result<Vec<(HeldFor, Hold)>> {
    let mut all = [of_alerts(c, device)?, of_clues(c, device)?].concat();
    all.sort_by(|(_, one), (_, other)| {
        (&one.day, &one.reference).cmp(&(&other.day, &other.reference))
    });
    Ok(all)
}

/// What somebody looks at: the pictures from the first reviewer on, and while an opening of them
/// lives, so that no box runs out of room or time meanwhile; the logs from the second.
fn of_alerts(c: &Connection, device: &DeviceId) -> Result<Vec<(HeldFor, Hold)>> {
    let sql = "SELECT id, state, updated_at, session, state IN ('review2', 'lead', 'on_site',
        'case') FROM alert WHERE device = ?1 AND (state IN ('review1', 'review2', 'lead', 'on_site',
        'case') OR EXISTS (SELECT 1 FROM evidence_opening o WHERE o.alert = alert.id AND o.state IN
        ('requested','approved','released','delivered','open'))) ORDER BY number LIMIT ?2";
    let rows = collect(c, sql, (device, MOST), |r| {
        let row: (AlertId, String, At, Option<String>, bool) =
            (r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?);
        Ok(row)
    })?;
    let mut held = Vec::new();
    for (id, state, since, session, logs) in rows {
        let is_case = AlertState::parse(&state) == Some(AlertState::Case);
        let sql = "SELECT id FROM finding WHERE alert = ?1 AND origin = ?2 ORDER BY id LIMIT 50";
        let findings = collect(c, sql, (&id, device), |r| Ok(r.get::<_, String>(0)?))?;
        let until = until(since.time(), is_case);
        if !findings.is_empty() {
            let reference = opaque(&format!("pictures of {id}"));
            let hold = Hold { reference, until: until.to_string(), day: None, findings };
            held.push((HeldFor::Alert(id.clone()), hold));
        }
        if !logs {
            continue;
        }
        for day in days_of_alert(c, &id, session.as_deref())? {
            held.push((HeldFor::Alert(id.clone()), held_day(&id, day, until)));
        }
    }
    Ok(held)
}

/// The days on which its findings spoke, and on which its session began.
fn days_of_alert(c: &Connection, id: &AlertId, session: Option<&str>) -> Result<Vec<String>> {
    let sql = "SELECT at FROM finding_step WHERE alert = ?1 ORDER BY at LIMIT 1000";
    let mut times = collect(c, sql, [id], |r| Ok(r.get::<_, At>(0)?))?;
    if let Some(session) = session {
        let sql = "SELECT start_at FROM session WHERE id = ?1";
        times.extend(collect(c, sql, [session], |r| Ok(r.get::<_, At>(0)?))?);
    }
    let days: BTreeSet<String> = times.iter().map(|at| at.utc_day()).collect();
    Ok(days.into_iter().take(MOST_DAYS).collect())
}

fn of_clues(c: &Connection, device: &DeviceId) -> Result<Vec<(HeldFor, Hold)>> {
    let mut held = of_unread(c, device)?;
    // What comes in a thousand times says one thing: it counts once, and pushes nothing out.
    let sql = "WITH RECURSIVE below(top, id) AS (
        SELECT id, id FROM clue WHERE stage IN ('accepted', 'review1', 'review2', 'lead', 'on_site',
        'case') AND institution IN (SELECT r.institution FROM device_place p JOIN room r ON
        r.id = p.room WHERE p.device = ?1)
        UNION SELECT b.top, c.id FROM clue c JOIN below b ON c.merged_into = b.id)
        SELECT b.top, min(k.id) FROM below b JOIN clue k ON k.id = b.id
        WHERE k.room IN (SELECT room FROM device_place WHERE device = ?1)
        GROUP BY b.top, k.fold, k.room ORDER BY min(k.number) LIMIT ?2";
    let rows = collect(c, sql, (device, MOST), |r| {
        Ok::<(ClueId, ClueId), StoreError>((r.get(0)?, r.get(1)?))
    })?;
    for (top, id) in rows {
        let (Some(top), Some(clue)) = (by_id(c, &top)?, by_id(c, &id)?) else { continue };
        let Some(until) = until_of_clue(&top) else { continue };
        for day in days_there(c, device, &clue)? {
            held.push((HeldFor::Clue(top.id.clone()), held_day(&top.id, day, until)));
        }
    }
    Ok(held)
}

/// Clues that nobody has accepted yet. A log is gone after a week, and an acceptance may take
/// longer: what came in time is held from its receipt, and let go with a refusal. Of a flood, the
/// days that a box had then are held, and no clue is read.
fn of_unread(c: &Connection, device: &DeviceId) -> Result<Vec<(HeldFor, Hold)>> {
    let here = "room IN (SELECT room FROM device_place WHERE device = ?1) AND
        stage IN ('received', 'asked_back')";
    let sql = format!(
        "SELECT DISTINCT received_on FROM clue WHERE {here} ORDER BY received_on DESC LIMIT ?2"
    );
    let came = collect(c, &sql, (device, UNREAD_DAYS), |r| Ok(r.get::<_, String>(0)?))?;
    let sql = format!("{COLUMNS} WHERE {here} AND received_on = ?2 ORDER BY number LIMIT ?3");
    let mut held = Vec::new();
    for on in came {
        let (Ok(day), Some(at)) = (on.parse::<Date>(), midnight(&on)) else { continue };
        let kept: Vec<String> = (0..=KEPT_DAYS)
            .filter_map(|n| day.checked_sub(SignedDuration::from_hours(24 * n)).ok())
            .map(|day| day.to_string())
            .collect();
        let until = until(at, false);
        let most = UNREAD_A_DAY as i64 + 1;
        let clues = collect(c, &sql, (device, &on, most), row)?;
        if clues.len() > UNREAD_A_DAY {
            let matter = format!("unread of {on}");
            for day in kept {
                held.push((HeldFor::Unread(on.clone()), held_day(&matter, day, until)));
            }
            continue;
        }
        for clue in clues {
            for day in days_there(c, device, &clue)?.into_iter().filter(|day| kept.contains(day)) {
                held.push((HeldFor::Clue(clue.id.clone()), held_day(&clue.id, day, until)));
            }
        }
    }
    Ok(held)
}

/// The UTC days of a clue's hour, where the box stood in its room then.
fn days_there(c: &Connection, device: &DeviceId, clue: &Clue) -> Result<BTreeSet<String>> {
    let (Some(room), Some((from, to))) = (&clue.room, window(clue)) else {
        return Ok(BTreeSet::new());
    };
    if !stood_there(c, device, room, (from, to))? {
        return Ok(BTreeSet::new());
    }
    Ok([from, to].into_iter().map(At::utc_day).collect())
}

/// The one shape in which a day's log is held, for a lead as for a clue.
fn held_day(matter: &str, day: String, until: At) -> Hold {
    Hold {
        reference: opaque(matter),
        until: until.to_string(),
        day: Some(day),
        findings: Vec::new(),
    }
}

/// The clue that this one goes on in; itself where it was not merged.
fn end_of_merges(c: &Connection, clue: &Clue) -> Result<Option<Clue>> {
    let mut top = clue.clone();
    for _ in 0..50 {
        let Some(into) = top.handling.merged.as_ref().map(|merged| merged.into.clone()) else {
            break;
        };
        let Some(next) = by_id(c, &into)? else { return Ok(None) };
        top = next;
    }
    Ok(Some(top))
}

/// Until when the log is kept for an accepted clue; `None`: for this one it is not.
fn until_of_clue(top: &Clue) -> Option<At> {
    let case = top.handling.case.as_ref().filter(|_| top.handling.is_open())?;
    let accepted = midnight(top.handling.accepted_on.as_deref()?)?;
    Some(until(accepted, case.state == AlertState::Case))
}

fn midnight(day: &str) -> Option<Timestamp> {
    format!("{day}T00:00:00Z").parse().ok()
}

/// A whole day: of a clue the day alone is known, and a time would tell a lead from one.
fn until(since: Timestamp, is_case: bool) -> At {
    let days = 1 + HELD_DAYS + if is_case { CASE_DAYS } else { 0 };
    let last = At::from(since) + SignedDuration::from_hours(24 * days);
    At::of_ms(last.ms() - last.ms().rem_euclid(DAY_MS))
}

fn window(clue: &Clue) -> Option<(At, At)> {
    let from = clue.about.from_at?;
    Some((from, clue.about.to_at.unwrap_or(from)))
}

/// Whether the box was registered for the room at any time from one to the other.
fn stood_there(
    c: &Connection,
    device: &DeviceId,
    room: &str,
    (from, to): (At, At),
) -> Result<bool> {
    let sql = "SELECT room, nullif(since, '') FROM device_place WHERE device = ?1 ORDER BY since";
    let places: Vec<(String, Option<At>)> =
        collect(c, sql, [device], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(places.iter().enumerate().any(|(n, (place, since))| {
        let left = places.get(n + 1).and_then(|(_, next)| *next);
        let came = since.is_none_or(|since| since <= to);
        place == room && came && left.is_none_or(|left| left > from)
    }))
}

/// As a box is told what it holds for: no number, and the same word each time.
fn opaque(matter: &str) -> String {
    let hash = trust::sha256_hex(format!("hold\n{matter}"));
    format!("hold-{}", hash.get(..12).unwrap_or_default())
}

fn seen(c: &Connection, wanted: &[HeldFor], devices: BTreeSet<DeviceId>) -> Result<Vec<LogHold>> {
    let mut found = BTreeMap::new();
    for id in devices {
        let holds = of_device(c, &id)?;
        let (applied, said) = word_of(c, &id)?;
        for (_, hold) in holds.iter().filter(|(matter, _)| wanted.contains(matter)) {
            let Some(day) = &hold.day else { continue };
            let standing = standing(applied, said.as_ref(), &hold.reference, day);
            // It was written here a moment ago.
            let until = hold.until.parse().unwrap_or(At::EPOCH);
            let hold = LogHold { device: id.clone(), day: day.clone(), until, standing };
            found.insert((day.clone(), id.clone()), hold);
        }
    }
    Ok(found.into_values().collect())
}

/// Whether the box took the last list of holds, and what it says that it holds.
fn word_of(c: &Connection, id: &DeviceId) -> Result<(Option<bool>, Option<EvidenceHeld>)> {
    let sql = "SELECT applied FROM knowledge WHERE device = ?1 AND kind = 'evidence_orders' AND
        ack_version = version";
    let applied = c.prepare_cached(sql)?.query_row([id], |r| r.get(0)).optional()?.flatten();
    let sql = "SELECT health FROM device WHERE id = ?1 AND health IS NOT NULL";
    let health = super::column(c, sql, id)?;
    let health = health.map(|text| serde_json::from_str::<HealthReport>(&text)).transpose()?;
    Ok((applied, health.and_then(|health| health.evidence)))
}

fn standing(
    applied: Option<bool>,
    said: Option<&EvidenceHeld>,
    reference: &str,
    day: &str,
) -> HoldStanding {
    let said = said.filter(|said| said.holds.iter().any(|held| held == reference));
    match (applied, said) {
        (Some(false), _) => HoldStanding::Refused,
        (_, None) => HoldStanding::Asked,
        (_, Some(said)) => match &said.logs {
            Some(logs) if !logs.iter().any(|held| held == day) => HoldStanding::NoLog,
            _ => HoldStanding::Held,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::at;

    #[test]
    fn a_box_that_has_no_such_log_is_not_said_to_hold_it() {
        let said = |logs: Option<&[&str]>| EvidenceHeld {
            holds: vec!["hold-1".to_owned()],
            logs: logs.map(|all| all.iter().map(|&day| day.to_owned()).collect()),
            ..EvidenceHeld::default()
        };
        let of = |applied, it: &EvidenceHeld| standing(applied, Some(it), "hold-1", "2026-03-02");
        assert_eq!(of(Some(true), &said(Some(&["2026-03-02"]))), HoldStanding::Held);
        assert_eq!(of(Some(true), &said(Some(&["2026-03-03"]))), HoldStanding::NoLog);
        assert_eq!(of(Some(true), &said(None)), HoldStanding::Held, "a box of before");
        assert_eq!(of(Some(false), &said(None)), HoldStanding::Refused);
        assert_eq!(standing(Some(true), None, "hold-1", "2026-03-02"), HoldStanding::Asked);
    }

    #[test]
    fn a_case_is_held_until_it_can_be_decided() {
        for since in ["2026-03-02T00:00:00Z", "2026-03-02T23:59:59.999Z"] {
            let since = since.parse().unwrap();
            assert_eq!(until(since, false), at("2026-06-01T00:00:00.000Z"));
            assert_eq!(until(since, true), at("2026-11-28T00:00:00.000Z"));
        }
    }
}
