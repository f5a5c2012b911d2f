//! `/api/v1/evidence`: custodians and their keys, requests and what becomes of them, ciphertexts for
//! the two people of an opening, and the parts that a box delivers.
//!
//! It can open nothing: what passes here was sealed on a box or in a browser. Every call is a
//! person's, never a program's, and stands in the audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use protocol::envelope::Envelope;
use protocol::evidence::{
    CustodianRole, CustodianSignature, EvidencePart, EvidencePartAnswer, MAX_PART_BYTES,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::alerts::{PERSONS_ALONE, seen};
use super::answer::{Ciphertext, Created, Download};
use super::deed;
use super::endpoint::Endpoint;
use super::rights::{AUTHORITY, EVERYBODY, OPENINGS, VERDICTS};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{self, clip, now_text};
use crate::evidence::opening::{Ask, Opening, Refusal, SamePerson, Standing, Step};
use crate::evidence::{
    self as kept, ItemSeen, OpeningKept, PlaceKind, PolicyWord, RoleKeySeen, Roll, SealedBytes,
    role_of,
};
use crate::knowledge::Nudge;
use crate::monitoring_review::Standing as ReviewStanding;
use crate::problem::{Body, Problem};
use crate::store::{Alert, NewCustodian, PartTaken, StoreError, Unlock, Vouched, release_order};

type Shared = State<Arc<App>>;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/evidence", post_part)
            .roles(EVERYBODY)
            .audited()
            .summary("A part of a released picture's ciphertext, signed by its box"),
        Endpoint::get("/api/v1/evidence/alerts/{id}", get_pictures)
            .roles(VERDICTS)
            .audited()
            .summary("Sealed pictures of an alert, as its box's chain names them"),
        Endpoint::get("/api/v1/evidence/custodians", get_custodians)
            .roles(OPENINGS)
            .audited()
            .summary("Custodians, their roles' keys, and where pictures are taken"),
        Endpoint::post("/api/v1/evidence/custodians", post_custodian)
            .roles(VERDICTS)
            .audited()
            .summary("Become a custodian: keys made in a browser"),
        Endpoint::post("/api/v1/evidence/custodians/{id}/steps", post_custodian_step)
            .roles(VERDICTS)
            .audited()
            .summary("Let a custodian in, or remove one"),
        Endpoint::post("/api/v1/evidence/keys", post_key)
            .roles(VERDICTS)
            .audited()
            .summary("Turn a role's key over"),
        Endpoint::post("/api/v1/evidence/passphrase", post_passphrase)
            .roles(VERDICTS)
            .audited()
            .summary("Wrap one's own keys anew"),
        Endpoint::post("/api/v1/evidence/policy", post_policy)
            .roles(AUTHORITY)
            .audited()
            .summary("Say where pictures are taken, and on which recorded basis"),
        Endpoint::get("/api/v1/evidence/requests", get_requests)
            .roles(OPENINGS)
            .audited()
            .summary("One's own openings of sealed pictures; to an auditor all of their place"),
        Endpoint::post("/api/v1/evidence/requests", post_request)
            .roles(AUTHORITY)
            .audited()
            .summary("Ask for sealed pictures of one finding, for one case"),
        Endpoint::get("/api/v1/evidence/requests/{id}", get_request)
            .roles(OPENINGS)
            .audited()
            .summary("An opening: whole for its two people, that it is for an auditor"),
        Endpoint::post("/api/v1/evidence/requests/{id}/steps", post_request_step)
            .roles(VERDICTS)
            .audited()
            .summary("Approve, refuse, or answer whether it is the same person"),
        Endpoint::get("/api/v1/evidence/requests/{id}/items/{n}", get_item)
            .roles(VERDICTS)
            .audited()
            .summary("The ciphertext of one picture, for the two of its opening"),
        Endpoint::post("/api/v1/evidence/unlock", post_unlock)
            .roles(VERDICTS)
            .audited()
            .summary("One's own wrapped keys, to try a passphrase on"),
    ]
}

/// A browser's clock may be off by this much when a custodian signs.
const CLOCK_OFF: SignedDuration = SignedDuration::from_mins(10);
/// Of what a browser wraps.
const MOST_WRAPPED_BYTES: usize = 4096;

