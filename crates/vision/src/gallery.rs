//! Who may it be: exact search of one embedding among the templates of the enrolled people.
//! It answers by person, never decides: thresholds and votes are the presence core's. It refuses
//! templates of another pack, and never matches a number that is not finite.

mod alike;
mod codes;
mod rivals;

use std::{collections::HashMap, hash::Hash, sync::Arc};

use zeroize::Zeroize;

pub use alike::{Alike, Risk};
use codes::{Codes, ROUNDING};

use crate::{
    embedding::Embedding,
    kernel,
    template::{Template, TemplateError},
};

/// A person and the cosine of their best template.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scored<P> {
    pub person: P,
    /// -1 to 1.
    pub cosine: f32,
}

impl<P> Scored<P> {
    /// The cosine × 10⁶, rounded, as the presence core takes it.
    pub fn ppm(&self) -> i32 {
        (self.cosine * 1e6).round() as i32
    }
}

/// The two likeliest people; both `None` in an empty gallery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match<P> {
    pub best: Option<Scored<P>>,
    /// The likeliest of all *other* people; the margin is the distance to it.
    pub second: Option<Scored<P>>,
}

/// Rows that are scored at a time; their scores stay in the processor's nearest memory.
const BLOCK: usize = 256;
/// From this many templates on, 8-bit codes are looked at first, because memory is then the limit.
const CODES_FROM: usize = 8_192;
/// The same where the processor goes through codes four times as fast as through rows.
const QUICK_CODES_FROM: usize = 40;

/// The templates of the enrolled people, for one pack.
pub struct Gallery<P> {
    pack: Arc<str>,
    length: usize,
    /// All templates, one after the other.
    rows: Vec<f32>,
    /// The same rows in 8 bits, a quarter of the memory to go through.
    codes: Codes,
    /// The query in 8 bits, while it is searched for.
    coded: Codes,
    /// Whose each row is: an index into `people`.
    owners: Vec<usize>,
    people: Vec<P>,
    /// Where each person stands in `people`.
    places: HashMap<P, usize>,
    /// Rows that are nobody, one after the other: rivals only, never an answer.
    cohort: Vec<f32>,
    not_finite: u64,
}

impl<P: Clone + Eq + Hash> Gallery<P> {
    /// An empty gallery for templates of `pack` with `length` numbers each.
    pub fn new(pack: impl Into<Arc<str>>, length: usize) -> Self {
        Self {
            pack: pack.into(),
            length,
            rows: Vec::new(),
            codes: Codes::default(),
            coded: Codes::with_room(length),
            owners: Vec::new(),
            people: Vec::new(),
            places: HashMap::new(),
            cohort: Vec::new(),
            not_finite: 0,
        }
    }

    /// Adds a template; a person may have several, and the best one counts.
    pub fn insert(&mut self, person: P, template: &Template) -> Result<(), TemplateError> {
        if template.pack() != &*self.pack {
            return Err(TemplateError::OtherPack {
                template: template.pack().to_owned(),
                gallery: self.pack.to_string(),
            });
        }
        if template.embedding().len() != self.length {
            return Err(TemplateError::WrongLength {
                got: template.embedding().len(),
                wanted: self.length,
            });
        }
        let owner = *self.places.entry(person).or_insert_with_key(|person| {
            self.people.push(person.clone());
            self.people.len() - 1
        });
        self.make_room();
        self.rows.extend_from_slice(template.embedding().as_slice());
        self.codes.push(template.embedding().as_slice());
        self.owners.push(owner);
        Ok(())
    }

    /// Removes and wipes every template of a person; returns how many there were.
    pub fn remove(&mut self, person: &P) -> usize {
        let Some(owner) = self.places.remove(person) else {
            return 0;
        };
        let mut removed = 0;
        let mut index = 0;
        while index < self.owners.len() {
            if self.owners[index] == owner {
                self.remove_row(index);
                removed += 1;
            } else {
                index += 1;
            }
        }
        self.people.remove(owner);
        for other in self.owners.iter_mut().chain(self.places.values_mut()) {
            *other -= usize::from(*other > owner);
        }
        removed
    }

