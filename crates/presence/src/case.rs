//! Measures one session (or one undeclared use of the bed): who was there when, who operated, what could be seen.
//! The rules read these measures and nothing else. It alleges nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::finding::{PresenceMethod, Visibility};
use crate::history::{History, TrackLog};
use crate::identity::{Exclusion, Who};
use crate::knowledge::{Knowledge, KnownRoster, Session};
use crate::spans::{Spans, share_ppm};
use crate::{
    CheckDirection, Checked, DeploymentMode, Item, PersonId, Policy, Practitioner, PractitionerCategory, SessionId,
    TrackId, Wall, Zone,
};

/// Where in time a case lies. All in monotonic ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    /// Declared start.
    pub(crate) start: u64,
    /// Declared end, or where an open session ends for now.
    pub(crate) end: u64,
    /// Declared end or end of the observed activity, whichever is later.
    pub(crate) end_seen: u64,
    /// Activity outside belongs to other sessions.
    pub(crate) lo: u64,
    pub(crate) hi: u64,
    /// When the verdict is due.
    pub(crate) final_at: u64,
}

/// A practitioner in a case.
#[derive(Clone, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) info: &'a Practitioner,
    pub(crate) present: Spans,
    pub(crate) op: Spans,
    pub(crate) method: PresenceMethod,
    /// Doorway mode: he checked in and not out again; `present` then reaches to the end of the window.
    pub(crate) unclosed: bool,
    /// Votes for him.
    pub(crate) votes: u32,
}

/// Somebody UNMATCHED in the operator role.
#[derive(Clone, Debug)]
pub(crate) struct Stranger {
    pub(crate) track: TrackId,
    pub(crate) op: Spans,
    pub(crate) votes: u32,
}

/// An INDETERMINATE presence, and who it surely is not.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    seen: Spans,
    /// `None`: it may be anybody.
    not: Option<Exclusion>,
}

/// The measures.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent measures, not a state")]
pub(crate) struct Case<'a> {
    pub(crate) knowledge: &'a Knowledge,
    pub(crate) roster: Option<&'a KnownRoster>,
    pub(crate) session: Option<(&'a SessionId, &'a Session)>,
    pub(crate) item: Option<&'a Item>,
    pub(crate) now: u64,
    pub(crate) offset: i64,
    pub(crate) bounds: Bounds,
    pub(crate) is_final: bool,
    /// The absence window, as far as it has passed.
    pub(crate) window: Spans,
    pub(crate) activity: Spans,
    pub(crate) a: Spans,
    pub(crate) i: Spans,
    pub(crate) v: Visibility,
    pub(crate) door_ppm: u32,
    pub(crate) bed: Spans,
    pub(crate) bed_seen: bool,
    pub(crate) people: BTreeMap<PersonId, Seen<'a>>,
    pub(crate) strangers: Vec<Stranger>,
    /// INDETERMINATE tracks of the window that may have been somebody's presence.
    pub(crate) unknown: Vec<Unknown>,
    pub(crate) unknown_tracks: u32,
    /// No healthy view of the operator zone.
    pub(crate) blind: Spans,
    /// Members of L.
    pub(crate) leads: BTreeSet<PersonId>,
    /// Some member of L (or the declared lead) has no template: an UNMATCHED track may be him.
    pub(crate) lead_unrecognisable: bool,
    pub(crate) clock_doubt: bool,
    pub(crate) history_lost: bool,
    pub(crate) face_seen: bool,
    pub(crate) doorway: bool,
}

/// Monotonic ms of a wall time.
pub(crate) fn mono_of(wall: Wall, offset: i64) -> u64 {
    u64::try_from(wall.0.saturating_sub(offset)).unwrap_or(0)
}

/// Operator-zone time of everybody but patients and companions, in `from..=to`.
fn ring_activity(history: &History, from: u64, to: u64) -> Spans {
    let operators = history.tracks.values().filter(|t| !t.patient && !t.is_companion());
    let spans = operators.flat_map(|t| t.ring.iter().chain(t.head.iter()));
    let inside = spans.filter(|s| s.1 >= from && s.0 <= to).map(|s| (s.0.max(from), s.1.min(to)));
    Spans::from_unsorted(inside.collect())
}

