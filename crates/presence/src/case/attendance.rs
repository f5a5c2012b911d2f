//! Who was there, and who operated: the people of a case, whoever is known of them. It alleges
//! nothing.

use std::collections::BTreeMap;

use crate::finding::{Looks, PresenceMethod};
use crate::spans::Spans;
use crate::{PersonId, Practitioner, TrackId};

/// Who was there when, and what was done at the bed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attendance<'a> {
    pub(crate) people: BTreeMap<PersonId, SeenPractitioner<'a>>,
    pub(crate) strangers: Vec<Stranger>,
    /// People at the bed whose looks say "nobody of the roster", but too few to be UNMATCHED: they
    /// add to what strangers did, never alone.
    pub(crate) perhaps_strangers: Vec<Stranger>,
    /// UNMATCHED people who stood at the bed after the patient was last seen there, where nobody
    /// saw the patient get up; `op` is the time of that.
    pub(crate) after_drape: Vec<Stranger>,
    /// When anybody operated.
    pub(crate) activity: Spans,
    /// When somebody was there by card and witness whom the box would not know and whom no track is
    /// bound to: whoever is not recognised may be them.
    pub(crate) by_card: Spans,
    /// When somebody stood or sat beside the bed: with the companions or elsewhere.
    pub(crate) beside: Spans,
    /// Somebody's face was seen, not a picture of one.
    pub(crate) face_seen: bool,
}

impl Attendance<'_> {
    /// Op of everybody for whom `who` holds, united.
    pub(crate) fn op_of(&self, who: impl Fn(&SeenPractitioner<'_>) -> bool) -> Spans {
        let spans = self.people.values().filter(|s| who(s)).flat_map(|s| s.op.iter());
        Spans::from_unsorted(spans.collect())
    }

    pub(crate) fn stranger_op(&self) -> Spans {
        Spans::from_unsorted(self.strangers.iter().flat_map(|s| s.op.iter()).collect())
    }

    /// The same while nobody was there by card alone, who would not be recognised.
    pub(crate) fn stranger_op_beyond_cards(&self) -> Spans {
        self.stranger_op().minus(&self.by_card)
    }
}

/// A practitioner in a case.
#[derive(Clone, Debug)]
pub(crate) struct SeenPractitioner<'a> {
    pub(crate) info: &'a Practitioner,
    pub(crate) present: Spans,
    pub(crate) op: Spans,
    pub(crate) method: PresenceMethod,
    /// Doorway mode: they checked in and not out again; `present` then reaches to the end of the
    /// window.
    pub(crate) unclosed: bool,
    /// Votes for them.
    pub(crate) votes: u32,
    /// The looks that recognised them.
    pub(crate) looks: Looks,
    /// Their stays in view, in the order of the tracks.
    pub(crate) stays: Vec<Stay>,
}

/// Somebody in view from time to time, and how they came and went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stay {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// They came in by the door and were seen inside after it.
    pub(crate) came_in: bool,
    /// They were inside and last seen at the door.
    pub(crate) went_out: bool,
    /// They were seen at the door alone.
    pub(crate) at_door: bool,
}

impl<'a> SeenPractitioner<'a> {
    /// Verified without a face so far.
    pub(crate) fn by_card(info: &'a Practitioner) -> Self {
        let method = PresenceMethod::CardPinWitness;
        let (present, op) = (Spans::none(), Spans::none());
        Self {
            info,
            present,
            op,
            method,
            unclosed: false,
            votes: 0,
            looks: Looks::default(),
            stays: Vec::new(),
        }
    }
}

/// Somebody UNMATCHED in the operator role.
#[derive(Clone, Debug)]
pub(crate) struct Stranger {
    pub(crate) tracks: Vec<TrackId>,
    pub(crate) op: Spans,
    pub(crate) votes: u32,
    /// Was there when the patient lay down, or has sat with the companions.
    pub(crate) came_with_patient: bool,
}
