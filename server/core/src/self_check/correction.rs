//! 整改: how a clinic mends what an L1 finding or its own "no" names, and what closes it. Pure.
//!
//! `Open → Answered → { VerifiedByFacts | VerifiedByOfficer | Contradicted | Lapsed }`. What closes
//! it are the boxes' records: no repeat of the rule for fourteen days with enough sessions that
//! could be judged. Two different officers may close it in their stead, never one. A repeat
//! contradicts only once two reviewers upheld it and its case is over; until then it is waited for.
//! Overdue is a date, never a state.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use protocol::names::RuleCode;

use super::facts::AlertFact;
use crate::clock::At;
use crate::rules::DAY_MS;

/// Days without a repeat after it was mended [D].
pub const QUIET_DAYS: i64 = 14;
/// Sessions in them that could be judged, at least [D].
pub const SESSIONS_MIN: usize = 5;
/// After so many days nothing more is expected of the records [D].
pub const LAPSES_AFTER_DAYS: i64 = 90;

/// 整改状态.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CorrectionState {
    Open,
    Answered,
    VerifiedByFacts,
    VerifiedByOfficer,
    Contradicted,
    /// The records could not say either.
    Lapsed,
}

impl CorrectionState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::VerifiedByFacts => "verified_by_facts",
            Self::VerifiedByOfficer => "verified_by_officer",
            Self::Contradicted => "contradicted",
            Self::Lapsed => "lapsed",
        }
    }

    pub fn is_over(self) -> bool {
        !matches!(self, Self::Open | Self::Answered)
    }
}

/// What somebody does with it, or what the records say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorrectionAction {
    /// The clinic says what it did, and when it was done.
    Answer {
        done_on: Date,
        today: Date,
    },
    /// An officer has looked.
    Verify,
    Facts(CorrectionVerdict),
}

/// What the records say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CorrectionVerdict {
    Verified,
    Contradicted,
    Lapsed,
}

impl CorrectionAction {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::Verify => "verify",
            Self::Facts(CorrectionVerdict::Verified) => "verified_by_facts",
            Self::Facts(CorrectionVerdict::Contradicted) => "contradicted",
            Self::Facts(CorrectionVerdict::Lapsed) => "lapsed",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CorrectionRefusal {
    #[error("`{step}` is not possible while the correction is `{state}`")]
    NotNow { step: &'static str, state: &'static str },
    #[error("done_on: this day has not come yet")]
    InTheFuture,
    #[error("`{by}` has already said so: another officer must agree (须由另一人同意)")]
    SamePerson { by: String },
}

/// All that the machine remembers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Handling")]
pub struct CorrectionHandling {
    pub state: CorrectionState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub done_on: Option<Date>,
    /// When the clinic first said that it is mended. What happens again from then on
    /// contradicts it, whatever it says later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_answered_at: Option<At>,
    /// When the clinic's latest word came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_at: Option<At>,
    /// One officer who says that it is mended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<String>,
    /// 核验方式: `facts`, or the two officers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_by: Option<String>,
}

impl Default for CorrectionHandling {
    fn default() -> Self {
        Self {
            state: CorrectionState::Open,
            done_on: None,
            first_answered_at: None,
            answered_at: None,
            officer: None,
            judged_by: None,
        }
    }
}

impl CorrectionHandling {
    /// Of one that was kept before the first word was: its latest.
    pub fn first_answer(&self) -> Option<At> {
        self.first_answered_at.or(self.answered_at)
    }

