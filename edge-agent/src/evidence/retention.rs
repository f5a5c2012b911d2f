//! When a sealed item ends, and which one makes room. Pure.

use jiff::{SignedDuration, Timestamp};
use protocol::evidence::{EvidenceOrders, FindingStanding, Hold, LeadStanding};
use protocol::up::Severity;

use super::store::HeldPicture;

/// How long the pictures of an undecided finding are kept.
pub const UNDECIDED_DAYS: u32 = 30;
/// How long after it was dismissed, or found to be nothing.
pub const DISMISSED: SignedDuration = SignedDuration::from_hours(24);

/// Why an item ends at `now`; `None`: it stays.
pub fn ends(
    held: &HeldPicture,
    orders: &EvidenceOrders,
    undecided_days: u32,
    now: Timestamp,
) -> Option<&'static str> {
    if is_held(&held.finding_id, &orders.holds, now) {
        return None;
    }
    let passed = |since: &FindingStanding| {
        since.since.parse::<Timestamp>().is_ok_and(|since| now >= since + DISMISSED)
    };
    match standing(&held.finding_id, orders) {
        Some(it) if it.standing == LeadStanding::Dismissed => passed(it).then_some("dismissed"),
        Some(it) if it.standing == LeadStanding::Unfounded => passed(it).then_some("unfounded"),
        Some(it) if it.standing == LeadStanding::Closed => Some("the case is closed"),
        // A decision of a later version ends nothing.
        Some(_) => None,
        None => {
            let days = i64::from(undecided_days.clamp(1, UNDECIDED_DAYS));
            let age_ms = now.as_millisecond() - held.sealed_at_ms;
            (age_ms >= days * 86_400_000).then_some("undecided for too long")
        }
    }
}

/// The items to give up so that `bytes` more fit into the quota, the first to go first: undecided
/// L2 before undecided L3, the oldest first; nothing of a case, of a hold, or on its way.
/// `None`: they do not suffice.
pub fn make_room<'a>(
    held: impl Iterator<Item = &'a HeldPicture>,
    orders: &EvidenceOrders,
    (quota_bytes, bytes): (u64, u64),
    now: Timestamp,
) -> Option<Vec<&'a HeldPicture>> {
    let all: Vec<&HeldPicture> = held.collect();
    let mut total: u64 = all.iter().map(|held| held.item.bytes).sum::<u64>() + bytes;
    let mut free: Vec<&HeldPicture> = all
        .into_iter()
        .filter(|held| {
            standing(&held.finding_id, orders).is_none()
                && !is_held(&held.finding_id, &orders.holds, now)
                && !matches!(held.stage, super::store::HeldStage::Released { .. })
        })
        .collect();
    free.sort_by_key(|held| (held.severity == Severity::L3, held.sealed_at_ms));
    let mut given_up = Vec::new();
    for held in free {
        if total <= quota_bytes {
            break;
        }
        total -= held.item.bytes;
        given_up.push(held);
    }
    (total <= quota_bytes).then_some(given_up)
}

fn standing<'a>(finding_id: &str, orders: &'a EvidenceOrders) -> Option<&'a FindingStanding> {
    orders.standings.iter().find(|standing| standing.finding_id == finding_id)
}

fn is_held(finding_id: &str, holds: &[Hold], now: Timestamp) -> bool {
    in_force(holds, now).any(|hold| hold.findings.iter().any(|held| held == finding_id))
}

/// The holds that still count. A date that can not be read keeps: nothing is lost by a misprint.
pub fn in_force(holds: &[Hold], now: Timestamp) -> impl Iterator<Item = &Hold> {
    holds.iter().filter(move |hold| {
        hold.until.parse().is_ok_and(|until: Timestamp| now < until)
            || hold.until.parse::<Timestamp>().is_err()
    })
}
