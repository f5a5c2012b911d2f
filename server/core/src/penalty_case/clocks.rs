//! By when the law wants the next act of a case: lengths and articles are those of the law table.
//! Pure: it shows what is due and blocks nothing.

use std::collections::BTreeSet;

use jiff::civil::Date;
use law::{Table, Term};
use schemars::JsonSchema;
use serde::Serialize;

use super::due::{ActingSide, CaseStepDue};
use super::procedure::Provision;
use super::{
    CaseEntry, CaseRefusal, Extension, INSTITUTION, PenaltyCase, RecordedEntry, ServedPaper,
    ServiceWay,
};
use crate::calendar::{Calendar, Deadline};

/// What a clock is asked by: the working days, the articles, and the day.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    pub calendar: &'a Calendar,
    pub table: &'a Table,
    pub today: Date,
}

/// One term of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CaseClock {
    pub due: CaseStepDue,
    pub whose: ActingSide,
    pub deadline: Deadline,
    /// Its day is over; of the hearing: it is called for an earlier day.
    pub late: bool,
    /// Whose part of the case it is of: 0 the institution or the whole case, else the number of the
    /// entry that named a person.
    pub party: i64,
    /// Of that person; empty: the institution, or the whole case.
    pub party_name: String,
    /// The same in the registry, where they stand there.
    pub party_person: Option<String>,
    pub provision: Provision,
}

impl PenaltyCase {
    /// Every term that runs on a day, the earliest first.
    pub fn clocks(&self, by: Reading<'_>) -> Vec<CaseClock> {
        let mut running = self.clocks_of_all(by);
        for party in self.parties() {
            let case = self.as_of(party.id);
            running.extend(case.clocks_of_party(by).into_iter().map(|clock| CaseClock {
                party: party.id,
                party_name: party.name.clone(),
                party_person: party.person.clone(),
                ..clock
            }));
        }
        running.sort_by_key(|c| c.deadline.on);
        running
    }

    /// Of the case as a whole.
    fn clocks_of_all(&self, by: Reading<'_>) -> Vec<CaseClock> {
        if self.closed_on.is_some() {
            return Vec::new();
        }
        clocks_of(
            by,
            [
                (CaseStepDue::OpenCase, self.opening(by.calendar)),
                (CaseStepDue::Limitation, self.limitation()),
                (CaseStepDue::Correct, self.correction()),
                (CaseStepDue::CrimeDecision, self.crime("crime_reported", "crime_decided")),
                (CaseStepDue::CrimeTransfer, self.crime("crime_decided", "crime_transferred")),
                (CaseStepDue::Reconsideration, self.reconsideration(by.calendar)),
                (CaseStepDue::Preservation, self.preservation(by.calendar)),
            ],
        )
    }

    /// Of what is told to one party, decided and served. A publication is withdrawn when the case
    /// is long closed, too.
    fn clocks_of_party(&self, by: Reading<'_>) -> Vec<CaseClock> {
        let mut running = clocks_of(
            by,
            [
                (CaseStepDue::Publish, self.publication(by.calendar)),
                (CaseStepDue::WithdrawPublication, self.withdrawal(by.calendar)),
            ],
        );
        if self.closed_on.is_some() {
            return running;
        }
        running.extend(clocks_of(
            by,
            [
                (CaseStepDue::HearingRequest, self.hearing_request(by.calendar)),
                (CaseStepDue::Decide, self.decision()),
                (CaseStepDue::Serve, self.service(by.calendar)),
                (CaseStepDue::PublicService, self.public_service()),
                (CaseStepDue::ReportSimple, self.report(by.calendar)),
                (CaseStepDue::Appeal, self.appeal(by.calendar).filter(|d| by.today <= d.on)),
            ],
        ));
        running.extend(self.hearing_notice(by));
        running
    }

    /// Nothing is punished any more after it; harm makes it longer. Of a lead that nobody verifies
    /// yet the law asks nothing.
    fn limitation(&self) -> Option<Deadline> {
        let verified = self.on_site_on.is_some() && self.opened_on.is_none();
        let ended = self.act_ended_on.filter(|_| verified)?;
        let harmed = self.last("harm_found").is_some();
        let term = if harmed { Term::LimitationOfHarm } else { Term::Limitation };
        Some(Calendar::default().due(ended, Table::shipped().term(term)))
    }

