//! At which means of the networks' scores a track is said to be live or a picture.

/// Mean scores of the networks × 10⁶ at which a track is LIVE or SPOOF; a pack's manifest says its
/// own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveLimits {
    /// From here on the networks alone say LIVE.
    pub live_ppm: u32,
    /// From here on a head that was seen turning is believed.
    pub turned_live_ppm: u32,
    /// Below it they alone say SPOOF; what lies between is UNSURE.
    pub spoof_ppm: u32,
}

impl Default for LiveLimits {
    /// Chosen on live clips and on attacks of the painted renderer (decision 0034), and on stills
    /// of live people and of attacks (decision 0117).
    fn default() -> Self {
        Self { live_ppm: 870_000, turned_live_ppm: 750_000, spoof_ppm: 50_000 }
    }
}
