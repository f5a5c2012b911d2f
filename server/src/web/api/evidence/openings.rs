//! An opening as its two people see it and act on it: whole for them, that it is for an auditor,
//! nothing for anybody else.

use protocol::id::DeviceId;
use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use protocol::evidence::CustodianRole;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::opening_text::{roll_of, text_of};
use super::{Shared, a_person, custodian_role};
use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{self, At, clip};
use crate::evidence::opening::{
    CustodianStanding, Opening, OpeningAction, OpeningRefusal, SamePerson,
};
use crate::evidence::{ItemSeen, OpeningKept, Roll, SealedBytes};
use crate::ids::{AlertId, OpeningId};
use crate::knowledge::Nudge;
use crate::monitoring_review::ReviewStanding;
use crate::path_id::PathId;
use crate::problem::{JsonBody, Problem};
use crate::store::{Alert, RegistryPhoto, StoreError, release_order};
use crate::web::api::alerts::{FINDINGS_SHOWN, seen};
use crate::web::request::deed;

/// An opening as somebody sees it: the two see it whole, others that it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OpeningSeen {
    pub id: OpeningId,
    pub alert: AlertId,
    #[schemars(with = "String")]
    pub device: DeviceId,
    pub opening: Opening,
    /// It was approved: where it is refused all the same, its box said why.
    #[serde(skip)]
    #[schemars(skip)]
    pub declined_by_box: bool,
    /// For the two alone, while it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<OpeningWhole>,
}

/// What the browser of one of the two works with.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OpeningWhole {
    pub finding: String,
    pub items: Vec<ItemSeen>,
    pub requested_at: String,
    pub expires_at: String,
    /// The text that both sign.
    pub text: String,
    pub supervisor_sig: String,
    /// Half `a`, sealed to the reviewer; half `b`, sealed to the supervisor. Each sees their own.
    pub halves: BTreeMap<String, SealedBytes>,
    /// The roll of the jurisdiction, to check keys and signatures against.
    pub roll: Roll,
    /// Registered persons of the finding, and whether a registry photograph stands here.
    pub persons: Vec<PersonSeen>,
    /// 行政处罚法 41: whether the box's record may be more than a lead.
    pub monitoring: ReviewStanding,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct PersonSeen {
    pub person: String,
    pub name: String,
    pub registry_photo: bool,
    /// Who put the photograph there, and when (RFC 3339 UTC); empty where none is.
    pub photo_by: String,
    pub photo_at: String,
    /// It came after the finding, or from whoever asked for the pictures: look at where it is from.
    pub photo_is_late: bool,
}

/// Openings of the reader: their own, or (an auditor) every one of their part of the country.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct OpeningsSeen {
    pub requests: Vec<OpeningSeen>,
}

pub(in crate::web) async fn get_requests(
    State(app): Shared,
    who: Who,
) -> Result<Json<OpeningsSeen>, Problem> {
    a_person(&who)?;
    Ok(Json(app.blocking(move |a| openings_seen(a, &who)).await?))
}

/// Blocking.
pub(in crate::web) fn openings_seen(a: &App, who: &Who) -> Result<OpeningsSeen, StoreError> {
    let found = match who.role {
        Role::Auditor => a.store.openings_in(&who.scope)?,
        _ => a.store.openings_of_person(&who.name)?,
    };
    Ok(OpeningsSeen { requests: found.into_iter().map(OpeningSeen::that_it_is).collect() })
}

impl OpeningSeen {
    /// That it is, and nothing by which it could be opened.
    pub(in crate::web) fn that_it_is(it: OpeningKept) -> Self {
        let OpeningKept { id, alert, device, opening, reviewer_sig, .. } = it;
        Self { id, alert, device, opening, declined_by_box: reviewer_sig.is_some(), open: None }
    }
}

pub(in crate::web) async fn get_request(
    State(app): Shared,
    who: Who,
    PathId(id): PathId<OpeningId>,
) -> Result<Json<OpeningSeen>, Problem> {
    Ok(Json(app.blocking(move |a| opening_seen(a, &who, &id)).await?))
}