    /// The handling after `step`; `self` stays as it was when the step is refused.
    pub fn take(
        &self,
        by: &str,
        step: &CorrectionAction,
        at: At,
    ) -> Result<Self, CorrectionRefusal> {
        let over = |state: CorrectionState, by: String| Self {
            state,
            judged_by: Some(by),
            ..self.clone()
        };
        match (self.state, step) {
            (
                CorrectionState::Open | CorrectionState::Answered,
                CorrectionAction::Answer { done_on, today },
            ) if done_on > today => Err(CorrectionRefusal::InTheFuture),
            // A new word begins the fourteen days anew, and what an officer said was about less.
            (
                CorrectionState::Open | CorrectionState::Answered,
                CorrectionAction::Answer { done_on, .. },
            ) => Ok(Self {
                state: CorrectionState::Answered,
                done_on: Some(*done_on),
                first_answered_at: self.first_answer().or(Some(at)),
                answered_at: Some(at),
                officer: None,
                judged_by: None,
            }),
            (CorrectionState::Answered, CorrectionAction::Verify) => match &self.officer {
                Some(first) if first == by => {
                    Err(CorrectionRefusal::SamePerson { by: by.to_owned() })
                }
                Some(first) => {
                    Ok(over(CorrectionState::VerifiedByOfficer, format!("{first}, {by}")))
                }
                None => Ok(Self { officer: Some(by.to_owned()), ..self.clone() }),
            },
            (CorrectionState::Answered, CorrectionAction::Facts(verdict)) => {
                let state = match verdict {
                    CorrectionVerdict::Verified => CorrectionState::VerifiedByFacts,
                    CorrectionVerdict::Contradicted => CorrectionState::Contradicted,
                    CorrectionVerdict::Lapsed => CorrectionState::Lapsed,
                };
                Ok(over(state, "facts".to_owned()))
            }
            (state, step) => {
                Err(CorrectionRefusal::NotNow { step: step.name(), state: state.as_str() })
            }
        }
    }
}

/// When the clinic said that it is mended, ms since the epoch: at first, and last.
#[derive(Debug, Clone, Copy)]
pub struct Answered {
    pub first_ms: i64,
    pub last_ms: i64,
}

/// What the records say of one that was answered, of a rule; nothing while they can not tell yet.
/// `assessable_ms`: starts of the sessions that could be judged.
///
/// A new word begins the quiet days anew. It takes back neither what happened since the first one
/// nor the day on which nothing more is expected, else it would be said again before each verdict.
pub fn judged(
    answered: Answered,
    rules: &[RuleCode],
    alerts: &[AlertFact],
    assessable_ms: &[i64],
    now_ms: i64,
) -> Option<CorrectionVerdict> {
    let Answered { first_ms, last_ms } = answered;
    let end_ms = last_ms + QUIET_DAYS * DAY_MS;
    let mut repeats = alerts
        .iter()
        .filter(|alert| alert.rules.iter().any(|rule| rules.contains(rule)))
        .filter(|alert| alert.event_ms > first_ms && alert.event_ms <= now_ms)
        .peekable();
    if repeats.clone().any(AlertFact::is_told) {
        return Some(CorrectionVerdict::Contradicted);
    }
    // Its clinic sees each of these open: what waits for one tells nothing of a verdict.
    if repeats.any(|alert| alert.is_pending() || alert.is_upheld()) {
        return None;
    }
    let lapsed = now_ms >= first_ms + LAPSES_AFTER_DAYS * DAY_MS;
    let looked_at = assessable_ms.iter().filter(|at| **at > last_ms && **at <= now_ms).count();
    if now_ms >= end_ms && looked_at >= SESSIONS_MIN && !rules.is_empty() {
        return Some(CorrectionVerdict::Verified);
    }
    lapsed.then_some(CorrectionVerdict::Lapsed)
}

#[cfg(test)]
mod tests {
    use super::super::facts::script::{DISMISS, UPHOLD, alert, over};
    use super::*;

    /// 2026-11-01T00:00:00Z.
    const AT: At = At::of_s(1_793_491_200);
    const BEGAN: i64 = 1_790_000_000_000;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn answered() -> CorrectionHandling {
        let step =
            CorrectionAction::Answer { done_on: day("2026-11-01"), today: day("2026-11-01") };
        CorrectionHandling::default().take("clinic", &step, AT).unwrap()
    }

    fn at(days: i64, alerts: &[AlertFact], sessions: usize) -> Option<CorrectionVerdict> {
        let starts: Vec<i64> = (0..sessions as i64).map(|n| BEGAN + 1 + n * 3_600_000).collect();
        let answered = Answered { first_ms: BEGAN, last_ms: BEGAN };
        judged(answered, &[RuleCode::Hb3], alerts, &starts, BEGAN + days * DAY_MS)
    }

    #[test]
    fn fourteen_quiet_days_with_five_sessions_verify_it() {
        assert_eq!(at(14, &[], 5), Some(CorrectionVerdict::Verified));
        assert_eq!(at(13, &[], 50), None);
        assert_eq!(at(14, &[], 4), None);
        assert_eq!(at(89, &[], 4), None);
        assert_eq!(at(90, &[], 4), Some(CorrectionVerdict::Lapsed));
    }

