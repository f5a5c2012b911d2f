//! The agent and its sealed pictures: which finding asks for some, and what the server's orders do.
//! The keeper judges; this file asks the pipeline and puts into the chain what the keeper says.

use jiff::Timestamp;
use presence::{Finding, Step};
use protocol::evidence::{Custodians, EvidenceHeld, EvidenceOrders};
use protocol::id::{EvidenceId, OrderId};
use protocol::up::{ClockSource, FindingReport, Severity, Up, WithdrawalCause};

use super::Agent;
use crate::evidence::errand::Outcome;
use crate::evidence::{Keeper, Take, Taken, Taking};
use crate::facts::Unusable;

/// A finding of L2 and above, when it opens and when it becomes stronger; a spoof that takes part
/// is one. What goes to the clinic alone, or into a figure, shows nobody: neither a portrait nor a
/// companion whom the networks took for one.
fn asks_for_pictures(step: Step, severity: Severity) -> bool {
    matches!(step, Step::Opened | Step::Strengthened) && severity >= Severity::L2
}

impl Agent {
    /// A finding asks for pictures; one that the box takes back gives up its own.
    pub(super) fn picture(&mut self, finding: &Finding, report: &FindingReport, seq: u64) {
        let asks = asks_for_pictures(finding.step, report.severity);
        if asks && self.takes_pictures() {
            if let Some(keeper) = &mut self.keeper {
                keeper.asked(&report.finding_id, report.severity, seq);
            }
            let subject = match &finding.key.subject {
                presence::Subject::Track(track) => Some(*track),
                _ => None,
            };
            let seen = finding.persons.iter().filter(|person| person.method.is_some());
            self.guidance.take.push(Take {
                finding_id: report.finding_id.clone(),
                tracks: finding.tracks.iter().copied().chain(subject).collect(),
                persons: seen.map(|person| person.person.clone()).collect(),
            });
        }
        if report.withdrawn_because == Some(WithdrawalCause::OwnCorrection) {
            let outbox = self.outbox.clone();
            let unseen = |seq| outbox.envelope(seq).is_ok_and(|row| row.is_some());
            self.keeping(|keeper, say| keeper.corrected(&report.finding_id, unseen, say));
        }
    }

    /// Whether pictures are taken here at all.
    fn takes_pictures(&self) -> bool {
        self.taking().is_some()
    }

    pub(super) fn taking(&self) -> Option<Taking> {
        let keeper = self.keeper.as_ref()?;
        let room = self.known.room()?;
        // P5: an intimate room is in no picture, also through its door.
        let seal_to = keeper.seal_to().filter(|_| !room.intimate)?;
        Some(Taking {
            device: keeper.device().clone(),
            seal_to,
            bed: room.zones.bed.clone(),
            privacy_mask: room.zones.privacy_mask.clone(),
        })
    }

    /// Tells the pipeline whether pictures are taken, and for whom.
    pub(super) fn tell_taking(&mut self) {
        self.guidance.evidence = Some(self.taking().map(Box::new));
    }

    pub(super) fn apply_custodians(&mut self, told: &Custodians) -> Result<(), Unusable> {
        let Some(keeper) = &mut self.keeper else { return Err(no_keeper()) };
        keeper.believe(told).map_err(Unusable)?;
        tracing::info!(
            jurisdiction = told.jurisdiction,
            custodians = told.custodians.len(),
            pictures = told.policy.enabled,
            "custodians"
        );
        self.tell_taking();
        Ok(())
    }

    pub(super) fn apply_orders(&mut self, orders: &EvidenceOrders) -> Result<(), Unusable> {
        if self.keeper.is_none() {
            return Err(no_keeper());
        }
        self.keeping(|keeper, say| keeper.obey(orders, Timestamp::now(), say));
        self.hold_days();
        Ok(())
    }

    /// Signed knowledge was issued then: what the keeper and the log end by time, they end by that.
    pub(super) fn server_said(&mut self, issued_at: &str) {
        let Ok(at) = issued_at.parse() else { return };
        if let Some(keeper) = &mut self.keeper {
            keeper.server_said(at);
        }
        if let Some(record) = &mut self.record {
            record.server_said(at);
        }
    }

    /// The pipeline's answer to a finding.
    pub(super) fn taken(&mut self, taken: Taken) {
        let made = self.origin.manifest.clone();
        self.keeping(|keeper, say| keeper.take(taken, &made, Timestamp::now(), say));
    }

    pub(super) fn carried(&mut self, id: &EvidenceId, order: &OrderId, outcome: Outcome) {
        self.keeping(|keeper, say| keeper.carried(id, order, outcome, say));
    }

    /// After a start, once what the server said last is in force.
    pub(super) fn resume_evidence(&mut self) {
        let made = self.origin.manifest.clone();
        self.keeping(|keeper, say| keeper.resume(&made, say));
    }

    /// Ends what is over; with every heartbeat.
    pub(super) fn sweep_evidence(&mut self) {
        self.keeping(|keeper, say| keeper.sweep(Timestamp::now(), say));
        self.hold_days();
    }

    /// A box whose keeper is broken knows of no hold: its log goes by age alone.
    fn hold_days(&mut self) {
        let days = self.keeper.as_ref().map(|keeper| keeper.held_days(Timestamp::now()));
        if let Some(record) = &mut self.record {
            record.hold(days.unwrap_or_default());
        }
    }

    /// What this box holds, and of which held days there is a log.
    pub(super) fn evidence_held(&self) -> Option<EvidenceHeld> {
        let mut held = self.keeper.as_ref()?.held(Timestamp::now());
        held.logs = self.record.as_ref().map(|it| it.held_logs().into_iter().collect());
        Some(held)
    }

    fn keeping(&mut self, act: impl FnOnce(&mut Keeper, &mut dyn FnMut(Up))) {
        let Some(mut keeper) = self.keeper.take() else { return };
        keeper.believe_clock(self.clock.source() != ClockSource::Unsynchronised);
        act(&mut keeper, &mut |message| {
            self.append(message);
        });
        self.keeper = Some(keeper);
    }
}

fn no_keeper() -> Unusable {
    Unusable("this box can keep no sealed pictures: its log says why".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_l2_is_in_no_picture() {
        for step in [Step::Opened, Step::Strengthened] {
            assert!(!asks_for_pictures(step, Severity::L0), "{step:?}");
            assert!(!asks_for_pictures(step, Severity::L1), "{step:?}");
            assert!(asks_for_pictures(step, Severity::L2), "{step:?}");
            assert!(asks_for_pictures(step, Severity::L3), "{step:?}");
        }
        for step in [Step::Closed, Step::Withdrawn] {
            assert!(!asks_for_pictures(step, Severity::L3), "{step:?}");
        }
    }
}
