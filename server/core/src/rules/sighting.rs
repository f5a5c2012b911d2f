//! One verified presence of one person somewhere, and how far two places lie apart.

use protocol::names::VerifiedBy;
use protocol::up::PresenceEvidence;
pub use wording::ChainStanding;

/// One verified presence of one person.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that may take the sighting's weight"
)]
pub struct Sighting {
    pub institution: String,
    /// Whose supervisors are asked: digits of the administrative division.
    pub jurisdiction: String,
    pub room: String,
    pub device: String,
    pub session: Option<String>,
    pub from_ms: i64,
    pub to_ms: i64,
    pub uncertainty_ms: i64,
    /// The clock of the box that saw them was disciplined; without it a sighting supports nothing.
    pub synchronised: bool,
    pub verified_by: VerifiedBy,
    pub liveness_waived: bool,
    /// The person stood in the registry for that institution: only then can the box's roster have
    /// held them.
    pub on_roster: bool,
    /// Nothing is missing from the box's chain over this time.
    pub chain_whole: bool,
    /// How the box's chain stands as a whole.
    pub chain: ChainStanding,
    /// What the claim rests on; `None`: a bare claim.
    pub evidence: Option<PresenceEvidence>,
    /// Degrees north and east, where the institution's place is known.
    pub place: Option<(f64, f64)>,
}

impl Sighting {
    /// Whether anything may be built on it.
    pub fn counts(&self) -> bool {
        self.synchronised && self.on_roster && self.chain_whole
    }
}

/// Great-circle distance in metres (haversine, mean radius 6,371 km).
pub fn distance_m(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat1, lat2) = (a.0.to_radians(), b.0.to_radians());
    let (dlat, dlon) = (lat2 - lat1, (b.1 - a.1).to_radians());
    let h = (dlat / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * (dlon / 2.0).sin().powi(2);
    2.0 * 6_371_000.0 * h.sqrt().asin()
}
