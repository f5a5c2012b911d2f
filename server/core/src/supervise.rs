//! The rules that look across days, at work: looks at the boxes, gathers what changed, asks the
//! pure rules, writes the steps.
//!
//! Decides nothing itself: what is true is `rules`' to say, what changed is `rules::ledger`'s.
//! Every fact that arrives marks its institution or person; the mark is taken off only after the
//! judgement was written, or it is set again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use protocol::names::RuleCode;

use crate::app::App;
use crate::clock::{self, At};
use crate::config::Mode;
use crate::inspection;
use crate::knowledge::Nudge;
use crate::low_priority;
use crate::rules::draft::Draft;
use crate::rules::empty_room::{self, DaySeen, Days};
use crate::rules::ledger::{LedgerFinding, Undone, reconcile};
use crate::rules::{
    DAY_MS, Numbers, emergencies, impossible_presence, masked_sessions, outage, phantom, repeated,
    settings, silent_session,
};
use crate::self_check::mismatch;
use crate::store::{Dossier, LOOK_MS, Store, StoreError, ToJudge, WatchedRoom};

/// Between two rounds; a fact waits no longer.
const ROUND: Duration = Duration::from_secs(2);
/// Everything is asked again this often, because time alone changes verdicts.
const WHOLE_MS: i64 = 3_600_000;
/// The longest window of any setting, and as much before it, so that a standing finding can be
/// judged in its own hour.
const REMEMBERED_DAYS: i64 = 200;

/// Runs until the server stops.
pub async fn run(app: Arc<App>) {
    let run = format!("{}-{}", At::now(), std::process::id());
    let mut stopping = app.stopping.clone();
    let mut tick = tokio::time::interval(ROUND);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut looked, mut whole) = (i64::MIN, i64::MIN);
    loop {
        if !low_priority::next_round(&mut tick, &mut stopping).await {
            return;
        }
        // Whoever takes the lead over asks everything at once, for its last look lies far back.
        let Some(epoch) = app.leader.epoch() else { continue };
        let now = clock::now();
        let now_ms = now.as_millisecond();
        let (look, all) = (now_ms - LOOK_MS >= looked, now_ms - WHOLE_MS >= whole);
        if look {
            looked = now_ms;
        }
        if all {
            whole = now_ms;
        }
        // Looks of another server lie between those of two epochs.
        let name = format!("{run}-{epoch}");
        let any_date = app.config.mode == Mode::Demonstration;
        if look && !any_date {
            end_overdue(&app, now).await;
        }
        let done = app.leading(move |a| round(&a.store, &name, now, (look, all), any_date)).await;
        match done {
            Ok(None | Some(0)) => {}
            Ok(Some(steps)) => {
                tracing::info!(steps, "rules across days spoke");
                app.touch();
            }
            Err(problem) => tracing::error!("rules across days not asked: {}", problem.detail),
        }
    }
}

/// A session that nobody closes ends at its policy's bound, and its box hears of it.
async fn end_overdue(app: &Arc<App>, now: Timestamp) {
    let ended = app.leading(move |a| a.store.end_overdue_sessions(now.into())).await;
    match ended.map(Option::unwrap_or_default) {
        Ok(rooms) if rooms.is_empty() => {}
        Ok(rooms) => {
            tracing::info!(sessions = rooms.len(), "sessions that nobody closed have ended");
            for room in rooms {
                app.tell(Nudge::Room(room));
            }
            app.touch();
        }
        Err(problem) => tracing::error!("open sessions not looked at: {}", problem.detail),
    }
}

/// One round: looks at the boxes where it is time, then judges everything that is marked. Gives the
/// steps written.
pub fn round(
    store: &Store,
    run: &str,
    now: Timestamp,
    (look, all): (bool, bool),
    any_date: bool,
) -> Result<usize, StoreError> {
    if look {
        store.look(run, now.into(), remembered_from(now))?;
    }
    if all {
        store.open_due_self_checks(now.to_zoned(clock::zone()).date(), now.into())?;
        store.judge_everything()?;
    }
    let mut steps = 0;
    for what in store.take_to_judge(200)? {
        match judge(store, &what, now, any_date) {
            Ok(said) => steps += said,
            Err(error) => {
                tracing::error!(?what, %error, "not judged; it is asked again");
                store.judge_again(&what)?;
            }
        }
    }
    Ok(steps)
}

