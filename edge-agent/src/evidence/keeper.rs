//! The agent's half: whom this box believes, what it holds, which orders it carries out, and when
//! an item ends. Everything that becomes of an item is said before it is done, so that a power cut
//! leaves a thing said twice and never one unsaid; the server counts an item once. It opens no
//! picture: it has no key to one.

mod clock;
mod released;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::mpsc::Sender;

use clock::BelievedClock;
use evidence::{RollRefused, SealTo, VerifiedRoll};
use jiff::Timestamp;
use protocol::evidence::{
    Custodians, EvidenceHeld, EvidenceManifest, EvidenceOrders, EvidencePolicy, EvidenceReceipt,
    EvidenceStep, GIVEN_UP, PictureSource,
};
use protocol::id::{DeviceId, EvidenceId, OrderId};
use protocol::up::{Manifest, Severity, Up};

use super::retention::{UNDECIDED_DAYS, ends, in_force, make_room};
use super::store::{HeldPicture, HeldStage, PictureStore};
use super::taking::TakenPictures;
use super::upload_errand::Errand;

/// Findings whose pictures may still come.
const ASKED: usize = 256;

/// The step of a finding that asked for pictures.
#[derive(Debug, Clone, Copy)]
struct Asked {
    severity: Severity,
    seq: u64,
}

/// What this box holds, and under whose orders.
#[derive(Debug)]
pub struct Keeper {
    device: DeviceId,
    source: PictureSource,
    quota_bytes: u64,
    store: PictureStore,
    roll: Option<VerifiedRoll>,
    policy: EvidencePolicy,
    orders: EvidenceOrders,
    asked: BTreeMap<String, Asked>,
    lost: Vec<HeldPicture>,
    errands: Option<Sender<Errand>>,
    complaint: Option<String>,
    /// Why no roll is taken over any more.
    distrust: Option<String>,
    clock: BelievedClock,
    /// Released pictures that the server took not when they last came there, and its words.
    not_taken: BTreeMap<EvidenceId, String>,
}

impl Keeper {
    /// `quota_bytes`: what this box's own configuration allows.
    pub fn open(
        state_dir: &Path,
        device: DeviceId,
        source: PictureSource,
        quota_bytes: u64,
    ) -> io::Result<Self> {
        let (store, lost) = PictureStore::open(state_dir)?;
        // What was believed was checked when it came. Where the disk says something else, nobody
        // is believed: a box that forgot would pin whomever the server names next.
        let (roll, distrust) = match store.book.custodians.as_ref().map(VerifiedRoll::first) {
            None => (None, None),
            Some(Ok(roll)) => (Some(roll), None),
            Some(Err(why)) => (
                None,
                Some(format!(
                    "the custodians on this box's disk do not hold ({why}): no pictures are taken \
                     until it is set up anew"
                )),
            ),
        };
        Ok(Self {
            device,
            source,
            quota_bytes,
            store,
            roll,
            policy: EvidencePolicy::default(),
            orders: EvidenceOrders::default(),
            asked: BTreeMap::new(),
            lost,
            errands: None,
            complaint: distrust.clone(),
            distrust,
            clock: BelievedClock::default(),
            not_taken: BTreeMap::new(),
        })
    }

    /// From here on released items go out this way.
    pub fn send_by(&mut self, errands: Sender<Errand>) {
        self.errands = Some(errands);
        let released: Vec<HeldPicture> = self.store.held().cloned().collect();
        for held in released {
            if let HeldStage::Released { order } = &held.stage {
                self.send(&held, order);
            }
        }
    }