impl From<Refusal> for Problem {
    fn from(it: Refusal) -> Self {
        let status = match it {
            Refusal::SamePerson | Refusal::NotYours => StatusCode::FORBIDDEN,
            Refusal::NoReason | Refusal::Missing { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            Refusal::NoSuchItem { .. } => StatusCode::NOT_FOUND,
            Refusal::NotNow { .. }
            | Refusal::RanOut
            | Refusal::Removed { .. }
            | Refusal::Left { .. }
            | Refusal::LastHolder { .. } => StatusCode::CONFLICT,
        };
        Self { zh: Some(it.zh().into()), ..Self::new(status, it.to_string()) }
    }
}

fn two_lines(status: StatusCode, zh: &'static str, en: &'static str) -> Problem {
    Problem { zh: Some(zh.into()), ..Problem::new(status, en) }
}

/// Programs see nothing of sealed pictures.
fn a_person(who: &Who) -> Result<(), Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    Ok(())
}

/// Whose word counts here: a person with a login, in a role that evidence knows.
fn custodian_role(who: &Who) -> Result<CustodianRole, Problem> {
    if who.open_house {
        let en =
            "sealed pictures are opened by two people: switch accounts on (`[access] accounts`)";
        let zh = "封存画面须由两人打开:请启用账户(`[access] accounts`)";
        return Err(two_lines(StatusCode::CONFLICT, zh, en));
    }
    a_person(who)?;
    role_of(who.role)
        .ok_or_else(|| Problem::new(StatusCode::FORBIDDEN, "a supervisor or a reviewer does this"))
}

// ---- Custodians.

/// Everybody and every key of the reader's jurisdiction, and where pictures are taken.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EvidenceSeen {
    pub roll: Roll,
    /// Newest first.
    pub policies: Vec<PolicyWord>,
    /// Pictures are taken where nothing is said: in a demonstration alone.
    pub on_unless_said: bool,
}

pub(super) async fn get_custodians(
    State(app): Shared,
    who: Who,
) -> Result<Json<EvidenceSeen>, Problem> {
    a_person(&who)?;
    Ok(Json(app.blocking(move |a| evidence_seen(a, &who)).await?))
}

/// Blocking.
pub(super) fn evidence_seen(a: &App, who: &Who) -> Result<EvidenceSeen, StoreError> {
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
    Ok(EvidenceSeen {
        roll: a.store.roll(scope)?,
        policies,
        on_unless_said: a.config.mode == crate::config::Mode::Demonstration,
    })
}

/// The keys that somebody made in his browser.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CustodianBody {
    /// Ed25519, base64.
    verification_key: String,
    /// X25519, base64.
    sealing_key: String,
    /// The private halves under a passphrase, and under a recovery sheet's code: opaque.
    wrapped: serde_json::Value,
    recovery: serde_json::Value,
    /// Of the first of his role here.
    #[serde(default)]
    first: Option<FirstBody>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FirstBody {
    from: String,
    /// He vouches for himself.
    sig: String,
    /// X25519, base64.
    role_key: String,
    role_key_sig: String,
    share: SealedBytes,
}

pub(super) async fn post_custodian(
    State(app): Shared,
    who: Who,
    Body(it): Body<CustodianBody>,
) -> Result<Created<EvidenceSeen>, Problem> {
    let role = custodian_role(&who)?;
    let new = NewCustodian {
        account: who.name.clone(),
        jurisdiction: who.scope.clone(),
        role,
        verification_key: it.verification_key,
        sealing_key: it.sealing_key,
        wrapped: opaque("wrapped", &it.wrapped)?,
        recovery: opaque("recovery", &it.recovery)?,
    };
    check_key("verification_key", &new.verification_key)?;
    check_key("sealing_key", &new.sealing_key)?;
    let first = match it.first {
        None => None,
        Some(first) => {
            now_or_so("first.from", &first.from)?;
            check_key("first.role_key", &first.role_key)?;
            let vouched =
                Vouched { from: first.from.clone(), by: who.name.clone(), sig: first.sig };
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
            a.store.enter_custodian(&new, first, &now_text(), roll_holds)?;
            evidence_seen(a, &who)
        })
        .await?;
    app.tell(Nudge::All);
    Ok(Created(seen))
}

/// What one custodian does with another.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum CustodianStep {
    /// Lets somebody in who waits: a signature, and the role's keys sealed to him.
    Admit {
        from: String,
        sig: String,
        /// By version of the role's key.
        shares: BTreeMap<String, SealedBytes>,
    },
    /// Ends his service, or his waiting.
    Remove {},
}

