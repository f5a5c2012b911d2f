//! What a box must know, gathered from the registry, and the versions under which it was told.

use std::collections::{BTreeMap, BTreeSet};

use super::engine::{Connection, OptionalExtension as _, params};
use protocol::down::{Catalogue, Down, Policy, Room, RosterPerson, Sessions, Template};
use protocol::id::DeviceId;

use super::registry::{institution_by_id, practitioners, room_by_id};
use super::rows::{collect, decode_all};
use super::{Result, Store, StoreError};
use crate::clock::{At, ms};
use crate::model;

/// The next version of one piece of knowledge for one box, written down before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    pub version: u64,
}

/// The last sending of one kind of knowledge to one box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedKnowledge {
    /// Hash of what was said.
    pub content: String,
    pub answered: bool,
    pub at: At,
    /// Sendings since the last answer.
    pub tries: u32,
}

/// The facts for one box, but for the faces.
#[derive(Debug)]
pub struct BoxKnowledge {
    pub institution: protocol::id::InstitutionId,
    pub persons: Vec<RosterPerson>,
    pub passes: Vec<protocol::down::Pass>,
    /// From this day on templates under an earlier consent text are used no more.
    pub consent_renewal: Option<jiff::civil::Date>,
    pub rest: Vec<Down>,
}

impl Store {
    /// Everything but the templates. `sessions_from` bounds the sessions to those that ended after
    /// it.
    pub fn facts_for(&self, device: &DeviceId, sessions_from: At, now: At) -> Result<BoxKnowledge> {
        self.read(|c| {
            let room_id = super::column(c, "SELECT room FROM device WHERE id = ?1", device)?
                .ok_or_else(|| StoreError::Unknown { what: "device", id: device.to_string() })?;
            let room = room_by_id(c, &room_id)?
                .ok_or(StoreError::Unknown { what: "room", id: room_id })?;
            let unknown =
                || StoreError::Unknown { what: "institution", id: room.institution.to_string() };
            let institution =
                institution_by_id(c, room.institution.as_str())?.ok_or_else(unknown)?;
            let (_, values) = super::policies::values_for(c, &institution.jurisdiction)?;
            let settings = crate::rules::settings::for_the_box(&values);
            let custodians = super::custodians::told(
                c,
                institution.id.as_str(),
                &institution.jurisdiction,
                self.demonstration,
            )?;
            let orders = super::evidence::orders(c, device, now)?;
            let mut rest = vec![
                Down::Catalogue(catalogue(c, &institution)?),
                Down::Policy(Policy { settings }),
                Down::Room(wire_room(&room, &institution, in_use_from(c, device, &room, &values)?)),
                Down::Sessions(sessions(c, &room, sessions_from)?),
            ];
            rest.extend(custodians.map(Down::Custodians));
            rest.extend(orders.map(Down::EvidenceOrders));
            let trial = super::policy_trials::for_box(c, device, now)?;
            rest.extend(trial.map(Down::PolicyTrial));
            Ok(BoxKnowledge {
                persons: roster(c, institution.id.as_str())?,
                passes: passes(c, institution.id.as_str(), now)?,
                institution: institution.id,
                consent_renewal: crate::consent::renewal_day(
                    crate::rules::Numbers::of(&values).consent_renewal_yyyymmdd,
                ),
                rest,
            })
        })
    }

    /// What was issued last of a kind.
    pub fn issued(&self, device: &DeviceId, kind: &str) -> Result<Option<IssuedKnowledge>> {
        self.read(|c| {
            let sql = "SELECT content, coalesce(ack_version, 0) = version, issued_at, tries FROM \
                knowledge WHERE device=?1 AND kind=?2";
            let issued = c.prepare_cached(sql)?.query_row((device, kind), |r| {
                Ok(IssuedKnowledge {
                    content: r.get(0)?,
                    answered: r.get(1)?,
                    at: r.get(2)?,
                    tries: r.get(3)?,
                })
            });
            Ok(issued.optional()?)
        })
    }