/// Bounds of a declared session; `None` when it is cancelled, of another room or not yet told.
pub(crate) fn session_bounds(k: &Knowledge, h: &History, id: &SessionId, now: u64, offset: i64) -> Option<Bounds> {
    let (start, declared_end) = declared(k, id, offset)?;
    let p = &k.policy;
    let (mut lo, mut hi) = (start.saturating_sub(p.window_before_ms()), u64::MAX);
    for other in k.sessions.keys().filter(|other| *other != id) {
        let Some((from, to)) = declared(k, other, offset) else { continue };
        if from > start {
            hi = hi.min(from);
        } else if from < start {
            lo = lo.max(to.unwrap_or(start).min(start));
        }
    }
    let pad = p.operating_pad_ms();
    let ring = ring_activity(h, lo, now.min(hi));
    let (end, end_seen, final_at) = if let Some(end) = declared_end {
        let last = ring.bridged(pad).iter().filter(|s| s.1 >= start && s.0 <= end).map(|s| s.1).max();
        let end_seen = end.max(last.unwrap_or(end).min(hi));
        (end, end_seen, end_seen + p.window_after_ms())
    } else {
        let latest = start.saturating_add(p.session_max_ms()).min(hi);
        let act = ring.clip(start, latest).bridged(p.session_idle_ms());
        let last = act.iter().next().map(|s| s.1);
        let idle = p.session_idle_ms().max(p.window_after_ms());
        let due = last.map_or(latest, |l| (l + idle).min(latest.saturating_add(p.window_after_ms())));
        let end = if now >= due { last.unwrap_or(latest) } else { now.max(start).min(latest) };
        (end, end, due)
    };
    Some(Bounds { start, end, end_seen, lo, hi, final_at })
}

/// Declared start and end of a session of this room that is not cancelled.
pub(crate) fn declared(k: &Knowledge, id: &SessionId, offset: i64) -> Option<(u64, Option<u64>)> {
    let session = k.sessions.get(id)?;
    let record = session.record.as_ref()?;
    let here = k.room.as_ref().is_some_and(|room| room.id == record.room);
    if record.cancelled || !here {
        return None;
    }
    let offset = session.offset.unwrap_or(offset);
    let start = mono_of(record.start, offset);
    Some((start, session.end().map(|end| mono_of(end, offset).max(start))))
}

impl<'a> Case<'a> {
    pub(crate) fn measure(
        k: &'a Knowledge,
        h: &History,
        session: Option<(&'a SessionId, &'a Session)>,
        bounds: Bounds,
        now: u64,
        offset: i64,
    ) -> Self {
        let p = &k.policy;
        let record = session.and_then(|(_, s)| s.record.as_ref());
        let item = record.and_then(|r| r.item.as_ref()).and_then(|id| k.items.get(id));
        let (from, to) = (
            bounds.start.min(bounds.lo.max(bounds.start.saturating_sub(p.window_before_ms()))),
            bounds.end_seen.saturating_add(p.window_after_ms()).min(now),
        );
        // What lies in a neighbouring session is that session's.
        let window = Spans::one(bounds.lo, to.min(bounds.hi));
        let act_to = bounds.end_seen.min(now).min(bounds.hi);
        let bed = h.bed.clip(from.max(bounds.lo), act_to);
        let hull = bed.first().zip(bed.last());
        let bed_seen = hull.is_some_and(|(first, last)| last - first >= p.bed_seen_min_ms());
        let end = Wall((bounds.end_seen.min(now) as i64).saturating_add(offset));
        let mut case = Self {
            knowledge: k,
            roster: k.roster_at(end),
            session,
            item,
            now,
            offset,
            is_final: now >= bounds.final_at,
            window,
            activity: Spans::none(),
            a: Spans::none(),
            i: Spans::none(),
            v: Visibility::default(),
            door_ppm: 0,
            bed: bed.bridged(p.bed_bridge_ms()),
            bed_seen,
            people: BTreeMap::new(),
            strangers: Vec::new(),
            unknown: Vec::new(),
            unknown_tracks: 0,
            blind: Spans::none(),
            leads: BTreeSet::new(),
            lead_unrecognisable: false,
            clock_doubt: h.clock_doubt.touches(bounds.start, bounds.end_seen.min(now)),
            history_lost: bounds.start < h.known_from,
            face_seen: false,
            doorway: k.room.as_ref().is_some_and(|r| r.mode == DeploymentMode::Doorway),
            bounds,
        };
        case.find_leads();
        let gates = Gates { patient: case.gate(hull, act_to), session: case.gate(None, act_to) };
        let unknown_ring = case.read_tracks(h, &gates);
        if case.doorway {
            case.pair_checks();
        }
        case.read_checks();
        case.settle_anaesthesia();
        case.see(h, &unknown_ring);
        case
    }

