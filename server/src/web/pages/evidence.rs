//! The pages of sealed pictures: custodians and where pictures are taken; one opening; and the card
//! on an alert's page. What is secret happens in the browser (`evidence.js`); these pages hold no
//! key and no picture.

mod card;
mod opening;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use protocol::evidence::CustodianRole;

use super::frame::{PageFrame, local, render, shown};
use super::place_choice::{self, DivisionChoice};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::evidence::opening::Opening;
use crate::evidence::{CustodianSeen, PlaceKind, PolicyWord, RoleKeySeen, Roll, role_of};
use crate::problem::{Form, Problem};
use crate::store::StoreError;
use crate::web::api::evidence::evidence_seen;
use crate::web::api::evidence::{EvidencePolicyBody, OpeningSeen, openings_seen, set_policy};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::{AUTHORITY, OPENINGS};
use crate::web::view::messages;
use crate::web::view::names::{Html, Label, Names, Pages};
use crate::web::view::scope_tree::{self, InstitutionDivisions};
use crate::web::view::words::Lang;
pub(super) use card::EvidenceCard;
use opening::opening;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/evidence", page).roles(OPENINGS).audited(),
        Endpoint::form("/evidence", submit).roles(AUTHORITY).audited(),
        Endpoint::page("/evidence/{id}", opening).roles(OPENINGS).audited(),
    ]
}

#[derive(Template)]
#[template(path = "evidence.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
struct EvidencePage {
    f: PageFrame,
    jurisdiction: String,
    account: String,
    /// `supervisor` or `reviewer`; empty for whoever holds no keys.
    role: &'static str,
    roles: Vec<RoleView>,
    policies: Vec<PolicyView>,
    on_unless_said: bool,
    openings: Vec<OpeningView>,
    /// The reader has made their keys and is let in.
    stands: bool,
    /// They have made them and wait.
    waits: bool,
    /// Nobody of their role is here yet.
    first: bool,
    /// Whose custodians the boxes here believe, above this place; empty where nobody's.
    upper: String,
    may_set: bool,
    /// The fields of the division and of the institution for which pictures are switched.
    division: String,
    institution: String,
    named: bool,
}

struct RoleView {
    title: &'static str,
    own: bool,
    keys: Vec<KeyView>,
    people: Vec<CustodianView>,
    /// One alone: lost with them.
    alone: bool,
}

struct KeyView {
    version: u32,
    from: String,
    id: String,
    held_by: u32,
    items: u64,
    newest: bool,
}

struct CustodianView {
    id: i64,
    account: String,
    fingerprint: String,
    state: String,
    waits: bool,
    stands: bool,
    versions: String,
    own: bool,
}

struct PolicyView {
    place: Html,
    enabled: bool,
    basis: String,
    document: String,
    by: String,
    at: String,
}

/// A line of a list of openings.
pub(super) struct OpeningView {
    pub id: String,
    pub case_number: String,
    pub alert: String,
    pub by: String,
    pub reviewer: String,
    pub asked_at: String,
    pub until: String,
    pub state: &'static str,
    pub state_code: &'static str,
    pub refused_because: String,
    /// The reader is one of the two, and it lasts.
    pub yours: bool,
    pub answers: Vec<String>,
}

impl OpeningView {
    fn of(l: Lang, who: &Who, it: &OpeningSeen, people: &Names) -> Self {
        let o = &it.opening;
        Self {
            id: it.id.to_string(),
            case_number: o.ask.case_number.clone(),
            alert: it.alert.to_string(),
            by: people.get(&o.ask.by).to_string(),
            reviewer: people.get(&o.ask.reviewer).to_string(),
            asked_at: local(&At::from(o.asked_at)),
            until: if o.state.is_live() { local(&At::from(o.until)) } else { String::new() },
            state: l.t(o.state.zh(), o.state.en()),
            state_code: o.state.as_str(),
            // The reviewer's own words, or its box's line.
            refused_because: match &o.refused_because {
                Some(why) if it.declined_by_box => messages::of_a_box(l, why),
                why => why.clone().unwrap_or_default(),
            },
            yours: o.is_of(&who.name) && !matches!(who.role, Role::Auditor),
            answers: o
                .answers
                .iter()
                .map(|a| format!("{}: {}", a.by, l.t(a.same_person.zh(), a.same_person.en())))
                .collect(),
        }
    }
}

/// Names of the two of each opening. Blocking.
fn people<'a>(
    a: &App,
    who: &Who,
    openings: impl IntoIterator<Item = &'a Opening>,
) -> Result<Names, StoreError> {
    let both = |o: &'a Opening| [o.ask.by.as_str(), o.ask.reviewer.as_str()];
    Names::colleagues(a, who, openings.into_iter().flat_map(both))
}

/// What two people read to each other before one lets the other in: both keys of a custodian.
fn fingerprint(it: &CustodianSeen) -> String {
    let text = format!("{}\n{}", it.verification_key, it.sealing_key);
    let hash = trust::sha256_hex(text);
    let group = |n: usize| hash.get(n * 4..n * 4 + 4).unwrap_or_default().to_owned();
    (0..6).map(group).collect::<Vec<_>>().join(" ")
}

pub(super) async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, l, who.clone()).await;
    shown(&app, &who, l, made).await
}

