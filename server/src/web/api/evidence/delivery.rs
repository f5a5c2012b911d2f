//! Ciphertexts: in parts from their box, whole to the two people of an opening.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use protocol::envelope::Envelope;
use protocol::evidence::{EvidencePart, EvidencePartAnswer, MAX_PART_BYTES};
use schemars::JsonSchema;
use serde::Serialize;

use super::openings::one_of_the_two;
use super::{Shared, a_person};
use crate::access::Who;
use crate::clock::{self, clip};
use crate::evidence::ItemSeen;
use crate::ids::{AlertId, OpeningId};
use crate::knowledge::Nudge;
use crate::path_id::{PathId, PathIdAnd};
use crate::problem::{JsonBody, Problem};
use crate::store::PartTaken;
use crate::web::answer::{Ciphertext, Download};
use crate::web::api::alerts::seen;
use crate::web::request::deed;

/// The ciphertext of one picture: a look.
pub(in crate::web) async fn get_item(
    State(app): Shared,
    who: Who,
    PathIdAnd(id, n): PathIdAnd<OpeningId, String>,
) -> Result<Download<Ciphertext>, Problem> {
    let (room, bytes) = app
        .blocking(move |a| {
            let found = a.store.opening(&id)?.ok_or_else(|| Problem::unknown("opening", &id))?;
            let alert = seen(a.store.alert(&found.alert)?, &who, &id)?;
            a_person(&who)?;
            one_of_the_two(a, &who, &found.opening)?;
            deed::did(format!(
                "looks at sealed picture {} of case {}",
                clip(&n, 64),
                found.opening.ask.case_number
            ));
            let bytes = a.store.look_at(&id, &n, &who.name, clock::now())?;
            Ok::<_, Problem>((alert.room, bytes))
        })
        .await?;
    // Its box writes the look into its chain.
    app.tell(Nudge::Room(room));
    app.touch();
    Ok(Download::new("sealed-picture.bin".to_owned(), bytes))
}

/// Sealed pictures of an alert, as its box's chain names them.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct PicturesSeen {
    pub items: Vec<ItemSeen>,
}

pub(in crate::web) async fn get_pictures(
    State(app): Shared,
    who: Who,
    PathId(id): PathId<AlertId>,
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

/// `POST /api/v1/evidence`: an envelope signed by the box, over a part of one ciphertext.
pub(in crate::web) async fn post_part(
    State(app): Shared,
    JsonBody(envelope): JsonBody<Envelope>,
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