    /// When operating counts: within reach of the session; while the patient is there, once he was seen; after preparation.
    fn gate(&self, hull: Option<(u64, u64)>, act_to: u64) -> Spans {
        let whole = Spans::one(self.bounds.lo, act_to);
        let gate = match hull {
            Some((first, last)) if self.bed_seen => whole.clip(first, last),
            _ => whole,
        };
        let prep = self.item.map_or(0, |i| i.prep_ms);
        if prep == 0 {
            return gate;
        }
        let begin = self.bounds.start.max(gate.first().unwrap_or(self.bounds.start));
        gate.minus(&Spans::one(0, begin.saturating_add(prep)))
    }

    fn find_leads(&mut self) {
        let k = self.knowledge;
        let Some((id, session)) = self.session else { return };
        let mut items: Vec<&Item> = self.item.into_iter().collect();
        // Where sessions overlap, nobody can say whose the act is: the leads of each count.
        for (other, s) in &k.sessions {
            let overlaps = other != id
                && declared(k, other, self.offset).is_some_and(|(from, to)| {
                    from < self.bounds.end_seen && to.unwrap_or(u64::MAX) > self.bounds.start
                });
            let item = s.record.as_ref().and_then(|r| r.item.as_ref()).and_then(|i| k.items.get(i));
            items.extend(item.filter(|_| overlaps));
        }
        let declared_lead = session.record.as_ref().and_then(|r| r.lead.as_ref());
        for person in self.roster.into_iter().flat_map(|r| r.people.values()) {
            if items.iter().any(|item| person.leads(item)) {
                self.leads.insert(person.id.clone());
            }
            let matters = self.leads.contains(&person.id) || declared_lead == Some(&person.id);
            self.lead_unrecognisable |= matters && !(person.has_template && person.confirmed);
        }
        self.lead_unrecognisable |= declared_lead.is_some_and(|lead| self.known(lead).is_none());
    }

    /// Reads every track of the window. Returns when somebody INDETERMINATE stood in the operator zone.
    fn read_tracks(&mut self, h: &History, gates: &Gates) -> Spans {
        let (from, to) = (self.window.first().unwrap_or(0), self.window.last().unwrap_or(0));
        let linked = linked_patients(
            h,
            self.knowledge.policy.bed_bridge_ms(),
            self.knowledge.policy.patient_link_ms(),
            from,
            to,
        );
        let named = named_tracks(h, from, to, &self.knowledge.policy);
        let mut lists = Lists::default();
        for (&id, track) in h.tracks.iter().filter(|(_, t)| t.last() >= from && t.first() <= to) {
            self.face_seen = true;
            if track.patient {
                continue;
            }
            let bound = self.knowledge.bound(id);
            for (s_from, s_to, who, votes) in track.identity.stretches(track.last(), &self.knowledge.policy) {
                let (s_from, s_to) = (s_from.max(from), s_to.min(to));
                if s_from > s_to {
                    continue;
                }
                let seen = track.seen.clip(s_from, s_to);
                let stretch = Part {
                    id,
                    track,
                    votes,
                    ring: track.ring.clip(s_from, s_to),
                    head: track.head.clip(s_from, s_to),
                    seen,
                };
                let is_patient = linked.contains(&id) && *who == Who::Unknown;
                let in_doubt =
                    *who == Who::Stranger && takes_turns(&named, &stretch, self.knowledge.policy.handover_ms());
                if !is_patient {
                    self.read_stretch(&stretch, (who, in_doubt), bound, gates, &mut lists);
                }
            }
        }
        self.activity = Spans::from_unsorted(lists.activity);
        Spans::from_unsorted(lists.unknown_ring)
    }

