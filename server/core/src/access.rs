//! Who somebody is and what they may do. Pure but for the password hash; the store keeps accounts,
//! `web::layers::auth` asks here.

pub mod anonymous;
pub mod known_device;
pub mod oidc;
pub mod oidc_settings;
pub mod password;
pub mod secret;
pub mod source;
pub mod throttle;
pub mod totp;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clue::Agency;
use crate::ids::AccountId;
use crate::text::Listed as _;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs the server: accounts, boxes, policy. No faces.
    Admin,
    /// Health supervisor of a jurisdiction: registry, enrolment decisions, cases.
    Supervisor,
    /// Gives verdicts on alerts of a jurisdiction.
    Reviewer,
    /// One institution: proposes enrolments, declares sessions, answers.
    Clinic,
    /// A machine that declares sessions and keeps the registry up to date.
    Integrator,
    /// Reads everything and the audit log, changes nothing.
    Auditor,
    /// 协同单位: another agency. Posts clues, and reads how its own stand.
    Partner,
    /// Nobody in particular.
    Public,
}

impl Role {
    pub const ALL: [Self; 8] = [
        Self::Admin,
        Self::Supervisor,
        Self::Reviewer,
        Self::Clinic,
        Self::Integrator,
        Self::Auditor,
        Self::Partner,
        Self::Public,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Supervisor => "supervisor",
            Self::Reviewer => "reviewer",
            Self::Clinic => "clinic",
            Self::Integrator => "integrator",
            Self::Auditor => "auditor",
            Self::Partner => "partner",
            Self::Public => "public",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.as_str() == text)
    }
}

/// Whether a login name is one by which the audit log calls somebody else: nobody, everybody, a
/// box, the machine itself. Case does not tell two names apart to whoever reads them.
pub fn is_reserved(name: &str) -> bool {
    const WHOLE: [&str; 9] = [
        "public",
        "open",
        "nobody",
        "system",
        "server",
        "zaigang",
        "facts",
        "the person",
        "(policy)",
    ];
    const BEGINNINGS: [&str; 6] =
        ["box", "uid", "command line", "command-line", "token", "zaigang-"];
    let name = name.trim().to_lowercase();
    WHOLE.contains(&name.as_str()) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

/// Reads a partner's scope: an agency and the digits of a district, such as `grid/5101`.
pub fn partner_scope(scope: &str) -> Option<(Agency, &str)> {
    let (agency, district) = scope.split_once('/')?;
    let digits = district.len() <= 12 && district.bytes().all(|b| b.is_ascii_digit());
    Some((Agency::of_word(agency).filter(|_| digits)?, district))
}

/// Whoever sent a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// Login name, or the name of an API token; what the audit log says.
    pub name: String,
    pub role: Role,
    /// What they see: a jurisdiction prefix, or for a clinic its institution; empty for all. A
    /// partner's is its agency and district (`grid/5101`), and shows no institution.
    pub scope: String,
    /// Expected back from forms; empty where a token cannot be sent by another site's page.
    pub csrf: String,
    /// Proven by an API token: a program, whoever made it.
    pub by_token: bool,
    /// Accounts are switched off: everybody may do everything, and says by which name.
    pub open_house: bool,
}

/// What a route alone does not decide: who may do what within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// To hear whom a face resembles elsewhere in the country. To a clinic it would be a search by
    /// face (P10), and a program decides nothing by it.
    CompareFaces,
    /// To confirm or refuse a proposed enrolment.
    DecideEnrolments,
    /// To give a person a one-time link to card and PIN, or to the withdrawal of consent.
    GiveLinks,
    /// To give a verdict on an alert.
    GiveVerdicts,
    /// To go on site and to close: a case, beyond the verdicts.
    WorkCases,
    /// To declare sessions, and to bring in tables of them.
    DeclareSessions,
    /// To register people, rooms and items, and to bring in tables of them.
    KeepRegistry,
    /// To set numbers of the policy, within the own jurisdiction.
    SetPolicy,
    /// To decide what holds for every jurisdiction: the law table, the calendar.
    DecideForAll,
    /// To see which certificates of the server run out when.
    SeeCertificates,
    /// To speak for a clinic: its self-checks, its answers, the class of its rooms.
    SpeakForClinic,
    /// To judge what a clinic said: to accept or return it, to confirm the class of a room.
    JudgeClinics,
}

impl Who {
    pub fn nobody() -> Self {
        Self {
            name: "public".to_owned(),
            role: Role::Public,
            scope: String::new(),
            csrf: String::new(),
            by_token: false,
            open_house: false,
        }
    }

    /// Where accounts are switched off (a demonstration on loopback): everything is open, and the
    /// name says so.
    pub fn open_house() -> Self {
        Self {
            name: "open".to_owned(),
            role: Role::Admin,
            scope: String::new(),
            csrf: String::new(),
            by_token: false,
            open_house: true,
        }
    }

