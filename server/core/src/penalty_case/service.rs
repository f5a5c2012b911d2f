//! The service of the decision, and the end of a case: when a paper counts as served, and who
//! closes.

use jiff::civil::Date;

use super::{CaseEntry, CaseOutcome, CaseRefusal, PenaltyCase, ServedPaper, ServiceWay};

impl PenaltyCase {
    /// It is decided, and the last decision was not quashed.
    pub(super) fn decision_holds(&self) -> bool {
        let quashed = self.last("quashed").map_or(0, |r| r.id);
        self.last("decided").is_some_and(|r| r.id > quashed)
    }

    /// Its decision holds and punishes.
    pub fn punished(&self) -> bool {
        let decided = self.last("decided").map(|r| &r.entry);
        matches!(decided, Some(CaseEntry::Decided { outcome: CaseOutcome::Punished, .. }))
            && self.decision_holds()
    }

    /// When the decision counts as served; by announcement after its 30 days.
    pub fn decision_served_on(&self) -> Option<Date> {
        let (served, _) = self.served(ServedPaper::Decision)?;
        Some(self.public_service().map_or(served.on, |effective| effective.on))
    }

    pub(super) fn serves(
        &self,
        on: Date,
        paper: ServedPaper,
        way: ServiceWay,
        agreed: bool,
    ) -> Result<(), CaseRefusal> {
        self.after(
            match paper {
                ServedPaper::Notice => "notified",
                ServedPaper::Decision => "decided",
            },
            on,
        )?;
        if way == ServiceWay::Electronic && !agreed {
            return Err(CaseRefusal::NotAgreed);
        }
        Ok(())
    }

    /// Whether `by` may close the case: every party is decided upon, each decision is served (by
    /// announcement: its 30 days are over), and somebody else than who entered it closes.
    pub fn check_close(&self, by: &str, today: Date) -> Result<(), CaseRefusal> {
        if self.closed_on.is_some() {
            return Err(CaseRefusal::Closed);
        }
        self.parties().try_for_each(|party| self.as_of(party.id).check_close_of_party(by, today))
    }

    fn check_close_of_party(&self, by: &str, today: Date) -> Result<(), CaseRefusal> {
        let decided = self.must_have("decided")?;
        let served_on = self.decision_served_on().ok_or(CaseRefusal::Missing("served"))?;
        if today < served_on {
            return Err(CaseRefusal::ServiceRuns(served_on));
        }
        if decided.by == by {
            return Err(CaseRefusal::SameCloser(by.to_owned()));
        }
        Ok(())
    }
}
