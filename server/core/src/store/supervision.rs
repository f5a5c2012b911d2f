//! What the rules across days read, gathered. Nothing here judges and nothing is written.

use std::collections::BTreeMap;

use super::engine::{Connection, params};
use protocol::id::DeviceId;
use protocol::names::RuleCode;
use protocol::up::{FindingReport, Interval, PresenceEvidence, PresenceSummary, Severity};

use super::refusals::DECLINED;
use super::registry::institution_by_id;
use super::rows::collect;
use super::{Result, Store, named};
use crate::clock::{At, ms};
use crate::model::{Institution, Room, Session};
use crate::rules::emergencies::Flag;
use crate::rules::ledger::LedgerFinding;
use crate::rules::phantom::Registered;
use crate::rules::repeated::{Occurrence, Repeatable};
use crate::rules::sighting::{ChainStanding, Sighting};
use crate::rules::{SessionOutcome, SessionSight, draft::DraftKey};

/// A box's silence, as looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    pub from: At,
    pub to: At,
}

/// An hour of a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchedHour {
    /// Hours since 1970, UTC.
    pub hour: i64,
    pub looks: i64,
    /// Of the looks, those with a live camera.
    pub live: i64,
    pub faces: i64,
}

/// A place of work with its box.
#[derive(Debug, Clone)]
pub struct WatchedRoom {
    pub room: Room,
    pub device: DeviceId,
    pub silences: Vec<Silence>,
    pub hours: Vec<WatchedHour>,
    /// When its chain is not whole, first and last ms.
    pub chain_faults: Vec<(i64, i64)>,
}

/// Everything that the rules read of one institution.
#[derive(Debug, Clone)]
pub struct Dossier {
    pub institution: Institution,
    pub outcomes: Vec<SessionOutcome>,
    /// Every word about the sessions that were revised, oldest first.
    pub revised: BTreeMap<String, Vec<Declared>>,
    pub registered: Vec<Registered>,
    pub repeatable: Vec<Occurrence>,
    /// Sessions that were ever flagged as emergencies, and when the server first heard so.
    pub flags: Vec<Flag>,
    pub posts: Vec<WatchedRoom>,
    pub standing: Vec<LedgerFinding>,
    /// Self-checks and what they are held against.
    pub compared: super::ComparedRecords,
    /// The boxes' own clock at their newest summary: a demonstration plays on a day of its own.
    pub newest_summary: Option<At>,
    pub values: BTreeMap<String, i64>,
    pub policy_version: u64,
}

/// What was declared of a session, from its moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// When it reached the server, ms since the epoch.
    pub at_ms: i64,
    pub lead: Option<String>,
    /// A presence of that lead came.
    pub lead_present: bool,
    pub start_ms: i64,
    pub end_ms: i64,
    pub cancelled: bool,
}

impl Dossier {
    /// The same with every session as it was declared by that moment: what the boxes saw stays as
    /// it is known today.
    #[must_use]
    pub fn as_stated_by(&self, at_ms: i64) -> Self {
        let mut then = self.clone();
        for outcome in &mut then.outcomes {
            let words = self.revised.get(&outcome.session).into_iter().flatten();
            // One that was declared only afterwards has its first word.
            let first = words.clone().next();
            let Some(word) = words.take_while(|w| w.at_ms <= at_ms).last().or(first) else {
                continue;
            };
            if outcome.declared_lead != word.lead {
                outcome.declared_lead.clone_from(&word.lead);
                if let Some(seen) = &mut outcome.seen {
                    seen.lead_verified = word.lead_present;
                }
            }
            (outcome.start_ms, outcome.end_ms, outcome.cancelled) =
                (word.start_ms, word.end_ms, word.cancelled);
        }
        then
    }
}

impl Store {
    /// What the rules read of one institution: sessions that began after `from`, and all that
    /// stands.
    pub fn dossier(&self, institution: &str, from: At) -> Result<Option<Dossier>> {
        self.read(|c| {
            let Some(institution) = institution_by_id(c, institution)? else { return Ok(None) };
            let id = institution.id.as_str();
            let (policy_version, values) =
                super::policies::values_for(c, &institution.jurisdiction)?;
            let newest = "SELECT max(s.at) FROM summary s JOIN session x ON x.id = s.session JOIN \
                room r ON r.id = x.room WHERE r.institution = ?1";
            let mut posts = posts(c, id, from)?;
            let mut outcomes = outcomes(c, id, from)?;
            leave_out_unused(c, &mut posts, &mut outcomes, &values)?;
            Ok(Some(Dossier {
                outcomes,
                revised: revised(c, id, from)?,
                registered: registered(c, id)?,
                repeatable: repeatable(c, id, from)?,
                flags: flags(c, id, from)?,
                posts,
                compared: super::compared::compared(c, id, from)?,
                standing: standing(c, "institution = ?1 AND rule <> 'LL-3'", id)?,
                newest_summary: c.prepare_cached(newest)?.query_row([id], |r| r.get(0))?,
                institution,
                values,
                policy_version,
            }))
        })
    }

