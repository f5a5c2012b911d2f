//! Names the tracks that stood in the way of saying that somebody was absent, and what each of them lacks to be ruled out.
//! It explains a verdict and is read by none.

use crate::bounds;
use crate::case::{Case, Cause, Unknown};
use crate::civil::clock;
use crate::exclusion::{Missing, Naming};
use crate::{Engine, Mono, PersonId, Rule, SessionId, TrackId};

impl Engine {
    /// What stood in the way of a rule in a session, judged at monotonic `at`: the tracks, and what to say of them.
    pub(crate) fn doubts(&self, rule: Rule, id: &SessionId, at: Mono) -> (Vec<TrackId>, Vec<String>) {
        let nothing = (Vec::new(), Vec::new());
        let (Some(session), Some(offset)) = (self.knowledge.sessions.get(id), self.offset) else { return nothing };
        let offset = session.offset.unwrap_or(offset);
        let Some(bounds) = bounds::session_bounds(&self.knowledge, &self.history, id, at.0, offset) else {
            return nothing;
        };
        let case = Case::measure(&self.knowledge, &self.history, Some((id, session)), bounds, at.0, offset);
        let whose = whose_absence(rule, &case);
        let (Some(from), Some(to)) = (case.window.first(), case.window.last()) else { return nothing };
        if whose.is_empty() {
            return nothing;
        }
        let (from, to) = (clock(case.wall(from)), clock(case.wall(to)));
        let mut lines = vec![format!("{} asks whether {} was there from {from} to {to}", rule.code(), names(&whose))];
        let mut tracks = Vec::new();
        for unknown in &case.unknown {
            let said = case.doubt(unknown, &whose);
            if !said.is_empty() {
                tracks.push(unknown.track);
            }
            lines.extend(said);
        }
        if tracks.is_empty() {
            lines.push("  no track stood in the way of saying so".to_owned());
        }
        let blind = case.blind.total();
        if blind > 0 {
            lines.push(format!("  the operator zone was out of sight for {blind} ms of it"));
        }
        (tracks, lines)
    }
}

/// The people whose absence a rule asks for.
fn whose_absence(rule: Rule, case: &Case<'_>) -> Vec<PersonId> {
    match rule {
        Rule::Ll1 | Rule::Ll5 => case.declared_lead().cloned().into_iter().collect(),
        Rule::Nl1 | Rule::Nl2 | Rule::Nl3 => case.leads.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

fn names(people: &[PersonId]) -> String {
    people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Case<'_> {
    fn doubt(&self, unknown: &Unknown, whose: &[PersonId]) -> Vec<String> {
        let (Some(from), Some(to)) = (unknown.seen.first(), unknown.seen.last()) else { return Vec::new() };
        let may_be: Vec<PersonId> = whose.iter().filter(|id| unknown.may_be(id, self)).cloned().collect();
        if may_be.is_empty() {
            return Vec::new();
        }
        let mut lines = vec![format!(
            "  in the way: track {} from {} to {} ({} ms in view) may have been {}: {}",
            unknown.track.0,
            clock(self.wall(from)),
            clock(self.wall(to)),
            unknown.seen.total(),
            names(&may_be),
            unknown.cause.text()
        )];
        if let Some(not) = &unknown.not {
            let [compared, not_live, poor, silent] = not.frames();
            lines.push(format!(
                "    {compared} frames of the whole track were compared with the roster: {not_live} not live, {poor} of poor \
                 quality, {silent} masked with a score that says neither"
            ));
            lines.extend(may_be.iter().filter_map(|id| self.lacks(unknown, id, from, to)));
        }
        lines
    }

    /// What is missing to say that a track was not this person.
    fn lacks(&self, unknown: &Unknown, person: &PersonId, from: u64, to: u64) -> Option<String> {
        let p = &self.knowledge.policy;
        let text = match unknown.not.as_ref()?.missing(person, from, to, p)? {
            Missing::Refused => "exclusion_gap_ms = 0 takes no evidence short of a verdict".to_owned(),
            Missing::Named(frames) => format!("{} T_reject for him", self.naming(frames)),
            Missing::Open(frames) => {
                format!("{} T_reject for a second person too, so that it may be anybody", self.naming(frames))
            }
            Missing::Evidence { frames, span_ms } => format!(
                "{frames} good, live frames over {span_ms} ms speak against it; asked are {} over {} ms, from first to last \
                 without a pause over {} ms",
                p.unmatched_frames(),
                p.unmatched_span_ms(),
                p.exclusion_gap_ms()
            ),
        };
        Some(format!("    not ruled out to be {person}: {text}"))
    }

    fn naming(&self, n: Naming) -> String {
        let (first, last) = (clock(self.wall(n.first)), clock(self.wall(n.last)));
        format!("{} frames from {first} to {last} reach, with up to {} ppm,", n.frames, n.score_ppm)
    }
}

impl Cause {
    fn text(&self) -> String {
        match self {
            Self::Unverified => "INDETERMINATE".to_owned(),
            Self::TakesTurns => "UNMATCHED, but it begins or ends where somebody recognised did".to_owned(),
            Self::LeadWithoutTemplate => {
                "UNMATCHED, but somebody whose absence matters has no confirmed template".to_owned()
            }
            Self::Unconfirmed(person) => format!("it looks like {person}, whom the roster does not confirm"),
        }
    }
}
