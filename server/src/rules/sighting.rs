//! One verified presence of one person somewhere, and how far two places lie apart.

/// One verified presence of one person.
#[derive(Debug, Clone, PartialEq)]
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
    /// The clock of the box that saw him was disciplined; without it a sighting supports nothing.
    pub synchronised: bool,
    /// `face` or `card_pin_witness`.
    pub verified_by: String,
    pub liveness_waived: bool,
    /// Degrees north and east, where the institution's place is known.
    pub place: Option<(f64, f64)>,
}

/// Great-circle distance in metres (haversine, mean radius 6,371 km).
pub fn distance_m(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat1, lat2) = (a.0.to_radians(), b.0.to_radians());
    let (dlat, dlon) = (lat2 - lat1, (b.1 - a.1).to_radians());
    let h = (dlat / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * (dlon / 2.0).sin().powi(2);
    2.0 * 6_371_000.0 * h.sqrt().asin()
}
