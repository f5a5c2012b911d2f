//! Trials of policy numbers: which boxes are asked, what they answered. An answer is its box's own
//! word of its own room: it is shown to whoever sets the policy, and no rule, list or figure reads
//! it. What was not asked of a box, or comes from another room, counts nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use protocol::id::{DeviceId, TrialId};
use protocol::names::RuleCode;
use protocol::trial::{
    MOST_TRIAL_DAYS, MOST_TRIAL_STANDS, PolicyTrial, PolicyTrialAnswer, TrialCount, TrialDay,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::engine::{Connection, OptionalExtension as _, params};
use super::rows::collect;
use super::{Result, Store, count, named};
use crate::clock::At;

/// Days of the log that are asked about.
const ASKED_DAYS: i64 = 90;
/// For so long a box that was off line is asked.
const OPEN_DAYS: i64 = 3;
/// Trials are forgotten after.
const KEPT_DAYS: i64 = 180;
/// Findings of one rule that a box is believed to count.
const MOST_COUNTED: u32 = 1_000_000;

/// How much may be asked.
#[derive(Debug, Clone, Copy)]
pub struct TrialBounds {
    /// Boxes of one trial.
    pub boxes: u32,
    /// Trials that one person asks for within a day.
    pub of_one_a_day: i64,
}

/// A trial to be asked for.
#[derive(Debug, Clone)]
pub struct NewTrial<'a> {
    pub id: &'a TrialId,
    pub jurisdiction: &'a str,
    pub changes: &'a BTreeMap<String, i64>,
    pub by: &'a str,
    /// A demonstration plays on a day of its own: every day of the log counts.
    pub any_date: bool,
    /// Its boxes are asked before those of other institutions, where there are too many.
    pub first: Option<&'a str>,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrialRow {
    #[schemars(with = "String")]
    pub id: TrialId,
    pub jurisdiction: String,
    /// Each is tried by itself.
    pub changes: BTreeMap<String, i64>,
    pub asked_at: At,
    pub asked_by: String,
    /// No box is asked after it.
    pub until: At,
    pub boxes: u32,
    pub answered: u32,
    /// Boxes of the jurisdiction that were not asked, because there are too many.
    pub left_out: u32,
}

/// How far one box has come with a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrialStanding {
    /// It is to be told, or is at work.
    Asked,
    /// It said why it does not try.
    Refused,
    /// It answered, and its answer is shown.
    Answered,
    /// It has no log of the days, or can not read it.
    NoLog,
    /// What it answered can not be so: nothing of it is counted.
    NotBelieved,
    /// Nobody asks it any more.
    Expired,
}

/// One box of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BoxTrial {
    #[schemars(with = "String")]
    pub device: DeviceId,
    pub room: String,
    pub institution: String,
    pub standing: TrialStanding,
    pub answered_at: Option<At>,
    /// UTC days that it replayed.
    pub days: Vec<String>,
    pub days_left_out: u32,
    pub counts: Vec<TrialCountSeen>,
    /// What stands day by day with the policy in force; none from a box of before.
    #[serde(skip)]
    pub stand: Option<Vec<TrialDay>>,
    /// Its own words; empty where it did not refuse.
    pub refused_because: String,
}

/// One rule under one changed number, as boxes say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrialCountSeen {
    pub setting: String,
    pub rule: RuleCode,
    pub now: u32,
    pub appear: u32,
    pub vanish: u32,
    pub other_severity: u32,
}

impl From<TrialCount> for TrialCountSeen {
    fn from(it: TrialCount) -> Self {
        let TrialCount { setting, rule, now, appear, vanish, other_severity } = it;
        Self { setting, rule, now, appear, vanish, other_severity }
    }
}

/// One rule under one changed number, over all boxes whose answer is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrialSum {
    pub setting: String,
    pub rule: RuleCode,
    pub boxes: u64,
    pub now: u64,
    pub appear: u64,
    pub vanish: u64,
    pub other_severity: u64,
}

/// What a box that is asked is told, and where it stands.
struct AskedBox {
    device: String,
    room: String,
    institution: String,
    from_day: String,
}

