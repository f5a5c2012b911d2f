//! A custodian's own keys under their passphrase, and the keys of a role: what is kept of them here
//! is public or opaque.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::evidence::{CustodianRole, CustodianSignature};
use schemars::JsonSchema;
use serde::Deserialize;

use super::evidence_seen::{EvidenceSeen, evidence_seen};
use super::{Shared, custodian_role, not_a_custodian, now_or_so};
use crate::access::Who;
use crate::clock;
use crate::evidence::{self as kept, RoleKeySeen, Roll, SealedBytes};
use crate::knowledge::Nudge;
use crate::problem::{JsonBody, Problem};
use crate::store::CustodianUnlock;
use crate::web::request::deed;

/// Of what a browser wraps.
const MOST_WRAPPED_BYTES: usize = 4096;

/// What a custodian tells of their passphrase.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct UnlockBody {
    /// True: the passphrase that was tried before opened; the count of tries begins anew.
    #[serde(default)]
    opened: bool,
}

/// Gives a custodian their own wrapped keys, to try a passphrase on in their browser.
pub(in crate::web) async fn post_unlock(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<UnlockBody>,
) -> Result<Json<Option<CustodianUnlock>>, Problem> {
    custodian_role(&who)?;
    let opened = it.opened;
    deed::did(if opened { "passphrase opened his keys" } else { "passphrase tried" });
    let made = app
        .blocking(move |a| {
            if opened {
                return a.store.unlocked(&who.name).map(|()| None);
            }
            a.store.unlock_custodian(&who.name, clock::now()).map(Some)
        })
        .await;
    made.map(Json).map_err(in_chinese)
}

/// Lines that the store says in English alone.
fn in_chinese(problem: Problem) -> Problem {
    if problem.detail == crate::store::WITHHELD_WORDS {
        let zh =
            "口令连续输错十次：一小时内不再提供密钥；忘记口令请用恢复单，或由其他保管人重新准入";
        return Problem { zh: Some(zh.into()), status: StatusCode::TOO_MANY_REQUESTS, ..problem };
    }
    problem
}

// Private halves as the page wrapped them: an object that nobody here looks into.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(transparent)]
#[schemars(inline)]
pub(super) struct Wrapped(serde_json::Value);

impl Wrapped {
    pub(super) fn kept(&self, what: &str) -> Result<String, Problem> {
        let text = self.0.to_string();
        if !self.0.is_object() || text.len() > MOST_WRAPPED_BYTES {
            return Err(Problem::unprocessable(format!(
                "{what}: an object of at most {MOST_WRAPPED_BYTES} bytes, as the page makes it"
            )));
        }
        Ok(text)
    }
}

/// The same private halves, wrapped anew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PassphraseBody {
    wrapped: Wrapped,
    recovery: Wrapped,
    /// When they signed.
    at: String,
    /// By the key that is wrapped anew, base64: a login alone changes no passphrase.
    sig: String,
}

pub(in crate::web) async fn post_passphrase(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<PassphraseBody>,
) -> Result<Json<EvidenceSeen>, Problem> {
    custodian_role(&who)?;
    let (wrapped, recovery) = (it.wrapped.kept("wrapped")?, it.recovery.kept("recovery")?);
    deed::did("custodian: another passphrase");
    let seen = app
        .blocking(move |a| {
            let roll = a.store.roll(&who.scope)?;
            let his = roll.custodians.iter().find(|c| c.account == who.name && c.until.is_none());
            let his = his.ok_or_else(not_a_custodian)?;
            let key = his.verification_key.as_str();
            let text =
                evidence::signed_text::passphrase(&roll.jurisdiction, (&who.name, key), &it.at);
            signed_now(key, text, &it.at, &it.sig)?;
            a.store.rewrap_custodian(&who.name, &wrapped, &recovery)?;
            Ok::<_, Problem>(evidence_seen(a, &who)?)
        })
        .await?;
    Ok(Json(seen))
}

