//! Every route of the server, who may take it, and whether that is written down. A table; asks
//! nobody and refuses nobody.
//!
//! A route that is missing here is refused for everybody, and a test fails.

use axum::http::Method;

use crate::access::Role;
use Role::{Admin, Auditor, Clinic, Integrator, Reviewer, Supervisor};

const EVERYBODY: &[Role] = &Role::ALL;
const PEOPLE: &[Role] = &[Admin, Supervisor, Reviewer, Clinic, Integrator, Auditor];
const SIGHT: &[Role] = &[Supervisor, Reviewer, Clinic, Auditor];
/// Who keeps views of the inbox: whoever sees it but the auditor, who changes nothing.
const READERS: &[Role] = &[Supervisor, Reviewer, Clinic];
/// Who takes a case out of the house.
const PACKAGE: &[Role] = &[Supervisor, Auditor];
const VERDICTS: &[Role] = &[Supervisor, Reviewer];
/// Who sees that sealed pictures were opened; what they show, only the two of an opening see.
const OPENINGS: &[Role] = &[Supervisor, Reviewer, Auditor];
const AUTHORITY: &[Role] = &[Supervisor];
const REGISTRY: &[Role] = &[Supervisor, Integrator];
const ADMIN: &[Role] = &[Admin];
/// The administrator for all, a supervisor for the own jurisdiction.
const POLICY: &[Role] = &[Admin, Supervisor];
/// Who declares sessions, and who reads them.
const REGISTRY_SIGHT: &[Role] = &[Supervisor, Reviewer, Clinic, Integrator, Auditor];

/// Who answers for what is kept and what is deleted.
const KEEPERS: &[Role] = &[Admin, Supervisor, Auditor];

/// Tables in and out; the handler asks whose: the registry for REGISTRY, sessions for clinics and
/// machines.
const BULK: &[Role] = &[Supervisor, Clinic, Integrator];

/// What is kept of a request in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    /// Reads of personal data, and every change.
    Yes,
    No,
}

#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub method: &'static str,
    pub path: &'static str,
    pub roles: &'static [Role],
    pub audit: Audit,
}

const fn rule(
    method: &'static str,
    path: &'static str,
    roles: &'static [Role],
    audit: Audit,
) -> Rule {
    Rule { method, path, roles, audit }
}