/// Whole for the two of it; for the auditor of its place that it is. To everybody else it is
/// another person's. Blocking.
pub(in crate::web) fn opening_seen(
    a: &App,
    who: &Who,
    id: &OpeningId,
) -> Result<OpeningSeen, Problem> {
    let it = a.store.opening(id)?.ok_or_else(|| Problem::unknown("opening", id))?;
    let alert = seen(a.store.alert(&it.alert)?, who, id)?;
    a_person(who)?;
    if who.role == Role::Auditor {
        return Ok(OpeningSeen::that_it_is(it));
    }
    one_of_the_two(a, who, &it.opening)?;
    // What its box sent last, or time, may have ended it.
    let opening = it.opening.take(&OpeningAction::Expire, clock::now())?;
    let open = opening.state.is_live().then(|| whole(a, who, &it, &alert)).transpose()?;
    Ok(OpeningSeen { opening, open, ..OpeningSeen::that_it_is(it) })
}

/// The two see an opening, and act on it, for as long as they are custodians.
pub(super) fn one_of_the_two(a: &App, who: &Who, opening: &Opening) -> Result<(), Problem> {
    let role = opening.role_in(&who.name).ok_or(OpeningRefusal::NotYours)?;
    if !a.store.is_custodian(&who.name, role)? {
        return Err(OpeningRefusal::Left { who: who.name.clone() }.into());
    }
    Ok(())
}

fn whole(a: &App, who: &Who, it: &OpeningKept, alert: &Alert) -> Result<OpeningWhole, Problem> {
    let mut items = a.store.evidence_of_finding(&it.device, &it.finding)?;
    items.retain(|seen| it.opening.items.contains_key(seen.item.id.as_str()));
    // Faces first, each kind as it was taken.
    items.sort_by(|a, b| (a.item.kind, &a.item.taken_at).cmp(&(b.item.kind, &b.item.taken_at)));
    let findings = a.store.worst_findings(&alert.id, FINDINGS_SHOWN)?;
    let reports: Vec<_> = findings.iter().map(|f| &f.report).collect();
    let mut ids: Vec<String> = reports
        .iter()
        .filter(|r| r.finding_id == it.finding)
        .flat_map(|r| r.persons.iter().map(|p| p.person.to_string()))
        .collect();
    ids.dedup();
    deed::persons(&ids);
    let found_at = findings.iter().find(|f| f.report.finding_id == it.finding);
    let found_at = found_at.map_or(At::EPOCH, |f| f.received_at);
    let persons = persons_seen(a, ids, found_at, &it.opening.ask.by)?;
    let halves = if it.opening.ask.by == who.name { &it.for_supervisor } else { &it.for_reviewer };
    Ok(OpeningWhole {
        finding: it.finding.clone(),
        items,
        requested_at: it.requested_at.clone(),
        expires_at: it.expires_at.clone(),
        text: text_of(it)?,
        supervisor_sig: it.supervisor_sig.clone(),
        halves: halves.clone(),
        roll: roll_of(a, alert)?,
        persons,
        monitoring: crate::legal::standing(&a.store, alert, reports)?,
    })
}

fn persons_seen(
    a: &App,
    ids: Vec<String>,
    found_at: At,
    requester: &str,
) -> Result<Vec<PersonSeen>, Problem> {
    let names = a.store.names_of(&ids)?;
    let mut persons = Vec::with_capacity(ids.len());
    for person in ids {
        let held = a.faces.registry_photo_at(&person)?;
        let late = |it: &RegistryPhoto| it.uploaded_at > found_at || it.uploaded_by == requester;
        persons.push(PersonSeen {
            name: names.get(&person).map_or_else(|| person.clone(), |n| n.0.clone()),
            registry_photo: held.is_some(),
            photo_is_late: held.as_ref().is_some_and(late),
            photo_by: held.as_ref().map_or_else(String::new, |it| it.uploaded_by.clone()),
            photo_at: held.map_or_else(String::new, |it| it.uploaded_at.to_string()),
            person,
        });
    }
    Ok(persons)
}

