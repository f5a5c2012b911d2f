//! The life of an alert, as a pure state machine: `(case, step, now) → case or a refusal`.
//! domain.md §5.
//!
//! `Raised → Review1 → Review2 → { Dismissed | Lead } → OnSite → { Unfounded | Case } → Closed`.
//! Two different reviewers who agree stand before `Lead` and before `Dismissed`. This file reads no
//! clock, stores nothing and knows no web page; the store keeps the [`Case`], the pages only call
//! [`Case::take`].

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has looked yet.
    Raised,
    /// A reviewer has taken it and has not decided.
    Review1,
    /// One verdict stands; another reviewer must agree with it.
    Review2,
    Dismissed,
    /// A lead 线索 that two reviewers uphold.
    Lead,
    OnSite,
    Unfounded,
    Case,
    Closed,
}

impl State {
    pub const ALL: [Self; 9] = [
        Self::Raised,
        Self::Review1,
        Self::Review2,
        Self::Dismissed,
        Self::Lead,
        Self::OnSite,
        Self::Unfounded,
        Self::Case,
        Self::Closed,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Review1 => "review1",
            Self::Review2 => "review2",
            Self::Dismissed => "dismissed",
            Self::Lead => "lead",
            Self::OnSite => "on_site",
            Self::Unfounded => "unfounded",
            Self::Case => "case",
            Self::Closed => "closed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }

    /// Somebody still has to do something.
    pub fn is_open(self) -> bool {
        !matches!(self, Self::Dismissed | Self::Unfounded | Self::Closed)
    }
}

/// All that the clinic learns of where its own alert stands. The workflow knows no step of service
/// yet: until it does, nothing more is told.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ClinicState {
    Open,
    /// Open, and the clinic has answered.
    Answered,
    Closed,
}

impl ClinicState {
    pub const ALL: [Self; 3] = [Self::Open, Self::Answered, Self::Closed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Closed => "closed",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == text)
    }
}

impl State {
    /// What the clinic hears of this state, `answered` where it has said something.
    pub fn for_clinic(self, answered: bool) -> ClinicState {
        match (self.is_open(), answered) {
            (false, _) => ClinicState::Closed,
            (true, true) => ClinicState::Answered,
            (true, false) => ClinicState::Open,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Uphold,
    Dismiss,
}

/// Why a lead is no lead; feeds the false-alarm figures by device and rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// 识别错误: another person than the box took it for.
    WrongIdentity,
    /// 角色判断错误: not the operator.
    WrongRole,
    /// 备案或登记未更新: the record was behind.
    RecordOutdated,
    /// 诊疗登记有误: the session was declared wrongly.
    DeclarationError,
    /// 急救.
    Emergency,
    /// 设备或场景问题.
    DeviceFault,
    /// The box withdrew it after later facts.
    Withdrawn,
    Other,
}

impl Reason {
    pub const ALL: [Self; 8] = [
        Self::WrongIdentity,
        Self::WrongRole,
        Self::RecordOutdated,
        Self::DeclarationError,
        Self::Emergency,
        Self::DeviceFault,
        Self::Withdrawn,
        Self::Other,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::WrongIdentity => "wrong_identity",
            Self::WrongRole => "wrong_role",
            Self::RecordOutdated => "record_outdated",
            Self::DeclarationError => "declaration_error",
            Self::Emergency => "emergency",
            Self::DeviceFault => "device_fault",
            Self::Withdrawn => "withdrawn",
            Self::Other => "other",
        }
    }
}

