//! Where somebody begins: the first page of each role, and the address that was asked for before
//! the login.
//!
//! It leads nowhere off this server, whatever an address says.

use std::fmt::Write as _;

use crate::access::{Role, Who};

/// The first page of whoever logged in.
pub(in crate::web) fn first_page(who: &Who) -> &'static str {
    match who.role {
        Role::Admin if !who.open_house => "/system",
        Role::Integrator => "/registry",
        Role::Auditor => "/audit",
        Role::Partner => "/grid",
        Role::Admin | Role::Supervisor | Role::Reviewer | Role::Clinic | Role::Public => "/",
    }
}

/// A page of this server with its query, as a header may bear it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(in crate::web) struct LocalPage(String);

/// Bytes of an address that is kept over a login.
const MOST_BYTES: usize = 1000;

impl LocalPage {
    /// `None` for whatever a browser could take for another host (`//host`, `/\host`, and the same
    /// with signs that browsers drop), and for what is no page to come back to.
    pub(in crate::web) fn parse(text: &str) -> Option<Self> {
        let below = text.strip_prefix('/')?;
        let path = text.split(['?', '#']).next().unwrap_or_default();
        let another_host = below.starts_with('/') || text.contains('\\');
        let no_page = ["/login", "/logout", "/language", "/welcome"].iter().any(|p| {
            path.strip_prefix(p).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if another_host
            || no_page
            || path.starts_with("/api/")
            || text.len() > MOST_BYTES
            || text.chars().any(char::is_control)
        {
            return None;
        }
        let mut plain = String::with_capacity(text.len());
        for byte in text.bytes() {
            if byte.is_ascii_graphic() {
                plain.push(char::from(byte));
            } else {
                // Writing into a `String` fails never.
                let _ = write!(plain, "%{byte:02X}");
            }
        }
        Some(Self(plain))
    }

    pub(in crate::web) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The login page that leads on to where somebody wanted to go.
pub(in crate::web) fn login_for(path_and_query: &str) -> String {
    match LocalPage::parse(path_and_query).filter(|page| page.as_str() != "/") {
        Some(page) => format!("/login?to={}", crate::problem::encoded(page.as_str())),
        None => "/login".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::request::rights::may_open;

    #[test]
    fn each_role_may_open_its_first_page() {
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Public) {
            let who = Who { role, ..Who::nobody() };
            assert!(may_open(&who, first_page(&who)), "{role:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_followed_stays_on_this_host(text in "[/\\\\a-z:.%@\\t\\n ?#é]{0,12}") {
            if let Some(page) = LocalPage::parse(&text) {
                let page = page.as_str();
                proptest::prop_assert!(page.starts_with('/') && !page.starts_with("//"));
                proptest::prop_assert!(page.bytes().all(|b| b.is_ascii_graphic() && b != b'\\'));
            }
        }
    }
}
