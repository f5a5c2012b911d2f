//! What the rows of a table may refer to, and what their sender may touch: read once for a whole
//! file.
//!
//! It only asks; nothing is stored here.

use std::collections::{BTreeMap, BTreeSet};

use protocol::down::Specialty;

use super::Noun;
use crate::access::Who;
use crate::app::App;
use crate::model::{Practitioner, Session};
use crate::problem::Problem;
use crate::store::{Imported, NO_ITEM, NO_LEAD, UNKNOWN_ITEM, no_relation, not_filed};
use crate::text::loose;
use crate::web::api::registry::{WORKS_ELSEWHERE_TOO, not_theirs_to_change};
use crate::web::request::scope::{VisibleInstitutions, item_is_theirs};

/// What rows may refer to, and what the reader may touch.
pub(super) struct KnownRecords {
    seen: VisibleInstitutions,
    who: Who,
    institutions: BTreeSet<String>,
    /// Room and its institution.
    rooms: BTreeMap<String, String>,
    /// Item, the jurisdiction whose it is, and whose leads may perform it.
    items: BTreeMap<String, (String, Vec<Specialty>)>,
    people: BTreeMap<String, Practitioner>,
    /// Who has a pass where.
    passes: BTreeSet<(String, String)>,
    /// Session and its room.
    sessions: BTreeMap<String, String>,
    /// Ids of the table by what is left of them; none of sessions, which machines number.
    loose: BTreeMap<String, String>,
}

impl KnownRecords {
    pub(super) fn of(a: &App, who: &Who, noun: Noun) -> Result<Self, Problem> {
        let mut known = Self {
            loose: BTreeMap::new(),
            seen: VisibleInstitutions::of(a, who)?,
            who: who.clone(),
            institutions: a.store.institutions()?.into_iter().map(|i| i.id.to_string()).collect(),
            rooms: a
                .store
                .rooms()?
                .into_iter()
                .map(|r| (r.id.to_string(), r.institution.to_string()))
                .collect(),
            items: a
                .store
                .items()?
                .into_iter()
                .map(|i| (i.code.to_string(), (i.jurisdiction, i.specialties)))
                .collect(),
            people: a
                .store
                .practitioners(None)?
                .into_iter()
                .map(|p| (p.id.to_string(), p))
                .collect(),
            passes: a
                .store
                .passes()?
                .into_iter()
                .map(|pass| (pass.institution.to_string(), pass.person.to_string()))
                .collect(),
            sessions: a.store.session_rooms()?,
        };
        // Of other parts of the country nobody learns which ids there are.
        let seen = &known.seen;
        let ids: Vec<&String> = match noun {
            Noun::Institutions => known.institutions.iter().filter(|id| seen.has(id)).collect(),
            Noun::Practitioners => {
                known.people.iter().filter(|(_, p)| seen.person(p)).map(|(id, _)| id).collect()
            }
            Noun::Rooms => {
                known.rooms.iter().filter(|(_, i)| seen.has(i)).map(|(r, _)| r).collect()
            }
            Noun::Items => known.items.keys().collect(),
            Noun::Sessions => Vec::new(),
        };
        known.loose = ids.into_iter().map(|id| (loose(id), id.clone())).collect();
        Ok(known)
    }

    /// An id that is easily taken for this new one: of the register, or of an earlier row.
    pub(super) fn near(&mut self, it: &Imported) -> Option<String> {
        if self.holds(it) || matches!(it, Imported::Session(_)) {
            return None;
        }
        let id = super::key(it);
        let near = self.loose.entry(loose(&id)).or_insert_with(|| id.clone());
        (*near != id).then(|| near.clone())
    }

    pub(super) fn holds(&self, it: &Imported) -> bool {
        match it {
            Imported::Institution(it) => self.institutions.contains(it.id.as_str()),
            Imported::Practitioner(it) => self.people.contains_key(it.id.as_str()),
            Imported::Room(it) => self.rooms.contains_key(it.id.as_str()),
            Imported::Item(it) => self.items.contains_key(it.code.as_str()),
            Imported::Session(it) => self.sessions.contains_key(it.id.as_str()),
        }
    }

    /// A practitioner keeps their sites in other parts of the country: they are not this reader's
    /// to take away.
    pub(super) fn completed(&self, it: Imported) -> Imported {
        let Imported::Practitioner(mut it) = it else { return it };
        if let Some(before) = self.people.get(it.id.as_str()) {
            let elsewhere = before.sites.iter().filter(|s| !self.seen.has(s.institution.as_str()));
            it.sites.extend(elsewhere.cloned());
        }
        Imported::Practitioner(it)
    }