/// What somebody (or a later fact) does with an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// A reviewer begins.
    Take,
    Review {
        verdict: Verdict,
        reason: Option<Reason>,
    },
    /// Supervisors go and look.
    GoOnSite,
    Found {
        case_number: String,
    },
    NothingFound,
    Close,
    /// The clinic's word; possible at every stage.
    Answer,
    Comment,
    /// A finding of the incident was opened or strengthened.
    Strengthened {
        raises_severity: bool,
    },
    /// The last standing finding was withdrawn by the box. `unseen`: nobody outside the box has
    /// seen the alert, and the box gave a ground of its own. Only then it is dismissed with it;
    /// otherwise it is marked, and two people decide.
    AllWithdrawn {
        unseen: bool,
    },
    /// The clinic mended it, and the boxes' records say that it did not happen again. Only of an L1
    /// that nobody has looked at: the clinic corrects that itself.
    Corrected,
}

impl Step {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Take => "take",
            Self::Review { verdict: Verdict::Uphold, .. } => "uphold",
            Self::Review { verdict: Verdict::Dismiss, .. } => "dismiss",
            Self::GoOnSite => "go_on_site",
            Self::Found { .. } => "found",
            Self::NothingFound => "nothing_found",
            Self::Close => "close",
            Self::Answer => "answer",
            Self::Comment => "comment",
            Self::Strengthened { .. } => "strengthened",
            Self::AllWithdrawn { .. } => "all_withdrawn",
            Self::Corrected => "corrected",
        }
    }

    /// A person's step that whoever took it may take back; a case that was opened stays open, and
    /// a word stays said.
    pub fn can_be_undone(&self) -> bool {
        matches!(
            self,
            Self::Take | Self::Review { .. } | Self::GoOnSite | Self::NothingFound | Self::Close
        )
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Review {
    pub by: String,
    pub at: String,
    pub verdict: Verdict,
    pub reason: Option<Reason>,
}

/// All that the machine remembers of one alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    pub state: State,
    /// At most one standing verdict per reviewer.
    pub reviews: Vec<Review>,
    #[serde(default)]
    pub dismissed_because: Option<Reason>,
    #[serde(default)]
    pub case_number: Option<String>,
    /// The box took everything back at this time, and nothing was said again since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withdrawn_at: Option<String>,
    /// The clinic's correction was verified by the records at this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected_at: Option<String>,
}

impl Default for Case {
    fn default() -> Self {
        Self {
            state: State::Raised,
            reviews: Vec::new(),
            dismissed_because: None,
            case_number: None,
            withdrawn_at: None,
            corrected_at: None,
        }
    }
}

/// Seconds within which a person takes the own last step back.
pub const UNDO_WITHIN_S: i64 = 60;

/// What a step made of a case, kept beside it while it may be taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepKept {
    pub before: Case,
    pub after: Case,
}

/// The last step that moved a case.
#[derive(Debug, Clone)]
pub struct LastStep {
    pub by: String,
    pub at: String,
    /// `None` where it is of a kind that nobody takes back.
    pub kept: Option<StepKept>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("undo: the last step is not yours to take back")]
    NotYours,
    #[error("undo: a step is taken back within {UNDO_WITHIN_S} s, and this one is older")]
    TooLate,
    #[error("undo: something has happened since this step")]
    ChangedSince,
    #[error("`{step}` is not possible while the alert is `{state}`")]
    NotNow { step: &'static str, state: &'static str },
    #[error("`{by}` has already given this verdict: another reviewer must give the second")]
    SameReviewer { by: String },
    #[error("a dismissal needs a reason")]
    NoReason,
    #[error("a case needs its number")]
    NoCaseNumber,
}

