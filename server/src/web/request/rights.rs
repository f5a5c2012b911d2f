//! Groups of roles by what they do together, and whether somebody may take a route. Each route
//! names its roles itself, where it stands; here nobody is asked and nobody refused.

use axum::http::Method;

use crate::access::{Role, Who};
use Role::{Admin, Auditor, Clinic, Integrator, Partner, Reviewer, Supervisor};

pub(in crate::web) const EVERYBODY: &[Role] = &Role::ALL;
pub(in crate::web) const PEOPLE: &[Role] =
    &[Admin, Supervisor, Reviewer, Clinic, Integrator, Auditor];
/// Whoever has an account of their own.
pub(in crate::web) const ACCOUNTS: &[Role] =
    &[Admin, Supervisor, Reviewer, Clinic, Integrator, Auditor, Partner];
pub(in crate::web) const SIGHT: &[Role] = &[Supervisor, Reviewer, Clinic, Auditor];
/// Who keeps views of the inbox: whoever sees it but the auditor, who changes nothing.
pub(in crate::web) const READERS: &[Role] = &[Supervisor, Reviewer, Clinic];
/// Who takes a case out of the house.
pub(in crate::web) const PACKAGE: &[Role] = &[Supervisor, Auditor];
pub(in crate::web) const VERDICTS: &[Role] = &[Supervisor, Reviewer];
/// Who sees that sealed pictures were opened; what they show, only the two of an opening see.
pub(in crate::web) const OPENINGS: &[Role] = &[Supervisor, Reviewer, Auditor];
/// Who reads clues; an auditor sees neither text nor contact of one.
pub(in crate::web) const CLUES: &[Role] = &[Supervisor, Reviewer, Auditor];
/// Who puts clues in, by hand or by a program.
pub(in crate::web) const CLUE_SENDERS: &[Role] = &[Supervisor, Reviewer, Partner];
/// Whose programs and people send clues, and answer what is asked back.
pub(in crate::web) const PARTNER: &[Role] = &[Partner];
/// Who answers a self-check.
pub(in crate::web) const CLINIC: &[Role] = &[Clinic];
/// Who takes a step with a self-check; the handler asks which.
pub(in crate::web) const SELF_CHECKERS: &[Role] = &[Supervisor, Clinic];
/// Who takes a step with a correction; the handler asks which.
pub(in crate::web) const CORRECTORS: &[Role] = &[Supervisor, Clinic];
pub(in crate::web) const AUTHORITY: &[Role] = &[Supervisor];
pub(in crate::web) const REGISTRY: &[Role] = &[Supervisor, Integrator];
/// Who registers, replaces and revokes boxes: supervisors and integrators in their part of the
/// country. A clinic never does.
pub(in crate::web) const BOX_KEEPERS: &[Role] = &[Admin, Supervisor, Integrator];
/// Who sees how boxes are.
pub(in crate::web) const BOX_SIGHT: &[Role] = &[Admin, Supervisor, Reviewer, Integrator, Auditor];
pub(in crate::web) const ADMIN: &[Role] = &[Admin];
/// The administrator for all, a supervisor for the own jurisdiction.
pub(in crate::web) const POLICY: &[Role] = &[Admin, Supervisor];
/// Who declares sessions, and who reads them.
pub(in crate::web) const REGISTRY_SIGHT: &[Role] =
    &[Supervisor, Reviewer, Clinic, Integrator, Auditor];

/// Who answers for what is kept and what is deleted.
pub(in crate::web) const KEEPERS: &[Role] = &[Admin, Supervisor, Auditor];

/// Tables in and out; the handler asks whose: the registry for REGISTRY, sessions for clinics and
/// machines.
pub(in crate::web) const BULK: &[Role] = &[Supervisor, Clinic, Integrator];

/// Whether this person may send this form.
pub(in crate::web) fn may_send(who: &Who, path: &str) -> bool {
    may_take(who, &Method::POST, path)
}

/// Whether this person may open a page; menus list only those.
pub(in crate::web) fn may_open(who: &Who, path: &str) -> bool {
    may_take(who, &Method::GET, path)
}

fn may_take(who: &Who, method: &Method, path: &str) -> bool {
    crate::web::route_of(method, path).is_some_and(|route| who.is_one_of(route.roles))
}

/// Two reviewers are two people: a token says which program asks, not who decides.
pub(in crate::web) const PERSONS_ALONE: &str =
    "only a person decides this: log in, and do it without an API token";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role::Public;
    use crate::web::routes;

    #[test]
    fn every_route_names_who_may_take_it() {
        for route in routes() {
            assert!(!route.roles.is_empty(), "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn every_change_is_audited_or_changes_nothing() {
        let looked_at = ["/api/v1/enrolments/quality"];
        for route in routes().iter().filter(|r| r.method == Method::POST) {
            assert!(route.audited || looked_at.contains(&route.path), "{}", route.path);
        }
    }

    #[test]
    fn admin_and_auditor_take_no_faces_and_no_verdicts() {
        // Everybody ends and mends the own login.
        let own = |path: &str| {
            path == "/logout" || path.starts_with("/account/") || path == "/api/v1/account/password"
        };
        for route in routes() {
            if route.path.contains("/photo/") || route.path.ends_with("/confirm") {
                assert_eq!(route.roles, AUTHORITY, "{}", route.path);
            }
            if route.path == "/api/v1/alerts/{id}/steps" {
                assert!(!route.roles.contains(&Admin) && !route.roles.contains(&Auditor));
            }
            if route.method == Method::POST && !own(route.path) && !route.roles.contains(&Public) {
                assert!(
                    !route.roles.contains(&Auditor),
                    "an auditor changes nothing: {}",
                    route.path
                );
            }
        }
    }
}
