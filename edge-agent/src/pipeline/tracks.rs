//! Everything that is kept of the tracks in view, in one map: to forget a track is one `remove`
//! (P1, P2). It lives in memory alone and never holds a picture; what a finding would show is the
//! [`Taker`](crate::evidence::taking::Taker)'s.

use std::collections::BTreeMap;

use presence::{IdentityView, PersonId, TrackId};

use crate::{door, scheduler::Looked, track_memory::TrackMemory};

/// What is kept of one track.
#[derive(Debug, Default)]
pub(crate) struct TrackState {
    /// What the engine holds of it.
    pub(crate) identity: Option<IdentityView>,
    /// When it was last looked at closer.
    pub(crate) looked: Option<Looked>,
    /// What its face has shown.
    pub(crate) memory: TrackMemory,
    /// When it passed the check at the door, monotonic ms.
    pub(crate) passed_ms: Option<u64>,
}

impl TrackState {
    /// The engine's word, where a look since speaks for it.
    fn verified_identity(&self) -> Option<&IdentityView> {
        self.identity.as_ref().filter(|_| !self.memory.is_unverified())
    }
}

/// All tracks of which something is kept.
#[derive(Debug, Default)]
pub(crate) struct Tracks(BTreeMap<TrackId, TrackState>);

impl Tracks {
    pub(crate) fn state(&mut self, track: TrackId) -> &mut TrackState {
        self.0.entry(track).or_default()
    }

    pub(crate) fn get(&self, track: TrackId) -> Option<&TrackState> {
        self.0.get(&track)
    }

    /// Wipes all that is kept of a track.
    pub(crate) fn forget(&mut self, track: TrackId) {
        self.0.remove(&track);
    }

    /// Wipes what a face has shown that was out of sight for too long. The engine's word stays
    /// until the engine takes it back: a picture of a finding is found by it.
    pub(crate) fn forget_unseen(&mut self, mono_ms: u64) {
        self.0.retain(|_, state| {
            if state.memory.is_over(mono_ms) {
                *state = TrackState { identity: state.identity.take(), ..TrackState::default() };
            }
            state.identity.is_some() || !state.memory.is_over(mono_ms)
        });
    }

    /// What is known of a track; INDETERMINATE where nothing is, or nothing since it was out of
    /// sight.
    pub(crate) fn identity(&self, track: TrackId) -> IdentityView {
        let known = self.get(track).and_then(TrackState::verified_identity);
        known.cloned().unwrap_or(IdentityView::Indeterminate)
    }

    pub(crate) fn is_unverified(&self, track: TrackId) -> bool {
        self.get(track).is_some_and(|state| state.memory.is_unverified())
    }

    pub(crate) fn is_covered(&self, track: TrackId) -> bool {
        self.get(track).is_some_and(|state| state.memory.is_covered())
    }

    /// Whether it passed a check at the door that still counts.
    pub(crate) fn passed(&self, track: TrackId, mono_ms: u64) -> bool {
        door::counts(self.get(track).and_then(|state| state.passed_ms), mono_ms)
    }

    /// How like a track is to those that went before it came, ppm.
    pub(crate) fn alike(&self, track: TrackId) -> Vec<(TrackId, i32)> {
        let all = self.0.iter().map(|(id, state)| (*id, &state.memory));
        self.get(track).map_or_else(Vec::new, |state| state.memory.alike(all))
    }

    /// The tracks of these people.
    pub(crate) fn of_people<'a>(
        &'a self,
        people: &'a [PersonId],
    ) -> impl Iterator<Item = (TrackId, &'a PersonId)> {
        self.0.iter().filter_map(|(track, state)| match &state.identity {
            Some(IdentityView::Matched { person, .. }) => {
                people.contains(person).then_some((*track, person))
            }
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use presence::Mono;
    use vision::Embedding;

    use super::*;

    const FACE: [[f32; 2]; 5] = [[10.0, 10.0]; 5];

    #[test]
    fn to_forget_a_track_wipes_all_that_it_owns() {
        let mut tracks = Tracks::default();
        let (track, person) = (TrackId(1), PersonId::new("p-1"));
        // A field that is added to the state has to be wiped too: this names each of them.
        let TrackState { identity, looked, memory, passed_ms } = tracks.state(track);
        *identity =
            Some(IdentityView::Matched { person: person.clone(), renew_before: Mono(9_000) });
        *looked = Some(Looked { at_ms: 10, best_ppm: 600_000 });
        memory.seen(10, &FACE);
        memory.looked(&Embedding::normalised(vec![1.0, 0.0]).unwrap());
        *passed_ms = Some(10);
        assert_eq!(tracks.of_people(std::slice::from_ref(&person)).count(), 1);
        tracks.forget(track);
        assert!(tracks.get(track).is_none());
        assert_eq!(tracks.identity(track), IdentityView::Indeterminate);
        assert!(!tracks.passed(track, 20) && tracks.alike(track).is_empty());
        assert_eq!(tracks.of_people(&[person]).count(), 0);
    }

    #[test]
    fn a_face_out_of_sight_is_wiped_and_its_name_stays() {
        let mut tracks = Tracks::default();
        for track in [TrackId(1), TrackId(2)] {
            tracks.state(track).memory.seen(10, &FACE);
            tracks.state(track).looked = Some(Looked { at_ms: 10, best_ppm: 1 });
        }
        tracks.state(TrackId(1)).identity = Some(IdentityView::Indeterminate);
        tracks.forget_unseen(600_010);
        assert!(tracks.get(TrackId(2)).is_some(), "ten minutes are not over");
        tracks.forget_unseen(600_011);
        assert!(tracks.get(TrackId(2)).is_none());
        let kept = tracks.get(TrackId(1)).unwrap();
        assert!(kept.identity.is_some() && kept.looked.is_none() && kept.memory.is_over(600_011));
    }
}