    /// Everything that LL-3 reads of one person, and what stands of it.
    pub fn sightings(&self, person: &str, from: At) -> Result<(Vec<Sighting>, Vec<LedgerFinding>)> {
        self.read(|c| {
            let sql = "SELECT r.institution, p.room, p.device, p.session, p.from_at, p.to_at,
                p.uncertainty_ms, p.synchronised,
                p.verified_by, g.north_udeg, g.east_udeg, coalesce(CAST(json_extract(s.report,
                '$.liveness_waived') AS INTEGER), 0), i.jurisdiction,
                p.on_roster, coalesce(d.chain, ''), p.evidence,
                NOT EXISTS (SELECT 1 FROM chain_fault f WHERE f.device = p.device AND f.from_at
                <= p.to_at AND f.to_at >= p.from_at)
                FROM presence p JOIN room r ON r.id = p.room JOIN institution i ON i.id =
                r.institution LEFT JOIN institution_place g ON g.institution = r.institution
                LEFT JOIN device d ON d.id = p.device LEFT JOIN summary s ON s.session =
                p.session AND s.device = p.device
                WHERE p.person = ?1 AND p.from_at > ?2 ORDER BY p.from_at";
            let sightings = collect(c, sql, (person, from), sighting)?;
            let stands = standing(
                c,
                "rule = 'LL-3' AND substr(subject, 1, length(?1) + 1) = ?1 \
                || ' '",
                person,
            )?;
            Ok((sightings, stands))
        })
    }

    /// Who was seen at an institution since then; each once.
    pub fn people_seen(&self, institution: &str, from: At) -> Result<Vec<String>> {
        let sql = "SELECT DISTINCT p.person FROM presence p JOIN room r ON r.id = p.room
            WHERE r.institution = ?1 AND p.from_at > ?2 ORDER BY p.person LIMIT 2000";
        self.read(|c| collect(c, sql, (institution, from), |r| Ok(r.get(0)?)))
    }
}

impl Store {
    /// What was said of these persons in a session: who, and what that rests on (`None`: a bare
    /// claim).
    pub fn verified_in(
        &self,
        session: &str,
        persons: &[String],
    ) -> Result<Vec<(String, Option<PresenceEvidence>)>> {
        self.read(|c| {
            let sql = "SELECT person, evidence FROM presence WHERE session = ?1
                AND person IN (SELECT value FROM json_each(?2)) ORDER BY person, from_at";
            let persons = serde_json::to_string(persons)?;
            collect(c, sql, [session, persons.as_str()], |r| {
                let evidence: Option<String> = r.get(1)?;
                Ok((r.get(0)?, evidence.map(|text| serde_json::from_str(&text)).transpose()?))
            })
        })
    }
}

/// When the first alert about a session came that asks who worked, at L1 or above, and stands.
const ALERTED: &str = "SELECT min(f.received_at) FROM alert a JOIN finding f ON f.alert = a.id
    WHERE a.session = x.id AND f.severity >= 1 AND f.step <> 'withdrawn'
    AND substr(f.rule, 1, 3) IN ('LL-', 'NL-', 'UQ-')";