/// Every route of the server.
pub const RULES: &[Rule] = &[
    rule("GET", "/healthz", EVERYBODY, Audit::No),
    rule("GET", "/readyz", EVERYBODY, Audit::No),
    rule("GET", "/assets/style.css", EVERYBODY, Audit::No),
    rule("GET", "/assets/app.js", EVERYBODY, Audit::No),
    rule("GET", "/assets/enrol.js", EVERYBODY, Audit::No),
    rule("GET", "/assets/icon.svg", EVERYBODY, Audit::No),
    rule("GET", "/language", EVERYBODY, Audit::No),
    rule("GET", "/login", EVERYBODY, Audit::No),
    rule("POST", "/login", EVERYBODY, Audit::Yes),
    rule("GET", "/login/oidc", EVERYBODY, Audit::No),
    rule("POST", "/login/oidc", EVERYBODY, Audit::Yes),
    rule("GET", "/login/oidc/done", EVERYBODY, Audit::Yes),
    rule("GET", "/account", PEOPLE, Audit::No),
    rule("POST", "/account/password", PEOPLE, Audit::Yes),
    rule("POST", "/account/second-factor", PEOPLE, Audit::Yes),
    rule("GET", "/account/provider", PEOPLE, Audit::No),
    rule("POST", "/account/provider", PEOPLE, Audit::Yes),
    rule("POST", "/account/provider/unlink", PEOPLE, Audit::Yes),
    rule("POST", "/logout", PEOPLE, Audit::Yes),
    rule("GET", "/welcome/{token}", EVERYBODY, Audit::No),
    rule("POST", "/welcome/{token}", EVERYBODY, Audit::Yes),
    rule("GET", "/accounts", ADMIN, Audit::Yes),
    rule("POST", "/accounts", ADMIN, Audit::Yes),
    rule("POST", "/accounts/{id}/disable", ADMIN, Audit::Yes),
    rule("POST", "/accounts/{id}/enable", ADMIN, Audit::Yes),
    rule("POST", "/accounts/{id}/reset", ADMIN, Audit::Yes),
    rule("POST", "/accounts/{id}/clear-waits", ADMIN, Audit::Yes),
    rule("POST", "/accounts/second-factor", ADMIN, Audit::Yes),
    rule("GET", "/audit", &[Admin, Auditor], Audit::Yes),
    rule("GET", "/audit/export", &[Admin, Auditor], Audit::Yes),
    rule("GET", "/system", PEOPLE, Audit::No),
    rule("GET", "/retention", KEEPERS, Audit::Yes),
    rule("GET", "/import", BULK, Audit::No),
    rule("POST", "/import", BULK, Audit::Yes),
    rule("GET", "/export/{noun}", BULK, Audit::Yes),
    rule("GET", "/tokens", ADMIN, Audit::Yes),
    rule("POST", "/tokens", ADMIN, Audit::Yes),
    rule("POST", "/tokens/{id}/revoke", ADMIN, Audit::Yes),
    rule("GET", "/hooks", ADMIN, Audit::No),
    rule("POST", "/hooks", ADMIN, Audit::Yes),
    rule("POST", "/hooks/{id}", ADMIN, Audit::Yes),
    rule("GET", "/figures", SIGHT, Audit::No),
    rule("GET", "/figures.csv", SIGHT, Audit::Yes),
    rule("GET", "/", SIGHT, Audit::No),
    rule("GET", "/alerts/{id}", SIGHT, Audit::Yes),
    rule("POST", "/alerts/{id}", &[Supervisor, Reviewer, Clinic], Audit::Yes),
    rule("GET", "/alerts/{id}/package", PACKAGE, Audit::Yes),
    rule("POST", "/bulk", VERDICTS, Audit::Yes),
    rule("POST", "/views", READERS, Audit::Yes),
    rule("POST", "/views/{id}/delete", READERS, Audit::Yes),
    rule("GET", "/wall", SIGHT, Audit::No),
    rule("GET", "/guide", PEOPLE, Audit::No),
    rule("GET", "/devices", &[Admin, Supervisor, Reviewer, Auditor], Audit::No),
    rule("POST", "/devices/{id}/unlock", REGISTRY, Audit::Yes),
    rule("GET", "/devices/{id}/review", &[Admin, Supervisor, Reviewer, Auditor], Audit::No),
    rule("POST", "/devices/{id}/review", AUTHORITY, Audit::Yes),
    rule("GET", "/calendar", PEOPLE, Audit::No),
    rule("POST", "/calendar", POLICY, Audit::Yes),
    rule("GET", "/law", PEOPLE, Audit::No),
    rule("POST", "/law", POLICY, Audit::Yes),
    rule("GET", "/sessions", SIGHT, Audit::Yes),
    rule("GET", "/sessions/{id}", SIGHT, Audit::Yes),
    rule("POST", "/sessions/{id}", &[Clinic], Audit::Yes),
    rule("GET", "/rooms/{id}/qr", &[Supervisor, Clinic], Audit::No),
    rule("GET", "/checks", &[Supervisor, Clinic, Auditor], Audit::Yes),
    rule("POST", "/checks", &[Supervisor, Clinic], Audit::Yes),
    rule("GET", "/checks/{id}/link", AUTHORITY, Audit::Yes),
    rule("POST", "/checks/{id}/link", AUTHORITY, Audit::Yes),
    rule("GET", "/personal/{token}", EVERYBODY, Audit::No),
    rule("POST", "/personal/{token}", EVERYBODY, Audit::Yes),
    rule("GET", "/registry", REGISTRY_SIGHT, Audit::Yes),
    rule("GET", "/registry/{noun}/{id}", REGISTRY, Audit::Yes),
    rule("POST", "/registry/{noun}/{id}", REGISTRY, Audit::Yes),
    rule("GET", "/policy", PEOPLE, Audit::No),
    rule("POST", "/policy", POLICY, Audit::Yes),
    rule("GET", "/policy/{sha256}", PEOPLE, Audit::No),
    rule("GET", "/people", SIGHT, Audit::Yes),
    rule("GET", "/enrol", &[Supervisor, Clinic], Audit::Yes),
    rule("POST", "/enrol", &[Supervisor, Clinic], Audit::Yes),
    rule("GET", "/enrolments/{id}", &[Supervisor, Clinic, Auditor], Audit::Yes),
    rule("POST", "/enrolments/{id}", AUTHORITY, Audit::Yes),
    rule("GET", "/enrolments/{id}/photo/{n}", AUTHORITY, Audit::Yes),
    rule("GET", "/evidence", OPENINGS, Audit::Yes),
    rule("POST", "/evidence", AUTHORITY, Audit::Yes),
    rule("GET", "/evidence/{id}", OPENINGS, Audit::Yes),
    rule("GET", "/registry-photo/{id}", AUTHORITY, Audit::Yes),
    rule("POST", "/registry-photo/{id}", AUTHORITY, Audit::Yes),
    rule("GET", "/registry-photo/{id}/picture", VERDICTS, Audit::Yes),
    rule("GET", "/assets/evidence.js", EVERYBODY, Audit::No),
    rule("GET", "/assets/evidence-keys.js", EVERYBODY, Audit::No),
    rule("GET", "/events", SIGHT, Audit::No),
    rule("GET", "/api/v1/institutions", PEOPLE, Audit::No),
    rule("POST", "/api/v1/institutions", REGISTRY, Audit::Yes),
    rule(
        "GET",
        "/api/v1/practitioners",
        &[Supervisor, Reviewer, Clinic, Integrator, Auditor],
        Audit::Yes,
    ),
    rule("POST", "/api/v1/practitioners", REGISTRY, Audit::Yes),
    rule("POST", "/api/v1/practitioners/{id}/withdraw", &[Supervisor, Clinic], Audit::Yes),
    rule("GET", "/api/v1/rooms", PEOPLE, Audit::No),
    rule("POST", "/api/v1/rooms", REGISTRY, Audit::Yes),
    rule("GET", "/api/v1/items", PEOPLE, Audit::No),
    rule("POST", "/api/v1/items", REGISTRY, Audit::Yes),
    rule(
        "GET",
        "/api/v1/sessions",
        &[Supervisor, Reviewer, Clinic, Integrator, Auditor],
        Audit::Yes,
    ),
    rule("POST", "/api/v1/sessions", &[Clinic, Integrator], Audit::Yes),
    rule(
        "GET",
        "/api/v1/sessions/{id}",
        &[Supervisor, Reviewer, Clinic, Integrator, Auditor],
        Audit::Yes,
    ),
    rule("POST", "/api/v1/sessions/{id}/steps", &[Clinic, Integrator], Audit::Yes),
    rule("GET", "/api/v1/checks", &[Supervisor, Clinic, Integrator, Auditor], Audit::Yes),
    rule("POST", "/api/v1/checks", &[Supervisor, Clinic, Integrator], Audit::Yes),
    rule("POST", "/api/v1/practitioners/{id}/links", AUTHORITY, Audit::Yes),
    rule("POST", "/api/v1/personal/{token}", EVERYBODY, Audit::Yes),
    rule("GET", "/api/v1/passes", &[Supervisor, Clinic, Integrator, Auditor], Audit::Yes),
    rule("POST", "/api/v1/passes", REGISTRY, Audit::Yes),
    rule("GET", "/api/v1/policy", PEOPLE, Audit::No),
    rule("POST", "/api/v1/policy", POLICY, Audit::Yes),
    rule("GET", "/api/v1/policy/{sha256}", PEOPLE, Audit::No),
    rule("GET", "/api/v1/devices", &[Admin, Supervisor, Reviewer, Auditor], Audit::No),
    rule("POST", "/api/v1/devices", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/devices/{id}/revoke", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/devices/{id}/commands", &[Supervisor, Clinic], Audit::Yes),
    rule("POST", "/api/v1/devices/{id}/unlock", REGISTRY, Audit::Yes),
    rule("GET", "/api/v1/devices/{id}/review", &[Admin, Supervisor, Reviewer, Auditor], Audit::No),
    rule("POST", "/api/v1/devices/{id}/review", AUTHORITY, Audit::Yes),
    rule("GET", "/api/v1/workdays", PEOPLE, Audit::No),
    rule("POST", "/api/v1/workdays", POLICY, Audit::Yes),
    rule("GET", "/api/v1/law", PEOPLE, Audit::No),
    rule("POST", "/api/v1/law", POLICY, Audit::Yes),
    rule("POST", "/api/v1/provision", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/renew", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/retire", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/zones", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/lock", EVERYBODY, Audit::Yes),
    rule("POST", "/api/v1/provision/unlock", EVERYBODY, Audit::Yes),
    rule("GET", "/api/v1/enrolments", &[Supervisor, Auditor], Audit::Yes),
    rule("POST", "/api/v1/enrolments", &[Supervisor, Clinic], Audit::Yes),
    rule("GET", "/api/v1/enrolments/come-again", &[Supervisor, Clinic, Auditor], Audit::Yes),
    rule("POST", "/api/v1/enrolments/quality", &[Supervisor, Clinic], Audit::No),
    rule("POST", "/api/v1/enrolments/{id}/confirm", AUTHORITY, Audit::Yes),
    rule("POST", "/api/v1/enrolments/{id}/refuse", AUTHORITY, Audit::Yes),
    rule("GET", "/api/v1/alerts", SIGHT, Audit::Yes),
    rule("GET", "/api/v1/alerts/{id}", SIGHT, Audit::Yes),
    rule("POST", "/api/v1/alerts/{id}/steps", &[Supervisor, Reviewer, Clinic], Audit::Yes),
    rule("GET", "/api/v1/alerts/{id}/package", PACKAGE, Audit::Yes),
    rule("POST", "/api/v1/alerts/steps", VERDICTS, Audit::Yes),
    rule("POST", "/api/v1/evidence", EVERYBODY, Audit::Yes),
    rule("GET", "/api/v1/evidence/alerts/{id}", VERDICTS, Audit::Yes),
    rule("GET", "/api/v1/evidence/custodians", OPENINGS, Audit::Yes),
    rule("POST", "/api/v1/evidence/custodians", VERDICTS, Audit::Yes),
    rule("POST", "/api/v1/evidence/custodians/{id}/steps", VERDICTS, Audit::Yes),
    rule("POST", "/api/v1/evidence/keys", VERDICTS, Audit::Yes),
    rule("POST", "/api/v1/evidence/passphrase", VERDICTS, Audit::Yes),
    rule("POST", "/api/v1/evidence/policy", AUTHORITY, Audit::Yes),
    rule("GET", "/api/v1/evidence/requests", OPENINGS, Audit::Yes),
    rule("POST", "/api/v1/evidence/requests", AUTHORITY, Audit::Yes),
    rule("GET", "/api/v1/evidence/requests/{id}", OPENINGS, Audit::Yes),
    rule("POST", "/api/v1/evidence/requests/{id}/steps", VERDICTS, Audit::Yes),
    rule("GET", "/api/v1/evidence/requests/{id}/items/{n}", VERDICTS, Audit::Yes),
    rule("POST", "/api/v1/evidence/unlock", VERDICTS, Audit::Yes),
    rule("GET", "/api/v1/views", SIGHT, Audit::No),
    rule("POST", "/api/v1/views", READERS, Audit::Yes),
    rule("POST", "/api/v1/views/{id}/delete", READERS, Audit::Yes),
    rule("GET", "/api/v1/audit", &[Admin, Auditor], Audit::Yes),
    rule("GET", "/api/v1/audit/export", &[Admin, Auditor], Audit::Yes),
    rule("GET", "/api/v1/accounts", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/accounts", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/accounts/{id}/disable", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/accounts/{id}/clear-waits", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/accounts/{id}/enable", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/accounts/{id}/reset", ADMIN, Audit::Yes),
    rule("GET", "/api/v1/accounts/second-factor", ADMIN, Audit::No),
    rule("POST", "/api/v1/accounts/second-factor", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/account/password", PEOPLE, Audit::Yes),
    rule("GET", "/api/v1/retention", KEEPERS, Audit::Yes),
    rule("GET", "/api/v1/export/{noun}", BULK, Audit::Yes),
    rule("POST", "/api/v1/import/{noun}", BULK, Audit::Yes),
    rule("GET", "/api/v1/openapi.json", EVERYBODY, Audit::No),
    rule("GET", "/api/v1/tokens", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/tokens", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/tokens/{id}/revoke", ADMIN, Audit::Yes),
    rule("GET", "/api/v1/hooks", ADMIN, Audit::No),
    rule("POST", "/api/v1/hooks", ADMIN, Audit::Yes),
    rule("POST", "/api/v1/hooks/{id}/steps", ADMIN, Audit::Yes),
    rule("GET", "/api/v1/deliveries", ADMIN, Audit::No),
    rule("GET", "/api/v1/figures", SIGHT, Audit::No),
    rule("GET", "/api/v1/summary", &[Admin, Supervisor, Reviewer, Auditor], Audit::No),
];

/// Whether this role may send this form.
pub(super) fn may_send(role: Role, path: &str) -> bool {
    rule_of(&Method::POST, path).is_some_and(|r| r.roles.contains(&role))
}

/// Whether this role may open a page; the overview lists only those.
pub(super) fn may_open(role: Role, path: &str) -> bool {
    rule_of(&Method::GET, path).is_some_and(|r| r.roles.contains(&role))
}

pub(super) fn rule_of(method: &Method, path: &str) -> Option<&'static Rule> {
    let method = if *method == Method::HEAD { "GET" } else { method.as_str() };
    RULES.iter().find(|r| r.method == method && r.path == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role::Public;

    /// The routes as the source has them: `.route("PATH", get(..).post(..))`.
    fn routes_in(source: &str, prefix: &str) -> Vec<(String, bool, bool)> {
        let squeezed: String = source.split_whitespace().collect();
        squeezed
            .split(".route(\"")
            .skip(1)
            .map(|rest| {
                let (path, rest) = rest.split_once('"').unwrap();
                let methods =
                    rest.split(".layer(").next().unwrap().split(".fallback(").next().unwrap();
                let methods = methods.split(".nest(").next().unwrap();
                (format!("{prefix}{path}"), methods.contains("get("), methods.contains("post("))
            })
            .collect()
    }

    #[test]
    fn every_route_has_a_rule_and_every_rule_a_route() {
        let source = include_str!("mod.rs");
        let (api, rest) = source.split_once("Router::new()\n        .nest(").unwrap();
        let mut routes = routes_in(api, "/api/v1");
        routes.extend(routes_in(rest, ""));
        routes.extend(routes_in(include_str!("pages/mod.rs"), ""));
        let mut ruled = 0;
        for (path, get, post) in &routes {
            for (method, there) in [("GET", *get), ("POST", *post)] {
                let rule = RULES.iter().find(|r| r.path == path && r.method == method);
                assert_eq!(
                    rule.is_some(),
                    there,
                    "{method} {path}: route {there}, rule {}",
                    rule.is_some()
                );
                ruled += usize::from(there);
            }
        }
        assert_eq!(ruled, RULES.len(), "a rule names a route that does not exist");
    }

    #[test]
    fn faces_and_verdicts_are_not_for_the_administrator_nor_the_auditor() {
        // His own login is everybody's to end and to mend.
        let own = |path: &str| {
            path == "/logout" || path.starts_with("/account/") || path == "/api/v1/account/password"
        };
        for rule in RULES {
            if rule.path.contains("/photo/") || rule.path.ends_with("/confirm") {
                assert_eq!(rule.roles, AUTHORITY, "{}", rule.path);
            }
            if rule.path == "/api/v1/alerts/{id}/steps" {
                assert!(!rule.roles.contains(&Admin) && !rule.roles.contains(&Auditor));
            }
            if rule.method == "POST" && !own(rule.path) && !rule.roles.contains(&Public) {
                assert!(
                    !rule.roles.contains(&Auditor),
                    "an auditor changes nothing: {}",
                    rule.path
                );
            }
        }
    }
}
