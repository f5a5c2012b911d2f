//! One redaction for everything that is said: log lines, also those of libraries, and what the
//! commands print. An address keeps scheme, host and port; passwords that were read, and what
//! stands behind a word for one, become `[redacted]`.

use std::sync::{Mutex, PoisonError};

use url::Url;
use zeroize::Zeroizing;

const MASK: &str = "[redacted]";
/// Words before a password in an address or a text.
const KEYS: [&str; 7] = ["password", "passwd", "passwort", "pwd", "pass", "secret", "token"];
/// Parts of an address that open something by themselves: a robot's webhook, a signed link. In a
/// text such a word says nothing.
const KEYS_OF_ADDRESSES: [&str; 6] = ["key", "apikey", "sign", "sig", "signature", "auth"];
/// A shorter word stands in many texts by itself.
const SHORTEST: usize = 4;

static SECRETS: Mutex<Vec<Zeroizing<String>>> = Mutex::new(Vec::new());

/// Remembers a password that was read, so that no text shows it.
pub fn secret(text: &str) {
    if text.len() < SHORTEST {
        return;
    }
    let escaped: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let mut secrets = SECRETS.lock().unwrap_or_else(PoisonError::into_inner);
    for one in [text, &escaped] {
        if secrets.iter().all(|known| known.as_str() != one) {
            secrets.push(Zeroizing::new(one.to_owned()));
        }
    }
    // The longer first: one may be a part of another.
    secrets.sort_by_key(|known| std::cmp::Reverse(known.len()));
}

/// Remembers what an address may hold: its query, and each value in path and query that stands
/// behind a word for a password.
pub fn address(url: &Url) {
    url.query().into_iter().for_each(secret);
    let tail = format!("{}?{}", url.path(), url.query().unwrap_or_default());
    for part in tail.split(['/', '?', '&', ';']) {
        for (key, value) in pairs(part) {
            if is_key(key) {
                secret(value);
            }
        }
    }
}

/// `user=admin_password=x_channel=1` as pairs: the value of the last `=` before the next name.
fn pairs(part: &str) -> impl Iterator<Item = (&str, &str)> {
    let places: Vec<usize> = part.match_indices('=').map(|(at, _)| at).collect();
    let ends: Vec<usize> =
        places.iter().skip(1).map(|next| part[..*next].rfind('_').unwrap_or(*next)).collect();
    places.clone().into_iter().zip(ends.into_iter().chain([part.len()])).map(|(at, end)| {
        let key = part[..at].rsplit(['_', '&']).next().unwrap_or_default();
        (key, part.get(at + 1..end).unwrap_or_default())
    })
}

fn is_key(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    KEYS.iter().any(|word| key.ends_with(word))
}

/// The text without what nobody may read.
pub fn redacted(text: &str) -> String {
    let mut text = bare_addresses(text);
    for secret in SECRETS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), MASK);
        }
    }
    behind_keys(&text)
}

/// Every `rtsp://` address without user, path and query; every other without user.
fn bare_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find("://") {
        let scheme_at = rest[..found]
            .rfind(|c: char| !c.is_ascii_alphanumeric())
            .map_or(0, |before| before + 1);
        // A character before the scheme may be longer than a byte.
        let scheme_at = (scheme_at..=found).find(|at| rest.is_char_boundary(*at)).unwrap_or(found);
        let scheme = &rest[scheme_at..found];
        let behind = &rest[found + 3..];
        let length = behind.find(|c: char| c.is_whitespace() || "\"'<>(){}|\\".contains(c));
        let address = &behind[..length.unwrap_or(behind.len())];
        let authority = address.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        out.push_str(&rest[..found + 3]);
        out.push_str(host);
        let keeps = !scheme.to_ascii_lowercase().starts_with("rtsp");
        if keeps {
            out.push_str(&without_keys(&address[authority.len()..]));
        } else if address.len() > authority.len() + 1 {
            out.push_str("/…");
        }
        rest = &behind[address.len()..];
    }
    out.push_str(rest);
    out
}

