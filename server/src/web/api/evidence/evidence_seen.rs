//! The roll of custodians and where pictures are taken, as a reader of that place sees them.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Who;
use crate::app::App;
use crate::evidence::{PlaceKind, PolicyWord, Roll};
use crate::store::StoreError;

/// Everybody and every key of the reader's jurisdiction, and where pictures are taken.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct EvidenceSeen {
    pub roll: Roll,
    /// Newest first.
    pub policies: Vec<PolicyWord>,
    /// Pictures are taken where nothing is said: in a demonstration alone.
    pub on_unless_said: bool,
    /// The jurisdiction above whose custodians the boxes here believe: nobody founds a role here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper: Option<String>,
}

/// Blocking.
pub(in crate::web) fn evidence_seen(a: &App, who: &Who) -> Result<EvidenceSeen, StoreError> {
    let scope = &who.scope;
    let mut policies = a.store.evidence_policies()?;
    let mut institutions = BTreeSet::new();
    for institution in a.store.institutions()? {
        if institution.jurisdiction.starts_with(scope.as_str()) {
            institutions.insert(institution.id.to_string());
        }
    }
    policies.retain(|word| match word.kind {
        PlaceKind::Institution => institutions.contains(&word.place),
        PlaceKind::Jurisdiction => {
            word.place.starts_with(scope.as_str()) || scope.starts_with(&word.place)
        }
    });
    let roll = a.store.roll(scope)?;
    let upper = if roll.is_complete() { None } else { a.store.upper_roll(scope)? };
    Ok(EvidenceSeen {
        roll,
        upper,
        policies,
        on_unless_said: a.config.mode == crate::config::Mode::Demonstration,
    })
}