    fn read_stretch(
        &mut self,
        part: &Part<'_>,
        (who, in_doubt): (&Who, bool),
        bound: Option<&'a Checked>,
        gates: &Gates,
        lists: &mut Lists,
    ) {
        let person = match (who, bound) {
            (Who::Person(p), _) => Some((p, PresenceMethod::Face)),
            (_, Some(Checked::Person(p))) => Some((p, PresenceMethod::CardPinWitness)),
            _ => None,
        };
        if let Some((id, method)) = person
            && let Some(info) = self.known(id)
            && (info.confirmed || method == PresenceMethod::CardPinWitness)
        {
            let at_bed =
                if info.anaesthesia && !self.is_declared(id) { part.ring.clone() } else { part.ring.union(&part.head) };
            // Staff who stay at the bed of a covered patient are at work; of others that cannot be said.
            let gate = if info.category == PractitionerCategory::NonClinical { &gates.patient } else { &gates.session };
            let op = at_bed.intersect(gate);
            lists.activity.extend(op.iter());
            let fresh = || Seen { info, present: Spans::none(), op: Spans::none(), method, unclosed: false, votes: 0 };
            let seen = self.people.entry(id.clone()).or_insert_with(fresh);
            seen.present = seen.present.union(&part.seen);
            seen.op = seen.op.union(&op);
            seen.votes += part.votes;
            if method == PresenceMethod::Face {
                seen.method = method;
            }
            return;
        }
        if bound.is_some() || (*who == Who::Stranger && part.track.is_companion()) {
            return;
        }
        let at_bed = part.ring.union(&part.head);
        if *who == Who::Stranger && !in_doubt {
            let op = at_bed.intersect(&gates.patient);
            lists.activity.extend(op.iter());
            if self.lead_unrecognisable {
                self.unknown.push(Unknown { seen: part.seen.clone(), not: None });
            }
            if !op.is_empty() {
                self.strangers.push(Stranger { track: part.id, op, votes: part.votes });
            }
            return;
        }
        if !part.track.is_companion() {
            lists.activity.extend(at_bed.intersect(&gates.patient).iter());
            lists.unknown_ring.extend(at_bed.iter());
        }
        let long = part.seen.total() >= self.knowledge.policy.indeterminate_ignore_ms();
        if long || part.track.identity.has_hits() {
            let not = (*who == Who::Unknown).then(|| part.track.exclusion.clone());
            self.unknown.push(Unknown { seen: part.seen.clone(), not });
            self.unknown_tracks += u32::from(!at_bed.is_empty());
        }
    }

    /// Doorway mode: verified sightings of a person are check-in and check-out in turn; between them he is inside.
    fn pair_checks(&mut self) {
        let bridge = self.knowledge.policy.presence_bridge_ms();
        let end = self.window.last().unwrap_or(0);
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

    /// Presences verified without a face (P4): from the check-in to the check-out, or to the end of the window.
    fn read_checks(&mut self) {
        let (from, to) = (self.window.first().unwrap_or(0), self.window.last().unwrap_or(0));
        let mut open: BTreeMap<&PersonId, u64> = BTreeMap::new();
        let roster = self.roster;
        let add = |people: &mut BTreeMap<PersonId, Seen<'a>>, id: &PersonId, a: u64, b: u64| {
            let Some(info) = roster.and_then(|r| r.people.get(id)) else { return };
            let fresh = || Seen {
                info,
                present: Spans::none(),
                op: Spans::none(),
                method: PresenceMethod::CardPinWitness,
                unclosed: false,
                votes: 0,
            };
            let seen = people.entry(id.clone()).or_insert_with(fresh);
            seen.present = seen.present.union(&Spans::one(a, b).clip(from, to));
        };
        for (at, check) in &self.knowledge.checks {
            let Checked::Person(id) = &check.who else { continue };
            let at = mono_of(*at, self.offset);
            if at > to {
                break;
            }
            match check.direction {
                CheckDirection::In => {
                    open.entry(id).or_insert(at);
                }
                CheckDirection::Out => {
                    if let Some(begin) = open.remove(id)
                        && at >= from
                    {
                        add(&mut self.people, id, begin, at);
                    }
                }
            }
        }
        for (id, begin) in open {
            add(&mut self.people, id, begin, to);
        }
    }

    pub(crate) fn is_declared(&self, person: &PersonId) -> bool {
        let record = self.session.and_then(|(_, s)| s.record.as_ref());
        record.is_some_and(|r| r.lead.as_ref() == Some(person) || r.operators.contains(person))
    }