/// Path, query and fragment of an address, without what opens something.
fn without_keys(tail: &str) -> String {
    let Some((path, query)) = tail.split_once('?') else { return tail.to_owned() };
    let parts = query.split('&').map(|part| match part.split_once('=') {
        Some((key, value)) if !value.is_empty() && opens(key) => format!("{key}={MASK}"),
        _ => part.to_owned(),
    });
    format!("{path}?{}", parts.collect::<Vec<_>>().join("&"))
}

fn opens(key: &str) -> bool {
    let last = key.rsplit(['_', '-', '.']).next().unwrap_or_default().to_ascii_lowercase();
    is_key(key) || KEYS_OF_ADDRESSES.contains(&last.as_str())
}

/// `password=x` keeps its name.
fn behind_keys(text: &str) -> String {
    if !text.contains('=') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('=') {
        let (before, behind) = rest.split_at(at + 1);
        out.push_str(before);
        let key =
            before[..at].rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        rest = behind;
        if is_key(key) && !rest.starts_with(MASK) {
            let end = rest
                .find(|c: char| c.is_whitespace() || "&_;,\"'<>)".contains(c))
                .unwrap_or(rest.len());
            if end > 0 {
                out.push_str(MASK);
            }
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_keeps_host_and_port_alone() {
        let said = redacted(
            "unknown stream rtsp://admin:S3CRET@10.0.0.5:554/live?user=admin&password=SECRET77, \
            again",
        );
        assert_eq!(said, "unknown stream rtsp://10.0.0.5:554/… again");
        assert_eq!(redacted("rtsp://10.0.0.5:554: gone"), "rtsp://10.0.0.5:554: gone");
        assert_eq!(
            redacted("https://u:p@h/x?y=1 and 在 rtsp://h/p。"),
            "https://h/x?y=1 and 在 rtsp://h/…"
        );
    }

    #[test]
    fn what_stands_behind_a_word_for_a_password_is_hidden() {
        assert_eq!(
            redacted("/user=admin_password=SECRET77_channel=1_stream=0.sdp"),
            "/user=admin_password=[redacted]_channel=1_stream=0.sdp"
        );
        assert_eq!(redacted("passwd=\"x\" a=1"), "passwd=\"x\" a=1");
    }

    #[test]
    fn what_opens_a_robot_or_a_link_is_hidden_in_its_address() {
        for (said, wanted) in [
            (
                "post https://qyapi.example/cgi-bin/webhook/send?key=693a-91f6 failed",
                "post https://qyapi.example/cgi-bin/webhook/send?key=[redacted] failed",
            ),
            (
                "https://oapi.example/send?access_token=ab12&timestamp=1&sign=Zm9v",
                "https://oapi.example/send?access_token=[redacted]&timestamp=1&sign=[redacted]",
            ),
            ("https://h/x?page=2&monkey=7", "https://h/x?page=2&monkey=7"),
            ("server_signing_key=abc kind=3", "server_signing_key=abc kind=3"),
        ] {
            assert_eq!(redacted(said), wanted);
        }
    }

    #[test]
    fn a_password_that_was_read_is_in_no_text() {
        secret("hund+katze_77");
        address(&"rtsp://h/cam?a=1&pwd=maus%21_88_x".parse().unwrap());
        address(&"rtsp://h/user=admin_password=tier_99_channel=1".parse().unwrap());
        for text in ["is hund+katze_77!", "hund%2Bkatze_77", "maus%21_88_x", "tier_99_channel"] {
            assert!(redacted(text).contains(MASK), "{text}: {}", redacted(text));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_borne(text in "\\PC{0,120}") {
            let once = redacted(&text);
            prop_assert!(once.len() <= text.len() * 8 + 40);
        }

        #[test]
        fn no_password_of_an_address_is_left(password in "[A-Za-z0-9]{6,20}",
            before in "\\PC{0,20}") {
            let text = format!("{before} rtsp://u:{password}@host/p?password={password}");
            prop_assert!(!redacted(&text).contains(&password) || before.contains(&password));
        }
    }
}
