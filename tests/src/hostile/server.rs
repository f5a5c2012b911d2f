//! A server with accounts, two institutions in two provinces, and people of each role who log in as
//! people do.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::device::HostileBox;
use super::institutions::Side;
use super::user::User;
use crate::programs::{Program, ServerReady};
use crate::server::ServerPlan;

/// Everybody's; long enough for the server's rules on passwords.
const PASSWORD: &str = "correct horse battery staple";

/// Physicians who lawfully work on both sides: one whose id comes before everybody's, and one whose
/// id comes last.
pub const BOTH_SIDES: &str = "p-both";
pub const BOTH_SIDES_LAST: &str = "p-twin";

/// Somebody with an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TestAccount {
    Admin,
    /// Of the whole country.
    Auditor,
    /// Of the institution's district.
    Supervisor(Side),
    Reviewer(Side),
    /// Another person of the same role: two people stand before a lead.
    SecondReviewer(Side),
    Clinic(Side),
    Integrator(Side),
}

impl TestAccount {
    fn role(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Supervisor(_) => "supervisor",
            Self::Reviewer(_) | Self::SecondReviewer(_) => "reviewer",
            Self::Clinic(_) => "clinic",
            Self::Integrator(_) => "integrator",
        }
    }

    fn scope(self) -> &'static str {
        match self {
            Self::Admin | Self::Auditor => "",
            Self::Clinic(side) => side.institution(),
            Self::Supervisor(side)
            | Self::Reviewer(side)
            | Self::SecondReviewer(side)
            | Self::Integrator(side) => side.jurisdiction(),
        }
    }
}

/// The login name, such as `reviewer-here-2`.
impl fmt::Display for TestAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.role())?;
        match self {
            Self::Admin | Self::Auditor => Ok(()),
            Self::SecondReviewer(side) => write!(f, "-{}-2", side.word()),
            Self::Supervisor(side)
            | Self::Reviewer(side)
            | Self::Clinic(side)
            | Self::Integrator(side) => {
                write!(f, "-{}", side.word())
            }
        }
    }
}

/// The running house. It ends with its owner.
#[derive(Debug)]
pub struct HostileClinic {
    server: Mutex<Option<Program>>,
    plan: ServerPlan,
    ready: ServerReady,
    admin: User,
    users: Mutex<BTreeMap<TestAccount, User>>,
    folder: tempfile::TempDir,
}

impl HostileClinic {
    /// With the embedded broker and nothing else in its configuration.
    pub fn start() -> Result<Self> {
        Self::start_with("", &[])
    }

    /// With more tables of configuration (whole, such as `[ingest]\ngap_alert_s = 1\n`) and
    /// environment.
    pub fn start_with(more: &str, environment: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let plan = ServerPlan {
            accounts: true,
            more: more.to_owned(),
            ..ServerPlan::embedded(folder.path())
        };
        let (server, ready) = plan.start(environment)?;
        let link = std::fs::read_to_string(folder.path().join("server-data/first-admin-link"))
            .context("the server left no link for the first administrator")?;
        let path =
            link.trim().strip_prefix(&ready.http).context("the link leads elsewhere")?.to_owned();
        let admin = welcomed(&ready.http, &path, &TestAccount::Admin.to_string())?;
        let plan = plan.at(&ready);
        let users = Mutex::default();
        let house = Self { server: Mutex::new(Some(server)), plan, ready, admin, users, folder };
        house.furnish()?;
        Ok(house)
    }

    /// Where it is reached: `http://127.0.0.1:…`.
    pub fn base(&self) -> &str {
        &self.ready.http
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// For the server's own subcommands (`export`, `broker-config` …) over its folder.
    pub fn plan(&self) -> &ServerPlan {
        &self.plan
    }

    /// This person, logged in; the account is made by an invitation on first use.
    pub fn user(&self, who: TestAccount) -> Result<User> {
        if who == TestAccount::Admin {
            return Ok(self.admin.clone());
        }
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = users.get(&who) {
            return Ok(known.clone());
        }
        let invited = self
            .admin
            .post("/api/v1/accounts", &json!({"role": who.role(), "scope": who.scope()}))?
            .ok()?;
        let path = invited["path"].as_str().context("an invitation without its link")?;
        let user = welcomed(self.base(), path, &who.to_string())?;
        users.insert(who, user.clone());
        Ok(user)
    }

    /// Another login of the same person, as from another browser.
    pub fn again(&self, who: TestAccount) -> Result<User> {
        self.user(who)?;
        User::log_in(self.base(), &who.to_string(), PASSWORD)
    }

    /// A program with an API token of this role and scope.
    pub fn program(&self, who: TestAccount) -> Result<User> {
        let asked = json!({"name": format!("program-{who}"), "role": who.role(),
            "scope": who.scope(), "days": 1});
        let made = self.admin.post("/api/v1/tokens", &asked)?.ok()?;
        Ok(User::with_token(self.base(), made["token"].as_str().context("no token")?))
    }

    /// A program of the whole country with an API token of this role, such as `integrator`.
    pub fn program_of_the_country(&self, role: &str) -> Result<User> {
        let made = self.admin.post(
            "/api/v1/tokens",
            &json!({"name": format!("country-{role}"), "role": role, "days": 1}),
        )?;
        Ok(User::with_token(self.base(), made.ok()?["token"].as_str().context("no token")?))
    }

    /// Whoever comes by.
    pub fn nobody(&self) -> User {
        User::nobody(self.base())
    }

    /// The password of everybody here, for scenes of logging in.
    pub fn password(&self) -> &'static str {
        PASSWORD
    }

