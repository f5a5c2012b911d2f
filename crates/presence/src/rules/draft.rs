//! What a rule says before the ledger decides whether it is news.

use crate::case::CaseMeasures;
use crate::finding::{
    Basis, Figure, FindingKind, PersonPart, PresenceMethod, Rule, Severity, Subject,
};
use crate::names::{FigureName, IntervalName, PartName};
use crate::spans::Spans;
use crate::{PersonId, Statement, TrackId};

/// An allegation of one rule about one case.
#[derive(Clone, Debug)]
pub(crate) struct Allegation {
    pub(crate) rule: Rule,
    pub(crate) kind: FindingKind,
    pub(crate) severity: Severity,
    pub(crate) subject: Subject,
    pub(crate) first_cause: u64,
    pub(crate) persons: Vec<PersonPart>,
    pub(crate) tracks: Vec<TrackId>,
    pub(crate) spans: Vec<(IntervalName, Spans)>,
    pub(crate) figures: Vec<Figure>,
    pub(crate) identity_ppm: u32,
    pub(crate) role_ppm: u32,
    pub(crate) emergency: bool,
    pub(crate) basis: &'static [Basis],
    pub(crate) statement: Statement,
}

impl Allegation {
    pub(crate) fn new(
        rule: Rule,
        kind: FindingKind,
        severity: Severity,
        subject: Subject,
        first_cause: u64,
        statement: Statement,
    ) -> Self {
        Self {
            rule,
            kind,
            severity,
            subject,
            first_cause,
            persons: Vec::new(),
            tracks: Vec::new(),
            spans: Vec::new(),
            figures: Vec::new(),
            identity_ppm: 1_000_000,
            role_ppm: 1_000_000,
            emergency: false,
            basis: &[],
            statement,
        }
    }

    /// Names somebody; `method` `None`: not seen.
    pub(crate) fn person(
        mut self,
        person: &PersonId,
        part: PartName,
        method: Option<PresenceMethod>,
    ) -> Self {
        self.persons.push(PersonPart { person: person.clone(), part, method });
        self
    }

    pub(crate) fn span(mut self, what: IntervalName, spans: &Spans) -> Self {
        self.spans.push((what, spans.clone()));
        self
    }

    pub(crate) fn figure(mut self, name: FigureName, value: impl TryInto<i64>) -> Self {
        self.figures.push(Figure { name, value: value.try_into().unwrap_or(i64::MAX) });
        self
    }

    pub(crate) fn sure(mut self, identity_ppm: u32, role_ppm: u32) -> Self {
        self.identity_ppm = identity_ppm;
        self.role_ppm = role_ppm;
        self
    }

    pub(crate) fn basis(mut self, basis: &'static [Basis]) -> Self {
        self.basis = basis;
        self
    }

    /// The figures that every judged session shows.
    pub(crate) fn measured(self, case: &CaseMeasures<'_>) -> Self {
        self.span(IntervalName::Operating, &case.sight.a)
            .figure(FigureName::OperatingMs, case.sight.a.total())
            .figure(FigureName::VisibilityOverAPpm, case.sight.v.over_a_ppm)
            .figure(FigureName::VisibilityOverIPpm, case.sight.v.over_i_ppm)
    }

    pub(crate) fn soften(&mut self) {
        self.severity = self.severity.softened();
        self.emergency = true;
    }
}
