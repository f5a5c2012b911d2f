//! What the rules across days read, gathered; and what they say, written: steps of the server's own findings.
//!
//! Nothing here judges. Boxes' summaries come in by [`summary`], looks at the boxes by [`Store::look`].

use std::collections::BTreeMap;

use protocol::up::{CameraState, FindingReport, HealthReport, PresenceSummary, Severity, Step};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::messages::Incoming;
use super::registry::{collect, decode_all, institution_by_id};
use super::{Result, Store, StoreError, alerts, column, name_of, named};
use crate::model::{Institution, Room, Session};
use crate::rules::impossible_presence::Sighting;
use crate::rules::ledger::{Said, Standing};
use crate::rules::phantom::Registered;
use crate::rules::repeated::Occurrence;
use crate::rules::{Seen, SessionOutcome, draft::Key, draft::Making, ledger};

/// One box's summary of a session replaces its earlier one, and the presences that came with that.
pub(super) fn summary(tx: &Connection, it: &Incoming, report: &PresenceSummary, epoch: i64) -> Result<()> {
    let (device, seq) = (it.body.device.as_str(), it.body.seq as i64);
    let session = report.session.as_str();
    let sql = "INSERT INTO summary VALUES (?1,?2,?3,?4,?5,?6,?7,?8) ON CONFLICT(session, device) DO UPDATE SET
        revision=excluded.revision, at=excluded.at, received_at=excluded.received_at, report=excluded.report,
        epoch=excluded.epoch, seq=excluded.seq WHERE excluded.epoch > epoch OR (excluded.epoch = epoch AND excluded.seq > seq)";
    let text = serde_json::to_string(report)?;
    let changed = tx.prepare_cached(sql)?.execute(params![
        device,
        session,
        report.revision,
        report.at,
        it.received_at,
        text,
        epoch,
        seq
    ])?;
    if changed == 0 {
        return super::count(tx, "late_summaries", 1);
    }
    let stale = "DELETE FROM presence WHERE session=?1 AND device=?2 AND (epoch < ?3 OR (epoch = ?3 AND seq < ?4)) RETURNING person";
    let gone: Vec<String> = collect(tx, stale, params![session, device, epoch, seq], |r| Ok(r.get(0)?))?;
    for person in gone {
        to_judge(tx, &format!("p:{person}"))?;
    }
    let institution = "SELECT institution FROM room WHERE id = ?1";
    if let Some(institution) = column(tx, institution, report.room.as_str())? {
        to_judge(tx, &format!("i:{institution}"))?;
    }
    Ok(())
}

fn to_judge(tx: &Connection, what: &str) -> Result<()> {
    tx.prepare_cached("INSERT OR IGNORE INTO to_judge VALUES (?1)")?.execute([what])?;
    Ok(())
}

/// An alert that rests on another: its id, number, kinds, and the rule that links the two.
pub(crate) type Linked = (String, i64, Vec<String>, String);

/// What somebody has to be judged anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToJudge {
    Institution(String),
    Person(String),
}

/// A box's silence, as looked at: RFC 3339 UTC.
pub type Silence = (String, String);

/// An hour of a box: hours since the epoch, looks, looks with a live camera, faces.
pub type Hour = (i64, i64, i64, i64);

/// A place of work with its box.
#[derive(Debug, Clone)]
pub struct Post {
    pub room: Room,
    pub device: String,
    pub silences: Vec<Silence>,
    pub hours: Vec<Hour>,
}

/// Everything that the rules read of one institution.
#[derive(Debug)]
pub struct Dossier {
    pub institution: Institution,
    pub outcomes: Vec<SessionOutcome>,
    pub registered: Vec<Registered>,
    pub undeclared: Vec<Occurrence>,
    pub posts: Vec<Post>,
    pub standing: Vec<Standing>,
    /// The boxes' own clock at their newest summary: a demonstration plays on a day of its own.
    pub newest_summary: Option<String>,
    pub values: BTreeMap<String, i64>,
    pub policy_version: u64,
}