    /// What pictures are sealed to; `None` while none are taken.
    pub fn seal_to(&self) -> Option<SealTo> {
        self.roll.as_ref().filter(|_| self.policy.enabled)?.seal_to()
    }

    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref().or(self.not_taken.values().next().map(String::as_str))
    }

    /// The UTC days (`2026-11-29`) whose observation log is kept.
    pub fn held_days(&self, now: Timestamp) -> BTreeSet<String> {
        in_force(&self.orders.holds, self.clock.ending(now))
            .filter_map(|hold| hold.day.clone())
            .collect()
    }

    pub fn held(&self, now: Timestamp) -> EvidenceHeld {
        EvidenceHeld {
            items: self.store.held().count() as u64,
            bytes: self.store.bytes(),
            quota_bytes: self.quota(),
            given_up: self.store.book.given_up,
            holds: in_force(&self.orders.holds, self.clock.ending(now))
                .map(|hold| hold.reference.clone())
                .collect(),
            logs: None,
        }
    }

    fn quota(&self) -> u64 {
        self.quota_bytes.min(self.policy.quota_bytes.unwrap_or(u64::MAX))
    }

    /// Takes over a roll, or refuses it whole. One in which a role is still empty pins nothing and
    /// takes no pictures.
    pub fn believe(&mut self, told: &Custodians) -> Result<(), String> {
        // That no more are taken needs nobody's signature.
        self.policy.enabled &= told.policy.enabled;
        if let Some(why) = &self.distrust {
            return Err(why.clone());
        }
        let roll = match &self.roll {
            Some(roll) => Some(roll.next(told).map_err(|why| why.to_string())?),
            None => match VerifiedRoll::first(told) {
                Ok(roll) => Some(roll),
                Err(RollRefused::Incomplete(_)) => None,
                Err(why) => return Err(why.to_string()),
            },
        };
        if let Some(roll) = &roll {
            self.store.book.custodians = Some(roll.as_told().clone());
            self.store.save_book().map_err(|why| format!("it can not be kept on disk: {why}"))?;
        }
        self.roll = roll;
        self.policy = told.policy.clone();
        Ok(())
    }

    /// The finding's step is in the chain, and the pipeline was asked for its pictures.
    pub fn asked(&mut self, finding_id: &str, severity: Severity, seq: u64) {
        if self.asked.len() >= ASKED
            && let Some(oldest) = self.asked.iter().min_by_key(|(_, asked)| asked.seq)
        {
            let oldest = oldest.0.clone();
            self.asked.remove(&oldest);
        }
        self.asked.insert(finding_id.to_owned(), Asked { severity, seq });
    }

    /// The pipeline's answer: on the disk, then into the chain.
    pub fn take(
        &mut self,
        taken: TakenPictures,
        made: &Manifest,
        now: Timestamp,
        say: &mut dyn FnMut(Up),
    ) {
        if taken.left_out > 0 {
            tracing::warn!(finding = taken.finding_id, left_out = taken.left_out, "left out");
        }
        let Some(asked) = self.asked.get(&taken.finding_id).copied() else { return };
        for picture in taken.pictures {
            let held = HeldPicture {
                finding_id: taken.finding_id.clone(),
                severity: asked.severity,
                finding_seq: asked.seq,
                sealed_at_ms: self.clock.beginning(now).as_millisecond(),
                item: picture.item.clone(),
                stage: HeldStage::Sealed,
            };
            if !self.make_room(held.item.bytes, now, say) {
                self.store.book.given_up += 1;
                self.note(&self.store.save_book());
                tracing::warn!("a picture found no room in the quota: none of the others may go");
                continue;
            }
            let put = self.store.put(&picture, held);
            self.note(&put);
        }
        self.tell_manifests(made, say);
    }

    /// After a start: what was sealed and not told, and what is gone.
    pub fn resume(&mut self, made: &Manifest, say: &mut dyn FnMut(Up)) {
        for held in std::mem::take(&mut self.lost) {
            say(receipt(&held, EvidenceStep::Lost, None, Some("its ciphertext is gone")));
            self.remove(&held.item.id);
        }
        self.tell_manifests(made, say);
    }

    fn tell_manifests(&mut self, made: &Manifest, say: &mut dyn FnMut(Up)) {
        let mut by_finding: BTreeMap<String, Vec<HeldPicture>> = BTreeMap::new();
        for held in self.store.held().filter(|held| held.stage == HeldStage::Sealed) {
            by_finding.entry(held.finding_id.clone()).or_default().push(held.clone());
        }
        for (finding_id, sealed) in by_finding {
            say(Up::EvidenceManifest(EvidenceManifest {
                finding_id,
                firmware: made.firmware.clone(),
                pack: made.pack.clone(),
                pack_sha256: made.pack_sha256.clone(),
                source: self.source,
                items: sealed.iter().map(|held| held.item.clone()).collect(),
            }));
            for held in sealed {
                let told = self.store.advance(&held.item.id, HeldStage::Told);
                self.note(&told);
            }
        }
    }

    /// Takes over what the server decided: releases, ends, holds.
    pub fn obey(&mut self, orders: &EvidenceOrders, now: Timestamp, say: &mut dyn FnMut(Up)) {
        self.orders = orders.clone();
        for order in &orders.releases {
            self.release(order, now, say);
        }
        self.note_deeds(&orders.deeds, say);
        self.sweep(now, say);
    }

    /// This box sees the room otherwise and takes the finding back. Where nobody outside can have
    /// seen it yet, its pictures go at once; else two people decide.
    pub fn corrected(
        &mut self,
        finding_id: &str,
        unseen: impl Fn(u64) -> bool,
        say: &mut dyn FnMut(Up),
    ) {
        for held in self.store.of_finding(finding_id) {
            if unseen(held.finding_seq) {
                self.end(&held, "the box corrected itself", say);
            }
        }
        self.asked.remove(finding_id);
    }

    /// Whether this box's clock can be believed when something is to end by it.
    pub fn believe_clock(&mut self, holds: bool) {
        self.clock.holds = holds;
    }

    /// Something that the server signed was issued then.
    pub fn server_said(&mut self, at: Timestamp) {
        self.clock.server_said = self.clock.server_said.max(Some(at));
    }

    /// Ends what is over.
    pub fn sweep(&mut self, now: Timestamp, say: &mut dyn FnMut(Up)) {
        let now = self.clock.ending(now);
        let days = self.policy.undecided_days.unwrap_or(UNDECIDED_DAYS);
        let over: Vec<(HeldPicture, &str)> = self
            .store
            .held()
            .filter_map(|held| Some((held.clone(), ends(held, &self.orders, days, now)?)))
            .collect();
        for (held, why) in over {
            self.end(&held, why, say);
        }
    }

    fn make_room(&mut self, bytes: u64, now: Timestamp, say: &mut dyn FnMut(Up)) -> bool {
        let limits = (self.quota(), bytes);
        let Some(given_up) =
            make_room(self.store.held(), &self.orders, limits, self.clock.ending(now))
        else {
            return false;
        };
        let given_up: Vec<HeldPicture> = given_up.into_iter().cloned().collect();
        for held in &given_up {
            self.store.book.given_up += 1;
            self.end(held, GIVEN_UP, say);
        }
        if !given_up.is_empty() {
            self.note(&self.store.save_book());
        }
        true
    }

    /// The tombstone, then the deletion.
    fn end(&mut self, held: &HeldPicture, why: &str, say: &mut dyn FnMut(Up)) {
        say(receipt(held, EvidenceStep::Deleted, None, Some(why)));
        self.remove(&held.item.id);
    }

    fn remove(&mut self, id: &EvidenceId) {
        self.not_taken.remove(id);
        let removed = self.store.remove(id);
        self.note(&removed);
    }

    /// A disk that fails is one line of the heartbeat, and no reason to stop.
    fn note(&mut self, result: &io::Result<()>) {
        match result {
            Ok(()) => {}
            Err(why) => {
                tracing::error!("sealed pictures: {why}");
                self.complaint = Some(format!("sealed pictures can not be kept: {why}"));
            }
        }
    }
}

fn receipt(
    held: &HeldPicture,
    step: EvidenceStep,
    order: Option<&OrderId>,
    reason: Option<&str>,
) -> Up {
    Up::EvidenceReceipt(EvidenceReceipt {
        finding_id: held.finding_id.clone(),
        items: vec![held.item.id.clone()],
        step,
        order: order.cloned(),
        reason: reason.map(str::to_owned),
        deed: None,
    })
}

#[cfg(test)]
mod tests;
