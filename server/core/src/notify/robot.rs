//! Group robots of 企业微信 and 钉钉: one text message to a webhook that the configuration names.
//!
//! The shapes are the makers' own: both take `{"msgtype":"text","text":{"content":…}}` and answer
//! 200 with `{"errcode":0,"errmsg":"ok"}`; a robot of 钉钉 may ask for a signature in the address.
//! Sources: <https://developer.work.weixin.qq.com/document/path/91770>,
//! <https://open.dingtalk.com/document/robots/custom-robot-access>.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::DeliveryRefused;
use crate::address::encoded;
use crate::clock;
use crate::tls_client;

/// 企业微信 takes 2048 bytes of text.
const MOST_BYTES: usize = 2000;

#[derive(Serialize)]
struct Text<'a> {
    msgtype: &'static str,
    text: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    content: &'a str,
}

/// Of both makers' answers, what says whether it was taken.
#[derive(Deserialize)]
struct Answer {
    errcode: i64,
    #[serde(default)]
    errmsg: String,
}

/// No such robot, or its rules refuse the message: the same again is refused again.
const FOR_GOOD: [i64; 4] = [93_000, 310_000, 300_001, 40_035];

/// The address with the signature of 钉钉: base64 of HMAC-SHA-256 over `MS\nSECRET`.
fn signed(target: &str, secret: &[u8], at_ms: i64) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    mac.update(format!("{at_ms}\n").as_bytes());
    mac.update(secret);
    let sign = encoded(&STANDARD.encode(mac.finalize().into_bytes()));
    let joint = if target.contains('?') { '&' } else { '?' };
    Some(format!("{target}{joint}timestamp={at_ms}&sign={sign}"))
}

/// Cut at a character's end.
fn clipped(text: &str) -> &str {
    let end = (0..=MOST_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

pub(super) fn send(
    ca_file: Option<&Path>,
    (target, secret): (&str, Option<&[u8]>),
    text: &str,
) -> Result<String, DeliveryRefused> {
    let address = match secret {
        None => target.to_owned(),
        Some(secret) => {
            signed(target, secret, clock::now().as_millisecond()).ok_or("not signed")?
        }
    };
    let body = Text { msgtype: "text", text: Content { content: clipped(text) } };
    let body = serde_json::to_string(&body).map_err(|e| e.to_string())?;
    // The address holds the robot's key: no fault repeats it.
    let hidden = |error: String| error.replace(&address, "…").replace(target, "…");
    let mut answer = tls_client::http(ca_file)
        .map_err(DeliveryRefused::ForNow)?
        .post(&address)
        .header("Content-Type", "application/json")
        .send(&body)
        .map_err(|e| hidden(tls_client::explained(&e, "outgoing.ca_file")))?;
    if !answer.status().is_success() {
        return Err(DeliveryRefused::ForNow(answer.status().to_string()));
    }
    let said = answer.body_mut().with_config().limit(16 * 1024).read_to_string();
    read(&said.map_err(|e| hidden(e.to_string()))?)
}

fn read(answer: &str) -> Result<String, DeliveryRefused> {
    let Ok(said) = serde_json::from_str::<Answer>(answer) else {
        return Err(DeliveryRefused::ForNow(
            "the robot's answer is none of its maker's".to_owned(),
        ));
    };
    let words = format!("errcode {}: {}", said.errcode, clock::clip(&said.errmsg, 120));
    match said.errcode {
        0 => Ok(words),
        code if FOR_GOOD.contains(&code) => Err(DeliveryRefused::ForGood(words)),
        _ => Err(DeliveryRefused::ForNow(words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_errcode_0_was_not_taken() {
        assert!(read(r#"{"errcode":0,"errmsg":"ok"}"#).is_ok());
        let busy = read(r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#);
        assert!(matches!(busy, Err(DeliveryRefused::ForNow(_))));
        let gone = read(r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#);
        assert!(matches!(gone, Err(DeliveryRefused::ForGood(words)) if words.contains("93000")));
        for other in ["", "<html>", "[]", "{}", r#"{"errcode":"0"}"#] {
            assert!(matches!(read(other), Err(DeliveryRefused::ForNow(_))), "{other}");
        }
    }

    #[test]
    fn a_signature_stands_in_the_address() {
        // printf '1700000000000\nSEC1' | openssl dgst -sha256 -hmac SEC1 -binary | base64
        let address = signed("https://h/robot/send?access_token=a", b"SEC1", 1_700_000_000_000);
        let address = address.unwrap();
        let (before, sign) = address.split_once("&sign=").unwrap();
        assert_eq!(before, "https://h/robot/send?access_token=a&timestamp=1700000000000");
        assert_eq!(sign, "ukR4%2BWoOOBTGaOauYqugxVrMSFyr92q4hPxJxuOkiio%3D");
    }

    #[test]
    fn a_long_text_ends_at_a_characters_end() {
        let long = "在".repeat(2000);
        let cut = clipped(&long);
        assert!(cut.len() <= MOST_BYTES && cut.chars().all(|c| c == '在'));
        assert_eq!(clipped("在岗"), "在岗");
    }
}
