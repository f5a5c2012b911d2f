//! The consent that an enrolment rests on, as it was signed.

use std::collections::BTreeMap;

use super::engine::OptionalExtension as _;

use super::rows::collect;
use super::{FaceStore, Result};
use crate::consent::EarlierText;
use crate::ids::EnrolmentId;
use crate::model::Consent;

/// A person whose standing consent at an institution is to an earlier text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierConsent {
    pub person: String,
    pub institution: String,
    pub text_version: String,
    pub signed_at: String,
}

impl FaceStore {
    /// Whose newest standing consent at an institution is not to this text: of everybody, or of one
    /// person.
    pub fn earlier_consents(
        &self,
        version: &str,
        person: Option<&str>,
    ) -> Result<Vec<EarlierConsent>> {
        let sql = "SELECT person, institution, version, signed_at FROM (SELECT e.person AS person,
            e.institution AS institution, json_extract(e.consent, '$.text_version') AS version,
            json_extract(e.consent, '$.signed_at') AS signed_at,
            row_number() OVER (PARTITION BY e.institution, e.person
                ORDER BY json_extract(e.consent, '$.signed_at') DESC, e.id) AS place
            FROM enrolment e WHERE e.state IN ('confirmed', 'proposed') AND e.consent <> ''
            AND (?2 IS NULL OR e.person = ?2)
            AND NOT EXISTS (SELECT 1 FROM enrolment n WHERE n.person = e.person AND
                n.institution = e.institution AND n.state IN ('confirmed', 'proposed') AND
                n.consent <> '' AND json_extract(n.consent, '$.text_version') = ?1)
            ) newest WHERE place = 1 ORDER BY institution, person LIMIT 2000";
        self.read(|c| {
            collect(c, sql, (version, person), |r| {
                Ok(EarlierConsent {
                    person: r.get(0)?,
                    institution: r.get(1)?,
                    text_version: r.get(2)?,
                    signed_at: r.get(3)?,
                })
            })
        })
    }

    /// Enrolments of an institution with the text that each rests on.
    pub fn consent_texts(&self, institution: &str) -> Result<BTreeMap<String, String>> {
        let sql = "SELECT id, coalesce(json_extract(consent, '$.text_version'), '') FROM enrolment
            WHERE institution = ?1 AND consent <> ''";
        self.read(|c| {
            Ok(collect(c, sql, [institution], |r| Ok((r.get(0)?, r.get(1)?)))?
                .into_iter()
                .collect())
        })
    }

    /// Puts a consent to a newer text in the place of what the person signed before at an
    /// institution, for templates that stand or wait; what was signed before is kept with it.
    /// Without the photograph's own yes its photographs go. Gives how many enrolments rest on it.
    pub fn renew_consent(&self, person: &str, institution: &str, new: &Consent) -> Result<usize> {
        self.write(|tx| {
            let sql = "SELECT id, consent FROM enrolment WHERE person = ?1 AND institution = ?2 AND
                state IN ('confirmed', 'proposed') AND consent <> ''";
            let standing = collect(tx, sql, [person, institution], |r| {
                let consent: Consent = serde_json::from_str(&r.get::<_, String>(1)?)?;
                Ok((r.get::<_, String>(0)?, consent))
            })?;
            for (id, before) in &standing {
                let sql = "UPDATE enrolment SET consent = ?2 WHERE id = ?1";
                tx.execute(sql, [id, &serde_json::to_string(&in_place_of(before, new))?])?;
                if !new.keeps_photo() {
                    tx.execute("DELETE FROM photo WHERE enrolment = ?1", [id])?;
                }
            }
            Ok(standing.len())
        })
    }

    /// `None` where there is no such enrolment, or its consent was withdrawn.
    pub fn consent_of(&self, enrolment: &EnrolmentId) -> Result<Option<Consent>> {
        self.read(|c| {
            let kept: Option<Option<String>> = c
                .prepare_cached("SELECT consent FROM enrolment WHERE id = ?1")?
                .query_row([enrolment], |r| r.get(0))
                .optional()?;
            let kept = kept.flatten().filter(|text| !text.is_empty());
            kept.map(|text| Ok(serde_json::from_str(&text)?)).transpose()
        })
    }
}

fn in_place_of(before: &Consent, new: &Consent) -> Consent {
    let mut earlier = before.earlier.clone();
    earlier.push(EarlierText {
        text_version: before.text_version.clone(),
        text_sha256: before.text_sha256.clone(),
        purposes: before.purposes.clone(),
        signed_at: before.signed_at.clone(),
    });
    Consent { earlier, guardian: new.guardian.clone().or(before.guardian.clone()), ..new.clone() }
}
