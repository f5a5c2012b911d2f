//! Presence told at a door: check-ins and check-outs by face (doorway mode) or by card, PIN and
//! witness (P4).

use std::collections::BTreeMap;

use crate::case::attendance::{Attendance, SeenPractitioner};
use crate::case::input::CaseInput;
use crate::history::History;
use crate::spans::Spans;
use crate::{CheckDirection, CheckSubject, PersonId};

impl<'a> Attendance<'a> {
    /// Doorway mode: verified sightings of a person are check-in and check-out in turn; between
    /// them they are inside.
    fn pair_checks(&mut self, given: &CaseInput<'a>) {
        let bridge = given.knowledge.policy.presence_bridge_ms();
        let end = given.window.last().unwrap_or(0);
        for seen in self.people.values_mut() {
            let checks: Vec<(u64, u64)> = seen.present.bridged(bridge).iter().collect();
            let inside = checks.chunks(2).map(|pair| match pair {
                [begin, out] => (begin.0, out.1),
                [begin] => (begin.0, end),
                _ => (end, end),
            });
            seen.present = Spans::from_unsorted(inside.collect());
            seen.unclosed = checks.len() % 2 == 1;
        }
    }

    /// Presences verified without a face: from the check-in to the check-out, or to the end of the
    /// window. A check-in counts where its witness was recognised in the room; without one it is
    /// only stated.
    pub(crate) fn read_checks(&mut self, given: &CaseInput<'a>, h: &History) {
        if given.doorway {
            self.pair_checks(given);
        }
        let (from, to) = (given.window.first().unwrap_or(0), given.window.last().unwrap_or(0));
        // When each checked in, and whether that names no track.
        let mut open: BTreeMap<&PersonId, (u64, bool)> = BTreeMap::new();
        let knowledge = given.knowledge;
        for (at, check) in &knowledge.checks {
            let CheckSubject::Person(id) = &check.who else { continue };
            let at = given.offset.mono(*at).0;
            if at > to {
                break;
            }
            match check.direction {
                CheckDirection::In if !h.witnessed(at, &check.witness, &knowledge.policy) => {}
                CheckDirection::In => {
                    open.entry(id).or_insert((at, check.track.is_none()));
                }
                CheckDirection::Out => {
                    if let Some((begin, anywhere)) = open.remove(id)
                        && at >= from
                    {
                        self.checked_in(given, id, (begin, at), anywhere);
                    }
                }
            }
        }
        for (id, (begin, anywhere)) in open {
            self.checked_in(given, id, (begin, to), anywhere);
        }
    }

    /// `anywhere`: no track is said to be theirs. Then they may be whoever is not recognised, in
    /// the session for which they checked in, where they are not seen; not whom the box would know.
    fn checked_in(
        &mut self,
        given: &CaseInput<'a>,
        id: &PersonId,
        (begin, end): (u64, u64),
        anywhere: bool,
    ) {
        let Some(info) = given.known(id) else { return };
        let (from, to) = (given.window.first().unwrap_or(0), given.window.last().unwrap_or(0));
        let inside = Spans::one(begin, end).clip(from, to);
        let soonest = given.bounds.start.saturating_sub(given.knowledge.policy.window_before_ms());
        let known = info.has_template && info.confirmed;
        let seen = self.people.entry(id.clone()).or_insert_with(|| SeenPractitioner::by_card(info));
        if anywhere && !known && begin >= soonest.min(from) {
            self.by_card = self.by_card.union(&inside.minus(&seen.present));
        }
        seen.present = seen.present.union(&inside);
    }
}