impl Case {
    /// The case after `step`; `self` stays as it was when the step is refused.
    pub fn take(&self, by: &str, step: &Step, at: &str) -> Result<Self, Refusal> {
        let refused = || Refusal::NotNow { step: step.name(), state: self.state.as_str() };
        match (self.state, step) {
            (state, Step::Strengthened { raises_severity }) => Ok(match (state, raises_severity) {
                (State::Dismissed, true) => Self::default(),
                (State::Closed, true) if self.corrected_at.is_some() => Self::default(),
                // Only a withdrawal had dismissed it, and now something stands again.
                (State::Dismissed, false) if self.dismissed_because == Some(Reason::Withdrawn) => {
                    Self::default()
                }
                _ => Self { withdrawn_at: None, ..self.clone() },
            }),
            (state, Step::AllWithdrawn { unseen }) => {
                let marked = Self { withdrawn_at: Some(at.to_owned()), ..self.clone() };
                Ok(if state == State::Raised && *unseen {
                    Self {
                        state: State::Dismissed,
                        dismissed_because: Some(Reason::Withdrawn),
                        ..marked
                    }
                } else {
                    marked
                })
            }
            (_, Step::Answer | Step::Comment) => Ok(self.clone()),
            (State::Raised, Step::Corrected) => {
                Ok(Self { corrected_at: Some(at.to_owned()), ..self.at(State::Closed) })
            }
            (State::Raised, Step::Take) => Ok(self.at(State::Review1)),
            (State::Raised | State::Review1 | State::Review2, Step::Review { verdict, reason }) => {
                self.review(by, *verdict, *reason, at)
            }
            (State::Lead, Step::GoOnSite) => Ok(self.at(State::OnSite)),
            (State::OnSite, Step::NothingFound) => Ok(self.at(State::Unfounded)),
            (State::OnSite, Step::Found { case_number }) if case_number.trim().is_empty() => {
                Err(Refusal::NoCaseNumber)
            }
            (State::OnSite, Step::Found { case_number }) => Ok(Self {
                case_number: Some(case_number.trim().to_owned()),
                ..self.at(State::Case)
            }),
            (State::Case | State::Unfounded, Step::Close) => Ok(self.at(State::Closed)),
            _ => Err(refused()),
        }
    }

    /// The case as it was before the last step, where that was this person's, a moment ago, and
    /// nothing has moved the case since.
    pub fn undo(&self, last: Option<&LastStep>, by: &str, now: &str) -> Result<Self, Refusal> {
        let last = last.filter(|last| last.by == by).ok_or(Refusal::NotYours)?;
        let kept = last.kept.as_ref().ok_or(Refusal::NotYours)?;
        let time = |text: &str| text.parse::<jiff::Timestamp>().map_err(|_| Refusal::TooLate);
        let age = time(now)?.duration_since(time(&last.at)?);
        if age > jiff::SignedDuration::from_secs(UNDO_WITHIN_S) {
            return Err(Refusal::TooLate);
        }
        if kept.after == *self { Ok(kept.before.clone()) } else { Err(Refusal::ChangedSince) }
    }

    fn at(&self, state: State) -> Self {
        Self { state, ..self.clone() }
    }

    fn review(
        &self,
        by: &str,
        verdict: Verdict,
        reason: Option<Reason>,
        at: &str,
    ) -> Result<Self, Refusal> {
        if verdict == Verdict::Dismiss && reason.is_none() {
            return Err(Refusal::NoReason);
        }
        if self.reviews.iter().any(|r| r.by == by && r.verdict == verdict) {
            return Err(Refusal::SameReviewer { by: by.to_owned() });
        }
        let mut next = self.clone();
        next.reviews.retain(|r| r.by != by);
        let agreed = next.reviews.iter().any(|r| r.verdict == verdict);
        next.reviews.push(Review { by: by.to_owned(), at: at.to_owned(), verdict, reason });
        next.state = match (agreed, verdict) {
            (false, _) => State::Review2,
            (true, Verdict::Uphold) => State::Lead,
            (true, Verdict::Dismiss) => State::Dismissed,
        };
        if next.state == State::Dismissed {
            next.dismissed_because = reason;
        }
        Ok(next)
    }
}

/// Hours in which somebody has to act on an alert of this severity: settings `due_l1_h` to
/// `due_l3_h`.
pub fn due_hours(severity: u8, numbers: &crate::rules::Numbers) -> i64 {
    match severity {
        3 => numbers.due_l3_h,
        2 => numbers.due_l2_h,
        _ => numbers.due_l1_h,
    }
}

