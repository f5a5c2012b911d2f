//! What the rows of a table may refer to, and what their sender may touch: read once for a whole file.
//!
//! It only asks; nothing is stored here.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::Who;
use crate::app::App;
use crate::model::Practitioner;
use crate::problem::Problem;
use crate::store::Imported;
use crate::web::scope::Seen;

/// What rows may refer to, and what the reader may touch.
pub(super) struct Known {
    seen: Seen,
    who: Who,
    institutions: BTreeSet<String>,
    /// Room and its institution.
    rooms: BTreeMap<String, String>,
    items: BTreeSet<String>,
    people: BTreeMap<String, Practitioner>,
    sessions: BTreeSet<String>,
}

impl Known {
    pub(super) fn of(a: &App, who: &Who) -> Result<Self, Problem> {
        Ok(Self {
            seen: Seen::of(a, who)?,
            who: who.clone(),
            institutions: a.store.institutions()?.into_iter().map(|i| i.id.to_string()).collect(),
            rooms: a.store.rooms()?.into_iter().map(|r| (r.id.to_string(), r.institution.to_string())).collect(),
            items: a.store.items()?.into_iter().map(|i| i.code.to_string()).collect(),
            people: a.store.practitioners(None)?.into_iter().map(|p| (p.id.to_string(), p)).collect(),
            sessions: a.store.session_ids()?,
        })
    }

    pub(super) fn holds(&self, it: &Imported) -> bool {
        match it {
            Imported::Institution(it) => self.institutions.contains(it.id.as_str()),
            Imported::Practitioner(it) => self.people.contains_key(it.id.as_str()),
            Imported::Room(it) => self.rooms.contains_key(it.id.as_str()),
            Imported::Item(it) => self.items.contains(it.code.as_str()),
            Imported::Session(it) => self.sessions.contains(it.id.as_str()),
        }
    }

    /// A practitioner keeps his sites in other parts of the country: they are not this reader's to take away.
    pub(super) fn completed(&self, it: Imported) -> Imported {
        let Imported::Practitioner(mut it) = it else { return it };
        if let Some(before) = self.people.get(it.id.as_str()) {
            let elsewhere = before.sites.iter().filter(|s| !self.seen.has(s.institution.as_str()));
            it.sites.extend(elsewhere.cloned());
        }
        Imported::Practitioner(it)
    }

    /// What else must be there, and lie within the reader's part of the country.
    pub(super) fn refers(&self, it: &Imported) -> Vec<(&'static str, String)> {
        let mut wrong = Vec::new();
        let mut place = |column: &'static str, id: &str| {
            if !self.institutions.contains(id) || !self.seen.has(id) {
                wrong.push((column, format!("institution `{id}` is unknown: register it first")));
            }
        };
        match it {
            Imported::Institution(it) => {
                let elsewhere = self.institutions.contains(it.id.as_str()) && !self.seen.has(it.id.as_str());
                if elsewhere || !self.who.sees(it.id.as_str(), &it.jurisdiction) {
                    wrong.push(("jurisdiction", format!("`{}` is not yours", it.jurisdiction)));
                }
            }
            Imported::Practitioner(it) => {
                it.sites.iter().for_each(|s| place("institution", s.institution.as_str()));
                if self.people.get(it.id.as_str()).is_some_and(|before| !self.seen.person(before)) {
                    wrong.push(("id", format!("`{}` is taken: choose another", it.id)));
                }
            }
            Imported::Room(it) => {
                place("institution", it.institution.as_str());
                if self.rooms.get(it.id.as_str()).is_some_and(|before| !self.seen.has(before)) {
                    wrong.push(("id", format!("`{}` is taken: choose another", it.id)));
                }
            }
            Imported::Item(_) => {}
            Imported::Session(it) => {
                if self.rooms.get(it.room.as_str()).is_none_or(|i| !self.seen.has(i)) {
                    wrong.push(("room", format!("room `{}` is unknown: register it first", it.room)));
                }
                if it.item.as_ref().is_some_and(|i| !self.items.contains(i.as_str())) {
                    wrong.push(("item", "this item is in no catalogue: register it first".to_owned()));
                }
                let people = it.declared_lead.iter().map(|p| ("declared_lead", p));
                for (column, person) in people.chain(it.declared_operators.iter().map(|p| ("declared_operators", p))) {
                    if !self.people.contains_key(person.as_str()) {
                        wrong.push((column, format!("practitioner `{person}` is unknown: register him first")));
                    }
                }
            }
        }
        wrong
    }
}