pub(super) async fn post_custodian_step(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
    Body(it): Body<CustodianStep>,
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
                    let en = "nobody lets himself in: another custodian of your role does";
                    return Err(two_lines(
                        StatusCode::FORBIDDEN,
                        "不能自己准入,须由同一角色的另一保管人准入",
                        en,
                    ));
                }
                CustodianStep::Admit { from, sig, shares } => {
                    now_or_so("from", &from)?;
                    deed::did(format!("custodian {}: let in", of.account));
                    let vouched = Vouched { from, by: who.name.clone(), sig };
                    let shares = by_version(shares)?;
                    a.store.admit_custodian(number, &who.scope, &vouched, &shares, roll_holds)?;
                }
                CustodianStep::Remove {} => {
                    deed::did(format!("custodian {}: removed", of.account));
                    a.store.remove_custodian(number, &who.scope, &who.name, &now_text())?;
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

fn not_a_custodian() -> Problem {
    two_lines(
        StatusCode::CONFLICT,
        "您不是保管人:请先在「封存画面」页生成密钥并由现任保管人准入",
        "you are no custodian: make your keys on the page of sealed pictures, and be let in",
    )
}

/// What a custodian tells of his passphrase.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UnlockBody {
    /// True: the passphrase that was tried before opened; the count of tries begins anew.
    #[serde(default)]
    opened: bool,
}

/// Gives a custodian his own wrapped keys, to try a passphrase on in his browser.
pub(super) async fn post_unlock(
    State(app): Shared,
    who: Who,
    Body(it): Body<UnlockBody>,
) -> Result<Json<Option<Unlock>>, Problem> {
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
        let zh = "口令连续输错十次:一小时内不再提供密钥;忘记口令请用恢复单,或由其他保管人重新准入";
        return Problem { zh: Some(zh.into()), status: StatusCode::TOO_MANY_REQUESTS, ..problem };
    }
    problem
}

/// The same private halves, wrapped anew.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PassphraseBody {
    wrapped: serde_json::Value,
    recovery: serde_json::Value,
}

pub(super) async fn post_passphrase(
    State(app): Shared,
    who: Who,
    Body(it): Body<PassphraseBody>,
) -> Result<Json<EvidenceSeen>, Problem> {
    custodian_role(&who)?;
    let (wrapped, recovery) = (opaque("wrapped", &it.wrapped)?, opaque("recovery", &it.recovery)?);
    deed::did("custodian: another passphrase");
    let seen = app
        .blocking(move |a| {
            a.store.rewrap_custodian(&who.name, &wrapped, &recovery)?;
            evidence_seen(a, &who)
        })
        .await?;
    Ok(Json(seen))
}

/// A new version of the caller's role's key.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleKeyBody {
    version: u32,
    /// X25519, base64.
    public_key: String,
    from: String,
    sig: String,
    /// Its private half by custodian's number.
    shares: BTreeMap<i64, SealedBytes>,
}

pub(super) async fn post_key(
    State(app): Shared,
    who: Who,
    Body(it): Body<RoleKeyBody>,
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

fn role_key(
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

/// The whole roll as a box judges it: nothing is kept that a box would refuse. A box takes the first
/// one with both roles; before that each role's founder is judged by himself.
fn roll_holds(roll: &Roll) -> Result<(), String> {
    if roll.is_complete() {
        return evidence::Roll::first(&roll.wire()).map(|_| ()).map_err(|why| why.to_string());
    }
    let told = roll.wire();
    let founder = told.custodians.first().ok_or("nobody is let in")?;
    let holds = |text: Result<String, evidence::text::BadValue>, by: &CustodianSignature| {
        let text = text.map_err(|why| why.to_string())?;
        let key = trust::VerifyingKey::from_base64(&founder.verification_key)
            .map_err(|why| why.to_string())?;
        let sig = STANDARD.decode(&by.sig).map_err(|_| "sig: base64 is needed".to_owned())?;
        key.check(text.as_bytes(), &sig)
            .map_err(|_| "sig: it is not of this key over this text".to_owned())
    };
    holds(evidence::text::custodian(&told.jurisdiction, founder), &founder.vouched)?;
    for key in &told.role_keys {
        holds(evidence::text::role_key(&told.jurisdiction, key), &key.vouched)?;
    }
    Ok(())
}

fn opaque(what: &str, value: &serde_json::Value) -> Result<String, Problem> {
    let text = value.to_string();
    if !value.is_object() || text.len() > MOST_WRAPPED_BYTES {
        return Err(Problem::unprocessable(format!(
            "{what}: an object of at most {MOST_WRAPPED_BYTES} bytes, as the page makes it"
        )));
    }
    Ok(text)
}

fn check_key(what: &str, key: &str) -> Result<(), Problem> {
    if STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 32) {
        return Ok(());
    }
    Err(Problem::unprocessable(format!("{what}: 32 bytes in base64")))
}

/// A time that somebody just signed.
fn now_or_so(what: &str, text: &str) -> Result<Timestamp, Problem> {
    let (at, now) = (clock::parse(what, text).map_err(Problem::unprocessable)?, clock::now());
    if clock::text(at) != text || now.duration_since(at).abs() > CLOCK_OFF {
        return Err(Problem {
            zh: Some("本机时钟与服务器相差过大，请校准后重试".into()),
            ..Problem::unprocessable(format!(
                "{what}: {text} is not now ({}): set this machine's clock",
                clock::text(now)
            ))
        });
    }
    Ok(at)
}

/// Where pictures are taken: nowhere in production until a basis is recorded.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyBody {
    pub kind: PlaceKind,
    pub place: String,
    pub enabled: bool,
    /// The legal basis; needed to switch it on.
    #[serde(default)]
    pub basis: String,
    #[serde(default)]
    pub document: String,
}

