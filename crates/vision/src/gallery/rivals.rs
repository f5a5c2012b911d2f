//! A search whose scores are held against the probe's rivals: from the best cosine a share of the
//! mean of the next best people's is taken. A blurred or masked face resembles everybody a little,
//! and that resemblance says nothing of who it is. The rivals are the other enrolled people
//! (decision 0033) and a cohort of rows that are nobody, so that a clinic of one person is searched
//! like one of fifty (decision 0116).

use std::hash::Hash;

use super::{BLOCK, Gallery, Match, Scored};
use crate::{Embedding, Rivals, Template, TemplateError, kernel};

impl<P: Clone + Eq + Hash> Gallery<P> {
    /// Enrols a person by the mean of these templates: better than the best of them (decision
    /// 0033). With one it is that one. Templates that point nowhere together are kept one by one.
    pub fn enrol(&mut self, person: P, templates: &[Template]) -> Result<(), TemplateError> {
        let fits = |t: &&Template| t.pack() == self.pack() && t.embedding().len() == self.length;
        if templates.len() > 1
            && templates.iter().all(|t| fits(&t))
            && let Some(mean) = Embedding::mean(templates.iter().map(|t| (t.embedding(), 1.0)))
        {
            return self.insert(person, &Template::new(self.pack.clone(), mean));
        }
        templates.iter().try_for_each(|template| self.insert(person.clone(), template))
    }

    /// Sets the rivals that are nobody: a gallery of few people has too few of its own. Rows of
    /// another length are left out.
    pub fn set_cohort(&mut self, rows: &[Embedding]) {
        let fitting = rows.iter().filter(|row| row.len() == self.length);
        self.cohort = fitting.flat_map(|row| row.as_slice().iter().copied()).collect();
    }

    /// The two likeliest people, their scores held against the rivals: the other people, and the
    /// cohort. The margin between the two stays that of the cosines. Unusable embeddings match
    /// nobody and are counted, as in [`Gallery::top2`].
    pub fn identify(&mut self, query: &Embedding, rivals: Rivals) -> Match<P> {
        let mut found = self.top2(query);
        let Some(best) = &found.best else { return found };
        let taken = self.taken(query.as_slice(), &best.person, rivals);
        for scored in [&mut found.best, &mut found.second].into_iter().flatten() {
            scored.cosine -= taken;
        }
        found
    }

    /// The scores of some people, held against the same rivals as [`Gallery::identify`]'s. Who is
    /// not enrolled is left out.
    pub fn scores_of(&self, query: &Embedding, people: &[P], rivals: Rivals) -> Vec<Scored<P>> {
        if people.is_empty()
            || query.len() != self.length
            || !query.as_slice().iter().all(|x| x.is_finite())
        {
            return Vec::new();
        }
        let highest = self.highest(query.as_slice());
        let best = (0..highest.len()).max_by(|a, b| highest[*a].total_cmp(&highest[*b]));
        let Some(best) = best.and_then(|place| self.people.get(place)) else { return Vec::new() };
        let taken = self.taken(query.as_slice(), best, rivals);
        let of = |person: &P| {
            let cosine = *highest.get(*self.places.get(person)?)?;
            (cosine > f32::MIN).then(|| Scored { person: person.clone(), cosine: cosine - taken })
        };
        people.iter().filter_map(of).collect()
    }

    /// What the rivals take from every score.
    fn taken(&self, query: &[f32], best: &P, rivals: Rivals) -> f32 {
        // With as many people as there are rivals, the rivals themselves rise with the gallery.
        let people = self.people.len().min(rivals.count as usize).max(1) as f32;
        let by_looks = rivals.taken_for_looks_ppm as f32 / 1e6;
        let by_size = people.log2() * rivals.per_doubling_ppm as f32 / 1e6 + by_looks;
        if rivals.share_ppm == 0 {
            return by_size;
        }
        by_size
            + self.mean_of_rivals(query, best, rivals.count as usize) * rivals.share_ppm as f32
                / 1e6
    }

    /// Each person's best cosine, by their place.
    fn highest(&self, query: &[f32]) -> Vec<f32> {
        let mut highest = vec![f32::MIN; self.people.len()];
        let mut scores = [0.0; BLOCK];
        for (rows, owners) in
            self.rows.chunks(BLOCK * self.length.max(1)).zip(self.owners.chunks(BLOCK))
        {
            kernel::score_rows(query, rows, &mut scores[..owners.len()]);
            for (owner, score) in owners.iter().zip(scores) {
                highest[*owner] = highest[*owner].max(score);
            }
        }
        highest
    }

    /// Mean cosine of the `count` likeliest rivals of the best person; 0 without any.
    fn mean_of_rivals(&self, query: &[f32], best: &P, count: usize) -> f32 {
        let mut highest = self.highest(query);
        if let Some(place) = self.places.get(best) {
            highest.swap_remove(*place);
        }
        let people = highest.len();
        highest.resize(people + self.cohort.len() / self.length.max(1), 0.0);
        kernel::score_rows(query, &self.cohort, &mut highest[people..]);
        let count = count.min(highest.len());
        if count == 0 {
            return 0.0;
        }
        if count < highest.len() {
            highest.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
        }
        highest[..count].iter().sum::<f32>() / count as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(values: [f32; 3]) -> Template {
        Template::new("p", Embedding::normalised(values.to_vec()).expect("a direction"))
    }

    fn gallery() -> Gallery<&'static str> {
        let mut gallery = Gallery::new("p", 3);
        for (person, values) in
            [("a", [1.0, 0.0, 0.0]), ("b", [0.0, 1.0, 0.0]), ("c", [0.0, 0.6, 0.8])]
        {
            gallery.enrol(person, &[template(values)]).expect("this pack");
        }
        gallery
    }

