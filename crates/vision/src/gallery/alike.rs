//! Whom a gallery confuses: its most alike pairs of people, and how great the risk of each is. It
//! accuses nobody and refuses nobody: it tells whoever enrols where looks will stay INDETERMINATE.

use std::hash::Hash;

use super::Gallery;
use crate::{Thresholds, kernel};

/// Two different people and the highest cosine of their templates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alike<P> {
    pub people: [P; 2],
    /// -1 to 1.
    pub cosine: f32,
}

/// What a pair's likeness means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// As strangers are.
    Ordinary,
    /// Relatives, or people who look alike: some looks at either will name neither.
    LookAlike,
    /// So alike as photographs of one person: a twin, or one person enrolled twice.
    OnePerson,
}

/// How far below "one person" look-alikes begin, as a cosine.
const LOOK_ALIKE_BELOW: f32 = 0.1;

impl Risk {
    /// The cosines from which a pair is [`Risk::LookAlike`] and [`Risk::OnePerson`].
    pub fn limits(thresholds: &Thresholds) -> [f32; 2] {
        let one_person = thresholds.duplicate_ppm as f32 / 1e6;
        [one_person - LOOK_ALIKE_BELOW, one_person]
    }

    pub fn of(cosine: f32, [look_alike, one_person]: [f32; 2]) -> Self {
        match cosine {
            c if c >= one_person => Self::OnePerson,
            c if c >= look_alike => Self::LookAlike,
            _ => Self::Ordinary,
        }
    }
}

impl<P: Clone + Eq + Hash> Gallery<P> {
    /// The `most` pairs of people whose templates are most alike, the most alike first.
    pub fn alike_pairs(&self, most: usize) -> Vec<Alike<P>> {
        let count = self.people.len();
        let mut highest = vec![f32::MIN; count * count];
        let rows = || self.rows.chunks_exact(self.length.max(1)).zip(&self.owners).enumerate();
        for (index, (row, owner)) in rows() {
            for (_, (other, others_owner)) in
                rows().skip(index + 1).filter(|(_, (_, other))| *other != owner)
            {
                let (low, high) = (owner.min(others_owner), owner.max(others_owner));
                let held = &mut highest[low * count + high];
                *held = held.max(kernel::dot(row, other));
            }
        }
        let pair = |(at, cosine): (usize, &f32)| Alike {
            people: [self.people[at / count].clone(), self.people[at % count].clone()],
            cosine: *cosine,
        };
        let mut pairs: Vec<_> =
            highest.iter().enumerate().filter(|(_, cosine)| **cosine > f32::MIN).collect();
        pairs.sort_unstable_by(|a, b| b.1.total_cmp(a.1));
        pairs.into_iter().take(most).map(pair).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Embedding, Template};

    fn gallery(people: &[(&'static str, [f32; 3])]) -> Gallery<&'static str> {
        let mut gallery = Gallery::new("p", 3);
        for (person, values) in people {
            let template =
                Template::new("p", Embedding::normalised(values.to_vec()).expect("a direction"));
            gallery.insert(*person, &template).expect("this pack");
        }
        gallery
    }

    #[test]
    fn the_most_alike_pair_comes_first() {
        let alike = gallery(&[
            ("a", [1.0, 0.0, 0.0]),
            ("a", [1.0, 0.01, 0.0]),
            ("b", [0.0, 1.0, 0.0]),
            ("c", [0.9, 0.4, 0.0]),
        ])
        .alike_pairs(9);
        assert_eq!(alike[0].people, ["a", "c"]);
        assert_eq!(alike.len(), 3);
        assert!(alike.windows(2).all(|pair| pair[0].cosine >= pair[1].cosine));
        assert!(gallery(&[("a", [1.0, 0.0, 0.0])]).alike_pairs(9).is_empty());
    }

    #[test]
    fn risk_grows_with_likeness() {
        let limits = [0.5, 0.6];
        let risks = [0.4, 0.5, 0.7].map(|cosine| Risk::of(cosine, limits));
        assert_eq!(risks, [Risk::Ordinary, Risk::LookAlike, Risk::OnePerson]);
    }
}