async fn make(app: &Arc<App>, l: Lang, who: Who) -> Result<Response, Problem> {
    let reader = who.clone();
    let (seen, (openings, people), places) = app
        .blocking(move |a| {
            let openings = openings_seen(a, &reader)?;
            let people = people(a, &reader, openings.requests.iter().map(|it| &it.opening))?;
            let places = scope_tree::places(a)?;
            Ok::<_, StoreError>((evidence_seen(a, &reader)?, (openings, people), places))
        })
        .await?;
    let field =
        |name, label, chosen| DivisionChoice { name, label, everywhere: "", chosen, fault: "" };
    let everywhere = l.t("全部", "Everywhere");
    let division = DivisionChoice {
        everywhere,
        ..field("division", l.t("辖区", "Jurisdiction"), &who.scope)
    };
    let institution = field("institution", l.t("机构", "Institution"), "");
    let role = role_of(who.role);
    let mine = seen.roll.custodians.iter().find(|c| c.account == who.name && c.until.is_none());
    let page = EvidencePage {
        f: PageFrame::of(app, &who, l, "system", "/evidence").await?,
        role: role.map_or("", CustodianRole::as_str),
        roles: [CustodianRole::Supervisor, CustodianRole::Reviewer]
            .into_iter()
            .map(|of| role_view(l, &seen.roll, of, role == Some(of), &who.name))
            .collect(),
        policies: seen
            .policies
            .iter()
            .map(|word| policy_view((l, Pages::of(&who)), word, &places))
            .collect(),
        division: place_choice::division(l, &who, &division, &[]),
        institution: place_choice::institution(l, &who, &institution, &places),
        on_unless_said: seen.on_unless_said,
        openings: openings
            .requests
            .iter()
            .map(|it| OpeningView::of(l, &who, it, &people))
            .collect(),
        stands: mine.is_some_and(CustodianSeen::stands),
        waits: mine.is_some_and(|c| !c.stands()),
        first: role.is_some_and(|role| seen.roll.newest(role).is_none()),
        upper: seen.upper.unwrap_or_default(),
        may_set: who.role == Role::Supervisor,
        named: !who.open_house,
        jurisdiction: seen.roll.jurisdiction,
        account: who.name,
    };
    render(&page)
}

fn role_view(l: Lang, roll: &Roll, role: CustodianRole, own: bool, reader: &str) -> RoleView {
    let newest = roll.newest(role).map(|k| k.version);
    let key = |k: &RoleKeySeen| KeyView {
        version: k.version,
        from: local(&k.from),
        id: crate::evidence::key_id(&k.public_key),
        held_by: k.held_by,
        items: k.items,
        newest: newest == Some(k.version),
    };
    let people: Vec<&CustodianSeen> = roll.custodians.iter().filter(|c| c.role == role).collect();
    RoleView {
        title: match role {
            CustodianRole::Supervisor => {
                l.t("卫生监督员（申请，持密钥之半 a）", "Supervisors (ask, hold half a)")
            }
            _ => l.t("核查员（审批，持密钥之半 b）", "Reviewers (decide, hold half b)"),
        },
        own,
        alone: people.iter().filter(|c| c.stands()).count() == 1,
        keys: roll.role_keys.iter().filter(|k| k.role == role).map(key).collect(),
        people: people.into_iter().map(|c| custodian_view(l, c, own, reader)).collect(),
    }
}

fn custodian_view(l: Lang, c: &CustodianSeen, own_role: bool, reader: &str) -> CustodianView {
    let by = c.vouched.as_ref().map(|v| v.custodian.to_string()).unwrap_or_default();
    let state = match (&c.from, &c.until) {
        (_, Some(until)) => {
            let by = c.removed_by.clone().unwrap_or_default();
            format!("{} {} · {by}", l.t("已移除", "removed"), local(until))
        }
        (None, None) => l.t("等待准入", "waits to be let in").to_owned(),
        (Some(from), None) => {
            format!("{} {} · {by}", l.t("在任，自", "since"), local(from))
        }
    };
    CustodianView {
        id: c.id,
        account: c.account.clone(),
        fingerprint: fingerprint(c),
        state,
        waits: own_role && c.from.is_none() && c.until.is_none(),
        stands: c.stands(),
        versions: c.versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        own: c.account == reader,
    }
}

fn policy_view(
    (l, pages): (Lang, Pages),
    word: &PolicyWord,
    places: &InstitutionDivisions,
) -> PolicyView {
    let place = match word.kind {
        PlaceKind::Jurisdiction if word.place.is_empty() => Html::text(l.t("全部", "everywhere")),
        PlaceKind::Jurisdiction => Html::text(&crate::divisions::words(&word.place)),
        PlaceKind::Institution => {
            let name = places.get(&word.place).map_or("", |place| place.0.as_str());
            Label::new(name, &word.place).link(pages.institution)
        }
    };
    PolicyView {
        place,
        enabled: word.enabled,
        basis: word.basis.clone(),
        document: word.document.clone(),
        by: word.by.clone(),
        at: local(&word.at),
    }
}

#[derive(Debug, serde::Deserialize)]
pub(super) struct PolicyForm {
    kind: PlaceKind,
    #[serde(default)]
    division: String,
    #[serde(default)]
    institution: String,
    enabled: String,
    #[serde(default)]
    basis: String,
    #[serde(default)]
    document: String,
}

pub(super) async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(it): Form<PolicyForm>,
) -> Response {
    let PolicyForm { kind, division, institution, basis, document, enabled } = it;
    let place = match kind {
        PlaceKind::Jurisdiction => division,
        PlaceKind::Institution => institution,
    };
    let made = match enabled.as_str() {
        "on" | "off" => {
            let enabled = enabled == "on";
            let word = EvidencePolicyBody { kind, place, enabled, basis, document };
            set_policy(&app, who.clone(), word).await
        }
        _ => Err(Problem::unprocessable("enabled: use on or off")),
    };
    let made = made.map(|_| Redirect::to("/evidence").into_response());
    shown(&app, &who, l, made).await
}
