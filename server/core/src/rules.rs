//! The rules that look across days and institutions: pure, `(facts, settings, now) → findings`.
//! They read ids, times and shares only.
//!
//! No clock, no store, no name. Sources: domain.md §3; every number is a [D] setting of
//! [`settings`]. A finding that a rule wants is a [`Draft`]; [`ledger`] compares drafts with what
//! stands and gives the steps; the store writes them.

mod box_setting_words;
pub mod draft;
pub mod emergencies;
pub mod empty_room;
pub mod impossible_presence;
pub mod ledger;
pub mod masked_sessions;
pub mod outage;
pub mod phantom;
pub mod repeated;
pub mod rule_names;
pub mod setting_names;
pub mod settings;
pub mod sighting;
pub mod silent_session;

use protocol::names::{AbstentionReason, RuleCode};

pub use draft::Draft;
pub use settings::Numbers;

/// What one declared session came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts of a session, not a state")]
pub struct SessionOutcome {
    pub session: String,
    pub institution: String,
    pub room: String,
    /// The box that reported on it, or that stands in its room.
    pub device: String,
    pub declared_lead: Option<String>,
    pub declared_operators: Vec<String>,
    /// Milliseconds since the epoch.
    pub start_ms: i64,
    /// Declared end; the start where the session was never closed.
    pub end_ms: i64,
    pub cancelled: bool,
    /// The clinic stated that the patient declines. A word after its start that takes this back,
    /// even a cancellation, changes nothing.
    pub declined: bool,
    /// What the box said; `None` where it said nothing (yet).
    pub seen: Option<SessionSight>,
    /// A box was provisioned in the room by the session's start.
    pub watched: bool,
    /// Nothing is missing from the chain of the box that said so, from the session's start to the
    /// word.
    pub chain_whole: bool,
    /// Since when an alert stands about it that says something of who worked.
    pub alerted_ms: Option<i64>,
}

/// What the box said of a session.
// Facts that a box states one by one; none excludes another.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionSight {
    pub assessable: bool,
    /// Why not.
    pub because: Vec<AbstentionReason>,
    /// V over A and over I, parts per million.
    pub visibility_a_ppm: u32,
    pub visibility_i_ppm: u32,
    /// Any face other than a patient's.
    pub face_seen: bool,
    /// The declared lead was verified in the room.
    pub lead_verified: bool,
    /// The rules that abstained although it is assessable.
    pub undecided: Vec<RuleCode>,
    /// LL-1 was undecided: whether they were there could not be told.
    pub lead_open: bool,
    pub liveness_waived: bool,
}

impl SessionOutcome {
    /// Something may be alleged from it.
    pub fn assessable(&self) -> bool {
        !self.cancelled && self.chain_whole && self.seen.as_ref().is_some_and(|s| s.assessable)
    }

    pub fn lead_verified(&self) -> bool {
        self.seen.as_ref().is_some_and(|s| s.lead_verified)
    }

    /// Whether it tells of its lead: they were verified, or LL-1 could be decided without them.
    pub fn tells_of_its_lead(&self) -> bool {
        self.seen.as_ref().is_some_and(|s| s.lead_verified || !s.lead_open)
    }
}

pub const DAY_MS: i64 = 86_400_000;

/// Sessions, not cancelled, that began within the `days` before `now_ms`.
fn within(
    outcomes: &[SessionOutcome],
    days: i64,
    now_ms: i64,
) -> impl Iterator<Item = &SessionOutcome> {
    begun_within(outcomes, days, now_ms).filter(|o| !o.cancelled)
}

/// The same with cancelled ones.
fn begun_within(
    outcomes: &[SessionOutcome],
    days: i64,
    now_ms: i64,
) -> impl Iterator<Item = &SessionOutcome> {
    outcomes.iter().filter(move |o| o.start_ms <= now_ms && o.start_ms > now_ms - days * DAY_MS)
}

/// `part` of `whole` in parts per million; 0 of nothing.
fn share_ppm(part: usize, whole: usize) -> i64 {
    if whole == 0 { 0 } else { (part as i64) * 1_000_000 / (whole as i64) }
}

#[cfg(test)]
pub mod script {
    use super::{DAY_MS, SessionOutcome, SessionSight};

    pub const NOW: i64 = 1_790_000_000_000;

    /// A session `days_ago` under lead `p`: assessable, faces seen, lead not verified.
    pub fn session(n: i64, days_ago: i64) -> SessionOutcome {
        let start_ms = NOW - days_ago * DAY_MS;
        SessionOutcome {
            session: format!("s-{n}"),
            institution: "c-1".into(),
            room: "r-1".into(),
            device: "box-1".into(),
            declared_lead: Some("p".into()),
            declared_operators: vec!["o".into()],
            start_ms,
            end_ms: start_ms + 1_800_000,
            cancelled: false,
            declined: false,
            seen: Some(SessionSight {
                assessable: true,
                visibility_a_ppm: 800_000,
                visibility_i_ppm: 800_000,
                face_seen: true,
                ..SessionSight::default()
            }),
            watched: true,
            chain_whole: true,
            alerted_ms: None,
        }
    }

    pub fn with(mut outcome: SessionOutcome, change: impl Fn(&mut SessionSight)) -> SessionOutcome {
        if let Some(seen) = &mut outcome.seen {
            change(seen);
        }
        outcome
    }
}
