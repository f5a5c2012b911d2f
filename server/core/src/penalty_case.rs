//! An administrative penalty case after its opening (立案), as a pure machine: entries in, a stage,
//! running terms and refusals out.
//!
//! A term that is missed is shown and told, never blocked; what the law asks to come first is.
//! Nothing is overwritten: a wrong entry is struck, by another person, and stays to be read.

use crate::clock::At;

mod checks;
mod clocks;
mod deciding;
mod due;
mod entry;
mod kinds;
mod party;
mod procedure;
mod refusal;
mod service;
#[cfg(test)]
mod tests;
pub mod words;

use std::collections::BTreeSet;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

pub use checks::different;
pub use clocks::{CaseClock, Reading};
pub use due::{ActingSide, CaseStepDue};
pub use entry::CaseEntry;
pub use kinds::{
    CaseOutcome, Extension, Officer, Penalty, PenaltyKind, ServedPaper, ServiceWay, SuspensionCause,
};
pub use party::Party;
pub use procedure::{Phase, Provision};
pub use refusal::CaseRefusal;

use crate::calendar::Calendar;
use checks::{not_before, together};

/// The institution as a party; a person's number is that of the entry that named it.
pub const INSTITUTION: i64 = 0;

/// An entry as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Recorded")]
pub struct RecordedEntry {
    pub id: i64,
    /// When it was entered.
    pub at: At,
    /// Who entered it.
    pub by: String,
    /// The day on which it was done.
    #[schemars(with = "String")]
    pub on: Date,
    /// To whom it was done: 0 the institution, else the number of the entry that named a person.
    pub party: i64,
    pub entry: CaseEntry,
}

/// A case as its alert's steps and its entries make it, as one of its parties has it: what was done
/// to another is not looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PenaltyCase {
    /// The supervisors went on site: the verification (初步核实) before a case.
    pub on_site_on: Option<Date>,
    /// 立案.
    pub opened_on: Option<Date>,
    /// 结案.
    pub closed_on: Option<Date>,
    /// Oldest first.
    pub entries: Vec<RecordedEntry>,
    /// From this amount on a fine is a large one (较大数额), in yuan. Not set: every fine is.
    pub large_fine_yuan: Option<u64>,
    /// The last day on which what is alleged was seen.
    pub act_ended_on: Option<Date>,
    /// Whose case is looked at.
    pub party: i64,
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody was sent on site yet.
    Lead,
    Verification,
    Investigation,
    Told,
    Heard,
    Decided,
    Served,
    Closed,
}

impl PenaltyCase {
    /// Entries of this party and of the case as a whole that were not struck, without the strikes
    /// themselves.
    pub fn standing(&self) -> impl DoubleEndedIterator<Item = &RecordedEntry> {
        self.standing_of_all().filter(move |r| !r.entry.is_of_a_party() || r.party == self.party)
    }

    /// The same of every party.
    pub fn standing_of_all(&self) -> impl DoubleEndedIterator<Item = &RecordedEntry> {
        let struck: BTreeSet<i64> = self.struck().collect();
        self.entries.iter().filter(move |r| {
            !struck.contains(&r.id) && !matches!(r.entry, CaseEntry::Struck { .. })
        })
    }

    fn struck(&self) -> impl Iterator<Item = i64> {
        self.entries.iter().filter_map(|r| match r.entry {
            CaseEntry::Struck { id, .. } => Some(id),
            _ => None,
        })
    }

    pub fn is_struck(&self, id: i64) -> bool {
        self.struck().any(|other| other == id)
    }

    /// The latest standing entry of this name.
    pub fn last(&self, code: &str) -> Option<&RecordedEntry> {
        self.standing().rfind(|r| r.entry.code() == code)
    }

    fn must_have(&self, code: &'static str) -> Result<&RecordedEntry, CaseRefusal> {
        self.last(code).ok_or(CaseRefusal::Missing(code))
    }

    /// The two who work the case.
    pub fn officers(&self) -> &[Officer] {
        match self.last("officers").map(|r| &r.entry) {
            Some(CaseEntry::Officers { officers }) => officers,
            _ => &[],
        }
    }

    /// What the party was last told: when, the penalties, whether a hearing was offered.
    pub fn told(&self) -> Option<(Date, &[Penalty], bool)> {
        match self.last("notified") {
            Some(RecordedEntry {
                on,
                entry: CaseEntry::Notified { penalties, hearing_offered },
                ..
            }) => Some((*on, penalties, *hearing_offered)),
            _ => None,
        }
    }

    /// Since the party was last told.
    pub fn since_told(&self, code: &str) -> Option<&RecordedEntry> {
        let told = self.last("notified")?.id;
        self.last(code).filter(|r| r.id > told)
    }

    /// What the party was last told, or its hearing since: reviews rest on it.
    fn last_heard(&self) -> Option<&RecordedEntry> {
        self.since_told("hearing_held").or_else(|| self.last("notified"))
    }