/// A new version of the caller's role's key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RoleKeyBody {
    version: u32,
    /// X25519, base64.
    public_key: String,
    from: String,
    sig: String,
    /// Its private half by custodian's number.
    shares: BTreeMap<i64, SealedBytes>,
}

pub(in crate::web) async fn post_key(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<RoleKeyBody>,
) -> Result<Json<EvidenceSeen>, Problem> {
    let role = custodian_role(&who)?;
    now_or_so("from", &it.from)?;
    check_key("public_key", &it.public_key)?;
    let key = role_key(role, it.version, it.public_key, it.from, &who.name, &it.sig)?;
    deed::did(format!("{} key turned over: version {}", role.as_str(), it.version));
    let seen = app
        .blocking(move |a| {
            a.store.roll(&who.scope)?.standing(&who.name, role).ok_or_else(not_a_custodian)?;
            a.store.turn_over_key(&who.scope, &key, &it.shares, roll_holds)?;
            Ok::<_, Problem>(evidence_seen(a, &who)?)
        })
        .await?;
    app.tell(Nudge::All);
    Ok(Json(seen))
}

pub(super) fn role_key(
    role: CustodianRole,
    version: u32,
    public_key: String,
    from: String,
    by: &str,
    sig: &str,
) -> Result<RoleKeySeen, Problem> {
    let vouched = kept::signature(by, sig)
        .ok_or_else(|| Problem::unprocessable("your login name is no custodian's id"))?;
    Ok(RoleKeySeen { role, version, public_key, from, vouched, held_by: 0, items: 0 })
}

/// The whole roll as a box judges it: nothing is kept that a box would refuse. A box takes the
/// first one with both roles; before that each role's founder judges themselves.
pub(super) fn roll_holds(roll: &Roll) -> Result<(), String> {
    if roll.is_complete() {
        return evidence::VerifiedRoll::first(&roll.wire())
            .map(|_| ())
            .map_err(|why| why.to_string());
    }
    let told = roll.wire();
    let founder = told.custodians.first().ok_or("nobody is let in")?;
    let holds = |text: Result<String, evidence::signed_text::BadValue>, by: &CustodianSignature| {
        let text = text.map_err(|why| why.to_string())?;
        if is_signed(&founder.verification_key, &text, &by.sig) {
            return Ok(());
        }
        Err("sig: it is not of this key over this text".to_owned())
    };
    holds(evidence::signed_text::custodian(&told.jurisdiction, founder), &founder.vouched)?;
    for key in &told.role_keys {
        holds(evidence::signed_text::role_key(&told.jurisdiction, key), &key.vouched)?;
    }
    Ok(())
}

/// Whether the holder of a key (base64) signed exactly this text.
pub(super) fn is_signed(key: &str, text: &str, sig: &str) -> bool {
    let key = trust::VerifyingKey::from_base64(key);
    let (Ok(key), Ok(sig)) = (key, STANDARD.decode(sig)) else { return false };
    key.check(text.as_bytes(), &sig).is_ok()
}

/// That a custodian signed this just now: a login that somebody else came by is not enough.
pub(super) fn signed_now(
    key: &str,
    text: Result<String, evidence::signed_text::BadValue>,
    at: &str,
    sig: &str,
) -> Result<(), Problem> {
    let text = text.map_err(|why| Problem::unprocessable(why.to_string()))?;
    now_or_so("at", at)?;
    if is_signed(key, &text, sig) {
        return Ok(());
    }
    Err(Problem {
        zh: Some("须由本人以保管人口令签名：未作任何更改".into()),
        ..Problem::unprocessable("sig: your own custodian's key signs this; nothing was changed")
    })
}

pub(super) fn check_key(what: &str, key: &str) -> Result<(), Problem> {
    if STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 32) {
        return Ok(());
    }
    Err(Problem::unprocessable(format!("{what}: 32 bytes in base64")))
}
