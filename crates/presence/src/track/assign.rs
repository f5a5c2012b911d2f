//! Which face of a frame goes on which track: the likeliest pairing of all at once, by where each
//! may have moved since and by clothes, and which of its pairs another pairing could replace nearly
//! as well. It knows nothing of zones, and decides nothing of people.

use crate::BoxPx;

/// Surprise of a pair, thousandths of a nat; `None`: it cannot be.
pub(super) type Cost = Option<i64>;

/// A face that no track explains: somebody new inside the room is this much of a surprise.
const NEW_MNAT: i64 = 15_500;
/// That somebody new stands just where another is expected, or wears the very same, is this much
/// more of one.
const IN_ANOTHERS_PLACE_MNAT: i64 = 9_000;
/// A pair holds where without it the likeliest pairing is less likely by at least this much, about
/// 400 times.
const SURE_MNAT: i64 = 6_000;
/// Stands for "cannot be" in sums.
const NEVER_MNAT: i64 = 1_000_000_000;

/// What a face of the frame goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Assignment {
    /// This track.
    Track(usize),
    /// This track or another, that cannot be told: the likeliest.
    Doubtful(usize),
    /// None.
    New,
}

impl Assignment {
    pub(super) fn track(self) -> Option<usize> {
        match self {
            Self::Track(track) | Self::Doubtful(track) => Some(track),
            Self::New => None,
        }
    }
}

/// Surprise of a face at `to` of somebody who was at `from` (or is expected at `expected`) and
/// `dt_ms` out of sight, by where it is. They may stand, go on as they went, or walk anywhere.
pub(super) fn way_mnat(from: BoxPx, expected: BoxPx, to: BoxPx, dt_ms: u64) -> i64 {
    let dt_ms = dt_ms.min(60_000) as i64;
    let face = i64::from(from.w.max(to.w)).max(1);
    let surprise = |at: BoxPx, spread: i64| {
        let (a, b) = (at.centre(), to.centre());
        let permille = |a: i32, b: i32| {
            ((i64::from(a) - i64::from(b)) * 1_000 / face).clamp(-100_000, 100_000)
        };
        let far = permille(a.x, b.x).pow(2) + permille(a.y, b.y).pow(2);
        far * 500 / spread.pow(2) + 2 * ln_milli(spread * 1_000 / JITTER_PERMILLE)
    };
    // A walk for two seconds, then slower: who is out of view seldom walks far before being seen
    // again.
    let walk = dt_ms.min(2_000) * 4 / 5 + ((dt_ms - 2_000).max(0) / 10).min(2_400);
    let stands = surprise(from, JITTER_PERMILLE + (dt_ms / 8).min(500));
    let goes_on = surprise(expected, JITTER_PERMILLE + (dt_ms / 4).min(4_000));
    let walks = surprise(from, JITTER_PERMILLE + walk) + WALKS_ANYWHERE_MNAT;
    stands.min(goes_on).min(walks)
}

/// Spread of a detector's boxes, thousandths of the width of the face.
const JITTER_PERMILLE: i64 = 100;
/// One look in five shows somebody who sets out or turns.
const WALKS_ANYWHERE_MNAT: i64 = 1_600;

/// Natural logarithm of `x` thousandths, in thousandths; within 60.
fn ln_milli(x: i64) -> i64 {
    let x = x.max(1);
    let whole = i64::from(x.ilog2());
    let part = ((x - (1 << whole)) * 1_000) >> whole;
    // Of a thousand: ln 1000.
    (whole * 1_000 + part) * 693 / 1_000 - 6_908
}

/// The likeliest pairing. `cost[d][t]`: of face `d` with track `t`; `held[d]`: the face is what
/// some track is expected to look like, or where.
pub(super) fn assign(cost: &[Vec<Cost>], held: &[bool]) -> Vec<Assignment> {
    let new: Vec<i64> =
        held.iter().map(|held| NEW_MNAT + if *held { IN_ANOTHERS_PLACE_MNAT } else { 0 }).collect();
    let (best, least) = pairing(cost, &new, None);
    let judge = |(d, choice): (usize, &Option<usize>)| {
        let Some(t) = *choice else { return Assignment::New };
        let rivals = |d: usize| cost[d].iter().filter(|c| c.is_some()).count();
        let others = (0..cost.len()).filter(|&o| cost[o][t].is_some()).count();
        // Who has no rival stands against somebody new alone.
        let without = if rivals(d) == 1 && others == 1 {
            least - cost[d][t].unwrap_or(NEVER_MNAT) + new[d]
        } else {
            pairing(cost, &new, Some((d, t))).1
        };
        let rivalled = rivals(d) > 1 || others > 1;
        if rivalled && without - least < SURE_MNAT {
            Assignment::Doubtful(t)
        } else {
            Assignment::Track(t)
        }
    };
    best.iter().enumerate().map(judge).collect()
}