fn ms(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

impl Store {
    /// What is to be judged anew, taken off the list: whoever takes it judges it before the next crash or marks it again.
    pub fn take_to_judge(&self, limit: u32) -> Result<Vec<ToJudge>> {
        self.write(|tx| {
            let sql =
                "DELETE FROM to_judge WHERE what IN (SELECT what FROM to_judge ORDER BY what LIMIT ?1) RETURNING what";
            let rows: Vec<String> = collect(tx, sql, [limit], |r| Ok(r.get(0)?))?;
            Ok(rows.iter().filter_map(|what| to_judge_of(what)).collect())
        })
    }

    /// Asks for an institution or a person again.
    pub fn judge_again(&self, what: &ToJudge) -> Result<()> {
        self.write(|tx| match what {
            ToJudge::Institution(id) => to_judge(tx, &format!("i:{id}")),
            ToJudge::Person(id) => to_judge(tx, &format!("p:{id}")),
        })
    }

    /// Time alone changes verdicts: windows move on, notices age.
    pub fn judge_everything(&self) -> Result<()> {
        self.write(|tx| {
            tx.execute("INSERT OR IGNORE INTO to_judge SELECT 'i:' || id FROM institution", [])?;
            tx.execute("INSERT OR IGNORE INTO to_judge SELECT DISTINCT 'p:' || person FROM presence", [])?;
            Ok(())
        })
    }

    /// One look at every box that was ever heard: is it connected, is its camera live, how many faces did it count.
    /// `run` names this run of the server. Looks older than `forget_before` go.
    pub fn look(&self, run: &str, now: &str, forget_before: &str) -> Result<()> {
        let hour = ms(now).unwrap_or(0).div_euclid(3_600_000);
        self.write(|tx| {
            let sql = "SELECT id, online, health FROM device WHERE state = 'provisioned' AND last_seen IS NOT NULL";
            let boxes: Vec<(String, bool, Option<String>)> =
                collect(tx, sql, [], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
            for (device, online, health) in &boxes {
                let health = health.as_ref().and_then(|h| serde_json::from_str::<HealthReport>(h).ok());
                if !online && go_on_silent(tx, device, run, now)? {
                    mark_institution_of(tx, device)?;
                }
                look_hour(tx, device, hour, *online, health.as_ref())?;
            }
            let oldest_hour = ms(forget_before).unwrap_or(0).div_euclid(3_600_000);
            tx.execute("DELETE FROM silence WHERE to_at < ?1", [forget_before])?;
            tx.execute("DELETE FROM hour_seen WHERE hour < ?1", [oldest_hour])?;
            Ok(())
        })
    }

    /// What the rules read of one institution: sessions that began after `from`, and all that stands.
    pub fn dossier(&self, institution: &str, from: &str) -> Result<Option<Dossier>> {
        self.read(|c| {
            let Some(institution) = institution_by_id(c, institution)? else { return Ok(None) };
            let id = institution.id.as_str();
            let (policy_version, values) = super::policies::values_for(c, &institution.jurisdiction)?;
            let newest = "SELECT max(s.at) FROM summary s JOIN session x ON x.id = s.session JOIN room r ON r.id = x.room WHERE r.institution = ?1";
            Ok(Some(Dossier {
                outcomes: outcomes(c, id, from)?,
                registered: registered(c, id)?,
                undeclared: undeclared(c, id, from)?,
                posts: posts(c, id, from)?,
                standing: standing(c, "institution = ?1 AND rule <> 'LL-3'", id)?,
                newest_summary: c.prepare_cached(newest)?.query_row([id], |r| r.get(0))?,
                institution,
                values,
                policy_version,
            }))
        })
    }

    /// Everything that LL-3 reads of one person, and what stands of it.
    pub fn sightings(&self, person: &str, from: &str) -> Result<(Vec<Sighting>, Vec<Standing>)> {
        self.read(|c| {
            let sql = "SELECT r.institution, p.room, p.device, p.session, p.from_at, p.to_at, p.uncertainty_ms, p.synchronised,
                p.verified_by, g.north_udeg, g.east_udeg, coalesce(json_extract(s.report, '$.liveness_waived'), 0), i.jurisdiction
                FROM presence p JOIN room r ON r.id = p.room JOIN institution i ON i.id = r.institution LEFT JOIN institution_place g ON g.institution = r.institution
                LEFT JOIN summary s ON s.session = p.session AND s.device = p.device
                WHERE p.person = ?1 AND p.from_at > ?2 ORDER BY p.from_at";
            let sightings = collect(c, sql, [person, from], sighting)?.into_iter().flatten().collect();
            let stands = standing(c, "rule = 'LL-3' AND substr(subject, 1, length(?1) + 1) = ?1 || ' '", person)?;
            Ok((sightings, stands))
        })
    }

    /// Writes the steps that the ledger wants; gives how many.
    pub fn say(&self, said: &[Said], policy: (&str, u64), now: &str) -> Result<usize> {
        self.write(|tx| {
            for one in said {
                say_one(tx, one, policy, now)?;
            }
            Ok(said.len())
        })
    }

    /// Alerts that rest on each other.
    pub fn linked(&self, alert: &str) -> Result<Vec<Linked>> {
        self.read(|c| {
            let sql = "SELECT a.id, a.number, a.kinds, l.rule FROM alert_link l JOIN alert a
                ON a.id = CASE WHEN l.alert = ?1 THEN l.other ELSE l.alert END
                WHERE (l.alert = ?1 OR l.other = ?1) AND a.id <> ?1 ORDER BY a.number LIMIT 50";
            collect(c, sql, [alert], |r| {
                Ok((r.get(0)?, r.get(1)?, serde_json::from_str(&r.get::<_, String>(2)?)?, r.get(3)?))
            })
        })
    }

    /// The box's summary of a session, with when it came.
    pub fn summaries(&self, sessions: &[String]) -> Result<BTreeMap<String, PresenceSummary>> {
        self.read(|c| {
            let sql =
                "SELECT report FROM summary WHERE session IN (SELECT value FROM json_each(?1)) ORDER BY received_at";
            let rows: Vec<PresenceSummary> = decode_all(c, sql, [serde_json::to_string(sessions)?])?;
            Ok(rows.into_iter().map(|s| (s.session.to_string(), s)).collect())
        })
    }
}

fn to_judge_of(what: &str) -> Option<ToJudge> {
    match what.split_once(':')? {
        ("i", id) => Some(ToJudge::Institution(id.to_owned())),
        ("p", id) => Some(ToJudge::Person(id.to_owned())),
        _ => None,
    }
}

/// True once a silence is long enough to be worth a question; asked again each further look.
fn go_on_silent(tx: &Connection, device: &str, run: &str, now: &str) -> Result<bool> {
    let open = "SELECT from_at, to_at FROM silence WHERE device=?1 AND run=?2 ORDER BY from_at DESC LIMIT 1";
    let last: Option<(String, String)> =
        tx.prepare_cached(open)?.query_row([device, run], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    // Connected at the look before: another silence begins.
    let goes_on = last.filter(|(_, to)| ms(now).zip(ms(to)).is_some_and(|(now, to)| now - to <= 2 * LOOK_MS));
    if let Some((from, _)) = goes_on {
        tx.prepare_cached("UPDATE silence SET to_at=?3 WHERE device=?1 AND from_at=?2")?
            .execute([device, &from, now])?;
        Ok(ms(now).zip(ms(&from)).is_some_and(|(now, from)| now - from > 300_000))
    } else {
        let sql = "INSERT OR REPLACE INTO silence VALUES (?1,?2,?2,?3)";
        tx.prepare_cached(sql)?.execute([device, now, run])?;
        Ok(false)
    }
}

/// Between two looks, ms; what looks [`Store::look`] keeps to it.
pub const LOOK_MS: i64 = 60_000;

fn mark_institution_of(tx: &Connection, device: &str) -> Result<()> {
    let sql = "SELECT r.institution FROM device d JOIN room r ON r.id = d.room WHERE d.id = ?1";
    match column(tx, sql, device)? {
        Some(institution) => to_judge(tx, &format!("i:{institution}")),
        None => Ok(()),
    }
}

fn look_hour(tx: &Connection, device: &str, hour: i64, online: bool, health: Option<&HealthReport>) -> Result<()> {
    let live = online && health.is_some_and(|h| h.camera == CameraState::Live);
    let counter = health.map_or(0, |h| h.faces as i64);
    let before = "SELECT last_faces FROM hour_seen WHERE device=?1 ORDER BY hour DESC LIMIT 1";
    let last: Option<i64> = tx.prepare_cached(before)?.query_row([device], |r| r.get(0)).optional()?;
    // A counter that fell began anew with the box.
    let faces = last.map_or(0, |last| if counter >= last { counter - last } else { counter });
    tx.prepare_cached(
        "INSERT INTO hour_seen VALUES (?1,?2,1,?3,?4,?5) ON CONFLICT(device, hour) DO UPDATE SET looks = looks + 1,
         live = live + excluded.live, faces = faces + excluded.faces, last_faces = excluded.last_faces",
    )?
    .execute(params![device, hour, live, faces, counter])?;
    Ok(())
}

fn outcomes(c: &Connection, institution: &str, from: &str) -> Result<Vec<SessionOutcome>> {
    let sql = "SELECT x.spec, coalesce(s.device, (SELECT d.id FROM device d WHERE d.room = x.room AND d.state <> 'registered' ORDER BY d.id LIMIT 1), ''),
        s.report, EXISTS (SELECT 1 FROM device d WHERE d.room = x.room AND d.state = 'provisioned' AND d.last_seen IS NOT NULL),
        EXISTS (SELECT 1 FROM presence p WHERE p.session = x.id AND p.person = json_extract(x.spec, '$.declared_lead'))
        FROM session x JOIN room r ON r.id = x.room LEFT JOIN summary s ON s.session = x.id
        AND s.received_at = (SELECT max(t.received_at) FROM summary t WHERE t.session = x.id)
        WHERE r.institution = ?1 AND x.start_at > ?2 ORDER BY x.start_at, x.id";
    let rows = collect(c, sql, [institution, from], |r| {
        let session: Session = serde_json::from_str(&r.get::<_, String>(0)?)?;
        let seen: Option<PresenceSummary> =
            r.get::<_, Option<String>>(2)?.map(|text| serde_json::from_str(&text)).transpose()?;
        let (watched, lead_present): (bool, bool) = (r.get(3)?, r.get(4)?);
        let Some(start_ms) = ms(&session.start) else { return Ok(None) };
        Ok(Some(SessionOutcome {
            session: session.id.to_string(),
            institution: institution.to_owned(),
            room: session.room.to_string(),
            device: r.get(1)?,
            declared_lead: session.declared_lead.as_ref().map(ToString::to_string),
            start_ms,
            end_ms: session.end.as_deref().and_then(ms).unwrap_or(start_ms),
            cancelled: session.cancelled,
            seen: seen.map(|s| of_summary(&s, lead_present)),
            watched,
        }))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

/// The lead as declared *now* counts as verified where a presence of that person came, too: the summary speaks of the lead
/// at its own time, and a presence may have been given up for lack of disk.
fn of_summary(s: &PresenceSummary, lead_present: bool) -> Seen {
    Seen {
        assessable: s.assessable,
        because: s.not_assessable_because.clone(),
        visibility_a_ppm: s.visibility_over_a_ppm,
        visibility_i_ppm: s.visibility_over_i_ppm,
        face_seen: s.face_seen,
        lead_verified: s.lead_verified || lead_present,
        lead_open: s.undecided.iter().any(|u| u.rule == "LL-1"),
        liveness_waived: s.liveness_waived,
    }
}

fn registered(c: &Connection, institution: &str) -> Result<Vec<Registered>> {
    let sql = "SELECT s.practitioner, d.room, d.id, (SELECT max(p.to_at) FROM presence p JOIN room q ON q.id = p.room
          WHERE p.person = s.practitioner AND q.institution = s.institution),
        (SELECT min(m.received_at) FROM summary m JOIN session x ON x.id = m.session JOIN room y ON y.id = x.room WHERE y.institution = s.institution),
        p.updated_at
        FROM site s JOIN practitioner p ON p.id = s.practitioner JOIN room r ON r.institution = s.institution JOIN device d ON d.room = r.id
        WHERE s.institution = ?1 AND s.lead_of <> '[]' GROUP BY s.practitioner HAVING min(d.id)";
    let rows = collect(c, sql, [institution], |r| {
        let (last, first): (Option<String>, Option<String>) = (r.get(3)?, r.get(4)?);
        // Without one report nobody could have been seen.
        let visible_since_ms = first.as_deref().and_then(ms).zip(ms(&r.get::<_, String>(5)?)).map(|(a, b)| a.max(b));
        let (person, room, device) = (r.get(0)?, r.get(1)?, r.get(2)?);
        Ok(visible_since_ms.map(|visible_since_ms| Registered {
            person,
            institution: institution.to_owned(),
            room,
            device,
            last_verified_ms: last.as_deref().and_then(ms),
            visible_since_ms,
        }))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

fn undeclared(c: &Connection, institution: &str, from: &str) -> Result<Vec<Occurrence>> {
    let sql = "SELECT f.id, f.alert, f.report, f.device, f.received_at FROM finding f WHERE f.rule = 'HB-3' AND f.epoch >= 0
        AND f.step <> 'withdrawn' AND f.received_at > ?2 AND json_extract(f.report, '$.institution') = ?1 ORDER BY f.received_at";
    let rows = collect(c, sql, [institution, from], |r| {
        let report: FindingReport = serde_json::from_str(&r.get::<_, String>(2)?)?;
        let Some(at_ms) = ms(&r.get::<_, String>(4)?) else { return Ok(None) };
        Ok(Some(Occurrence {
            finding: r.get(0)?,
            incident: r.get(1)?,
            institution: institution.to_owned(),
            room: report.room.to_string(),
            device: r.get(3)?,
            at_ms,
            severity: report.severity,
            liveness_waived: report.manifest.liveness_waived,
        }))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

fn posts(c: &Connection, institution: &str, from: &str) -> Result<Vec<Post>> {
    let sql = "SELECT r.spec, d.id FROM device d JOIN room r ON r.id = d.room
        WHERE r.institution = ?1 AND d.state = 'provisioned' AND d.last_seen IS NOT NULL ORDER BY d.id";
    let places: Vec<(String, String)> = collect(c, sql, [institution], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let hour = ms(from).unwrap_or(0).div_euclid(3_600_000);
    let post = |(spec, device): (String, String)| {
        let silences = "SELECT from_at, to_at FROM silence WHERE device = ?1 AND to_at > ?2 ORDER BY from_at";
        let hours = "SELECT hour, looks, live, faces FROM hour_seen WHERE device = ?1 AND hour >= ?2 ORDER BY hour";
        Ok(Post {
            room: serde_json::from_str(&spec)?,
            silences: collect(c, silences, [device.as_str(), from], |r| Ok((r.get(0)?, r.get(1)?)))?,
            hours: collect(c, hours, params![device, hour], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))?,
            device,
        })
    };
    places.into_iter().map(post).collect()
}

fn sighting(r: &rusqlite::Row<'_>) -> Result<Option<Sighting>> {
    let (from, to): (String, String) = (r.get(4)?, r.get(5)?);
    let Some((from_ms, to_ms)) = ms(&from).zip(ms(&to)) else { return Ok(None) };
    let place: (Option<i64>, Option<i64>) = (r.get(9)?, r.get(10)?);
    Ok(Some(Sighting {
        institution: r.get(0)?,
        jurisdiction: r.get(12)?,
        room: r.get(1)?,
        device: r.get(2)?,
        session: r.get(3)?,
        from_ms,
        to_ms,
        uncertainty_ms: r.get(6)?,
        synchronised: r.get(7)?,
        verified_by: r.get(8)?,
        liveness_waived: r.get(11)?,
        place: place.0.zip(place.1).map(|(north, east)| (north as f64 / 1e6, east as f64 / 1e6)),
    }))
}

fn standing(c: &Connection, which: &str, id: &str) -> Result<Vec<Standing>> {
    let sql = format!(
        "SELECT rule, institution, subject, serial, revision, step, severity, weight, raised_at FROM own_finding WHERE {which}"
    );
    collect(c, &sql, [id], |r| {
        Ok(Standing {
            key: Key { rule: r.get(0)?, institution: r.get(1)?, subject: r.get(2)? },
            serial: r.get(3)?,
            revision: r.get(4)?,
            step: named(r.get(5)?)?,
            severity: named::<Severity>(r.get(6)?)?,
            weight: r.get::<_, i64>(7)? as usize,
            raised_ms: ms(&r.get::<_, String>(8)?).unwrap_or(0),
        })
    })
}

fn say_one(tx: &Transaction<'_>, said: &Said, (policy_sha256, policy_version): (&str, u64), now: &str) -> Result<()> {
    let key = (said.key.rule.as_str(), said.key.institution.as_str(), said.key.subject.as_str());
    let last: Option<(String, u32, String)> = tx
        .prepare_cached(
            "SELECT report, serial, raised_at FROM own_finding WHERE rule=?1 AND institution=?2 AND subject=?3",
        )?
        .query_row(key, |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))
        .optional()?;
    let report = match (&said.draft, &last) {
        (Some(draft), _) => {
            let making = Making {
                serial: said.serial,
                step: said.step,
                revision: said.revision,
                raised_at: now,
                policy_sha256,
                policy_version,
            };
            draft.report(&making)
        }
        (None, Some((text, ..))) => {
            let before: FindingReport = serde_json::from_str(text)?;
            Some(FindingReport { step: said.step, revision: said.revision, raised_at: now.to_owned(), ..before })
        }
        (None, None) => None,
    };
    let Some(report) = report else {
        return Err(StoreError::Conflict(format!("a finding of {} names no place of the registry", said.key.rule)));
    };
    let raised_at = match &last {
        Some((_, serial, raised)) if *serial == said.serial && said.step != Step::Opened => raised.as_str(),
        _ => now,
    };
    let weight = said.draft.as_ref().map(ledger::weight);
    tx.prepare_cached(
        "INSERT INTO own_finding VALUES (?1,?2,?3,?4,?5,?6,?7,coalesce(?8, 0),?9,?10) ON CONFLICT(rule, institution, subject)
         DO UPDATE SET serial=excluded.serial, revision=excluded.revision, step=excluded.step, severity=excluded.severity,
         weight=coalesce(?8, weight), raised_at=excluded.raised_at, report=excluded.report",
    )?
    .execute(params![
        key.0,
        key.1,
        key.2,
        said.serial,
        said.revision,
        name_of(&report.step)?,
        name_of(&report.severity)?,
        weight.map(|w| w as i64),
        raised_at,
        serde_json::to_string(&report)?
    ])?;
    let device = said.draft.as_ref().map(|d| d.device.clone());
    alerts::say_own(tx, &report, device.as_deref(), now)?;
    match &said.draft {
        Some(draft) => link(tx, &report, draft),
        None => Ok(()),
    }
}

/// The incident is linked with those that it rests on, and with what another place is told of the same.
fn link(tx: &Connection, report: &FindingReport, draft: &crate::rules::Draft) -> Result<()> {
    let mut others = draft.incidents.clone();
    for session in &draft.related {
        let sql = "SELECT id FROM alert WHERE session = ?1";
        others.extend(collect::<String, _>(tx, sql, [session], |r| Ok(r.get(0)?))?);
    }
    let twins = "SELECT json_extract(report, '$.incident_id') FROM own_finding WHERE rule=?1 AND subject=?2 AND institution<>?3";
    others.extend(collect::<String, _>(
        tx,
        twins,
        [draft.rule, &draft.subject, &draft.institution],
        |r| Ok(r.get(0)?),
    )?);
    for other in others.iter().filter(|o| **o != report.incident_id) {
        let sql = "INSERT OR IGNORE INTO alert_link VALUES (?1,?2,?3)";
        tx.prepare_cached(sql)?.execute([&report.incident_id, other, &report.rule])?;
    }
    Ok(())
}
