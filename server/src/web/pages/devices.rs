//! The boxes with their last word.

use protocol::id::DeviceId;
use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use protocol::evidence::{EvidenceHeld, QUOTA_BYTES};
use protocol::up::CameraState;
use wording::RefusalReason;

use super::frame::{PageFrame, local, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::store::{BoxPlan, Device, DeviceState, InstitutionSeen, KnowledgeState, StoreError};
use crate::web::api::devices::knowledge_seen;
use crate::web::endpoint::Endpoint;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::{BOX_SIGHT, CLUES, REGISTRY, may_open, may_send};
use crate::web::view::messages;
use crate::web::view::names::Label;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/devices", page).roles(BOX_SIGHT),
        Endpoint::form("/devices/{id}/unlock", unlock).roles(REGISTRY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "devices.html")]
struct DevicesPage {
    f: PageFrame,
    boxes: Vec<DeviceRow>,
    quarantine: Vec<Refused>,
    /// Institutions, those with a silent box first.
    places: Vec<InstitutionSeen>,
    places_open: bool,
    q: String,
    next: Option<String>,
    may_register: bool,
    may_review: bool,
}

/// A message that was not taken in.
struct Refused {
    at: String,
    /// In whose name it came; nobody vouches for it.
    device: String,
    why: &'static str,
    /// The server's own English; none on a Chinese page.
    detail: String,
}

fn refusal(l: Lang, reason: &str) -> &'static str {
    let (zh, en) = wording::refusal(RefusalReason::of(reason));
    l.t(zh, en)
}

#[expect(clippy::struct_excessive_bools, reason = "each is one switch of the page")]
pub(super) struct DeviceRow {
    id: String,
    name: String,
    planned_on: String,
    institution: Label,
    room: Label,
    state: &'static str,
    online: bool,
    provisioned: bool,
    last_seen: String,
    pub(super) camera: String,
    pub(super) camera_ok: bool,
    pub(super) visibility: String,
    outbox: String,
    /// The one in use, and how often it changed; empty where the box does not say.
    broker: String,
    pub(super) clock: String,
    pub(super) firmware: String,
    pack: String,
    chain: &'static str,
    chain_ok: bool,
    /// Sealed pictures, for those alone who read clues; else empty.
    pictures: String,
    /// For those alone who read clues.
    seq: Option<u64>,
    above: usize,
    pub(super) knowledge: Vec<(String, u64, &'static str, String)>,
    pub(super) degraded: Vec<String>,
    locked: String,
    /// It may fetch an unlock until then.
    unlocked: String,
    may_unlock: bool,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<PartQuery>,
) -> Response {
    let made = make(&app, l, &who, &query).await;
    shown(&app, &who, l, made).await
}

/// "Unlock for commissioning": the box may fetch its unlock for two hours.
async fn unlock(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    PathId(id): PathId<DeviceId>,
) -> Response {
    let made = crate::web::api::commission::unlock(&app, who.clone(), id).await;
    shown(&app, &who, l, made.map(|_| Redirect::to("/devices").into_response())).await
}

async fn make(app: &Arc<App>, l: Lang, who: &Who, query: &PartQuery) -> Result<Response, Problem> {
    let part = query.part(who, 50);
    let (asked, everywhere) = (part.clone(), who.scope.is_empty());
    let (mut devices, quarantine, mut places, named) = app
        .blocking(move |a| {
            // A refused message names no institution: only who sees all boxes sees them.
            let quarantine = if everywhere { a.store.quarantined(20)? } else { Vec::new() };
            let devices = a.store.devices_part(&asked)?;
            let named = Named::of(a, &devices)?;
            Ok::<_, StoreError>((devices, quarantine, a.store.places_seen(&asked)?, named))
        })
        .await?;
    let next = cut(&mut devices, &part, |d| d.id.to_string());
    places.truncate(50);
    let now = At::now();
    let may_unlock = may_send(who, "/devices/{id}/unlock");
    let page = DevicesPage {
        places_open: places.len() > 1 && places.len() < 10,
        places,
        boxes: devices.iter().map(|d| view((l, who), d, &named, now, may_unlock)).collect(),
        quarantine: quarantine
            .into_iter()
            .map(|it| Refused {
                at: local(&it.received_at),
                device: it.topic.split('/').nth(2).unwrap_or_default().chars().take(64).collect(),
                why: refusal(l, &it.reason),
                detail: if l == Lang::En { it.detail } else { String::new() },
            })
            .collect(),
        q: part.text,
        next,
        may_register: may_open(who, "/devices/new"),
        may_review: may_open(who, "/devices/{id}/review"),
        f: PageFrame::of(app, who, l, "devices", "/devices").await?,
    };
    render(&page)
}

/// What people call boxes and where they stand.
pub(super) struct Named {
    plans: BTreeMap<String, BoxPlan>,
    institutions: BTreeMap<String, String>,
    rooms: BTreeMap<String, String>,
}

impl Named {
    /// Blocking: it asks the store.
    pub(super) fn of(a: &App, devices: &[Device]) -> Result<Self, StoreError> {
        let all = |of: fn(&Device) -> &str| devices.iter().map(|d| of(d).to_owned()).collect();
        let (ids, places): (Vec<String>, Vec<String>) = (all(|d| &d.id), all(|d| &d.institution));
        let mut rooms = BTreeMap::new();
        for device in devices {
            if let Some(room) = a.store.room(&device.room)?.filter(|room| !room.name.is_empty()) {
                rooms.insert(device.room.clone(), room.name);
            }
        }
        Ok(Self {
            plans: a.store.box_plans(&ids)?,
            institutions: a.store.institution_names(&places)?,
            rooms,
        })
    }

