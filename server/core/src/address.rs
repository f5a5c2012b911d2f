//! Addresses of the web as texts: which may be asked, and how a part of one is written. Asks none.

/// Https, or plain http on this machine.
pub fn is_safe_origin(address: &str) -> bool {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", ""));
    let host = rest.split('/').next().unwrap_or_default();
    let here = ["127.0.0.1", "[::1]", "localhost"]
        .iter()
        .any(|h| host == *h || host.starts_with(&format!("{h}:")));
    !host.is_empty()
        && !host.contains(['@', ' '])
        && (scheme == "https" || (scheme == "http" && here))
}

/// As a part of a query or a form.
pub fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
