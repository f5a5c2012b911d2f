//! Logging in through an `OpenID` Connect provider: authorization code with PKCE (RFC 7636), state
//! and nonce; the ID token is verified against the provider's keys. It says only who somebody is;
//! what they may do is their account's role here.
//!
//! Who somebody is, are `iss` and `sub` together, which never change and are never given to another
//! (Core §5.7); a name may. What a login waits for travels in its own browser's cookie, so that
//! nobody's logins push another's out.
//!
//! Nothing is called but the issuer that the configuration names and the addresses that the
//! issuer's own metadata gives. Only keys of asymmetric algorithms are taken: a shared-secret or
//! unsigned token is refused.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::oidc_settings::Oidc as Settings;
use crate::address::{encoded, is_safe_origin};
use crate::tls_client;

/// Somebody who logs in has this long at the provider.
const PENDING_MS: i64 = 600_000;
/// As `sub` is limited (Core §2).
const MOST_SUBJECT_BYTES: usize = 255;
/// Clocks of two houses differ by no more.
const LEEWAY_S: i64 = 60;

#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    #[error("the login provider does not answer as it should: {0}")]
    Provider(String),
    #[error("this login was not begun here, or too long ago: begin again")]
    NotBegun,
    #[error("the login provider's token is refused: {0}")]
    Token(String),
}

/// What the provider says of itself.
#[derive(Debug, Clone, Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
}

/// A login that was begun; its browser keeps it, sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    begun_ms: i64,
}

impl std::fmt::Debug for Pending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("begun_ms", &self.begun_ms).finish_non_exhaustive()
    }
}

/// Whom the provider vouches for: the pair that it never gives to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderIdentity {
    pub issuer: String,
    pub subject: String,
}

/// What the provider said of somebody who logged in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLogin {
    pub identity: ProviderIdentity,
    /// How the provider calls them, for them to read; it identifies nobody.
    pub shown: String,
    /// The provider asked for a second factor.
    pub strong: bool,
}

/// The configured provider.
pub struct Provider {
    settings: Settings,
    secret: Option<String>,
    metadata: Mutex<Option<Metadata>>,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider").field("issuer", &self.settings.issuer).finish_non_exhaustive()
    }
}

/// Where the browser goes, and what its cookie holds until it is back.
#[derive(Debug)]
pub struct Begun {
    pub address: String,
    pub pending: Pending,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// The provider's keys (RFC 7517), as far as they verify.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Jwk>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Jwk {
    kid: Option<String>,
    kty: String,
    crv: String,
    n: String,
    e: String,
    x: String,
    y: String,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
}

impl Provider {
    /// Reads the secret; asks nobody yet.
    pub fn new(settings: Settings) -> std::io::Result<Self> {
        let secret = match &settings.client_secret_file {
            Some(path) => {
                let said = |why| std::io::Error::other(format!("{}: {why}", path.display()));
                Some(local_files::read_secret(path).map_err(said)?)
            }
            None => None,
        };
        Ok(Self { settings, secret, metadata: Mutex::default() })
    }

