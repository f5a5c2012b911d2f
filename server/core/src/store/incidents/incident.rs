//! An incident while its transaction lasts: what its alert becomes by each step of its findings.
//! Finds no incident and writes no step: that is the parent's.

use std::collections::{BTreeMap, BTreeSet};

use protocol::names::RuleCode;
use protocol::up::{Step as FindingStep, WithdrawalCause};

use super::written::{kind_name, number, put_finding, step_name};
use super::{IncidentStep, JOINED};
use crate::alert::AlertAction as CaseStep;
use crate::alert::{AlertState, ClinicState};
use crate::store::alerts::{self, Alert, record};
use crate::store::engine::{Connection, params};
use crate::store::{Result, StoreError, sight, statements};

/// The rule of the finding by which an installer tries the way to the server.
const INSTALLERS_TEST: RuleCode = RuleCode::InstallersTest;

/// What an incident's alert remembers of one finding.
pub(super) struct KnownFinding<'a> {
    pub(super) revision: u32,
    pub(super) kind: String,
    pub(super) severity: u8,
    pub(super) withdrawn: bool,
    /// The step that it began with, where this transaction brings it: when it was raised and
    /// received stays for ever.
    pub(super) first: Option<&'a IncidentStep<'a>>,
    /// The step that is to be written; `None` where nothing changed.
    pub(super) changed: Option<&'a IncidentStep<'a>>,
}

/// An incident of this transaction.
pub(super) struct Incident<'a> {
    pub(super) alert: Alert,
    /// Differs from what stands in the table.
    dirty: bool,
    /// By origin and id.
    pub(super) findings: BTreeMap<(String, String), KnownFinding<'a>>,
    /// Whether anybody outside the box has seen it; asked once, where it matters.
    seen: Option<bool>,
    /// Whether its clinic has answered; asked once.
    answered: Option<bool>,
}

impl<'a> Incident<'a> {
    pub(super) fn of(alert: Alert) -> Self {
        Self { alert, dirty: false, findings: BTreeMap::new(), seen: None, answered: None }
    }

    /// That this transaction opened: nobody can have seen or answered it.
    pub(super) fn opened(alert: Alert) -> Self {
        Self { seen: Some(false), answered: Some(false), ..Self::of(alert) }
    }

    fn was_seen(&mut self, tx: &Connection) -> Result<bool> {
        let seen = match self.seen {
            Some(seen) => seen,
            None => sight::was_seen(tx, &self.alert.id)?,
        };
        Ok(*self.seen.insert(seen))
    }

    /// What the clinic is told of where it stands.
    pub(super) fn told(&mut self, tx: &Connection) -> Result<ClinicState> {
        let answered = match self.answered {
            Some(answered) => answered,
            None => alerts::answered(tx, &self.alert.id)?,
        };
        Ok(self.alert.case.state.for_clinic(*self.answered.insert(answered)))
    }

    pub(super) fn is_joined(&self) -> bool {
        self.alert.id.starts_with(JOINED)
    }

    /// Severity and kinds of the alert follow its standing findings; the state machine hears of it.
    /// False where nobody needs to be told: a further finding of what was joined.
    pub(super) fn take(&mut self, tx: &Connection, step: &'a IncidentStep<'a>) -> Result<bool> {
        if self.is_joined() {
            self.take_joined(step)
        } else {
            self.take_own(tx, step).map(|()| true)
        }
    }

    /// Into a joined incident everything only adds: a box that floods its alerts takes nothing of
    /// them back, and its worst one stays on top until people have judged it.
    fn take_joined(&mut self, step: &'a IncidentStep<'a>) -> Result<bool> {
        let (report, now) = (&*step.report, step.place.received_at);
        let withdrawn = matches!(report.step, FindingStep::Withdrawn);
        let (kind, severity) = (kind_name(report.kind), number(report.severity));
        let key = (step.origin.to_owned(), report.finding_id.clone());
        let first = self.findings.get(&key).map_or(Some(step), |known| known.first);
        let known = KnownFinding {
            revision: report.revision,
            kind: kind.clone(),
            severity,
            withdrawn,
            first,
            changed: Some(step),
        };
        self.findings.insert(key, known);
        let alert = &mut self.alert;
        let mut news = alert.received_at == now && alert.updated_at == now && !self.dirty;
        if !withdrawn {
            let raises_severity = severity > alert.severity;
            let said = CaseStep::Strengthened { raises_severity };
            let case = alert.case.take(alert.box_name(), &said, now);
            alert.case = case.map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
            news |= raises_severity || !alert.kinds.contains(&kind);
            alert.severity = alert.severity.max(severity);
            if !alert.kinds.contains(&kind) {
                alert.kinds.push(kind);
                alert.kinds.sort();
            }
        }
        alert.liveness_waived |= report.manifest.liveness_waived;
        alert.updated_at = now;
        self.dirty = true;
        Ok(news)
    }

