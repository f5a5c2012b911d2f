//! The service of the decision, and the end of a case: when a paper counts as served, and who closes.

use jiff::civil::Date;

use super::{Entry, Outcome, PenaltyCase, Refusal, ServedPaper, ServiceWay};

impl PenaltyCase {
    /// Its decision stands and punishes.
    pub fn punished(&self) -> bool {
        let decided = self.last("decided").map(|r| &r.entry);
        matches!(decided, Some(Entry::Decided { outcome: Outcome::Punished, .. }))
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
    ) -> Result<(), Refusal> {
        self.after(
            match paper {
                ServedPaper::Notice => "notified",
                ServedPaper::Decision => "decided",
            },
            on,
        )?;
        if way == ServiceWay::Electronic && !agreed {
            return Err(Refusal::NotAgreed);
        }
        Ok(())
    }

    /// Whether `by` may close the case: it is decided, a penalty is served (by announcement: its 30
    /// days are over), and somebody else than who entered the decision closes.
    pub fn check_close(&self, by: &str, today: Date) -> Result<(), Refusal> {
        if self.closed_on.is_some() {
            return Err(Refusal::Closed);
        }
        let decided = self.must_have("decided")?;
        let served_on = self.decision_served_on().ok_or(Refusal::Missing("served"))?;
        if today < served_on {
            return Err(Refusal::ServiceRuns(served_on));
        }
        if decided.by == by {
            return Err(Refusal::SameCloser(by.to_owned()));
        }
        Ok(())
    }
}
