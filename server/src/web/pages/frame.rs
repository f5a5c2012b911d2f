//! What every page has about it: menu, counts, language, the times people read, and the page that
//! says what went wrong.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};

use crate::access::{Role, Who};
use crate::app::App;
use crate::certificates::ExpiringCertificate;
use crate::clock::{self, At};
use crate::config::Mode;
use crate::monitoring_review::{NOTICE_EN, NOTICE_ZH};
use crate::problem::{Problem, retry_after};
use crate::store::AlertCount;
use crate::web::request::cookies::cookie;
use crate::web::request::landing;
use crate::web::request::part::PartQuery;
pub(super) use crate::web::view::messages::{line, said};
use crate::web::view::names::{self, Label, Pages};
pub(super) use crate::web::view::times::{dated, local, zone_name};
use crate::web::view::words::Lang;

/// The menu: key, address, zh, en.
const MENU: [(&str, &str, &str, &str); 11] = [
    ("inbox", "/", "线索", "Leads"),
    ("clues", "/clues", "举报", "Clues"),
    ("grid", "/grid", "上报", "Hand in"),
    ("self-checks", "/self-checks", "自查", "Self-checks"),
    ("wall", "/wall", "大屏", "Wall"),
    ("people", "/people", "人员", "People"),
    ("sessions", "/sessions", "诊疗活动", "Sessions"),
    ("registry", "/registry", "登记", "Registry"),
    ("devices", "/devices", "设备", "Devices"),
    ("figures", "/figures", "统计", "Figures"),
    ("system", "/system", "更多", "More"),
];

tokio::task_local! {
    /// The page that is being made, with its query: what the other language is asked for. Set by
    /// `auth::layer`; nothing where the request changed something.
    pub(in crate::web) static ADDRESS: Option<String>;
}

/// One entry of the menu.
#[derive(Debug, Clone)]
pub(super) struct MenuEntry {
    pub key: &'static str,
    pub href: &'static str,
    pub name: &'static str,
}

/// Whoever is logged in, as the head of each page names them.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub name: String,
    pub role: &'static str,
}

/// A demonstration says so on every page, whatever its pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Demonstration {
    No,
    WithAccounts,
    /// Nobody logs in: whoever opens a page may do everything.
    Open,
}

impl Demonstration {
    fn of(app: &App) -> Self {
        match (app.config.mode, app.config.is_open_house()) {
            (Mode::Production, _) => Self::No,
            (Mode::Demonstration, false) => Self::WithAccounts,
            (Mode::Demonstration, true) => Self::Open,
        }
    }

    pub(super) fn is_on(self) -> bool {
        self != Self::No
    }

    pub(super) fn is_open(self) -> bool {
        self == Self::Open
    }
}

/// What every page's frame needs.
#[derive(Debug, Clone)]
pub(super) struct PageFrame {
    pub l: Lang,
    /// What the reader may open, by kind of thing.
    pub pages: Pages,
    pub page: &'static str,
    pub pack_note: &'static str,
    pub demonstration: Demonstration,
    pub liveness_waived: bool,
    pub connected: bool,
    /// Who is logged in, and as what: the frame offers to log out. `None` where nobody is.
    pub person: Option<Person>,
    /// The reader's first page.
    pub home: &'static str,
    pub open_alerts: i64,
    /// Where the feed stands, in the reader's own numbers: from there the page follows it. Empty
    /// for whoever may not.
    pub feed_head: String,
    pub here: String,
    /// Only what the reader may open.
    pub menu: Vec<MenuEntry>,
    /// Where the guide of the reader's role stands.
    pub guide: Option<&'static str>,
    /// How much waits for the reader (待办); `None` for whoever has no own work here.
    pub waiting: Option<usize>,
    /// For whoever runs the server: certificates that run out soon, and when.
    pub certificates: Vec<(String, String)>,
    /// The sentence of 行政处罚法 41, where something on the page is a lead alone.
    pub lead_only: &'static str,
}

impl PageFrame {
    /// With the sentence of 行政处罚法 41 above the page, where something on it `is` a lead alone.
    #[must_use]
    pub(super) fn lead_only(mut self, is: bool) -> Self {
        self.lead_only = if is { self.l.t(NOTICE_ZH, NOTICE_EN) } else { "" };
        self
    }

    /// The frame of a page that nobody looks at.
    #[cfg(test)]
    pub(super) fn for_test(l: Lang) -> Self {
        Self {
            l,
            pages: Pages::default(),
            page: "",
            pack_note: "",
            demonstration: Demonstration::No,
            liveness_waived: false,
            connected: true,
            person: None,
            home: "/",
            open_alerts: 0,
            feed_head: String::new(),
            here: String::new(),
            menu: Vec::new(),
            guide: None,
            waiting: None,
            certificates: Vec::new(),
            lead_only: "",
        }
    }

    /// A line that the server says in English to programs, in the reader's language.
    pub(super) fn said(&self, line: &str) -> String {
        said(self.l, line.to_owned())
    }

    /// Somebody of the registry by name: a link where the reader may open their page.
    pub(super) fn person(&self, it: &Label) -> names::Html {
        it.link(self.pages.person)
    }

    pub(super) fn room(&self, it: &Label) -> names::Html {
        it.link(self.pages.room)
    }

    pub(super) fn institution(&self, it: &Label) -> names::Html {
        it.link(self.pages.institution)
    }

    pub(super) fn device(&self, it: &Label) -> names::Html {
        it.link(self.pages.device)
    }

