//! Reads the tracks of a case: whose each stretch is, whether it operated, and what stays open. It fills the measures of
//! [`Case`](crate::case::Case) and alleges nothing.

use crate::case::{Case, Cause, Gates, Seen, Stranger, Unknown};
use crate::entry::{Named, linked_patients, named_tracks, takes_turns};
use crate::finding::PresenceMethod;
use crate::history::{History, TrackLog};
use crate::identity::Who;
use crate::spans::Spans;
use crate::{Checked, PractitionerCategory, TrackId};

/// Spans collected over all tracks.
#[derive(Default)]
struct Lists {
    unknown_ring: Vec<(u64, u64)>,
    activity: Vec<(u64, u64)>,
    unexplained: Vec<(u64, u64)>,
    doubted: Vec<(u64, u64)>,
    /// Short INDETERMINATE sightings without a hit.
    shards: Vec<Unknown>,
}

/// The part of a track that is one stretch of identity, within the window.
struct Part<'t> {
    id: TrackId,
    track: &'t TrackLog,
    votes: u32,
    seen: Spans,
    ring: Spans,
    head: Spans,
    /// It may be a recognised person seen badly (entry order).
    turns: bool,
}

impl Case<'_> {
    /// Reads every track of the window. Returns when somebody INDETERMINATE stood in the operator zone.
    pub(crate) fn read_tracks(&mut self, h: &History, gates: &Gates) -> Spans {
        let (from, to) = (self.window.first().unwrap_or(0), self.window.last().unwrap_or(0));
        let policy = &self.knowledge.policy;
        let linked = linked_patients(h, &h.bed_uses(from, to, policy), policy.patient_link_ms());
        let named = named_tracks(h, from, to, policy);
        let mut lists = Lists::default();
        for (&id, track) in h.tracks.iter().filter(|(_, t)| t.last() >= from && t.first() <= to) {
            self.face_seen = true;
            if track.patient {
                continue;
            }
            for (s_from, s_to, who, votes) in track.identity.stretches(track.last(), policy) {
                let (s_from, s_to) = (s_from.max(from), s_to.min(to));
                if s_from > s_to {
                    continue;
                }
                let part = self.part((id, track), (s_from, s_to), who, votes, &named);
                if linked.contains(&id) && *who == Who::Unknown {
                    // The patient on his feet is nobody's absence, unless a frame says that he is somebody else.
                    let (seen, not) = (part.seen, Some(track.exclusion.clone()));
                    self.unknown.push(Unknown { track: id, cause: Cause::Unverified, seen, not, glimpse: true });
                    continue;
                }
                self.read_part(&part, who, gates, &mut lists);
            }
        }
        self.settle_shards(lists.shards);
        self.activity = Spans::from_unsorted(lists.activity);
        self.unexplained = Spans::from_unsorted(lists.unexplained);
        self.doubted = Spans::from_unsorted(lists.doubted);
        Spans::from_unsorted(lists.unknown_ring)
    }

    fn part<'t>(
        &self,
        (id, track): (TrackId, &'t TrackLog),
        (from, to): (u64, u64),
        who: &Who,
        votes: u32,
        named: &[Named],
    ) -> Part<'t> {
        let seen = track.seen.clip(from, to);
        let recognised = matches!(who, Who::Person(_));
        let turns = !recognised && takes_turns(named, track, &seen, self.knowledge.policy.handover_ms());
        Part { id, track, votes, ring: track.ring.clip(from, to), head: track.head.clip(from, to), seen, turns }
    }

    fn read_part(&mut self, part: &Part<'_>, who: &Who, gates: &Gates, lists: &mut Lists) {
        let bound = self.knowledge.bound(part.id);
        let person = match (who, bound) {
            (Who::Person(p), _) => Some((p, PresenceMethod::Face)),
            (_, Some(Checked::Person(p))) => Some((p, PresenceMethod::CardPinWitness)),
            _ => None,
        };
        if let Some((id, method)) = person
            && let Some(info) = self.known(id)
            && (info.confirmed || method == PresenceMethod::CardPinWitness)
        {
            let declared = self.is_declared(id);
            let at_bed = if info.anaesthesia && !declared { part.ring.clone() } else { part.ring.union(&part.head) };
            // Staff who stay at the bed of a covered patient are at work; of others that cannot be said.
            let gate = if info.category == PractitionerCategory::NonClinical { &gates.patient } else { &gates.session };
            let op = at_bed.intersect(gate);
            lists.activity.extend(op.iter());
            let seen = self.people.entry(id.clone()).or_insert_with(|| Seen { method, ..Seen::by_card(info) });
            seen.present = seen.present.union(&part.seen);
            seen.op = seen.op.union(&op);
            seen.votes += part.votes;
            part.track.hits_for(id, &part.seen).for_each(|hit| seen.looks.add(hit.score_ppm, hit.waived));
            if method == PresenceMethod::Face {
                seen.method = method;
            }
            return;
        }
        let stranger = *who == Who::Stranger;
        if bound.is_some() || (stranger && part.track.is_companion()) {
            return;
        }
        if stranger && !part.turns {
            self.stranger(part, gates, lists);
        } else {
            self.indeterminate(part, who, gates, lists);
        }
    }

    fn stranger(&mut self, part: &Part<'_>, gates: &Gates, lists: &mut Lists) {
        let op = part.ring.union(&part.head).intersect(&gates.patient);
        lists.activity.extend(op.iter());
        if self.lead_unrecognisable {
            let (track, cause) = (part.id, Cause::LeadWithoutTemplate);
            self.unknown.push(Unknown { track, cause, seen: part.seen.clone(), not: None, glimpse: false });
        }
        if !op.is_empty() {
            self.strangers.push(Stranger { track: part.id, op, votes: part.votes });
        }
    }

    fn indeterminate(&mut self, part: &Part<'_>, who: &Who, gates: &Gates, lists: &mut Lists) {
        let at_bed = part.ring.union(&part.head);
        if !part.track.is_companion() {
            let op = at_bed.intersect(&gates.patient);
            lists.activity.extend(op.iter());
            lists.unknown_ring.extend(at_bed.iter());
            match who {
                Who::Stranger => lists.doubted.extend(op.iter()),
                _ if !part.turns => lists.unexplained.extend(op.iter()),
                _ => {}
            }
        }
        let glimpse = part.seen.total() < self.knowledge.policy.indeterminate_ignore_ms();
        let exclusion = &part.track.exclusion;
        let not = (*who == Who::Unknown).then(|| exclusion.clone());
        let cause = match who {
            Who::Unknown => Cause::Unverified,
            Who::Stranger => Cause::TakesTurns,
            Who::Person(person) => Cause::Unconfirmed(person.clone()),
        };
        let unknown = Unknown { track: part.id, cause, seen: part.seen.clone(), not, glimpse };
        if glimpse && !exclusion.has_hit() {
            lists.shards.push(unknown);
            return;
        }
        self.unknown_tracks += u32::from(!glimpse && !at_bed.is_empty());
        self.unknown.push(unknown);
    }

    /// A glimpse is nobody's presence but of those whom it names; many of them may be anybody's.
    fn settle_shards(&mut self, mut shards: Vec<Unknown>) {
        let seen = Spans::from_unsorted(shards.iter().flat_map(|s| s.seen.iter()).collect());
        if seen.total() >= self.knowledge.policy.indeterminate_ignore_ms() {
            for shard in &mut shards {
                shard.glimpse = false;
            }
        }
        self.unknown.extend(shards);
    }
}
