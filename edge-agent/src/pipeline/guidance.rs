//! What comes back from the engine before the next frame, and what the pipeline does by it: whom it
//! forgets, what it searches, what it seals. It looks at no frame.

use std::collections::BTreeMap;

use presence::{IdentityView, PersonId, Policy, TrackId, Zones};
use vision::Frame;

use evidence::Mask;

use super::Pipeline;
use crate::{
    evidence::{Take, Taking},
    gallery_search::GallerySearch,
    vision_stages::VisionStages,
};

/// What comes back from the engine before the next frame: what it made of the last one, and what
/// the server changed.
#[derive(Debug, Default)]
pub struct Guidance {
    pub identities: Vec<(TrackId, IdentityView)>,
    /// The few whose scores matter to the sessions of now.
    pub relevant: Vec<PersonId>,
    /// Tracks of which everything must be forgotten.
    pub wipe: Vec<TrackId>,
    /// New zones (in pixels) and settings.
    pub room: Option<Box<(Zones, Policy)>>,
    /// Whether the room is a doorway.
    pub doorway: Option<bool>,
    /// New privacy masks, in thousandths of the picture.
    pub mask: Option<Vec<protocol::down::Polygon>>,
    /// New templates; the old ones are wiped.
    pub search: Option<GallerySearch>,
    /// People whose templates are wiped.
    pub forget: Vec<PersonId>,
    /// Whether pictures are taken of findings from now on, and for whom they are sealed.
    pub evidence: Option<Option<Box<Taking>>>,
    /// Findings that ask for their pictures; before anything of theirs is wiped.
    pub take: Vec<Take>,
    /// A session's window has passed: what was kept to show of it is wiped.
    pub session_over: bool,
    /// A patient declined: from now on nobody is looked at, and everybody is forgotten.
    pub withheld: bool,
}

impl<E: VisionStages> Pipeline<E> {
    /// Takes over what the engine and the server said. From the first room on faces may be
    /// embedded.
    pub fn guided(&mut self, guidance: Guidance) {
        if let Some(polygons) = guidance.mask {
            self.mask = Mask::new(polygons);
        }
        if let Some(room) = guidance.room {
            self.configure(room.0, room.1);
        }
        if let Some(doorway) = guidance.doorway {
            self.door.set_doorway(doorway && self.settings.assess_liveness);
        }
        if guidance.search.is_some() {
            self.search = guidance.search;
        }
        if let Some(search) = &mut self.search {
            for person in &guidance.forget {
                search.gallery.remove(person);
            }
        }
        if let Some(taking) = guidance.evidence {
            self.taker.set(taking);
        }
        for take in &guidance.take {
            self.take(take);
        }
        if guidance.withheld && !self.withheld {
            self.forget_everybody();
        }
        self.withheld = guidance.withheld;
        if guidance.session_over {
            self.taker.clear();
        }
        if guidance.session_over || !guidance.wipe.is_empty() {
            self.wipe_frames();
        }
        for track in guidance.wipe {
            self.forget(track);
        }
        self.relevant = guidance.relevant;
        for (track, identity) in guidance.identities {
            let matched = matches!(identity, IdentityView::Matched { .. });
            // Who leans over the bed before the face is verified again is no patient for it.
            if let Some(tracker) = &mut self.tracker
                && (matched || !self.tracks.is_unverified(track))
            {
                tracker.set_practitioner(track, matched);
            }
            self.tracks.state(track).identity = Some(identity);
        }
    }

    /// Seals what a finding asks for; it is fetched by [`Self::taken`].
    fn take(&mut self, take: &Take) {
        let named = self.tracks.of_people(&take.persons);
        let subjects: BTreeMap<TrackId, Option<PersonId>> = take
            .tracks
            .iter()
            .map(|track| (*track, None))
            .chain(named.map(|(track, person)| (track, Some(person.clone()))))
            .collect();
        let subjects: Vec<_> = subjects.into_iter().collect();
        let stages = &mut self.stages;
        let detect = |frame: Frame<'_>| {
            let mut faces = Vec::new();
            stages.detect(frame, &mut faces).ok().map(|()| faces)
        };
        self.taken.push(self.taker.take(&take.finding_id, &subjects, detect));
        // The second look at a finished view left it in the detector's buffer.
        self.stages.wipe();
    }
}