fn judge(
    store: &Store,
    what: &ToJudge,
    now: Timestamp,
    any_date: bool,
) -> Result<usize, StoreError> {
    match what {
        ToJudge::Institution(id) => institution(store, id, now, any_date),
        ToJudge::Person(id) => person(store, id, now, any_date),
    }
}

/// Everything but LL-3.
fn institution(
    store: &Store,
    id: &str,
    now: Timestamp,
    any_date: bool,
) -> Result<usize, StoreError> {
    let from = if any_date { At::EPOCH } else { remembered_from(now) };
    let Some(mut dossier) = store.dossier(id, from)? else { return Ok(0) };
    inspection::freshen(store, &mut dossier, from, now)?;
    let numbers = Numbers::of(&dossier.values);
    let now_ms = now.as_millisecond();
    // A demonstration plays on a day of its own, and its sessions are judged as of that day.
    let session_now = dossier.newest_summary.filter(|_| any_date).map_or(now_ms, At::ms);
    let drafts = asked(&dossier, &numbers, session_now, now_ms);
    // In its own hour a finding is asked with the notice of that hour: none was given yet.
    let shift = now_ms - session_now;
    let undone = |s: &LedgerFinding| {
        let says = |drafts: Vec<Draft>| {
            drafts.iter().any(|d| d.key() == s.key && d.severity >= s.severity)
        };
        let then = dossier.as_stated_by(s.raised_ms);
        if says(asked(&then, &numbers, session_now, now_ms)) {
            Undone::ByStatement
        } else if says(asked(&then, &numbers, s.raised_ms - shift, s.raised_ms)) {
            Undone::ByTime
        } else {
            Undone::ByFact
        }
    };
    let said = reconcile(&dossier.standing, drafts, undone);
    inspection::keep(store, &dossier, &numbers, now)?;
    if said.is_empty() {
        return Ok(0);
    }
    let hash = trust::sha256_hex(settings::canonical(&dossier.values));
    let now = At::from(now);
    store.remember_policy(&hash, &dossier.values, now)?;
    store.say(&said, (&hash, dossier.policy_version), now)
}

/// How many findings each rule would say now of an institution, of the facts since `from`: by the
/// numbers in force, and with others in their place. LL-3 follows people: whoever was seen here
/// last counts here.
pub fn compared(
    store: &Store,
    institution: &str,
    from: Timestamp,
    now: Timestamp,
    others: &BTreeMap<String, i64>,
) -> Result<BTreeMap<RuleCode, (usize, usize)>, StoreError> {
    let mut counts: BTreeMap<RuleCode, (usize, usize)> = BTreeMap::new();
    let Some(dossier) = store.dossier(institution, from.into())? else { return Ok(counts) };
    let mut values = dossier.values.clone();
    let now_ms = now.as_millisecond();
    let present = asked(&dossier, &Numbers::of(&values), now_ms, now_ms);
    values.extend(others.iter().map(|(name, value)| (name.clone(), *value)));
    let changed = asked(&dossier, &Numbers::of(&values), now_ms, now_ms);
    for draft in present {
        counts.entry(draft.rule).or_default().0 += 1;
    }
    for draft in changed {
        counts.entry(draft.rule).or_default().1 += 1;
    }
    let (present, changed) =
        compared_people(store, institution, (from, now), (&dossier.values, &values))?;
    if present + changed > 0 {
        counts.insert(RuleCode::Ll3, (present, changed));
    }
    Ok(counts)
}

