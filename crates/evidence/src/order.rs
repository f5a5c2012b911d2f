//! Whether a release order holds: both signatures over one text, by two people, each a custodian of
//! their role, for this box, in time, once. Pure: what the box holds and remembers is an argument.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use protocol::evidence::{CustodianRole, CustodianSignature, ReleaseOrder};
use protocol::id::{CustodianId, DeviceId, EvidenceId, OrderId};

use crate::custodian_roll::{VerifiedRoll, signed_by};
use crate::signed_text;

/// The longest that an approval counts.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24);
/// Most pictures of one order.
pub const MOST_ITEMS: usize = 64;
/// How far a box's clock may lag behind the server's.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);

/// Why an order is refused; one line, told to the server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    #[error("the order is for device {found}, this is {expected}")]
    OtherDevice { expected: DeviceId, found: DeviceId },
    #[error("order {0} was used before: a replay")]
    Replayed(OrderId),
    #[error("the order expired at {0}")]
    Expired(String),
    #[error("the order is not yet valid: it was requested at {0}")]
    NotYet(String),
    #[error("the order is valid for more than 24 h")]
    TooLong,
    #[error("`{0}` is no RFC 3339 time")]
    Time(String),
    #[error("{0} and {0}: one person can not release alone")]
    SamePerson(CustodianId),
    #[error("supervisor and reviewer sign with one key")]
    SameKey,
    #[error("{custodian} is no {role} whom this box believes at that time")]
    NoCustodian { custodian: CustodianId, role: &'static str },
    #[error("the signature of {custodian} ({role}) does not hold: the order was changed or forged")]
    Signature { custodian: CustodianId, role: &'static str },
    #[error(
        "the order names no item, one twice, or more than {MOST_ITEMS}, or not in rising order"
    )]
    Items,
    #[error("item {0} is not one of this finding on this box")]
    NoSuchItem(EvidenceId),
    #[error("the order gives no {0}")]
    Missing(&'static str),
    #[error(transparent)]
    Text(#[from] signed_text::BadValue),
}

/// What the box knows when it judges an order.
#[derive(Debug, Clone, Copy)]
pub struct Knows<'a> {
    pub device: &'a DeviceId,
    pub roll: &'a VerifiedRoll,
    /// Orders that were carried out.
    pub used: &'a BTreeSet<OrderId>,
    /// Pictures of the order's finding that this box ever sealed.
    pub items: &'a BTreeSet<EvidenceId>,
    pub now: Timestamp,
}

/// Whether the order may be carried out.
pub fn check(order: &ReleaseOrder, knows: Knows<'_>) -> Result<(), OrderRefused> {
    if order.device != *knows.device {
        let (expected, found) = (knows.device.clone(), order.device.clone());
        return Err(OrderRefused::OtherDevice { expected, found });
    }
    if knows.used.contains(&order.order) {
        return Err(OrderRefused::Replayed(order.order.clone()));
    }
    let requested_at = check_times(order, knows.now)?;
    for (what, value) in [("case", &order.case), ("basis", &order.basis)] {
        if value.trim().is_empty() {
            return Err(OrderRefused::Missing(what));
        }
    }
    let (asks, approves) = (&order.supervisor.custodian, &order.reviewer.custodian);
    if asks == approves {
        return Err(OrderRefused::SamePerson(asks.clone()));
    }
    let rising = order.items.windows(2).all(|pair| pair[0] < pair[1]);
    if !rising || order.items.is_empty() || order.items.len() > MOST_ITEMS {
        return Err(OrderRefused::Items);
    }
    let signed = signed_text::release(order)?;
    let key = |by: &CustodianSignature, role: CustodianRole| {
        let (custodian, role_name) = (by.custodian.clone(), role.as_str());
        let key = knows
            .roll
            .signer(&by.custodian, role, requested_at, knows.now)
            .ok_or(OrderRefused::NoCustodian { custodian, role: role_name })?;
        let holds = signed_by(&key, &signed, by);
        let custodian = by.custodian.clone();
        if holds { Ok(key) } else { Err(OrderRefused::Signature { custodian, role: role_name }) }
    };
    let supervisor = key(&order.supervisor, CustodianRole::Supervisor)?;
    if supervisor == key(&order.reviewer, CustodianRole::Reviewer)? {
        return Err(OrderRefused::SameKey);
    }
    match order.items.iter().find(|item| !knows.items.contains(*item)) {
        Some(item) => Err(OrderRefused::NoSuchItem(item.clone())),
        None => Ok(()),
    }
}

/// Gives the time of the request.
fn check_times(order: &ReleaseOrder, now: Timestamp) -> Result<Timestamp, OrderRefused> {
    let parse = |text: &str| -> Result<Timestamp, OrderRefused> {
        text.parse().map_err(|_| OrderRefused::Time(text.chars().take(40).collect()))
    };
    let (requested_at, expires_at) = (parse(&order.requested_at)?, parse(&order.expires_at)?);
    if now >= expires_at {
        return Err(OrderRefused::Expired(order.expires_at.clone()));
    }
    if requested_at.duration_since(now) > CLOCKS_APART {
        return Err(OrderRefused::NotYet(order.requested_at.clone()));
    }
    if expires_at.duration_since(requested_at) > LONGEST {
        return Err(OrderRefused::TooLong);
    }
    Ok(requested_at)
}
