//! What the scores of a pack are worth as evidence, as its manifest says it. It measures nothing
//! and judges no score.

use serde::Deserialize;

/// What a score is worth for and against a person: log-likelihood ratios in thousandths of a nat at
/// seven [`PLACES`](Self::PLACES). Made by `evaluate evidence`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceCurves {
    /// A bare face, well seen.
    pub bare: [i32; 7],
    /// A bare face, badly seen.
    pub bare_poor: [i32; 7],
    /// A masked face, well seen.
    pub masked: [i32; 7],
    /// A masked face, badly seen.
    pub masked_poor: [i32; 7],
}

impl EvidenceCurves {
    /// Where the seven values stand between `t_reject_ppm` (0) and `t_match_ppm` (1,000) of the
    /// band.
    pub const PLACES: [i32; 7] = [-1_500, -500, -200, 0, 500, 1_000, 1_500];

    /// The first curve that makes no sense, in words.
    pub(crate) fn fault(&self) -> Option<String> {
        let Self { bare, bare_poor, masked, masked_poor } = self;
        let named = [
            ("bare", bare),
            ("bare_poor", bare_poor),
            ("masked", masked),
            ("masked_poor", masked_poor),
        ];
        let wrong = |(_, curve): &(&str, &[i32; 7])| {
            !curve.is_sorted()
                || curve.iter().any(|m| !(-10_000..=10_000).contains(m))
                || curve[2] > 0
                || curve[3] < 0
        };
        let (name, _) = named.into_iter().find(wrong)?;
        Some(format!(
            "evidence.{name}: seven rising values of -10000 to 10000, none above 0 before the \
             fourth and none below 0 from there on"
        ))
    }
}