pub(super) async fn post_policy(
    State(app): Shared,
    who: Who,
    Body(it): Body<PolicyBody>,
) -> Result<Json<EvidenceSeen>, Problem> {
    Ok(Json(set_policy(&app, who, it).await?))
}

pub(super) async fn set_policy(
    app: &Arc<App>,
    who: Who,
    it: PolicyBody,
) -> Result<EvidenceSeen, Problem> {
    a_person(&who)?;
    if it.enabled {
        for (what, text) in [("basis", &it.basis), ("document", &it.document)] {
            crate::text::line(what, text, 400).map_err(|why| Problem {
                zh: Some("启用前须记录法定依据与文号".into()),
                ..Problem::unprocessable(format!("{why}: pictures are taken on a recorded basis"))
            })?;
        }
    }
    let word = PolicyWord {
        kind: it.kind,
        place: it.place.trim().to_owned(),
        enabled: it.enabled,
        basis: clip(&it.basis, 400),
        document: clip(&it.document, 400),
        by: who.name.clone(),
        at: now_text(),
    };
    let state = if word.enabled { "on" } else { "off" };
    deed::did(format!("sealed pictures at {}: {state}, {}", clip(&word.place, 64), word.document));
    let seen = app
        .blocking(move |a| {
            place_is_his(a, &who, &word)?;
            a.store.put_evidence_policy(&word)?;
            Ok::<_, Problem>(evidence_seen(a, &who)?)
        })
        .await?;
    app.tell(Nudge::All);
    Ok(seen)
}

fn place_is_his(a: &App, who: &Who, word: &PolicyWord) -> Result<(), Problem> {
    match word.kind {
        PlaceKind::Jurisdiction => {
            let digits = word.place.len() <= 12 && word.place.bytes().all(|b| b.is_ascii_digit());
            if digits && word.place.starts_with(&who.scope) {
                return Ok(());
            }
            Err(Problem::unprocessable(format!(
                "place: use a jurisdiction of yours, which begins with `{}`",
                who.scope
            )))
        }
        PlaceKind::Institution => {
            let found = a.store.institution(&word.place)?;
            let his = found.is_some_and(|i| who.sees(i.id.as_str(), &i.jurisdiction));
            if his { Ok(()) } else { Err(Problem::unknown("institution", &word.place)) }
        }
    }
}

// ---- Requests.

/// A supervisor's request, signed in his browser over the text that the box will check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestBody {
    /// 32 random hex digits: the order's id, used once.
    order: String,
    alert: String,
    device: String,
    finding: String,
    items: Vec<String>,
    /// A custodian of the reviewers: another person.
    reviewer: String,
    case_number: String,
    basis: String,
    purpose: String,
    requested_at: String,
    expires_at: String,
    /// Ed25519 by the supervisor, base64.
    sig: String,
    /// Half `a` of each picture's key, sealed to the reviewer.
    halves: BTreeMap<String, SealedBytes>,
}

/// An opening as somebody sees it: the two see it whole, others that it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OpeningSeen {
    pub id: String,
    pub alert: String,
    pub device: String,
    pub opening: Opening,
    /// For the two alone, while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<OpeningWhole>,
}

