//! LL-3 impossible presence: verified at one place and then at another that nobody reaches in that time. Ids only.
//!
//! max(0, d − 1 km) ÷ (t2 − t1 + clock uncertainty) above 120 km/h (d ≤50 km), 250 (≤300 km), 600 (beyond) → L2;
//! an overlap longer than 2 min and the uncertainty → L3. Both clocks must be synchronised. All numbers [D].

use protocol::up::Severity;

/// One verified presence of one person.
#[derive(Debug, Clone, PartialEq)]
pub struct Sighting {
    pub institution: String,
    pub from_ms: i64,
    pub to_ms: i64,
    pub uncertainty_ms: i64,
    pub synchronised: bool,
    /// Degrees north and east, where the institution's place is known.
    pub place: Option<(f64, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Impossible {
    pub severity: Severity,
    pub institutions: (String, String),
    pub overlap_ms: i64,
    pub distance_m: i64,
    pub speed_kmh: i64,
    pub at_ms: i64,
}

const ALLOWED_OVERLAP_MS: i64 = 120_000;
const SAME_PLACE_M: f64 = 1000.0;

/// Great-circle distance in metres (haversine, mean radius 6,371 km).
pub fn distance_m(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat1, lat2) = (a.0.to_radians(), b.0.to_radians());
    let (dlat, dlon) = (lat2 - lat1, (b.1 - a.1).to_radians());
    let h = (dlat / 2.0).sin().powi(2) + lat1.cos() * lat2.cos() * (dlon / 2.0).sin().powi(2);
    2.0 * 6_371_000.0 * h.sqrt().asin()
}

/// Judges each pair of neighbouring sightings of one person; `sightings` in any order.
pub fn judge(sightings: &[Sighting]) -> Vec<Impossible> {
    let mut ordered: Vec<&Sighting> = sightings.iter().filter(|s| s.synchronised).collect();
    ordered.sort_by_key(|s| (s.from_ms, s.to_ms));
    let mut found = Vec::new();
    for (n, later) in ordered.iter().enumerate() {
        // The sighting that reaches furthest among the earlier ones elsewhere: a short visit in between hides nothing.
        let earlier = ordered[..n].iter().filter(|e| e.institution != later.institution).max_by_key(|e| e.to_ms);
        found.extend(earlier.and_then(|earlier| pair(earlier, later)));
    }
    found
}

fn pair(earlier: &Sighting, later: &Sighting) -> Option<Impossible> {
    let uncertainty = earlier.uncertainty_ms + later.uncertainty_ms;
    let overlap_ms = earlier.to_ms.min(later.to_ms) - later.from_ms;
    let distance = match (earlier.place, later.place) {
        (Some(a), Some(b)) => Some(distance_m(a, b)),
        _ => None,
    };
    let made = |severity, speed_kmh| Impossible {
        severity,
        institutions: (earlier.institution.clone(), later.institution.clone()),
        overlap_ms: overlap_ms.max(0),
        distance_m: distance.unwrap_or(0.0) as i64,
        speed_kmh,
        at_ms: later.from_ms,
    };
    // Two clinics in one building: a person may be registered in both and walk across.
    let apart = distance.is_none_or(|d| d > SAME_PLACE_M);
    if apart && overlap_ms > ALLOWED_OVERLAP_MS + uncertainty {
        return Some(made(Severity::L3, 0));
    }
    let distance = distance?;
    let hours = ((later.from_ms - earlier.to_ms).max(0) + uncertainty).max(1) as f64 / 3_600_000.0;
    let speed = (distance - SAME_PLACE_M).max(0.0) / 1000.0 / hours;
    let limit = match distance / 1000.0 {
        d if d <= 50.0 => 120.0,
        d if d <= 300.0 => 250.0,
        _ => 600.0,
    };
    (speed > limit).then(|| made(Severity::L2, speed as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHENGDU: (f64, f64) = (30.66, 104.06);
    const MIANYANG: (f64, f64) = (31.47, 104.68);

    fn seen(institution: &str, from_min: i64, to_min: i64, place: (f64, f64)) -> Sighting {
        Sighting {
            institution: institution.into(),
            from_ms: from_min * 60_000,
            to_ms: to_min * 60_000,
            uncertainty_ms: 1000,
            synchronised: true,
            place: Some(place),
        }
    }

    fn severities(sightings: &[Sighting]) -> Vec<Severity> {
        judge(sightings).into_iter().map(|i| i.severity).collect()
    }

    #[test]
    fn a_hundred_kilometres_take_more_than_twenty_minutes() {
        let d = distance_m(CHENGDU, MIANYANG) / 1000.0;
        assert!((100.0..120.0).contains(&d), "{d} km");
        assert_eq!(severities(&[seen("a", 0, 60, CHENGDU), seen("b", 80, 90, MIANYANG)]), [Severity::L2]);
        assert_eq!(severities(&[seen("a", 0, 60, CHENGDU), seen("b", 120, 130, MIANYANG)]), []);
    }

    #[test]
    fn in_two_places_at_once_is_urgent() {
        assert_eq!(severities(&[seen("b", 50, 70, MIANYANG), seen("a", 0, 60, CHENGDU)]), [Severity::L3]);
    }

    #[test]
    fn an_overlap_of_two_minutes_within_a_city_block_is_nothing() {
        let next_door = (30.661, 104.061);
        assert_eq!(severities(&[seen("a", 0, 60, CHENGDU), seen("b", 30, 70, next_door)]), []);
    }

    #[test]
    fn a_clock_that_nobody_set_proves_nothing() {
        let mut second = seen("b", 50, 70, MIANYANG);
        second.synchronised = false;
        assert_eq!(severities(&[seen("a", 0, 60, CHENGDU), second]), []);
    }

    #[test]
    fn an_unknown_place_can_overlap_but_has_no_speed() {
        let nowhere = |from, to| Sighting { place: None, ..seen("b", from, to, CHENGDU) };
        assert_eq!(severities(&[seen("a", 0, 60, CHENGDU), nowhere(61, 62)]), []);
        assert_eq!(severities(&[seen("a", 0, 60, CHENGDU), nowhere(40, 62)]), [Severity::L3]);
    }
}