    fn since_heard(&self, code: &str) -> Option<&RecordedEntry> {
        let mut since = self.last_heard().map_or(0, |r| r.id);
        if code == "discussed" {
            since = since.max(self.extension_discussed());
        }
        self.last(code).filter(|r| r.id > since)
    }

    /// The party asked for a hearing, has not taken that back, and was not heard.
    pub fn hearing_is_owed(&self) -> bool {
        let Some(asked) = self.since_told("hearing_requested") else { return false };
        let settled = |code: &str| self.since_told(code).is_some_and(|r| r.id > asked.id);
        !settled("hearing_held") && !settled("hearing_waived")
    }

    /// It asks for the offer of a hearing, for legal review and for a discussion. A confiscation
    /// has no amount here, so that each counts as a large one.
    fn is_large(&self, penalty: Penalty) -> bool {
        match penalty.kind {
            PenaltyKind::Fine => {
                self.large_fine_yuan.is_none_or(|from| penalty.amount_yuan >= from)
            }
            PenaltyKind::Confiscation => true,
            kind => kind.is_grave(),
        }
    }

    /// Supervisors went on site, or further.
    pub fn began(&self) -> bool {
        self.stage() != Stage::Lead
    }

    pub fn stage(&self) -> Stage {
        let has = |code: &str| self.last(code).is_some();
        let decision_served = self.served(ServedPaper::Decision).is_some();
        match () {
            () if self.closed_on.is_some() => Stage::Closed,
            () if decision_served => Stage::Served,
            () if has("decided") => Stage::Decided,
            () if self.since_told("hearing_held").is_some() => Stage::Heard,
            () if has("notified") => Stage::Told,
            () if self.opened_on.is_some() => Stage::Investigation,
            () if self.on_site_on.is_some() => Stage::Verification,
            () => Stage::Lead,
        }
    }

    pub fn served(&self, wanted: ServedPaper) -> Option<(&RecordedEntry, ServiceWay)> {
        self.standing().rev().find_map(|r| match r.entry {
            CaseEntry::Served { paper, way, .. } if paper == wanted => Some((r, way)),
            _ => None,
        })
    }

    /// Whether `by` may enter this as done on this day.
    pub fn check(
        &self,
        by: &str,
        on: Date,
        entry: &CaseEntry,
        calendar: &Calendar,
        today: Date,
    ) -> Result<(), CaseRefusal> {
        if self.closed_on.is_some() && !entry.follows_the_closing() {
            return Err(CaseRefusal::Closed);
        }
        if on > today {
            return Err(CaseRefusal::Future(on));
        }
        entry.check_texts()?;
        if entry.is_of_a_party() && self.parties().all(|p| p.id != self.party) {
            return Err(CaseRefusal::UnknownParty);
        }
        match entry {
            CaseEntry::Struck { id, .. } => self.check_strike(by, *id, calendar),
            CaseEntry::OpeningExtended { .. } if self.opened_on.is_some() => {
                Err(CaseRefusal::Opened)
            }
            CaseEntry::Excluded { to, .. } if *to > today => Err(CaseRefusal::Future(*to)),
            _ => self.follows(on, entry, calendar),
        }
    }

    /// What remains must still be a case that could have been entered.
    fn check_strike(&self, by: &str, id: i64, calendar: &Calendar) -> Result<(), CaseRefusal> {
        let wrong = self.standing_of_all().find(|r| r.id == id).ok_or(CaseRefusal::UnknownEntry)?;
        if wrong.by == by {
            return Err(CaseRefusal::SamePerson(by.to_owned()));
        }
        if self.standing_of_all().any(|r| r.party == id) {
            return Err(CaseRefusal::Dependent(Box::new(CaseRefusal::UnknownParty)));
        }
        let mut again = Self { entries: Vec::new(), ..self.clone() };
        for kept in self.standing_of_all().filter(|r| r.id != id) {
            again.party = kept.party;
            again
                .follows(kept.on, &kept.entry, calendar)
                .map_err(|why| CaseRefusal::Dependent(Box::new(why)))?;
            again.entries.push(kept.clone());
        }
        Ok(())
    }

