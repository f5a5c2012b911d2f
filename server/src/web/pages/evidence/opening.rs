//! The page of one opening: who asked, who decided, and the pictures that came.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use protocol::evidence::{EvidenceKind, PictureSource};

use super::{OpeningView, people};
use crate::access::Who;
use crate::app::App;
use crate::evidence::ItemSeen;
use crate::evidence::opening::{PictureDelivery, SamePerson};
use crate::ids::OpeningId;
use crate::path_id::PathId;
use crate::problem::Problem;
use crate::web::api::evidence::{PersonSeen, opening_seen};
use crate::web::pages::frame::{PageFrame, local, render, shown};
use crate::web::request::rights::may_open;
use crate::web::view::messages;
use crate::web::view::names::Label;
use crate::web::view::words::Lang;

#[derive(Template)]
#[template(path = "evidence_opening.html")]
#[expect(clippy::struct_excessive_bools, reason = "four things that a page shows or leaves out")]
struct OpeningPage {
    f: PageFrame,
    it: OpeningView,
    number: i64,
    basis: String,
    purpose: String,
    may_hold_photo: bool,
    pictures: Vec<PictureView>,
    persons: Vec<PersonView>,
    monitoring: String,
    device: String,
    /// The reader decides, and it waits for them.
    decides: bool,
    /// They are one of the two, and may look now.
    looks: bool,
    waits_for_box: bool,
    answers: Vec<(&'static str, &'static str)>,
    /// That the pictures are no camera's; empty where they are.
    unreal: &'static str,
}

/// Somebody of the finding, and the photograph to compare with.
struct PersonView {
    id: String,
    who: Label,
    /// Who put it there, and when; empty where there is none.
    photo: String,
    /// Why its origin should be looked at; empty where nothing speaks for that.
    late: &'static str,
}

fn person(l: Lang, of: &PersonSeen) -> PersonView {
    PersonView {
        id: of.person.clone(),
        who: Label::new(&of.name, &of.person),
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
pub(super) struct PictureView {
    pub(super) kind: &'static str,
    pub(super) taken_at: String,
    pub(super) size: String,
    pub(super) covered: u32,
    pub(super) gone: String,
    delivery: String,
}

pub(super) fn picture(l: Lang, seen: &ItemSeen, delivery: Option<&PictureDelivery>) -> PictureView {
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
            Some(PictureDelivery::Waiting) => l.t("等待设备", "waits for the box").to_owned(),
            Some(PictureDelivery::Arrived) => l.t("已送达", "here").to_owned(),
            Some(PictureDelivery::Lost { why }) => {
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
    PathId(id): PathId<OpeningId>,
) -> Response {
    let made = make_opening(&app, l, who.clone(), id).await;
    shown(&app, &who, l, made).await
}

async fn make_opening(
    app: &Arc<App>,
    l: Lang,
    who: Who,
    id: OpeningId,
) -> Result<Response, Problem> {
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
        f: PageFrame::of(app, &who, l, "inbox", &format!("/evidence/{id}")).await?,
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
        device: seen.device.to_string(),
        decides: open.is_some() && o.state.as_str() == "requested" && o.ask.reviewer == who.name,
        looks: open.is_some() && o.state.is_visible(),
        waits_for_box: matches!(o.state.as_str(), "approved" | "released"),
        answers: SamePerson::ALL.iter().map(|a| (a.as_str(), l.t(a.zh(), a.en()))).collect(),
        unreal: unreal(l, open.map_or(&[][..], |whole| whole.items.as_slice())),
    };
    render(&page)
}

/// Says of drawn faces, and of photographs from files, what they are.
pub(super) fn unreal(l: Lang, items: &[ItemSeen]) -> &'static str {
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
