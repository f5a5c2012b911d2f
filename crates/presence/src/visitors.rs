//! Pass holders whom nobody saw leave: until when somebody who appears inside the room may be one
//! of them. It covers nobody by itself.

use crate::Zone;
use crate::people::TrackPart;

/// When a pass holder whom nobody saw leave was last seen inside the room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenVisitor {
    last: u64,
    until: u64,
}

impl SeenVisitor {
    /// The pass holders among all parts who were inside: who was seen at the door alone was on the
    /// way in, where the check was made.
    pub(crate) fn among(parts: &[TrackPart<'_>]) -> Vec<Self> {
        let inside = parts.iter().filter(|p| {
            let pass = p.bound.is_some_and(|bound| bound.is_of_a_pass());
            pass && (p.track.last_zone != Zone::Door || !p.track.was_inside())
        });
        let seen = inside.filter_map(|p| Some((p.seen.last()?, p.bound?.until)));
        seen.map(|(last, until)| Self { last, until }).collect()
    }

    /// Until when somebody who appears inside the room may be one of them.
    pub(crate) fn until(visitors: &[Self], first: Option<u64>) -> Option<u64> {
        visitors.iter().filter(|v| first > Some(v.last)).map(|v| v.until).max()
    }
}
