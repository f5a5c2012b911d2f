//! Measures one session (or one undeclared use of the bed): who was there when, who operated, what
//! could be seen. The rules read these measures and nothing else. It alleges nothing.

pub(crate) mod attendance;
pub(crate) mod bed;
pub(crate) mod input;
pub(crate) mod unknowns;
mod visibility;

pub(crate) use attendance::{Attendance, SeenPractitioner, Stay, Stranger};
pub(crate) use bed::Bed;
pub(crate) use input::CaseInput;
pub(crate) use unknowns::{Unknown, UnknownCause, Unknowns};
pub(crate) use visibility::CaseSight;

use crate::case_bounds::CaseBounds;
use crate::history::History;
use crate::knowledge::{Knowledge, KnownSession};
use crate::names::AbstentionReason;
use crate::session_sums::SessionSums;
use crate::spans::Spans;
use crate::time::Offset;
use crate::{Item, ItemKind, Mono, SessionId};

/// The measures, each part made whole from those before it.
#[derive(Clone, Debug)]
pub(crate) struct CaseMeasures<'a> {
    pub(crate) given: CaseInput<'a>,
    pub(crate) bed: Bed,
    pub(crate) attendance: Attendance<'a>,
    pub(crate) unknowns: Unknowns<'a>,
    pub(crate) sight: CaseSight,
    /// What was done in the pieces before; none where nobody asks for them.
    pub(crate) pieces: SessionSums,
}

impl<'a> CaseMeasures<'a> {
    pub(crate) fn measure(
        k: &'a Knowledge,
        h: &'a History,
        session: Option<(&'a SessionId, &'a KnownSession)>,
        bounds: CaseBounds,
        now: Mono,
        offset: Offset,
    ) -> Self {
        let given = CaseInput::of(k, session, bounds, now, offset);
        let bed = Bed::of(&given, h);
        let (attendance, unknowns) = crate::roles::read_people(&given, &bed, h);
        let sight = CaseSight::of(&given, h, &attendance.activity, &unknowns.at_bed);
        Self { given, bed, attendance, unknowns, sight, pieces: SessionSums::default() }
    }

    /// The same with what was done in the pieces before.
    pub(crate) fn after(self, pieces: SessionSums) -> Self {
        Self { pieces, ..self }
    }

    /// Presence of everybody for whom `who` holds, united and bridged.
    pub(crate) fn presence_of(&self, who: impl Fn(&SeenPractitioner<'_>) -> bool) -> Spans {
        let bridge = self.given.knowledge.policy.presence_bridge_ms();
        let spans =
            self.attendance.people.values().filter(|s| who(s)).map(|s| s.present.bridged(bridge));
        spans.fold(Spans::none(), |all, one| all.union(&one))
    }

    /// How long the lead's own part of the item takes at least, ms.
    pub(crate) fn lead_part_ms(&self) -> u64 {
        let p = &self.given.knowledge.policy;
        let Some(item) = self.given.item else { return p.lead_part_injection_ms() };
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
        let whole_ms = if self.given.doorway { self.sight.i.total() } else { self.sight.a.total() };
        let part = u128::from(self.given.knowledge.policy.lead_part_surgery_ppm());
        let share_ms = (u128::from(whole_ms) * part / 1_000_000) as u64;
        if self.given.doorway { share_ms.min(item.min_duration_ms) } else { share_ms }
    }

    /// Those whom no card covers throughout, and their op beyond the cards. `doubtful`: with what
    /// was done after the patient was last seen, and by people who are hardly of the roster.
    pub(crate) fn strangers_at_the_bed(&self, doubtful: bool) -> Vec<(&Stranger, Spans)> {
        // A few looks make nobody a stranger: somebody has to be one beyond doubt.
        let sure_ms = self.attendance.stranger_op_beyond_cards().total();
        let hardly = doubtful && sure_ms >= self.given.knowledge.policy.uq_op_ms();
        let perhaps = self.attendance.perhaps_strangers.iter().filter(|_| hardly);
        let later = self.attendance.after_drape.iter().filter(|_| doubtful);
        let all = self.attendance.strangers.iter().chain(later).chain(perhaps);
        let beyond = all.map(|s| (s, s.op.minus(&self.attendance.by_card)));
        beyond.filter(|(_, op)| !op.is_empty()).collect()
    }

    /// Whether an emergency flag lowers what is said: nobody went on operating for long after the
    /// time for which it does.
    pub(crate) fn is_lowered_by_emergency(&self) -> bool {
        let p = &self.given.knowledge.policy;
        let since = self.given.session.and_then(|(_, s)| s.emergency_since());
        since.is_some_and(|since| {
            let until = self.given.offset.mono(since).0.saturating_add(p.emergency_ms());
            self.given.bounds.start < until
                && self.attendance.activity.clip(until, u64::MAX).total() < p.ll1_other_op_ms()
        })
    }

    /// Why nothing may be alleged at a door: it was out of sight, or who came in was not seen to
    /// leave.
    fn door_faults(&self) -> Vec<AbstentionReason> {
        let lead = self.given.declared_lead().and_then(|lead| self.attendance.people.get(lead));
        let visible =
            u64::from(self.sight.v.over_i_ppm) >= self.given.knowledge.policy.visibility_min_ppm();
        let faults = [
            (!visible, AbstentionReason::Visibility),
            (lead.is_some_and(|l| l.unclosed), AbstentionReason::NeverClosed),
            (self.sight.clock_doubt, AbstentionReason::Clock),
            (self.sight.history_lost, AbstentionReason::History),
        ];
        faults.into_iter().filter(|(holds, _)| *holds).map(|(_, name)| name).collect()
    }

    /// Why nothing may be alleged; empty when it may.
    pub(crate) fn faults(&self) -> Vec<AbstentionReason> {
        let mut faults = Vec::new();
        if self.given.doorway {
            return self.door_faults();
        }
        if self.sight.declined {
            faults.push(AbstentionReason::Declined);
        }
        if self.sight.withheld {
            faults.push(AbstentionReason::Withheld);
        }
        if u64::from(self.sight.v.over_a_ppm) < self.given.knowledge.policy.visibility_min_ppm()
            && !self.sight.a.is_empty()
        {
            faults.push(AbstentionReason::Visibility);
        }
        if self.sight.a.is_empty() {
            faults.push(AbstentionReason::NoActivity);
        }
        if self.sight.clock_doubt && self.given.session.is_some() {
            faults.push(AbstentionReason::Clock);
        }
        if self.sight.history_lost {
            faults.push(AbstentionReason::History);
        }
        faults
    }
}
