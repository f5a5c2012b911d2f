//! What comes before a decision: the party is told and may be heard, and what is grave is reviewed
//! and discussed by others than who works the case. Small penalties on the spot.

use jiff::civil::Date;
use law::{Table, Term};

use super::checks::{amounts_fit, covers, fits_on_the_spot, not_before};
use super::{
    CaseEntry, CaseOutcome, CaseRefusal, INSTITUTION, Penalty, PenaltyCase, RecordedEntry,
};
use crate::calendar::Calendar;

impl PenaltyCase {
    pub(super) fn told_well(
        &self,
        penalties: &[Penalty],
        hearing_offered: bool,
    ) -> Result<(), CaseRefusal> {
        amounts_fit(penalties)?;
        if !hearing_offered && penalties.iter().any(|p| self.is_large(*p)) {
            return Err(CaseRefusal::HearingOwed);
        }
        Ok(())
    }

    pub(super) fn hearing_held(&self, on: Date) -> Result<(), CaseRefusal> {
        self.after_told("hearing_called", on)?;
        match self.since_told("hearing_called").map(|r| &r.entry) {
            Some(CaseEntry::HearingCalled { held_on }) => not_before(on, *held_on),
            _ => Ok(()),
        }
    }

    pub(super) fn hearing_asked(&self, on: Date) -> Result<(), CaseRefusal> {
        match self.told() {
            None => Err(CaseRefusal::Missing("notified")),
            Some((_, _, false)) => Err(CaseRefusal::Missing("hearing_offered")),
            Some((told_on, _, true)) => not_before(on, told_on),
        }
    }

    pub(super) fn decides(
        &self,
        on: Date,
        outcome: CaseOutcome,
        penalties: &[Penalty],
        calendar: &Calendar,
    ) -> Result<(), CaseRefusal> {
        if outcome != CaseOutcome::Punished {
            return if penalties.is_empty() { Ok(()) } else { Err(CaseRefusal::Penalties) };
        }
        amounts_fit(penalties)?;
        let (told_on, told, offered) = self.told().ok_or(CaseRefusal::Missing("notified"))?;
        not_before(on, told_on)?;
        if !penalties.iter().all(|p| told.iter().any(|t| covers(*t, *p))) {
            return Err(CaseRefusal::MoreThanTold);
        }
        let heard = self.since_told("hearing_held").is_some();
        if self.hearing_is_owed() {
            return Err(CaseRefusal::HearingNotHeld);
        }
        if offered && !heard {
            let term = Table::shipped().term(Term::HearingRequest);
            let until = calendar.due(told_on, term).on;
            if on <= until && self.since_told("hearing_waived").is_none() {
                return Err(CaseRefusal::HearingOpen(until));
            }
        }
        let large = penalties.iter().any(|p| self.is_large(*p));
        if large || heard {
            match self.before_decision("legally_reviewed", on)?.entry {
                CaseEntry::LegallyReviewed { agreed: true, .. } => {}
                _ => return Err(CaseRefusal::Missing("legally_reviewed")),
            }
        }
        if large {
            self.before_decision("discussed", on)?;
        }
        Ok(())
    }

    /// 简易程序: what is small enough is decided on the spot, without notice, review or discussion.
    pub(super) fn decides_on_the_spot(
        &self,
        outcome: CaseOutcome,
        penalties: &[Penalty],
    ) -> Result<(), CaseRefusal> {
        amounts_fit(penalties)?;
        let fits = outcome == CaseOutcome::Punished
            && fits_on_the_spot(penalties, self.party == INSTITUTION);
        // Whoever asked to be heard is not passed by.
        if !fits || self.last("notified").is_some() {
            return Err(CaseRefusal::NotSimple);
        }
        Ok(())
    }

    /// Done since the party was last told or heard, and not after the decision's day.
    fn before_decision(&self, code: &'static str, on: Date) -> Result<&RecordedEntry, CaseRefusal> {
        let done = self.since_heard(code).ok_or(CaseRefusal::Missing(code))?;
        not_before(on, done.on)?;
        Ok(done)
    }
}
