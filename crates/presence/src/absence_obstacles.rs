//! Names the tracks that stood in the way of saying that somebody was absent, and what each of them
//! lacks to be ruled out. It explains a verdict and is read by none.

use crate::case::{CaseMeasures, Unknown, UnknownCause};
use crate::case_bounds;
use crate::civil::clock;
use crate::evidence::Possibility;
use crate::{Engine, Mono, PersonId, Rule, SessionId, TrackId};

impl Engine {
    /// What stood in the way of a rule in a session, judged at monotonic `at`: the tracks, and what
    /// to say of them.
    pub(crate) fn doubts(
        &self,
        rule: Rule,
        id: &SessionId,
        at: Mono,
    ) -> (Vec<TrackId>, Vec<String>) {
        let nothing = (Vec::new(), Vec::new());
        let (Some(session), Some(offset)) = (self.knowledge.sessions.get(id), self.offset) else {
            return nothing;
        };
        let offset = session.offset.unwrap_or(offset);
        let Some(bounds) =
            case_bounds::session_bounds(&self.knowledge, &self.history, id, at.0, offset)
        else {
            return nothing;
        };
        let case = CaseMeasures::measure(
            &self.knowledge,
            &self.history,
            Some((id, session)),
            bounds,
            at,
            offset,
        );
        let whose = whose_absence(rule, &case);
        let (Some(from), Some(to)) = (case.given.window.first(), case.given.window.last()) else {
            return nothing;
        };
        if whose.is_empty() {
            return nothing;
        }
        let (from, to) = (clock(case.given.wall(from)), clock(case.given.wall(to)));
        let mut lines = vec![format!(
            "{} asks whether {} was there from {from} to {to}",
            rule.code(),
            names(&whose)
        )];
        let mut tracks = Vec::new();
        for unknown in &case.unknowns.presences {
            let said = case.doubt(unknown, &whose);
            if !said.is_empty() {
                tracks.extend(&unknown.tracks);
            }
            lines.extend(said);
        }
        if tracks.is_empty() {
            lines.push("  no track stood in the way of saying so".to_owned());
        }
        let blind = case.sight.blind.total();
        if blind > 0 {
            lines.push(format!("  the operator zone was out of sight for {blind} ms of it"));
        }
        (tracks, lines)
    }
}

/// The people whose absence a rule asks for.
fn whose_absence(rule: Rule, case: &CaseMeasures<'_>) -> Vec<PersonId> {
    match rule {
        Rule::Ll1 | Rule::Ll5 => case.given.declared_lead().cloned().into_iter().collect(),
        Rule::Nl1 | Rule::Nl2 | Rule::Nl3 => case.given.leads.iter().cloned().collect(),
        _ => Vec::new(),
    }
}

fn names(people: &[PersonId]) -> String {
    people.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl CaseMeasures<'_> {
    fn doubt(&self, unknown: &Unknown<'_>, whose: &[PersonId]) -> Vec<String> {
        let (Some(from), Some(to)) = (unknown.seen.first(), unknown.seen.last()) else {
            return Vec::new();
        };
        let open = |id: &&PersonId| {
            let (standing, spans) = self.open_for(unknown, id);
            standing != Possibility::Out && !(standing == Possibility::Doubtful && spans.is_empty())
        };
        let may_be: Vec<PersonId> = whose.iter().filter(open).cloned().collect();
        if may_be.is_empty() {
            return Vec::new();
        }
        let tracks: Vec<String> = unknown.tracks.iter().map(|t| t.0.to_string()).collect();
        let mut lines = vec![format!(
            "  in the way: track {} from {} to {} ({} ms in view) may have been {}: {}",
            tracks.join("+"),
            clock(self.given.wall(from)),
            clock(self.given.wall(to)),
            unknown.seen.total(),
            names(&may_be),
            unknown.cause.text()
        )];
        let out = self.given.knowledge.policy.evidence_out_mnat();
        lines.extend(may_be.iter().map(|id| {
            let (standing, spans) = self.open_for(unknown, id);
            format!(
                "    {} live looks speak with {} mnat for {id}; asked to rule them out: -{out} \
                ({standing:?}, {} ms)",
                unknown.sum.looks(),
                unknown.sum.of(id),
                spans.total()
            )
        }));
        lines
    }
}

impl UnknownCause {
    fn text(&self) -> String {
        match self {
            Self::Unverified => "INDETERMINATE".to_owned(),
            Self::TakesTurns => {
                "UNMATCHED, but it begins or ends where somebody recognised did".to_owned()
            }
            Self::LeadWithoutTemplate => {
                "UNMATCHED, but somebody whose absence matters has no confirmed template".to_owned()
            }
            Self::Unconfirmed(person) => {
                format!("it looks like {person}, whom the roster does not confirm")
            }
        }
    }
}