/// When somebody has to have acted on an alert that came at `received_at`, while it is open.
pub fn due_at(
    state: State,
    severity: u8,
    received_at: &str,
    numbers: &crate::rules::Numbers,
) -> Option<jiff::Timestamp> {
    let within = jiff::SignedDuration::from_hours(due_hours(severity, numbers));
    let received = received_at.parse::<jiff::Timestamp>().ok()?;
    state.is_open().then(|| received + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UPHOLD: Step = Step::Review { verdict: Verdict::Uphold, reason: None };
    const DISMISS: Step =
        Step::Review { verdict: Verdict::Dismiss, reason: Some(Reason::WrongRole) };

    fn after(steps: &[(&str, Step)]) -> Result<Case, Refusal> {
        steps.iter().try_fold(Case::default(), |case, (by, step)| {
            case.take(by, step, "2026-03-02T01:00:00.000Z")
        })
    }

    #[test]
    fn a_lead_goes_all_the_way() {
        let case = after(&[
            ("wang", Step::Take),
            ("wang", UPHOLD),
            ("li", UPHOLD),
            ("li", Step::GoOnSite),
            ("li", Step::Found { case_number: "2026-17".into() }),
            ("li", Step::Close),
        ])
        .unwrap();
        assert_eq!(case.state, State::Closed);
        assert_eq!(case.case_number.as_deref(), Some("2026-17"));
    }

    #[test]
    fn the_same_person_can_not_be_both_reviewers() {
        assert_eq!(
            after(&[("wang", UPHOLD), ("wang", UPHOLD)]),
            Err(Refusal::SameReviewer { by: "wang".into() })
        );
        assert_eq!(
            after(&[("wang", DISMISS), ("wang", DISMISS)]),
            Err(Refusal::SameReviewer { by: "wang".into() })
        );
    }

    #[test]
    fn two_who_disagree_need_a_third() {
        let split = after(&[("wang", UPHOLD), ("li", DISMISS)]).unwrap();
        assert_eq!(split.state, State::Review2);
        assert_eq!(split.take("zhao", &UPHOLD, "t").unwrap().state, State::Lead);
        assert_eq!(
            split.take("zhao", &DISMISS, "t").unwrap().dismissed_because,
            Some(Reason::WrongRole)
        );
    }

    #[test]
    fn who_changes_his_mind_agrees_with_the_other_not_with_himself() {
        let changed = after(&[("wang", UPHOLD), ("wang", DISMISS)]).unwrap();
        assert_eq!(changed.state, State::Review2);
        assert_eq!(changed.reviews.len(), 1);
    }

    #[test]
    fn no_step_skips_the_reviewers() {
        for step in [
            Step::GoOnSite,
            Step::Found { case_number: "1".into() },
            Step::NothingFound,
            Step::Close,
        ] {
            assert!(matches!(after(&[("li", step)]), Err(Refusal::NotNow { .. })));
        }
        assert_eq!(
            after(&[("li", Step::Review { verdict: Verdict::Dismiss, reason: None })]),
            Err(Refusal::NoReason)
        );
    }

    #[test]
    fn a_correction_closes_only_what_nobody_looked_at() {
        let closed = after(&[("", Step::Corrected)]).unwrap();
        assert_eq!((closed.state, closed.corrected_at.is_some()), (State::Closed, true));
        for steps in [vec![("wang", Step::Take)], vec![("wang", UPHOLD)], vec![("wang", DISMISS)]] {
            let before = after(&steps).unwrap();
            assert!(matches!(before.take("", &Step::Corrected, "t"), Err(Refusal::NotNow { .. })));
        }
        let worse = Step::Strengthened { raises_severity: true };
        assert_eq!(closed.take("box", &worse, "t").unwrap(), Case::default());
    }

    const UNSEEN: Step = Step::AllWithdrawn { unseen: true };

    #[test]
    fn a_withdrawal_dismisses_only_what_nobody_has_seen() {
        let unseen = after(&[("box", UNSEEN)]).unwrap();
        assert_eq!(
            (unseen.state, unseen.dismissed_because),
            (State::Dismissed, Some(Reason::Withdrawn))
        );
        let seen = after(&[("box", Step::AllWithdrawn { unseen: false })]).unwrap();
        assert_eq!(
            (seen.state, seen.withdrawn_at.is_some()),
            (State::Raised, true),
            "marked, and two people decide"
        );
    }

    #[test]
    fn a_withdrawal_moves_nothing_from_the_first_review_on() {
        for steps in [
            vec![("wang", Step::Take)],
            vec![("wang", UPHOLD)],
            vec![("wang", DISMISS)],
            vec![("wang", UPHOLD), ("li", UPHOLD)],
        ] {
            let before = after(&steps).unwrap();
            for unseen in [true, false] {
                let marked = before.take("box", &Step::AllWithdrawn { unseen }, "t").unwrap();
                assert_eq!(Case { withdrawn_at: None, ..marked }, before);
            }
        }
    }

    #[test]
    fn a_dismissed_alert_comes_back_when_it_grows_worse() {
        let dismissed = after(&[("wang", DISMISS), ("li", DISMISS)]).unwrap();
        assert_eq!(
            dismissed.take("box", &Step::Strengthened { raises_severity: false }, "t").unwrap(),
            dismissed
        );
        assert_eq!(
            dismissed
                .take("box", &Step::Strengthened { raises_severity: true }, "t")
                .unwrap()
                .state,
            State::Raised
        );
    }

    #[test]
    fn what_was_withdrawn_and_is_said_again_is_new_again() {
        let said_again = Step::Strengthened { raises_severity: false };
        let again = after(&[("box", UNSEEN), ("box", said_again)]).unwrap();
        assert_eq!(again, Case::default());
    }

    #[test]
    fn the_clinic_is_told_three_states_and_no_step_between() {
        for state in State::ALL {
            let told = [state.for_clinic(false), state.for_clinic(true)];
            let expected = if state.is_open() {
                [ClinicState::Open, ClinicState::Answered]
            } else {
                [ClinicState::Closed, ClinicState::Closed]
            };
            assert_eq!(told, expected, "{state:?}");
        }
        assert!(ClinicState::ALL.into_iter().all(|s| ClinicState::parse(s.as_str()) == Some(s)));
    }

    fn last(by: &str, at: &str, before: &Case, after: &Case) -> LastStep {
        let kept = StepKept { before: before.clone(), after: after.clone() };
        LastStep { by: by.into(), at: at.into(), kept: Some(kept) }
    }

    #[test]
    fn a_step_is_taken_back_by_its_own_person_in_time() {
        let before = after(&[("li", DISMISS)]).unwrap();
        let dismissed = before.take("wang", &DISMISS, "t").unwrap();
        let step = last("wang", "2026-03-02T01:00:00Z", &before, &dismissed);
        let undo = |by: &str, now: &str| dismissed.undo(Some(&step), by, now);
        assert_eq!(undo("wang", "2026-03-02T01:01:00Z"), Ok(before.clone()));
        assert_eq!(undo("wang", "2026-03-02T01:01:01Z"), Err(Refusal::TooLate));
        assert_eq!(undo("li", "2026-03-02T01:00:01Z"), Err(Refusal::NotYours));
        assert_eq!(dismissed.undo(None, "wang", "t"), Err(Refusal::NotYours));
        let moved = Case { withdrawn_at: Some("t".into()), ..dismissed.clone() };
        let late = moved.undo(Some(&step), "wang", "2026-03-02T01:00:01Z");
        assert_eq!(late, Err(Refusal::ChangedSince), "the box's word was lost");
    }

    #[test]
    fn the_clinic_may_answer_at_every_stage() {
        for state in State::ALL {
            let case = Case { state, ..Case::default() };
            assert_eq!(case.take("clinic", &Step::Answer, "t").unwrap(), case);
            assert_eq!(State::parse(state.as_str()), Some(state));
        }
    }
}