impl Store {
    /// Asks the boxes of a jurisdiction; gives the rooms of those that are asked. `None`: this
    /// person asked for too much today.
    pub fn ask_boxes(
        &self,
        it: &NewTrial<'_>,
        bounds: TrialBounds,
        now: Timestamp,
    ) -> Result<Option<Vec<String>>> {
        let at = At::from(now);
        let before = |days| at - SignedDuration::from_hours(24 * days);
        let until = at + SignedDuration::from_hours(24 * OPEN_DAYS);
        self.write(|tx| {
            let sql = "SELECT count(*) FROM policy_trial WHERE asked_by = ?1 AND asked_at > ?2";
            let asked: i64 = tx.query_row(sql, (it.by, before(1)), |r| r.get(0))?;
            if asked >= bounds.of_one_a_day {
                return Ok(None);
            }
            forget(tx, before(KEPT_DAYS))?;
            let from = (!it.any_date).then(|| now - SignedDuration::from_hours(24 * ASKED_DAYS));
            let (boxes, all) = boxes_of(tx, it, bounds.boxes, from)?;
            let left_out = all - boxes.len() as i64;
            tx.execute(
                "INSERT INTO policy_trial VALUES (?1,?2,?3,?4,?5,?6,?7)",
                params![
                    it.id,
                    it.jurisdiction,
                    serde_json::to_string(it.changes)?,
                    at,
                    it.by,
                    until,
                    left_out
                ],
            )?;
            for asked in &boxes {
                tx.prepare_cached(
                    "INSERT INTO policy_trial_box VALUES (?1,?2,?3,?4,?5,NULL,NULL)",
                )?
                .execute(params![
                    it.id,
                    asked.device,
                    asked.room,
                    asked.institution,
                    asked.from_day
                ])?;
            }
            let rooms: BTreeSet<String> = boxes.into_iter().map(|asked| asked.room).collect();
            Ok(Some(rooms.into_iter().collect()))
        })
    }

    /// The newest trials of a jurisdiction and of those in it, newest first.
    pub fn policy_trials(&self, jurisdiction: &str, limit: u32) -> Result<Vec<TrialRow>> {
        self.read(|c| {
            let sql = format!(
                "{COLUMNS} WHERE substr(t.jurisdiction, 1, length(?1)) = ?1
                ORDER BY t.asked_at DESC, t.id LIMIT ?2"
            );
            collect(c, &sql, (jurisdiction, limit), row)
        })
    }

    pub fn policy_trial(&self, id: &TrialId) -> Result<Option<TrialRow>> {
        self.read(|c| Ok(collect(c, &format!("{COLUMNS} WHERE t.id = ?1"), [id], row)?.pop()))
    }

    /// What became of a trial at each of its boxes.
    pub fn trial_boxes(&self, trial: &TrialRow, now: At) -> Result<Vec<BoxTrial>> {
        self.read(|c| {
            let sql = "SELECT b.device, b.room, b.institution, b.answered_at, b.answer,
                k.applied, k.refused_because, k.issued_at
                FROM policy_trial_box b LEFT JOIN knowledge k ON k.device = b.device
                AND k.kind = 'policy_trial' AND k.ack_version = k.version
                WHERE b.trial = ?1 ORDER BY b.institution, b.room, b.device";
            collect(c, sql, [&trial.id], |r| {
                let refused: Option<bool> = r.get(5)?;
                let issued_at: Option<At> = r.get(7)?;
                // The last word of the box, where it is about this trial.
                let about_this = issued_at.is_some_and(|at| at >= trial.asked_at);
                let answer: Option<String> = r.get(4)?;
                Ok(seen(
                    BoxRow {
                        device: r.id(0)?,
                        room: r.get(1)?,
                        institution: r.get(2)?,
                        answered_at: r.get(3)?,
                        answer: answer.map(|text| serde_json::from_str(&text)).transpose()?,
                        refused: (about_this && refused == Some(false))
                            .then(|| r.get::<_, Option<String>>(6))
                            .transpose()?
                            .map(Option::unwrap_or_default),
                    },
                    trial.until <= now,
                ))
            })
        })
    }
}

/// What the boxes together say, by setting and rule.
pub fn trial_sums(boxes: &[BoxTrial]) -> Vec<TrialSum> {
    let mut all: BTreeMap<(&str, &RuleCode), [u64; 5]> = BTreeMap::new();
    for it in boxes.iter().flat_map(|it| &it.counts) {
        let of = all.entry((it.setting.as_str(), &it.rule)).or_default();
        for (of, n) in of.iter_mut().zip([1, it.now, it.appear, it.vanish, it.other_severity]) {
            *of += u64::from(n);
        }
    }
    let sum = |((setting, rule), n): ((&str, &RuleCode), [u64; 5])| {
        let [boxes, now, appear, vanish, other_severity] = n;
        let (setting, rule) = (setting.to_owned(), rule.clone());
        TrialSum { setting, rule, boxes, now, appear, vanish, other_severity }
    };
    all.into_iter().map(sum).collect()
}

