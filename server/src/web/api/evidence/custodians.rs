//! Who may open sealed pictures at a place: founding a role, waiting, letting in, removing.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::evidence_seen::{EvidenceSeen, evidence_seen};
use super::keys::{Wrapped, check_key, role_key, roll_holds, signed_now};
use super::{Shared, a_person, custodian_role, not_a_custodian, now_or_so, two_lines};
use crate::access::Who;
use crate::clock::At;
use crate::evidence::SealedBytes;
use crate::knowledge::Nudge;
use crate::problem::{JsonBody, Problem};
use crate::store::{NewCustodian, Vouching};
use crate::web::answer::Created;
use crate::web::request::deed;

pub(in crate::web) async fn get_custodians(
    State(app): Shared,
    who: Who,
) -> Result<Json<EvidenceSeen>, Problem> {
    a_person(&who)?;
    Ok(Json(app.blocking(move |a| evidence_seen(a, &who)).await?))
}

/// The keys that somebody made in their browser.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CustodianBody {
    /// Ed25519, base64.
    verification_key: String,
    /// X25519, base64.
    sealing_key: String,
    /// The private halves under a passphrase, and under a recovery sheet's code: opaque.
    wrapped: Wrapped,
    recovery: Wrapped,
    /// Of the first of their role here.
    #[serde(default)]
    first: Option<FirstBody>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FirstBody {
    from: String,
    /// They vouch for themselves.
    sig: String,
    /// X25519, base64.
    role_key: String,
    role_key_sig: String,
    share: SealedBytes,
}

pub(in crate::web) async fn post_custodian(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<CustodianBody>,
) -> Result<Created<EvidenceSeen>, Problem> {
    let role = custodian_role(&who)?;
    let new = NewCustodian {
        account: who.name.clone(),
        jurisdiction: who.scope.clone(),
        role,
        verification_key: it.verification_key,
        sealing_key: it.sealing_key,
        wrapped: it.wrapped.kept("wrapped")?,
        recovery: it.recovery.kept("recovery")?,
    };
    check_key("verification_key", &new.verification_key)?;
    check_key("sealing_key", &new.sealing_key)?;
    let first = match it.first {
        None => None,
        Some(first) => {
            now_or_so("first.from", &first.from)?;
            check_key("first.role_key", &first.role_key)?;
            let vouched =
                Vouching { from: first.from.clone(), by: who.name.clone(), sig: first.sig };
            let key =
                role_key(role, 1, first.role_key, first.from, &who.name, &first.role_key_sig)?;
            Some((vouched, key, first.share))
        }
    };
    deed::did(if first.is_some() {
        "custodian of sealed pictures: the first of his role"
    } else {
        "custodian of sealed pictures: waits to be let in"
    });
    let seen = app
        .blocking(move |a| {
            let first = first.as_ref().map(|(v, k, s)| (v, k, s));
            a.store.enter_custodian(&new, first, At::now(), roll_holds)?;
            evidence_seen(a, &who)
        })
        .await?;
    app.tell(Nudge::All);
    Ok(Created(seen))
}

/// What one custodian does with another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::web) enum CustodianStep {
    /// Lets somebody in who waits: a signature, and the role's keys sealed to them.
    Admit {
        from: String,
        sig: String,
        /// By version of the role's key.
        shares: BTreeMap<String, SealedBytes>,
    },
    /// Ends their service, or their waiting.
    Remove {
        /// When the caller signed.
        #[serde(default)]
        at: String,
        /// Of the caller's key, base64; only who ends their own waiting needs none.
        #[serde(default)]
        sig: String,
    },
}

pub(in crate::web) async fn post_custodian_step(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
    JsonBody(it): JsonBody<CustodianStep>,
) -> Result<Json<EvidenceSeen>, Problem> {
    let role = custodian_role(&who)?;
    let number: i64 = id.parse().map_err(|_| Problem::unknown("custodian", &id))?;
    let seen = app
        .blocking(move |a| {
            let roll = a.store.roll(&who.scope)?;
            let of = roll.custodians.iter().find(|c| c.id == number && c.role == role);
            let of = of.ok_or_else(|| Problem::unknown("custodian", &id))?;
            let his_own = of.account == who.name;
            if !his_own && roll.standing(&who.name, role).is_none() {
                return Err(not_a_custodian());
            }
            match it {
                CustodianStep::Admit { .. } if his_own => {
                    let en = "nobody lets themselves in: another custodian of your role does";
                    return Err(two_lines(
                        StatusCode::FORBIDDEN,
                        "不能自己准入，须由同一角色的另一保管人准入",
                        en,
                    ));
                }
                CustodianStep::Admit { from, sig, shares } => {
                    now_or_so("from", &from)?;
                    deed::did(format!("custodian {}: let in", of.account));
                    let vouched = Vouching { from, by: who.name.clone(), sig };
                    let shares = by_version(shares)?;
                    a.store.admit_custodian(number, &who.scope, &vouched, &shares, roll_holds)?;
                }
                CustodianStep::Remove { at, sig } => {
                    if !(his_own && of.from.is_none()) {
                        let by = roll.standing(&who.name, role).ok_or_else(not_a_custodian)?;
                        let removed = (of.account.as_str(), of.verification_key.as_str());
                        let place = roll.jurisdiction.as_str();
                        let text = evidence::signed_text::removal(place, removed, &who.name, &at);
                        signed_now(&by.verification_key, text, &at, &sig)?;
                    }
                    deed::did(format!("custodian {}: removed", of.account));
                    a.store.remove_custodian(number, &who.scope, &who.name, At::now())?;
                }
            }
            Ok::<_, Problem>(evidence_seen(a, &who)?)
        })
        .await?;
    app.tell(Nudge::All);
    Ok(Json(seen))
}

fn by_version(
    shares: BTreeMap<String, SealedBytes>,
) -> Result<BTreeMap<u32, SealedBytes>, Problem> {
    let version = |(version, sealed): (String, SealedBytes)| Some((version.parse().ok()?, sealed));
    let read: Option<BTreeMap<u32, SealedBytes>> = shares.into_iter().map(version).collect();
    read.ok_or_else(|| Problem::unprocessable("shares: by version of the role's key, such as 1"))
}