/// How many pairs of sightings LL-3 would find impossible, by the one and by the other numbers.
fn compared_people(
    store: &Store,
    institution: &str,
    (from, now): (Timestamp, Timestamp),
    (present, changed): (&BTreeMap<String, i64>, &BTreeMap<String, i64>),
) -> Result<(usize, usize), StoreError> {
    let (present, changed) = (Numbers::of(present), Numbers::of(changed));
    if present == changed {
        return Ok((0, 0));
    }
    let (from, now_ms) = (At::from(from), now.as_millisecond());
    let mut counts = (0, 0);
    for person in store.people_seen(institution, from)? {
        let (sightings, _) = store.sightings(&person, from)?;
        if sightings.last().is_some_and(|last| last.institution == institution) {
            let found =
                |p: &Numbers| impossible_presence::judge(&person, &sightings, p, now_ms).len();
            counts = (counts.0 + found(&present), counts.1 + found(&changed));
        }
    }
    Ok(counts)
}

/// What every rule but LL-3 says of an institution. Sessions are judged as of `session_now`, the
/// line to the boxes and whatever the server itself heard as of `now_ms`.
fn asked(d: &Dossier, p: &Numbers, session_now: i64, now_ms: i64) -> Vec<Draft> {
    let noticed: BTreeMap<String, i64> = d
        .standing
        .iter()
        .filter(|s| s.stands() && s.key.rule == RuleCode::Hb5 && s.raised_ms <= now_ms)
        .map(|s| (s.key.institution.clone(), s.raised_ms - (now_ms - session_now)))
        .collect();
    let mut drafts = phantom::judge(&d.outcomes, p, session_now);
    drafts.extend(phantom::idle(&d.registered, &d.outcomes, p, session_now));
    drafts.extend(silent_session::judge(&d.outcomes, p, session_now));
    drafts.extend(masked_sessions::judge(&d.outcomes, &noticed, p, session_now));
    drafts.extend(repeated::judge(&d.repeatable, p, now_ms));
    drafts.extend(emergencies::judge(&d.flags, p, now_ms));
    drafts.extend(mismatch::judge(&d.compared.checks, &d.compared.alerts, now_ms));
    for post in &d.posts {
        drafts.extend(outage::judge(&line(d, post, now_ms), p, now_ms));
        drafts.extend(empty_room::judge(&days(d, post, now_ms), p));
    }
    drafts
}

fn person(store: &Store, id: &str, now: Timestamp, any_date: bool) -> Result<usize, StoreError> {
    let from = if any_date { At::EPOCH } else { remembered_from(now) };
    let (sightings, standing) = store.sightings(id, from)?;
    let Some(place) = sightings.last().map(|s| s.institution.clone()) else {
        return withdraw_all(store, &standing, now);
    };
    let jurisdiction = store.institution(&place)?.map(|i| i.jurisdiction).unwrap_or_default();
    let values: BTreeMap<String, i64> = store
        .policy_at(&jurisdiction)?
        .into_iter()
        .map(|(name, (value, _))| (name, value))
        .collect();
    let numbers = Numbers::of(&values);
    let latest = sightings.iter().map(|s| s.from_ms).max().unwrap_or(0);
    let judged_at = if any_date { latest } else { now.as_millisecond() };
    let drafts = impossible_presence::judge(id, &sightings, &numbers, judged_at);
    // What the window left behind was true: the pair is judged as of the day of its second half.
    let undone = |s: &LedgerFinding| {
        let at = s.last_from_ms.unwrap_or(s.raised_ms);
        let still = impossible_presence::judge(id, &sightings, &numbers, at)
            .iter()
            .any(|d| d.key() == s.key);
        if still { Undone::ByTime } else { Undone::ByFact }
    };
    let said = reconcile(&standing, drafts, undone);
    if said.is_empty() {
        return Ok(0);
    }
    let hash = trust::sha256_hex(settings::canonical(&values));
    let now = At::from(now);
    store.remember_policy(&hash, &values, now)?;
    store.say(&said, (&hash, 0), now)
}

