//! What is judged apart from sessions: uses of the bed that none covers, the camera, and
//! presentation attacks.

use crate::blocked_sessions::{MAX_BLOCKED, is_about_the_roster};
use crate::case::CaseMeasures;
use crate::case_bounds::CaseBounds;
use crate::finding::{EngineOutput, Finding, Rule, WithdrawalGround};
use crate::knowledge::Knowledge;
use crate::ledger::FindingStamp;
use crate::report::stamp;
use crate::rules::{self, Allegation};
use crate::spans::Spans;
use crate::ticks::NextTick;
use crate::time::Offset;
use crate::{DeploymentMode, Engine, Moment, Mono, SessionId};

impl Engine {
    /// Uses of the bed that no session covers.
    pub(crate) fn occasions(&mut self, at: Moment, taken: &Spans, out: &mut Vec<EngineOutput>) {
        let Some(offset) = self.offset else { return };
        let drafts = self.occasion_drafts(&self.knowledge, taken, at, offset, self.dirty);
        let mut said = Vec::new();
        for (stamp, draft) in drafts {
            said.push((draft.rule, self.ledger.anchor(&stamp, &draft)));
            self.ledger.say(&stamp, draft, out);
        }
        if let Some((stamp, draft)) = self.frequently_blocked(at, out) {
            said.push((draft.rule, self.ledger.anchor(&stamp, &draft)));
            self.ledger.say(&stamp, draft, out);
        }
        if self.dirty {
            let of_camera = |rule| matches!(rule, Rule::Hb2 | Rule::Hb4 | Rule::Hb6);
            said.extend(self.upheld_alone(at, &said));
            let stays = |rule, first| of_camera(rule) || said.contains(&(rule, first));
            self.ledger.withdraw(at, None, stays, |_| WithdrawalGround::OwnCorrection, out);
        }
    }

    /// What the rules say of uses of the bed that `taken` leaves over, by some knowledge. `all`:
    /// also of those long over.
    pub(crate) fn occasion_drafts(
        &self,
        known: &Knowledge,
        taken: &Spans,
        at: Moment,
        offset: Offset,
        all: bool,
    ) -> Vec<(FindingStamp, Allegation)> {
        let (t, p) = (at.mono.0, &known.policy);
        let in_room = known.room.as_ref().is_some_and(|r| r.mode == DeploymentMode::InRoom);
        let bed = if in_room {
            self.history.bed_uses(self.history.known_from, t, p).minus(taken)
        } else {
            Spans::none()
        };
        let (after, recent) =
            (p.window_after_ms(), 2 * p.evaluation_step_ms() + p.observation_gap_ms());
        let mut drafts = Vec::new();
        for (start, end) in bed.iter().filter(|(_, end)| all || end + recent >= t) {
            let bounds = CaseBounds {
                start,
                end,
                end_seen: end,
                lo: start,
                hi: end,
                final_at: end + after,
                forgot_ms: 0,
                is_shared: false,
            };
            let case = CaseMeasures::measure(known, &self.history, None, bounds, at.mono, offset);
            let stamp = stamp(&case, at, offset);
            drafts.extend(rules::judge(&case).into_iter().map(|draft| (stamp.clone(), draft)));
        }
        if in_room {
            let dark = rules::dark_at_bed(known, &self.history, taken, t, offset);
            let sessions = self.dark_in_sessions(known, t, offset);
            let said = rules::hb2_at_bed(&dark, &sessions, p);
            drafts.extend(said.map(|draft| (self.room_stamp(at, offset), draft)));
        }
        drafts
    }

    /// When there was no picture in the sessions of the local day of `now`.
    fn dark_in_sessions(&self, known: &Knowledge, now: u64, offset: Offset) -> Spans {
        let day = |mono: u64| known.local_day(offset.wall(Mono(mono)));
        let today = self.judged_pieces.values().filter(|piece| day(piece.from) == day(now));
        today.fold(Spans::none(), |all, piece| all.union(&piece.did.dark))
    }