    /// Begins a login. Blocking: the first one asks the provider for its metadata.
    pub fn begin(
        &self,
        random: impl Fn() -> Result<String, OidcError>,
        now_ms: i64,
    ) -> Result<Begun, OidcError> {
        let metadata = self.metadata()?;
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&verifier));
        let back = self.back();
        let mut parts = vec![
            ("response_type", "code"),
            ("client_id", &self.settings.client_id),
            ("redirect_uri", &back),
            ("scope", "openid profile"),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let acr = self.settings.strong_acr.join(" ");
        if !acr.is_empty() {
            parts.push(("acr_values", &acr));
        }
        let query: Vec<String> =
            parts.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let joint = if metadata.authorization_endpoint.contains('?') { '&' } else { '?' };
        let address = format!("{}{joint}{}", metadata.authorization_endpoint, query.join("&"));
        Ok(Begun { address, pending: Pending { state, nonce, verifier, begun_ms: now_ms } })
    }

    /// Ends a login: whom the provider vouches for. `state` and `code` came back with the browser.
    /// Blocking.
    pub fn finish(
        &self,
        pending: &Pending,
        state: &str,
        code: &str,
        now_ms: i64,
    ) -> Result<ProviderLogin, OidcError> {
        // A clock that was set back by a little makes no login older.
        let age_ms = now_ms.saturating_sub(pending.begun_ms);
        let fresh = (-LEEWAY_S * 1000..PENDING_MS).contains(&age_ms);
        if state.is_empty() || state != pending.state || !fresh {
            return Err(OidcError::NotBegun);
        }
        let metadata = self.metadata()?;
        let token = self.exchange(&metadata, code, &pending.verifier)?;
        let keys: KeySet = get(&self.agent()?, &metadata.jwks_uri)?;
        let wanted = Wanted {
            issuer: &metadata.issuer,
            client: &self.settings.client_id,
            nonce: &pending.nonce,
            begun_s: pending.begun_ms / 1000,
        };
        let claims = verified(&token, &keys, &wanted, now_ms / 1000)?;
        vouched(&claims, &metadata.issuer, &self.settings)
    }

    fn agent(&self) -> Result<ureq::Agent, OidcError> {
        tls_client::http(self.settings.ca_file.as_deref()).map_err(OidcError::Provider)
    }

    fn back(&self) -> String {
        format!("{}/login/oidc/done", self.settings.public_url)
    }

    fn metadata(&self) -> Result<Metadata, OidcError> {
        let mut known = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metadata) = &*known {
            return Ok(metadata.clone());
        }
        let address = format!("{}/.well-known/openid-configuration", self.settings.issuer);
        let found: Metadata = get(&self.agent()?, &address)?;
        if found.issuer.trim_end_matches('/') != self.settings.issuer {
            return Err(OidcError::Provider("its metadata name another issuer".to_owned()));
        }
        for address in [&found.authorization_endpoint, &found.token_endpoint, &found.jwks_uri] {
            if !is_safe_origin(address) {
                return Err(OidcError::Provider(
                    "its metadata name an address without https".to_owned(),
                ));
            }
        }
        *known = Some(found.clone());
        Ok(found)
    }

    /// The code for an ID token.
    fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        verifier: &str,
    ) -> Result<String, OidcError> {
        let back = self.back();
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", back.as_str()),
            ("code_verifier", verifier),
        ];
        let mut request = self.agent()?.post(&metadata.token_endpoint);
        match &self.secret {
            Some(secret) => {
                // RFC 6749 §2.3.1: both parts are form-encoded first.
                let both = STANDARD.encode(format!(
                    "{}:{}",
                    encoded(&self.settings.client_id),
                    encoded(secret)
                ));
                request = request.header("Authorization", &format!("Basic {both}"));
            }
            None => form.push(("client_id", self.settings.client_id.as_str())),
        }
        let mut answer = request.send_form(form).map_err(|e| unreachable(&e))?;
        if !answer.status().is_success() {
            return Err(OidcError::Provider(format!("the code was refused ({})", answer.status())));
        }
        let tokens: Tokens =
            answer.body_mut().read_json().map_err(|e| OidcError::Provider(e.to_string()))?;
        Ok(tokens.id_token)
    }
}

fn unreachable(error: &ureq::Error) -> OidcError {
    OidcError::Provider(tls_client::explained(error, "oidc.ca_file"))
}

fn get<T: serde::de::DeserializeOwned>(agent: &ureq::Agent, address: &str) -> Result<T, OidcError> {
    let fault = |e: ureq::Error| unreachable(&e);
    let mut answer = agent.get(address).call().map_err(fault)?;
    if !answer.status().is_success() {
        return Err(OidcError::Provider(answer.status().to_string()));
    }
    answer.body_mut().read_json().map_err(fault)
}

/// Who a verified token says that somebody is.
fn vouched(
    claims: &serde_json::Value,
    issuer: &str,
    settings: &Settings,
) -> Result<ProviderLogin, OidcError> {
    let subject = claims["sub"].as_str().unwrap_or_default();
    if subject.is_empty() || subject.len() > MOST_SUBJECT_BYTES {
        return Err(OidcError::Token("it says no `sub`".to_owned()));
    }
    let name =
        ["preferred_username", "name", "email"].iter().find_map(|claim| claims[*claim].as_str());
    let by_acr =
        claims["acr"].as_str().is_some_and(|acr| settings.strong_acr.iter().any(|s| s == acr));
    let methods =
        claims["amr"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
    let by_amr = methods.into_iter().any(|amr| settings.strong_amr.iter().any(|s| s == amr));
    Ok(ProviderLogin {
        identity: ProviderIdentity { issuer: issuer.to_owned(), subject: subject.to_owned() },
        shown: crate::clock::clip(&crate::text::plain(name.unwrap_or(subject)), 100),
        strong: by_acr || by_amr,
    })
}

/// What a token must say.
struct Wanted<'a> {
    issuer: &'a str,
    client: &'a str,
    nonce: &'a str,
    /// The login began then: no token for it was made before.
    begun_s: i64,
}

