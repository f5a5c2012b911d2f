//! The scripted morning: who is who, what is declared, who is where and when, and which findings
//! must come of it. Never draws, and never decides what a rule says.
use crate::room;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Nobody walks faster, px per scene second: at one frame a second a face then still overlaps
/// itself.
pub(crate) const WALK_PX_PER_S: f32 = 32.0;

/// A script that does not hold together; the text names the place and the mend.
#[derive(Debug, thiserror::Error)]
#[error("scene script: {0}")]
pub struct ScriptError(String);

/// What a person is in the story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonKind {
    Practitioner,
    Patient,
    Companion,
    Stranger,
}

/// What covers a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wearing {
    Mask,
    Cap,
}

/// Somebody of the morning. All names are invented.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedPerson {
    pub id: String,
    pub kind: PersonKind,
    #[serde(default)]
    pub name_zh: String,
    #[serde(default)]
    pub name_en: String,
    /// A `PractitionerCategory` by name; empty for everybody who is no practitioner.
    #[serde(default)]
    pub category: String,
    /// Specialties filed here as lead, by name.
    #[serde(default)]
    pub leads: Vec<String>,
    /// A `RegistrationStatus` by name.
    #[serde(default)]
    pub registration: String,
    #[serde(default)]
    pub cloth: String,
}

/// An item of the catalogue.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub code: String,
    pub name_zh: String,
    pub name_en: String,
    pub kind: String,
    #[serde(default)]
    pub grade: Option<u8>,
    pub specialties: Vec<String>,
    pub min_operator: String,
    #[serde(rename = "min_duration", with = "clock")]
    pub min_duration_ms: u64,
}

/// A declared session; times in ms of scene time.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub id: String,
    /// The story in one line.
    pub told: String,
    pub item: String,
    pub declared_lead: String,
    pub declared_operators: Vec<String>,
    #[serde(rename = "start", with = "clock")]
    pub start_ms: u64,
    #[serde(rename = "end", with = "clock")]
    pub end_ms: u64,
    pub patient_ref: String,
}

/// One stay of a person in the room.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedStay {
    pub person: String,
    #[serde(default)]
    pub wears: Vec<Wearing>,
    pub path: Vec<Waypoint>,
}

/// Be at this spot at this time.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub struct Waypoint(pub String, #[serde(with = "clock")] pub u64);

/// The findings of one session, which form one incident.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    pub session: String,
    /// Rule id, kind, severity at last.
    pub findings: Vec<(String, String, String)>,
}

/// The whole script.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Morning {
    pub title: String,
    /// RFC 3339 UTC of scene time 0.
    pub wall_start: String,
    #[serde(rename = "duration", with = "clock")]
    pub duration_ms: u64,
    pub room: String,
    pub institution: String,
    #[serde(rename = "person")]
    pub people: Vec<ScriptedPerson>,
    #[serde(rename = "item")]
    pub items: Vec<Item>,
    #[serde(rename = "session")]
    pub sessions: Vec<Session>,
    #[serde(rename = "appearance")]
    pub appearances: Vec<ScriptedStay>,
    #[serde(default)]
    pub expected: Vec<Expected>,
}

impl Morning {
    /// The morning that comes with the program.
    pub fn bundled() -> Result<Self, ScriptError> {
        Self::parse(include_str!("morning.toml"))
    }

    /// A scene that comes with the program, by the name that a configuration gives it.
    pub fn named(name: &str) -> Option<Result<Self, ScriptError>> {
        match name {
            "clinic_morning" => Some(Self::bundled()),
            "stranger" => Some(Self::parse(include_str!("stranger.toml"))),
            _ => None,
        }
    }

