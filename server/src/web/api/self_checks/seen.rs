//! A self-check as it is shown. The authority's has what the records say; the clinic's has no field
//! for it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::access::{Role, Who};
use crate::app::App;
use crate::clock::{At, today};
use crate::ids::SelfCheckId;
use crate::problem::Problem;
use crate::self_check::checklist::Checklist;
use crate::self_check::facts::{Agreement, Records};
use crate::self_check::period::Timing;
use crate::self_check::{CheckKind, CheckState};
use crate::store::{CheckStep, Revision, SelfCheck, StoreError};
use crate::web::request::actor;

/// A line of a list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::web) struct SelfCheckSeen {
    pub id: SelfCheckId,
    /// What its reader calls it by; a clinic's counts its own.
    pub number: i64,
    pub institution: String,
    pub kind: CheckKind,
    pub period: String,
    #[schemars(with = "String")]
    pub from: jiff::civil::Date,
    #[schemars(with = "String")]
    pub to: jiff::civil::Date,
    #[schemars(with = "String")]
    pub due_on: jiff::civil::Date,
    pub timing: Timing,
    pub state: CheckState,
    pub revision: u32,
    /// Questions that are asked again.
    pub returned: Vec<String>,
    /// The version that it is pinned to.
    pub checklist_sha256: String,
}

impl SelfCheckSeen {
    pub(in crate::web) fn of(it: &SelfCheck, who: &Who) -> Self {
        let open = it.handling.state.is_open();
        Self {
            id: it.id.clone(),
            number: it.number.of(who),
            institution: it.institution.clone(),
            kind: it.kind,
            period: it.period.clone(),
            from: it.from,
            to: it.to,
            due_on: it.due,
            timing: if open { Timing::of(it.due, today()) } else { Timing::InTime },
            state: it.handling.state,
            revision: it.handling.revision,
            returned: it.handling.returned.clone(),
            checklist_sha256: it.checklist_sha256.clone(),
        }
    }
}

/// The answer that stands.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "AnswerSeen")]
pub(in crate::web) struct CheckAnswerSeen {
    pub id: i64,
    pub value: String,
    pub note: String,
    pub by: String,
    pub at: At,
}

/// All that both sides see.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::web) struct WholeSelfCheck {
    #[serde(flatten)]
    pub check: SelfCheckSeen,
    pub form: Checklist,
    /// By question.
    pub answers: BTreeMap<String, CheckAnswerSeen>,
    pub revisions: Vec<Revision>,
    pub steps: Vec<CheckStep>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::web) struct SelfCheckForAuthority {
    #[serde(flatten)]
    pub whole: WholeSelfCheck,
    /// 与设备记录比对. An answer is no confession: a case needs evidence of its own.
    pub agreement: Vec<Agreement>,
}

#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::web) enum Whole {
    Authority(Box<SelfCheckForAuthority>),
    Clinic(Box<WholeSelfCheck>),
}

impl Whole {
    pub(in crate::web) fn both(&self) -> &WholeSelfCheck {
        match self {
            Self::Authority(it) => &it.whole,
            Self::Clinic(it) => it,
        }
    }

    pub(in crate::web) fn agreement(&self) -> &[Agreement] {
        match self {
            Self::Authority(it) => &it.agreement,
            Self::Clinic(_) => &[],
        }
    }
}

/// What a note is sealed as.
pub(in crate::web) fn note_sealed_as(check: &str, item: &str) -> String {
    format!("self_check {check} {item}")
}

/// Blocking.
pub(in crate::web) fn whole(a: &App, who: &Who, it: &SelfCheck) -> Result<Whole, Problem> {
    let lost = || Problem::internal(&"the form of a self-check is lost");
    let form = a.store.checklist(&it.checklist_sha256)?.ok_or_else(lost)?;
    let mut answers = BTreeMap::new();
    for (item, saved) in a.store.saved_answers(&it.id)? {
        let opened = saved.note.map(|note| a.master.open(&note_sealed_as(&it.id, &item), &note));
        let note = opened.transpose().map_err(StoreError::from)?;
        let note = note.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let seen = CheckAnswerSeen {
            id: saved.id,
            value: saved.value,
            note: note.unwrap_or_default(),
            by: actor::told(a, who, &saved.by)?,
            at: saved.at,
        };
        answers.insert(item, seen);
    }
    let whole = WholeSelfCheck {
        check: SelfCheckSeen::of(it, who),
        form,
        answers,
        revisions: actor::told_of(a, who, a.store.self_check_revisions(&it.id)?, |it| &mut it.by)?,
        steps: actor::told_of(a, who, a.store.self_check_steps(&it.id)?, |it| &mut it.by)?,
    };
    if who.role == Role::Clinic {
        return Ok(Whole::Clinic(Box::new(whole)));
    }
    let mut agreement = a.store.agreement(&it.id)?;
    // What is recorded today says nothing of a period that is over.
    if (it.from..=it.to).contains(&today()) {
        let records = records(a, &it.institution)?;
        for one in &mut agreement {
            one.told_by(records);
        }
    }
    Ok(Whole::Authority(Box::new(SelfCheckForAuthority { whole, agreement })))
}

/// Blocking.
fn records(a: &App, institution: &str) -> Result<Records, StoreError> {
    let earlier = a.faces.earlier_consents(crate::consent::VERSION, None)?;
    let to_renew = earlier.iter().filter(|one| one.institution == institution).count();
    let boxes = a.store.devices_of(Some(institution), None)?;
    let mut unmarked = 0;
    for id in &boxes {
        let Some(device) = a.store.device(id)? else { continue };
        let review = a.store.monitoring_review(id, &device.room)?;
        unmarked += usize::from(review.marked.is_none());
    }
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Ok(Records {
        consents_to_renew: count(to_renew),
        unmarked: count(unmarked),
        boxes: count(boxes.len()),
    })
}
