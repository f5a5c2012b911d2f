//! HB-1 silent session: declared, not cancelled, the room visible, and no face seen but a
//! patient's: nobody was treated, or elsewhere.
//!
//! Each → L1; the third in 30 days → L2. All numbers [D]. Open days with nobody at all are
//! `empty_room`'s.

use std::collections::BTreeMap;

use protocol::names::{AbstentionReason, FigureName, RuleCode};
use protocol::up::{FindingKind, Severity};
use wording::ServerStatement;

use super::draft::{count, declared};
use super::{Draft, Numbers, SessionOutcome, within};

/// The camera saw the declared time, and saw nobody: no activity is then the only thing that may
/// stand against judging it.
fn silent(outcome: &SessionOutcome, p: &Numbers) -> bool {
    outcome.chain_whole
        && outcome.seen.as_ref().is_some_and(|s| {
            !s.face_seen
                && i64::from(s.visibility_i_ppm) >= p.hb1_visible_min_ppm
                && s.because.iter().all(|why| {
                    *why == AbstentionReason::NoActivity
                        || *why == AbstentionReason::Visibility && s.visibility_a_ppm == 0
                })
        })
}

/// One draft per silent session, in the order of their start.
pub fn judge(outcomes: &[SessionOutcome], p: &Numbers, now_ms: i64) -> Vec<Draft> {
    let mut by_institution: BTreeMap<&str, Vec<&SessionOutcome>> = BTreeMap::new();
    for outcome in within(outcomes, p.hb1_days, now_ms).filter(|o| silent(o, p)) {
        by_institution.entry(&outcome.institution).or_default().push(outcome);
    }
    let mut drafts = Vec::new();
    for mut sessions in by_institution.into_values() {
        sessions.sort_by_key(|s| (s.start_ms, &s.session));
        for n in 0..sessions.len() {
            let starts = sessions.iter().map(|s| s.start_ms);
            let repeat = super::repeated::within_window(starts, n, p.hb1_days);
            drafts.push(draft(&sessions[..=n], repeat, p));
        }
    }
    drafts
}

/// `sessions` ends with the one that it is about; `repeat` is its number in the window.
fn draft(sessions: &[&SessionOutcome], repeat: usize, p: &Numbers) -> Draft {
    let it = sessions[sessions.len() - 1];
    let visibility_ppm = it.seen.as_ref().map_or(0, |s| s.visibility_i_ppm);
    let repeated = repeat as i64 >= p.hb1_repeats;
    Draft {
        rule: RuleCode::Hb1,
        kind: FindingKind::Integrity,
        severity: if repeated { Severity::L2 } else { Severity::L1 },
        subject: it.session.clone(),
        institution: it.institution.clone(),
        room: it.room.clone(),
        device: it.device.clone(),
        session: Some(it.session.clone()),
        persons: Vec::new(),
        basis: protocol::law::records(),
        intervals: vec![declared(it)],
        counts: vec![
            count(FigureName::VisibilityOverIPpm, i64::from(visibility_ppm)),
            count(FigureName::SilentSessions, repeat as i64),
            count(FigureName::WindowDays, p.hb1_days),
            count(FigureName::RepeatsNeeded, p.hb1_repeats),
        ],
        statement: ServerStatement::NobodySeen { visibility_ppm, repeat, days: p.hb1_days },
        related: if repeated {
            sessions[sessions.len() - repeat..].iter().map(|s| s.session.clone()).collect()
        } else {
            vec![it.session.clone()]
        },
        incidents: Vec::new(),
        visibility_ppm,
        liveness_waived: it.seen.as_ref().is_some_and(|s| s.liveness_waived),
    }
}

#[cfg(test)]
mod tests {
    use super::super::DAY_MS;
    use super::super::script::{NOW, session, with};
    use super::*;

    fn nobody(n: i64, days_ago: i64) -> SessionOutcome {
        with(session(n, days_ago), |s| {
            s.face_seen = false;
            s.assessable = false;
            s.because = vec!["no_activity".into()];
            s.visibility_a_ppm = 0;
            s.visibility_i_ppm = 600_000;
        })
    }

    fn severities(outcomes: &[SessionOutcome]) -> Vec<Severity> {
        judge(outcomes, &Numbers::default(), NOW).into_iter().map(|d| d.severity).collect()
    }

    #[test]
    fn the_third_in_a_month_is_the_supervisors() {
        assert_eq!(severities(&[nobody(1, 20), nobody(2, 1)]), [Severity::L1; 2]);
        assert_eq!(
            severities(&[nobody(1, 29), nobody(2, 20), nobody(3, 1)]),
            [Severity::L1, Severity::L1, Severity::L2]
        );
    }

    #[test]
    fn the_first_of_three_falls_out_of_the_window_after_thirty_days() {
        let at = |ms| SessionOutcome { start_ms: NOW - ms, ..nobody(1, 0) };
        let last = |first_ms| {
            let three = [
                at(first_ms),
                SessionOutcome { session: "s-2".into(), ..at(DAY_MS) },
                SessionOutcome { session: "s-3".into(), ..at(0) },
            ];
            severities(&three).last().copied()
        };
        assert_eq!(last(30 * DAY_MS - 1), Some(Severity::L2));
        assert_eq!(last(30 * DAY_MS), Some(Severity::L1));
    }

    #[test]
    fn the_words_deny_no_patient_on_the_bed() {
        // `face_seen` is of anybody but a patient: who lies there alone may well have been seen.
        let draft = judge(&[nobody(1, 1)], &Numbers::default(), NOW).remove(0);
        let said = wording::of_server(&draft.statement);
        assert!(said.zh.contains("就诊者以外") && said.en.contains("other than a patient's"));
    }

    #[test]
    fn a_room_seen_one_ppm_too_little_alleges_nothing() {
        assert_eq!(severities(&[nobody(1, 1)]), [Severity::L1]);
        assert_eq!(severities(&[with(nobody(1, 1), |s| s.visibility_i_ppm = 599_999)]), []);
    }

    #[test]
    fn a_session_over_a_break_of_the_chain_alleges_nothing() {
        assert_eq!(severities(&[SessionOutcome { chain_whole: false, ..nobody(1, 1) }]), []);
    }

    #[test]
    fn a_face_a_broken_clock_or_a_silent_box_alleges_nothing() {
        assert_eq!(severities(&[with(nobody(1, 1), |s| s.face_seen = true)]), []);
        assert_eq!(severities(&[with(nobody(1, 1), |s| s.because.push("clock".into()))]), []);
        assert_eq!(severities(&[SessionOutcome { cancelled: true, ..nobody(1, 1) }]), []);
        assert_eq!(severities(&[SessionOutcome { seen: None, ..nobody(1, 1) }]), []);
    }

    #[test]
    fn the_third_joins_its_session_and_names_the_two_before() {
        let drafts = judge(&[nobody(1, 29), nobody(2, 20), nobody(3, 1)], &Numbers::default(), NOW);
        assert_eq!(drafts[2].session.as_deref(), Some("s-3"));
        assert_eq!(drafts[2].related, ["s-1", "s-2", "s-3"]);
        assert!(drafts[2].persons.is_empty());
    }
}