    /// Whether the role is one of these.
    pub fn is_one_of(&self, roles: &[Role]) -> bool {
        self.open_house || roles.contains(&self.role)
    }

    pub fn may(&self, right: Right) -> bool {
        if self.open_house {
            return true;
        }
        match right {
            Right::CompareFaces => self.role == Role::Supervisor && !self.by_token,
            Right::DecideEnrolments | Right::GiveLinks | Right::WorkCases => {
                self.role == Role::Supervisor
            }
            Right::GiveVerdicts => matches!(self.role, Role::Supervisor | Role::Reviewer),
            Right::DeclareSessions => matches!(self.role, Role::Clinic | Role::Integrator),
            Right::KeepRegistry => matches!(self.role, Role::Supervisor | Role::Integrator),
            Right::SetPolicy => match self.role {
                Role::Admin => true,
                // The whole country's numbers are the administrator's.
                Role::Supervisor => !self.scope.is_empty(),
                _ => false,
            },
            Right::DecideForAll => {
                matches!(self.role, Role::Admin | Role::Supervisor) && self.scope.is_empty()
            }
            Right::SeeCertificates => matches!(self.role, Role::Admin | Role::Auditor),
            Right::SpeakForClinic => self.role == Role::Clinic,
            Right::JudgeClinics => self.role == Role::Supervisor,
        }
    }

    /// The account that this is; none can be of a name that is no login name.
    pub fn account(&self) -> Option<AccountId> {
        self.name.parse().ok()
    }

    /// A partner's agency, and the district that it works for.
    pub fn agency(&self) -> Option<(Agency, &str)> {
        if self.role == Role::Partner { partner_scope(&self.scope) } else { None }
    }

    /// In whose name it is done: the own; where nobody logs in, the one that was given.
    pub fn signs_as(&self, given: &str) -> String {
        if self.open_house { given.trim().to_owned() } else { self.name.clone() }
    }

    /// Whether something that belongs to this institution in this jurisdiction may be seen.
    pub fn sees(&self, institution: &str, jurisdiction: &str) -> bool {
        match self.role {
            Role::Clinic => !self.scope.is_empty() && self.scope == institution,
            Role::Public | Role::Partner => false,
            _ => jurisdiction.starts_with(&self.scope),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(role: Role, scope: &str) -> Who {
        Who { role, scope: scope.into(), ..Who::nobody() }
    }

    #[test]
    fn a_supervisor_sees_their_jurisdiction_and_a_clinic_itself() {
        assert!(who(Role::Supervisor, "5101").sees("c-1", "510104"));
        assert!(!who(Role::Supervisor, "5102").sees("c-1", "510104"));
        assert!(who(Role::Auditor, "").sees("c-1", "510104"));
        assert!(who(Role::Clinic, "c-1").sees("c-1", "510104"));
        assert!(!who(Role::Clinic, "c-2").sees("c-1", "510104"));
        assert!(!who(Role::Clinic, "").sees("c-1", ""));
        assert!(!who(Role::Public, "").sees("c-1", "510104"));
        assert!(!who(Role::Partner, "grid/5101").sees("c-1", "510104"));
    }

    #[test]
    fn an_open_house_may_everything_and_nobody_nothing() {
        let rights = [
            Right::CompareFaces,
            Right::DecideEnrolments,
            Right::GiveLinks,
            Right::GiveVerdicts,
            Right::WorkCases,
            Right::DeclareSessions,
            Right::KeepRegistry,
            Right::SetPolicy,
            Right::DecideForAll,
            Right::SeeCertificates,
            Right::SpeakForClinic,
            Right::JudgeClinics,
        ];
        for right in rights {
            assert!(Who::open_house().may(right), "{right:?}");
            assert!(!Who::nobody().may(right), "{right:?}");
        }
        let program = Who { by_token: true, ..who(Role::Supervisor, "") };
        assert!(
            !program.may(Right::CompareFaces) && who(Role::Supervisor, "").may(Right::CompareFaces)
        );
    }

    #[test]
    fn a_name_is_given_only_where_nobody_logs_in() {
        assert_eq!(Who::open_house().signs_as(" wang "), "wang");
        assert_eq!(who(Role::Supervisor, "").signs_as("li"), "public");
    }

    #[test]
    fn names_that_the_log_gives_to_others_are_reserved() {
        for name in [
            "public",
            "Open",
            "box",
            "box-1",
            "BOX 7",
            "uid1000",
            "uid 0",
            "command line, uid 0",
            "zaigang-server",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["wang", "opens", "li.public", "wu-box"] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn a_partner_is_an_agency_of_a_district() {
        let partner = who(Role::Partner, "grid/5101");
        assert_eq!(partner.agency(), Some((Agency::Grid, "5101")));
        assert_eq!(who(Role::Supervisor, "grid/5101").agency(), None);
        for wrong in ["", "5101", "grid", "spies/5101", "grid/51a1", "grid/51/01"] {
            assert_eq!(partner_scope(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_role_has_a_name_of_its_own() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("root"), None);
    }
}
