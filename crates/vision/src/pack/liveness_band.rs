//! When the liveness networks of a pack say LIVE or SPOOF, as its manifest writes it.

use serde::Deserialize;

use crate::liveness::LiveLimits;

/// Thresholds of the averaged live probability × 10⁶.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LivenessBand {
    /// At or above: LIVE.
    pub live_ppm: u32,
    /// At or above: LIVE where the head was seen turning; absent: as `live_ppm`.
    #[serde(default)]
    pub turned_live_ppm: Option<u32>,
    /// Below: SPOOF. Between the two: UNSURE.
    pub spoof_ppm: u32,
}

impl LivenessBand {
    pub(super) fn is_sound(self) -> bool {
        let turned = self.turned_live_ppm.unwrap_or(self.live_ppm);
        self.spoof_ppm <= turned && turned <= self.live_ppm && self.live_ppm <= 1_000_000
    }

    /// What the analyzer carries.
    pub(super) fn limits(self) -> LiveLimits {
        LiveLimits {
            live_ppm: self.live_ppm,
            turned_live_ppm: self.turned_live_ppm.unwrap_or(self.live_ppm),
            spoof_ppm: self.spoof_ppm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_limit_of_its_own_a_turned_head_has_the_other() {
        let band = LivenessBand { live_ppm: 900_000, turned_live_ppm: None, spoof_ppm: 10_000 };
        assert_eq!(band.limits().turned_live_ppm, 900_000);
        let turned = LivenessBand { turned_live_ppm: Some(700_000), ..band };
        assert_eq!(turned.limits().turned_live_ppm, 700_000);
        assert!(band.is_sound() && turned.is_sound());
        for turned_live_ppm in [Some(9_999), Some(900_001)] {
            assert!(!LivenessBand { turned_live_ppm, ..band }.is_sound());
        }
    }
}