    /// The findings that were not taken back.
    fn standing(&self) -> impl Iterator<Item = &KnownFinding<'a>> {
        self.findings.values().filter(|known| !known.withdrawn)
    }

    fn take_own(&mut self, tx: &Connection, step: &'a IncidentStep<'a>) -> Result<()> {
        let (report, now) = (&*step.report, step.place.received_at);
        let before = (!self.findings.is_empty()).then_some(self.alert.severity);
        let key = (step.origin.to_owned(), report.finding_id.clone());
        let held = self.is_held(tx, step)?;
        let was = self.findings.get(&key);
        let stays = was.filter(|_| held);
        let said = number(report.severity);
        let known = KnownFinding {
            revision: report.revision,
            kind: stays.map_or_else(|| kind_name(report.kind), |was| was.kind.clone()),
            severity: stays.map_or(said, |was| said.max(was.severity)),
            withdrawn: matches!(report.step, FindingStep::Withdrawn),
            first: was.map_or(Some(step), |known| known.first),
            changed: Some(step),
        };
        self.findings.insert(key, known);
        let (said, severity) = self.said_now(tx, step, before)?;
        let case = self.alert.case.take(self.alert.box_name(), &said, now);
        let case = case.map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
        let kinds = self.kinds_now(held);
        let alert = &mut self.alert;
        let severity = if held { severity.max(alert.severity) } else { severity };
        let waived = alert.liveness_waived || report.manifest.liveness_waived;
        self.dirty |= (&case, severity, waived)
            != (&alert.case, alert.severity, alert.liveness_waived)
            || (!kinds.is_empty() && kinds != alert.kinds)
            || alert.updated_at != now;
        if !kinds.is_empty() {
            alert.kinds = kinds;
        }
        if case != alert.case || matches!(report.step, FindingStep::Withdrawn) {
            record(
                tx,
                &alert.id,
                alert.box_name(),
                step_name(report.step),
                report.rule.as_str(),
                case.state,
                now,
            )?;
        }
        alert.severity = severity;
        alert.liveness_waived = waived;
        alert.updated_at = now;
        alert.case = case;
        Ok(())
    }

    /// What the state machine hears of the standing findings, and how grave the worst of them is.
    fn said_now(
        &mut self,
        tx: &Connection,
        step: &IncidentStep<'_>,
        before: Option<u8>,
    ) -> Result<(CaseStep, u8)> {
        Ok(match self.standing().map(|known| known.severity).max() {
            None => (
                CaseStep::AllWithdrawn { unseen: self.corrects_itself_unseen(tx, step)? },
                self.alert.severity,
            ),
            Some(severity) => (
                CaseStep::Strengthened { raises_severity: before.is_some_and(|b| severity > b) },
                severity,
            ),
        })
    }

    /// The kinds of the standing findings; where people have looked, of the earlier ones, too.
    fn kinds_now(&self, held: bool) -> Vec<String> {
        let earlier = self.alert.kinds.iter().filter(|_| held);
        let kinds = self.standing().map(|known| &known.kind).chain(earlier);
        kinds.collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// Whether the box gave a ground of its own, and nobody outside it has seen the alert yet. The
    /// server's own findings and those of boxes that name no ground (older ones) are people's to
    /// judge; so is what a box calls stated before, where this server heard a word after.
    fn corrects_itself_unseen(&mut self, tx: &Connection, step: &IncidentStep<'_>) -> Result<bool> {
        let cause = step.report.withdrawn_because;
        let own = match cause {
            Some(WithdrawalCause::OwnCorrection) => true,
            Some(WithdrawalCause::StatedBefore) => !statements::said_after(tx, &self.alert)?,
            Some(WithdrawalCause::Unknown) | None => false,
        };
        // The installer's test concerns nobody, whoever looked at it.
        let test = step.report.rule == INSTALLERS_TEST
            && self.findings.values().all(|known| known.severity == 0);
        Ok(own && step.place.epoch >= 0 && (test || !self.was_seen(tx)?))
    }

    /// From the first look on a box takes nothing of its alert back: neither how grave it is, nor
    /// its kinds, nor whom it names.
    fn is_held(&mut self, tx: &Connection, step: &IncidentStep<'_>) -> Result<bool> {
        Ok(step.place.epoch >= 0
            && (self.alert.case.state != AlertState::Raised || self.was_seen(tx)?))
    }

    pub(super) fn write(&mut self, tx: &Connection) -> Result<()> {
        let changed = |known: &KnownFinding<'a>| known.changed.map(|step| (known.first, step));
        let changed: Vec<_> = self.findings.values().filter_map(changed).collect();
        for (first, step) in changed {
            let held = self.is_held(tx, step)?;
            put_finding(tx, &self.alert.id, first.unwrap_or(step), step, held)?;
        }
        if !self.dirty {
            return Ok(());
        }
        let it = &self.alert;
        let sql = "UPDATE alert SET state=?2, severity=?3, kinds=?4, liveness_waived=?5, \
            case_file=?6, updated_at=?7 WHERE id=?1";
        let values = params![
            it.id,
            it.case.state.as_str(),
            it.severity,
            serde_json::to_string(&it.kinds)?,
            it.liveness_waived,
            serde_json::to_string(&it.case)?,
            it.updated_at
        ];
        Ok(tx.send(sql, values)?)
    }
}