/// What the browser of one of the two works with.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OpeningWhole {
    pub finding: String,
    pub items: Vec<ItemSeen>,
    pub requested_at: String,
    pub expires_at: String,
    /// The text that both sign.
    pub text: String,
    pub supervisor_sig: String,
    /// Half `a`, sealed to the reviewer; half `b`, sealed to the supervisor. Each sees his own.
    pub halves: BTreeMap<String, SealedBytes>,
    /// The roll of the jurisdiction, to check keys and signatures against.
    pub roll: Roll,
    /// Registered persons of the finding, and whether a registry photograph stands here.
    pub persons: Vec<PersonSeen>,
    /// 行政处罚法 41: whether the box's record may be more than a lead.
    pub monitoring: ReviewStanding,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PersonSeen {
    pub person: String,
    pub name: String,
    pub registry_photo: bool,
}

pub(super) async fn post_request(
    State(app): Shared,
    who: Who,
    Body(it): Body<RequestBody>,
) -> Result<Created<OpeningSeen>, Problem> {
    if custodian_role(&who)? != CustodianRole::Supervisor {
        return Err(Problem::new(StatusCode::FORBIDDEN, "a supervisor asks, a reviewer decides"));
    }
    check_request(&it)?;
    deed::did(format!(
        "asks for {} sealed pictures of alert {}, case {}, to {}",
        it.items.len(),
        clip(&it.alert, 64),
        clip(&it.case_number, 60),
        clip(&it.reviewer, 64)
    ));
    let made = app
        .blocking(move |a| {
            let alert = seen(a.store.alert(&it.alert)?, &who, &it.alert)?;
            let roll = roll_of(a, &alert)?;
            both_are_custodians(&roll, &who.name, &it.reviewer)?;
            let items = a.store.evidence_of_finding(&it.device, &it.finding)?;
            let of_alert = a.store.evidence_of_alert(&alert.id)?;
            pictures_are_there(&it, &items, &of_alert)?;
            let ask = Ask {
                by: who.name.clone(),
                reviewer: it.reviewer.clone(),
                case_number: it.case_number.clone(),
                basis: it.basis.clone(),
                purpose: it.purpose.clone(),
                items: it.items.clone(),
            };
            let kept = OpeningKept {
                id: it.order.clone(),
                alert: alert.id.clone(),
                device: it.device.clone(),
                finding: it.finding.clone(),
                opening: Opening::request(ask, clock::now())?,
                requested_at: it.requested_at.clone(),
                expires_at: it.expires_at.clone(),
                supervisor_sig: it.sig.clone(),
                reviewer_sig: None,
                for_reviewer: it.halves.clone(),
                for_supervisor: BTreeMap::new(),
            };
            signed(&kept, &roll, CustodianRole::Supervisor)?;
            a.store.ask_opening(&kept, clock::now())?;
            opening_seen(a, &who, &kept.id)
        })
        .await?;
    app.touch();
    Ok(Created(made))
}

fn check_request(it: &RequestBody) -> Result<(), Problem> {
    let order = it.order.len() == 32 && it.order.bytes().all(|b| b.is_ascii_hexdigit());
    if !order {
        return Err(Problem::unprocessable("order: 32 hex digits"));
    }
    let at = now_or_so("requested_at", &it.requested_at)?;
    let until = clock::parse("expires_at", &it.expires_at).map_err(Problem::unprocessable)?;
    if until <= at || until.duration_since(at) > evidence::order::LONGEST {
        return Err(Problem::unprocessable("expires_at: at most 24 h after requested_at"));
    }
    if it.items.len() > evidence::order::MOST_ITEMS
        || it.items.windows(2).any(|pair| pair[0] >= pair[1])
    {
        let most = evidence::order::MOST_ITEMS;
        return Err(Problem::unprocessable(format!("items: 1 to {most}, rising, each once")));
    }
    Ok(())
}

fn roll_of(a: &App, alert: &Alert) -> Result<Roll, Problem> {
    a.store.roll_for(&alert.jurisdiction)?.ok_or_else(|| {
        two_lines(
            StatusCode::CONFLICT,
            "本辖区尚未设置保管人(监管人员与核查人员各至少一名)",
            "this jurisdiction has no custodians yet: at least one supervisor and one reviewer",
        )
    })
}

fn both_are_custodians(roll: &Roll, supervisor: &str, reviewer: &str) -> Result<(), Problem> {
    if supervisor == reviewer {
        return Err(Refusal::SamePerson.into());
    }
    roll.standing(supervisor, CustodianRole::Supervisor).ok_or_else(not_a_custodian)?;
    if roll.standing(reviewer, CustodianRole::Reviewer).is_none() {
        let name = clip(reviewer, 64);
        return Err(Problem {
            zh: Some(format!("「{name}」不是本辖区核查方的保管人").into()),
            ..Problem::unprocessable(format!(
                "reviewer: `{name}` is no custodian of the reviewers here"
            ))
        });
    }
    Ok(())
}

