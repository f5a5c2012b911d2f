//! Orders of two people that let pictures out: each checked, carried out once and answered. It
//! opens no picture, and believes no order that the roll's people did not sign.

use std::collections::BTreeSet;

use evidence::order::{Knows, check};
use evidence::signed_text;
use jiff::Timestamp;
use protocol::evidence::{EvidenceDeed, EvidenceReceipt, EvidenceStep, ReleaseOrder};
use protocol::id::{EvidenceId, OrderId};
use protocol::up::Up;

use super::{Keeper, receipt};
use crate::evidence::store::{HeldPicture, HeldStage};
use crate::evidence::upload_errand::{Errand, ErrandOutcome};

/// Most deeds of one list.
pub(super) const MOST_DEEDS: usize = 500;

impl Keeper {
    /// Writes what people did at the server into the chain, each once, for as long as it is told.
    pub(super) fn note_deeds(&mut self, deeds: &[EvidenceDeed], say: &mut dyn FnMut(Up)) {
        let told: BTreeSet<EvidenceDeed> = deeds.iter().take(MOST_DEEDS).cloned().collect();
        if told == self.store.book.noted {
            return;
        }
        for deed in told.difference(&self.store.book.noted) {
            say(Up::EvidenceReceipt(EvidenceReceipt {
                finding_id: deed.finding_id.chars().take(64).collect(),
                items: deed.item.iter().cloned().collect(),
                step: EvidenceStep::Noted,
                order: Some(deed.order.clone()),
                reason: None,
                deed: Some(deed.clone()),
            }));
        }
        self.store.book.noted = told;
        self.note(&self.store.save_book());
    }

    pub(super) fn release(
        &mut self,
        order: &ReleaseOrder,
        now: Timestamp,
        say: &mut dyn FnMut(Up),
    ) {
        let signed = signed_text::release(order).unwrap_or_default();
        let digest = trust::sha256_hex(format!(
            "{signed}\n{}\n{}",
            order.supervisor.sig, order.reviewer.sig
        ));
        // A list is whole: what was carried out or answered stands in it until the server knows.
        if self.store.book.refused.contains(&digest) {
            return;
        }
        if self.store.book.used.get(&order.order) == Some(&digest) {
            self.send_again(order);
            return;
        }
        let used: BTreeSet<OrderId> = self.store.book.used.keys().cloned().collect();
        let of_finding = self.store.of_finding(&order.finding_id);
        let items: BTreeSet<EvidenceId> = of_finding.iter().map(|h| h.item.id.clone()).collect();
        let judged = match &self.roll {
            None => Err("this box knows no custodians yet".to_owned()),
            Some(roll) => {
                let knows = Knows { device: &self.device, roll, used: &used, items: &items, now };
                check(order, knows).map_err(|why| why.to_string())
            }
        };
        let answer = |step, reason| {
            Up::EvidenceReceipt(EvidenceReceipt {
                finding_id: order.finding_id.chars().take(64).collect(),
                items: order.items.iter().take(evidence::order::MOST_ITEMS).cloned().collect(),
                step,
                order: Some(order.order.clone()),
                reason,
                deed: None,
            })
        };
        if let Err(why) = judged {
            tracing::warn!(order = %order.order, "a release order is refused: {why}");
            say(answer(EvidenceStep::Refused, Some(why)));
            self.store.book.refused.insert(digest);
            self.note(&self.store.save_book());
            return;
        }
        tracing::info!(order = %order.order, items = order.items.len(), "released by two people");
        for held in of_finding.iter().filter(|held| order.items.contains(&held.item.id)) {
            let stage = HeldStage::Released { order: order.order.clone() };
            let released = self.store.advance(&held.item.id, stage);
            self.note(&released);
            self.send(held, &order.order);
        }
        say(answer(EvidenceStep::Released, None));
        self.store.book.used.insert(order.order.clone(), digest);
        self.note(&self.store.save_book());
    }

    /// What the server refused before may come now: its list still names the order. What is on its
    /// way already goes once.
    fn send_again(&self, order: &ReleaseOrder) {
        for held in self.store.of_finding(&order.finding_id) {
            let released =
                matches!(&held.stage, HeldStage::Released { order: of } if *of == order.order);
            if released && self.not_taken.contains_key(&held.item.id) {
                self.send(&held, &order.order);
            }
        }
    }

    pub(super) fn send(&self, held: &HeldPicture, order: &OrderId) {
        let Some(errands) = &self.errands else { return };
        // A courier that is gone is begun anew by the next start.
        let _ = errands.send(Errand {
            id: held.item.id.clone(),
            order: order.clone(),
            path: self.store.ciphertext(&held.item.id),
            bytes: held.item.bytes,
            sha256: held.item.sha256.clone(),
        });
    }

    /// What the courier says.
    pub fn carried(
        &mut self,
        id: &EvidenceId,
        order: &OrderId,
        outcome: ErrandOutcome,
        say: &mut dyn FnMut(Up),
    ) {
        let Some(held) = self.store.get(id).cloned() else { return };
        self.not_taken.remove(id);
        match outcome {
            ErrandOutcome::Delivered => {
                say(receipt(&held, EvidenceStep::Delivered, Some(order), None));
                let delivered = self.store.advance(id, HeldStage::Delivered);
                self.note(&delivered);
            }
            ErrandOutcome::Lost(why) => {
                tracing::error!(item = %id, "a released picture is lost: {why}");
                say(receipt(&held, EvidenceStep::Lost, Some(order), Some(&why)));
                self.remove(id);
            }
            ErrandOutcome::Refused(why) => {
                tracing::warn!(item = %id, "the server takes a released picture not: {why}");
                let line = format!("the server takes released picture {id} not: {why}");
                self.not_taken.insert(id.clone(), line);
            }
        }
    }
}