const COLUMNS: &str = "SELECT t.id, t.jurisdiction, t.changes, t.asked_at, t.asked_by, t.until, \
    t.left_out, (SELECT count(*) FROM policy_trial_box b WHERE b.trial = t.id), (SELECT count(*) \
    FROM policy_trial_box b WHERE b.trial = t.id AND b.answered_at IS NOT NULL) FROM policy_trial \
    t";

fn row(r: &super::engine::Row<'_>) -> Result<TrialRow> {
    Ok(TrialRow {
        id: named(r.get(0)?)?,
        jurisdiction: r.get(1)?,
        changes: serde_json::from_str(&r.get::<_, String>(2)?)?,
        asked_at: r.get(3)?,
        asked_by: r.get(4)?,
        until: r.get(5)?,
        left_out: r.get::<_, i64>(6)? as u32,
        boxes: r.get::<_, i64>(7)? as u32,
        answered: r.get::<_, i64>(8)? as u32,
    })
}

struct BoxRow {
    device: DeviceId,
    room: String,
    institution: String,
    answered_at: Option<At>,
    answer: Option<PolicyTrialAnswer>,
    /// What it said where it refused this trial.
    refused: Option<String>,
}

fn seen(it: BoxRow, expired: bool) -> BoxTrial {
    let standing = match (&it.answered_at, &it.answer, &it.refused) {
        (Some(_), Some(answer), _) if answer.failed.is_some() => TrialStanding::NoLog,
        (Some(_), Some(_), _) => TrialStanding::Answered,
        (Some(_), None, _) => TrialStanding::NotBelieved,
        (None, _, Some(_)) => TrialStanding::Refused,
        (None, ..) if expired => TrialStanding::Expired,
        (None, ..) => TrialStanding::Asked,
    };
    let (days, days_left_out, counts, stand) =
        it.answer.map(|a| (a.days, a.days_left_out, a.counts, a.stand)).unwrap_or_default();
    BoxTrial {
        device: it.device,
        room: it.room,
        institution: it.institution,
        standing,
        answered_at: it.answered_at,
        days,
        days_left_out,
        counts: counts.into_iter().map(TrialCountSeen::from).collect(),
        stand,
        refused_because: it.refused.unwrap_or_default(),
    }
}

/// The boxes in service below a jurisdiction, at most so many, and how many there are. Each is
/// asked about days since it stands in its room, and since `from`.
fn boxes_of(
    c: &Connection,
    it: &NewTrial<'_>,
    most: u32,
    from: Option<Timestamp>,
) -> Result<(Vec<AskedBox>, i64)> {
    let jurisdiction = it.jurisdiction;
    let of = "FROM device d JOIN room r ON r.id = d.room JOIN institution i ON
        i.id = r.institution WHERE d.state = 'provisioned' AND
        substr(i.jurisdiction, 1, length(?1)) = ?1";
    let all: i64 = c.query_row(&format!("SELECT count(*) {of}"), [jurisdiction], |r| r.get(0))?;
    let sql = format!(
        "SELECT d.id, d.room, r.institution, (SELECT nullif(max(p.since), '') FROM device_place p
        WHERE p.device = d.id) {of}
        ORDER BY CASE WHEN r.institution = ?3 THEN 0 ELSE 1 END, d.id LIMIT ?2"
    );
    let first = it.first.unwrap_or_default();
    let boxes = collect(c, &sql, (jurisdiction, most, first), |r| {
        let since: Option<At> = r.get(3)?;
        Ok(AskedBox {
            device: r.get(0)?,
            room: r.get(1)?,
            institution: r.get(2)?,
            from_day: from.map(|from| first_day(from, since)).unwrap_or_default(),
        })
    })?;
    Ok((boxes, all))
}

/// The first whole UTC day after both times.
fn first_day(from: Timestamp, since: Option<At>) -> String {
    let from = At::from(from);
    (since.map_or(from, |since| since.max(from)) + SignedDuration::from_hours(24)).utc_day()
}

fn forget(tx: &Connection, before: At) -> Result<()> {
    let old = "SELECT id FROM policy_trial WHERE asked_at < ?1";
    let of = format!("DELETE FROM policy_trial_box WHERE trial IN ({old})");
    tx.execute(&of, [before])?;
    tx.execute("DELETE FROM policy_trial WHERE asked_at < ?1", [before])?;
    Ok(())
}