    pub(super) fn plan(&self, device: &Device) -> BoxPlan {
        self.plans.get(device.id.as_str()).cloned().unwrap_or_default()
    }

    pub(super) fn institution(&self, device: &Device) -> Label {
        let name = self.institutions.get(&device.institution);
        Label::new(name.map_or("", String::as_str), &device.institution)
    }

    pub(super) fn room(&self, device: &Device) -> Label {
        let name = self.rooms.get(&device.room);
        Label::new(name.map_or("", String::as_str), &device.room)
    }
}

/// What a box said of itself last, in words.
pub(super) fn view(
    (l, who): (Lang, &Who),
    d: &Device,
    named: &Named,
    now: At,
    may_unlock: bool,
) -> DeviceRow {
    let health = d.health.as_ref();
    let plan = named.plan(d);
    let text = |value: Option<String>| value.unwrap_or_else(|| "—".to_owned());
    let camera = health.map(|h| h.camera);
    DeviceRow {
        id: d.id.to_string(),
        name: plan.name,
        planned_on: plan.planned_on.unwrap_or_default(),
        institution: named.institution(d),
        room: named.room(d),
        state: match d.state {
            DeviceState::Registered => l.t("待接入", "Registered"),
            DeviceState::Provisioned => l.t("已接入", "Provisioned"),
            DeviceState::Revoked => l.t("已吊销", "Revoked"),
        },
        online: d.online,
        provisioned: d.state == DeviceState::Provisioned,
        last_seen: text(d.last_seen.as_ref().map(local)),
        camera_ok: camera == Some(CameraState::Live),
        camera: text(camera.map(|c| l.camera(c))),
        visibility: text(health.map(|h| format!("{} %", h.visibility_ppm / 10_000))),
        outbox: text(health.map(|h| h.outbox_depth.to_string())),
        broker: health
            .and_then(|h| h.broker.as_ref())
            .map(|broker| format!("{} ({})", broker.at, broker_moves(l, broker.moves)))
            .unwrap_or_default(),
        clock: text(d.clock_offset_ms.map(|ms| clock_offset(l, ms))),
        firmware: d.firmware.clone(),
        pack: text(health.map(|h| h.pack.clone())),
        chain: l.chain(&d.chain),
        chain_ok: d.chain == "intact",
        pictures: health
            .and_then(|h| h.evidence.as_ref())
            .filter(|_| who.is_one_of(CLUES))
            .map(|held| pictures(l, held))
            .unwrap_or_default(),
        seq: who.is_one_of(CLUES).then_some(d.contiguous_seq),
        above: d.above.len(),
        knowledge: knowledge_seen(who, d.knowledge.clone())
            .iter()
            .filter(|k| k.kind != "command")
            .map(|k| knowledge(l, k))
            .collect(),
        degraded: health
            .map(|h| h.degraded.iter().map(|line| messages::of_a_box(l, line)).collect())
            .unwrap_or_default(),
        locked: d.locked_at.as_ref().map(local).unwrap_or_default(),
        unlocked: d
            .unlocked_until
            .filter(|until| *until > now)
            .map(|until| local(&until))
            .unwrap_or_default(),
        may_unlock: may_unlock && d.state == DeviceState::Provisioned && d.locked_at.is_some(),
    }
}

/// How full a box's room for sealed pictures is, and how many it gave up: whoever fills it on
/// purpose, or makes it small, is seen here.
fn pictures(l: Lang, held: &EvidenceHeld) -> String {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let (used, room) = (mib(held.bytes), mib(held.quota_bytes));
    let lost = l.t("因容量已满删除", "given up for room");
    let less = if held.quota_bytes < QUOTA_BYTES {
        let (zh, en) = ("容量低于要求", "too little room");
        format!(" · {} ({} MiB)", l.t(zh, en), mib(QUOTA_BYTES))
    } else {
        String::new()
    };
    format!("{} · {used}/{room} MiB{less} · {lost} {}", held.items, held.given_up)
}

fn knowledge(l: Lang, k: &KnowledgeState) -> (String, u64, &'static str, String) {
    let state = match k.applied {
        Some(true) => l.t("已生效", "applied"),
        Some(false) => l.t("被拒绝", "refused"),
        None => l.t("待确认", "waiting"),
    };
    let refused = k.refused_because.as_deref();
    let refused = refused.map(|line| messages::of_a_box(l, line)).unwrap_or_default();
    (knowledge_name(l, &k.kind), k.version, state, refused)
}

fn knowledge_name(l: Lang, kind: &str) -> String {
    let (zh, en) = match kind {
        "roster" => ("名册", "Roster"),
        "catalogue" => ("项目目录", "Catalogue"),
        "policy" => ("判定策略", "Policy"),
        "policy_trial" => ("策略试算", "Trial of policy numbers"),
        "room" => ("诊室", "Room"),
        "sessions" => ("诊疗活动", "Sessions"),
        "brokers" => ("消息服务器", "Brokers"),
        "custodians" => ("证据保管人", "Custodians"),
        "evidence_orders" | "holds" | "releases" => ("保全与调取", "Holds and releases"),
        _ => ("其他资料", "Other data"),
    };
    l.t(zh, en).to_owned()
}

/// How far the box's clock is from the server's.
fn clock_offset(l: Lang, ms: i64) -> String {
    let how = if ms < 0 { l.t("慢", "slow by") } else { l.t("快", "fast by") };
    format!("{how} {}", l.duration(ms.saturating_abs()))
}

fn broker_moves(l: Lang, moves: u64) -> String {
    format!("{} {moves}×", l.t("启动后切换", "moved since its start"))
}
