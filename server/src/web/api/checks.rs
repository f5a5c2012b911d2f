//! `/api/v1/checks`: the other way of being verified (P4), by card, PIN and a witness. Card and PIN
//! are compared here and go no further; the box is told who was verified, by whom it was witnessed,
//! and when.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use jiff::SignedDuration;
use protocol::down::CheckDirection;
use schemars::JsonSchema;
use serde::Serialize;

use crate::access::Role;
use crate::access::{Who, password};
use crate::app::App;
use crate::clock::{self, At, clip};
use crate::config::Mode;
use crate::ids::CheckId;
use crate::knowledge::Nudge;
use crate::problem::{JsonBody, Problem};
use crate::store::KeptCheck;
use crate::text::digits;
use crate::vault::Key;
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::scope::VisibleInstitutions;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/checks", get_checks)
            .roles(&[Role::Supervisor, Role::Clinic, Role::Integrator, Role::Auditor])
            .audited()
            .summary("Checks by card, PIN and witness, newest first"),
        Endpoint::post("/api/v1/checks", post_check)
            .roles(&[Role::Supervisor, Role::Clinic, Role::Integrator])
            .audited()
            .summary("Check by card, PIN and witness (P4)"),
    ]
}

type Shared = State<Arc<App>>;

/// A check as the kiosk at the door sends it.
#[derive(Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct CheckBody {
    pub room: String,
    /// The number on the card; whose it is, is known here.
    pub card: String,
    pub pin: String,
    /// Another practitioner, who confirms with the own PIN.
    pub witness: String,
    pub witness_pin: String,
    #[serde(default = "inward")]
    pub direction: CheckDirection,
    /// Left out: a check counts from the moment it is made, never backwards. (A demonstration plays
    /// on a day of its own.)
    #[serde(default)]
    pub at: Option<String>,
}

fn inward() -> CheckDirection {
    CheckDirection::In
}

impl std::fmt::Debug for CheckBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckBody")
            .field("room", &self.room)
            .field("witness", &self.witness)
            .finish_non_exhaustive()
    }
}

/// A card's number without blanks, 4 to 40 letters and digits; its hash under the master key is
/// what is kept.
pub(in crate::web) fn card_hash(master: &Key, card: &str) -> Result<String, Problem> {
    let number = crate::text::digits(card).replace('-', "").to_uppercase();
    if !(4..=40).contains(&number.len()) || !number.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err(Problem::unprocessable(
            "card: 4 to 40 letters and digits, as they stand on the card",
        ));
    }
    Ok(crate::vault::keyed_card(master, &trust::sha256_hex(format!("zaigang/v1/card\n{number}"))))
}

/// A PIN of 6 to 12 digits that does not count or repeat.
pub(in crate::web) fn pin_fault(pin: &str) -> Option<&'static str> {
    if !(6..=12).contains(&pin.len()) || !pin.chars().all(|c| c.is_ascii_digit()) {
        return Some("pin: 6 to 12 digits are needed");
    }
    let steps: Vec<i32> =
        pin.as_bytes().windows(2).map(|w| i32::from(w[1]) - i32::from(w[0])).collect();
    if steps.iter().all(|s| *s == steps[0]) && (-1..=1).contains(&steps[0]) {
        return Some("pin: digits that repeat or count are guessed first; choose others");
    }
    None
}

#[derive(Serialize, JsonSchema)]
struct CheckMade {
    id: String,
    person: String,
    witness: String,
    direction: CheckDirection,
    at: At,
}

async fn post_check(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<CheckBody>,
) -> Result<Created<CheckMade>, Problem> {
    let made = check(&app, &who, it, "api").await?;
    let KeptCheck { id, person, witness, direction, at, .. } = made;
    Ok(Created(CheckMade { id: id.to_string(), person, witness, direction, at }))
}