    /// Registers a box in the room, trades its token for real keys, and connects it.
    pub fn provision(&self, device: &str, room: &str) -> Result<HostileBox> {
        let registered = self.register(device, room)?;
        HostileBox::provision(
            self.base(),
            &registered,
            &self.folder.path().join(format!("state-{device}")),
        )
    }

    /// Registers a box (or moves it to another room); gives its provisioning token.
    pub fn register(&self, device: &str, room: &str) -> Result<String> {
        let made =
            self.admin.post("/api/v1/devices", &json!({"id": device, "room": room}))?.ok()?;
        Ok(made["provisioning_token"].as_str().context("no provisioning token")?.to_owned())
    }

    /// Declares a session by the clinic itself, or amends it; `start` and `end` are RFC 3339.
    pub fn declare(
        &self,
        side: Side,
        id: &str,
        room: &str,
        start: &str,
        end: Option<&str>,
    ) -> Result<Value> {
        let session = json!({"id": id, "room": room, "item": "laser-1",
            "declared_lead": side.lead(),
            "declared_operators": [side.physician()], "start": start, "end": end});
        self.user(TestAccount::Clinic(side))?.post("/api/v1/sessions", &session)?.ok()
    }

    /// The alerts that this person sees, newest first.
    pub fn alerts(&self, who: TestAccount) -> Result<Vec<Value>> {
        let shown = self.user(who)?.get("/api/v1/alerts?limit=200")?.ok()?;
        Ok(shown["alerts"].as_array().cloned().unwrap_or_default())
    }

    /// One alert as its page and API show it to this person.
    pub fn alert(&self, who: TestAccount, id: &str) -> Result<Value> {
        self.user(who)?.get(&format!("/api/v1/alerts/{id}"))?.ok()
    }

    /// What the server logged so far.
    pub fn log(&self) -> String {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_ref().map(Program::log_text).unwrap_or_default()
    }

    /// SIGTERM, and the same server again over the same folder, on the same ports.
    pub fn restart(&self) -> Result<()> {
        self.restart_after(|_| Ok(()))
    }

    /// As [`Self::restart`]; while the server is down, its folder of data is somebody's own.
    pub fn restart_after(&self, deed: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(mut running) = server.take() else { bail!("the server is not running") };
        running.terminate()?;
        deed(&self.folder.path().join("server-data"))?;
        *server = Some(self.plan.start(&[])?.0);
        Ok(())
    }

    /// The process id of the server: for its memory (`/proc/PID/status`) and the like.
    pub fn server_pid(&self) -> Option<u32> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Program::id)
    }

    fn furnish(&self) -> Result<()> {
        for side in Side::BOTH {
            let (north, east) = if side == Side::Here { (30.66, 104.06) } else { (30.27, 120.15) };
            let integrator = self.user(TestAccount::Integrator(side))?;
            let put =
                |noun: &str, body: Value| integrator.post(&format!("/api/v1/{noun}"), &body)?.ok();
            put(
                "institutions",
                json!({"id": side.institution(), "name": format!("{side:?} 医疗美容门诊部"),
                "kind": "门诊部", "grade_ceiling": 2, "filed_items": ["laser-1"],
                    "jurisdiction": side.jurisdiction(),
                "place": {"north_deg": north, "east_deg": east}}),
            )?;
            for room in [side.room(), side.other_room()] {
                put(
                    "rooms",
                    json!({"id": room, "institution": side.institution(), "name": room,
                        "mode": "in_room"}),
                )?;
            }
        }
        let item = json!({"code": "laser-1", "name_zh": "激光脱毛", "name_en": "Laser",
            "kind": "energy_device",
            "specialties": ["cosmetic_dermatology"], "min_operator": "licensed_physician"});
        let country = self.program_of_the_country("integrator")?;
        country.post("/api/v1/items", &item)?.ok()?;
        let site = |side: Side, lead: bool| {
            let lead_of = if lead { json!(["cosmetic_dermatology"]) } else { json!([]) };
            json!({"institution": side.institution(), "relation": "primary", "lead_of": lead_of})
        };
        let both = || Side::BOTH.map(|side| site(side, false)).to_vec();
        let mut people = vec![(BOTH_SIDES, both()), (BOTH_SIDES_LAST, both())];
        for side in Side::BOTH {
            people.push((side.lead(), vec![site(side, true)]));
            people.push((side.physician(), vec![site(side, false)]));
        }
        for (id, sites) in people {
            let person = json!({"id": id, "name": format!("姓名 {id}"),
                "category": "licensed_physician",
                "registration": "valid", "sites": sites});
            country.post("/api/v1/practitioners", &person)?.ok()?;
        }
        Ok(())
    }
}

/// Takes a one-time link as a person does: name, password, login.
pub fn welcomed(base: &str, path: &str, name: &str) -> Result<User> {
    let fields = [("name", name), ("display", name), ("password", PASSWORD)];
    let made = User::nobody(base).form(path, &fields)?;
    if made.status != 303 {
        bail!("the account {name} was not made: {} {}", made.status, made.text);
    }
    User::log_in(base, name, PASSWORD)
}
