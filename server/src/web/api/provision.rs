//! The calls by which a box gets, renews and loses its identity: a single-use token against keys, a
//! signature against a new certificate, and revocation.
//!
//! It never sees a box's secret key, and never takes a name from a request: the token or the
//! signature says who asks.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use protocol::envelope::Envelope;
use protocol::id::DeviceId;
use protocol::provision::{
    BrokerAddress, ProvisionRequest, ProvisionResponse, RenewRequest, RenewResponse, RetireRequest,
};
use schemars::JsonSchema;
use serde::Serialize;
use trust::{SealingPublicKey, VerifyingKey, sha256_hex};

use crate::access::secret::random_token;
use crate::app::App;
use crate::ca::{Authority, IssuedCertificate, revoked, write_private};
use crate::clock::{self, At};
use crate::problem::{JsonBody, Problem};
use crate::store::{DeviceState, NewKeys};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::EVERYBODY;

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::post("/api/v1/provision", post_provision)
            .roles(EVERYBODY)
            .audited()
            .summary("Exchange a token for a box's credentials"),
        Endpoint::post("/api/v1/provision/renew", post_renew)
            .roles(EVERYBODY)
            .audited()
            .summary("The next TLS certificate of a box"),
        Endpoint::post("/api/v1/provision/retire", post_retire)
            .roles(EVERYBODY)
            .audited()
            .summary("A box ends its own service"),
    ]
}

/// `POST /api/v1/provision`.
async fn post_provision(
    State(app): State<Arc<App>>,
    JsonBody(it): JsonBody<ProvisionRequest>,
) -> Result<Json<ProvisionResponse>, Problem> {
    let wrong = |e: trust::Refused| Problem::unprocessable(e.to_string());
    VerifyingKey::from_base64(&it.signing_key).map_err(wrong)?;
    SealingPublicKey::from_base64(&it.sealing_key).map_err(wrong)?;
    // A request that can not be signed must not use the token up.
    it.csr_pem.as_deref().map(Authority::examine).transpose()?;
    let password = random_token()?;
    let (secret_hash, token_hash) = (sha256_hex(&password), sha256_hex(&it.token));
    let csr = it.csr_pem.clone();
    let taken = app
        .blocking(move |a| {
            let keys = NewKeys {
                token_hash: &token_hash,
                signing_key: it.signing_key.trim(),
                sealing_key: it.sealing_key.trim(),
                mqtt_secret_hash: &secret_hash,
                firmware: &clock::clip(&it.firmware, 100),
            };
            let Some((device, room)) = a.store.provision(&keys, At::now())? else {
                return Ok(None);
            };
            a.keys.put(&device, it.signing_key.trim());
            write_revocation_list(a)?;
            let issued = csr.map(|csr| certify(a, &csr, &device)).transpose()?;
            Ok::<_, Problem>(Some((device, room, issued)))
        })
        .await?;
    let Some((device, room, issued)) = taken else {
        let why = "this provisioning token is unknown, used or out of date: make a new one with \
            POST /api/v1/devices";
        return Err(Problem::new(StatusCode::FORBIDDEN, why));
    };
    tracing::info!(%device, "device provisioned");
    // Where the broker asks for a certificate, a password would be one secret more to lose.
    let (broker, other_brokers) = app
        .broker_addresses
        .split_first()
        .ok_or_else(|| Problem::internal(&"there is no broker"))?;
    let password = (!broker.tls).then_some(password);
    let username = password.is_some().then(|| device.to_string());
    Ok(Json(ProvisionResponse {
        room,
        server_signing_key: app.signer.verifying_key().to_base64(),
        broker: BrokerAddress { username, password, ..broker.clone() },
        other_brokers: other_brokers.to_vec(),
        device,
        certificate_expires_at: issued.as_ref().map(|i| clock::text(i.expires_at)),
        ca_pem: issued.as_ref().map(|_| app.authority.ca_pem().to_owned()),
        certificate_pem: issued.map(|i| i.pem),
    }))
}