/// Every picture is one of this alert's, still on its box, with its half sealed.
fn pictures_are_there(
    it: &RequestBody,
    items: &[ItemSeen],
    of_alert: &[ItemSeen],
) -> Result<(), Problem> {
    for id in &it.items {
        let found = items.iter().find(|seen| seen.item.id.as_str() == id.as_str());
        let ours = of_alert.iter().any(|seen| {
            seen.device == it.device && seen.finding == it.finding && seen.item.id.as_str() == *id
        });
        let found = found.filter(|_| ours).ok_or_else(|| Problem::unknown("picture", id))?;
        if let Some(gone) = &found.gone {
            let why = found.gone_because.as_deref().unwrap_or("");
            return Err(Problem {
                zh: Some(format!("画面 {id} 已不在设备上:{why}").into()),
                ..Problem::new(
                    StatusCode::CONFLICT,
                    format!("picture {id} is {gone} on its box: {why}"),
                )
            });
        }
        if !it.halves.contains_key(id) {
            return Err(Problem::unprocessable(format!("halves: none for picture {id}")));
        }
    }
    Ok(())
}

/// Whether a custodian's signature stands under the text of this opening.
fn signed(it: &OpeningKept, roll: &Roll, role: CustodianRole) -> Result<(), Problem> {
    let ask = &it.opening.ask;
    let (account, sig) = match role {
        CustodianRole::Supervisor => (&ask.by, it.supervisor_sig.as_str()),
        _ => (&ask.reviewer, it.reviewer_sig.as_deref().unwrap_or_default()),
    };
    let wrong = || {
        let zh = "签名与申请内容不符,未受理:请刷新页面后重试";
        Problem {
            zh: Some(zh.into()),
            ..Problem::unprocessable(format!(
                "sig: `{account}` did not sign this very text; nothing was kept"
            ))
        }
    };
    let key = roll.standing(account, role).ok_or_else(wrong)?;
    let key = trust::VerifyingKey::from_base64(&key.verification_key).map_err(|_| wrong())?;
    let text = text_of(it)?;
    let sig = STANDARD.decode(sig).map_err(|_| wrong())?;
    key.check(text.as_bytes(), &sig).map_err(|_| wrong())
}

fn text_of(it: &OpeningKept) -> Result<String, Problem> {
    let order = release_order(it).ok_or_else(|| Problem::internal(&"an order without ids"))?;
    evidence::text::release(&order).map_err(|why| Problem::unprocessable(why.to_string()))
}

/// Openings of the reader: his own, or (an auditor) every one of his part of the country.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OpeningsSeen {
    pub requests: Vec<OpeningSeen>,
}

pub(super) async fn get_requests(
    State(app): Shared,
    who: Who,
) -> Result<Json<OpeningsSeen>, Problem> {
    a_person(&who)?;
    Ok(Json(app.blocking(move |a| openings_seen(a, &who)).await?))
}

/// Blocking.
pub(super) fn openings_seen(a: &App, who: &Who) -> Result<OpeningsSeen, StoreError> {
    let found = match who.role {
        Role::Auditor => a.store.openings_in(&who.scope)?,
        _ => a.store.openings_of_person(&who.name)?,
    };
    Ok(OpeningsSeen { requests: found.into_iter().map(OpeningSeen::that_it_is).collect() })
}

impl OpeningSeen {
    /// That it is, and nothing by which it could be opened.
    pub(super) fn that_it_is(it: OpeningKept) -> Self {
        let OpeningKept { id, alert, device, opening, .. } = it;
        Self { id, alert, device, opening, open: None }
    }
}

pub(super) async fn get_request(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
) -> Result<Json<OpeningSeen>, Problem> {
    Ok(Json(app.blocking(move |a| opening_seen(a, &who, &id)).await?))
}