    #[test]
    fn whoever_resembles_everybody_scores_lower_in_order() {
        let query = Embedding::normalised(vec![1.0, 0.9, 0.5]).expect("a direction");
        let plain = gallery().top2(&query);
        let held =
            gallery().identify(&query, Rivals { share_ppm: 500_000, count: 10, ..Rivals::NONE });
        let scores = |m: &Match<&'static str>| {
            (m.best.expect("three people"), m.second.expect("three people"))
        };
        let ((best, second), (best_held, second_held)) = (scores(&plain), scores(&held));
        assert_eq!((best.person, second.person), (best_held.person, second_held.person));
        assert!(best_held.cosine < best.cosine - 0.1);
        assert!(
            ((best.cosine - second.cosine) - (best_held.cosine - second_held.cosine)).abs() < 1e-6
        );
    }

    #[test]
    fn the_score_of_a_person_is_that_of_the_search() {
        let query = Embedding::normalised(vec![1.0, 0.9, 0.5]).expect("a direction");
        for rivals in [
            Rivals::NONE,
            Rivals { share_ppm: 500_000, count: 10, per_doubling_ppm: 9_000, ..Rivals::NONE },
        ] {
            let found = gallery().identify(&query, rivals);
            let (best, second) =
                (found.best.expect("three people"), found.second.expect("three people"));
            let scores =
                gallery().scores_of(&query, &[second.person, best.person, "nobody"], rivals);
            assert_eq!(scores, [second, best]);
        }
    }

    #[test]
    fn the_rivals_are_the_next_best_people() {
        let query = Embedding::normalised(vec![0.0, 1.0, 0.0]).expect("a direction");
        for (count, mean) in [(1, 0.6), (2, 0.3), (9, 0.3), (0, 0.0)] {
            let found = gallery().mean_of_rivals(query.as_slice(), &"b", count);
            assert!((found - mean).abs() < 1e-6, "{count}: {found}");
        }
    }

    #[test]
    fn without_rivals_scores_are_cosines() {
        let query = Embedding::normalised(vec![1.0, 0.2, 0.1]).expect("a direction");
        assert_eq!(gallery().identify(&query, Rivals::NONE), gallery().top2(&query));
        let mut alone = Gallery::new("p", 3);
        alone.enrol("a", &[template([1.0, 0.0, 0.0])]).expect("this pack");
        assert_eq!(alone.identify(&query, Rivals::REAL), alone.top2(&query));
    }

    #[test]
    fn a_cohort_is_held_against_one_person_and_never_named() {
        let query = Embedding::normalised(vec![1.0, 0.2, 0.1]).expect("a direction");
        let mut alone = Gallery::new("p", 3);
        alone.enrol("a", &[template([0.0, 1.0, 0.0])]).expect("this pack");
        let plain = alone.top2(&query).best.expect("one person").cosine;
        alone.set_cohort(&[
            query.clone(),
            Embedding::normalised(vec![1.0; 4]).expect("another length"),
        ]);
        let found = alone.identify(&query, Rivals::REAL);
        assert_eq!((found.best.expect("one person").person, found.second), ("a", None));
        assert!((found.best.expect("one person").cosine - (plain - 1.0)).abs() < 1e-5);
    }

    #[test]
    fn a_larger_gallery_costs_a_score_up_to_its_rivals() {
        let query = Embedding::normalised(vec![1.0, 0.2, 0.1]).expect("a direction");
        let rivals = Rivals { count: 4, per_doubling_ppm: 20_000, ..Rivals::NONE };
        let taken = |people: usize| {
            let mut gallery = Gallery::new("p", 3);
            for person in 0..people {
                gallery.enrol(person, &[template([1.0, 0.0, 0.0])]).expect("this pack");
            }
            let score = |found: Match<usize>| found.best.expect("somebody").cosine;
            score(gallery.top2(&query)) - score(gallery.identify(&query, rivals))
        };
        for (people, expected) in [(1, 0.0), (2, 0.02), (4, 0.04), (50, 0.04)] {
            assert!((taken(people) - expected).abs() < 1e-6, "{people}: {}", taken(people));
        }
    }

    #[test]
    fn a_fused_probe_must_score_more_the_more_looks_it_has() {
        let query = Embedding::normalised(vec![1.0, 0.2, 0.1]).expect("a direction");
        let rivals = Rivals { fused_ppm: 60_000, ..Rivals::NONE };
        let taken = |looks: u32, width_px: f32| {
            let score = |found: Match<&str>| found.best.expect("somebody").cosine;
            let plain = score(gallery().top2(&query));
            plain - score(gallery().identify(&query, rivals.of_probe(looks, width_px)))
        };
        for (looks, expected) in [(0, 0.0), (1, 0.0), (2, 0.03), (4, 0.045), (60, 0.059)] {
            let found = taken(looks, 90.0);
            assert!((found - expected).abs() < 1e-5, "{looks}: {found}");
        }
        assert!(taken(5, 32.0).abs() < 1e-6, "a face from afar scores low enough");
    }

    #[test]
    fn several_templates_of_one_pack_become_their_mean() {
        let mut gallery = Gallery::new("p", 3);
        gallery
            .enrol("a", &[template([1.0, 0.5, 0.0]), template([1.0, -0.5, 0.0])])
            .expect("this pack");
        assert_eq!(gallery.templates(), 1);
        let query = Embedding::normalised(vec![1.0, 0.0, 0.0]).expect("a direction");
        assert!(gallery.top2(&query).best.expect("one person").cosine > 0.999);
        let other = Template::new("q", query);
        assert!(gallery.enrol("b", &[template([0.0, 1.0, 0.0]), other]).is_err());
    }
}
