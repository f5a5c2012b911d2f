//! The parties of a case: the institution, and persons beside it, each told, heard, decided upon
//! and served by itself. What was done to one is never held against another.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::checks::not_before;
use super::{CaseEntry, CaseRefusal, INSTITUTION, PenaltyCase};

/// Whom a case is against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Party {
    /// 0: the institution; else the number of the entry that named a person.
    pub id: i64,
    /// Of a person; empty: the institution.
    pub name: String,
    /// Of the registry, where the person stands there.
    pub person: Option<String>,
}

impl PenaltyCase {
    /// The institution, then every person that was named.
    pub fn parties(&self) -> impl Iterator<Item = Party> {
        let institution = Party { id: INSTITUTION, name: String::new(), person: None };
        let persons = self.standing_of_all().filter_map(|r| match &r.entry {
            CaseEntry::PartyNamed { name, person } => {
                let (name, person) = (name.trim().to_owned(), person.clone());
                Some(Party { id: r.id, name, person })
            }
            _ => None,
        });
        std::iter::once(institution).chain(persons)
    }

    /// The case as this party has it.
    #[must_use]
    pub fn as_of(&self, party: i64) -> Self {
        Self { party, ..self.clone() }
    }

    /// The case as this person of the registry has it; `None`: the person is no party.
    pub fn as_of_person(&self, person: &str) -> Option<Self> {
        let party = self.parties().find(|p| p.person.as_deref() == Some(person))?;
        Some(self.as_of(party.id))
    }

    /// Nothing but what follows a decision may be entered: for this party, or for all of them.
    pub(super) fn is_over_for(&self, entry: &CaseEntry) -> bool {
        if entry.is_of_a_party() {
            return self.decision_holds();
        }
        self.parties().all(|p| self.as_of(p.id).decision_holds())
    }

    /// One person is one party: the same in the registry, or by a name where one of the two does
    /// not stand there.
    pub(super) fn names(&self, name: &str, person: Option<&str>) -> Result<(), CaseRefusal> {
        let same = |p: &Party| match (p.person.as_deref(), person) {
            (Some(known), Some(new)) => known == new,
            _ => p.name == name.trim(),
        };
        if self.parties().filter(|p| p.id != INSTITUTION).any(|p| same(&p)) {
            return Err(CaseRefusal::Twice);
        }
        Ok(())
    }

    /// A penalty on the spot is reported once.
    pub(super) fn reports(&self, on: Date) -> Result<(), CaseRefusal> {
        if !self.is_decided_on_the_spot() {
            return Err(CaseRefusal::NotSimple);
        }
        if self.last("simple_reported").is_some() {
            return Err(CaseRefusal::Twice);
        }
        not_before(on, self.must_have("decided")?.on)
    }

    pub fn is_decided_on_the_spot(&self) -> bool {
        matches!(
            self.last("decided").map(|r| &r.entry),
            Some(CaseEntry::Decided { simple: true, .. })
        )
    }

    pub(super) fn quashes(&self, on: Date) -> Result<(), CaseRefusal> {
        if !self.decision_holds() {
            return Err(CaseRefusal::Missing("decided"));
        }
        self.after("decided", on)
    }

    /// Only what punishes is published, and no more once it does not hold.
    pub(super) fn published(&self, on: Date) -> Result<(), CaseRefusal> {
        if !self.punished() {
            return Err(CaseRefusal::Missing("decided"));
        }
        not_before(on, self.must_have("decided")?.on)
    }
}
