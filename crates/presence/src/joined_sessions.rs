//! Sessions of one room that lie close together count as one for windows and minima: what was done
//! in those before. Of a session that is over only sums are kept, so that a late fact about the
//! next one still finds them.

use std::collections::BTreeMap;

use crate::case::{CaseMeasures, SeenPractitioner};
use crate::case_bounds::{self, CaseBounds};
use crate::knowledge::Knowledge;
use crate::session_sums::SessionSums;
use crate::spans::Spans;
use crate::time::Offset;
use crate::{Engine, Mono, PersonId, PractitionerCategory, SessionId};

impl SessionSums {
    /// One session as a piece of a later one.
    pub(crate) fn of(case: &CaseMeasures<'_>) -> Self {
        // A blink in one session says nothing of the day, and need not be kept.
        let matters = case.sight.dark.total() >= case.given.knowledge.policy.hb2_ms() / 2;
        // Whoever may have been a lead counts for one, and so does what was not seen.
        let lead = |id: &PersonId| case.given.leads.contains(id);
        let led = case.presence_of(|s| lead(&s.info.id));
        let led = led.union(&case.unknown_alive_for(lead)).union(&case.sight.blind);
        let of = |ms: &dyn Fn(&SeenPractitioner<'_>) -> u64| {
            case.attendance.people.iter().map(|(person, seen)| (person.clone(), ms(seen))).collect()
        };
        Self {
            a_ms: case.sight.a.total(),
            op: of(&|seen| seen.op.total()),
            unled: of(&|seen| seen.op.minus(&led).total()),
            unaided: of(&|seen| case.unaided(seen).total()),
            stranger_op: case.attendance.stranger_op_beyond_cards(),
            dark: if matters { case.sight.dark.clone() } else { Spans::none() },
        }
    }
}

/// What was done in a session that was judged, as a piece of the next one.
#[derive(Clone, Debug)]
pub(crate) struct JudgedSession {
    /// Declared start and end, monotonic ms.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The session itself is forgotten.
    pub(crate) retired: bool,
    pub(crate) did: SessionSums,
}

impl Engine {
    /// What was done in the sessions before this one, each less than `pieces_gap_ms` from the next,
    /// by some knowledge.
    pub(crate) fn pieces(
        &self,
        k: &Knowledge,
        id: &SessionId,
        bounds: &CaseBounds,
        now: Mono,
        offset: Offset,
    ) -> SessionSums {
        let told = k.sessions.keys().filter(|other| *other != id).filter_map(|other| {
            let (from, to) = k.declared_times(other, offset)?;
            Some((from, to?, other))
        });
        let gone = self
            .judged_pieces
            .iter()
            .filter(|(other, piece)| piece.retired && !k.sessions.contains_key(*other));
        let gone = gone.map(|(other, piece)| (piece.from, piece.to, other));
        let mut earlier: Vec<(u64, u64, &SessionId)> = told
            .chain(gone)
            .filter(|(from, to, other)| *other != id && *from < bounds.start && *to <= bounds.start)
            .collect();
        earlier.sort_unstable();
        let mut pieces = SessionSums::default();
        let mut begin = bounds.start;
        for (from, to, other) in earlier.into_iter().rev() {
            if begin > to.saturating_add(k.policy.pieces_gap_ms()) {
                break;
            }
            begin = from;
            pieces.add(&self.piece(k, other, now, offset));
        }
        let day = |mono: u64| k.local_day(offset.wall(Mono(mono)));
        let today = self.judged_pieces.iter().filter(|(other, piece)| {
            *other != id && piece.to <= bounds.start && day(piece.from) == day(bounds.start)
        });
        pieces.dark = today.fold(Spans::none(), |all, (_, piece)| all.union(&piece.did.dark));
        pieces
    }

    fn piece(&self, k: &Knowledge, id: &SessionId, now: Mono, offset: Offset) -> SessionSums {
        let current = std::ptr::eq(k, &raw const self.knowledge) && !self.dirty;
        let session = k.sessions.get(id);
        let settled = current && session.is_some_and(|s| s.judged && !s.dirty);
        if let Some(piece) = self.judged_pieces.get(id).filter(|piece| settled || piece.retired) {
            return piece.did.clone();
        }
        let measured =
            session.zip(case_bounds::session_bounds(k, &self.history, id, now.0, offset));
        measured.map_or_else(SessionSums::default, |(session, of)| {
            SessionSums::of(&CaseMeasures::measure(
                k,
                &self.history,
                Some((id, session)),
                of,
                now,
                offset,
            ))
        })
    }
}

impl CaseMeasures<'_> {
    /// Op of a person in this session and in the pieces before it, ms; 0 without any of their own
    /// here.
    pub(crate) fn op_with_pieces(&self, id: &PersonId, own: &Spans) -> u64 {
        self.added_up(&self.pieces.op, id, own)
    }

    /// The same of what they did before while no lead was there: whoever helped a lead is not alone
    /// for that.
    pub(crate) fn unled_with_pieces(&self, id: &PersonId, own: &Spans) -> u64 {
        self.added_up(&self.pieces.unled, id, own)
    }

    /// The same of what they did before while no physician stood beside.
    pub(crate) fn unaided_with_pieces(&self, id: &PersonId, own: &Spans) -> u64 {
        self.added_up(&self.pieces.unaided, id, own)
    }

    fn added_up(&self, before: &BTreeMap<PersonId, u64>, id: &PersonId, own: &Spans) -> u64 {
        if own.total() < self.given.knowledge.policy.uq_op_ms() {
            return own.total();
        }
        own.total() + before.get(id).copied().unwrap_or(0)
    }

    /// Op while nobody stood beside them whom they could be assisting.
    pub(crate) fn unaided(&self, seen: &SeenPractitioner<'_>) -> Spans {
        let beside = |s: &SeenPractitioner<'_>| {
            s.info.id != seen.info.id && s.info.category == PractitionerCategory::LicensedPhysician
        };
        let pad = self.given.knowledge.policy.observation_gap_ms();
        seen.op.minus(&self.attendance.op_of(beside).padded(pad))
    }

    /// Whether somebody operates by these times: much of it at once, or enough in all. `in_all_ms`:
    /// with what they did in the pieces before.
    pub(crate) fn is_operating(&self, op: &Spans, at_once_ms: u64, in_all_ms: u64) -> bool {
        let p = &self.given.knowledge.policy;
        op.densest(p.uq_window_ms()) >= at_once_ms || in_all_ms >= p.uq_total_ms()
    }

    /// |A| of this session and of the pieces before it, ms.
    pub(crate) fn a_with_pieces(&self) -> u64 {
        self.sight.a.total() + self.pieces.a_ms
    }
}