/// The pairing of least cost, and its cost: shortest augmenting paths (Kuhn and Munkres).
/// `without`: a pair that must not be.
fn pairing(
    cost: &[Vec<Cost>],
    new: &[i64],
    without: Option<(usize, usize)>,
) -> (Vec<Option<usize>>, i64) {
    let faces = cost.len();
    let tracks = cost.first().map_or(0, Vec::len);
    // Each face may also be new: columns beyond the tracks.
    let of = |d: usize, t: usize| {
        if t >= tracks {
            return if t - tracks == d { new[d] } else { NEVER_MNAT };
        }
        let kept = cost[d][t].filter(|_| without != Some((d, t)));
        kept.unwrap_or(NEVER_MNAT)
    };
    let columns = tracks + faces;
    let (mut row_price, mut column_price) = (vec![0_i64; faces + 1], vec![0_i64; columns + 1]);
    // Column 0 and row 0 are the root of the search; the others count from 1.
    let mut row_of = vec![0_usize; columns + 1];
    for row in 1..=faces {
        row_of[0] = row;
        let mut column = 0;
        let mut least = vec![i64::MAX; columns + 1];
        let mut used = vec![false; columns + 1];
        let mut way = vec![0_usize; columns + 1];
        while row_of[column] != 0 {
            used[column] = true;
            let (from, mut step, mut next) = (row_of[column], i64::MAX, 0);
            for c in (1..=columns).filter(|c| !used[*c]) {
                let reduced = of(from - 1, c - 1) - row_price[from] - column_price[c];
                if reduced < least[c] {
                    (least[c], way[c]) = (reduced, column);
                }
                if least[c] < step {
                    (step, next) = (least[c], c);
                }
            }
            for c in 0..=columns {
                if used[c] {
                    row_price[row_of[c]] += step;
                    column_price[c] -= step;
                } else {
                    least[c] = least[c].saturating_sub(step);
                }
            }
            column = next;
        }
        while column != 0 {
            row_of[column] = row_of[way[column]];
            column = way[column];
        }
    }
    let mut choice = vec![None; faces];
    let mut sum = 0;
    for (column, &row) in row_of.iter().enumerate().skip(1).filter(|(_, row)| **row > 0) {
        sum += of(row - 1, column - 1);
        choice[row - 1] = (column <= tracks).then_some(column - 1);
    }
    (choice, sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of faces that are nowhere expected.
    fn of(cost: &[Vec<Cost>]) -> Vec<Assignment> {
        assign(cost, &vec![false; cost.len()])
    }

    #[test]
    fn who_stands_in_anothers_place_is_rarely_new() {
        let cost = vec![vec![Some(10_000), Some(18_000)]];
        assert_eq!(assign(&cost, &[false]), [Assignment::Doubtful(0)]);
        assert_eq!(assign(&cost, &[true]), [Assignment::Track(0)]);
    }

    #[test]
    fn the_likeliest_pairing_is_found_as_a_whole() {
        // The best pair by itself costs the other face more than it saves.
        let cost = vec![vec![Some(1_000), Some(1_500)], vec![Some(1_200), Some(9_500)]];
        assert_eq!(pairing(&cost, &[NEW_MNAT; 2], None).0, [Some(1), Some(0)]);
        assert_eq!(of(&cost), [Assignment::Track(1), Assignment::Track(0)]);
    }

    #[test]
    fn two_pairings_nearly_alike_are_doubtful() {
        let cost = vec![vec![Some(1_000), Some(1_500)], vec![Some(1_200), Some(1_100)]];
        assert_eq!(of(&cost), [Assignment::Doubtful(0), Assignment::Doubtful(1)]);
        assert_eq!(of(&[vec![Some(11_000)]]), [Assignment::Track(0)], "nobody else it could be");
        assert_eq!(of(&[vec![None], vec![Some(0)]]), [Assignment::New, Assignment::Track(0)]);
        assert_eq!(of(&[Vec::new()]), [Assignment::New]);
    }

    #[test]
    fn the_logarithm_is_near_enough() {
        for (x, ln) in [(1_000, 0), (2_000, 693), (40_000, 3_689), (100, -2_303)] {
            assert!((ln_milli(x) - ln).abs() <= 60, "{x}: {}", ln_milli(x));
        }
    }
}