    fn report(&self, calendar: &Calendar) -> Option<Deadline> {
        let decided = self.last("decided").filter(|_| self.is_decided_on_the_spot())?;
        let reported = self.last("simple_reported").is_some();
        (!reported).then(|| due(calendar, decided.on, Term::ReportSimple))
    }

    /// A decision that holds and punishes, of whose publication nobody said a word.
    fn publication(&self, calendar: &Calendar) -> Option<Deadline> {
        let decided = self.last("decided").filter(|_| self.punished())?;
        let said = ["published", "not_published"]
            .iter()
            .any(|code| self.last(code).is_some_and(|r| r.id > decided.id));
        (!said).then(|| due(calendar, decided.on, Term::Publish))
    }

    fn withdrawal(&self, calendar: &Calendar) -> Option<Deadline> {
        let published = self.last("published")?;
        let quashed = self.last("quashed").filter(|r| r.id > published.id)?;
        let gone = self.last("publication_withdrawn").is_some_and(|r| r.id > published.id);
        (!gone).then(|| due(calendar, quashed.on, Term::WithdrawPublication))
    }

    fn appeal(&self, calendar: &Calendar) -> Option<Deadline> {
        let served_on = self.decision_served_on().filter(|_| self.decision_holds())?;
        Some(due(calendar, served_on, Term::Appeal))
    }

    fn opening(&self, calendar: &Calendar) -> Option<Deadline> {
        let from = self.on_site_on.filter(|_| self.opened_on.is_none())?;
        let once = Table::shipped().term(Term::OpenCase).length;
        let more = match self.last("opening_extended") {
            Some(_) => Table::shipped().term(Term::OpenCaseMore).length,
            None => 0,
        };
        Some(calendar.add_working_days(from, once + more))
    }

    fn correction(&self) -> Option<Deadline> {
        let ordered = self.last("correction_ordered")?;
        let CaseEntry::CorrectionOrdered { until } = ordered.entry else { return None };
        let checked = self.last("correction_checked").is_some_and(|c| c.id > ordered.id);
        (!checked).then_some(Deadline { on: until, year_without_table: false })
    }

    fn hearing_request(&self, calendar: &Calendar) -> Option<Deadline> {
        let (told_on, _, offered) = self.told()?;
        let settled = ["hearing_requested", "hearing_waived", "decided"];
        if !offered || settled.iter().any(|code| self.since_told(code).is_some()) {
            return None;
        }
        Some(due(calendar, told_on, Term::HearingRequest))
    }

    fn hearing_notice(&self, by: Reading<'_>) -> Option<CaseClock> {
        let called = self.since_told("hearing_called")?;
        let CaseEntry::HearingCalled { held_on } = called.entry else { return None };
        if self.since_told("hearing_held").is_some() {
            return None;
        }
        let earliest = due(by.calendar, called.on, Term::HearingNotice);
        Some(clock(by, CaseStepDue::HearingNotice, earliest, held_on < earliest.on))
    }

    /// The ninetieth day after the opening, of those that count.
    fn decision(&self) -> Option<Deadline> {
        let opened = self.opened_on.filter(|_| self.last("decided").is_none())?;
        let more =
            [(Extension::Head, Term::DecideMore), (Extension::Discussion, Term::DecideOnceMore)];
        let length = |term: Term| Table::shipped().term(term).length;
        let extended = more.into_iter().filter(|(by, _)| self.extended(*by));
        let days = length(Term::Decide) + extended.map(|(_, term)| length(term)).sum::<u32>();
        let excluded = self.excluded_days();
        let (mut on, mut left) = (opened, days);
        while left > 0 {
            let Ok(next) = on.tomorrow() else { break };
            on = next;
            left -= u32::from(!excluded.contains(&on));
        }
        Some(Deadline { on, year_without_table: false })
    }

