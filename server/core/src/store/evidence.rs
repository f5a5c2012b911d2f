//! Sealed pictures as boxes' chains name them, openings, and the ciphertexts that are here while
//! two people may look. No ciphertext outlives its opening.

use std::collections::BTreeMap;

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use jiff::Timestamp;
use protocol::evidence::{
    CustodianRole, EvidenceAct, EvidenceManifest, EvidenceOrders, EvidencePart, EvidenceReceipt,
    EvidenceStep, FindingStanding, LeadStanding as Stands, MAX_EVIDENCE_BYTES, ReleaseOrder,
};
use protocol::id::DeviceId;
use sha2::{Digest as _, Sha256};

use super::opening_rows::{OPENING, kept, note, refused, taken, write};
use super::rows::collect;
use super::schema::Database;
use super::{
    Result, Store, StoreError, count, custodians, evidence_gone, evidence_record, lock, log_holds,
    name_of, named, write_ahead_log,
};
use crate::alert::AlertState;
use crate::clock::{At, clip, ms};
use crate::evidence::opening::{OpeningAction, OpeningRefusal, OpeningState, PictureDelivery};
use crate::evidence::{ItemSeen, OpeningKept, SealedBytes, signature};
use crate::ids::{AlertId, OpeningId};

/// Pictures of one alert that are told.
const MOST_ITEMS: usize = 200;

/// What became of a part of a ciphertext.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartTaken {
    /// So much of it is here; with the last part the opening moved on.
    Stored { bytes: u64, complete: bool },
    /// No opening waits for it.
    NoRelease,
    /// Size or SHA-256 is not the chain's: what came is forgotten.
    AnotherHash,
}

const ITEM: &str = "SELECT e.device, e.finding, e.item, e.source, e.pack, e.received_at, e.gone,
    e.gone_because, e.gone_at FROM evidence_item e";

impl Store {
    /// Pictures of an alert's findings, faces first, each kind as it was taken.
    pub fn evidence_of_alert(&self, alert: &AlertId) -> Result<Vec<ItemSeen>> {
        let sql = format!(
            "{ITEM} JOIN finding f ON f.id = e.finding AND f.origin = e.device WHERE f.alert = ?1
            ORDER BY e.finding, json_extract(e.item, '$.kind') = 'scene_view',
            json_extract(e.item, '$.taken_at'), e.id LIMIT ?2"
        );
        self.read(|c| collect(c, &sql, params![alert, MOST_ITEMS as i64], item))
    }

    /// Pictures of one finding of a box.
    pub fn evidence_of_finding(&self, device: &DeviceId, finding: &str) -> Result<Vec<ItemSeen>> {
        self.read(|c| items_of(c, device, finding))
    }

    pub fn opening(&self, id: &OpeningId) -> Result<Option<OpeningKept>> {
        self.read(|c| opening_by_id(c, id))
    }

    /// Of an alert, newest first.
    pub fn openings_of_alert(&self, alert: &AlertId) -> Result<Vec<OpeningKept>> {
        let sql = format!("{OPENING} WHERE alert = ?1 ORDER BY asked_at DESC LIMIT 50");
        self.read(|c| collect(c, &sql, [alert], kept))
    }

    /// Those in which this person is one of the two, newest first.
    pub fn openings_of_person(&self, name: &str) -> Result<Vec<OpeningKept>> {
        let sql = format!(
            "{OPENING} WHERE requester = ?1 OR reviewer = ?1 ORDER BY asked_at DESC LIMIT 100"
        );
        self.read(|c| collect(c, &sql, [name], kept))
    }

