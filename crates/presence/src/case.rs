//! Measures one session (or one undeclared use of the bed): who was there when, who operated, what
//! could be seen. The rules read these measures and nothing else. It alleges nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::bounds::Bounds;
use crate::evidence::Sum;
use crate::finding::{Looks, PresenceMethod, Visibility};
use crate::history::History;
use crate::knowledge::{Knowledge, KnownRoster, Session};
use crate::piece::Pieces;
use crate::spans::{Spans, share_ppm};
use crate::time::mono_of;
use crate::{DeploymentMode, Item, ItemKind, PersonId, Practitioner, SessionId, TrackId, Wall};

/// A practitioner in a case.
#[derive(Clone, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) info: &'a Practitioner,
    pub(crate) present: Spans,
    pub(crate) op: Spans,
    pub(crate) method: PresenceMethod,
    /// Doorway mode: he checked in and not out again; `present` then reaches to the end of the
    /// window.
    pub(crate) unclosed: bool,
    /// Votes for him.
    pub(crate) votes: u32,
    /// The looks that recognised him.
    pub(crate) looks: Looks,
    /// His stays in view, in the order of the tracks.
    pub(crate) stays: Vec<Stay>,
}

/// Somebody in view from time to time, and how he came and went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stay {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// He came in by the door and was seen inside after it.
    pub(crate) came_in: bool,
    /// He was inside and last seen at the door.
    pub(crate) went_out: bool,
    /// He was seen at the door alone.
    pub(crate) at_door: bool,
}

impl<'a> Seen<'a> {
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

/// An INDETERMINATE presence, and what was seen of it.
#[derive(Clone, Debug)]
pub(crate) struct Unknown<'a> {
    pub(crate) tracks: Vec<TrackId>,
    pub(crate) cause: Cause,
    pub(crate) seen: Spans,
    pub(crate) sum: Sum<'a>,
    /// It appears where the patient got up: nobody's presence but of those whom its looks name.
    pub(crate) afoot: bool,
    /// It may be anybody, whatever was seen.
    pub(crate) anybody: bool,
    /// How it came and went.
    pub(crate) stays: Vec<Stay>,
    /// What it did at the bed, where entry order does not explain it as somebody recognised.
    pub(crate) op: Spans,
    /// On the track of somebody recognised, who was in view elsewhere at that time.
    pub(crate) doubled: bool,
}

/// Why nobody can say whose a presence was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Neither MATCHED nor UNMATCHED.
    Unverified,
    /// UNMATCHED, but entry order says that it may be somebody recognised who was seen badly.
    TakesTurns,
    /// UNMATCHED, but somebody whose absence matters has no confirmed template, and would score
    /// like that.
    LeadWithoutTemplate,
    /// It looks like somebody whom the roster does not confirm.
    Unconfirmed(PersonId),
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
    pub(crate) sight: Sight,
    pub(crate) bed: Spans,
    pub(crate) bed_seen: bool,
    pub(crate) people: BTreeMap<PersonId, Seen<'a>>,
    pub(crate) strangers: Vec<Stranger>,
    /// INDETERMINATE tracks of the window that may have been somebody's presence.
    pub(crate) unknown: Vec<Unknown<'a>>,
    /// Stays of INDETERMINATE faces that are like one person alone.
    pub(crate) glimpses: Vec<(PersonId, Stay)>,
    pub(crate) unknown_tracks: u32,
    /// Operating of INDETERMINATE people whom entry order does not explain as somebody recognised.
    pub(crate) unexplained: Spans,
    /// Operating of UNMATCHED people who may be somebody recognised (entry order).
    pub(crate) doubted: Spans,
    /// When somebody was there by card and witness whom the box would not know and whom no track is
    /// bound to: whoever is not recognised may be him.
    pub(crate) by_card: Spans,
    /// When somebody stood or sat beside the bed: with the companions or elsewhere.
    pub(crate) beside: Spans,
    /// When anybody but the patient and companions stood in the operator zone.
    pub(crate) attended: Spans,
    /// People at the bed whose looks say "nobody of the roster", but too few to be UNMATCHED: they
    /// add to what strangers did, never alone.
    pub(crate) perhaps_strangers: Vec<Stranger>,
    /// UNMATCHED people who stood at the bed after the patient was last seen there, where nobody saw
    /// the patient get up; `op` is the time of that.
    pub(crate) after_drape: Vec<Stranger>,
    /// What was done in the pieces before.
    pub(crate) pieces: Pieces,
    /// Members of L.
    pub(crate) leads: BTreeSet<PersonId>,
    /// Some member of L (or the declared lead) has no template: an UNMATCHED track may be him.
    pub(crate) lead_unrecognisable: bool,
    pub(crate) clock_doubt: bool,
    pub(crate) history_lost: bool,
    pub(crate) face_seen: bool,
    pub(crate) doorway: bool,
}