    /// A term that is over is not made longer; the second time people discuss it first.
    pub(super) fn decision_extended(&self, on: Date, wanted: Extension) -> Result<(), CaseRefusal> {
        let has = |extension| self.extended(extension);
        if has(wanted) {
            return Err(CaseRefusal::Twice);
        }
        if wanted == Extension::Discussion {
            if !has(Extension::Head) {
                return Err(CaseRefusal::ExtensionOrder);
            }
            self.after("discussed", on)?;
        }
        match self.decision() {
            Some(term) if on > term.on => Err(CaseRefusal::TermOver(term.on)),
            _ => Ok(()),
        }
    }

    /// The extension that a discussion was held for; what is discussed after it is another matter.
    pub(super) fn extension_discussed(&self) -> i64 {
        let by_discussion = |r: &&RecordedEntry| {
            matches!(r.entry, CaseEntry::DecisionExtended { extension: Extension::Discussion, .. })
        };
        self.standing().find(by_discussion).map_or(0, |r| r.id)
    }

    fn extended(&self, wanted: Extension) -> bool {
        self.standing().any(
            |r| matches!(r.entry, CaseEntry::DecisionExtended { extension, .. } if extension == wanted),
        )
    }

    /// Each day once, however many intervals hold it.
    fn excluded_days(&self) -> BTreeSet<Date> {
        let mut days = BTreeSet::new();
        for r in self.standing() {
            let CaseEntry::Excluded { from, to, .. } = r.entry else { continue };
            days.extend(from.series(jiff::Span::new().days(1)).take_while(|day| *day <= to));
        }
        days
    }

    fn service(&self, calendar: &Calendar) -> Option<Deadline> {
        let decided = self.last("decided")?;
        if self.served(ServedPaper::Decision).is_some() {
            return None;
        }
        Some(due(calendar, decided.on, Term::Serve))
    }

    pub(super) fn public_service(&self) -> Option<Deadline> {
        let (served, way) = self.served(ServedPaper::Decision)?;
        let announced = way == ServiceWay::PublicNotice;
        announced.then(|| due(&Calendar::default(), served.on, Term::PublicService))
    }

    /// The last act of this kind that no later one of the other answered.
    fn unanswered(&self, act: &str, answer: &str) -> Option<&RecordedEntry> {
        let begun = self.last(act)?;
        self.last(answer).is_none_or(|done| done.id < begun.id).then_some(begun)
    }

    fn reconsideration(&self, calendar: &Calendar) -> Option<Deadline> {
        let refused = self.unanswered("police_refused", "reconsideration_asked")?;
        Some(due(calendar, refused.on, Term::PoliceRefusal))
    }

    fn preservation(&self, calendar: &Calendar) -> Option<Deadline> {
        let preserved = self.unanswered("preserved", "preservation_decided")?;
        Some(due(calendar, preserved.on, Term::Preservation))
    }

    fn crime(&self, from: &str, until: &str) -> Option<Deadline> {
        let begun = self.unanswered(from, until)?;
        let term = match begun.entry {
            CaseEntry::CrimeDecided { transfer: false, .. } => return None,
            CaseEntry::CrimeDecided { .. } => Term::CrimeTransfer,
            _ => Term::CrimeDecision,
        };
        // Of a term in calendar days the table of holidays says nothing.
        Some(due(&Calendar::default(), begun.on, term))
    }
}

fn due(calendar: &Calendar, from: Date, term: Term) -> Deadline {
    calendar.due(from, Table::shipped().term(term))
}

fn clocks_of<const N: usize>(
    by: Reading<'_>,
    all: [(CaseStepDue, Option<Deadline>); N],
) -> Vec<CaseClock> {
    let running = all.into_iter().filter_map(|(what, deadline)| Some((what, deadline?)));
    running.map(|(what, deadline)| clock(by, what, deadline, by.today > deadline.on)).collect()
}

fn clock(by: Reading<'_>, what: CaseStepDue, deadline: Deadline, late: bool) -> CaseClock {
    let term = what.term();
    let matter = by.table.term(term).matter;
    CaseClock {
        due: what,
        whose: what.whose(),
        deadline,
        late,
        party: INSTITUTION,
        party_name: String::new(),
        party_person: None,
        provision: Provision::of(by.table, matter, Some(term), by.today),
    }
}