    /// Reads and checks a script.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let morning: Self = toml::from_str(text)
            .map_err(|e| ScriptError(e.to_string().trim_end().replace('\n', " ")))?;
        morning.check()?;
        Ok(morning)
    }

    /// The script as text, which [`Self::parse`] reads.
    pub fn to_toml(&self) -> Result<String, ScriptError> {
        toml::to_string(self).map_err(|e| ScriptError(e.to_string()))
    }

    pub fn person(&self, id: &str) -> Option<&ScriptedPerson> {
        self.people.iter().find(|p| p.id == id)
    }

    pub fn practitioners(&self) -> impl Iterator<Item = &ScriptedPerson> {
        self.people.iter().filter(|p| p.kind == PersonKind::Practitioner)
    }

    fn check(&self) -> Result<(), ScriptError> {
        let ids: BTreeSet<&str> = self.people.iter().map(|p| p.id.as_str()).collect();
        if ids.len() != self.people.len() {
            return Err(ScriptError("two persons share an id; give each its own".into()));
        }
        for s in &self.sessions {
            if s.end_ms <= s.start_ms || s.end_ms > self.duration_ms {
                return Err(ScriptError(format!(
                    "session {} must end after it starts and before the script does",
                    s.id
                )));
            }
            if !self.items.iter().any(|i| i.code == s.item) {
                return Err(ScriptError(format!(
                    "session {} names the unknown item {}; add it under [[item]]",
                    s.id, s.item
                )));
            }
            for p in s.declared_operators.iter().chain([&s.declared_lead]) {
                known(&ids, p, &s.id)?;
            }
        }
        for e in &self.expected {
            if !self.sessions.iter().any(|s| s.id == e.session) {
                return Err(ScriptError(format!(
                    "expected findings name the unknown session {}",
                    e.session
                )));
            }
        }
        self.appearances.iter().try_for_each(|a| {
            known(&ids, &a.person, "an appearance")?;
            a.check()
        })
    }
}

fn known(ids: &BTreeSet<&str>, person: &str, place: &str) -> Result<(), ScriptError> {
    if ids.contains(person) {
        return Ok(());
    }
    Err(ScriptError(format!(
        "{place} names the unknown person {person}; add them under [[person]]"
    )))
}

impl ScriptedStay {
    fn check(&self) -> Result<(), ScriptError> {
        if self.path.len() < 2 {
            return Err(ScriptError(format!(
                "{} needs at least two places: where to appear and where to vanish",
                self.person
            )));
        }
        for w in &self.path {
            if room::spot(&w.0).is_none() {
                return Err(ScriptError(format!(
                    "{} goes to the unknown spot {}; spots are {}",
                    self.person,
                    w.0,
                    room::SPOTS.join(", ")
                )));
            }
        }
        for pair in self.path.windows(2) {
            let need_ms = walk_ms(&pair[0].0, &pair[1].0);
            if pair[1].1 < pair[0].1 + need_ms {
                return Err(ScriptError(format!(
                    "{} needs {need_ms} ms to walk from {} to {}; arrive later",
                    self.person, pair[0].0, pair[1].0
                )));
            }
        }
        Ok(())
    }
}

/// How long the walk between two spots takes.
pub(crate) fn walk_ms(from: &str, to: &str) -> u64 {
    let (Some(a), Some(b)) = (room::spot(from), room::spot(to)) else { return 0 };
    let far = crate::geom::len2(a.x - b.x, a.y - b.y);
    (far / WALK_PX_PER_S * 1000.0) as u64
}

/// Milliseconds as MM:SS.
mod clock {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<u64, D::Error> {
        let text = String::deserialize(de)?;
        let parsed = text.split_once(':').and_then(|(m, s)| {
            Some((m.parse::<u64>().ok()?, s.parse::<u64>().ok().filter(|s| *s < 60)?))
        });
        let (m, s) = parsed
            .ok_or_else(|| serde::de::Error::custom(format!("time {text:?} is not MM:SS")))?;
        Ok((m * 60 + s) * 1000)
    }

    // (The reference is what serde hands over.)
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn serialize<S: Serializer>(ms: &u64, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&format!("{:02}:{:02}", ms / 60_000, ms / 1_000 % 60))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_morning_holds_together_and_fits_4500_frames() {
        let m = Morning::bundled().unwrap();
        assert!(m.duration_ms / 1000 <= 4_500);
        assert_eq!(m.practitioners().count(), 10);
        Morning::named("stranger").unwrap().unwrap();
        assert!(Morning::named("nowhere.toml").is_none());
    }

    #[test]
    fn a_script_that_lets_somebody_fly_is_refused_by_name() {
        let text = include_str!("morning.toml")
            .replace("[\"operator_left\", \"31:52\"]", "[\"operator_left\", \"31:33\"]");
        let said = Morning::parse(&text).unwrap_err().to_string();
        assert!(said.contains("stranger-1 needs") && said.contains("arrive later"), "{said}");
    }

    #[test]
    fn an_unknown_person_or_spot_or_time_is_one_clear_line() {
        let base = include_str!("morning.toml");
        for (from, to, says) in [
            ("declared_lead = \"chen\"", "declared_lead = \"chan\"", "unknown person chan"),
            ("[\"bed\", \"09:10\"]", "[\"couch\", \"09:10\"]", "unknown spot couch"),
            ("duration = \"39:30\"", "duration = \"39:70\"", "is not MM:SS"),
        ] {
            let said = Morning::parse(&base.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(said.contains(says) && !said.contains('\n'), "{said}");
        }
    }
}