    /// HB-2, HB-4 and HB-6.
    pub(crate) fn integrity(
        &mut self,
        at: Moment,
        next: &mut NextTick,
        out: &mut Vec<EngineOutput>,
    ) {
        let t = at.mono.0;
        let Some(offset) = self.offset else { return };
        let k = &self.knowledge;
        let mut stamp = self.room_stamp(at, offset);
        let late = k.policy.late_fact_ms();
        let faults = rules::camera_faults(k, &self.history, t, offset);
        let attacks = rules::attacks(&self.history, &k.policy);
        let over: Vec<u64> =
            faults.iter().filter(|(_, over)| *over).map(|(d, _)| d.first_cause).collect();
        for (draft, _) in faults {
            self.ledger.say(&stamp, draft, out);
        }
        self.ledger.close(
            at,
            |f, _| f.key.rule == Rule::Hb2 && over.contains(&f.key.first_cause.0),
            out,
        );
        for (told, drift) in std::mem::take(&mut self.drifts) {
            self.ledger.say(&stamp, rules::zones_drifted(told, drift), out);
        }
        for (session, draft) in self.attacks_by_session(attacks) {
            stamp.session = session;
            self.ledger.say(&stamp, draft, out);
        }
        let old =
            |f: &Finding, last: u64| f.key.session.is_none() && t >= last.saturating_add(late);
        self.ledger.close(at, |f, last| old(f, last) && !is_about_the_roster(&f.key), out);
        for (key, last) in self.ledger.standing_alone() {
            if key.rule != Rule::Hb2 && !is_about_the_roster(key) {
                next.at(last.saturating_add(late));
            }
        }
    }

    /// The attacks with their sessions, of each session the gravest: a picture that broke into
    /// several tracks, some of which show less, is one finding.
    fn attacks_by_session(&self, attacks: Vec<Allegation>) -> Vec<(Option<SessionId>, Allegation)> {
        let mut kept: Vec<(Option<SessionId>, Allegation)> = Vec::new();
        // An attack in a session that is forgotten was said with it.
        for draft in
            attacks.into_iter().filter(|d| !self.past.touches(d.first_cause, d.first_cause))
        {
            let now = self.session_of(draft.first_cause);
            let session = self.ledger.session_of_attack(draft.first_cause, now);
            match kept.iter_mut().find(|(of, _)| session.is_some() && *of == session) {
                Some((_, graver)) if graver.severity >= draft.severity => {}
                Some((_, lesser)) => *lesser = draft,
                None => kept.push((session, draft)),
            }
        }
        kept
    }

    /// The session that was on at a monotonic time.
    fn session_of(&self, mono: u64) -> Option<SessionId> {
        let offset = self.offset?;
        let mut ids = self.knowledge.sessions.keys();
        ids.find(|id| {
            self.knowledge
                .declared_times(id, offset)
                .is_some_and(|(from, to)| from <= mono && to.is_none_or(|to| mono <= to))
        })
        .cloned()
    }

    /// The stamp of a finding about the room, not about a session.
    fn room_stamp(&self, at: Moment, offset: Offset) -> FindingStamp {
        let k = &self.knowledge;
        FindingStamp {
            at,
            offset,
            session: None,
            session_ppm: 1_000_000,
            visibility: None,
            liveness_waived: k.policy.liveness_waived() == 1,
            policy_version: k.policy.version(),
            roster_version: k.roster_version(),
            withdrawal: WithdrawalGround::OwnCorrection,
            basis_tick: at.mono.0,
        }
    }

    /// UQ-1, L1 to the clinic: under the roster in force too many sessions had an operator whom the
    /// box could neither recognise nor call a stranger. It accuses nobody, and stands until the
    /// roster changes.
    fn frequently_blocked(
        &mut self,
        at: Moment,
        out: &mut Vec<EngineOutput>,
    ) -> Option<(FindingStamp, Allegation)> {
        let stamp = self.room_stamp(at, self.offset?);
        let roster = stamp.roster_version;
        self.blocked.retain(|_, event| event.roster == roster);
        while self.blocked.len() > MAX_BLOCKED {
            self.blocked.pop_first();
        }
        self.ledger.close(
            at,
            |f, _| is_about_the_roster(&f.key) && f.roster_version != roster,
            out,
        );
        let needed = self.knowledge.policy.uq_blocked_count();
        let spans = self.blocked.values().map(|event| (event.from, event.to)).collect();
        let draft =
            rules::uq1_frequent(&Spans::from_unsorted(spans), self.blocked.len() as u64, needed)?;
        Some((stamp, draft))
    }
}