fn withdraw_all(
    store: &Store,
    standing: &[LedgerFinding],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let said = reconcile(standing, Vec::new(), |_| Undone::ByFact);
    store.say(&said, ("", 0), now.into())
}

/// Since when facts are read.
fn remembered_from(now: Timestamp) -> At {
    At::from(now) - SignedDuration::from_hours(24 * REMEMBERED_DAYS)
}

fn line(d: &Dossier, post: &WatchedRoom, now_ms: i64) -> outage::BoxOutages {
    let silent: Vec<outage::OutageSpan> =
        post.silences.iter().map(|it| (it.from.ms(), it.to.ms().min(now_ms))).collect();
    let first = silent.first().map_or(now_ms, |s| s.0);
    outage::BoxOutages {
        device: post.device.to_string(),
        institution: d.institution.id.to_string(),
        room: post.room.id.to_string(),
        open: local_days(post, first - DAY_MS, now_ms)
            .into_iter()
            .flat_map(|day| day.open)
            .collect(),
        silent,
    }
}

/// One local day of a room with its opening hours, ms since the epoch.
struct LocalDay {
    span: outage::OutageSpan,
    open: Vec<outage::OutageSpan>,
}

/// The local days that touch `from..to`.
fn local_days(post: &WatchedRoom, from_ms: i64, to_ms: i64) -> Vec<LocalDay> {
    let zone = jiff::tz::TimeZone::get(&post.room.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let Ok(first) = Timestamp::from_millisecond(from_ms) else { return Vec::new() };
    let mut date = first.to_zoned(zone.clone()).date();
    let mut days = Vec::new();
    while let (Ok(start), Ok(next)) = (date.to_zoned(zone.clone()), date.tomorrow()) {
        let (start, week_day) =
            (start.timestamp().as_millisecond(), date.weekday().to_monday_zero_offset());
        if start >= to_ms {
            break;
        }
        let end =
            next.to_zoned(zone.clone()).map_or(start + DAY_MS, |z| z.timestamp().as_millisecond());
        let hours = usize::try_from(week_day).ok().and_then(|n| post.room.opening_min.get(n));
        let open = hours.into_iter().flatten();
        let open = open.map(|(a, b)| {
            (start + i64::from(*a) * 60_000, (start + i64::from(*b) * 60_000).min(end))
        });
        days.push(LocalDay { span: (start, end), open: open.collect() });
        date = next;
    }
    days
}

/// The whole local days on which a box could have been looked at.
fn days(d: &Dossier, post: &WatchedRoom, now_ms: i64) -> Days {
    const HOUR_MS: i64 = 3_600_000;
    let first = post.hours.first().map_or(now_ms, |h| h.hour * HOUR_MS);
    let one = |day: LocalDay| {
        let inside = |at: i64| day.open.iter().any(|(from, to)| *from < at + HOUR_MS && at < *to);
        let hours: Vec<_> = post.hours.iter().filter(|h| inside(h.hour * HOUR_MS)).collect();
        let open_hours: i64 =
            day.open.iter().map(|(from, to)| (to - from + HOUR_MS - 1) / HOUR_MS).sum();
        // An hour counts by the share of its looks that found a live camera; an hour without a look
        // counts nothing.
        let live: i64 = hours.iter().map(|h| h.live * 1_000_000 / h.looks.max(1)).sum();
        DaySeen {
            span: day.span,
            open: !day.open.is_empty(),
            healthy_ppm: (live / open_hours.max(1)).min(1_000_000),
            anybody: hours.iter().any(|h| h.faces > 0),
            chain_whole: post
                .chain_faults
                .iter()
                .all(|(from, to)| *to < day.span.0 || *from >= day.span.1),
        }
    };
    let whole = local_days(post, first, now_ms).into_iter().filter(|day| day.span.1 <= now_ms);
    Days {
        institution: d.institution.id.to_string(),
        room: post.room.id.to_string(),
        device: post.device.to_string(),
        days: whole.map(one).collect(),
    }
}
