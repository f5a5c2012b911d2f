//! A morning for fewer people: what it can do without goes first, what it is played for goes last.
//! Never changes who does what.

use std::collections::BTreeSet;

use crate::script::{Morning, PersonKind, ScriptedStay, Session};

/// Nobody waits for a room that stays empty.
const EMPTY_AT_THE_END_MS: u64 = 30_000;

impl Morning {
    /// The morning as `people` different persons can play it, of whom `practitioners` may enrol;
    /// nobody plays two parts. Left out, until it fits: practitioners off duty, companions,
    /// practitioners under whom nothing is declared, then session by session, those of which
    /// nothing is expected first. `None` where not even one session of an incident can be played.
    pub fn shortened(&self, practitioners: usize, people: usize) -> Option<Self> {
        let mut morning = self.clone();
        for step in SetUpStep::ALL {
            if morning.fits(practitioners, people) {
                break;
            }
            step.take(&mut morning);
        }
        while !morning.fits(practitioners, people) {
            let dull = morning
                .sessions
                .iter()
                .rposition(|s| morning.expected.iter().all(|e| e.session != s.id));
            let last = dull.or_else(|| morning.sessions.len().checked_sub(1))?;
            morning.drop_session(last);
        }
        if morning.sessions.len() < self.sessions.len() {
            morning.duration_ms = morning.duration_ms.min(morning.last_ms() + EMPTY_AT_THE_END_MS);
        }
        (!morning.expected.is_empty()).then_some(morning)
    }

    fn fits(&self, practitioners: usize, people: usize) -> bool {
        self.practitioners().count() <= practitioners && self.people.len() <= people
    }

    /// When the last person has left and the last session has ended.
    fn last_ms(&self) -> u64 {
        let left = self.appearances.iter().filter_map(|a| a.path.last()).map(|w| w.1);
        left.chain(self.sessions.iter().map(|s| s.end_ms)).max().unwrap_or(0)
    }

    fn keep_people(&mut self, keep: impl Fn(&Self, &str) -> bool) {
        let gone: BTreeSet<String> =
            self.people.iter().map(|p| p.id.clone()).filter(|person| !keep(self, person)).collect();
        self.people.retain(|p| !gone.contains(&p.id));
        self.appearances.retain(|a| !gone.contains(&a.person));
        for session in &mut self.sessions {
            session.declared_operators.retain(|person| !gone.contains(person));
        }
    }

    fn is_declared(&self, person: &str) -> bool {
        let declares = |s: &Session| {
            s.declared_lead == person || s.declared_operators.iter().any(|o| o == person)
        };
        self.sessions.iter().any(declares)
    }

    fn appears(&self, person: &str) -> bool {
        self.appearances.iter().any(|a| a.person == person)
    }

    /// A session with everybody who is there for it alone.
    fn drop_session(&mut self, index: usize) {
        let session = self.sessions.remove(index);
        self.expected.retain(|e| e.session != session.id);
        self.appearances.retain(|a| {
            let elsewhere = self.sessions.iter().map(|s| overlap_ms(a, s)).max().unwrap_or(0);
            overlap_ms(a, &session) <= elsewhere
        });
        self.keep_people(|morning, person| morning.appears(person) || morning.is_declared(person));
    }
}

/// What goes before any session does.
#[derive(Debug, Clone, Copy)]
enum SetUpStep {
    OffDuty,
    Companions,
    /// Assistants and whoever looks in at the door.
    NotLeading,
}

impl SetUpStep {
    const ALL: [Self; 3] = [Self::OffDuty, Self::Companions, Self::NotLeading];

    fn take(self, morning: &mut Morning) {
        let kind = |m: &Morning, person: &str| m.person(person).map(|p| p.kind);
        match self {
            Self::OffDuty => {
                morning.keep_people(|m, person| m.appears(person) || m.is_declared(person));
            }
            Self::Companions => {
                morning.keep_people(|m, person| kind(m, person) != Some(PersonKind::Companion));
            }
            Self::NotLeading => morning.keep_people(|m, person| {
                kind(m, person) != Some(PersonKind::Practitioner)
                    || m.sessions.iter().any(|s| s.declared_lead == person)
            }),
        }
    }
}

/// How long an appearance and a session share.
fn overlap_ms(appearance: &ScriptedStay, session: &Session) -> u64 {
    let (Some(first), Some(last)) = (appearance.path.first(), appearance.path.last()) else {
        return 0;
    };
    last.1.min(session.end_ms).saturating_sub(first.1.max(session.start_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(morning: &Morning) -> Vec<&str> {
        morning.sessions.iter().map(|s| s.id.as_str()).collect()
    }

    #[test]
    fn ten_practitioners_and_nine_others_play_all_of_it() {
        let all = Morning::bundled().unwrap();
        let played = all.shortened(10, 19).unwrap();
        assert_eq!(played.to_toml().unwrap(), all.to_toml().unwrap());
    }

    #[test]
    fn fewer_people_play_sessions_up_to_the_last_incident() {
        let all = Morning::bundled().unwrap();
        let played = |practitioners, people| all.shortened(practitioners, people);
        for (practitioners, people, expected) in [
            (5, 14, vec!["s-a", "s-b", "s-c", "s-d"]),
            (4, 9, vec!["s-a", "s-b", "s-c", "s-d"]),
            (3, 7, vec!["s-b", "s-c", "s-d"]),
            (2, 4, vec!["s-b", "s-c"]),
            (1, 2, vec!["s-b"]),
        ] {
            let morning = played(practitioners, people).unwrap();
            assert_eq!(sessions(&morning), expected, "{practitioners} of {people}");
            assert!(
                morning.practitioners().count() <= practitioners && morning.people.len() <= people
            );
            for session in &morning.sessions {
                let patient = |a: &ScriptedStay| {
                    overlap_ms(a, session) > 0 && a.person.starts_with("patient")
                };
                assert!(
                    morning.appearances.iter().any(patient),
                    "nobody lies down in {}",
                    session.id
                );
            }
        }
        assert!(played(1, 1).is_none() && played(0, 9).is_none());
    }

    #[test]
    fn what_was_shortened_is_a_script_again() {
        let short = Morning::bundled().unwrap().shortened(2, 5).unwrap();
        let read = Morning::parse(&short.to_toml().unwrap()).unwrap();
        assert_eq!(read.to_toml().unwrap(), short.to_toml().unwrap());
    }
}
