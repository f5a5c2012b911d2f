//! A search whose scores are held against the probe's rivals: from the best cosine a share of the mean of the next best
//! people's is taken. A blurred or masked face resembles everybody a little, and that resemblance says nothing of who it
//! is. It needs no cohort of strangers: the other enrolled people are the cohort (decision 0033).

use std::hash::Hash;

use super::{Gallery, Match, Scored};
use crate::{Embedding, Rivals, Template, TemplateError, kernel};

impl<P: Clone + Eq + Hash> Gallery<P> {
    /// Enrols a person by the mean of these templates: better than the best of them (decision 0033). With one it is
    /// that one. Templates that point nowhere together are kept one by one.
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

    /// The two likeliest people, their scores held against the rivals. The margin between them stays that of the
    /// cosines. Unusable embeddings match nobody and are counted, as in [`Gallery::top2`].
    pub fn identify(&mut self, query: &Embedding, rivals: Rivals) -> Match<P> {
        let mut found = self.top2(query);
        if rivals.share_ppm == 0 || rivals.count == 0 || found.second.is_none() {
            return found;
        }
        let taken = self.mean_of_rivals(query.as_slice(), rivals.count as usize) * rivals.share_ppm as f32 / 1e6;
        for scored in [&mut found.best, &mut found.second].into_iter().flatten() {
            *scored = Scored { person: scored.person.clone(), cosine: scored.cosine - taken };
        }
        found
    }

    /// The scores of some people, held against the same rivals as [`Gallery::identify`]'s. Who is not enrolled is left out.
    pub fn scores_of(&self, query: &Embedding, people: &[P], rivals: Rivals) -> Vec<Scored<P>> {
        if people.is_empty() || !query.as_slice().iter().all(|x| x.is_finite()) {
            return Vec::new();
        }
        let taken = if rivals.share_ppm == 0 || rivals.count == 0 || self.people.len() < 2 {
            0.0
        } else {
            self.mean_of_rivals(query.as_slice(), rivals.count as usize) * rivals.share_ppm as f32 / 1e6
        };
        let of = |person: &P| {
            let place = self.places.get(person)?;
            let rows = self.rows.chunks_exact(self.length.max(1)).zip(&self.owners);
            let cosines = rows.filter(|(_, owner)| *owner == place).map(|(row, _)| kernel::dot(query.as_slice(), row));
            let cosine = cosines.fold(f32::MIN, f32::max);
            (cosine > f32::MIN).then(|| Scored { person: person.clone(), cosine: cosine - taken })
        };
        people.iter().filter_map(of).collect()
    }

    /// Mean cosine of the `count` people after the best.
    fn mean_of_rivals(&self, query: &[f32], count: usize) -> f32 {
        let mut highest = vec![f32::MIN; self.people.len()];
        for (row, owner) in self.rows.chunks_exact(self.length.max(1)).zip(&self.owners) {
            highest[*owner] = highest[*owner].max(kernel::dot(query, row));
        }
        let (low, high) = (1, (count + 1).min(highest.len()));
        if high <= low {
            return 0.0;
        }
        if high < highest.len() {
            highest.select_nth_unstable_by(high - 1, |a, b| b.total_cmp(a));
        }
        let leading = &highest[..high];
        let best = leading.iter().copied().fold(f32::MIN, f32::max);
        (leading.iter().sum::<f32>() - best) / (high - low) as f32
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
        for (person, values) in [("a", [1.0, 0.0, 0.0]), ("b", [0.0, 1.0, 0.0]), ("c", [0.0, 0.6, 0.8])] {
            gallery.enrol(person, &[template(values)]).expect("this pack");
        }
        gallery
    }

    #[test]
    fn what_resembles_everybody_scores_lower_and_keeps_its_order_and_margin() {
        let query = Embedding::normalised(vec![1.0, 0.9, 0.5]).expect("a direction");
        let plain = gallery().top2(&query);
        let held = gallery().identify(&query, Rivals { share_ppm: 500_000, count: 10 });
        let scores = |m: &Match<&'static str>| (m.best.expect("three people"), m.second.expect("three people"));
        let ((best, second), (best_held, second_held)) = (scores(&plain), scores(&held));
        assert_eq!((best.person, second.person), (best_held.person, second_held.person));
        assert!(best_held.cosine < best.cosine - 0.1);
        assert!(((best.cosine - second.cosine) - (best_held.cosine - second_held.cosine)).abs() < 1e-6);
    }

    #[test]
    fn the_score_of_a_person_is_that_of_the_search() {
        let query = Embedding::normalised(vec![1.0, 0.9, 0.5]).expect("a direction");
        for rivals in [Rivals::NONE, Rivals { share_ppm: 500_000, count: 10 }] {
            let found = gallery().identify(&query, rivals);
            let (best, second) = (found.best.expect("three people"), found.second.expect("three people"));
            let scores = gallery().scores_of(&query, &[second.person, best.person, "nobody"], rivals);
            assert_eq!(scores, [second, best]);
        }
    }

    #[test]
    fn the_rivals_are_the_next_best_people_and_no_more_than_asked_for() {
        let query = Embedding::normalised(vec![0.0, 1.0, 0.0]).expect("a direction");
        assert!((gallery().mean_of_rivals(query.as_slice(), 1) - 0.6).abs() < 1e-6);
        assert!((gallery().mean_of_rivals(query.as_slice(), 2) - 0.3).abs() < 1e-6);
        assert!((gallery().mean_of_rivals(query.as_slice(), 9) - 0.3).abs() < 1e-6);
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
    fn several_templates_become_their_mean_and_another_packs_are_refused() {
        let mut gallery = Gallery::new("p", 3);
        gallery.enrol("a", &[template([1.0, 0.5, 0.0]), template([1.0, -0.5, 0.0])]).expect("this pack");
        assert_eq!(gallery.templates(), 1);
        let query = Embedding::normalised(vec![1.0, 0.0, 0.0]).expect("a direction");
        assert!(gallery.top2(&query).best.expect("one person").cosine > 0.999);
        let other = Template::new("q", query);
        assert!(gallery.enrol("b", &[template([0.0, 1.0, 0.0]), other]).is_err());
    }
}
