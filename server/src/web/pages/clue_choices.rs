//! What may be linked to a clue, or take it in, in words: whoever works on one chooses by room,
//! matter and day, and types no code. It offers what its reader sees anyhow, and decides nothing.

use jiff::SignedDuration;

use super::frame::local;
use crate::access::{Right, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::store::{Alert, AlertFilter, Clue, ClueFilter};
use crate::web::request::scope::scoped;
use crate::web::request::sight;
use crate::web::view::names::Names;
use crate::web::view::words::Lang;

/// Leads, and clues, that a field offers; others are found by their number.
const OFFERED: u32 = 60;
/// Leads so near to the hour that a clue names come first.
const NEAR_H: i64 = 72;

/// A value and its words.
type ClueChoice = (String, String);

#[derive(Debug, Default)]
pub(super) struct Choices {
    pub leads: Vec<ClueChoice>,
    pub clues: Vec<ClueChoice>,
}

/// For whoever takes steps; a clue of no institution has none. Blocking.
pub(super) fn of(a: &App, l: Lang, who: &Who, clue: &Clue) -> Result<Choices, Problem> {
    let Some(institution) = clue.institution.as_ref().filter(|_| who.may(Right::GiveVerdicts))
    else {
        return Ok(Choices::default());
    };
    let leads = leads(a, who, clue, institution)?;
    sight::note(a, &leads)?;
    let rooms = Names::rooms(a, leads.iter().map(|lead| lead.room.as_str()))?;
    let words = |lead: &Alert| {
        let matter = lead.kinds.iter().map(|kind| l.kind(kind)).collect::<Vec<_>>().join(" · ");
        let room = rooms.get(&lead.room).name;
        let number = lead.number.of(who);
        let words = format!("#{number} {room} · {matter} · {}", local(&lead.raised_at));
        (format!("#{number}"), words)
    };
    let filter = ClueFilter {
        open_only: true,
        institution: Some(institution.clone()),
        jurisdiction: who.scope.clone(),
        limit: OFFERED,
        ..ClueFilter::default()
    };
    let others = a.store.clues(&filter)?;
    let others = others.iter().filter(|it| it.id != clue.id && it.handling.may_take_in());
    let said = |it: &Clue| {
        let matter = l.t(it.allegation.zh(), it.allegation.en());
        (format!("#{}", it.number), format!("#{} {matter} · {}", it.number, it.received_on))
    };
    Ok(Choices { leads: leads.iter().map(words).collect(), clues: others.map(said).collect() })
}

/// Those raised near the hour, then the newest.
fn leads(a: &App, who: &Who, clue: &Clue, institution: &str) -> Result<Vec<Alert>, Problem> {
    let all = AlertFilter {
        institution: Some(institution.to_owned()),
        limit: OFFERED,
        ..AlertFilter::default()
    };
    let mut found = Vec::new();
    if let Some(hour) = clue.about.from_at {
        let near = SignedDuration::from_hours(NEAR_H);
        let near = AlertFilter {
            raised_from: Some(hour - near),
            raised_before: Some(hour + near),
            ..all.clone()
        };
        found = a.store.alerts(&scoped(near, who))?;
    }
    for lead in a.store.alerts(&scoped(all, who))? {
        if found.iter().all(|it| it.id != lead.id) {
            found.push(lead);
        }
    }
    found.truncate(OFFERED as usize);
    Ok(found)
}