/// Yes and no need something to compare with.
fn can_compare(a: &App, it: &OpeningKept, answer: SamePerson) -> Result<(), Problem> {
    if answer == SamePerson::CannotTell {
        return Ok(());
    }
    for found in a.store.worst_findings(&it.alert, FINDINGS_SHOWN)? {
        if found.report.finding_id != it.finding {
            continue;
        }
        for named in &found.report.persons {
            if a.faces.registry_photo_at(named.person.as_str())?.is_some() {
                return Ok(());
            }
        }
    }
    Err(OpeningRefusal::NothingToCompare.into())
}

/// What one of the two does with an opening.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(tag = "step", rename_all = "snake_case", deny_unknown_fields)]
pub(in crate::web) enum OpeningStep {
    /// The reviewer's signature over the same text, and half `b` sealed to whoever asked.
    Approve {
        sig: String,
        halves: BTreeMap<String, SealedBytes>,
    },
    Refuse {
        reason: String,
    },
    Answer {
        same_person: SamePerson,
    },
}

pub(in crate::web) async fn post_request_step(
    State(app): Shared,
    who: Who,
    PathId(id): PathId<OpeningId>,
    JsonBody(it): JsonBody<OpeningStep>,
) -> Result<Json<OpeningSeen>, Problem> {
    custodian_role(&who)?;
    deed::did(format!(
        "opening {}: {}",
        clip(&id, 64),
        match &it {
            OpeningStep::Approve { .. } => "approved",
            OpeningStep::Refuse { .. } => "refused",
            OpeningStep::Answer { same_person } => same_person.en(),
        }
    ));
    let (room, made) = app
        .blocking(move |a| {
            let found = a.store.opening(&id)?.ok_or_else(|| Problem::unknown("opening", &id))?;
            let alert = seen(a.store.alert(&found.alert)?, &who, &id)?;
            one_of_the_two(a, &who, &found.opening)?;
            let (by, now) = (who.name.as_str(), clock::now());
            match &it {
                OpeningStep::Approve { sig, halves } => {
                    let roll = roll_of(a, &alert)?;
                    let ask = &found.opening.ask;
                    let standing = CustodianStanding {
                        requester: roll.standing(&ask.by, CustodianRole::Supervisor).is_some(),
                        reviewer: roll.standing(&ask.reviewer, CustodianRole::Reviewer).is_some(),
                    };
                    let step = OpeningAction::Approve { by, standing };
                    a.store.approve_opening(&id, &step, sig, halves, now, |it, items| {
                        order_holds(it, items, &roll, now)
                    })?;
                }
                OpeningStep::Refuse { reason } => {
                    a.store.refuse_opening(&id, by, reason, now)?;
                }
                OpeningStep::Answer { same_person } => {
                    can_compare(a, &found, *same_person)?;
                    a.store.answer_opening(&id, by, *same_person, now)?;
                }
            }
            Ok::<_, Problem>((alert.room, opening_seen(a, &who, &id)?))
        })
        .await?;
    app.tell(Nudge::Room(room));
    app.touch();
    Ok(Json(made))
}

/// Judges the order as its box will: what a box would refuse is not sent.
fn order_holds(
    it: &OpeningKept,
    items: &[ItemSeen],
    roll: &Roll,
    now: Timestamp,
) -> Result<(), String> {
    for id in it.opening.items.keys() {
        if !it.for_supervisor.contains_key(id) {
            return Err(format!("halves: none for picture {id}"));
        }
    }
    let order = release_order(it).ok_or("the order lacks an id")?;
    let believed = evidence::VerifiedRoll::first(&roll.wire()).map_err(|why| why.to_string())?;
    let knows = evidence::order::Knows {
        device: &order.device,
        roll: &believed,
        used: &BTreeSet::new(),
        items: &items.iter().map(|seen| seen.item.id.clone()).collect(),
        now,
    };
    evidence::order::check(&order, knows).map_err(|why| why.to_string())
}
