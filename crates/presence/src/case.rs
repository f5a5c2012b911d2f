//! Measures one session (or one undeclared use of the bed): who was there when, who operated, what could be seen.
//! The rules read these measures and nothing else. It alleges nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::bounds::{Bounds, declared};
use crate::exclusion::Exclusion;
use crate::finding::{Looks, PresenceMethod, Visibility};
use crate::history::History;
use crate::knowledge::{Knowledge, KnownRoster, Session};
use crate::spans::{Spans, share_ppm};
use crate::{DeploymentMode, Item, PersonId, Practitioner, SessionId, TrackId, Wall};

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
    /// The looks that recognised him.
    pub(crate) looks: Looks,
}

impl<'a> Seen<'a> {
    /// Verified without a face so far.
    pub(crate) fn by_card(info: &'a Practitioner) -> Self {
        let method = PresenceMethod::CardPinWitness;
        let looks = Looks::default();
        Self { info, present: Spans::none(), op: Spans::none(), method, unclosed: false, votes: 0, looks }
    }
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
    pub(crate) track: TrackId,
    pub(crate) cause: Cause,
    pub(crate) seen: Spans,
    /// `None`: it may be anybody.
    pub(crate) not: Option<Exclusion>,
    /// Too short to be anybody's presence but of those whom a frame of it names.
    pub(crate) glimpse: bool,
}

/// Why nobody can say whose a presence was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Neither MATCHED nor UNMATCHED.
    Unverified,
    /// UNMATCHED, but entry order says that it may be somebody recognised who was seen badly.
    TakesTurns,
    /// UNMATCHED, but somebody whose absence matters has no confirmed template, and would score like that.
    LeadWithoutTemplate,
    /// It looks like somebody whom the roster does not confirm.
    Unconfirmed(PersonId),
}

impl Unknown {
    /// Whether it may be this person.
    pub(crate) fn may_be(&self, person: &PersonId, case: &Case<'_>) -> bool {
        let (Some(from), Some(to)) = (self.seen.first(), self.seen.last()) else { return false };
        self.not.as_ref().is_none_or(|not| {
            if self.glimpse { not.names(person) } else { !not.excludes(person, from, to, &case.knowledge.policy) }
        })
    }
}

/// When operating counts: of staff throughout the session, of others only while the patient is there.
pub(crate) struct Gates {
    pub(crate) patient: Spans,
    pub(crate) session: Spans,
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
    /// Operating of INDETERMINATE people whom entry order does not explain as somebody recognised.
    pub(crate) unexplained: Spans,
    /// Operating of UNMATCHED people who may be somebody recognised (entry order).
    pub(crate) doubted: Spans,
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
        let to = bounds.end_seen.saturating_add(p.window_after_ms()).min(now);
        // What lies in a neighbouring session is that session's.
        let window = Spans::one(bounds.lo, to.min(bounds.hi));
        let act_to = bounds.end_seen.min(now).min(bounds.hi);
        let bed = h.bed.clip(bounds.lo, act_to);
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
            bed: h.bed_uses(bounds.lo, act_to, p),
            bed_seen,
            people: BTreeMap::new(),
            strangers: Vec::new(),
            unknown: Vec::new(),
            unknown_tracks: 0,
            unexplained: Spans::none(),
            doubted: Spans::none(),
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
        case.read_checks(h);
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
        let open = self.unknown.iter().filter(|u| u.not.is_none() || people().any(|id| u.may_be(id, self)));
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