    pub(super) fn item(&self, it: &Label) -> names::Html {
        it.link(self.pages.item)
    }

    /// Somebody with an account of this house.
    pub(super) fn account(&self, it: &Label) -> names::Html {
        it.link(self.pages.account)
    }

    /// Whether the reader's menu leads there.
    pub(super) fn shows(&self, key: &str) -> bool {
        self.menu.iter().any(|entry| entry.key == key)
    }

    pub(super) async fn of(
        app: &Arc<App>,
        who: &Who,
        l: Lang,
        page: &'static str,
        here: &str,
    ) -> Result<Self, Problem> {
        let part = PartQuery::default().part(who, 1);
        let login = (who.role != Role::Public && !who.open_house).then(|| who.name.clone());
        let reader = who.clone();
        let (summary, feed_head, counts, account, waiting) = app
            .blocking(move |a| {
                let counts = a.store.alert_counts(&part.jurisdiction, &part.institution)?;
                let account = match login {
                    Some(login) => Some((a.store.account_named(&login)?, login)),
                    None => None,
                };
                let (summary, feed_head) = (a.store.summary()?, a.store.feed_head()?);
                let waiting = if crate::web::api::messages::has_own_work(&reader) {
                    Some(crate::web::api::messages::tasks(a, &reader)?.len())
                } else {
                    None
                };
                Ok::<_, crate::store::StoreError>((summary, feed_head, counts, account, waiting))
            })
            .await?;
        let person = account.map(|(account, login)| Person {
            name: account.map(|a| a.display).filter(|n| !n.is_empty()).unwrap_or(login),
            role: l.role(who.role),
        });
        let address = ADDRESS.try_with(Clone::clone).ok().flatten();
        let may_open = |path: &str| crate::web::request::rights::may_open(who, path);
        let (open_alerts, _) = AlertCount::open_and_urgent(&counts);
        Ok(Self {
            l,
            pages: Pages::of(who),
            page,
            pack_note: app.config.pack.note(),
            demonstration: Demonstration::of(app),
            liveness_waived: summary.liveness_waived,
            connected: *app.connected.borrow(),
            person,
            home: landing::first_page(who),
            open_alerts: if may_open("/") { open_alerts } else { 0 },
            feed_head: crate::web::api::live::cursor(app, who, feed_head),
            here: address.unwrap_or_else(|| here.to_owned()),
            menu: MENU
                .iter()
                .filter(|m| may_open(m.1))
                .map(|m| MenuEntry { key: m.0, href: m.1, name: l.t(m.2, m.3) })
                .collect(),
            lead_only: "",
            guide: may_open("/guide").then_some("/guide"),
            waiting,
            certificates: certificates(app, who, l),
        })
    }
}

fn certificates(app: &App, who: &Who, l: Lang) -> Vec<(String, String)> {
    if who.role != Role::Admin {
        return Vec::new();
    }
    let due = app.certificates.due(clock::now()).into_iter();
    let whose = |d: &ExpiringCertificate| format!("{} {}", l.t(d.whose.zh(), d.whose.en()), d.at);
    due.map(|d| (whose(&d), dated(&At::from(d.expires_at)))).collect()
}

/// The language: `?lang=`, else the cookie, else zh-CN.
impl<S: Send + Sync> FromRequestParts<S> for Lang {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.uri, &parts.headers))
    }
}

impl Lang {
    pub(in crate::web) fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let query = uri.query().unwrap_or_default();
        let asked = query.split('&').find_map(|p| p.strip_prefix("lang=")).and_then(Self::parse);
        asked.or_else(|| cookie(headers, "lang").and_then(|v| Self::parse(&v))).unwrap_or_default()
    }
}

pub(super) fn render<T: Template>(template: &T) -> Result<Response, Problem> {
    match template.render() {
        Ok(text) => Ok(Html(text).into_response()),
        Err(error) => Err(Problem::internal(&error)),
    }
}

/// A page with its status: 422 where what was sent is shown again with its fault.
pub(super) fn render_as<T: Template>(
    template: &T,
    status: axum::http::StatusCode,
) -> Result<Response, Problem> {
    let mut response = render(template)?;
    *response.status_mut() = status;
    Ok(response)
}

/// A page that says what went wrong, in the frame of the others.
#[derive(Template)]
#[template(path = "fault.html")]
struct FaultPage {
    f: PageFrame,
    status: u16,
    detail: String,
}

/// Where a form leads: on to a page, or shown `again` with the fault of what was refused.
pub(super) async fn led<F: Future<Output = Result<Response, Problem>>>(
    l: Lang,
    done: Result<(), Problem>,
    to: &str,
    again: impl FnOnce(String) -> F,
) -> Result<Response, Problem> {
    match done {
        Ok(()) => Ok(Redirect::to(to).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => again(line(l, problem)).await,
    }
}

/// Shows a problem as a page rather than as JSON.
pub(in crate::web) async fn shown(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    made: Result<Response, Problem>,
) -> Response {
    let problem = match made {
        Ok(response) => return response,
        Err(problem) => problem,
    };
    let (status, wait_s) = (problem.status, problem.retry_after_s);
    let detail = line(l, problem);
    match PageFrame::of(app, who, l, "", "/").await {
        Ok(f) => match render(&FaultPage { f, status: status.as_u16(), detail }) {
            Ok(page) => {
                let mut response = (status, page).into_response();
                retry_after(&mut response, wait_s);
                response
            }
            Err(worse) => worse.into_response(),
        },
        Err(worse) => worse.into_response(),
    }
}
