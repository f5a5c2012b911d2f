//! The consent that an enrolment rests on, as it was signed.

use rusqlite::OptionalExtension as _;

use super::{FaceStore, Result};
use crate::model::Consent;

impl FaceStore {
    /// `None` where there is no such enrolment, or its consent was withdrawn.
    pub fn consent_of(&self, enrolment: &str) -> Result<Option<Consent>> {
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