/// Whole for the two of it; for the auditor of its place that it is. To everybody else it is another
/// person's. Blocking.
pub(super) fn opening_seen(a: &App, who: &Who, id: &str) -> Result<OpeningSeen, Problem> {
    let it = a.store.opening(id)?.ok_or_else(|| Problem::unknown("opening", id))?;
    let alert = seen(a.store.alert(&it.alert)?, who, id)?;
    a_person(who)?;
    if who.role == Role::Auditor {
        return Ok(OpeningSeen::that_it_is(it));
    }
    one_of_the_two(a, who, &it.opening)?;
    // What its box sent last, or time, may have ended it.
    let opening = it.opening.take(&Step::Expire, clock::now())?;
    let open = opening.state.is_live().then(|| whole(a, who, &it, &alert)).transpose()?;
    Ok(OpeningSeen { opening, open, ..OpeningSeen::that_it_is(it) })
}

/// The two see an opening, and act on it, for as long as they are custodians.
fn one_of_the_two(a: &App, who: &Who, opening: &Opening) -> Result<(), Problem> {
    let role = opening.role_in(&who.name).ok_or(Refusal::NotYours)?;
    if !a.store.is_custodian(&who.name, role)? {
        return Err(Refusal::Left { who: who.name.clone() }.into());
    }
    Ok(())
}

fn whole(a: &App, who: &Who, it: &OpeningKept, alert: &Alert) -> Result<OpeningWhole, Problem> {
    let mut items = a.store.evidence_of_finding(&it.device, &it.finding)?;
    items.retain(|seen| it.opening.items.contains_key(seen.item.id.as_str()));
    let findings = a.store.worst_findings(&alert.id, super::alerts::FINDINGS_SHOWN)?;
    let reports: Vec<_> = findings.iter().map(|f| &f.report).collect();
    let mut ids: Vec<String> = reports
        .iter()
        .filter(|r| r.finding_id == it.finding)
        .flat_map(|r| r.persons.iter().map(|p| p.person.to_string()))
        .collect();
    ids.dedup();
    deed::persons(&ids);
    let names = a.store.names_of(&ids)?;
    let mut persons = Vec::with_capacity(ids.len());
    for person in ids {
        persons.push(PersonSeen {
            name: names.get(&person).map_or_else(|| person.clone(), |n| n.0.clone()),
            registry_photo: a.faces.registry_photo_at(&person)?.is_some(),
            person,
        });
    }
    let halves = if it.opening.ask.by == who.name { &it.for_supervisor } else { &it.for_reviewer };
    Ok(OpeningWhole {
        finding: it.finding.clone(),
        items,
        requested_at: it.requested_at.clone(),
        expires_at: it.expires_at.clone(),
        text: text_of(it)?,
        supervisor_sig: it.supervisor_sig.clone(),
        halves: halves.clone(),
        roll: roll_of(a, alert)?,
        persons,
        monitoring: crate::legal::standing(&a.store, alert, reports)?,
    })
}

/// What one of the two does with an opening.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum OpeningStep {
    /// The reviewer's signature over the same text, and half `b` sealed to whoever asked.
    Approve {
        sig: String,
        halves: BTreeMap<String, SealedBytes>,
    },
    Refuse {
        reason: String,
    },
    Answer {
        same_person: SamePerson,
    },
}

pub(super) async fn post_request_step(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
    Body(it): Body<OpeningStep>,
) -> Result<Json<OpeningSeen>, Problem> {
    custodian_role(&who)?;
    deed::did(format!(
        "opening {}: {}",
        clip(&id, 64),
        match &it {
            OpeningStep::Approve { .. } => "approved",
            OpeningStep::Refuse { .. } => "refused",
            OpeningStep::Answer { same_person } => same_person.en(),
        }
    ));
    let (room, made) = app
        .blocking(move |a| {
            let found = a.store.opening(&id)?.ok_or_else(|| Problem::unknown("opening", &id))?;
            let alert = seen(a.store.alert(&found.alert)?, &who, &id)?;
            one_of_the_two(a, &who, &found.opening)?;
            let (by, now) = (who.name.as_str(), clock::now());
            match &it {
                OpeningStep::Approve { sig, halves } => {
                    let roll = roll_of(a, &alert)?;
                    let ask = &found.opening.ask;
                    let standing = Standing {
                        requester: roll.standing(&ask.by, CustodianRole::Supervisor).is_some(),
                        reviewer: roll.standing(&ask.reviewer, CustodianRole::Reviewer).is_some(),
                    };
                    let step = Step::Approve { by, standing };
                    a.store.approve_opening(&id, &step, sig, halves, now, |it, items| {
                        order_holds(it, items, &roll, now)
                    })?;
                }
                OpeningStep::Refuse { reason } => {
                    a.store.refuse_opening(&id, by, reason, now)?;
                }
                OpeningStep::Answer { same_person } => {
                    a.store.answer_opening(&id, by, *same_person, now)?;
                }
            }
            Ok::<_, Problem>((alert.room, opening_seen(a, &who, &id)?))
        })
        .await?;
    app.tell(Nudge::Room(room));
    app.touch();
    Ok(Json(made))
}

