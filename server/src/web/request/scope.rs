//! Which institutions somebody sees: the one question that every list and every object is narrowed
//! by.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Role, Who};
use crate::app::App;
use crate::model::{Name, Practitioner, Session};
use crate::problem::Problem;
use crate::store::{AlertFilter, StoreError};

/// An item of the catalogue holds where its jurisdiction says. Whoever has a part of the country
/// sets those of their part, and takes none away from anybody else.
pub(in crate::web) fn item_is_theirs(
    who: &Who,
    before: Option<&str>,
    after: &str,
) -> Result<(), String> {
    if before.is_some_and(|of| !of.starts_with(&who.scope)) {
        return Err("this code is another jurisdiction's: choose another".to_owned());
    }
    if !after.starts_with(&who.scope) {
        return Err(format!(
            "`{}` is not yours: use one that begins with {}",
            crate::clock::clip(after, 20),
            who.scope
        ));
    }
    Ok(())
}

/// All institutions, or some.
#[derive(Debug)]
pub(in crate::web) enum VisibleInstitutions {
    All,
    These(BTreeSet<String>),
}

impl VisibleInstitutions {
    /// Blocking: it asks the store.
    pub(in crate::web) fn of(app: &App, who: &Who) -> Result<Self, StoreError> {
        if who.scope.is_empty() && !matches!(who.role, Role::Clinic | Role::Public) {
            return Ok(Self::All);
        }
        let institutions = app.store.institutions()?;
        let seen = institutions.into_iter().filter(|i| who.sees(i.id.as_str(), &i.jurisdiction));
        Ok(Self::These(seen.map(|i| i.id.to_string()).collect()))
    }

    /// The institutions, where not all are seen.
    pub(in crate::web) fn these(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::All => None,
            Self::These(these) => Some(these),
        }
    }

    pub(in crate::web) fn has(&self, institution: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.contains(institution),
        }
    }

    pub(in crate::web) fn person(&self, person: &Practitioner) -> bool {
        matches!(self, Self::All) || person.sites.iter().any(|s| self.has(s.institution.as_str()))
    }

    /// A clinic reads of its people where they work for it, and not where else.
    pub(in crate::web) fn narrow(&self, who: &Who, person: &mut Practitioner) {
        if who.role == Role::Clinic {
            person.sites.retain(|s| self.has(s.institution.as_str()));
        }
    }

    /// Refuses what lies elsewhere, in words that say no more than that it is unknown.
    pub(in crate::web) fn must_have(
        &self,
        institution: &str,
        what: &str,
        id: &str,
    ) -> Result<(), Problem> {
        if self.has(institution) { Ok(()) } else { Err(Problem::unknown(what, id)) }
    }

    /// Names of these people, as far as they are any of the reader's business: who has a site or a
    /// pass at an institution that they see. Of anybody else they read the id that somebody
    /// declared, and no name.
    pub(in crate::web) fn names(
        &self,
        app: &App,
        people: &[String],
    ) -> Result<BTreeMap<String, Name>, StoreError> {
        match self.these() {
            None => app.store.names_of(people),
            Some(places) => app.store.names_at(people, places),
        }
    }

    /// The sessions of rooms that are seen.
    pub(in crate::web) fn sessions(
        &self,
        app: &App,
        sessions: Vec<Session>,
    ) -> Result<Vec<Session>, StoreError> {
        if matches!(self, Self::All) {
            return Ok(sessions);
        }
        let rooms: BTreeSet<String> = app
            .store
            .rooms()?
            .into_iter()
            .filter(|r| self.has(r.institution.as_str()))
            .map(|r| r.id.to_string())
            .collect();
        Ok(sessions.into_iter().filter(|s| rooms.contains(s.room.as_str())).collect())
    }
}

/// Narrowed to what this person sees.
pub(in crate::web) fn scoped(mut filter: AlertFilter, who: &Who) -> AlertFilter {
    if filter.assignee.as_deref() == Some("me") {
        filter.assignee = Some(who.name.clone());
    }
    match who.role {
        Role::Clinic => {
            filter.institution = Some(who.scope.clone());
            filter.clinic_numbers = true;
        }
        _ if !who.scope.is_empty() => filter.jurisdiction = Some(who.scope.clone()),
        _ => {}
    }
    filter
}