/// Compares card and PINs, keeps the check, tells the boxes of the room.
pub(in crate::web) async fn check(
    app: &Arc<App>,
    who: &Who,
    it: CheckBody,
    via: &'static str,
) -> Result<KeptCheck, Problem> {
    let card = card_hash(&app.master, &it.card)?;
    let it = CheckBody { pin: digits(&it.pin), witness_pin: digits(&it.witness_pin), ..it };
    if it.direction == CheckDirection::Unknown {
        return Err(Problem::unprocessable("direction: use in or out"));
    }
    let at = made_now(app, it.at.as_deref())?;
    let names = [format!("card {card}"), format!("witness {}", clip(&it.witness, 64))];
    let counted = app.throttled(&names, |t, now_ms| t.attempt(&[&names[0], &names[1]], now_ms));
    if let Err(wait) = counted.await? {
        let seconds = wait / 1000 + 1;
        return Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            format!("too many wrong PINs: try again in {seconds} s"),
        ));
    }
    let (who, asked) = (who.clone(), it.clone());
    let _turn = app.hash_turn(true).await?;
    let compared = app.blocking(move |a| compare(a, &who, &asked, &card)).await?;
    let (person, by) = match compared {
        Ok(found) => found,
        Err(which) => {
            // The card's PIN is compared first. A right one clears its own failures and nobody
            // else's; where it was wrong the witness's was not compared, and only this attempt is
            // taken back from them.
            app.throttled(&names, |t, _| match which {
                0 => t.take_back(&names[1]),
                _ => t.succeeded(&names[0]),
            })
            .await?;
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                ["card or PIN is wrong", "witness or witness's PIN is wrong"][which],
            ));
        }
    };
    app.throttled(&names, |t, _| names.iter().for_each(|name| t.succeeded(name))).await?;
    let made = KeptCheck {
        id: CheckId::fresh("k-"),
        room: it.room,
        person,
        witness: it.witness,
        direction: it.direction,
        at,
        made_at: At::now(),
        made_by: by,
        via: via.to_owned(),
    };
    keep(app, made).await
}

/// Who it is and in whose name it is written down; or which of the two failed: 0 the card, 1 the
/// witness.
type Compared = Result<(String, String), usize>;

/// Every comparison takes as long whether the card is known or not.
fn compare(a: &App, who: &Who, it: &CheckBody, card: &str) -> Result<Compared, Problem> {
    let seen = VisibleInstitutions::of(a, who)?;
    let room = a.store.rooms()?.into_iter().find(|r| r.id.as_str() == it.room);
    let room = room.ok_or_else(|| Problem::unknown("room", &it.room))?;
    seen.must_have(room.institution.as_str(), "room", &it.room)?;
    let of_card = a.store.credential_of_card(card)?;
    let right = |found: &Option<crate::store::CardCredential>, pin: &str| {
        let hash = found.as_ref().map_or(NOBODY.as_str(), |c| c.pin_hash.as_str());
        password::verify(pin, hash) && found.is_some()
    };
    if !right(&of_card, &it.pin) {
        return Ok(Err(0));
    }
    let person = of_card.map(|c| c.person).unwrap_or_default();
    if person == it.witness {
        return Err(Problem::unprocessable(
            "witness: another person than the one who is verified must witness it",
        ));
    }
    let witness = a.store.credential_of(&it.witness)?;
    if !right(&witness, &it.witness_pin) {
        return Ok(Err(1));
    }
    for id in [&person, &it.witness] {
        works_at(a, id, room.institution.as_str())?;
    }
    Ok(Ok((person, who.name.clone())))
}

/// A check is of somebody who may be in that institution's rooms.
pub(in crate::web) fn works_at(a: &App, id: &str, institution: &str) -> Result<(), Problem> {
    let found = a.store.practitioner(id)?;
    // Whether they are known elsewhere is not told.
    if found.is_some_and(|p| p.sites.iter().any(|s| s.institution.as_str() == institution)) {
        return Ok(());
    }
    Err(Problem::unprocessable(format!(
        "`{id}` has no relation to this institution: register it or issue a pass first"
    )))
}

