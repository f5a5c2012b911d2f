//! Forgetting: faces that privacy says must go (P2), and history that no late fact can ask for any
//! more.

use crate::blocked_sessions::is_about_the_roster;
use crate::finding::{EngineOutput, Rule};
use crate::identity::StretchOwner;
use crate::spans::Spans;
use crate::ticks::NextTick;
use crate::{Engine, Moment, Mono, PersonId};

impl Engine {
    /// P2: a session is over: nobody unidentified in it is remembered by face.
    pub(crate) fn wipe_window(&mut self, window: &Spans, out: &mut Vec<EngineOutput>) {
        let (Some(from), Some(to)) = (window.first(), window.last()) else { return };
        for (id, track) in &mut self.history.tracks {
            let in_window = track.last() >= from && track.first() <= to;
            if in_window
                && !track.wiped
                && !matches!(track.identity.now(&self.knowledge.policy).0, StretchOwner::Person(_))
            {
                track.wiped = true;
                out.push(EngineOutput::WipeTrack(*id));
            }
        }
    }

    /// P2 without a session: `p2_wipe_ms` after the last sighting.
    pub(crate) fn wipe_old(&mut self, t: u64, next: &mut NextTick, out: &mut Vec<EngineOutput>) {
        let limit = self.knowledge.policy.p2_wipe_ms();
        for (id, track) in &mut self.history.tracks {
            if track.wiped
                || matches!(track.identity.now(&self.knowledge.policy).0, StretchOwner::Person(_))
            {
                continue;
            }
            // Ticks are coarse: leave one step, so that the limit itself is kept.
            let at = (track.last() + limit).saturating_sub(next.step);
            if at <= t {
                track.wiped = true;
                out.push(EngineOutput::WipeTrack(*id));
            } else {
                next.at_or_before(at);
            }
        }
    }

    pub(crate) fn housekeeping(&mut self, at: Moment) {
        let t = at.mono.0;
        let p = &self.knowledge.policy;
        let Some(offset) = self.offset else { return };
        let usual = t.saturating_sub(p.late_fact_ms() + p.window_before_ms());
        let starts = self
            .knowledge
            .sessions
            .keys()
            .filter_map(|id| self.knowledge.declared_times(id, offset));
        // What stands must be derivable again, also when a late fact asks for it.
        let alone = self
            .ledger
            .standing_alone()
            .filter(|(key, _)| !matches!(key.rule, Rule::Hb2 | Rule::Hb4 | Rule::Hb6));
        let alone =
            alone.filter(|(key, _)| !is_about_the_roster(key)).map(|(key, _)| key.first_cause.0);
        let upheld = self.ledger.standing_sessions().into_iter();
        let upheld = upheld.filter_map(|id| self.extent_as_of(id, t, offset)).map(|(from, _)| from);
        let needed = starts.map(|(from, _)| from).chain(alone).chain(upheld).min();
        let needed = needed.map(|n| n.saturating_sub(p.window_before_ms()));
        let oldest = t.saturating_sub(p.session_max_ms() + p.late_fact_ms());
        let horizon = needed.map_or(usual, |n| n.min(usual)).max(oldest);
        // A little slack keeps this from running over every list at every tick.
        if horizon > self.history.known_from + p.window_after_ms() || self.history.crowded() {
            // The next session may begin as long after it, and is remembered from before its own
            // begin.
            let window_ms = p.pieces_gap_ms() + p.session_max_ms();
            let checks: Vec<(u64, PersonId)> = self.knowledge.witnesses(offset).collect();
            self.history.settle_witnesses(&checks, horizon, p);
            self.history.forget_before(horizon);
            self.past.forget_before(horizon);
            self.judged_pieces.retain(|_, piece| !piece.retired || piece.to + window_ms >= horizon);
            self.ledger.forget(None, horizon);
            self.knowledge.forget_before(offset.wall(Mono(horizon)));
        }
    }
}
