//! The declaration of a session by page: its form, empty or with what stands, and what was typed as
//! a session. What is right is said by `model` and `web::api::sessions`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::{IntoResponse, Redirect, Response};

use super::forms::{
    FieldKind, FormField, Given, Heading, code_of, field_moment, id, moment, show, to_choose,
};
use super::frame::PageFrame;
use super::institution::item_words;
use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::model::{Item, Practitioner, Session};
use crate::problem::Problem;
use crate::store::{ListPart, StoreError};
use crate::text::FoldFault;
use crate::web::api::sessions::{find, put};
use crate::web::request::part::PartQuery;
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::words::Lang;

/// The declaration's form, empty or with what stands.
pub(super) async fn make_form(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: &str,
    given: Option<Given>,
    fault: Option<Problem>,
) -> Result<Response, Problem> {
    let session = if id == "new" { None } else { Some(find(app, who, id).await?) };
    let asking = who.clone();
    let of = app.blocking(move |a| choices(a, l, &asking)).await?;
    let fields = fields(l, of, session.is_some());
    let here = format!("/sessions/{id}");
    let heading = Heading {
        title: match &session {
            Some(s) => format!("{} {}", l.t("修改", "Amend"), s.id),
            None => l.t("登记诊疗活动", "Declare a session").to_owned(),
        },
        page: "sessions",
        above: (
            if session.is_some() { here.clone() } else { "/sessions".to_owned() },
            l.t("诊疗活动", "Sessions").to_owned(),
        ),
        here,
        button: l.t("登记", "Declare").to_owned(),
        ..Heading::default()
    };
    let values = given.unwrap_or_else(|| session.as_ref().map(stored).unwrap_or_default());
    let f = PageFrame::of(app, who, l, heading.page, &heading.here).await?;
    show(f, heading, fields, &values, fault, false)
}

fn fields(l: Lang, of: Choices, stands: bool) -> Vec<FormField> {
    let mut fields = vec![
        FormField::new(FieldKind::Choice, "room", l.t("诊室", "Room"))
            .options(of.rooms)
            .searched("rooms")
            .marked(of.room_marks)
            .needed(),
        FormField::new(FieldKind::Choice, "item", l.t("项目", "Item"))
            .options(to_choose(l, of.items))
            .searched("items")
            .marked(of.item_marks)
            .needed(),
        FormField::new(FieldKind::Choice, "declared_lead", l.t("登记主诊", "Declared lead"))
            .options(to_choose(l, of.leads))
            .apart(l.t("未在本机构备案主诊", "Not filed here as a lead"), of.others)
            .marked(of.lead_marks)
            .needed(),
        FormField::new(
            FieldKind::Many,
            "declared_operators",
            l.t("登记操作人", "Declared operators"),
        )
        .options(of.people)
        .searched("practitioners"),
        FormField::new(FieldKind::Moment, "start", l.t("开始（空为现在）", "Start (empty: now)")),
        FormField::new(
            FieldKind::Moment,
            "end",
            l.t("结束（空为进行中）", "End (empty: still open)"),
        ),
        FormField::new(FieldKind::Text, "patient_ref", l.t("受术者代码", "Patient's pseudonym"))
            .hint(l.t("字母、数字与 -，不得填写姓名", "letters, digits and -, never a name")),
        FormField::new(FieldKind::Yes, "emergency", l.t("急救", "Emergency")),
        FormField::new(
            FieldKind::Yes,
            "declined",
            l.t("就诊者拒绝识别", "Patient declines recognition"),
        )
        .hint(l.t("诊室设备不识别任何人", "the box in the room looks at nobody")),
    ];
    if stands {
        fields.push(
            FormField::new(FieldKind::Text, "reason", l.t("修改原因", "Reason for the change"))
                .needed(),
        );
    } else {
        // The last: whoever stands in the room with a telephone needs none.
        fields.push(FormField::new(
            FieldKind::Text,
            "id",
            l.t("编号（空为自动）", "Id (empty: made for you)"),
        ));
    }
    fields
}

/// People who are looked through for leads: a clinic has fewer.
const MOST_LEADS: usize = 2000;
/// Lines of any other list.
const MOST_CHOICES: usize = 499;

type Options = Vec<(String, String)>;

/// What the declaration's lists hold, and by what they are compared with one another.
struct Choices {
    rooms: Options,
    /// The room's institution.
    room_marks: BTreeMap<String, String>,
    items: Options,
    /// The item's specialties.
    item_marks: BTreeMap<String, String>,
    /// Whoever is filed here as a lead, and whoever is not.
    leads: Options,
    others: Options,
    /// Where somebody is filed as a lead for what: `INSTITUTION:SPECIALTY`.
    lead_marks: BTreeMap<String, String>,
    people: Options,
}