    /// The two likeliest people. An embedding of another length, or with a number that is not
    /// finite, matches nobody and is counted.
    pub fn top2(&mut self, query: &Embedding) -> Match<P> {
        let from = if kernel::codes_are_quick() { QUICK_CODES_FROM } else { CODES_FROM };
        let by_codes = self.owners.len() >= from;
        self.top2_with(query, if by_codes { Self::search_by_codes } else { Self::search_all })
    }

    /// [`Gallery::top2`] by comparing every row in full: what benchmarks hold the codes against.
    #[doc(hidden)]
    pub fn top2_in_full(&mut self, query: &Embedding) -> Match<P> {
        self.top2_with(query, Self::search_all)
    }

    fn top2_with(
        &mut self,
        query: &Embedding,
        search: fn(&mut Self, &[f32]) -> Places,
    ) -> Match<P> {
        let usable = query.len() == self.length && kernel::is_finite(query.as_slice());
        if !usable {
            self.not_finite += 1;
            return Match { best: None, second: None };
        }
        let (best, second) = search(self, query.as_slice());
        let named = |scored: Option<(usize, f32)>| {
            scored.map(|(owner, cosine)| Scored { person: self.people[owner].clone(), cosine })
        };
        Match { best: named(best), second: named(second) }
    }

    pub fn pack(&self) -> &str {
        &self.pack
    }

    /// How many people are enrolled.
    pub fn people(&self) -> usize {
        self.people.len()
    }

    /// How many templates there are.
    pub fn templates(&self) -> usize {
        self.owners.len()
    }

    /// How many queries were dropped because they did not fit or were not finite.
    pub fn dropped_not_finite(&self) -> u64 {
        self.not_finite
    }

    fn search_all(&mut self, query: &[f32]) -> Places {
        let (mut best, mut second) = (None, None);
        let mut scores = [0.0; BLOCK];
        for (rows, owners) in
            self.rows.chunks(BLOCK * self.length.max(1)).zip(self.owners.chunks(BLOCK))
        {
            let scores = &mut scores[..owners.len()];
            kernel::score_rows(query, rows, scores);
            for (owner, score) in owners.iter().zip(scores) {
                place(&mut best, &mut second, (*owner, *score));
            }
        }
        (best, second)
    }

    /// The same answer, from the codes: a row is compared in full only where its code and the most
    /// that the code can be wrong by reach the second place held so far. No row that could take a
    /// place is passed over.
    fn search_by_codes(&mut self, query: &[f32]) -> Places {
        let (mut best, mut second): Places = (None, None);
        self.coded.hold(query);
        let (query_scale, query_error) = (self.coded.scales[0], self.coded.errors[0]);
        let (mut sums, mut most) = ([0; BLOCK], [0.0_f32; BLOCK]);
        let blocks =
            self.codes.values.chunks(BLOCK * self.length.max(1)).zip(self.owners.chunks(BLOCK));
        for (block, (codes, owners)) in blocks.enumerate() {
            let (from, count) = (block * BLOCK, owners.len());
            kernel::score_codes(&self.coded.values, codes, &mut sums[..count]);
            let facts =
                self.codes.scales[from..from + count].iter().zip(&self.codes.errors[from..]);
            for ((most, sum), (scale, error)) in most.iter_mut().zip(&sums).zip(facts) {
                *most = *sum as f32 * scale * query_scale
                    + error
                    + query_error * (1.0 + error)
                    + ROUNDING;
            }
            let wanted = match second {
                None => self.second_of_likeliest(query, from, &most[..count]),
                Some(_) => f32::NEG_INFINITY,
            };
            for (offset, (owner, most)) in owners.iter().zip(&most).enumerate() {
                if *most >= wanted && second.is_none_or(|held| *most > held.1) {
                    let index = from + offset;
                    let row = &self.rows[index * self.length..(index + 1) * self.length];
                    place(&mut best, &mut second, (*owner, kernel::dot(query, row)));
                }
            }
        }
        self.coded.wipe();
        (best, second)
    }

    /// What a row must reach at the least to take a place: the lower score of the two rows that may
    /// score most, of two people. Without it every row that a search begins with takes one.
    fn second_of_likeliest(&self, query: &[f32], from: usize, most: &[f32]) -> f32 {
        let (mut best, mut second) = (None, None);
        for (offset, most) in most.iter().enumerate() {
            place(&mut best, &mut second, (self.owners[from + offset], *most));
        }
        let (Some((best, _)), Some((second, _))) = (best, second) else {
            return f32::NEG_INFINITY;
        };
        let score = |owner: usize| {
            let at = from + self.owners[from..].iter().position(|o| *o == owner).unwrap_or(0);
            kernel::dot(query, &self.rows[at * self.length..(at + 1) * self.length])
        };
        score(best).min(score(second))
    }