    /// Whether this may stand after everything that stands.
    fn follows(&self, on: Date, entry: &CaseEntry, calendar: &Calendar) -> Result<(), CaseRefusal> {
        match entry {
            CaseEntry::OpeningExtended { .. } => return self.opening_extended(on),
            // It decides by when a case is opened.
            CaseEntry::HarmFound { .. } => return self.harm_found(on),
            _ => {}
        }
        let opened = self.opened_on.ok_or(CaseRefusal::NotOpened)?;
        not_before(on, opened)?;
        if let CaseEntry::Officers { officers } = entry {
            different(officers)?;
            return self.reviewed_by_none_of(officers);
        }
        if self.officers().is_empty() {
            return Err(CaseRefusal::NoOfficers);
        }
        if self.is_over_for(entry) && !entry.follows_a_decision() {
            return Err(CaseRefusal::Decided);
        }
        match entry {
            CaseEntry::CorrectionOrdered { until } => not_before(*until, on),
            CaseEntry::CorrectionChecked { .. } => self.after("correction_ordered", on),
            CaseEntry::Excluded { from, to, .. } if from > to => Err(CaseRefusal::Interval),
            CaseEntry::Excluded { from, .. } => not_before(*from, opened),
            CaseEntry::DecisionExtended { extension, .. } => self.decision_extended(on, *extension),
            CaseEntry::Notified { penalties, hearing_offered } => {
                self.told_well(penalties, *hearing_offered)
            }
            CaseEntry::Stated { .. } => self.after("notified", on),
            CaseEntry::HearingRequested {} | CaseEntry::HearingWaived {} => self.hearing_asked(on),
            CaseEntry::HearingCalled { held_on } => {
                self.after_told("hearing_requested", on)?;
                not_before(*held_on, on)
            }
            CaseEntry::HearingHeld {} => self.hearing_held(on),
            CaseEntry::LegallyReviewed { reviewer, .. } => {
                self.not_an_officer("reviewer", reviewer)?;
                self.once_since_heard("legally_reviewed", on)
            }
            CaseEntry::Discussed { participants, .. } => {
                together(participants)?;
                self.once_since_heard("discussed", on)
            }
            CaseEntry::Decided { outcome, penalties, approved_by, simple, .. } => {
                self.not_an_officer("approved_by", approved_by)?;
                match simple {
                    true => self.decides_on_the_spot(*outcome, penalties),
                    false => self.decides(on, *outcome, penalties, calendar),
                }
            }
            CaseEntry::SimpleReported {} => self.reports(on),
            CaseEntry::PartyNamed { name, person } => self.names(name, person.as_deref()),
            CaseEntry::Published { .. } | CaseEntry::NotPublished { .. } => self.published(on),
            CaseEntry::Quashed { .. } => self.quashes(on),
            CaseEntry::PublicationWithdrawn {} => self.after("published", on),
            CaseEntry::Served { paper, way, agreed } => self.serves(on, *paper, *way, *agreed),
            CaseEntry::CrimeDecided { .. } => self.after("crime_reported", on),
            CaseEntry::CrimeTransferred { .. } => self.after("crime_decided", on),
            CaseEntry::PoliceRefused { .. } => self.after("crime_transferred", on),
            CaseEntry::ReconsiderationAsked {} => self.after("police_refused", on),
            CaseEntry::PreservationDecided { .. } => self.after("preserved", on),
            CaseEntry::CrimeReported {}
            | CaseEntry::Preserved { .. }
            | CaseEntry::OpeningExtended { .. }
            | CaseEntry::HarmFound { .. }
            | CaseEntry::Officers { .. }
            | CaseEntry::Struck { .. } => Ok(()),
        }
    }

    fn opening_extended(&self, on: Date) -> Result<(), CaseRefusal> {
        let since = self.on_site_on.ok_or(CaseRefusal::Missing("on_site"))?;
        not_before(on, since)?;
        match self.last("opening_extended") {
            Some(_) => Err(CaseRefusal::Twice),
            None => Ok(()),
        }
    }

    fn harm_found(&self, on: Date) -> Result<(), CaseRefusal> {
        let since = self.on_site_on.or(self.opened_on).ok_or(CaseRefusal::Missing("on_site"))?;
        not_before(on, since)
    }

    fn after(&self, code: &'static str, on: Date) -> Result<(), CaseRefusal> {
        not_before(on, self.must_have(code)?.on)
    }

    fn after_told(&self, code: &'static str, on: Date) -> Result<(), CaseRefusal> {
        not_before(on, self.since_told(code).ok_or(CaseRefusal::Missing(code))?.on)
    }

    /// Neither now nor before: who worked the case does not judge it.
    fn not_an_officer(&self, name: &'static str, who: &str) -> Result<(), CaseRefusal> {
        let worked = self.standing_of_all().any(|r| match &r.entry {
            CaseEntry::Officers { officers } => {
                officers.iter().any(|o| o.name.trim() == who.trim())
            }
            _ => false,
        });
        if worked {
            return Err(CaseRefusal::OwnOfficer { name, who: who.trim().to_owned() });
        }
        Ok(())
    }

    fn reviewed_by_none_of(&self, officers: &[Officer]) -> Result<(), CaseRefusal> {
        for recorded in self.standing_of_all() {
            let CaseEntry::LegallyReviewed { reviewer, .. } = &recorded.entry else { continue };
            let who = reviewer.trim();
            if officers.iter().any(|o| o.name.trim() == who) {
                return Err(CaseRefusal::OwnReviewer(who.to_owned()));
            }
        }
        Ok(())
    }

    /// A second word does not override the first: that is struck, or the party is told anew.
    fn once_since_heard(&self, code: &str, on: Date) -> Result<(), CaseRefusal> {
        if self.since_heard(code).is_some() {
            return Err(CaseRefusal::Twice);
        }
        self.last_heard().map_or(Ok(()), |heard| not_before(on, heard.on))
    }
}
