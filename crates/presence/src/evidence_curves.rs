//! What the score of one look is worth for and against a person, as measured for a model pack: bare
//! and masked, good and poor looks each have a curve. It adds nothing up and knows nobody.

/// Places of a curve's points on the scale from T_reject (0) to T_match (1,000).
pub const CURVE_PLACES: [i32; 7] = [-1_500, -500, -200, 0, 500, 1_000, 1_500];
/// The index of T_reject among them.
const AT_T_REJECT: usize = 3;
/// No single look is worth more, thousandths of a nat.
const MOST_MNAT: i32 = 10_000;

/// Log-likelihood ratio of "it is this person" against "it is another" at [`CURVE_PLACES`],
/// thousandths of a nat. Between the places it is interpolated, beyond them it stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EvidenceCurve([i32; 7]);

impl EvidenceCurve {
    /// Where nothing was measured.
    pub const ASSUMED: Self = Self([-3_000, -2_000, -1_200, 0, 0, 3_500, 6_000]);

    /// A curve that never falls, speaks for nobody below T_reject and from there on against nobody:
    /// a person who is badly seen stays there for a whole track. `None`: it is no such curve.
    pub fn new(mnat: [i32; 7]) -> Option<Self> {
        let (below, above) = mnat.split_at(AT_T_REJECT);
        let sound = mnat.is_sorted()
            && mnat.iter().all(|m| m.abs() <= MOST_MNAT)
            && below.iter().all(|m| *m <= 0)
            && above.iter().all(|m| *m >= 0);
        sound.then_some(Self(mnat))
    }

    /// What a score is worth, mnat.
    pub(crate) fn worth(&self, score_ppm: i32, (t_reject, t_match): (i32, i32)) -> i64 {
        let scale = i64::from(t_match) - i64::from(t_reject);
        // Where no score rejects anybody, none below T_match speaks for anybody either.
        if scale <= 0 || (t_reject <= -1_000_000 && score_ppm < t_match) {
            return 0;
        }
        let x = (i64::from(score_ppm) - i64::from(t_reject)) * 1_000 / scale;
        let point = |i: usize| (i64::from(CURVE_PLACES[i]), i64::from(self.0[i]));
        let (first, last) = (point(0), point(self.0.len() - 1));
        if x <= first.0 {
            return first.1;
        }
        let next = (1..self.0.len()).find(|i| x <= point(*i).0);
        next.map_or(last.1, |i| {
            let (a, b) = (point(i - 1), point(i));
            a.1 + (x - a.0) * (b.1 - a.1) / (b.0 - a.0)
        })
    }
}

/// The curves of a model pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EvidenceCurves {
    /// A bare face, well seen.
    pub bare: EvidenceCurve,
    /// A bare face, badly seen: only what speaks for a person counts.
    pub bare_poor: EvidenceCurve,
    /// A masked face, well seen.
    pub masked: EvidenceCurve,
    /// A masked face, badly seen.
    pub masked_poor: EvidenceCurve,
}

impl EvidenceCurves {
    /// Where nothing was measured.
    pub const ASSUMED: Self = Self {
        bare: EvidenceCurve::ASSUMED,
        bare_poor: EvidenceCurve::ASSUMED,
        masked: EvidenceCurve::ASSUMED,
        masked_poor: EvidenceCurve::ASSUMED,
    };

    /// The one for a look.
    pub(crate) fn of(&self, masked: bool, good_quality: bool) -> &EvidenceCurve {
        match (masked, good_quality) {
            (false, true) => &self.bare,
            (false, false) => &self.bare_poor,
            (true, true) => &self.masked,
            (true, false) => &self.masked_poor,
        }
    }
}

impl Default for EvidenceCurves {
    fn default() -> Self {
        Self::ASSUMED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_rises_from_strangers_to_people() {
        let t = (300_000, 500_000);
        let worth = |score_ppm| EvidenceCurve::ASSUMED.worth(score_ppm, t);
        assert_eq!(worth(-1_000_000), -3_000);
        assert_eq!(worth(260_000), -1_200);
        assert_eq!(worth(300_000), 0);
        assert_eq!(worth(400_000), 0);
        assert_eq!(worth(500_000), 3_500);
        assert_eq!(worth(1_000_000), 6_000);
        let all: Vec<i64> = (0..200).map(|n| worth(n * 5_000)).collect();
        assert!(all.is_sorted());
    }

    #[test]
    fn a_mask_that_rejects_nobody_speaks_for_nobody() {
        for t_reject in [i32::MIN, -1_000_000] {
            let worth = |score_ppm| EvidenceCurve::ASSUMED.worth(score_ppm, (t_reject, 450_000));
            assert_eq!([worth(-200_000), worth(0), worth(449_999)], [0, 0, 0]);
            assert_eq!(worth(450_000), 3_500);
        }
    }

    #[test]
    fn a_curve_that_falls_or_accuses_too_early_is_none() {
        let of = EvidenceCurve::new;
        assert_eq!(of([-3_000, -2_000, -1_200, 0, 0, 3_500, 6_000]), Some(EvidenceCurve::ASSUMED));
        assert!(of([-3_000, -2_000, -2_500, 0, 0, 3_500, 6_000]).is_none(), "it falls");
        assert!(of([-3_000, -2_000, -1_200, -1, 0, 3_500, 6_000]).is_none(), "from T_reject on");
        assert!(of([-3_000, -2_000, 1, 1, 1, 3_500, 6_000]).is_none(), "below T_reject");
        assert!(of([-10_001, -2_000, 0, 0, 0, 3_500, 6_000]).is_none(), "more than a look can say");
    }
}