/// What a box is to try now: the newest trial that it has not answered, in the room in which it was
/// asked.
pub(super) fn for_box(c: &Connection, device: &DeviceId, now: At) -> Result<Option<PolicyTrial>> {
    let sql = "SELECT t.id, t.changes, b.from_day FROM policy_trial_box b JOIN policy_trial t ON
        t.id = b.trial JOIN device d ON d.id = b.device WHERE b.device = ?1 AND
        b.answered_at IS NULL AND d.room = b.room AND t.until > ?2
        ORDER BY t.asked_at DESC, t.id LIMIT 1";
    let found: Option<(String, String, String)> = c
        .prepare_cached(sql)?
        .query_row((device, now), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let Some((id, changes, from)) = found else { return Ok(None) };
    // Every id that stands there was made here.
    let Ok(trial) = id.parse() else { return Ok(None) };
    let changes = serde_json::from_str(&changes)?;
    Ok(Some(PolicyTrial { trial, changes, from: Some(from).filter(|from| !from.is_empty()) }))
}

/// Takes a box's answer: once, of what it was asked, and from the room in which it was asked.
pub(super) fn take(
    tx: &Connection,
    device: &DeviceId,
    it: &PolicyTrialAnswer,
    at: At,
) -> Result<()> {
    let sql = "SELECT t.changes, b.from_day, b.room = d.room FROM policy_trial_box b
        JOIN policy_trial t ON t.id = b.trial JOIN device d ON d.id = b.device
        WHERE b.trial = ?1 AND b.device = ?2 AND b.answered_at IS NULL";
    let asked: Option<(String, String, bool)> = tx
        .prepare_cached(sql)?
        .query_row((it.trial.as_str(), device), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let Some((changes, from, in_its_room)) = asked else {
        return count(tx, "trial_answers_unasked", 1);
    };
    if !in_its_room {
        return count(tx, "trial_answers_elsewhere", 1);
    }
    let changes: BTreeMap<String, i64> = serde_json::from_str(&changes)?;
    let answer = if believable(it, &changes, &from, at) {
        Some(serde_json::to_string(it)?)
    } else {
        count(tx, "trial_answers_not_believed", 1)?;
        None
    };
    let sql = "UPDATE policy_trial_box SET answered_at = ?3, answer = ?4 WHERE trial = ?1 AND
        device = ?2";
    tx.prepare_cached(sql)?.execute(params![it.trial.as_str(), device, at, answer])?;
    Ok(())
}

/// Whether an answer can be one to what was asked: days that were, numbers that were asked about,
/// rules that there are, no more taken away than stood.
fn believable(
    it: &PolicyTrialAnswer,
    changes: &BTreeMap<String, i64>,
    from: &str,
    received_at: At,
) -> bool {
    // A box's day may have begun before this one's ended.
    let latest = (received_at + SignedDuration::from_hours(24)).utc_day();
    let is_day = |day: &String| {
        let read = day.parse::<jiff::civil::Date>().is_ok_and(|read| read.to_string() == *day);
        read && day.as_str() >= from && *day <= latest
    };
    let days = it.days.len() <= MOST_TRIAL_DAYS
        && it.days.is_sorted_by(|one, next| one < next)
        && it.days.iter().all(is_day);
    let mut said = BTreeSet::new();
    let is_count = |n: &TrialCount| {
        let all = [n.now, n.appear, n.vanish, n.other_severity];
        changes.contains_key(&n.setting)
            && !matches!(n.rule, RuleCode::Other(_))
            && all.iter().all(|n| *n <= MOST_COUNTED)
            && u64::from(n.vanish) + u64::from(n.other_severity) <= u64::from(n.now)
    };
    let once = it.counts.iter().all(|n| said.insert((&n.setting, &n.rule)));
    let nothing_of_no_day = !it.days.is_empty() || it.counts.is_empty();
    let nothing_of_a_failure = it.failed.is_none() || (it.days.is_empty() && it.counts.is_empty());
    let stand = it.stand.as_deref().unwrap_or_default();
    let is_stand = |n: &TrialDay| {
        it.days.contains(&n.day) && !matches!(n.rule, RuleCode::Other(_)) && n.now <= MOST_COUNTED
    };
    let stands = stand.len() <= MOST_TRIAL_STANDS
        && stand.is_sorted_by(|one, next| (&one.day, &one.rule) < (&next.day, &next.rule))
        && stand.iter().all(is_stand);
    let counts = once && nothing_of_no_day && it.counts.iter().all(is_count);
    days && counts && stands && nothing_of_a_failure
}

#[cfg(test)]
#[path = "policy_trials_tests.rs"]
mod tests;