    /// Every opening of alerts in a part of the country, newest first.
    pub fn openings_in(&self, jurisdiction: &str) -> Result<Vec<OpeningKept>> {
        let sql = format!(
            "{OPENING} WHERE alert IN (SELECT id FROM alert WHERE substr(jurisdiction, 1,
            length(?1)) = ?1) ORDER BY asked_at DESC LIMIT 200"
        );
        self.read(|c| collect(c, &sql, [jurisdiction], kept))
    }

    /// Whether an opening lives whose finding names this person.
    pub fn is_person_in_opening(&self, person: &str, now: Timestamp) -> Result<bool> {
        let sql =
            "SELECT 1 FROM evidence_opening o JOIN finding f ON f.id = o.finding AND f.origin =
            o.device WHERE o.state IN ('requested','approved','released','delivered','open') AND
            o.until_at > ?2 AND EXISTS (SELECT 1 FROM json_each(f.report, '$.persons') p WHERE
            json_extract(p.value, '$.person') = ?1)";
        self.read(|c| Ok(c.prepare_cached(sql)?.exists(params![person, At::from(now)])?))
    }

    /// One step of an opening. A fault test may kill the server before it counts, and after.
    fn write_to_the_end<T>(&self, step: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let done = self.write(|tx| {
            let done = step(tx)?;
            fail_point::reached("evidence.before_commit");
            Ok(done)
        })?;
        fail_point::reached("evidence.committed");
        Ok(done)
    }

    /// Keeps a request. One of a finding at a time: whoever comes second is told who came first.
    pub fn ask_opening(&self, it: &OpeningKept, now: Timestamp) -> Result<()> {
        self.write_to_the_end(|tx| {
            expire(tx, now)?;
            let live = "SELECT requester, reviewer FROM evidence_opening WHERE device = ?1 AND
                finding = ?2 AND state IN ('requested','approved','released','delivered','open')";
            let other: Option<(String, String)> = tx
                .prepare_cached(live)?
                .query_row((&it.device, &it.finding), |r| Ok((r.get(0)?, r.get(1)?)))
                .optional()?;
            if let Some((by, reviewer)) = other {
                return Err(StoreError::Conflict(format!(
                    "`{by}` has asked for these pictures already and `{reviewer}` decides: one \
                    opening of a finding at a time"
                )));
            }
            if opening_by_id(tx, &it.id)?.is_some() {
                return Err(StoreError::Conflict("this request was made before".to_owned()));
            }
            all_in_chain(tx, it, &items_of(tx, &it.device, &it.finding)?)?;
            let o = &it.opening;
            tx.execute(
                "INSERT INTO evidence_opening (id, alert, device, finding, state, requester,
                reviewer, asked_at, until_at, opening, requested_at, expires_at, supervisor_sig,
                for_reviewer) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
                params![
                    it.id,
                    it.alert,
                    it.device,
                    it.finding,
                    o.state.as_str(),
                    o.ask.by,
                    o.ask.reviewer,
                    At::from(o.asked_at),
                    At::from(o.until),
                    serde_json::to_string(o)?,
                    it.requested_at,
                    it.expires_at,
                    it.supervisor_sig,
                    serde_json::to_string(&it.for_reviewer)?
                ],
            )?;
            let deed = (EvidenceAct::Requested, CustodianRole::Supervisor);
            evidence_record::did(tx, it, deed, "", now.into())?;
            note(tx, it, &it.opening.ask.by, "evidence_requested", "", now)
        })
    }

    /// Approves: the reviewer's signature, and half `b` of each picture sealed to whoever asked.
    /// `check` judges the whole order as its box will.
    pub fn approve_opening(
        &self,
        id: &OpeningId,
        step: &OpeningAction<'_>,
        sig: &str,
        halves: &BTreeMap<String, SealedBytes>,
        now: Timestamp,
        check: impl FnOnce(&OpeningKept, &[ItemSeen]) -> std::result::Result<(), String>,
    ) -> Result<OpeningKept> {
        self.write_to_the_end(|tx| {
            let mut it = must(tx, id)?;
            it.opening = taken(&it.opening, step, now)?;
            let who = it.opening.ask.by.clone();
            if !custodians::stands(tx, &who, CustodianRole::Supervisor)? {
                return Err(refused(OpeningRefusal::Left { who }));
            }
            it.reviewer_sig = Some(sig.to_owned());
            it.for_supervisor = halves.clone();
            let items = items_of(tx, &it.device, &it.finding)?;
            all_in_chain(tx, &it, &items)?;
            check(&it, &items).map_err(StoreError::Refused)?;
            tx.execute(
                "UPDATE evidence_opening SET reviewer_sig = ?2, for_supervisor = ?3 WHERE id = ?1",
                params![id, sig, serde_json::to_string(halves)?],
            )?;
            // Told by the knowledge that its box gets next, now or when it is back.
            it.opening = taken(&it.opening, &OpeningAction::Release, now)?;
            write(tx, &it)?;
            let deed = (EvidenceAct::Approved, CustodianRole::Reviewer);
            evidence_record::did(tx, &it, deed, "", now.into())?;
            note(tx, &it, &it.opening.ask.reviewer, "evidence_approved", "", now)?;
            Ok(it)
        })
    }

    pub fn refuse_opening(
        &self,
        id: &OpeningId,
        by: &str,
        reason: &str,
        now: Timestamp,
    ) -> Result<OpeningKept> {
        self.write(|tx| {
            let mut it = must(tx, id)?;
            it.opening = taken(&it.opening, &OpeningAction::Refuse { by, reason }, now)?;
            write(tx, &it)?;
            let deed = (EvidenceAct::Refused, CustodianRole::Reviewer);
            evidence_record::did(tx, &it, deed, "", now.into())?;
            note(tx, &it, by, "evidence_refused", reason, now)?;
            Ok(it)
        })
    }

    pub fn answer_opening(
        &self,
        id: &OpeningId,
        by: &str,
        same_person: crate::evidence::opening::SamePerson,
        now: Timestamp,
    ) -> Result<OpeningKept> {
        self.write(|tx| {
            let mut it = must(tx, id)?;
            it.opening = taken(&it.opening, &OpeningAction::Answer { by, same_person }, now)?;
            write(tx, &it)?;
            let step = format!("same_person_{}", same_person.as_str());
            note(tx, &it, by, &step, "", now)?;
            Ok(it)
        })
    }

    /// The ciphertext of one picture for one of the two, and the mark that they looked. A hash that
    /// is not the chain's gives nothing.
    pub fn look_at(&self, id: &OpeningId, item: &str, by: &str, now: Timestamp) -> Result<Vec<u8>> {
        self.write_to_the_end(|tx| {
            let mut it = must(tx, id)?;
            if it.opening.items.get(item).is_none_or(|d| *d != PictureDelivery::Arrived) {
                let id = clip(item, 80);
                return Err(StoreError::Unknown { what: "picture", id });
            }
            let role = it.opening.role_in(by).ok_or_else(|| refused(OpeningRefusal::NotYours))?;
            if !custodians::stands(tx, by, role)? {
                return Err(refused(OpeningRefusal::Left { who: by.to_owned() }));
            }
            let first = it.opening.state == OpeningState::Delivered;
            it.opening = taken(&it.opening, &OpeningAction::Look { by }, now)?;
            let seen = items_of(tx, &it.device, &it.finding)?;
            let seen = seen.iter().find(|seen| seen.item.id.as_str() == item);
            let bytes = whole(tx, id, item)?;
            let sha256 = hex::encode(Sha256::digest(&bytes));
            let holds = seen.filter(|seen| seen.item.sha256 == sha256);
            let holds = holds.map(|seen| evidence_record::in_chain(tx, seen)).transpose()?;
            if holds != Some(true) {
                return Err(refused(OpeningRefusal::NotInChain { item: clip(item, 80) }));
            }
            write(tx, &it)?;
            evidence_record::did(tx, &it, (EvidenceAct::Looked, role), item, now.into())?;
            if first {
                note(tx, &it, by, "evidence_opened", "", now)?;
            }
            Ok(bytes)
        })
    }

    /// Takes a part of a ciphertext from its box. What does not begin where the last one ended
    /// changes nothing; the last one is taken only if the whole has the chain's size and hash.
    pub fn take_part(
        &self,
        part: &EvidencePart,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<PartTaken> {
        self.write_to_the_end(|tx| {
            let (order, id): (OpeningId, _) = (part.order.as_str().parse()?, part.id.as_str());
            let mut it = must(tx, &order)?;
            let known = items_of(tx, &it.device, &it.finding)?;
            let item = known.iter().find(|seen| seen.item.id == part.id);
            let asked = it.opening.items.get(id);
            let (Some(item), Some(asked), true) = (item, asked, it.device == part.delivers) else {
                return Err(StoreError::Unknown { what: "picture", id: clip(id, 80) });
            };
            let total = item.item.bytes;
            if *asked == PictureDelivery::Arrived {
                return Ok(PartTaken::Stored { bytes: total, complete: true });
            }
            if it.opening.state != OpeningState::Released || it.opening.is_over(now) {
                return Ok(PartTaken::NoRelease);
            }
            let here = stored(tx, &order, id)?;
            let after = here + bytes.len() as u64;
            let sizes = part.total_bytes == total && total <= MAX_EVIDENCE_BYTES as u64;
            if !sizes || part.sha256 != item.item.sha256 || after > total {
                return another_hash(tx, &order, id);
            }
            if part.offset != here || bytes.is_empty() {
                return Ok(PartTaken::Stored { bytes: here, complete: false });
            }
            tx.execute(
                "INSERT INTO evidence_part VALUES (?1,?2,?3,?4)",
                params![order, id, here as i64, bytes],
            )?;
            if after < total {
                return Ok(PartTaken::Stored { bytes: after, complete: false });
            }
            let found = hex::encode(Sha256::digest(whole(tx, &order, id)?));
            if found != item.item.sha256 {
                return another_hash(tx, &order, id);
            }
            it.opening = taken(&it.opening, &OpeningAction::Arrived { item: id }, now)?;
            write(tx, &it)?;
            if it.opening.state == OpeningState::Delivered {
                note(tx, &it, &it.device, "evidence_delivered", "", now)?;
            }
            Ok(PartTaken::Stored { bytes: total, complete: true })
        })
    }

    /// Ends what has had its time, and buries what is gone: gives how many openings and pictures
    /// ended.
    pub fn expire_openings(&self, now: Timestamp) -> Result<usize> {
        let ended = self.write(|tx| {
            let ended = expire(tx, now)?;
            if ended > 0 {
                fail_point::reached("evidence.before_end");
            }
            Ok(ended)
        })? + self.bury_pictures(now)?;
        if ended > 0 {
            // What was deleted stands in the log until that is copied home and emptied.
            if let Some(sqlite) = lock(&self.writer).sqlite() {
                write_ahead_log::settle(sqlite, &self.at.dir.join(Database::Facts.file()));
            }
        }
        Ok(ended)
    }
}