    #[test]
    fn a_repeat_nobody_reviewed_neither_proves_nor_verifies() {
        let repeat = |steps: &[_]| [alert("a", "HB-3", BEGAN + DAY_MS, steps)];
        assert_eq!(at(20, &repeat(&[]), 9), None);
        assert_eq!(at(20, &repeat(&[("wang", UPHOLD)]), 9), None);
        assert_eq!(at(2, &repeat(&over()), 9), Some(CorrectionVerdict::Contradicted));
        let dismissed = repeat(&[("wang", DISMISS), ("li", DISMISS)]);
        assert_eq!(at(20, &dismissed, 9), Some(CorrectionVerdict::Verified));
        let earlier = [alert("a", "HB-3", BEGAN - 1, &over())];
        assert_eq!(at(20, &earlier, 9), Some(CorrectionVerdict::Verified));
    }

    /// Its clinic would learn that two people upheld, and that somebody comes.
    #[test]
    fn an_upheld_repeat_is_waited_for_until_it_is_over() {
        let steps = over();
        for n in 1..steps.len() {
            let repeat = [alert("a", "HB-3", BEGAN + DAY_MS, &steps[..n])];
            for days in [2, 20, 90, 400] {
                assert_eq!(at(days, &repeat, 9), None, "{n} steps, day {days}");
            }
        }
    }

    #[test]
    fn a_later_answer_takes_no_repeat_back() {
        let repeat = [alert("a", "HB-3", BEGAN + 3 * DAY_MS, &over())];
        let again = Answered { first_ms: BEGAN, last_ms: BEGAN + 4 * DAY_MS };
        let starts: Vec<i64> = (5..20).map(|n| BEGAN + n * DAY_MS).collect();
        let said = |alerts: &[AlertFact], days: i64| {
            judged(again, &[RuleCode::Hb3], alerts, &starts, BEGAN + days * DAY_MS)
        };
        assert_eq!(said(&repeat, 30), Some(CorrectionVerdict::Contradicted));
        assert_eq!(said(&[], 17), None, "a new word begins the quiet days anew");
        assert_eq!(said(&[], 18), Some(CorrectionVerdict::Verified));
        let late = Answered { first_ms: BEGAN, last_ms: BEGAN + 89 * DAY_MS };
        let at = BEGAN + 90 * DAY_MS;
        assert_eq!(
            judged(late, &[RuleCode::Hb3], &[], &starts, at),
            Some(CorrectionVerdict::Lapsed)
        );
    }

    #[test]
    fn the_first_answer_stays_the_first() {
        let again =
            CorrectionAction::Answer { done_on: day("2026-11-01"), today: day("2026-11-05") };
        let anew =
            answered().take("clinic", &again, "2026-11-05T00:00:00.000Z".parse().unwrap()).unwrap();
        assert_eq!(anew.first_answer(), Some(AT));
        let old: CorrectionHandling = serde_json::from_str(
            r#"{"state":"answered","answered_at":"2026-10-01T00:00:00.000Z"}"#,
        )
        .unwrap();
        let anew = old.take("clinic", &again, AT).unwrap();
        assert_eq!(anew.first_answer(), "2026-10-01T00:00:00.000Z".parse().ok());
    }

    #[test]
    fn one_officer_alone_verifies_nothing() {
        let once = answered().take("wang", &CorrectionAction::Verify, AT).unwrap();
        assert_eq!(once.state, CorrectionState::Answered);
        assert_eq!(
            once.take("wang", &CorrectionAction::Verify, AT),
            Err(CorrectionRefusal::SamePerson { by: "wang".into() })
        );
        assert_eq!(
            once.take("li", &CorrectionAction::Verify, AT).unwrap().state,
            CorrectionState::VerifiedByOfficer
        );
        let again =
            CorrectionAction::Answer { done_on: day("2026-11-01"), today: day("2026-11-02") };
        let anew = once.take("clinic", &again, AT).unwrap();
        assert_eq!(
            anew.take("li", &CorrectionAction::Verify, AT).unwrap().state,
            CorrectionState::Answered
        );
    }

    #[test]
    fn nothing_is_verified_that_nobody_answered() {
        for step in [CorrectionAction::Verify, CorrectionAction::Facts(CorrectionVerdict::Verified)]
        {
            assert!(matches!(
                CorrectionHandling::default().take("li", &step, AT),
                Err(CorrectionRefusal::NotNow { .. })
            ));
        }
        let future =
            CorrectionAction::Answer { done_on: day("2026-11-02"), today: day("2026-11-01") };
        assert_eq!(
            CorrectionHandling::default().take("clinic", &future, AT),
            Err(CorrectionRefusal::InTheFuture)
        );
        let done = answered()
            .take("", &CorrectionAction::Facts(CorrectionVerdict::Contradicted), AT)
            .unwrap();
        assert!(done.take("clinic", &future, AT).is_err());
    }
}