    /// An anaesthetist beside another operator is not the operator; alone he is.
    fn settle_anaesthesia(&mut self) {
        let aside: Vec<PersonId> = self
            .people
            .values()
            .filter(|s| s.info.anaesthesia && !self.is_declared(&s.info.id))
            .map(|s| s.info.id.clone())
            .collect();
        for id in aside {
            let others = self.people.iter().filter(|(other, _)| **other != id).flat_map(|(_, s)| s.op.iter());
            let strangers = self.strangers.iter().flat_map(|s| s.op.iter());
            let beside = Spans::from_unsorted(others.chain(strangers).collect())
                .padded(self.knowledge.policy.operating_pad_ms());
            if let Some(seen) = self.people.get_mut(&id) {
                seen.op = seen.op.minus(&beside);
            }
        }
    }

    fn see(&mut self, h: &History, unknown_ring: &Spans) {
        let p = &self.knowledge.policy;
        let b = &self.bounds;
        let declared = Spans::one(b.start, b.end.min(self.now));
        self.a = self.activity.padded(p.operating_pad_ms()).clip(b.lo, self.now.min(b.hi));
        self.i = declared.union(&self.activity);
        let clear = h.clear.minus(unknown_ring);
        let seen = |over: &Spans| share_ppm(clear.intersect(over).total(), over.total());
        self.v = Visibility { over_a_ppm: seen(&self.a), over_i_ppm: seen(&self.i) };
        self.door_ppm = share_ppm(h.door.intersect(&self.i).total(), self.i.total());
        self.blind = self.window.minus(&h.clear);
    }

    /// A person of the roster by which the case is judged.
    pub(crate) fn known(&self, id: &PersonId) -> Option<&'a Practitioner> {
        self.roster.and_then(|r| r.people.get(id))
    }

    pub(crate) fn roster_version(&self) -> u64 {
        self.roster.map_or(0, |r| r.roster.version)
    }

    /// Op of everybody for whom `who` holds, united.
    pub(crate) fn op_of(&self, who: impl Fn(&Seen<'_>) -> bool) -> Spans {
        let spans = self.people.values().filter(|s| who(s)).flat_map(|s| s.op.iter());
        Spans::from_unsorted(spans.collect())
    }

    /// Presence of everybody for whom `who` holds, united and bridged.
    pub(crate) fn presence_of(&self, who: impl Fn(&Seen<'_>) -> bool) -> Spans {
        let bridge = self.knowledge.policy.presence_bridge_ms();
        let spans = self.people.values().filter(|s| who(s)).map(|s| s.present.bridged(bridge));
        spans.fold(Spans::none(), |all, one| all.union(&one))
    }

    /// INDETERMINATE presences that may have been one of those for whom `who` holds.
    pub(crate) fn unknown_for(&self, who: impl Fn(&PersonId) -> bool) -> Spans {
        let people = || self.roster.into_iter().flat_map(|r| r.people.keys()).filter(|id| who(id));
        let policy = &self.knowledge.policy;
        let open = self
            .unknown
            .iter()
            .filter(|u| u.not.as_ref().is_none_or(|not| people().any(|id| !not.excludes(id, policy))));
        Spans::from_unsorted(open.flat_map(|u| u.seen.iter()).collect())
    }

    pub(crate) fn stranger_op(&self) -> Spans {
        Spans::from_unsorted(self.strangers.iter().flat_map(|s| s.op.iter()).collect())
    }

    pub(crate) fn declared_lead(&self) -> Option<&'a PersonId> {
        self.session.and_then(|(_, s)| s.record.as_ref()).and_then(|r| r.lead.as_ref())
    }

    pub(crate) fn wall(&self, mono: u64) -> Wall {
        Wall(i64::try_from(mono).unwrap_or(i64::MAX).saturating_add(self.offset))
    }

    /// Why nothing may be alleged at a door: it was out of sight, or who came in was not seen to leave.
    fn door_faults(&self) -> Vec<&'static str> {
        let lead = self.declared_lead().and_then(|lead| self.people.get(lead));
        let visible = u64::from(self.v.over_i_ppm) >= self.knowledge.policy.visibility_min_ppm();
        let faults = [
            (!visible, "visibility"),
            (lead.is_some_and(|l| l.unclosed), "never_closed"),
            (self.clock_doubt, "clock"),
            (self.history_lost, "history"),
        ];
        faults.into_iter().filter(|(holds, _)| *holds).map(|(_, name)| name).collect()
    }

    /// Why nothing may be alleged; empty when it may.
    pub(crate) fn faults(&self) -> Vec<&'static str> {
        let mut faults = Vec::new();
        if self.doorway {
            return self.door_faults();
        }
        if u64::from(self.v.over_a_ppm) < self.knowledge.policy.visibility_min_ppm() && !self.a.is_empty() {
            faults.push("visibility");
        }
        if self.a.is_empty() {
            faults.push("no_activity");
        }
        if self.clock_doubt && self.session.is_some() {
            faults.push("clock");
        }
        if self.history_lost {
            faults.push("history");
        }
        faults
    }
}

