//! The agent and its sealed pictures: which finding asks for some, and for whom they are sealed.
//! The keeper judges, on the thread that writes; this file asks the pipeline, and hands over what
//! it sealed.

use presence::{Finding, Step};
use protocol::id::{EvidenceId, OrderId};
use protocol::up::{FindingReport, Severity};

use super::{Agent, disk::DiskWork};
use crate::evidence::upload_errand::ErrandOutcome;
use crate::evidence::{Take, TakenPictures, Taking};

/// A finding of L2 and above, when it opens and when it becomes stronger; a spoof that takes part
/// is one. What goes to the clinic alone, or into a figure, shows nobody: neither a portrait nor a
/// companion whom the networks took for one.
fn asks_for_pictures(step: Step, severity: Severity) -> bool {
    matches!(step, Step::Opened | Step::Strengthened) && severity >= Severity::L2
}

impl Agent {
    /// Asks the pipeline for a finding's pictures; whether it did.
    pub(super) fn picture(&mut self, finding: &Finding, report: &FindingReport) -> bool {
        // Whether pictures are taken here at all.
        if !asks_for_pictures(finding.step, report.severity) || self.taking().is_none() {
            return false;
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
        self.pictures_due += 1;
        true
    }

    pub(super) fn taking(&self) -> Option<Taking> {
        let room = self.known.room()?;
        // P5: an intimate room is in no picture, also through its door.
        let seal_to = self.seal_to.clone().filter(|_| !room.intimate)?;
        Some(Taking {
            device: self.origin.device.clone(),
            seal_to,
            bed: room.zones.bed.clone(),
            privacy_mask: room.zones.privacy_mask.clone(),
        })
    }

    /// Tells the pipeline whether pictures are taken, and for whom.
    pub(super) fn tell_taking(&mut self) {
        self.guidance.evidence = Some(self.taking().map(Box::new));
    }

    /// Custodians count from when they are kept on the disk.
    pub(super) fn hear_of_custodians(&mut self) {
        let last = self.disk.seal_to().last();
        if let Some(seal_to) = last {
            self.seal_to = seal_to;
            self.tell_taking();
        }
    }

    /// The pipeline's answer to a finding.
    pub(super) fn taken(&mut self, taken: TakenPictures) {
        self.pictures_due = self.pictures_due.saturating_sub(1);
        let made = Box::new(self.origin.manifest.clone());
        self.put(DiskWork::Taken(Box::new(taken), made));
    }

    pub(super) fn carried(&self, id: EvidenceId, order: OrderId, outcome: ErrandOutcome) {
        self.put(DiskWork::Carried(id, order, outcome));
    }

    /// After a start, once what the server said last is in force.
    pub(super) fn resume_evidence(&self) {
        self.put(DiskWork::Resume(Box::new(self.origin.manifest.clone())));
    }
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