    /// Grows by hand, so that the outgrown copy is wiped and not left behind in freed memory.
    fn make_room(&mut self) {
        if self.rows.capacity() - self.rows.len() < self.length {
            let mut wider = Vec::with_capacity((self.rows.len() + self.length) * 2);
            wider.extend_from_slice(&self.rows);
            self.rows.zeroize();
            self.rows = wider;
        }
    }

    fn remove_row(&mut self, index: usize) {
        let last = self.owners.len() - 1;
        let start = last * self.length;
        if index != last {
            self.rows.copy_within(start.., index * self.length);
        }
        self.rows[start..].zeroize();
        self.rows.truncate(start);
        self.codes.remove(index, self.length);
        self.owners.swap_remove(index);
    }
}

/// The best and the second: (owner, score).
type Places = (Option<(usize, f32)>, Option<(usize, f32)>);

/// Keeps the best score and the best score of anyone else.
fn place(best: &mut Option<(usize, f32)>, second: &mut Option<(usize, f32)>, new: (usize, f32)) {
    match best {
        None => *best = Some(new),
        Some(held) if held.0 == new.0 => held.1 = held.1.max(new.1),
        Some(held) if new.1 > held.1 => *second = best.replace(new),
        Some(_) => match second {
            Some(held) if held.1 >= new.1 => {}
            _ => *second = Some(new),
        },
    }
}

impl<P> Drop for Gallery<P> {
    fn drop(&mut self) {
        self.rows.zeroize();
        self.codes.values.zeroize();
        self.coded.wipe();
    }
}

impl<P> std::fmt::Debug for Gallery<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Gallery(pack {}, {} people, {} templates, [redacted])",
            self.pack,
            self.people.len(),
            self.owners.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of which some share a direction, so that many are close.
    fn vectors(length: usize) -> impl FnMut(f32) -> Embedding {
        let mut state = 7_u32;
        move |spread| {
            let values = (0..length).map(|i| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / 16_777_216.0 - 0.5 + spread * f32::from(u8::from(i % 3 == 0))
            });
            Embedding::normalised(values.collect()).expect("a direction")
        }
    }

    #[test]
    fn the_search_over_codes_finds_what_the_full_one_finds() {
        for (length, rows) in [(64, 2_000), (100, 300), (384, 600)] {
            let mut vector = vectors(length);
            let mut gallery = Gallery::new("p", length);
            for row in 0..rows {
                let template = Template::new("p", vector(if row % 2 == 0 { 2.0 } else { 0.0 }));
                gallery.insert(row % (rows / 3), &template).expect("a template of this pack");
            }
            gallery.remove(&3);
            // People who cannot be told apart: the order in which they stand decides.
            let twin = Template::new("p", vector(1.0));
            for person in [rows, rows + 1, rows + 2] {
                gallery.insert(person, &twin).expect("a template of this pack");
            }
            let by_codes = gallery.search_by_codes(twin.embedding().as_slice());
            assert_eq!(by_codes, gallery.search_all(twin.embedding().as_slice()), "{length}");
            for asked in 0..50 {
                // Towards what the vectors share, and away from it.
                let query = vector(if asked % 2 == 0 { 1.0 } else { -1.0 });
                let by_codes = gallery.search_by_codes(query.as_slice());
                assert_eq!(by_codes, gallery.search_all(query.as_slice()), "{length}");
            }
        }
    }

    #[test]
    fn nothing_of_a_query_is_left_after_a_search_by_codes() {
        let mut vector = vectors(64);
        let mut gallery = Gallery::new("p", 64);
        for row in 0..QUICK_CODES_FROM {
            gallery.insert(row, &Template::new("p", vector(0.0))).expect("this pack");
        }
        gallery.search_by_codes(vector(0.0).as_slice());
        assert!(gallery.coded.values.is_empty() && gallery.coded.scales.is_empty());
    }
}
