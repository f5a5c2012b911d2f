//! What PostgreSQL keeps of a password (RFC 5803): made here, the password itself is in no
//! statement and in no log of the database.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::{digest, hmac, pbkdf2};

const ROUNDS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// A fresh verifier of an ASCII password.
pub(in crate::store) fn scram_verifier(password: &str) -> std::io::Result<String> {
    let mut salt = [0u8; 16];
    getrandom::fill(&mut salt).map_err(|e| std::io::Error::other(e.to_string()))?;
    Ok(salted(password, &salt))
}

fn salted(password: &str, salt: &[u8]) -> String {
    let mut derived = [0u8; 32];
    let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
    pbkdf2::derive(algorithm, ROUNDS, salt, password.as_bytes(), &mut derived);
    let key = hmac::Key::new(hmac::HMAC_SHA256, &derived);
    let client = hmac::sign(&key, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client.as_ref());
    let server = hmac::sign(&key, b"Server Key");
    let [salt, stored, server] =
        [salt, stored.as_ref(), server.as_ref()].map(|bytes| STANDARD.encode(bytes));
    format!("SCRAM-SHA-256${ROUNDS}:{salt}${stored}:{server}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677's example: password "pencil"; its stored key proves the client's proof there.
    #[test]
    fn a_verifier_is_the_one_of_the_standards_example() {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let made = salted("pencil", &salt);
        let (_, keys) = made.rsplit_once('$').unwrap();
        let (stored, server) = keys.split_once(':').unwrap();
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj\
            )hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTC\
            AfuxFIlj)hNlF$k0";
        let server = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(server).unwrap());
        let signed = STANDARD.encode(hmac::sign(&server, message.as_bytes()));
        assert_eq!(signed, "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        let stored = STANDARD.decode(stored).unwrap();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &stored);
        let signature = hmac::sign(&key, message.as_bytes());
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let client: Vec<u8> = signature.as_ref().iter().zip(proof).map(|(a, b)| a ^ b).collect();
        assert_eq!(digest::digest(&digest::SHA256, &client).as_ref(), stored);
    }
}
