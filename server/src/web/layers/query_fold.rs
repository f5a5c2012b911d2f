//! Every query of an address, folded as the texts of bodies and forms are, before anything reads
//! it: what was typed wide is ASCII, and what nobody sees is no text. It judges no value.

use axum::extract::{Query, Request};
use axum::http::Uri;
use axum::middleware::Next;
use axum::response::Response;

use crate::problem::encoded;
use crate::text;

/// Addresses that are followed later: each is judged as it was sent.
const AS_SENT: [&str; 2] = ["to", "back"];

/// Words of people. Any other value of which nothing is left was no value: it is judged as it was
/// sent, and is not taken for one that was left out.
const WORDS: [&str; 2] = ["q", "why"];

pub(in crate::web) async fn layer(mut request: Request, next: Next) -> Response {
    if let Some(uri) = folded(request.uri()) {
        *request.uri_mut() = uri;
    }
    next.run(request).await
}

/// The address with its query folded; `None` where that changes nothing, or it is no query.
fn folded(uri: &Uri) -> Option<Uri> {
    // Without an escape it is plain ASCII.
    uri.query().filter(|query| query.contains(['%', '+']))?;
    let Query(sent) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    let mut kept = sent.clone();
    text::tidy_form(&mut kept);
    for (folded, sent) in kept.iter_mut().zip(&sent) {
        let vanished = folded.1.is_empty() && !WORDS.contains(&sent.0.as_str());
        if vanished || AS_SENT.contains(&sent.0.as_str()) {
            folded.1.clone_from(&sent.1);
        }
    }
    if kept == sent {
        return None;
    }
    let pairs = kept.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let query = pairs.collect::<Vec<_>>().join("&");
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = format!("{}?{query}", uri.path()).parse().ok();
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(text: &str) -> Option<String> {
        folded(&format!("/x?{text}").parse().unwrap()).map(|uri| uri.query().unwrap().to_owned())
    }

    #[test]
    fn what_was_typed_wide_in_an_address_is_ascii() {
        let wide = format!("from={}&q=a", encoded("２０２６－０３－０２"));
        assert_eq!(query(&wide).as_deref(), Some("from=2026-03-02&q=a"));
        let hidden = format!("why={}", encoded("\u{200b}\u{feff} "));
        assert_eq!(query(&hidden).as_deref(), Some("why="), "nobody sees a reason there");
        let turned = format!("q={}", encoded("王\u{202e}芳"));
        assert_eq!(query(&turned), Some(format!("q={}", encoded("王芳"))));
        for plain in [
            "from=%C2%84",
            "from=%E2%80%8B",
            "q=a+b",
            "to=%2F%0A",
            "q=%E7%8E%8B",
            "state=open",
            "q=100%25",
        ] {
            assert_eq!(query(plain), None, "{plain}");
        }
    }

    proptest! {
        /// What was folded once is folded for good, whatever came.
        #[test]
        fn a_folded_query_changes_no_more(text in "\\PC{0,30}") {
            let uri: Uri = format!("/x?q={0}&n={0}", encoded(&text)).parse().unwrap();
            if let Some(once) = folded(&uri) {
                prop_assert_eq!(folded(&once), None);
                prop_assert_eq!(once.path(), "/x");
            }
        }
    }
}