/// The hash of nobody's PIN, so that an unknown card costs the same time.
static NOBODY: std::sync::LazyLock<String> =
    std::sync::LazyLock::new(|| password::hash("nobody").unwrap_or_default());

/// Now. Another time within two minutes of it is taken for now; a demonstration plays on a day of
/// its own.
fn made_now(app: &App, given: Option<&str>) -> Result<At, Problem> {
    let now = clock::now();
    let Some(given) = given.filter(|g| !g.is_empty()) else { return Ok(At::from(now)) };
    let at = clock::parse("at", given).map_err(Problem::unprocessable)?;
    if app.config.mode == Mode::Demonstration {
        return Ok(At::from(at));
    }
    if at > now + SignedDuration::from_mins(2) || at < now - SignedDuration::from_mins(2) {
        return Err(Problem::unprocessable(
            "at: a check counts from the moment it is made: leave this out",
        ));
    }
    Ok(At::from(now))
}

/// When something that a clinic's system states is said to have been: now, or within the last day;
/// a demonstration plays on a day of its own.
pub(in crate::web) fn time(app: &App, given: Option<&str>) -> Result<At, Problem> {
    let now = clock::now();
    let Some(given) = given.filter(|g| !g.is_empty()) else { return Ok(At::from(now)) };
    let at = clock::parse("at", given).map_err(Problem::unprocessable)?;
    let near =
        at <= now + SignedDuration::from_mins(2) && at >= now - SignedDuration::from_hours(24);
    if near || app.config.mode == Mode::Demonstration {
        return Ok(At::from(at));
    }
    Err(Problem::unprocessable("at: a check is told within a day, and not before it happens"))
}

/// Keeps a check that was compared here, or that a clinic's system states.
pub(in crate::web) async fn keep(app: &Arc<App>, made: KeptCheck) -> Result<KeptCheck, Problem> {
    let kept = made.clone();
    deed::persons([&made.person, &made.witness]);
    deed::did(format!("check {} in room {} by {}", made.id, made.room, made.via));
    app.blocking(move |a| a.store.put_check(&kept)).await?;
    app.tell(Nudge::Room(made.room.clone()));
    app.touch();
    Ok(made)
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
struct Checks {
    checks: Vec<KeptCheck>,
    next: Option<String>,
}

async fn get_checks(
    State(app): Shared,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<Checks>, Problem> {
    let part = query.part(&who, 100);
    let asked = part.clone();
    let mut found = app.blocking(move |a| a.store.checks_part(&asked)).await?;
    let next = cut(&mut found, &part, |c| format!("{} {}", c.at, c.id));
    deed::persons(found.iter().flat_map(|c| [&c.person, &c.witness]));
    Ok(Json(Checks { checks: found, next }))
}

/// The last checks at rooms that this person sees.
pub(in crate::web) async fn seen(app: &Arc<App>, who: &Who) -> Result<Vec<KeptCheck>, Problem> {
    let part = PartQuery::default().part(who, 99);
    app.blocking(move |a| a.store.checks_part(&part)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_the_same_however_it_is_spaced() {
        let card_hash = |card: &str| super::card_hash(&Key::from_bytes([1; 32]), card);
        assert_eq!(card_hash("ab12 3456").unwrap(), card_hash("AB-123456").unwrap());
        assert!(card_hash("12").is_err() && card_hash("卡1234").is_err());
    }

    #[test]
    fn a_pin_that_counts_or_repeats_is_refused() {
        for bad in ["12345", "123456", "654321", "000000", "12345a", "1234567890123"] {
            assert!(pin_fault(bad).is_some(), "{bad} was taken");
        }
        assert_eq!(pin_fault("739104"), None);
    }

    #[test]
    fn neither_card_nor_pin_prints() {
        let body = serde_json::json!(
            {"room":"r-1","card":"SECRETCARD","pin":"739104","witness":"w","witness_pin":"739105"});
        let body: CheckBody = serde_json::from_value(body).unwrap();
        assert!(!format!("{body:?}").contains("SECRET") && !format!("{body:?}").contains("7391"));
    }
}