/// Keeps what a box's chain says of new pictures. What it said first of one stands.
pub(super) fn take_manifest(
    tx: &Transaction<'_>,
    device: &DeviceId,
    it: &EvidenceManifest,
    (epoch, seq): (i64, i64),
    now: At,
) -> Result<()> {
    let finding = clip(&it.finding_id, 64);
    let there = "SELECT count(*) FROM evidence_item WHERE finding = ?1 AND device = ?2";
    let there: i64 = tx.prepare_cached(there)?.query_row((&finding, device), |r| r.get(0))?;
    let room = MOST_ITEMS.saturating_sub(there as usize);
    for item in it.items.iter().take(room) {
        tx.prepare_cached(
            "INSERT INTO evidence_item (device, id, finding, item, source, pack, received_at,
            epoch, seq) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            device,
            item.id.as_str(),
            finding,
            serde_json::to_string(item)?,
            name_of(&it.source)?,
            clip(&it.pack, 100),
            now,
            epoch,
            seq
        ])?;
    }
    Ok(())
}

/// What became of pictures, by their box's word: a tombstone ends what stands here of them.
pub(super) fn take_receipt(
    tx: &Transaction<'_>,
    device: &DeviceId,
    it: &EvidenceReceipt,
    at: At,
) -> Result<()> {
    let now = at.time();
    if let Some(deed) = it.deed.as_ref().filter(|_| it.step == EvidenceStep::Noted) {
        return evidence_record::noted(tx, device, deed, at);
    }
    let why = clip(it.reason.as_deref().unwrap_or(""), 400);
    let gone = match it.step {
        EvidenceStep::Deleted => Some("deleted"),
        EvidenceStep::Lost => Some("lost"),
        _ => None,
    };
    if let Some(gone) = gone {
        evidence_gone::take(tx, device, &it.items, (gone, &why), at)?;
    }
    let sql = format!("{OPENING} WHERE device = ?1 AND finding = ?2 AND state = 'released'");
    for mut kept in collect(tx, &sql, (device, &it.finding_id), kept)? {
        // An answer to another order is none to this one.
        let answers = it.order.as_ref().is_none_or(|order| order.as_str() == kept.id);
        if !answers {
            continue;
        }
        for step in steps_of(it, &why) {
            // What can not be any more (it ran out meanwhile) stays as it is.
            if let Ok(next) = kept.opening.take(&step, now) {
                kept.opening = next;
            }
        }
        write(tx, &kept)?;
        if matches!(it.step, EvidenceStep::Refused | EvidenceStep::Lost) {
            let step =
                if it.step == EvidenceStep::Lost { "evidence_lost" } else { "evidence_declined" };
            note(tx, &kept, device, step, &why, now)?;
        }
    }
    Ok(())
}

