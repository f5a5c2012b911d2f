//! What each reader sees of an enrolment: two types, made here and nowhere else, for page and API
//! alike. Whom a face resembles elsewhere in the country is for those who decide; to a clinic it
//! would be a search by face (P10), and so its type has no field for it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::access::{Right, Who};
use crate::clock::At;
use crate::enrol::{EnrolmentOutcome, FaceComparison, Likeness, PhotoOutcome};
use crate::ids::EnrolmentId;
use crate::store::{Enrolment, EnrolmentState, StoreError};

/// What every reader of an enrolment is told.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct EnrolmentFacts {
    pub id: EnrolmentId,
    pub person: String,
    pub institution: String,
    pub state: EnrolmentState,
    pub pack: String,
    pub proposed_at: At,
    pub decided_at: Option<At>,
    pub decided_by: Option<String>,
    pub reason: Option<String>,
    /// Templates and photographs that are kept.
    pub templates: i64,
    pub photos: i64,
}

/// What became of the photographs.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct PhotosLookedAt {
    pub photos: Vec<PhotoOutcome>,
    /// When its templates were made anew for another model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewed_at: Option<At>,
}

/// What the face was compared with.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct FacesCompared {
    /// Other persons with this face.
    pub duplicates: Vec<Likeness>,
    /// The best score against the person's own confirmed faces, where it is too low for one
    /// person.
    pub unlike_ppm: Option<i32>,
}

/// An enrolment as its clinic, an auditor or a program sees it: it has no field for anybody whom
/// the face resembles (P10).
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct EnrolmentForClinic {
    #[serde(flatten)]
    pub facts: EnrolmentFacts,
    pub outcome: PhotosLookedAt,
}

/// An enrolment as whoever decides it sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct EnrolmentForAuthority {
    #[serde(flatten)]
    pub facts: EnrolmentFacts,
    pub outcome: OutcomeForAuthority,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OutcomeForAuthority {
    #[serde(flatten)]
    pub looked_at: PhotosLookedAt,
    #[serde(flatten)]
    pub compared: FacesCompared,
}

/// As this reader sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::web) enum EnrolmentSeen {
    Authority(EnrolmentForAuthority),
    Clinic(EnrolmentForClinic),
}

impl EnrolmentSeen {
    pub(in crate::web) fn of(who: &Who, it: Enrolment) -> Result<Self, StoreError> {
        let EnrolmentOutcome { photos, compared, renewed_at } =
            EnrolmentOutcome::read(&it.outcome)?;
        let looked_at = PhotosLookedAt { photos, renewed_at };
        let facts = EnrolmentFacts {
            id: it.id,
            person: it.person,
            institution: it.institution,
            state: it.state,
            pack: it.pack,
            proposed_at: it.proposed_at,
            decided_at: it.decided_at,
            decided_by: it.decided_by,
            reason: it.reason,
            templates: it.templates,
            photos: it.photos,
        };
        if !who.may(Right::CompareFaces) {
            return Ok(Self::Clinic(EnrolmentForClinic { facts, outcome: looked_at }));
        }
        let FaceComparison { duplicates, unlike_ppm } = compared;
        let compared = FacesCompared { duplicates, unlike_ppm };
        let outcome = OutcomeForAuthority { looked_at, compared };
        Ok(Self::Authority(EnrolmentForAuthority { facts, outcome }))
    }

    pub(in crate::web) fn facts(&self) -> &EnrolmentFacts {
        match self {
            Self::Authority(it) => &it.facts,
            Self::Clinic(it) => &it.facts,
        }
    }

    pub(in crate::web) fn looked_at(&self) -> &PhotosLookedAt {
        match self {
            Self::Authority(it) => &it.outcome.looked_at,
            Self::Clinic(it) => &it.outcome,
        }
    }

    /// Nothing for whoever does not decide.
    pub(in crate::web) fn compared(&self) -> Option<&FacesCompared> {
        match self {
            Self::Authority(it) => Some(&it.outcome.compared),
            Self::Clinic(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::access::Role;

    fn kept(outcome: serde_json::Value) -> Enrolment {
        Enrolment {
            id: "e-1".parse().unwrap(),
            person: "p-1".into(),
            institution: "c-1".into(),
            state: EnrolmentState::Proposed,
            pack: "avatar".into(),
            proposed_at: At::of_s(1_772_413_200),
            proposed_by: None,
            decided_at: None,
            decided_by: None,
            reason: None,
            outcome,
            templates: 1,
            photos: 0,
        }
    }

    fn likeness() -> serde_json::Value {
        json!({"photos": [{"index": 0, "accepted": true, "reasons": []}], "unlike_ppm": 300_000,
            "duplicates": [{"person": "p-9", "score_ppm": 700_000}]})
    }

    #[test]
    fn who_does_not_decide_hears_of_no_likeness() {
        for (role, by_token) in [
            (Role::Clinic, false),
            (Role::Auditor, false),
            (Role::Reviewer, false),
            (Role::Admin, false),
            (Role::Supervisor, true),
        ] {
            let who = Who { role, by_token, ..Who::nobody() };
            let seen = json!(EnrolmentSeen::of(&who, kept(likeness())).unwrap());
            for word in ["p-9", "duplicates", "unlike_ppm", "700000"] {
                assert!(!seen.to_string().contains(word), "{role:?} reads {word}: {seen}");
            }
            assert_eq!(seen["outcome"]["photos"][0]["accepted"], true, "{seen}");
        }
    }

    #[test]
    fn who_decides_hears_of_every_likeness() {
        let who = Who { role: Role::Supervisor, ..Who::nobody() };
        let seen = json!(EnrolmentSeen::of(&who, kept(likeness())).unwrap());
        assert_eq!(seen["outcome"]["duplicates"][0]["person"], "p-9", "{seen}");
        assert_eq!(seen["outcome"]["unlike_ppm"], 300_000, "{seen}");
        assert_eq!(seen["id"], "e-1", "{seen}");
    }

    #[test]
    fn an_outcome_that_no_one_can_read_is_a_fault() {
        let who = Who { role: Role::Supervisor, ..Who::nobody() };
        let torn = json!({"photos": [], "duplicates": [{"person": "p-9"}]});
        assert!(EnrolmentSeen::of(&who, kept(torn)).is_err(), "a likeness was lost");
    }
}