fn outcomes(c: &Connection, institution: &str, from: At) -> Result<Vec<SessionOutcome>> {
    let sql = format!(
        "SELECT x.spec, coalesce(s.device, (SELECT d.id FROM device d WHERE d.room = x.room
        AND d.state <> 'registered' ORDER BY d.id LIMIT 1), ''),
        s.report, EXISTS (SELECT 1 FROM device d WHERE d.room = x.room AND d.state =
        'provisioned' AND d.last_seen IS NOT NULL),
        EXISTS (SELECT 1 FROM presence p WHERE p.session = x.id AND p.person =
        json_extract(x.spec, '$.declared_lead')),
        NOT EXISTS (SELECT 1 FROM chain_fault f WHERE f.device = s.device AND f.from_at <=
        max(coalesce(x.end_at, ''), s.at) AND f.to_at >= x.start_at), {DECLINED}, ({ALERTED})
        FROM session x JOIN room r ON r.id = x.room LEFT JOIN summary s ON s.session = x.id
        AND s.received_at = (SELECT max(t.received_at) FROM summary t WHERE t.session = x.id)
        WHERE r.institution = ?1 AND x.start_at > ?2 ORDER BY x.start_at, x.id"
    );
    let rows = collect(c, &sql, (institution, from), |r| {
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
            declared_operators: session
                .declared_operators
                .iter()
                .map(ToString::to_string)
                .collect(),
            start_ms,
            end_ms: session.end.as_deref().and_then(ms).unwrap_or(start_ms),
            cancelled: session.cancelled,
            declined: r.get(6)?,
            seen: seen.map(|s| of_summary(&s, lead_present)),
            watched,
            chain_whole: r.get(5)?,
            alerted_ms: r.get::<_, Option<At>>(7)?.map(At::ms),
        }))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

/// A box that may not be used yet says nothing, and nothing is said of that.
fn leave_out_unused(
    c: &Connection,
    posts: &mut Vec<WatchedRoom>,
    outcomes: &mut [SessionOutcome],
    values: &BTreeMap<String, i64>,
) -> Result<()> {
    let now_ms = crate::clock::now().as_millisecond();
    let mut kept = Vec::with_capacity(posts.len());
    for post in posts.drain(..) {
        let from = super::knowledge::in_use_from(c, &post.device, &post.room, values)?;
        let from_ms = from.map_or(i64::MIN, jiff::Timestamp::as_millisecond);
        let room = post.room.id.as_str();
        for outcome in outcomes.iter_mut().filter(|o| o.room == room && o.start_ms < from_ms) {
            (outcome.seen, outcome.watched) = (None, false);
        }
        if from_ms <= now_ms {
            kept.push(post);
        }
    }
    *posts = kept;
    Ok(())
}