/// When operating counts: of staff throughout the session, of others only while the patient is there.
struct Gates {
    patient: Spans,
    session: Spans,
}

/// Spans collected over all tracks.
#[derive(Default)]
struct Lists {
    unknown_ring: Vec<(u64, u64)>,
    activity: Vec<(u64, u64)>,
}

/// The part of a track that is one stretch of identity, within the window.
struct Part<'t> {
    id: TrackId,
    track: &'t TrackLog,
    votes: u32,
    seen: Spans,
    ring: Spans,
    head: Spans,
}

/// A track, or a stretch of one, that is somebody's; and how it began and ended.
struct Named {
    person: PersonId,
    from: u64,
    to: u64,
    came_in: bool,
    went_out: bool,
}

fn named_tracks(h: &History, from: u64, to: u64, policy: &Policy) -> Vec<Named> {
    let mut named = Vec::new();
    for track in h.tracks.values().filter(|t| t.last() >= from && t.first() <= to && !t.patient) {
        for (a, b, who, _) in track.identity.stretches(track.last(), policy) {
            if let Who::Person(person) = who {
                let came_in = a == track.first() && track.first_zone == Zone::Door;
                let went_out = b == track.last() && track.last_zone == Zone::Door;
                named.push(Named { person: person.clone(), from: a, to: b, came_in, went_out });
            }
        }
    }
    named
}

/// Whether an UNMATCHED stretch may be a recognised person seen badly: he vanishes at the bed just before it begins, or
/// appears there just after it ends, without going through the door, and is never seen beside it.
fn takes_turns(named: &[Named], part: &Part<'_>, within: u64) -> bool {
    const OVERLAP_MS: u64 = 3_000;
    let (Some(from), Some(to)) = (part.seen.first(), part.seen.last()) else { return false };
    let came_in = part.track.first() == from && part.track.first_zone == Zone::Door;
    let went_out = part.track.last() == to && part.track.last_zone == Zone::Door;
    let earlier = |n: &Named| n.to <= from + OVERLAP_MS;
    let later = |n: &Named| n.from + OVERLAP_MS >= to;
    named.iter().any(|n| {
        // Only his last sighting before and his first after tell how he left and came.
        let his = || named.iter().filter(|m| m.person == n.person);
        let beside = his().any(|m| !earlier(m) && !later(m));
        let last = earlier(n) && !his().any(|m| earlier(m) && m.to > n.to);
        let first = later(n) && !his().any(|m| later(m) && m.from < n.from);
        let before = last && !n.went_out && !came_in && from <= n.to + within;
        let after = first && !n.came_in && !went_out && n.from <= to + within;
        !beside && (before || after)
    })
}

/// Unidentified tracks that end just before the bed is occupied, or begin just after it is left: the patient on his feet.
/// At most one per change of the bed, the nearest in time.
fn linked_patients(h: &History, bridge: u64, link: u64, from: u64, to: u64) -> BTreeSet<TrackId> {
    const OVERLAP_MS: u64 = 2_000;
    let mut linked = BTreeSet::new();
    for (begin, end) in h.bed.bridged(bridge).clip(from, to).iter() {
        let standing = h.tracks.iter().filter(|(_, t)| !t.patient);
        let before = standing.clone().filter(|(_, t)| t.last() + link >= begin && t.last() <= begin + OVERLAP_MS);
        linked.extend(before.max_by_key(|(_, t)| t.last()).map(|(id, _)| *id));
        let after = standing.filter(|(_, t)| t.first() + OVERLAP_MS >= end && t.first() <= end + link);
        linked.extend(after.min_by_key(|(_, t)| t.first()).map(|(id, _)| *id));
    }
    linked
}
