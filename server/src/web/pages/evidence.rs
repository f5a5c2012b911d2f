//! The pages of sealed pictures: custodians and where pictures are taken; one opening; and the card
//! on an alert's page. What is secret happens in the browser (`evidence.js`); these pages hold no
//! key and no picture.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use protocol::evidence::{CustodianRole, EvidenceKind, PictureSource};

use super::frame::{Frame, local, render, shown};
use super::law::MatterView;
use super::messages;
use super::names::{Label, Names};
use super::place_choice::{self, Field};
use super::scope_tree::{self, Places};
use super::words::Lang;
use crate::access::{Role, Who};
use crate::app::App;
use crate::evidence::opening::{Delivery, Opening, SamePerson};
use crate::evidence::{CustodianSeen, ItemSeen, PlaceKind, PolicyWord, RoleKeySeen, Roll, role_of};
use crate::problem::{Form, Problem};
use crate::store::{Alert, StoreError};
use crate::web::endpoint::Endpoint;
use crate::web::evidence::{
    OpeningSeen, PersonSeen, PolicyBody, evidence_seen, opening_seen, openings_seen, set_policy,
};
use crate::web::rights::{AUTHORITY, OPENINGS, may_open};

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
    f: Frame,
    jurisdiction: String,
    account: String,
    /// `supervisor` or `reviewer`; empty for whoever holds no keys.
    role: &'static str,
    roles: Vec<RoleView>,
    policies: Vec<PolicyView>,
    on_unless_said: bool,
    openings: Vec<OpeningView>,
    /// The reader has made his keys and is let in.
    stands: bool,
    /// He has made them and waits.
    waits: bool,
    /// Nobody of his role is here yet.
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
    /// One alone: lost with him.
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
    place: String,
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
            id: it.id.clone(),
            case_number: o.ask.case_number.clone(),
            alert: it.alert.clone(),
            by: people.get(&o.ask.by).to_string(),
            reviewer: people.get(&o.ask.reviewer).to_string(),
            asked_at: local(&crate::clock::text(o.asked_at)),
            until: if o.state.is_live() {
                local(&crate::clock::text(o.until))
            } else {
                String::new()
            },
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
    let field = |name, label, chosen| Field { name, label, everywhere: "", chosen, fault: "" };
    let everywhere = l.t("全部", "Everywhere");
    let division =
        Field { everywhere, ..field("division", l.t("辖区", "Jurisdiction"), &who.scope) };
    let institution = field("institution", l.t("机构", "Institution"), "");
    let role = role_of(who.role);
    let mine = seen.roll.custodians.iter().find(|c| c.account == who.name && c.until.is_none());
    let page = EvidencePage {
        f: Frame::of(app, &who, l, "system", "/evidence").await?,
        role: role.map_or("", CustodianRole::as_str),
        roles: [CustodianRole::Supervisor, CustodianRole::Reviewer]
            .into_iter()
            .map(|of| role_view(l, &seen.roll, of, role == Some(of), &who.name))
            .collect(),
        policies: seen.policies.iter().map(|word| policy_view(l, word, &places)).collect(),
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

fn policy_view(l: Lang, word: &PolicyWord, places: &Places) -> PolicyView {
    let place = match word.kind {
        PlaceKind::Jurisdiction if word.place.is_empty() => l.t("全部", "everywhere").to_owned(),
        PlaceKind::Jurisdiction => crate::divisions::words(&word.place),
        PlaceKind::Institution => {
            let name = places.get(&word.place).map_or("", |place| place.0.as_str());
            Label::new(name, &word.place).to_string()
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
            let word = PolicyBody { kind, place, enabled, basis, document };
            set_policy(&app, who.clone(), word).await
        }
        _ => Err(Problem::unprocessable("enabled: use on or off")),
    };
    let made = made.map(|_| Redirect::to("/evidence").into_response());
    shown(&app, &who, l, made).await
}

#[derive(Template)]
#[template(path = "evidence_opening.html")]
#[expect(clippy::struct_excessive_bools, reason = "four things that a page shows or leaves out")]
struct OpeningPage {
    f: Frame,
    it: OpeningView,
    number: i64,
    basis: String,
    purpose: String,
    may_hold_photo: bool,
    pictures: Vec<PictureView>,
    persons: Vec<PersonView>,
    monitoring: String,
    device: String,
    /// The reader decides, and it waits for him.
    decides: bool,
    /// He is one of the two, and may look now.
    looks: bool,
    waits_for_box: bool,
    answers: Vec<(&'static str, &'static str)>,
    /// That the pictures are no camera's; empty where they are.
    unreal: &'static str,
}

/// Somebody of the finding, and the photograph to compare with.
struct PersonView {
    id: String,
    name: String,
    /// Who put it there, and when; empty where there is none.
    photo: String,
    /// Why its origin should be looked at; empty where nothing speaks for that.
    late: &'static str,
}

fn person(l: Lang, of: &PersonSeen) -> PersonView {
    PersonView {
        id: of.person.clone(),
        name: of.name.clone(),
        photo: if of.registry_photo {
            format!("{} · {}", of.photo_by, local(&of.photo_at))
        } else {
            String::new()
        },
        late: if of.photo_is_late {
            l.t(
                "该注册照片在线索产生之后上传，或由本次申请人上传：比对前请先核实其来源。",
                "This registry photograph came after the finding, or from whoever asked for the \
                pictures: see where it is from before you compare.",
            )
        } else {
            ""
        },
    }
}

/// A picture in words.
struct PictureView {
    kind: &'static str,
    taken_at: String,
    size: String,
    covered: u32,
    gone: String,
    delivery: String,
}

fn picture(l: Lang, seen: &ItemSeen, delivery: Option<&Delivery>) -> PictureView {
    PictureView {
        kind: match seen.item.kind {
            EvidenceKind::SubjectCrop => l.t("当事人面部", "face of the subject"),
            EvidenceKind::SceneView => l.t("诊室场景", "view of the room"),
            EvidenceKind::Unknown => l.t("其他", "other"),
        },
        taken_at: local(&seen.item.taken_at),
        size: format!(
            "{}×{} · {} KiB",
            seen.item.width_px,
            seen.item.height_px,
            seen.item.bytes.div_ceil(1024)
        ),
        covered: seen.item.covered_faces,
        gone: match (&seen.gone, &seen.gone_because) {
            (None, _) => String::new(),
            (Some(_), Some(why)) if !why.is_empty() => messages::of_a_box(l, why),
            (Some(gone), _) if gone == "lost" => l.t("已丢失", "lost").to_owned(),
            (Some(_), _) => l.t("已删除", "deleted").to_owned(),
        },
        delivery: match delivery {
            None => String::new(),
            Some(Delivery::Waiting) => l.t("等待设备", "waits for the box").to_owned(),
            Some(Delivery::Arrived) => l.t("已送达", "here").to_owned(),
            Some(Delivery::Lost { why }) => {
                let why = messages::of_a_box(l, why);
                format!("{}{}{why}", l.t("设备已无", "lost"), l.t("：", ": "))
            }
        },
    }
}

pub(super) async fn opening(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
) -> Response {
    let made = make_opening(&app, l, who.clone(), id).await;
    shown(&app, &who, l, made).await
}

async fn make_opening(app: &Arc<App>, l: Lang, who: Who, id: String) -> Result<Response, Problem> {
    let (wanted, reader) = (id.clone(), who.clone());
    let (seen, number, people) = app
        .blocking(move |a| {
            let seen = opening_seen(a, &reader, &wanted)?;
            let number =
                a.store.alert(&seen.alert)?.map_or(0, |alert| alert.number.for_authority());
            let people = people(a, &reader, [&seen.opening])?;
            Ok::<_, Problem>((seen, number, people))
        })
        .await?;
    let o = &seen.opening;
    let open = seen.open.as_ref();
    let page = OpeningPage {
        f: Frame::of(app, &who, l, "inbox", &format!("/evidence/{id}")).await?,
        it: OpeningView::of(l, &who, &seen, &people),
        number,
        basis: o.ask.basis.clone(),
        purpose: o.ask.purpose.clone(),
        may_hold_photo: may_open(&who, "/registry-photo/{id}"),
        pictures: open.map_or_else(Vec::new, |whole| {
            let delivery = |seen: &ItemSeen| o.items.get(seen.item.id.as_str());
            whole.items.iter().map(|seen| picture(l, seen, delivery(seen))).collect()
        }),
        persons: open
            .map_or_else(Vec::new, |whole| whole.persons.iter().map(|of| person(l, of)).collect()),
        monitoring: open
            .map(|whole| l.t(&whole.monitoring.notice_zh, &whole.monitoring.notice_en).to_owned())
            .unwrap_or_default(),
        device: seen.device.clone(),
        decides: open.is_some() && o.state.as_str() == "requested" && o.ask.reviewer == who.name,
        looks: open.is_some() && o.state.is_visible(),
        waits_for_box: matches!(o.state.as_str(), "approved" | "released"),
        answers: SamePerson::ALL.iter().map(|a| (a.as_str(), l.t(a.zh(), a.en()))).collect(),
        unreal: unreal(l, open.map_or(&[][..], |whole| whole.items.as_slice())),
    };
    render(&page)
}

/// The card of an alert's page.
#[derive(Template)]
#[template(path = "evidence_card.html")]
pub(super) struct EvidenceCard {
    l: Lang,
    alert: String,
    number: i64,
    sets: Vec<SetView>,
    openings: Vec<OpeningView>,
    reviewers: Vec<String>,
    /// Articles of the rule that may be named as the basis.
    bases: Vec<String>,
    /// Why nobody can ask here, or not this reader; empty where he can.
    cannot: String,
    unreal: &'static str,
}

/// Pictures of one finding.
struct SetView {
    device: String,
    finding: String,
    rule: String,
    ids: String,
    pictures: Vec<PictureView>,
    /// Some are still on the box.
    there: bool,
    /// An opening of them lives: one at a time.
    asked: bool,
}

impl EvidenceCard {
    /// Blocking. Nothing where no picture was ever taken.
    pub(super) fn find(
        a: &App,
        l: Lang,
        who: &Who,
        alert: &Alert,
        findings: &[crate::alert_view::FindingSeen],
    ) -> Result<String, StoreError> {
        let items = a.store.evidence_of_alert(&alert.id)?;
        if items.is_empty() {
            return Ok(String::new());
        }
        let roll = a.store.roll_for(&alert.jurisdiction)?.unwrap_or_default();
        let openings = a.store.openings_of_alert(&alert.id)?;
        let live: Vec<(String, String)> = openings
            .iter()
            .filter(|it| it.opening.state.is_live())
            .map(|it| (it.device.clone(), it.finding.clone()))
            .collect();
        let people = people(a, who, openings.iter().map(|it| &it.opening))?;
        let view = |it| OpeningView::of(l, who, &OpeningSeen::that_it_is(it), &people);
        let openings = openings.into_iter().map(view).collect();
        let card = Self {
            l,
            number: alert.number.for_authority(),
            alert: alert.id.clone(),
            unreal: unreal(l, &items),
            sets: sets(l, &items, findings, &live),
            cannot: cannot(l, who, &roll),
            reviewers: roll
                .custodians
                .iter()
                .filter(|c| c.role == CustodianRole::Reviewer && c.stands())
                .map(|c| c.account.clone())
                .collect(),
            bases: bases(l, findings),
            openings,
        };
        Ok(card.render().unwrap_or_default())
    }
}

/// Says of drawn faces, and of photographs from files, what they are.
fn unreal(l: Lang, items: &[ItemSeen]) -> &'static str {
    let from = |source| items.iter().any(|seen| seen.source == source);
    if from(PictureSource::Drawn) {
        l.t("演示：画面为绘制人脸，并非真人。", "Demonstration: the faces are drawn, nobody's.")
    } else if from(PictureSource::Recorded) {
        l.t(
            "画面来自文件，并非诊室摄像机现场拍摄。",
            "The pictures come from files, not from a camera in the room.",
        )
    } else {
        ""
    }
}