fn choices(a: &App, l: Lang, who: &Who) -> Result<Choices, StoreError> {
    let part = PartQuery::default().part(who, MOST_CHOICES as u32);
    let seen = VisibleInstitutions::of(a, who)?;
    let rooms = a.store.rooms_part(&part)?;
    let people = people(a, part)?;
    let items = a.store.items()?;
    let choices = people.iter().map(|p| lead_choice(l, &seen, p));
    let (leads, others): (Vec<_>, Vec<_>) = choices.partition(|choice| choice.0);
    let options = |choices: Vec<(bool, String, String)>| {
        choices.into_iter().map(|(_, id, words)| (id, words)).collect::<Options>()
    };
    let filed = |p: &Practitioner| {
        let one = |site: &crate::model::Site| {
            let of = site.lead_of.iter();
            of.map(|x| format!("{}:{}", site.institution, code_of(*x))).collect::<Vec<_>>()
        };
        p.sites.iter().flat_map(one).collect::<Vec<_>>().join(" ")
    };
    let needed = |i: &Item| i.specialties.iter().map(|x| code_of(*x)).collect::<Vec<_>>().join(" ");
    Ok(Choices {
        room_marks: rooms.iter().map(|r| (r.id.to_string(), r.institution.to_string())).collect(),
        rooms: rooms
            .into_iter()
            .map(|r| (r.id.to_string(), format!("{} ({})", r.name, r.id)))
            .collect(),
        item_marks: items.iter().map(|i| (i.code.to_string(), needed(i))).collect(),
        items: items
            .iter()
            .map(|i| (i.code.to_string(), format!("{} ({})", item_words(l, i), i.code)))
            .collect(),
        lead_marks: people.iter().map(|p| (p.id.to_string(), filed(p))).collect(),
        leads: options(leads),
        others: options(others),
        people: people
            .into_iter()
            .take(MOST_CHOICES)
            .map(|p| (p.id.to_string(), format!("{} ({})", p.name.0, p.id)))
            .collect(),
    })
}

/// Page after page: the store gives so many at once.
fn people(a: &App, mut part: ListPart) -> Result<Vec<Practitioner>, StoreError> {
    part.limit = MOST_CHOICES as u32;
    let mut all = Vec::new();
    loop {
        let page = a.store.practitioners_part(&part)?;
        let last = page.last().filter(|_| page.len() == MOST_CHOICES).map(|p| p.id.to_string());
        all.extend(page);
        match last {
            Some(last) if all.len() < MOST_LEADS => part.after = last,
            _ => return Ok(all),
        }
    }
}

/// Somebody to declare as the lead: filed as one here, with the specialties; of anybody else it is
/// said that they are not. Whether, id, words.
fn lead_choice(l: Lang, seen: &VisibleInstitutions, p: &Practitioner) -> (bool, String, String) {
    let here = p.sites.iter().filter(|site| seen.has(site.institution.as_str()));
    let filed: std::collections::BTreeSet<String> =
        here.flat_map(|site| &site.lead_of).map(|s| l.specialty(*s)).collect();
    let is_lead = !filed.is_empty();
    let why = if is_lead {
        filed.into_iter().collect::<Vec<_>>().join("、")
    } else {
        l.t("无主诊备案", "not filed as a lead").to_owned()
    };
    (is_lead, p.id.to_string(), format!("{} · {why} ({})", p.name.0, p.id))
}

fn stored(s: &Session) -> Given {
    let mut given = Given::default();
    given.set("room", vec![s.room.to_string()]);
    given.set("item", s.item.iter().map(ToString::to_string).collect());
    given.set("declared_lead", s.declared_lead.iter().map(ToString::to_string).collect());
    given.set("declared_operators", s.declared_operators.iter().map(ToString::to_string).collect());
    given.set("start", vec![field_moment(&s.start)]);
    given.set("end", s.end.iter().map(|e| field_moment(e)).collect());
    given.set("patient_ref", s.patient_ref.iter().cloned().collect());
    given.set("emergency", if s.emergency { vec!["yes".to_owned()] } else { vec![] });
    given.set("declined", if s.declined { vec!["yes".to_owned()] } else { vec![] });
    given
}

/// What was typed as a session; `before` keeps what the form does not show, and seconds that it
/// cannot.
fn read(given: &Given, code: &str, before: Option<&Session>) -> Result<Session, FoldFault> {
    let unchanged = |stored: Option<&String>, name: &str| {
        stored.filter(|s| field_moment(s) == given.text(name)).cloned()
    };
    let at = |stored: Option<&String>, name: &str| match unchanged(stored, name) {
        Some(stored) => Ok(Some(stored)),
        None => moment(name, given.text(name)),
    };
    Ok(Session {
        start: at(before.map(|b| &b.start), "start")?.unwrap_or_else(|| At::now().to_string()),
        end: at(before.and_then(|b| b.end.as_ref()), "end")?,
        id: id(code)?,
        room: given.id("room")?,
        revision: before.map(|b| b.revision.unwrap_or(1).saturating_add(1)),
        item: given.optional_id("item")?,
        declared_lead: given.optional_id("declared_lead")?,
        declared_operators: given.ids("declared_operators")?,
        cancelled: before.is_some_and(|b| b.cancelled),
        emergency: given.yes("emergency"),
        declined: given.yes("declined"),
        patient_ref: given.owned("patient_ref"),
    })
}

pub(super) async fn declare(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: String,
    given: Given,
) -> Result<Response, Problem> {
    let before = if id == "new" { None } else { Some(find(app, who, &id).await?) };
    let typed = given.text("id");
    let new_id = match &before {
        Some(before) => before.id.to_string(),
        None if typed.is_empty() => {
            format!("s-{}", &uuid::Uuid::now_v7().simple().to_string()[..20])
        }
        None => typed.to_owned(),
    };
    let reason = given.text("reason").to_owned();
    let taken = app.store.session(&new_id)?.is_some() && before.is_none();
    let session = match read(&given, &new_id, before.as_ref()) {
        Ok(_) if taken => Err(Problem::unprocessable(format!(
            "id: `{}` stands already; amend it there",
            super::forms::clip(&new_id)
        ))),
        Ok(session) => Ok(session),
        Err(fault) => Err(Problem::unprocessable(fault)),
    };
    let put = match session {
        Ok(session) => put(app, who, session, reason).await,
        Err(problem) => Err(problem),
    };
    match put {
        Ok(_) => Ok(Redirect::to(&format!("/sessions/{new_id}")).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => make_form(app, who, l, &id, Some(given), Some(problem)).await,
    }
}