    /// Connected boxes with something unanswered for too long, never told, or with a roster from
    /// before `stale`. Of what was sent n times in vain, `unanswered[n]` is the time before which
    /// the last sending was (the last one for more).
    pub fn overdue(&self, unanswered: &[At], stale: At) -> Result<Vec<DeviceId>> {
        let sql = "SELECT d.id FROM device d WHERE d.online = 1 AND d.state = 'provisioned' AND (
            (SELECT count(*) FROM knowledge k WHERE k.device = d.id AND k.kind NOT IN ('receipt',
            'command', 'unlock')) < 5
            OR EXISTS (SELECT 1 FROM knowledge k WHERE k.device = d.id AND k.kind NOT IN
            ('receipt', 'command', 'unlock')
                AND ((coalesce(k.ack_version, 0) <> k.version
                      AND k.issued_at < (SELECT value FROM json_each(?1) WHERE key = min(k.tries,
                      ?3)))
                     OR (k.kind = 'roster' AND coalesce(k.ack_version, 0) = k.version AND
                     k.issued_at < ?2))))";
        let last = unanswered.len().saturating_sub(1) as i64;
        let unanswered = serde_json::to_string(unanswered)?;
        self.read(|c| collect(c, sql, (unanswered, stale, last), |row| Ok(row.id(0)?)))
    }

    /// Takes the next version of a kind for a device.
    pub fn next_version(
        &self,
        device: &DeviceId,
        kind: &str,
        content: &str,
        now: At,
    ) -> Result<Issue> {
        self.write(|tx| Ok(Issue { version: next(tx, device, kind, content, now)? }))
    }

    /// As [`Self::next_version`] for many (device, kind, content), in one transaction and in their
    /// order.
    pub fn next_versions(&self, wanted: &[(&DeviceId, &str, &str)], now: At) -> Result<Vec<u64>> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        self.write(|tx| {
            wanted
                .iter()
                .map(|(device, kind, content)| next(tx, device, kind, content, now))
                .collect()
        })
    }

    /// Boxes that stand in institutions where this person works.
    pub fn devices_for_person(&self, person: &str) -> Result<Vec<DeviceId>> {
        self.read(|c| {
            let sql = "SELECT DISTINCT d.id FROM device d JOIN room r ON r.id = d.room JOIN site
                s ON s.institution = r.institution
                WHERE s.practitioner = ?1 AND d.state = 'provisioned' ORDER BY d.id";
            collect(c, sql, [person], |row| Ok(row.id(0)?))
        })
    }
}

fn next(tx: &Connection, device: &DeviceId, kind: &str, content: &str, now: At) -> Result<u64> {
    let version: i64 = tx
        .prepare_cached(
            "INSERT INTO knowledge (device, kind, version, content, issued_at, tries) VALUES
            (?1,?2,?5,?3,?4,1)
             ON CONFLICT(device, kind) DO UPDATE SET
             version = max(knowledge.version + 1, excluded.version),
             tries = CASE WHEN coalesce(knowledge.ack_version, 0) = knowledge.version THEN 1
             ELSE min(knowledge.tries, 1000) + 1 END,
             content = excluded.content, issued_at = excluded.issued_at RETURNING version",
        )?
        .query_row(params![device, kind, content, now, version_at(now)], |r| r.get(0))?;
    Ok(version as u64)
}

/// The least version to issue at this time: its milliseconds since 1970. So a server that was
/// restored from a backup, and has forgotten what it issued since, is still above what the boxes
/// have taken, and they do not refuse it as a rollback.
pub(super) fn version_at(now: At) -> i64 {
    now.ms().max(1)
}

fn catalogue(c: &Connection, institution: &model::Institution) -> Result<Catalogue> {
    let filed: BTreeSet<&str> =
        institution.filed_items.iter().map(protocol::id::ItemCode::as_str).collect();
    let items: Vec<model::Item> = decode_all(c, "SELECT spec FROM item ORDER BY code", [])?;
    let ours = |item: &model::Item| institution.jurisdiction.starts_with(&item.jurisdiction);
    let newest = "SELECT max(at) FROM (SELECT updated_at AS at FROM institution WHERE id = ?1 \
        UNION ALL SELECT updated_at FROM item) told";
    let stated_at: Option<String> =
        c.prepare_cached(newest)?.query_row([institution.id.as_str()], |r| r.get(0))?;
    Ok(Catalogue {
        stated_at: stated_at.filter(|at| at.parse::<jiff::Timestamp>().is_ok()),
        jurisdiction: institution.jurisdiction.clone(),
        items: items
            .iter()
            .filter(|i| ours(i))
            .map(|i| i.wire(filed.contains(i.code.as_str())))
            .collect(),
    })
}

