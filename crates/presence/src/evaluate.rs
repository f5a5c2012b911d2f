//! One evaluation: every session that is due is judged, then what lies outside of sessions, and
//! what is over is forgotten.

use crate::blocked_sessions::Blocked;
use crate::case::CaseMeasures;
use crate::case_bounds::{self, CaseBounds};
use crate::finding::{EngineOutput, PresenceSummary, Rule, WithdrawalGround};
use crate::joined_sessions::JudgedSession;
use crate::ledger::FindingStamp;
use crate::report::{stamp, summarise};
use crate::rules::{self, Allegation};
use crate::session_sums::SessionSums;
use crate::spans::Spans;
use crate::ticks::NextTick;
use crate::time::Offset;
use crate::{Engine, Moment, Mono, SessionId};

impl Engine {
    /// One evaluation at tick `t`.
    pub(crate) fn evaluate(&mut self, t: u64, out: &mut Vec<EngineOutput>) {
        let Some(offset) = self.offset else {
            self.due = None;
            return;
        };
        let at = Moment { mono: Mono(t), wall: offset.wall(Mono(t)), clock: self.clock };
        let mut next = NextTick::after(t, &self.knowledge.policy);
        let said_before = out.len();
        let ids: Vec<SessionId> = self.knowledge.sessions.keys().cloned().collect();
        let mut taken: Vec<(u64, u64)> = Vec::new();
        for id in &ids {
            if let Some((from, to)) = self.session(id, at, &mut next, out) {
                taken.extend(self.margin(from, to).iter());
            }
        }
        // Also of those that were forgotten just now.
        taken.extend(self.past.iter());
        self.occasions(at, &Spans::from_unsorted(taken), out);
        self.integrity(at, &mut next, out);
        self.remember_basis(t, at.wall, out.get(said_before..).unwrap_or(&[]));
        self.wipe_old(t, &mut next, out);
        self.housekeeping(at);
        self.knowledge.clear_dirty();
        self.dirty = false;
        self.evaluated = t;
        self.due = next.due;
    }

    /// Judges one session as far as it is due. Returns its extent in time, if it takes place.
    fn session(
        &mut self,
        id: &SessionId,
        at: Moment,
        next: &mut NextTick,
        out: &mut Vec<EngineOutput>,
    ) -> Option<(u64, u64)> {
        let t = at.mono.0;
        let offset = self.offset?;
        let session = self.knowledge.sessions.get(id)?;
        let (judged, dirty) = (session.judged, session.dirty || self.dirty);
        if judged && !dirty {
            let (start, end, retire_at) = session.extent?;
            if t >= retire_at {
                self.retire(id, at, out);
                self.past = self.past.union(&self.margin(start, end));
                return None;
            }
            next.at(retire_at);
            return Some((start, end));
        }
        let offset = session.offset.unwrap_or(offset);
        let Some(bounds) =
            case_bounds::session_bounds(&self.knowledge, &self.history, id, t, offset)
        else {
            return self.cancelled(id, at, offset, next, out);
        };
        if t < bounds.start {
            next.at(bounds.start);
            if dirty {
                self.settle(id, at, offset, Vec::new(), true, out);
            }
            return Some(
                self.extent_as_of(id, t, offset).unwrap_or((bounds.start, bounds.end_seen)),
            );
        }
        let retire_at = bounds.final_at.saturating_add(self.knowledge.policy.late_fact_ms());
        let extent = (bounds.start, bounds.end_seen, retire_at);
        let final_at = bounds.final_at;
        self.judge_session(id, at, offset, bounds, dirty, out);
        let Some(session) = self.knowledge.sessions.get_mut(id) else {
            return Some((extent.0, extent.1));
        };
        // An amendment may move the verdict of a session that was judged already into the future.
        session.judged = t >= final_at;
        if session.judged {
            session.offset = Some(offset);
            session.extent = Some(extent);
            next.at(retire_at.max(t + 1));
        } else {
            next.at(final_at);
        }
        Some((extent.0, extent.1))
    }

    /// A session with a margin: a little early and a little over belongs to it.
    pub(crate) fn margin(&self, from: u64, to: u64) -> Spans {
        let p = &self.knowledge.policy;
        Spans::one(
            from.saturating_sub(p.window_after_ms()),
            to.saturating_add(p.operating_pad_ms()),
        )
    }

