//! What each reader sees of a clue: types. The auditor's has no field for a text, and nobody's has
//! one for the contact.

use schemars::JsonSchema;
use serde::Serialize;

use super::replay::ReplaySeen;
use crate::access::{Role, Who};
use crate::alert::AlertReview;
use crate::app::App;
use crate::clock::At;
use crate::clue::terms::DueRule;
use crate::clue::{Allegation, Anonymity, DisposalProposal, Source, UnregisteredPlace};
use crate::clue_intake::{key_of, sealed_as};
use crate::ids::ClueId;
use crate::problem::Problem;
use crate::store::{Clue, ClueLink, ClueStep, ContactAsk, LogHold, MergedClue, StoreError};

/// Whether this person sees this clue. One that names no district is seen by those of the whole
/// country alone: somebody elsewhere has no business with it.
pub(in crate::web) fn sees(who: &Who, clue: &Clue) -> bool {
    match who.agency() {
        Some(_) => clue.posted_by == who.scope,
        None => clue.jurisdiction.starts_with(&who.scope),
    }
}

/// A line of the list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub(in crate::web) struct ClueSeen {
    pub id: ClueId,
    /// 线索编号.
    pub number: i64,
    pub source: Source,
    pub external_no: Option<String>,
    pub posted_by: String,
    /// Day.
    pub received_on: String,
    pub jurisdiction: String,
    pub institution: Option<String>,
    pub place: Option<UnregisteredPlace>,
    pub room: Option<String>,
    pub from_at: Option<At>,
    pub to_at: Option<At>,
    pub window_vague: bool,
    pub item_text: String,
    pub allegation: Allegation,
    pub anonymity: Anonymity,
    /// Where it stands.
    pub state: String,
    pub due_on: Option<String>,
    /// 期限依据: the rule that gave the day.
    pub due_rule: Option<DueRule>,
    pub has_contact: bool,
    /// Day on which its text, pictures and contact were destroyed by their term.
    pub gone_on: Option<String>,
    /// Id of the clue that it was merged into.
    pub merged_into: Option<ClueId>,
}

impl ClueSeen {
    pub(in crate::web) fn of(it: &Clue) -> Self {
        let it = it.clone();
        Self {
            state: it.handling.stage().to_owned(),
            merged_into: it.handling.merged.map(|merged| merged.into),
            id: it.id,
            number: it.number,
            source: it.source,
            external_no: it.external_no,
            posted_by: it.posted_by,
            received_on: it.received_on,
            jurisdiction: it.jurisdiction,
            institution: it.institution,
            place: it.about.place,
            room: it.room,
            from_at: it.about.from_at,
            to_at: it.about.to_at,
            window_vague: it.about.window_vague,
            item_text: it.about.item_text,
            allegation: it.allegation,
            anonymity: it.about.anonymity,
            due_on: it.due_on,
            due_rule: it.due_rule,
            gone_on: it.gone_on,
            has_contact: it.has_contact,
        }
    }
}

/// A clue with its record, as the auditor sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct ClueRecord {
    #[serde(flatten)]
    pub clue: ClueSeen,
    pub steps: Vec<ClueStep>,
    pub links: Vec<ClueLink>,
    /// Words for an end that wait for another person.
    pub proposals: Vec<DisposalProposal>,
    pub reviews: Vec<AlertReview>,
    pub contact_asks: Vec<ContactAsk>,
    /// Clues that were merged into this one: they end with it.
    pub merged: Vec<MergedClue>,
    /// How many they are; the first 100 are listed.
    pub merged_total: i64,
    /// 保全: days whose observation log boxes keep for this clue.
    pub log_holds: Vec<LogHold>,
    /// What boxes said when they were asked to replay its days, newest first.
    pub replays: Vec<ReplaySeen>,
}

/// A text of the reporter.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct TextSeen {
    /// Day.
    pub on: String,
    pub text: String,
}

/// A clue as those see it who work on it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct ClueForOfficer {
    #[serde(flatten)]
    pub record: ClueRecord,
    /// The report, then the answers to questions.
    pub texts: Vec<TextSeen>,
    /// What waits for the reporter's answer.
    pub question: Option<String>,
    pub pictures: u32,
}

/// A whole clue, by who reads it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::web) enum WholeClue {
    Officer(Box<ClueForOfficer>),
    Auditor(Box<ClueRecord>),
}

/// Blocking.
pub(in crate::web) fn whole(a: &App, who: &Who, it: &Clue) -> Result<WholeClue, Problem> {
    let mut record = record(a, it)?;
    if who.role == Role::Auditor {
        // A question may hold the reporter's words.
        for step in record.steps.iter_mut().filter(|step| step.step == "ask") {
            step.said.clear();
        }
        return Ok(WholeClue::Auditor(Box::new(record)));
    }
    Ok(WholeClue::Officer(Box::new(for_officer(a, it, record)?)))
}

fn record(a: &App, it: &Clue) -> Result<ClueRecord, StoreError> {
    let (merged, merged_total) = a.store.merged_clues(&it.id)?;
    Ok(ClueRecord {
        clue: ClueSeen::of(it),
        steps: a.store.clue_steps(&it.id)?,
        links: a.store.clue_links(&it.id)?,
        proposals: it.handling.proposals.clone(),
        reviews: it.handling.case.as_ref().map(|case| case.reviews.clone()).unwrap_or_default(),
        contact_asks: a.store.contact_asks(&it.id)?,
        merged,
        merged_total,
        log_holds: a.store.log_holds_of_clue(it)?,
        replays: super::replay::seen(a, it)?,
    })
}

fn for_officer(a: &App, it: &Clue, record: ClueRecord) -> Result<ClueForOfficer, StoreError> {
    let unknown = || StoreError::Unknown { what: "clue", id: it.id.to_string() };
    let mut kept = a.store.sealed_clue(&it.id)?.ok_or_else(unknown)?;
    let mut texts = Vec::with_capacity(kept.texts.len());
    // Its key is gone with what it sealed.
    for (n, (on, sealed)) in std::mem::take(&mut kept.texts).iter().enumerate() {
        let key = key_of(&a.master, &it.id, &kept.key)?;
        let bytes = key.open(&sealed_as(&it.id, &format!("text {n}")), sealed)?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        texts.push(TextSeen { on: on.clone(), text });
    }
    Ok(ClueForOfficer {
        record,
        texts,
        question: it.handling.question.clone(),
        pictures: a.store.clue_pictures(&it.id)?,
    })
}