/// From when on a box may be used in its room, as its jurisdiction's policy asks.
pub(super) fn in_use_from(
    c: &Connection,
    device: &DeviceId,
    room: &model::Room,
    values: &BTreeMap<String, i64>,
) -> Result<Option<jiff::Timestamp>> {
    let wait_days = crate::rules::Numbers::of(values).publication_wait_days;
    let entries = super::law::entries_of(c, device, room.id.as_str())?;
    let entered: Vec<_> = entries.iter().map(super::law::ReviewEntry::entered).collect();
    let zone = jiff::tz::TimeZone::get(&room.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let from = crate::monitoring_review::in_use_from(&entered, wait_days);
    Ok(from.and_then(|day| Some(day.to_zoned(zone).ok()?.timestamp())))
}

fn wire_room(
    room: &model::Room,
    institution: &model::Institution,
    in_use_from: Option<jiff::Timestamp>,
) -> Room {
    Room {
        room: room.id.clone(),
        institution: institution.id.clone(),
        mode: room.mode,
        intimate: room.intimate,
        time_zone: room.time_zone.clone(),
        zones: room.zones.clone(),
        opening_min: room.opening_min.clone(),
        grade_ceiling: institution.grade_ceiling,
        in_use_from: in_use_from.map(crate::clock::text),
    }
}

/// Sessions of a room in one message, and former revisions of one session.
const MOST_SESSIONS: usize = 400;
const MOST_FORMER: usize = 20;
/// Of a message of at most [`protocol::MAX_KNOWLEDGE_BYTES`], sealed and in base64: for what counts
/// now, and in all.
const NOW_BYTES: usize = 300 * 1024;
const ALL_BYTES: usize = 480 * 1024;

/// The sessions of a room, newest first: open ones, those that ended or were cancelled since
/// `from`, and those that moved elsewhere, as cancelled here. Each carries what was said of it
/// before, and when each word reached the server.
fn sessions(c: &Connection, room: &model::Room, from: At) -> Result<Sessions> {
    let sql =
        "SELECT id, start_at FROM session WHERE room = ?1 AND CASE cancelled WHEN 0 THEN end_at
        IS NULL OR end_at >= ?2
            ELSE updated_at >= ?2 END
        UNION SELECT s.id, s.start_at FROM session_change h JOIN session s ON s.id = h.session
            WHERE json_extract(h.spec, '$.room') = ?1 AND s.room <> ?1 AND s.updated_at >= ?2
        ORDER BY 2 DESC, 1";
    let ids: Vec<String> = collect(c, sql, (room.id.as_str(), from), |r| Ok(r.get(0)?))?;
    let (mut told, mut bytes, mut cut) = (Vec::new(), 0, 0);
    for id in ids.iter().take(MOST_SESSIONS) {
        let mut said = revisions(c, id, &room.id)?;
        if said.is_empty() {
            continue;
        }
        let former = said.split_off(1);
        cut +=
            usize::from(former.len() == MOST_FORMER && said[0].revision > MOST_FORMER as u32 + 1);
        let now = said.remove(0);
        bytes += serde_json::to_string(&now)?.len();
        if bytes > NOW_BYTES {
            break;
        }
        told.push((now, former));
    }
    let mut left_out = cut + ids.len().saturating_sub(told.len());
    let mut sessions = Vec::with_capacity(told.len());
    for (mut now, former) in told {
        let more = serde_json::to_string(&former)?.len();
        if bytes + more <= ALL_BYTES {
            bytes += more;
            now.former = former;
        } else {
            left_out += 1;
        }
        sessions.push(now);
    }
    let (checks, more) = super::checks::of_room(c, room.id.as_str(), from)?;
    left_out += usize::from(more);
    Ok(Sessions { sessions, checks, left_out: u32::try_from(left_out).unwrap_or(u32::MAX) })
}

/// What was said of a session, newest first, as a room's box is told it.
fn revisions(
    c: &Connection,
    session: &str,
    room: &protocol::id::RoomId,
) -> Result<Vec<protocol::down::Session>> {
    let sql =
        "SELECT at, spec FROM session_change WHERE session = ?1 ORDER BY revision DESC LIMIT ?2";
    let said: Vec<(At, model::Session)> =
        collect(c, sql, params![session, MOST_FORMER as i64 + 1], |r| {
            Ok((r.get(0)?, serde_json::from_str(&r.get::<_, String>(1)?)?))
        })?;
    let mut told = Vec::with_capacity(said.len());
    for (n, (at, spec)) in said.iter().enumerate() {
        let mut wire = spec.wire();
        wire.stated_at = Some(at.to_string());
        wire.cancelled |= spec.room != *room;
        wire.declined_at = declined_at(&said[n..]).map(|at| at.to_string());
        told.push(wire);
    }
    Ok(told)
}

/// When the refusal of the newest of these words reached the server: the first of those in a row
/// that say it of the same room and start. One that moved is a word of its own.
fn declined_at(newest_first: &[(At, model::Session)]) -> Option<At> {
    let (_, now) = newest_first.first()?;
    let same = |s: &model::Session| s.declined && (&s.room, &s.start) == (&now.room, &now.start);
    let run = newest_first.iter().take_while(|(_, said)| same(said));
    run.last().map(|(at, _)| *at)
}

fn passes(c: &Connection, institution: &str, now: At) -> Result<Vec<protocol::down::Pass>> {
    let sql = "SELECT spec, updated_at FROM pass WHERE institution = ?1 ORDER BY id";
    let passes: Vec<(model::Pass, String)> = collect(c, sql, [institution], |r| {
        Ok((serde_json::from_str(&r.get::<_, String>(0)?)?, r.get(1)?))
    })?;
    let told = passes.into_iter().filter(|(p, _)| ms(&p.to).is_none_or(|to| to > now.ms()));
    Ok(told.map(|(p, at)| protocol::down::Pass { stated_at: Some(at), ..p.wire() }).collect())
}

fn roster(c: &Connection, institution: &str) -> Result<Vec<RosterPerson>> {
    let sql = "SELECT p.id, p.name, p.category, p.registration FROM practitioner p JOIN site s ON
        s.practitioner = p.id
        WHERE s.institution = ?1 ORDER BY p.id";
    let people = practitioners(c, sql, [institution])?;
    let person = |p: model::Practitioner| {
        let site = p.sites.into_iter().find(|s| s.institution.as_str() == institution)?;
        Some(RosterPerson {
            person: p.id,
            category: p.category,
            registration: p.registration,
            site: site.relation,
            exempt_until: site.exempt_until,
            lead_of: site.lead_of,
            roles: site.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            confirmed: false,
            templates: Vec::<Template>::new(),
        })
    };
    Ok(people.into_iter().filter_map(person).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::at;

    fn of_day(time: &str) -> At {
        at(&format!("2026-03-02T{time}:00Z"))
    }

    fn said(time: &str, start: &str, declined: bool) -> (At, model::Session) {
        let text =
            format!(r#"{{"id":"s-1","room":"r-1","start":"{start}","declined":{declined}}}"#);
        (of_day(time), serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn a_refusal_counts_from_its_first_word() {
        let closed = said("09:40", "09:00", true);
        let again = said("08:50", "09:00", true);
        let before = said("08:40", "09:00", false);
        assert_eq!(declined_at(&[closed, again, before]), Some(of_day("08:50")));
    }

    #[test]
    fn a_refusal_moved_to_another_time_is_a_new_word() {
        let moved = said("09:40", "09:00", true);
        let dummy = said("08:00", "17:00", true);
        assert_eq!(declined_at(&[moved, dummy]), Some(of_day("09:40")));
        assert_eq!(declined_at(&[said("09:40", "09:00", false)]), None);
    }
}