fn revised(c: &Connection, institution: &str, from: At) -> Result<BTreeMap<String, Vec<Declared>>> {
    let sql = "SELECT h.at, h.spec,
        EXISTS (SELECT 1 FROM presence p WHERE p.session = x.id AND p.person =
        json_extract(h.spec, '$.declared_lead'))
        FROM session x JOIN room r ON r.id = x.room JOIN session_change h ON h.session = x.id
        WHERE r.institution = ?1 AND x.start_at > ?2
        AND EXISTS (SELECT 1 FROM session_change o WHERE o.session = x.id AND o.revision <>
        h.revision)
        ORDER BY h.session, h.revision";
    let rows: Vec<(At, String, bool)> =
        collect(c, sql, (institution, from), |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let mut revised: BTreeMap<String, Vec<Declared>> = BTreeMap::new();
    for (at, spec, lead_present) in rows {
        let session: Session = serde_json::from_str(&spec)?;
        let Some(start_ms) = ms(&session.start) else { continue };
        revised.entry(session.id.to_string()).or_default().push(Declared {
            at_ms: at.ms(),
            lead: session.declared_lead.as_ref().map(ToString::to_string),
            lead_present,
            start_ms,
            end_ms: session.end.as_deref().and_then(ms).unwrap_or(start_ms),
            cancelled: session.cancelled,
        });
    }
    Ok(revised)
}

/// The lead as declared *now* counts as verified where a presence of that person came, too: the
/// summary speaks of the lead at its own time, and a presence may have been given up for lack of
/// disk.
fn of_summary(s: &PresenceSummary, lead_present: bool) -> SessionSight {
    SessionSight {
        assessable: s.assessable,
        because: s.not_assessable_because.clone(),
        visibility_a_ppm: s.visibility_over_a_ppm,
        visibility_i_ppm: s.visibility_over_i_ppm,
        face_seen: s.face_seen,
        lead_verified: s.lead_verified || lead_present,
        undecided: s.undecided.iter().map(|u| u.rule.clone()).collect(),
        lead_open: s.undecided.iter().any(|u| u.rule == RuleCode::Ll1),
        liveness_waived: s.liveness_waived,
    }
}

fn registered(c: &Connection, institution: &str) -> Result<Vec<Registered>> {
    let sql = "SELECT s.practitioner, d.room, d.id, (SELECT max(p.to_at) FROM presence p JOIN
        room q ON q.id = p.room
          WHERE p.person = s.practitioner AND q.institution = s.institution),
        (SELECT min(m.received_at) FROM summary m JOIN session x ON x.id = m.session JOIN room y
        ON y.id = x.room WHERE y.institution = s.institution),
        p.updated_at
        FROM site s JOIN practitioner p ON p.id = s.practitioner JOIN room r ON r.institution =
        s.institution JOIN device d ON d.room = r.id
        WHERE s.institution = ?1 AND s.lead_of <> '[]' AND d.id = (SELECT min(e.id) FROM device e
        JOIN room z ON z.id = e.room WHERE z.institution = s.institution)
        ORDER BY s.practitioner";
    let rows = collect(c, sql, [institution], |r| {
        let (last, first): (Option<String>, Option<String>) = (r.get(3)?, r.get(4)?);
        // Without one report nobody could have been seen.
        let visible_since_ms =
            first.as_deref().and_then(ms).zip(ms(&r.get::<_, String>(5)?)).map(|(a, b)| a.max(b));
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

fn repeatable(c: &Connection, institution: &str, from: At) -> Result<Vec<Occurrence>> {
    // An outage that the server itself looked at is as dark as a covered lens.
    let sql = "SELECT f.id, f.alert, f.report, f.device, f.received_at, f.rule FROM finding f WHERE
        f.rule IN ('HB-2', 'HB-3', 'HB-7') AND (f.epoch >= 0 OR instr(f.report, '\"outages\"') > 0)
        AND f.step <> 'withdrawn' AND f.received_at > ?2 AND json_extract(f.report,
        '$.institution') = ?1 ORDER BY f.received_at";
    let rows = collect(c, sql, (institution, from), |r| {
        let report: FindingReport = serde_json::from_str(&r.get::<_, String>(2)?)?;
        let Some(of) = Repeatable::of(&r.get::<_, String>(5)?.into()) else { return Ok(None) };
        Ok(Some(Occurrence {
            of,
            finding: r.get(0)?,
            incident: r.get(1)?,
            institution: institution.to_owned(),
            room: report.room.to_string(),
            device: r.get(3)?,
            at_ms: r.get::<_, At>(4)?.ms(),
            severity: report.severity,
            liveness_waived: report.manifest.liveness_waived,
        }))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

/// Whoever takes a flag back, moves its session or cancels it has raised it all the same.
fn flags(c: &Connection, institution: &str, from: At) -> Result<Vec<Flag>> {
    let sql = "SELECT h.session, h.at, h.spec, x.room, (SELECT d.id FROM device d WHERE d.room =
        x.room AND d.state <> 'registered' ORDER BY d.id LIMIT 1)
        FROM session x JOIN room r ON r.id = x.room JOIN session_change h ON h.session = x.id
        WHERE r.institution = ?1 AND h.at > ?2
        AND CAST(json_extract(h.spec, '$.emergency') AS INTEGER) = 1
        ORDER BY h.session, h.revision";
    let rows = collect(c, sql, (institution, from), |r| {
        let session: Session = serde_json::from_str(&r.get::<_, String>(2)?)?;
        // Where no box looks, nothing is said that a flag could lower.
        let Some(device) = r.get::<_, Option<String>>(4)? else { return Ok(None) };
        let Some(start_ms) = ms(&session.start) else { return Ok(None) };
        Ok(Some(Flag {
            session: r.get(0)?,
            institution: institution.to_owned(),
            room: r.get(3)?,
            device,
            at_ms: r.get::<_, At>(1)?.ms(),
            start_ms,
        }))
    })?;
    let mut flags: Vec<Flag> = rows.into_iter().flatten().collect();
    flags.dedup_by(|later, first| later.session == first.session);
    Ok(flags)
}

fn posts(c: &Connection, institution: &str, from: At) -> Result<Vec<WatchedRoom>> {
    // In this order: otherwise every box in service is looked at for each institution.
    let sql = format!(
        "SELECT r.spec, d.id FROM room r {} device d ON d.room = r.id WHERE r.institution = ?1
        AND d.state = 'provisioned' AND d.last_seen IS NOT NULL ORDER BY d.id",
        c.join_in_order()
    );
    let places: Vec<(String, DeviceId)> =
        collect(c, &sql, [institution], |r| Ok((r.get(0)?, r.id(1)?)))?;
    let hour = from.ms().div_euclid(3_600_000);
    let post = |(spec, device): (String, DeviceId)| {
        let silences =
            "SELECT from_at, to_at FROM silence WHERE device = ?1 AND to_at > ?2 ORDER BY from_at";
        let hours = "SELECT hour, looks, live, faces FROM hour_seen WHERE device = ?1 AND hour >= \
            ?2 ORDER BY hour";
        let faults = "SELECT from_at, to_at FROM chain_fault WHERE device = ?1 AND to_at > ?2 \
            ORDER BY to_at";
        let faults: Vec<(String, String)> =
            collect(c, faults, (device.as_str(), from), |r| Ok((r.get(0)?, r.get(1)?)))?;
        Ok(WatchedRoom {
            chain_faults: faults
                .iter()
                .filter_map(|(from, to)| Some((ms(from).unwrap_or(i64::MIN), ms(to)?)))
                .collect(),
            room: serde_json::from_str(&spec)?,
            silences: collect(c, silences, (device.as_str(), from), |r| {
                Ok(Silence { from: r.get(0)?, to: r.get(1)? })
            })?,
            hours: collect(c, hours, params![device, hour], |r| {
                let (hour, looks) = (r.get(0)?, r.get(1)?);
                Ok(WatchedHour { hour, looks, live: r.get(2)?, faces: r.get(3)? })
            })?,
            device,
        })
    };
    places.into_iter().map(post).collect()
}

fn sighting(r: &crate::store::engine::Row<'_>) -> Result<Sighting> {
    let place: (Option<i64>, Option<i64>) = (r.get(9)?, r.get(10)?);
    Ok(Sighting {
        institution: r.get(0)?,
        jurisdiction: r.get(12)?,
        room: r.get(1)?,
        device: r.get(2)?,
        session: r.get(3)?,
        from_ms: r.get::<_, At>(4)?.ms(),
        to_ms: r.get::<_, At>(5)?.ms(),
        uncertainty_ms: r.get(6)?,
        synchronised: r.get(7)?,
        verified_by: r.get::<_, String>(8)?.into(),
        liveness_waived: r.get(11)?,
        on_roster: r.get(13)?,
        chain: ChainStanding::of(&r.get::<_, String>(14)?),
        evidence: r
            .get::<_, Option<String>>(15)?
            .map(|text| serde_json::from_str(&text))
            .transpose()?,
        chain_whole: r.get(16)?,
        place: place.0.zip(place.1).map(|(north, east)| (north as f64 / 1e6, east as f64 / 1e6)),
    })
}

/// Of a report, the times that it rests on.
#[derive(serde::Deserialize)]
struct RestsOn {
    #[serde(default)]
    intervals: Vec<Interval>,
}

fn standing(c: &Connection, which: &str, id: &str) -> Result<Vec<LedgerFinding>> {
    let sql = format!(
        "SELECT rule, institution, subject, serial, revision, step, severity, weight, raised_at, \
        report FROM own_finding WHERE {which}"
    );
    collect(c, &sql, [id], |r| {
        Ok(LedgerFinding {
            key: DraftKey {
                rule: r.get::<_, String>(0)?.into(),
                institution: r.get(1)?,
                subject: r.get(2)?,
            },
            serial: r.get(3)?,
            revision: r.get(4)?,
            step: named(r.get(5)?)?,
            severity: named::<Severity>(r.get(6)?)?,
            weight: r.get::<_, i64>(7)? as usize,
            raised_ms: r.get::<_, At>(8)?.ms(),
            last_from_ms: serde_json::from_str::<RestsOn>(&r.get::<_, String>(9)?)?
                .intervals
                .iter()
                .filter_map(|it| ms(&it.from))
                .max(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_whom_no_box_ever_saw_is_among_the_registered() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let fill = "INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510104','t');
            INSERT INTO room VALUES ('r-1','c-1','','{}','t'), ('r-2','c-1','','{}','t');
            INSERT INTO device (id, room, state) VALUES ('box-2','r-2','provisioned'),
                ('box-1','r-1','provisioned');
            INSERT INTO practitioner VALUES ('p-1','x','licensed_physician','valid',
                '2026-01-01T00:00:00.000Z');
            INSERT INTO site VALUES ('p-1','c-1','primary',NULL,'[\"laser\"]','[]');
            INSERT INTO session VALUES ('s-1','r-1',1,'2026-01-02T00:00:00.000Z',NULL,0,'{}','t',
                't');
            INSERT INTO summary VALUES ('box-1','s-1',1,'2026-01-02T01:00:00.000Z',
                '2026-01-02T01:00:00.000Z','{}',0,1);";
        store.write(|tx| Ok(tx.execute_batch(fill)?)).unwrap();
        let found = store.read(|c| registered(c, "c-1")).unwrap();
        assert_eq!(found.len(), 1, "the rule on leads who never come is told of nobody");
        assert_eq!((found[0].device.as_str(), found[0].last_verified_ms), ("box-1", None));
    }
}