    /// A session that is cancelled, elsewhere or not yet told. What stands for it by what was
    /// stated before it was raised goes on standing, and keeps the session's place.
    fn cancelled(
        &mut self,
        id: &SessionId,
        at: Moment,
        offset: Offset,
        next: &mut NextTick,
        out: &mut Vec<EngineOutput>,
    ) -> Option<(u64, u64)> {
        if self.dirty || self.knowledge.sessions.get(id)?.dirty {
            self.settle(id, at, offset, Vec::new(), true, out);
        }
        let extent = self.extent_as_of(id, at.mono.0, offset);
        let late = self.knowledge.policy.late_fact_ms();
        let session = self.knowledge.sessions.get_mut(id)?;
        let gone_at = session.told_at.max(1) + late;
        if session.told_at == 0 {
            session.told_at = at.mono.0;
            next.at(at.mono.0 + late);
        } else if at.mono.0 >= gone_at {
            self.ledger.close(at, |f, _| f.key.session.as_ref() == Some(id), out);
            self.ledger.forget(Some(id), 0);
            self.knowledge.bury(id);
            if let Some((from, to)) = extent {
                self.past = self.past.union(&self.margin(from, to));
            }
        } else {
            next.at(gone_at);
        }
        extent
    }

    fn judge_session(
        &mut self,
        id: &SessionId,
        at: Moment,
        offset: Offset,
        bounds: CaseBounds,
        dirty: bool,
        out: &mut Vec<EngineOutput>,
    ) {
        let Some(session) = self.knowledge.sessions.get(id) else { return };
        let pieces = self.pieces(&self.knowledge, id, &bounds, at.mono, offset);
        let (k, h) = (&self.knowledge, &self.history);
        let case =
            CaseMeasures::measure(k, h, Some((id, session)), bounds, at.mono, offset).after(pieces);
        let drafts = rules::judge(&case);
        let stamp = stamp(&case, at, offset);
        let summary = case.given.is_final.then(|| summarise(&case, &drafts, id, at));
        if case.given.is_final {
            self.blocked.remove(id);
            self.blocked.extend(Blocked::of(&case, &drafts).map(|event| (id.clone(), event)));
        }
        let authoritative = case.given.is_final || dirty;
        if case.given.is_final {
            let (from, to) = (case.given.bounds.start, case.given.bounds.end);
            self.judged_pieces.insert(
                id.clone(),
                JudgedSession { from, to, retired: false, did: SessionSums::of(&case) },
            );
        }
        let wipe = case.given.is_final;
        let window = case.given.window.clone();
        let drafts = drafts.into_iter().map(|draft| (stamp.clone(), draft)).collect();
        self.settle(id, at, offset, drafts, authoritative, out);
        if let Some(summary) = summary {
            self.say_summary(summary, out);
        }
        if wipe {
            self.wipe_window(&window, out);
        }
    }

    /// Says what the rules say now, and takes back what neither they say nor what was known when it
    /// was raised.
    fn settle(
        &mut self,
        id: &SessionId,
        at: Moment,
        offset: Offset,
        mut drafts: Vec<(FindingStamp, Allegation)>,
        authoritative: bool,
        out: &mut Vec<EngineOutput>,
    ) {
        let said: Vec<Allegation> = drafts.iter().map(|(_, d)| d.clone()).collect();
        let reviewed = self.review(id, at, offset, &said);
        drafts.retain(|(_, d)| !reviewed.kept.contains(&d.rule));
        for (stamp, draft) in reviewed.remains {
            drafts.retain(|(_, d)| d.rule != draft.rule);
            drafts.push((stamp, draft));
        }
        let why = |rule| {
            reviewed.taken_back.get(&rule).copied().unwrap_or(WithdrawalGround::OwnCorrection)
        };
        if authoritative {
            let stays = |rule: Rule| {
                rule == Rule::Hb4
                    || reviewed.kept.contains(&rule)
                    || drafts.iter().any(|(_, d)| d.rule == rule)
            };
            self.ledger.withdraw(at, Some(id), |rule, _| stays(rule), why, out);
        }
        for (mut stamp, draft) in drafts {
            stamp.withdrawal = why(draft.rule);
            self.ledger.say(&stamp, draft, out);
        }
    }

    fn say_summary(&mut self, mut summary: PresenceSummary, out: &mut Vec<EngineOutput>) {
        if let Some(old) = self.summaries.get(&summary.session) {
            let (at, revision) = (summary.at, old.revision);
            (summary.at, summary.revision) = (old.at, revision);
            if *old == summary {
                return;
            }
            (summary.at, summary.revision) = (at, revision + 1);
        }
        self.summaries.insert(summary.session.clone(), summary.clone());
        out.push(EngineOutput::PresenceSummary(Box::new(summary)));
    }

    /// The session's time for late facts is over: what stands is closed, and all of it forgotten.
    fn retire(&mut self, id: &SessionId, at: Moment, out: &mut Vec<EngineOutput>) {
        self.ledger.close(at, |f, _| f.key.session.as_ref() == Some(id), out);
        self.ledger.forget(Some(id), 0);
        self.summaries.remove(id);
        self.knowledge.bury(id);
        if let Some(piece) = self.judged_pieces.get_mut(id) {
            piece.retired = true;
        }
    }
}
