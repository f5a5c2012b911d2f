//! How much one box may send in a day: messages and bytes by kind, as the policy of its place says.
//! Pure.
//!
//! Beyond it a message is neither stored nor receipted: the box keeps it and sends it again, so
//! nothing is lost, and one key can not fill the disk of everybody. The day is the server's, UTC.

use protocol::up::Up;

use crate::rules::Numbers;

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetKind {
    Finding,
    /// Presences and their summaries.
    Presence,
    Health,
    /// Answers, declared losses and breaks, and what this server does not know.
    Other,
}

impl BudgetKind {
    pub const ALL: [Self; 4] = [Self::Finding, Self::Presence, Self::Health, Self::Other];

    pub fn of(payload: &Up) -> Self {
        match payload {
            Up::Finding(_) => Self::Finding,
            Up::Presence(_) | Up::PresenceSummary(_) => Self::Presence,
            Up::Health(_) => Self::Health,
            Up::KnowledgeAck(_)
            | Up::Dropped(_)
            | Up::ChainBreak(_)
            | Up::EvidenceManifest(_)
            | Up::EvidenceReceipt(_)
            | Up::PolicyTrialAnswer(_)
            | Up::Unknown => Self::Other,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finding => "finding",
            Self::Presence => "presence",
            Self::Health => "health",
            Self::Other => "other",
        }
    }

    /// The counter of what was withheld of it.
    pub fn withheld(self) -> &'static str {
        match self {
            Self::Finding => "withheld.finding",
            Self::Presence => "withheld.presence",
            Self::Health => "withheld.health",
            Self::Other => "withheld.other",
        }
    }

    fn index(self) -> usize {
        match self {
            Self::Finding => 0,
            Self::Presence => 1,
            Self::Health => 2,
            Self::Other => 3,
        }
    }
}

/// Messages and their bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    pub messages: u64,
    pub bytes: u64,
}

/// What the policy of a place says of its boxes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxLimits {
    per_day: [Volume; 4],
    /// Open alerts of one box before further ones join one incident.
    pub open_alerts_max: i64,
}

impl BoxLimits {
    pub fn of(numbers: &Numbers) -> Self {
        let volume = |messages: i64, kib: i64| Volume {
            messages: u64::try_from(messages).unwrap_or(0),
            bytes: u64::try_from(kib).unwrap_or(0).saturating_mul(1024),
        };
        Self {
            per_day: [
                volume(numbers.budget_finding_per_day, numbers.budget_finding_kib_per_day),
                volume(numbers.budget_presence_per_day, numbers.budget_presence_kib_per_day),
                volume(numbers.budget_health_per_day, numbers.budget_health_kib_per_day),
                volume(numbers.budget_other_per_day, numbers.budget_other_kib_per_day),
            ],
            open_alerts_max: numbers.open_alerts_per_box,
        }
    }
}

/// What one box sent on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spent {
    pub day: String,
    volumes: [Volume; 4],
}

impl Spent {
    /// As [`Self::text`] wrote it; nothing on another day than `today`, and nothing where the text
    /// is none.
    pub fn read(day: &str, text: &str, today: &str) -> Self {
        let mut spent = Self { day: today.to_owned(), volumes: Default::default() };
        if day == today {
            let mut numbers = text.split(' ').map(|n| n.parse().unwrap_or(0));
            for volume in &mut spent.volumes {
                volume.messages = numbers.next().unwrap_or(0);
                volume.bytes = numbers.next().unwrap_or(0);
            }
        }
        spent
    }

    /// Messages and bytes of each kind, in the order of [`BudgetKind::ALL`].
    pub fn text(&self) -> String {
        self.volumes.map(|v| format!("{} {}", v.messages, v.bytes)).join(" ")
    }

    /// Whether one more message of so many bytes is within the budget.
    pub fn fits(&self, kind: BudgetKind, bytes: u64, limits: &BoxLimits) -> bool {
        let (spent, most) = (self.volumes[kind.index()], limits.per_day[kind.index()]);
        spent.messages < most.messages && spent.bytes.saturating_add(bytes) <= most.bytes
    }

    pub fn add(&mut self, kind: BudgetKind, bytes: u64) {
        let volume = &mut self.volumes[kind.index()];
        volume.messages += 1;
        volume.bytes = volume.bytes.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(messages: i64, kib: i64) -> BoxLimits {
        BoxLimits::of(&Numbers {
            budget_health_per_day: messages,
            budget_health_kib_per_day: kib,
            ..Numbers::default()
        })
    }

    #[test]
    fn a_budget_ends_by_messages_or_by_bytes() {
        let mut spent = Spent::read("", "", "2026-03-02");
        let by_count = limits(3, 1000);
        let taken = (0..5).filter(|_| {
            let fits = spent.fits(BudgetKind::Health, 10, &by_count);
            if fits {
                spent.add(BudgetKind::Health, 10);
            }
            fits
        });
        assert_eq!(taken.count(), 3);
        assert!(spent.fits(BudgetKind::Finding, 10, &by_count), "another kind has its own");
        let mut spent = Spent::default();
        spent.add(BudgetKind::Health, 1000);
        assert!(spent.fits(BudgetKind::Health, 24, &limits(100, 1)));
        assert!(!spent.fits(BudgetKind::Health, 25, &limits(100, 1)));
    }

    #[test]
    fn what_was_spent_is_forgotten_the_next_day() {
        let mut spent = Spent::read("", "", "2026-03-02");
        for kind in BudgetKind::ALL {
            spent.add(kind, 7);
        }
        spent.add(BudgetKind::Other, u64::MAX);
        assert_eq!(Spent::read("2026-03-02", &spent.text(), "2026-03-02"), spent);
        assert_eq!(
            Spent::read("2026-03-02", &spent.text(), "2026-03-03").text(),
            "0 0 0 0 0 0 0 0"
        );
        for rubbish in ["", "x", "1 2 3", "-1 -1", "99999999999999999999999 1"] {
            let _ = Spent::read("d", rubbish, "d");
        }
    }
}