    /// The room that a session leaves by being replaced, if it does.
    pub(super) fn left(&self, it: &Imported) -> Option<&String> {
        let Imported::Session(it) = it else { return None };
        self.sessions.get(it.id.as_str()).filter(|room| *room != it.room.as_str())
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
                let elsewhere =
                    self.institutions.contains(it.id.as_str()) && !self.seen.has(it.id.as_str());
                if elsewhere || !self.who.sees(it.id.as_str(), &it.jurisdiction) {
                    wrong.push(("jurisdiction", format!("`{}` is not yours", it.jurisdiction)));
                }
            }
            Imported::Practitioner(it) => {
                it.sites.iter().for_each(|s| place("institution", s.institution.as_str()));
                let before = self.people.get(it.id.as_str());
                if before.is_some_and(|before| !self.seen.person(before)) {
                    wrong.push(("id", format!("`{}` is taken: choose another", it.id)));
                } else if let Some(column) =
                    before.and_then(|before| not_theirs_to_change(&self.seen, before, it))
                {
                    wrong.push((column, WORKS_ELSEWHERE_TOO.to_owned()));
                }
            }
            Imported::Room(it) => {
                place("institution", it.institution.as_str());
                if self.rooms.get(it.id.as_str()).is_some_and(|before| !self.seen.has(before)) {
                    wrong.push(("id", format!("`{}` is taken: choose another", it.id)));
                }
            }
            Imported::Item(it) => {
                let before = self.items.get(it.code.as_str()).map(|i| i.0.as_str());
                if let Err(why) = item_is_theirs(&self.who, before, &it.jurisdiction) {
                    wrong.push(("jurisdiction", why));
                }
            }
            Imported::Session(it) => {
                if self.rooms.get(it.room.as_str()).is_none_or(|i| !self.seen.has(i)) {
                    wrong.push((
                        "room",
                        format!("room `{}` is unknown: register it first", it.room),
                    ));
                }
                let before =
                    self.sessions.get(it.id.as_str()).and_then(|room| self.rooms.get(room));
                if before.is_some_and(|institution| !self.seen.has(institution)) {
                    wrong.push(("id", format!("`{}` is taken: choose another", it.id)));
                }
                if it.item.as_ref().is_some_and(|i| !self.items.contains_key(i.as_str())) {
                    wrong.push(("item", UNKNOWN_ITEM.to_owned()));
                }
                let strangers = self.strangers(it);
                if !strangers.iter().any(|(column, _)| *column == "declared_lead") {
                    wrong.extend(self.undeclared(it));
                }
                wrong.extend(strangers);
            }
        }
        wrong
    }

    /// What a new session lacks so that somebody can say who should have been there.
    fn undeclared(&self, it: &Session) -> Vec<(&'static str, String)> {
        if it.cancelled || self.sessions.contains_key(it.id.as_str()) {
            return Vec::new();
        }
        let mut wrong = Vec::new();
        if it.item.is_none() {
            wrong.push(("item", NO_ITEM.to_owned()));
        }
        let Some(lead) = &it.declared_lead else {
            wrong.push(("declared_lead", NO_LEAD.to_owned()));
            return wrong;
        };
        let item = it.item.as_ref().and_then(|i| Some((i, self.items.get(i.as_str())?)));
        let place = self.rooms.get(it.room.as_str());
        let (Some((code, (_, specialties))), Some(place)) = (item, place) else { return wrong };
        let sites = self.people.get(lead.as_str()).into_iter().flat_map(|p| &p.sites);
        let mut filed = sites.filter(|s| s.institution.as_str() == place).flat_map(|s| &s.lead_of);
        if !filed.any(|specialty| specialties.contains(specialty)) {
            wrong.push(("declared_lead", not_filed(lead.as_str(), code.as_str())));
        }
        wrong
    }

    /// Who is declared and has nothing to do with the room's institution; of a person who is known
    /// elsewhere it says what it says of nobody at all. Whoever a known session names is judged as
    /// it is stored.
    fn strangers(&self, it: &Session) -> Vec<(&'static str, String)> {
        if self.sessions.contains_key(it.id.as_str()) {
            return Vec::new();
        }
        let Some(place) = self.rooms.get(it.room.as_str()) else { return Vec::new() };
        let belongs = |person: &str| {
            self.passes.contains(&(place.clone(), person.to_owned()))
                || self.people.get(person).is_some_and(|known| {
                    known.sites.iter().any(|site| site.institution.as_str() == place)
                })
        };
        let lead = it.declared_lead.iter().map(|p| ("declared_lead", p));
        lead.chain(it.declared_operators.iter().map(|p| ("declared_operators", p)))
            .filter(|(_, person)| !belongs(person.as_str()))
            .map(|(column, person)| (column, no_relation(person.as_str())))
            .collect()
    }
}
