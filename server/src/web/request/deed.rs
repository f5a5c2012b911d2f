//! What the audit log says of a request: handlers name here whom they showed, what they did and
//! where it lies; the layer in [`crate::web::layers::auth`] writes it down before anything is
//! answered.
//!
//! A handler that names nothing still leaves its entry: who, which address with which search, why,
//! and how it ended.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, Uri};

use crate::clock::clip;
use crate::problem::Problem;

/// Persons that one entry names; of a longer list it says how many more there were.
const MOST_PERSONS: usize = 50;
const MOST_WORDS: usize = 1000;

/// What a request's handlers have said of it so far.
#[derive(Debug, Default)]
pub(in crate::web) struct DeedDetails {
    persons: BTreeSet<String>,
    institutions: BTreeSet<String>,
    words: Vec<String>,
    actor: Option<String>,
}

/// Shared between the handler and the layer.
pub(in crate::web) type Notes = Arc<Mutex<DeedDetails>>;

tokio::task_local! {
    /// Of the request at work. Set by `auth::layer`.
    pub(in crate::web) static NOTES: Notes;
}

fn with(note: impl FnOnce(&mut DeedDetails)) {
    // Outside a request (a test of a helper) there is no entry to add to.
    let _ = NOTES.try_with(|notes| note(&mut lock(notes)));
}

fn lock(notes: &Notes) -> MutexGuard<'_, DeedDetails> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

/// These persons were shown.
pub(in crate::web) fn persons<I: AsRef<str>>(ids: impl IntoIterator<Item = I>) {
    with(|said| said.persons.extend(ids.into_iter().map(|id| id.as_ref().to_owned())));
}

/// What it was about lies at this institution.
pub(in crate::web) fn at(institution: &str) {
    with(|said| said.institutions.extend([institution.to_owned()]));
}

/// This was done, in words: the object and the step.
pub(in crate::web) fn did(words: impl Into<String>) {
    let words = words.into();
    with(|said| said.words.push(words));
}

/// The request itself proved who sent it: a login.
pub(in crate::web) fn by(name: &str) {
    with(|said| said.actor = Some(name.to_owned()));
}

/// What changed between two values of the registry, field by field. A name is said to have changed,
/// and not what it is.
pub(in crate::web) fn changes<T: serde::Serialize>(before: Option<&T>, after: &T) -> String {
    let fields = |value: &T| match serde_json::to_value(value) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => serde_json::Map::new(),
    };
    let after = fields(after);
    let Some(before) = before.map(fields) else { return "registered".to_owned() };
    let text = |value: Option<&serde_json::Value>| {
        clip(&value.map(ToString::to_string).unwrap_or_default(), 200)
    };
    let changed: Vec<String> = before
        .keys()
        .chain(after.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| match key.as_str() {
            "name" => "name changed".to_owned(),
            key => format!("{key} {} → {}", text(before.get(key)), text(after.get(key))),
        })
        .collect();
    if changed.is_empty() { "unchanged".to_owned() } else { changed.join("; ") }
}

/// What an entry is about, made of the address and of what the handlers said.
pub(in crate::web) struct AuditSubject {
    pub object: String,
    pub actor: Option<String>,
    pub institutions: Vec<String>,
}

/// Closes the notes of a request.
pub(in crate::web) fn entry(address: &str, notes: &Notes) -> AuditSubject {
    let said = std::mem::take(&mut *lock(notes));
    let mut parts = vec![address.to_owned()];
    if !said.words.is_empty() {
        parts.push(clip(&said.words.join("; "), MOST_WORDS));
    }
    if !said.persons.is_empty() {
        let more = said.persons.len().saturating_sub(MOST_PERSONS);
        let named: Vec<&str> = said.persons.iter().take(MOST_PERSONS).map(String::as_str).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        parts.push(format!("persons {}{more}", named.join(" ")));
    }
    AuditSubject {
        object: parts.join(" | "),
        actor: said.actor,
        institutions: said.institutions.into_iter().collect(),
    }
}

/// The address with what was searched for, as it was typed; without secrets and without what stands
/// elsewhere.
pub(in crate::web) fn address(route: &str, uri: &Uri) -> String {
    // A one-time link must not stand in a log.
    if route.contains("{token}") {
        return route.replace("{token}", "[redacted]");
    }
    let path = clip(uri.path(), 300);
    if route.starts_with("/login") {
        return path;
    }
    let asked = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map(|q| q.0)
        .unwrap_or_default();
    let asked: Vec<String> = asked
        .into_iter()
        .filter(|(key, value)| !value.is_empty() && !matches!(key.as_str(), "why" | "lang"))
        .map(|(key, value)| format!("{}={}", clip(&key, 40), clip(&value, 100)))
        .collect();
    if asked.is_empty() { path } else { clip(&format!("{path}?{}", asked.join("&")), 500) }
}

/// What the header `X-Why` says.
pub(in crate::web) fn reason(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("x-why") else { return Ok(None) };
    match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => Ok(Some(crate::text::plain(text))),
        Err(_) => Err(Problem::bad("X-Why: send it in UTF-8, it goes into the audit log")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_in_chinese_is_read_and_no_text_is_refused() {
        let with = |bytes: &[u8]| {
            let mut headers = HeaderMap::new();
            headers.insert("x-why", axum::http::HeaderValue::from_bytes(bytes).unwrap());
            reason(&headers)
        };
        assert_eq!(with("案号 2026-17".as_bytes()).unwrap().as_deref(), Some("案号 2026-17"));
        assert_eq!(with(b"\xb0\xb8").unwrap_err().status, axum::http::StatusCode::BAD_REQUEST);
        assert_eq!(reason(&HeaderMap::new()).unwrap(), None);
    }

    #[derive(serde::Serialize)]
    struct Doctor {
        name: &'static str,
        registration: &'static str,
    }

    #[test]
    fn a_change_is_said_field_by_field_without_the_name() {
        let before = Doctor { name: "王", registration: "pending" };
        let after = Doctor { name: "李", registration: "valid" };
        assert_eq!(
            changes(Some(&before), &after),
            "name changed; registration \"pending\" → \"valid\""
        );
        assert_eq!(changes(Some(&after), &after), "unchanged");
        assert_eq!(changes(None, &after), "registered");
    }

    #[test]
    fn an_address_keeps_the_search_and_no_secret() {
        let of = |route: &str, uri: &str| address(route, &uri.parse().unwrap());
        assert_eq!(
            of("/registry", "/registry?noun=people&q=%E7%8E%8B&why=x&lang=en"),
            "/registry?noun=people&q=王"
        );
        assert_eq!(of("/welcome/{token}", "/welcome/secret"), "/welcome/[redacted]");
        assert_eq!(of("/login/oidc/done", "/login/oidc/done?code=secret"), "/login/oidc/done");
    }

    #[test]
    fn an_entry_names_persons_and_counts_the_rest() {
        let notes = Notes::default();
        lock(&notes).persons = (0..60).map(|n| format!("p-{n:02}")).collect();
        let entry = entry("/people", &notes);
        assert!(entry.object.starts_with("/people | persons p-00 p-01"), "{}", entry.object);
        assert!(entry.object.ends_with("p-49 and 10 more"), "{}", entry.object);
    }
}
