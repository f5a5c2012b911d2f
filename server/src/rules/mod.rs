//! The rules that look across days and institutions: pure, `(facts, now) → findings`. They read ids, times and shares only.
//!
//! No clock, no store, no name. Sources: domain.md §3; every number is a [D] setting with its default beside it.

pub mod impossible_presence;
pub mod masked_sessions;
pub mod phantom;
pub mod silent_session;

/// What one declared session came to, once it is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOutcome {
    pub session: String,
    pub institution: String,
    pub declared_lead: Option<String>,
    /// Milliseconds since the epoch.
    pub start_ms: i64,
    pub cancelled: bool,
    /// V over A, parts per million; `None` where no box reported on it.
    pub visibility_ppm: Option<u32>,
    /// Any face was seen at all.
    pub face_seen: bool,
    /// The declared lead was verified in the room.
    pub lead_verified: bool,
}

/// V below this: `NotAssessable`, and nothing is alleged.
pub const ASSESSABLE_PPM: u32 = 600_000;

impl SessionOutcome {
    pub fn assessable(&self) -> bool {
        !self.cancelled && self.visibility_ppm.is_some_and(|v| v >= ASSESSABLE_PPM)
    }
}

const DAY_MS: i64 = 86_400_000;

/// Sessions that began within the `days` before `now_ms`.
fn within(outcomes: &[SessionOutcome], days: i64, now_ms: i64) -> impl Iterator<Item = &SessionOutcome> {
    outcomes.iter().filter(move |o| o.start_ms <= now_ms && o.start_ms > now_ms - days * DAY_MS && !o.cancelled)
}

#[cfg(test)]
pub(crate) mod script {
    use super::{DAY_MS, SessionOutcome};

    pub(crate) const NOW: i64 = 1_790_000_000_000;

    /// A session `days_ago` under lead `p`: assessable, faces seen, lead not verified.
    pub(crate) fn session(n: i64, days_ago: i64) -> SessionOutcome {
        SessionOutcome {
            session: format!("s-{n}"),
            institution: "c-1".into(),
            declared_lead: Some("p".into()),
            start_ms: NOW - days_ago * DAY_MS,
            cancelled: false,
            visibility_ppm: Some(800_000),
            face_seen: true,
            lead_verified: false,
        }
    }
}
