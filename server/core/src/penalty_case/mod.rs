//! An administrative penalty case after its opening (立案), as a pure machine: entries in, a stage,
//! running terms and refusals out.
//!
//! A term that is missed is shown and told, never blocked; what the law asks to come first is.
//! Nothing is overwritten: a wrong entry is struck, by another person, and stays to be read.

mod checks;
mod clocks;
mod entry;
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
pub use clocks::{CaseClock, Due, Whose};
pub use entry::{
    Cause, Entry, Extension, Officer, Outcome, Penalty, PenaltyKind, ServedPaper, ServiceWay,
};
pub use procedure::{Phase, Provision};
pub use refusal::Refusal;

use crate::calendar::Calendar;
use checks::{amounts_fit, covers, not_before, together};

/// Working days in which the party may ask for a hearing.
const HEARING_REQUEST_DAYS: u32 = 5;

/// An entry as it was written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Recorded {
    pub id: i64,
    /// When it was entered.
    pub at: String,
    /// Who entered it.
    pub by: String,
    /// The day on which it was done.
    #[schemars(with = "String")]
    pub on: Date,
    pub entry: Entry,
}

/// A case as its alert's steps and its entries make it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PenaltyCase {
    /// The supervisors went on site: the verification (初步核实) before a case.
    pub on_site_on: Option<Date>,
    /// 立案.
    pub opened_on: Option<Date>,
    /// 结案.
    pub closed_on: Option<Date>,
    /// Oldest first.
    pub entries: Vec<Recorded>,
    /// From this amount on a fine is a large one (较大数额), in yuan. Not set: every fine is.
    pub large_fine_yuan: Option<u64>,
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
    /// Entries that were not struck, without the strikes themselves.
    pub fn standing(&self) -> impl DoubleEndedIterator<Item = &Recorded> {
        let struck: BTreeSet<i64> = self.struck().collect();
        self.entries
            .iter()
            .filter(move |r| !struck.contains(&r.id) && !matches!(r.entry, Entry::Struck { .. }))
    }

    fn struck(&self) -> impl Iterator<Item = i64> {
        self.entries.iter().filter_map(|r| match r.entry {
            Entry::Struck { id, .. } => Some(id),
            _ => None,
        })
    }

    pub fn is_struck(&self, id: i64) -> bool {
        self.struck().any(|other| other == id)
    }

    /// The latest standing entry of this name.
    pub fn last(&self, code: &str) -> Option<&Recorded> {
        self.standing().rfind(|r| r.entry.code() == code)
    }

    fn must_have(&self, code: &'static str) -> Result<&Recorded, Refusal> {
        self.last(code).ok_or(Refusal::Missing(code))
    }

    /// The two who work the case.
    pub fn officers(&self) -> &[Officer] {
        match self.last("officers").map(|r| &r.entry) {
            Some(Entry::Officers { officers }) => officers,
            _ => &[],
        }
    }

    /// What the party was last told: when, the penalties, whether a hearing was offered.
    pub fn told(&self) -> Option<(Date, &[Penalty], bool)> {
        match self.last("notified") {
            Some(Recorded {
                on, entry: Entry::Notified { penalties, hearing_offered }, ..
            }) => Some((*on, penalties, *hearing_offered)),
            _ => None,
        }
    }

    /// Since the party was last told.
    pub fn since_told(&self, code: &str) -> Option<&Recorded> {
        let told = self.last("notified")?.id;
        self.last(code).filter(|r| r.id > told)
    }

    /// What the party was last told, or its hearing since: reviews rest on it.
    fn last_heard(&self) -> Option<&Recorded> {
        self.since_told("hearing_held").or_else(|| self.last("notified"))
    }

    fn since_heard(&self, code: &str) -> Option<&Recorded> {
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

    pub fn served(&self, wanted: ServedPaper) -> Option<(&Recorded, ServiceWay)> {
        self.standing().rev().find_map(|r| match r.entry {
            Entry::Served { paper, way, .. } if paper == wanted => Some((r, way)),
            _ => None,
        })
    }

    /// Whether `by` may enter this as done on this day.
    pub fn check(
        &self,
        by: &str,
        on: Date,
        entry: &Entry,
        calendar: &Calendar,
        today: Date,
    ) -> Result<(), Refusal> {
        if self.closed_on.is_some() {
            return Err(Refusal::Closed);
        }
        if on > today {
            return Err(Refusal::Future(on));
        }
        entry.check_texts()?;
        match entry {
            Entry::Struck { id, .. } => self.check_strike(by, *id, calendar),
            Entry::OpeningExtended { .. } if self.opened_on.is_some() => Err(Refusal::Opened),
            Entry::Excluded { to, .. } if *to > today => Err(Refusal::Future(*to)),
            _ => self.follows(on, entry, calendar),
        }
    }

    /// What remains must still be a case that could have been entered.
    fn check_strike(&self, by: &str, id: i64, calendar: &Calendar) -> Result<(), Refusal> {
        let wrong = self.standing().find(|r| r.id == id).ok_or(Refusal::UnknownEntry)?;
        if wrong.by == by {
            return Err(Refusal::SamePerson(by.to_owned()));
        }
        let mut again = Self { entries: Vec::new(), ..self.clone() };
        for kept in self.standing().filter(|r| r.id != id) {
            again
                .follows(kept.on, &kept.entry, calendar)
                .map_err(|why| Refusal::Dependent(Box::new(why)))?;
            again.entries.push(kept.clone());
        }
        Ok(())
    }

    /// Whether this may stand after everything that stands.
    fn follows(&self, on: Date, entry: &Entry, calendar: &Calendar) -> Result<(), Refusal> {
        if let Entry::OpeningExtended { .. } = entry {
            return self.opening_extended(on);
        }
        let opened = self.opened_on.ok_or(Refusal::NotOpened)?;
        not_before(on, opened)?;
        if let Entry::Officers { officers } = entry {
            different(officers)?;
            return self.reviewed_by_none_of(officers);
        }
        if self.officers().is_empty() {
            return Err(Refusal::NoOfficers);
        }
        let after_all = matches!(
            entry,
            Entry::Served { paper: ServedPaper::Decision, .. }
                | Entry::CorrectionChecked { .. }
                | Entry::CrimeReported {}
                | Entry::CrimeDecided { .. }
                | Entry::CrimeTransferred { .. }
                | Entry::PoliceRefused { .. }
                | Entry::ReconsiderationAsked {}
                | Entry::PreservationDecided { .. }
        );
        if self.last("decided").is_some() && !after_all {
            return Err(Refusal::Decided);
        }
        match entry {
            Entry::CorrectionOrdered { until } => not_before(*until, on),
            Entry::CorrectionChecked { .. } => self.after("correction_ordered", on),
            Entry::Excluded { from, to, .. } if from > to => Err(Refusal::Interval),
            Entry::Excluded { from, .. } => not_before(*from, opened),
            Entry::DecisionExtended { extension, .. } => self.decision_extended(on, *extension),
            Entry::Notified { penalties, hearing_offered } => {
                self.told_well(penalties, *hearing_offered)
            }
            Entry::Stated { .. } => self.after("notified", on),
            Entry::HearingRequested {} | Entry::HearingWaived {} => self.hearing_asked(on),
            Entry::HearingCalled { held_on } => {
                self.after_told("hearing_requested", on)?;
                not_before(*held_on, on)
            }
            Entry::HearingHeld {} => self.hearing_held(on),
            Entry::LegallyReviewed { reviewer, .. } => {
                self.not_an_officer("reviewer", reviewer)?;
                self.once_since_heard("legally_reviewed", on)
            }
            Entry::Discussed { participants, .. } => {
                together(participants)?;
                self.once_since_heard("discussed", on)
            }
            Entry::Decided { outcome, penalties, approved_by, .. } => {
                self.not_an_officer("approved_by", approved_by)?;
                self.decides(on, *outcome, penalties, calendar)
            }
            Entry::Served { paper, way, agreed } => self.serves(on, *paper, *way, *agreed),
            Entry::CrimeDecided { .. } => self.after("crime_reported", on),
            Entry::CrimeTransferred { .. } => self.after("crime_decided", on),
            Entry::PoliceRefused { .. } => self.after("crime_transferred", on),
            Entry::ReconsiderationAsked {} => self.after("police_refused", on),
            Entry::PreservationDecided { .. } => self.after("preserved", on),
            Entry::CrimeReported {}
            | Entry::Preserved { .. }
            | Entry::OpeningExtended { .. }
            | Entry::Officers { .. }
            | Entry::Struck { .. } => Ok(()),
        }
    }

    fn opening_extended(&self, on: Date) -> Result<(), Refusal> {
        let since = self.on_site_on.ok_or(Refusal::Missing("on_site"))?;
        not_before(on, since)?;
        match self.last("opening_extended") {
            Some(_) => Err(Refusal::Twice),
            None => Ok(()),
        }
    }

    fn after(&self, code: &'static str, on: Date) -> Result<(), Refusal> {
        not_before(on, self.must_have(code)?.on)
    }

    fn after_told(&self, code: &'static str, on: Date) -> Result<(), Refusal> {
        not_before(on, self.since_told(code).ok_or(Refusal::Missing(code))?.on)
    }

    /// Neither now nor before: who worked the case does not judge it.
    fn not_an_officer(&self, name: &'static str, who: &str) -> Result<(), Refusal> {
        let worked = self.standing().any(|r| match &r.entry {
            Entry::Officers { officers } => officers.iter().any(|o| o.name.trim() == who.trim()),
            _ => false,
        });
        if worked {
            return Err(Refusal::OwnOfficer { name, who: who.trim().to_owned() });
        }
        Ok(())
    }

    fn reviewed_by_none_of(&self, officers: &[Officer]) -> Result<(), Refusal> {
        for recorded in self.standing() {
            let Entry::LegallyReviewed { reviewer, .. } = &recorded.entry else { continue };
            let who = reviewer.trim();
            if officers.iter().any(|o| o.name.trim() == who) {
                return Err(Refusal::OwnReviewer(who.to_owned()));
            }
        }
        Ok(())
    }

    /// A second word does not override the first: that is struck, or the party is told anew.
    fn once_since_heard(&self, code: &str, on: Date) -> Result<(), Refusal> {
        if self.since_heard(code).is_some() {
            return Err(Refusal::Twice);
        }
        self.last_heard().map_or(Ok(()), |heard| not_before(on, heard.on))
    }

    fn told_well(&self, penalties: &[Penalty], hearing_offered: bool) -> Result<(), Refusal> {
        amounts_fit(penalties)?;
        if !hearing_offered && penalties.iter().any(|p| self.is_large(*p)) {
            return Err(Refusal::HearingOwed);
        }
        Ok(())
    }

    fn hearing_held(&self, on: Date) -> Result<(), Refusal> {
        self.after_told("hearing_called", on)?;
        match self.since_told("hearing_called").map(|r| &r.entry) {
            Some(Entry::HearingCalled { held_on }) => not_before(on, *held_on),
            _ => Ok(()),
        }
    }

    fn hearing_asked(&self, on: Date) -> Result<(), Refusal> {
        match self.told() {
            None => Err(Refusal::Missing("notified")),
            Some((_, _, false)) => Err(Refusal::Missing("hearing_offered")),
            Some((told_on, _, true)) => not_before(on, told_on),
        }
    }

    fn decides(
        &self,
        on: Date,
        outcome: Outcome,
        penalties: &[Penalty],
        calendar: &Calendar,
    ) -> Result<(), Refusal> {
        if outcome != Outcome::Punished {
            return if penalties.is_empty() { Ok(()) } else { Err(Refusal::Penalties) };
        }
        amounts_fit(penalties)?;
        let (told_on, told, offered) = self.told().ok_or(Refusal::Missing("notified"))?;
        not_before(on, told_on)?;
        if !penalties.iter().all(|p| told.iter().any(|t| covers(*t, *p))) {
            return Err(Refusal::MoreThanTold);
        }
        let heard = self.since_told("hearing_held").is_some();
        if self.hearing_is_owed() {
            return Err(Refusal::HearingNotHeld);
        }
        if offered && !heard {
            let until = calendar.add_working_days(told_on, HEARING_REQUEST_DAYS).on;
            if on <= until && self.since_told("hearing_waived").is_none() {
                return Err(Refusal::HearingOpen(until));
            }
        }
        let large = penalties.iter().any(|p| self.is_large(*p));
        if large || heard {
            match self.before_decision("legally_reviewed", on)?.entry {
                Entry::LegallyReviewed { agreed: true, .. } => {}
                _ => return Err(Refusal::Missing("legally_reviewed")),
            }
        }
        if large {
            self.before_decision("discussed", on)?;
        }
        Ok(())
    }

    /// Done since the party was last told or heard, and not after the decision's day.
    fn before_decision(&self, code: &'static str, on: Date) -> Result<&Recorded, Refusal> {
        let done = self.since_heard(code).ok_or(Refusal::Missing(code))?;
        not_before(on, done.on)?;
        Ok(done)
    }
}
