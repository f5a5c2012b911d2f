//! A person's consent to an enrolment, with its parts.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::LABEL_CHARS;
use crate::clock;
use crate::consent::{ConsentPurpose, EarlierText};
use crate::text::{FoldFault, line, line_or_nothing};

/// The consent record (P3): without one no template is made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    pub text_version: String,
    pub text_sha256: String,
    pub purposes: Vec<ConsentPurpose>,
    pub scope: String,
    pub signature: String,
    pub signed_at: String,
    /// A minor's guardian signs (P13).
    #[serde(default)]
    pub guardian: Option<String>,
    /// Earlier texts that this one took the place of, oldest first; the server keeps them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub earlier: Vec<EarlierText>,
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consent").field("text_version", &self.text_version).finish_non_exhaustive()
    }
}

impl Consent {
    pub fn check(&mut self) -> Result<(), FoldFault> {
        let hex =
            self.text_sha256.len() == 64 && self.text_sha256.chars().all(|c| c.is_ascii_hexdigit());
        if !hex {
            return Err(
                "consent.text_sha256: the SHA-256 of the text that was signed, 64 hex digits"
                    .to_owned(),
            );
        }
        if !self.purposes.contains(&ConsentPurpose::Recognition) {
            return Err(
                "consent.purposes: without `recognition` no template may be made".to_owned()
            );
        }
        if !self.purposes.contains(&ConsentPurpose::ServerStorage) {
            return Err("consent.purposes: without `server_storage`, agreed to separately, face \
                information may not leave the device (人脸识别技术应用安全管理办法 8: checked \
                with a public text; legal review to come)"
                .to_owned());
        }
        if !self.earlier.is_empty() {
            return Err("consent.earlier: the server keeps what was signed before".to_owned());
        }
        line("consent.text_version", &self.text_version, 40)?;
        line("consent.scope", &self.scope, 200)?;
        if let Some(guardian) = &self.guardian {
            line_or_nothing("consent.guardian", guardian, LABEL_CHARS)?;
        }
        if self.signature.trim().is_empty() || self.signature.len() > 200_000 {
            return Err(
                "consent.signature: who signed, or the drawn signature as base64 of at most \
                200,000 characters"
                    .to_owned(),
            );
        }
        self.signed_at = clock::normal("consent.signed_at", &self.signed_at)?;
        Ok(())
    }

    pub fn keeps_photo(&self) -> bool {
        self.purposes.contains(&ConsentPurpose::KeepPhoto)
    }
}