fn steps_of<'a>(it: &'a EvidenceReceipt, why: &'a str) -> Vec<OpeningAction<'a>> {
    match it.step {
        EvidenceStep::Released => vec![OpeningAction::Taken],
        EvidenceStep::Refused => vec![OpeningAction::Declined { why }],
        EvidenceStep::Lost | EvidenceStep::Deleted => {
            it.items.iter().map(|id| OpeningAction::Lost { item: id.as_str(), why }).collect()
        }
        EvidenceStep::Delivered | EvidenceStep::Noted | EvidenceStep::Unknown => Vec::new(),
    }
}

/// Every picture of an opening is the one that its box signed: whoever writes this database alone
/// shows nobody another.
fn all_in_chain(tx: &Transaction<'_>, it: &OpeningKept, items: &[ItemSeen]) -> Result<()> {
    for id in it.opening.items.keys() {
        let found = items.iter().find(|seen| seen.item.id.as_str() == id.as_str());
        let holds = found.map(|seen| evidence_record::in_chain(tx, seen)).transpose()?;
        if holds != Some(true) {
            return Err(refused(OpeningRefusal::NotInChain { item: clip(id, 80) }));
        }
    }
    Ok(())
}

/// Everything that is decided of the pictures and the observation log of one box, as it is told:
/// releases, what became of their alerts, and what is held. `None` for a box of which nothing ever
/// was.
pub(super) fn orders(c: &Connection, device: &DeviceId, now: At) -> Result<Option<EvidenceOrders>> {
    let mut holds: Vec<_> = log_holds::of_device(c, device)?.into_iter().map(|it| it.1).collect();
    holds.retain(|hold| ms(&hold.until).is_none_or(|until| until > now.ms()));
    let sql = "SELECT 1 FROM evidence_item WHERE device = ?1 UNION ALL SELECT 1 FROM knowledge
        WHERE device = ?1 AND kind = 'evidence_orders'";
    if holds.is_empty() && !c.prepare_cached(sql)?.exists([device])? {
        return Ok(None);
    }
    let sql = format!(
        "{OPENING} WHERE device = ?1 AND state = 'released' ORDER BY asked_at, id LIMIT 200"
    );
    let releases = collect(c, &sql, [device], kept)?;
    let releases = releases.iter().filter_map(release_order).collect();
    let (standings, deeds) = (standings(c, device)?, evidence_record::deeds(c, device)?);
    Ok(Some(EvidenceOrders { releases, standings, holds, deeds }))
}