fn sets(
    l: Lang,
    items: &[ItemSeen],
    findings: &[crate::alert_view::FindingSeen],
    live: &[(String, String)],
) -> Vec<SetView> {
    let mut sets: Vec<SetView> = Vec::new();
    for seen in items {
        if sets.last().is_none_or(|s| s.finding != seen.finding || s.device != seen.device) {
            let rule = findings.iter().find(|f| f.report.finding_id == seen.finding);
            sets.push(SetView {
                device: seen.device.clone(),
                finding: seen.finding.clone(),
                rule: rule.map(|f| l.rule(&f.report.rule)).unwrap_or_default(),
                ids: String::new(),
                pictures: Vec::new(),
                there: false,
                asked: live.iter().any(|(d, f)| *d == seen.device && *f == seen.finding),
            });
        }
        let Some(set) = sets.last_mut() else { continue };
        if seen.gone.is_none() {
            set.there = true;
            let space = if set.ids.is_empty() { "" } else { " " };
            set.ids = format!("{}{space}{}", set.ids, seen.item.id);
        }
        set.pictures.push(picture(l, seen, None));
    }
    sets
}

fn cannot(l: Lang, who: &Who, roll: &Roll) -> String {
    let words = match who.role {
        _ if who.open_house => l.t(
            "须启用账户：封存画面由两人打开",
            "accounts are needed: two people open sealed pictures",
        ),
        Role::Supervisor if !roll.is_complete() => {
            l.t("本辖区尚未设置两方保管人", "this jurisdiction has no custodians of both roles yet")
        }
        Role::Supervisor if roll.standing(&who.name, CustodianRole::Supervisor).is_none() => l.t(
            "您不是卫生监督员保管人，不能申请",
            "you are no custodian of the supervisors: you can not ask",
        ),
        Role::Supervisor => "",
        _ => l.t("由卫生监督员保管人申请", "a custodian of the supervisors asks"),
    };
    words.to_owned()
}

/// The articles of the rules, as the law table has them.
fn bases(l: Lang, findings: &[crate::alert_view::FindingSeen]) -> Vec<String> {
    let mut bases = Vec::new();
    for legal in findings.iter().filter_map(|f| f.legal.as_ref()) {
        for cited in MatterView::of(l, legal).basis {
            let text = format!("{}{}", cited.law, cited.article);
            if !bases.contains(&text) {
                bases.push(text);
            }
        }
    }
    bases
}
