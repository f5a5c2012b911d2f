//! What travels through a browser and back unread: sealed with the server's key, for one purpose,
//! for ten minutes. Nothing of it is kept here.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::clock;
use crate::problem::Problem;
use crate::vault::Key;

/// How long a form that holds something sealed may stand open.
const OPEN_MS: i64 = 600_000;

#[derive(Serialize, Deserialize)]
struct Carried<T> {
    until_ms: i64,
    it: T,
}

pub(in crate::web) fn carry<T: Serialize>(
    app: &App,
    purpose: &str,
    it: T,
) -> Result<String, Problem> {
    sealed(&app.master, purpose, it, clock::now().as_millisecond())
}

/// `None` for what was not sealed here for this purpose, or too long ago.
pub(in crate::web) fn carried<T: DeserializeOwned>(
    app: &App,
    purpose: &str,
    text: &str,
) -> Option<T> {
    opened(&app.master, purpose, text, clock::now().as_millisecond())
}

fn sealed<T: Serialize>(key: &Key, purpose: &str, it: T, now_ms: i64) -> Result<String, Problem> {
    let plain = serde_json::to_vec(&Carried { until_ms: now_ms + OPEN_MS, it })
        .map_err(|e| Problem::internal(&e))?;
    let sealed =
        key.seal(&format!("carried: {purpose}"), &plain).map_err(|e| Problem::internal(&e))?;
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

fn opened<T: DeserializeOwned>(key: &Key, purpose: &str, text: &str, now_ms: i64) -> Option<T> {
    let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
    let plain = key.open(&format!("carried: {purpose}"), &sealed).ok()?;
    let carried: Carried<T> = serde_json::from_slice(&plain).ok()?;
    let left_ms = carried.until_ms.saturating_sub(now_ms);
    (1..=OPEN_MS).contains(&left_ms).then_some(carried.it)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_790_000_000_000;

    #[test]
    fn what_a_browser_wrote_itself_is_not_opened() {
        let key = Key::generate().unwrap();
        let plain = serde_json::to_vec(&Carried { until_ms: NOW_MS + 1_000, it: "wang" }).unwrap();
        for forged in [URL_SAFE_NO_PAD.encode(plain), "forged".to_owned(), String::new()] {
            assert_eq!(opened::<String>(&key, "link", &forged, NOW_MS), None);
        }
        let elsewhere = sealed(&Key::generate().unwrap(), "link", "wang", NOW_MS).unwrap();
        assert_eq!(opened::<String>(&key, "link", &elsewhere, NOW_MS), None);
    }

    #[test]
    fn what_was_sealed_for_one_purpose_opens_no_other() {
        let key = Key::generate().unwrap();
        let text = sealed(&key, "link", "wang", NOW_MS).unwrap();
        assert_eq!(opened::<String>(&key, "link", &text, NOW_MS).as_deref(), Some("wang"));
        assert_eq!(opened::<String>(&key, "code", &text, NOW_MS), None);
    }

    #[test]
    fn after_ten_minutes_it_opens_no_more() {
        let key = Key::generate().unwrap();
        let text = sealed(&key, "link", "wang", NOW_MS).unwrap();
        let at = |ms: i64| opened::<String>(&key, "link", &text, NOW_MS + ms).is_some();
        assert!(at(OPEN_MS - 1) && !at(OPEN_MS));
        assert!(!at(-1), "a clock set back lengthens nothing");
    }
}