/// What was decided of the findings that this box holds pictures of.
fn standings(c: &Connection, device: &DeviceId) -> Result<Vec<FindingStanding>> {
    let sql = "SELECT DISTINCT e.finding, a.state, a.updated_at, a.case_file
        FROM evidence_item e JOIN finding f ON f.id = e.finding AND f.origin = e.device
        JOIN alert a ON a.id = f.alert WHERE e.device = ?1 AND e.gone IS NULL
        AND a.state IN ('case', 'closed', 'dismissed', 'unfounded')
        ORDER BY a.state, e.finding LIMIT 1000";
    let rows = collect(c, sql, [device], |r| {
        let case: crate::alert::Case = serde_json::from_str(&r.get::<_, String>(3)?)?;
        let row: (String, String, String) = (r.get(0)?, r.get(1)?, r.get(2)?);
        Ok((row, case))
    })?;
    let told = rows.into_iter().filter_map(|((finding_id, state, since), case)| {
        let standing = match AlertState::parse(&state)? {
            // By two people alone: what a box withdrew itself is its own to end.
            AlertState::Dismissed if case.reviews.len() >= 2 => Stands::Dismissed,
            AlertState::Unfounded => Stands::Unfounded,
            AlertState::Case => Stands::Case,
            AlertState::Closed => Stands::Closed,
            _ => return None,
        };
        Some(FindingStanding { finding_id, standing, since })
    });
    Ok(told.collect())
}

/// The order as both signed it; nothing before both have.
pub fn release_order(it: &OpeningKept) -> Option<ReleaseOrder> {
    let ask = &it.opening.ask;
    let mut items: Vec<protocol::id::EvidenceId> =
        ask.items.iter().filter_map(|id| id.parse().ok()).collect();
    items.sort();
    Some(ReleaseOrder {
        order: it.id.parse().ok()?,
        device: it.device.parse().ok()?,
        finding_id: it.finding.clone(),
        items,
        case: ask.case_number.clone(),
        basis: ask.basis.clone(),
        purpose: ask.purpose.clone(),
        requested_at: it.requested_at.clone(),
        expires_at: it.expires_at.clone(),
        supervisor: signature(&ask.by, &it.supervisor_sig)?,
        reviewer: signature(&ask.reviewer, it.reviewer_sig.as_deref().unwrap_or_default())?,
    })
}

