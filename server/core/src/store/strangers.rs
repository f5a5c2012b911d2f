//! Whom a box may name: people of its own institution. Somebody registered who neither works there
//! nor has a pass nor was declared in the session can be on no roster of the box: their name is
//! taken out of what is shown and counted, and the finding says how many there were.
//!
//! The finding itself stands, and the signed message stays in the chain as it came.

use std::borrow::Cow;

use protocol::id::PersonId;
use protocol::names::FigureName;
use protocol::up::{Count, FindingReport};

use super::Result;
use super::engine::{Connection, params};
use super::incidents::IncidentStep;
use crate::text::id_replaced;

/// The figure by which a finding says so.
const NAMED: FigureName = FigureName::StrangersNamedCount;

/// Only somebody registered is accused by an id.
const IS_A_STRANGER: &str = "SELECT 1 FROM practitioner WHERE id = ?2
    AND NOT EXISTS (SELECT 1 FROM site WHERE institution = ?1 AND practitioner = ?2)
    AND NOT EXISTS (SELECT 1 FROM pass WHERE institution = ?1 AND person = ?2)
    AND NOT EXISTS (SELECT 1 FROM session_change h WHERE h.session = ?3
        AND instr(h.spec, '\"' || ?2 || '\"') > 0)";

/// The step without them.
pub(super) fn without<'a>(tx: &Connection, step: IncidentStep<'a>) -> Result<IncidentStep<'a>> {
    let found = strangers(tx, &step.report, &step.placed.institution)?;
    if found.is_empty() {
        return Ok(step);
    }
    let mut report = step.report.into_owned();
    report.persons.retain(|p| !found.contains(&p.person));
    let word = wording::of_another_institution();
    for id in &found {
        // A box's sentence comes finished: its id is all that can be taken out of it.
        let said = &mut report.explanation;
        said.zh = id_replaced(&said.zh, id, &word.zh);
        said.en = id_replaced(&said.en, id, &word.en);
    }
    report.counts.retain(|count| count.name != NAMED);
    let value = i64::try_from(found.len()).unwrap_or(i64::MAX);
    report.counts.push(Count { name: NAMED, value });
    Ok(IncidentStep { report: Cow::Owned(report), ..step })
}

fn strangers(tx: &Connection, report: &FindingReport, institution: &str) -> Result<Vec<PersonId>> {
    let session = report.session.as_ref().map_or("", |session| session.as_str());
    let mut found = Vec::new();
    let mut asked = tx.prepare_cached(IS_A_STRANGER)?;
    for person in report.persons.iter().map(|p| &p.person) {
        if asked.exists(params![institution, person, session])? {
            found.push(person.clone());
        }
    }
    Ok(found)
}