/// Signature, issuer, audience, times and nonce of an ID token (`OpenID` Connect Core §3.1.3.7).
fn verified(
    token: &str,
    keys: &KeySet,
    wanted: &Wanted<'_>,
    now_s: i64,
) -> Result<serde_json::Value, OidcError> {
    let fault = |why: &str| OidcError::Token(why.to_owned());
    let (signed, signature) =
        token.rsplit_once('.').ok_or_else(|| fault("it is no signed token"))?;
    let (head, body) = signed.split_once('.').ok_or_else(|| fault("it is no signed token"))?;
    let read = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| fault("it is no base64"));
    let header: Header =
        serde_json::from_slice(&read(head)?).map_err(|_| fault("its header does not decode"))?;
    let key = match &header.kid {
        Some(kid) => keys.keys.iter().find(|key| key.kid.as_ref() == Some(kid)),
        None => keys.keys.first().filter(|_| keys.keys.len() == 1),
    };
    let key = key.ok_or_else(|| fault("it names no key of the provider"))?;
    if !holds(&header.alg, key, signed.as_bytes(), &read(signature)?) {
        return Err(fault(
            "its signature does not hold, or is not one that only the provider can make",
        ));
    }
    let claims: serde_json::Value =
        serde_json::from_slice(&read(body)?).map_err(|_| fault("what it says does not decode"))?;
    if claims["iss"].as_str() != Some(wanted.issuer) {
        return Err(fault("another issuer made it"));
    }
    let audience = match &claims["aud"] {
        serde_json::Value::Array(several) => {
            several.iter().filter_map(serde_json::Value::as_str).collect()
        }
        one => one.as_str().into_iter().collect::<Vec<_>>(),
    };
    let ours = audience.contains(&wanted.client);
    if !ours || (audience.len() > 1 && claims["azp"].as_str() != Some(wanted.client)) {
        return Err(fault("it was made for another client"));
    }
    let time = |claim: &str| numeric_date(&claims[claim]);
    if time("exp").is_none_or(|exp| exp.saturating_add(LEEWAY_S) < now_s) {
        return Err(fault("it is out of date"));
    }
    let soon = now_s.saturating_add(LEEWAY_S);
    let before = wanted.begun_s.saturating_sub(LEEWAY_S);
    if time("iat").is_none_or(|made| !(before..=soon).contains(&made)) {
        return Err(fault(
            "it was not made for this login's time: compare the clocks of both servers",
        ));
    }
    // Where it stands, it is a time.
    if !claims["nbf"].is_null() && time("nbf").is_none_or(|from| from > soon) {
        return Err(fault("it is not in force yet"));
    }
    if claims["nonce"].as_str() != Some(wanted.nonce) {
        return Err(fault("it answers another login"));
    }
    Ok(claims)
}

/// A time of a token: seconds since 1970, which may have a fraction (RFC 7519 §2). Rounded down.
fn numeric_date(value: &serde_json::Value) -> Option<i64> {
    let seconds = || value.as_f64().filter(|s| s.is_finite()).map(|s| s.floor() as i64);
    value.as_i64().or_else(seconds)
}

/// Only algorithms with a private key: a shared secret, or no signature, proves nothing.
fn holds(algorithm: &str, key: &Jwk, signed: &[u8], signature: &[u8]) -> bool {
    use ring::signature::{
        ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256,
        RsaPublicKeyComponents, UnparsedPublicKey,
    };
    let part = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    let rsa = || RsaPublicKeyComponents { n: part(&key.n), e: part(&key.e) };
    match (algorithm, key.kty.as_str(), key.crv.as_str()) {
        ("RS256", "RSA", _) => rsa().verify(&RSA_PKCS1_2048_8192_SHA256, signed, signature).is_ok(),
        ("PS256", "RSA", _) => rsa().verify(&RSA_PSS_2048_8192_SHA256, signed, signature).is_ok(),
        ("ES256", "EC", "P-256") => {
            let point = [vec![4], part(&key.x), part(&key.y)].concat();
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(signed, signature)
                .is_ok()
        }
        ("EdDSA", "OKP", "Ed25519") => {
            UnparsedPublicKey::new(&ED25519, part(&key.x)).verify(signed, signature).is_ok()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