fn items_of(c: &Connection, device: &DeviceId, finding: &str) -> Result<Vec<ItemSeen>> {
    let sql = format!("{ITEM} WHERE e.device = ?1 AND e.finding = ?2 ORDER BY e.id");
    collect(c, &sql, [device, finding], item)
}

fn item(r: &crate::store::engine::Row<'_>) -> Result<ItemSeen> {
    Ok(ItemSeen {
        device: r.id(0)?,
        finding: r.get(1)?,
        item: serde_json::from_str(&r.get::<_, String>(2)?)?,
        source: named(r.get(3)?)?,
        pack: r.get(4)?,
        received_at: r.get(5)?,
        gone: r.get(6)?,
        gone_because: r.get(7)?,
        gone_at: r.get(8)?,
    })
}

fn opening_by_id(c: &Connection, id: &OpeningId) -> Result<Option<OpeningKept>> {
    Ok(collect(c, &format!("{OPENING} WHERE id = ?1"), [id], kept)?.pop())
}

fn must(c: &Connection, id: &OpeningId) -> Result<OpeningKept> {
    let unknown = || StoreError::Unknown { what: "opening", id: clip(id, 80) };
    opening_by_id(c, id)?.ok_or_else(unknown)
}

fn expire(tx: &Transaction<'_>, now: Timestamp) -> Result<usize> {
    let sql = format!(
        "{OPENING} WHERE state IN ('requested','approved','released','delivered','open') AND
        until_at <= ?1"
    );
    let over = collect(tx, &sql, [At::from(now)], kept)?;
    for mut it in over.iter().cloned() {
        it.opening = taken(&it.opening, &OpeningAction::Expire, now)?;
        write(tx, &it)?;
        note(tx, &it, "system", "evidence_expired", "", now)?;
    }
    Ok(over.len() + end_decided(tx, now)?)
}

/// Hours for which pictures of a dismissed or unfounded lead stay, as on their box.
const DECIDED_H: i64 = 24;

/// Two people decided that there is nothing: nobody goes on looking.
fn end_decided(tx: &Transaction<'_>, now: Timestamp) -> Result<usize> {
    let before = At::from(now - jiff::SignedDuration::from_hours(DECIDED_H));
    let sql = format!(
        "{OPENING} WHERE state IN ('requested','approved','released','delivered','open') AND alert
        IN (SELECT id FROM alert WHERE state IN ('dismissed', 'unfounded') AND updated_at <= ?1)"
    );
    let ended = collect(tx, &sql, [before], kept)?;
    for mut it in ended.iter().cloned() {
        it.opening = taken(&it.opening, &OpeningAction::Destroy, now)?;
        write(tx, &it)?;
        note(tx, &it, "system", "evidence_destroyed", "", now)?;
    }
    Ok(ended.len())
}

/// Forgets what came: it is not what the chain vouches for, and the box begins anew.
fn another_hash(tx: &Transaction<'_>, opening: &str, item: &str) -> Result<PartTaken> {
    tx.execute("DELETE FROM evidence_part WHERE opening = ?1 AND item = ?2", [opening, item])?;
    count(tx, "evidence_of_another_hash", 1)?;
    Ok(PartTaken::AnotherHash)
}

fn stored(c: &Connection, opening: &str, item: &str) -> Result<u64> {
    let sql = "SELECT coalesce(sum(length(bytes)), 0) FROM evidence_part WHERE opening = ?1 AND \
        item = ?2";
    Ok(c.prepare_cached(sql)?.query_row([opening, item], |r| r.get::<_, i64>(0))? as u64)
}

fn whole(c: &Connection, opening: &str, item: &str) -> Result<Vec<u8>> {
    let sql = "SELECT bytes FROM evidence_part WHERE opening = ?1 AND item = ?2 ORDER BY begins_at";
    let parts: Vec<Vec<u8>> = collect(c, sql, [opening, item], |r| Ok(r.get(0)?))?;
    Ok(parts.concat())
}