fn certify(app: &App, csr_pem: &str, device: &DeviceId) -> Result<IssuedCertificate, Problem> {
    let now = clock::now();
    let valid = Duration::from_hours(24 * app.config.certificate_days);
    let issued = app.authority.certify(csr_pem, device, now, valid)?;
    app.store.put_certificate(
        &issued.serial,
        device,
        At::from(now),
        At::from(issued.expires_at),
    )?;
    Ok(issued)
}

/// `POST /api/v1/provision/renew`: an envelope signed by the box, with a request for the key of its
/// next certificate. A replay gives a certificate for a key that only the box has.
async fn post_renew(
    State(app): State<Arc<App>>,
    JsonBody(envelope): JsonBody<Envelope>,
) -> Result<Json<RenewResponse>, Problem> {
    let said: RenewRequest = serde_json::from_str(&envelope.body)
        .map_err(|e| Problem::unprocessable(format!("the renewal does not decode: {e}")))?;
    let refused = |why: &str| {
        Problem::new(StatusCode::FORBIDDEN, format!("the certificate is not renewed: {why}"))
    };
    let key = app
        .keys
        .of(&said.device)
        .ok_or_else(|| refused("this box is not provisioned here, or was revoked"))?;
    trust::verify(&envelope, &key).map_err(|why| refused(&why.to_string()))?;
    let device: DeviceId = said.device.clone();
    let issued = app.blocking(move |a| certify(a, &said.csr_pem, &said.device)).await?;
    tracing::info!(%device, expires_at = %issued.expires_at, "certificate renewed");
    Ok(Json(RenewResponse {
        certificate_expires_at: clock::text(issued.expires_at),
        ca_pem: app.authority.ca_pem().to_owned(),
        certificate_pem: issued.pem,
    }))
}

#[derive(Serialize, JsonSchema)]
struct Revoked {
    #[schemars(with = "String")]
    id: DeviceId,
    state: DeviceState,
}

/// `POST /api/v1/provision/retire`: an envelope signed by the box, which destroys its keys next. A
/// replay finds no key.
async fn post_retire(
    State(app): State<Arc<App>>,
    JsonBody(envelope): JsonBody<Envelope>,
) -> Result<Json<Revoked>, Problem> {
    let said: RetireRequest = serde_json::from_str(&envelope.body)
        .map_err(|e| Problem::unprocessable(format!("the retirement does not decode: {e}")))?;
    let refused =
        |why: &str| Problem::new(StatusCode::FORBIDDEN, format!("the box is not retired: {why}"));
    let key = app
        .keys
        .of(&said.retires)
        .ok_or_else(|| refused("it is not provisioned here, or was revoked"))?;
    trust::verify(&envelope, &key).map_err(|why| refused(&why.to_string()))?;
    let (id, undelivered) = (said.retires.clone(), said.undelivered);
    app.blocking(move |a| {
        a.store.retire_device(&id, undelivered, At::now())?;
        forget_keys(a, &id)
    })
    .await?;
    app.touch();
    tracing::warn!(device = %said.retires, undelivered = said.undelivered, "device retired by \
        itself");
    Ok(Json(Revoked { id: said.retires, state: DeviceState::Revoked }))
}

/// Its messages are refused from here on, its password and certificates are void.
pub(in crate::web) async fn take_keys(app: &Arc<App>, device: DeviceId) -> Result<(), Problem> {
    app.blocking(move |a| {
        a.store.revoke_device(&device, At::now())?;
        forget_keys(a, &device)
    })
    .await
}

fn forget_keys(a: &App, device: &DeviceId) -> Result<(), Problem> {
    a.keys.remove(device);
    write_revocation_list(a)
}

/// `data_dir/ca.crl`, the file that Mosquitto's `crlfile` names. One at a time: of two at once, one
/// failed after its box's token was used up, or an older list could end up in place of a newer one.
pub(crate) fn write_revocation_list(app: &App) -> Result<(), Problem> {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let now = clock::now();
    let list = app
        .authority
        .revocation_list(&revoked(&app.store.revoked_certificates(At::from(now))?), now)?;
    Ok(write_private(&app.config.data_dir.join("ca.crl"), list.as_bytes())?)
}
