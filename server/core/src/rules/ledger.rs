//! What the rules say now against what stands: the difference, as steps. Pure.
//!
//! A finding that is not wanted any more is Closed where time alone undid it (the window moved on)
//! and Withdrawn where a box's fact did (a late report came): asked by judging its own hour again
//! with today's facts. What a clinic stated of its sessions after the finding was raised undoes
//! nothing: the finding stands, and its alert shows the statement. There is no step that lowers a
//! severity: what is less now is Withdrawn and Opened anew under the same id.

use std::collections::BTreeMap;

use protocol::up::{Severity, Step};

use super::draft::{Draft, DraftKey};

/// A finding of the server as it was last said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerFinding {
    pub key: DraftKey,
    pub serial: u32,
    pub revision: u32,
    /// Opened or strengthened: it stands. Closed, withdrawn: it does not.
    pub step: Step,
    pub severity: Severity,
    /// What it rested on when it was last said.
    pub weight: usize,
    pub raised_ms: i64,
    /// When the last interval that it rests on begins; `None`: it rests on none.
    pub last_from_ms: Option<i64>,
}

impl LedgerFinding {
    pub fn stands(&self) -> bool {
        matches!(self.step, Step::Opened | Step::Strengthened)
    }
}

/// One step to write down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingStepDue {
    pub key: DraftKey,
    pub serial: u32,
    pub revision: u32,
    pub step: Step,
    /// The new content; `None`: that of the last step stays.
    pub draft: Option<Draft>,
}

/// Why a standing finding is not wanted any more, or is a lesser one now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Undone {
    /// By what was stated after it was raised, and by nothing else.
    ByStatement,
    /// Its own hour still says so; the window moved on.
    ByTime,
    /// Its own hour says otherwise, with what the boxes told since.
    ByFact,
}

/// How many things a draft rests on: more of them strengthen it.
pub fn weight(draft: &Draft) -> usize {
    draft.related.len() + draft.incidents.len()
}

/// `undone` is asked of a standing finding that is not among the drafts, or that a draft says less
/// gravely.
pub fn reconcile(
    standing: &[LedgerFinding],
    drafts: Vec<Draft>,
    undone: impl Fn(&LedgerFinding) -> Undone,
) -> Vec<FindingStepDue> {
    let last: BTreeMap<&DraftKey, &LedgerFinding> = standing.iter().map(|s| (&s.key, s)).collect();
    let mut said = Vec::new();
    let mut wanted = std::collections::BTreeSet::new();
    for draft in drafts {
        let key = draft.key();
        if !wanted.insert(key.clone()) {
            continue;
        }
        match last.get(&key) {
            Some(old) if old.stands() => said.extend(again(old, draft, &undone)),
            // It comes back to life where a fact had undone it; after its time was over it is
            // another one.
            Some(old) => {
                let withdrawn = old.step == Step::Withdrawn;
                let (serial, revision) =
                    if withdrawn { (old.serial, old.revision + 1) } else { (old.serial + 1, 1) };
                said.push(FindingStepDue {
                    key,
                    serial,
                    revision,
                    step: Step::Opened,
                    draft: Some(draft),
                });
            }
            None => said.push(FindingStepDue {
                key,
                serial: 0,
                revision: 1,
                step: Step::Opened,
                draft: Some(draft),
            }),
        }
    }
    for old in standing.iter().filter(|s| s.stands() && !wanted.contains(&s.key)) {
        let step = match undone(old) {
            Undone::ByStatement => continue,
            Undone::ByTime => Step::Closed,
            Undone::ByFact => Step::Withdrawn,
        };
        said.push(FindingStepDue {
            key: old.key.clone(),
            serial: old.serial,
            revision: old.revision + 1,
            step,
            draft: None,
        });
    }
    said
}

