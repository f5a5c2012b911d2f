//! One clinic: licence, rooms, people with their filings, filed items, and the leads of the last 90
//! days with their sessions. It counts nobody's work (P15).

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;

use super::frame::{PageFrame, render, shown};
use crate::access::Who;
use crate::app::App;
use crate::model::{Institution, Item, Practitioner};
use crate::problem::{Problem, encoded};
use crate::store::{AlertFilter, ListPart};
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::rights::{SIGHT, may_open};
use crate::web::request::scope::scoped;
use crate::web::view::lead_rows::{self, LeadRow};
use crate::web::view::names::Label;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/institutions/{id}", page).roles(SIGHT).audited()]
}

/// Rooms and people that the page lists; of more it says that there are more.
const LISTED: u32 = 60;
/// Leads that it lists.
const LEADS: usize = 100;

#[derive(Template)]
#[template(path = "institution.html")]
struct InstitutionPage {
    f: PageFrame,
    id: String,
    name: String,
    facts: Vec<(&'static str, String)>,
    rooms: Vec<Label>,
    people: Vec<PersonLine>,
    more_people: bool,
    items: Vec<Label>,
    leads: Vec<LeadRow>,
    /// Where those stand that the page has no room for; empty where it lists them all.
    more_leads: String,
    may_edit: bool,
}

struct PersonLine {
    id: String,
    name: String,
    category: String,
    lead_of: String,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang, Path(id): Path<String>) -> Response {
    let made = make(&app, &who, l, id).await;
    shown(&app, &who, l, made).await
}

struct Found {
    it: Institution,
    rooms: Vec<Label>,
    people: Vec<PersonLine>,
    more_people: bool,
    items: Vec<Label>,
    leads: Vec<LeadRow>,
    more_leads: bool,
}

fn find(a: &App, who: &Who, l: Lang, id: &str) -> Result<Found, Problem> {
    let it = a.store.institution(id)?.filter(|i| who.sees(i.id.as_str(), &i.jurisdiction));
    let it = it.ok_or_else(|| Problem::unknown("institution", id))?;
    deed::at(id);
    let part = PartQuery { at: Some(id.to_owned()), ..PartQuery::default() }.part(who, LISTED);
    let rooms = a.store.rooms_part(&part)?;
    let rooms = rooms.into_iter().map(|r| Label::new(&r.name, r.id.as_str())).collect();
    let (people, more_people) = people(a, l, id, &part)?;
    let limit = LEADS as u32 + 1;
    let filter = AlertFilter { institution: Some(id.to_owned()), limit, ..AlertFilter::default() };
    let mut alerts = a.store.alerts(&scoped(filter, who))?;
    let since = lead_rows::since();
    alerts.retain(|alert| alert.institution == id && alert.received_at >= since);
    let more_leads = alerts.len() > LEADS;
    alerts.truncate(LEADS);
    let items: Vec<Item> = a.store.items()?;
    let filed = items.into_iter().filter(|i| it.filed_items.contains(&i.code));
    Ok(Found {
        leads: lead_rows::rows(a, who, l, &alerts)?,
        items: filed.map(|i| Label::new(&item_words(l, &i), i.code.as_str())).collect(),
        more_leads,
        rooms,
        people,
        more_people,
        it,
    })
}

/// An item in the reader's language; many have no English name.
pub(super) fn item_words(l: Lang, it: &Item) -> String {
    l.t(&it.name_zh, if it.name_en.is_empty() { &it.name_zh } else { &it.name_en }).to_owned()
}

fn people(a: &App, l: Lang, id: &str, part: &ListPart) -> Result<(Vec<PersonLine>, bool), Problem> {
    let mut found = a.store.practitioners_part(part)?;
    let more = cut(&mut found, part, |p| p.id.to_string()).is_some();
    deed::persons(found.iter().map(|p| p.id.as_str()));
    let line = |p: Practitioner| {
        let here = p.sites.iter().filter(|s| s.institution.as_str() == id);
        let lead_of: Vec<String> = here.flat_map(|s| &s.lead_of).map(|s| l.specialty(*s)).collect();
        PersonLine {
            id: p.id.to_string(),
            category: l.category(p.category),
            lead_of: lead_of.join("、"),
            name: p.name.0,
        }
    };
    Ok((found.into_iter().map(line).collect(), more))
}

fn facts(l: Lang, it: &Institution) -> Vec<(&'static str, String)> {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let mut facts = vec![
        (l.t("统一社会信用代码", "Credit code"), text(&it.code)),
        (l.t("类别", "Kind"), it.kind.clone()),
        (l.t("行政区划", "Jurisdiction"), crate::divisions::words(&it.jurisdiction)),
        (l.t("手术级别上限", "Grade ceiling"), it.grade_ceiling.to_string()),
        (l.t("地址", "Address"), text(&it.address)),
        (l.t("执业许可证登记号", "Licence"), text(&it.licence_no)),
        (l.t("有效期至", "Valid until"), text(&it.licence_until)),
        (l.t("诊疗科目", "Subjects"), it.subjects.join("、")),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

async fn make(app: &Arc<App>, who: &Who, l: Lang, id: String) -> Result<Response, Problem> {
    let reader = who.clone();
    let found = app.blocking(move |a| find(a, &reader, l, &id)).await?;
    let here = format!("/institutions/{}", found.it.id);
    let lead_only = found.leads.iter().any(|row| row.lead_only);
    render(&InstitutionPage {
        id: found.it.id.to_string(),
        name: found.it.name.clone(),
        facts: facts(l, &found.it),
        rooms: found.rooms,
        people: found.people,
        more_people: found.more_people,
        items: found.items,
        leads: found.leads,
        more_leads: if found.more_leads {
            format!("/?state=all&institution={}", encoded(found.it.id.as_str()))
        } else {
            String::new()
        },
        may_edit: may_open(who, "/registry/{noun}/{id}"),
        f: PageFrame::of(app, who, l, "registry", &here).await?.lead_only(lead_only),
    })
}