/// Judges the order as its box will: what a box would refuse is not sent.
fn order_holds(
    it: &OpeningKept,
    items: &[ItemSeen],
    roll: &Roll,
    now: Timestamp,
) -> Result<(), String> {
    for id in it.opening.items.keys() {
        if !it.for_supervisor.contains_key(id) {
            return Err(format!("halves: none for picture {id}"));
        }
    }
    let order = release_order(it).ok_or("the order lacks an id")?;
    let believed = evidence::Roll::first(&roll.wire()).map_err(|why| why.to_string())?;
    let knows = evidence::order::Knows {
        device: &order.device,
        roll: &believed,
        used: &BTreeSet::new(),
        items: &items.iter().map(|seen| seen.item.id.clone()).collect(),
        now,
    };
    evidence::order::check(&order, knows).map_err(|why| why.to_string())
}

/// The ciphertext of one picture: a look.
pub(super) async fn get_item(
    State(app): Shared,
    who: Who,
    Path((id, n)): Path<(String, String)>,
) -> Result<Download<Ciphertext>, Problem> {
    let bytes = app
        .blocking(move |a| {
            let found = a.store.opening(&id)?.ok_or_else(|| Problem::unknown("opening", &id))?;
            seen(a.store.alert(&found.alert)?, &who, &id)?;
            a_person(&who)?;
            one_of_the_two(a, &who, &found.opening)?;
            deed::did(format!(
                "looks at sealed picture {} of case {}",
                clip(&n, 64),
                found.opening.ask.case_number
            ));
            Ok::<_, Problem>(a.store.look_at(&id, &n, &who.name, clock::now())?)
        })
        .await?;
    app.touch();
    Ok(Download::new("sealed-picture.bin".to_owned(), bytes))
}

/// Sealed pictures of an alert, as its box's chain names them.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PicturesSeen {
    pub items: Vec<ItemSeen>,
}

pub(super) async fn get_pictures(
    State(app): Shared,
    who: Who,
    Path(id): Path<String>,
) -> Result<Json<PicturesSeen>, Problem> {
    a_person(&who)?;
    let items = app
        .blocking(move |a| {
            let alert = seen(a.store.alert(&id)?, &who, &id)?;
            Ok::<_, Problem>(a.store.evidence_of_alert(&alert.id)?)
        })
        .await?;
    Ok(Json(PicturesSeen { items }))
}

// ---- A box.

/// `POST /api/v1/evidence`: an envelope signed by the box, over a part of one ciphertext.
pub(super) async fn post_part(
    State(app): Shared,
    Body(envelope): Body<Envelope>,
) -> Result<Json<EvidencePartAnswer>, Problem> {
    let part: EvidencePart = serde_json::from_str(&envelope.body)
        .map_err(|e| Problem::unprocessable(format!("the part does not decode: {e}")))?;
    let refused =
        |why: &str| Problem::new(StatusCode::FORBIDDEN, format!("not taken from this box: {why}"));
    let key = app
        .keys
        .of(&part.delivers)
        .ok_or_else(|| refused("it is not provisioned here, or was revoked"))?;
    trust::verify(&envelope, &key).map_err(|why| refused(&why.to_string()))?;
    let bytes = STANDARD
        .decode(&part.part)
        .map_err(|_| Problem::unprocessable("part: base64 is needed"))?;
    if bytes.len() > MAX_PART_BYTES {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("part: {} bytes, at most {MAX_PART_BYTES} are taken", bytes.len()),
        ));
    }
    deed::by(&format!("box {}", part.delivers));
    deed::did(format!("opening {}: picture {} at {}", part.order, part.id, part.offset));
    match app.blocking(move |a| a.store.take_part(&part, &bytes, clock::now())).await? {
        PartTaken::Stored { bytes, complete } => {
            if complete {
                app.touch();
            }
            Ok(Json(EvidencePartAnswer { stored_bytes: bytes, complete }))
        }
        PartTaken::NoRelease => Err(refused("no opening waits for it")),
        PartTaken::AnotherHash => Err(Problem::new(
            StatusCode::CONFLICT,
            "size or SHA-256 is not the one that the box's chain names: begin it anew",
        )),
    }
}