/// How well the session could be seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sight {
    /// The activity and the pads around it.
    pub(crate) a: Spans,
    /// The declared time and the activity.
    pub(crate) i: Spans,
    pub(crate) v: Visibility,
    pub(crate) door_ppm: u32,
    /// No healthy view of the operator zone.
    pub(crate) blind: Spans,
    /// No picture at all.
    pub(crate) dark: Spans,
    /// Declared time before monotonic time began, ms: nothing of it is known.
    pub(crate) forgot_ms: u64,
    /// Its patient declined before it began.
    pub(crate) declined: bool,
    /// In too much of it nobody was looked at.
    pub(crate) withheld: bool,
}

impl<'a> Case<'a> {
    pub(crate) fn measure(
        k: &'a Knowledge,
        h: &'a History,
        session: Option<(&'a SessionId, &'a Session)>,
        bounds: Bounds,
        now: u64,
        offset: i64,
    ) -> Self {
        let p = &k.policy;
        let record = session.and_then(|(_, s)| s.record.as_ref());
        let item =
            record.map(|r| r.item.as_ref().and_then(|id| k.items.get(id)).unwrap_or(&k.strictest));
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
            sight: Sight::default(),
            bed: h.bed_uses(bounds.lo, act_to, p),
            bed_seen,
            people: BTreeMap::new(),
            strangers: Vec::new(),
            unknown: Vec::new(),
            glimpses: Vec::new(),
            unknown_tracks: 0,
            unexplained: Spans::none(),
            doubted: Spans::none(),
            by_card: Spans::none(),
            beside: Spans::none(),
            attended: h.attendance(bounds.lo, act_to, p),
            perhaps_strangers: Vec::new(),
            after_drape: Vec::new(),
            pieces: Pieces::default(),
            leads: BTreeSet::new(),
            lead_unrecognisable: false,
            clock_doubt: h.clock_doubt.touches(bounds.start, bounds.end_seen.min(now)),
            // What was over before the first look is for the box that was on then.
            history_lost: bounds.start < h.known_from
                || h.began.is_some_and(|began| bounds.end_seen <= began),
            face_seen: false,
            doorway: k.room.as_ref().is_some_and(|r| r.mode == DeploymentMode::Doorway),
            bounds,
        };
        case.find_leads();
        let gates = case.gates(hull, act_to);
        let unknown_ring = case.read_people(h, &gates);
        case.read_checks(h);
        case.bridge_op();
        case.settle_anaesthesia();
        case.settle_companions();
        case.sight = case.see(h, &unknown_ring);
        case
    }

    fn find_leads(&mut self) {
        let Some((_, session)) = self.session else { return };
        let strictest =
            self.item.is_some_and(|item| std::ptr::eq(item, &raw const *self.knowledge.strictest));
        let declared_lead = session.record.as_ref().and_then(|r| r.lead.as_ref());
        for person in self.roster.into_iter().flat_map(|r| r.people.values()) {
            // Of an item that nobody knows every lead may be the one: the strictest reading.
            if self.item.is_some_and(|item| {
                person.leads(item) || (strictest && !person.lead_for.is_empty())
            }) {
                self.leads.insert(person.id.clone());
            }
            let matters = self.leads.contains(&person.id) || declared_lead == Some(&person.id);
            self.lead_unrecognisable |= matters && !person.is_recognisable();
        }
        self.lead_unrecognisable |= declared_lead.is_some_and(|lead| self.known(lead).is_none());
    }

    pub(crate) fn is_declared(&self, person: &PersonId) -> bool {
        let record = self.session.and_then(|(_, s)| s.record.as_ref());
        record.is_some_and(|r| r.lead.as_ref() == Some(person) || r.operators.contains(person))
    }

    fn see(&self, history: &History, unknown_ring: &Spans) -> Sight {
        let p = &self.knowledge.policy;
        let declared = Spans::one(self.bounds.start, self.bounds.end.min(self.now));
        let a = self
            .activity
            .padded(p.operating_pad_ms())
            .clip(self.bounds.lo, self.now.min(self.bounds.hi));
        let i = declared.union(&self.activity);
        let clear = history.clear.minus(unknown_ring);
        let forgot_ms = self.bounds.forgot_ms;
        let of_i_ms = i.total() + forgot_ms;
        let over_a_ppm = share_ppm(clear.intersect(&a).total(), a.total());
        let over_i_ppm = share_ppm(clear.intersect(&i).total(), of_i_ms);
        let withheld_ppm = share_ppm(history.withheld.intersect(&i).total(), i.total());
        let most_ppm = 1_000_000_u64.saturating_sub(p.visibility_min_ppm());
        Sight {
            v: Visibility { over_a_ppm, over_i_ppm },
            door_ppm: share_ppm(history.door.intersect(&i).total(), of_i_ms),
            blind: self.window.minus(&history.clear),
            dark: i.minus(&history.lit()),
            forgot_ms,
            declined: self.is_declined_in_time(),
            withheld: u64::from(withheld_ppm) > most_ppm,
            a,
            i,
        }
    }

    /// The refusal had reached the server when the session began, and it is no longer than a
    /// refusal lasts. One that came later hides only what came after it.
    fn is_declined_in_time(&self) -> bool {
        let record = self.session.and_then(|(_, s)| s.record.as_ref());
        let lasted_ms = self.bounds.end_seen.min(self.now).saturating_sub(self.bounds.start);
        record.is_some_and(|r| r.declined_at.is_some_and(|at| at <= r.start))
            && lasted_ms <= self.knowledge.policy.declined_max_ms()
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

    /// How long the lead's own part of the item takes at least, ms.
    pub(crate) fn lead_part_ms(&self) -> u64 {
        let p = &self.knowledge.policy;
        let Some(item) = self.item else { return p.lead_part_injection_ms() };
        item.lead_part_ms.unwrap_or_else(|| match item.kind {
            ItemKind::Surgery | ItemKind::Thread => self.share_of_surgery_ms(item),
            ItemKind::Injection => p.lead_part_injection_ms(),
            ItemKind::EnergyDevice => p.lead_part_energy_ms(),
            ItemKind::Other => p.lead_part_other_ms(),
        })
    }

    /// The lead's share of a surgery. At a door nobody is seen operating: of the declared time, and
    /// no more than the item takes at least.
    fn share_of_surgery_ms(&self, item: &Item) -> u64 {
        let whole_ms = if self.doorway { self.sight.i.total() } else { self.sight.a.total() };
        let part = u128::from(self.knowledge.policy.lead_part_surgery_ppm());
        let share_ms = (u128::from(whole_ms) * part / 1_000_000) as u64;
        if self.doorway { share_ms.min(item.min_duration_ms) } else { share_ms }
    }

    pub(crate) fn stranger_op(&self) -> Spans {
        Spans::from_unsorted(self.strangers.iter().flat_map(|s| s.op.iter()).collect())
    }

    /// The same while nobody was there by card alone, who would not be recognised.
    pub(crate) fn stranger_op_beyond_cards(&self) -> Spans {
        self.stranger_op().minus(&self.by_card)
    }

    /// Those whom no card covers throughout, and their op beyond the cards. `doubtful`: with what
    /// was done after the patient was last seen, and by people who are hardly of the roster.
    pub(crate) fn strangers_at_the_bed(&self, doubtful: bool) -> Vec<(&Stranger, Spans)> {
        // A few looks make nobody a stranger: somebody has to be one beyond doubt.
        let sure_ms = self.stranger_op_beyond_cards().total();
        let hardly = doubtful && sure_ms >= self.knowledge.policy.uq_op_ms();
        let perhaps = self.perhaps_strangers.iter().filter(|_| hardly);
        let later = self.after_drape.iter().filter(|_| doubtful);
        let all = self.strangers.iter().chain(later).chain(perhaps);
        let beyond = all.map(|s| (s, s.op.minus(&self.by_card)));
        beyond.filter(|(_, op)| !op.is_empty()).collect()
    }

    pub(crate) fn declared_lead(&self) -> Option<&'a PersonId> {
        self.session.and_then(|(_, s)| s.record.as_ref()).and_then(|r| r.lead.as_ref())
    }

    /// Whether an emergency flag lowers what is said: nobody went on operating for long after the
    /// time for which it does.
    pub(crate) fn is_lowered_by_emergency(&self) -> bool {
        let p = &self.knowledge.policy;
        let since = self.session.and_then(|(_, s)| s.emergency_since());
        since.is_some_and(|since| {
            let until = mono_of(since, self.offset).saturating_add(p.emergency_ms());
            self.bounds.start < until
                && self.activity.clip(until, u64::MAX).total() < p.ll1_other_op_ms()
        })
    }

    pub(crate) fn wall(&self, mono: u64) -> Wall {
        Wall(i64::try_from(mono).unwrap_or(i64::MAX).saturating_add(self.offset))
    }

    /// Why nothing may be alleged at a door: it was out of sight, or who came in was not seen to
    /// leave.
    fn door_faults(&self) -> Vec<&'static str> {
        let lead = self.declared_lead().and_then(|lead| self.people.get(lead));
        let visible =
            u64::from(self.sight.v.over_i_ppm) >= self.knowledge.policy.visibility_min_ppm();
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
        if self.sight.declined {
            faults.push("declined");
        }
        if self.sight.withheld {
            faults.push("withheld");
        }
        if u64::from(self.sight.v.over_a_ppm) < self.knowledge.policy.visibility_min_ppm()
            && !self.sight.a.is_empty()
        {
            faults.push("visibility");
        }
        if self.sight.a.is_empty() {
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