fn again(
    old: &LedgerFinding,
    draft: Draft,
    undone: &impl Fn(&LedgerFinding) -> Undone,
) -> Vec<FindingStepDue> {
    let say = |revision, step, draft| FindingStepDue {
        key: old.key.clone(),
        serial: old.serial,
        revision,
        step,
        draft,
    };
    if draft.severity > old.severity
        || (draft.severity == old.severity && weight(&draft) > old.weight)
    {
        return vec![say(old.revision + 1, Step::Strengthened, Some(draft))];
    }
    if draft.severity < old.severity && undone(old) != Undone::ByStatement {
        return vec![
            say(old.revision + 1, Step::Withdrawn, None),
            say(old.revision + 2, Step::Opened, Some(draft)),
        ];
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use protocol::names::RuleCode;
    use protocol::up::FindingKind;
    use wording::ServerStatement;

    use super::*;
    use crate::own_id::OwnIds;

    fn draft(severity: Severity, related: usize) -> Draft {
        Draft {
            rule: RuleCode::Hb1,
            kind: FindingKind::Integrity,
            severity,
            subject: "s-1".into(),
            institution: "c-1".into(),
            room: "r-1".into(),
            device: "box-1".into(),
            session: Some("s-1".into()),
            persons: vec![],
            basis: vec![],
            intervals: vec![],
            counts: vec![],
            statement: ServerStatement::EmptyDays { days: 5 },
            related: (0..related).map(|n| format!("s-{n}")).collect(),
            incidents: vec![],
            visibility_ppm: 800_000,
            liveness_waived: false,
        }
    }

    fn after(said: &FindingStepDue) -> LedgerFinding {
        let draft = said.draft.clone().unwrap_or_else(|| draft(Severity::L1, 1));
        LedgerFinding {
            key: said.key.clone(),
            serial: said.serial,
            revision: said.revision,
            step: said.step,
            severity: draft.severity,
            weight: weight(&draft),
            raised_ms: 0,
            last_from_ms: None,
        }
    }

    fn steps(
        standing: &[LedgerFinding],
        drafts: Vec<Draft>,
        undone: Undone,
    ) -> Vec<(Step, u32, u32)> {
        reconcile(standing, drafts, |_| undone)
            .iter()
            .map(|s| (s.step, s.serial, s.revision))
            .collect()
    }

    #[test]
    fn what_is_said_again_unchanged_says_nothing() {
        let opened = reconcile(&[], vec![draft(Severity::L1, 1)], |_| Undone::ByTime);
        assert_eq!((opened[0].step, opened[0].revision), (Step::Opened, 1));
        let stands = [after(&opened[0])];
        assert_eq!(steps(&stands, vec![draft(Severity::L1, 1)], Undone::ByTime), []);
        assert_eq!(
            steps(&stands, vec![draft(Severity::L1, 1), draft(Severity::L1, 1)], Undone::ByTime),
            []
        );
    }

    #[test]
    fn a_graver_step_strengthens_and_a_lesser_one_opens_anew() {
        let stands = [after(&reconcile(&[], vec![draft(Severity::L2, 2)], |_| Undone::ByTime)[0])];
        assert_eq!(
            steps(&stands, vec![draft(Severity::L3, 2)], Undone::ByTime),
            [(Step::Strengthened, 0, 2)]
        );
        assert_eq!(
            steps(&stands, vec![draft(Severity::L2, 3)], Undone::ByTime),
            [(Step::Strengthened, 0, 2)]
        );
        assert_eq!(
            steps(&stands, vec![draft(Severity::L1, 2)], Undone::ByTime),
            [(Step::Withdrawn, 0, 2), (Step::Opened, 0, 3)]
        );
    }

    #[test]
    fn time_closes_and_a_fact_withdraws() {
        let stands = [after(&reconcile(&[], vec![draft(Severity::L1, 1)], |_| Undone::ByTime)[0])];
        assert_eq!(steps(&stands, vec![], Undone::ByTime), [(Step::Closed, 0, 2)]);
        assert_eq!(steps(&stands, vec![], Undone::ByFact), [(Step::Withdrawn, 0, 2)]);
    }

    #[test]
    fn what_is_stated_afterwards_undoes_nothing() {
        let stands = [after(&reconcile(&[], vec![draft(Severity::L2, 2)], |_| Undone::ByTime)[0])];
        assert_eq!(steps(&stands, vec![], Undone::ByStatement), []);
        assert_eq!(steps(&stands, vec![draft(Severity::L1, 1)], Undone::ByStatement), []);
    }

    #[test]
    fn what_was_withdrawn_comes_back_under_its_id() {
        let opened = [after(&reconcile(&[], vec![draft(Severity::L1, 1)], |_| Undone::ByTime)[0])];
        let withdrawn = [after(&reconcile(&opened, vec![], |_| Undone::ByFact)[0])];
        assert_eq!(
            steps(&withdrawn, vec![draft(Severity::L1, 1)], Undone::ByTime),
            [(Step::Opened, 0, 3)]
        );
        assert_eq!(steps(&withdrawn, vec![], Undone::ByTime), []);
        let closed = [after(&reconcile(&opened, vec![], |_| Undone::ByTime)[0])];
        assert_eq!(
            steps(&closed, vec![draft(Severity::L1, 1)], Undone::ByTime),
            [(Step::Opened, 1, 1)]
        );
        let ids = OwnIds::new(vec![7]);
        assert_ne!(
            draft(Severity::L1, 1).finding_id(0, &ids),
            draft(Severity::L1, 1).finding_id(1, &ids)
        );
    }

    #[test]
    fn a_finding_about_a_session_joins_the_incident_of_its_box() {
        let of_the_box =
            trust::incident_id(&"box-1".parse().unwrap(), Some(&"s-1".parse().unwrap()), 0);
        let ids = OwnIds::new(vec![7]);
        assert_eq!(draft(Severity::L1, 1).incident_id(0, &ids), of_the_box);
        let alone = Draft { session: None, ..draft(Severity::L1, 1) };
        assert_ne!(alone.incident_id(0, &ids), of_the_box);
    }
}
