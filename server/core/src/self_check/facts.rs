//! What the boxes' records say of one question over a period: pure, `(question, facts) → answer`.
//!
//! Only findings count that two different reviewers upheld. Those still in review are told as
//! pending and never count; where too much could not be judged, the records are silent and nothing
//! is compared.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use protocol::names::RuleCode;

use super::FactQuery;
use crate::alert::{AlertState, Case, ReviewVerdict};

/// Above this share of sessions that could not be judged the records are silent [D].
pub const SILENT_ABOVE_PPM: u32 = 400_000;

/// What one alert of the institution says of a rule and day, as far as a self-check asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFact {
    pub alert: String,
    /// Of standing findings; a rule that was withdrawn is none.
    pub rules: Vec<RuleCode>,
    /// The deed: when its finding says that it began, ms since the epoch.
    pub event_ms: i64,
    /// When the server heard of it.
    pub received_ms: i64,
    pub case: Case,
    pub room: String,
    pub device: String,
}

impl AlertFact {
    /// Two different people uphold it, and nobody found it unfounded afterwards.
    pub fn is_upheld(&self) -> bool {
        let mut by: Vec<&str> = self
            .case
            .reviews
            .iter()
            .filter(|review| review.verdict == ReviewVerdict::Uphold)
            .map(|review| review.by.as_str())
            .collect();
        by.sort_unstable();
        by.dedup();
        let stands = match self.case.state {
            AlertState::Lead | AlertState::OnSite | AlertState::Case => true,
            AlertState::Closed => self.case.case_number.is_some(),
            AlertState::Raised
            | AlertState::Review1
            | AlertState::Review2
            | AlertState::Dismissed
            | AlertState::Unfounded => false,
        };
        stands && by.len() >= 2
    }

    /// Upheld, and over: until then its clinic learns of no verdict, and so of nothing that only a
    /// verdict makes.
    pub fn is_told(&self) -> bool {
        self.case.state == AlertState::Closed && self.is_upheld()
    }

    /// Nobody has decided it yet.
    pub fn is_pending(&self) -> bool {
        matches!(self.case.state, AlertState::Raised | AlertState::Review1 | AlertState::Review2)
    }

    pub fn is_about(&self, query: FactQuery) -> bool {
        self.rules.iter().any(|rule| query.rules().contains(rule))
    }
}

/// What is known of a period: alerts whose deed lies in it, and its sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeriodFacts<'a> {
    pub alerts: Vec<&'a AlertFact>,
    pub not_assessable_ppm: u32,
}

/// 与设备记录比对: what the records say of one question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    pub item: String,
    pub fact: FactQuery,
    /// Nothing where the records are silent or no box can tell.
    pub holds: Option<bool>,
    /// Upheld alerts that say that it does not hold.
    pub count: u32,
    pub alerts: Vec<String>,
    /// Still in review; they count for nothing.
    pub pending: u32,
    pub not_assessable_ppm: u32,
}

/// What the server's own records say today, of questions that no box answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Records {
    /// People with templates here whose consent is to an earlier text.
    pub consents_to_renew: u32,
    /// Boxes here of which nobody has recorded a mark on site, and all boxes.
    pub unmarked: u32,
    pub boxes: u32,
}

impl Agreement {
    /// Lets the records answer what no finding can. It is shown to officers and contradicts nobody:
    /// no two people have upheld it.
    pub fn told_by(&mut self, records: Records) {
        let (holds, count) = match self.fact {
            FactQuery::ConsentsComplete => {
                (Some(records.consents_to_renew == 0), records.consents_to_renew)
            }
            // That no mark is recorded does not say that none hangs there.
            FactQuery::NoticeDisplayed => {
                ((records.boxes > 0 && records.unmarked == 0).then_some(true), records.unmarked)
            }
            _ => return,
        };
        (self.holds, self.count) = (holds, count);
    }
}

/// Asks the records.
pub fn ask(item: &str, query: FactQuery, facts: &PeriodFacts<'_>) -> Agreement {
    let about = |alert: &&&AlertFact| alert.is_about(query);
    let against = facts.alerts.iter().filter(about).filter(|alert| alert.is_upheld());
    let mut alerts: Vec<String> = against.map(|alert| alert.alert.clone()).collect();
    alerts.dedup();
    let pending = facts.alerts.iter().filter(about).filter(|alert| alert.is_pending());
    let mut pending: Vec<&str> = pending.map(|alert| alert.alert.as_str()).collect();
    pending.dedup();
    let silent = query.rules().is_empty() || facts.not_assessable_ppm > SILENT_ABOVE_PPM;
    Agreement {
        item: item.to_owned(),
        fact: query,
        holds: (!silent).then_some(alerts.is_empty()),
        count: u32::try_from(alerts.len()).unwrap_or(u32::MAX),
        alerts,
        pending: u32::try_from(pending.len()).unwrap_or(u32::MAX),
        not_assessable_ppm: facts.not_assessable_ppm,
    }
}

#[cfg(test)]
pub mod script {
    use super::AlertFact;
    use crate::alert::{AlertAction, Case, Reason, ReviewVerdict};

    pub const UPHOLD: AlertAction =
        AlertAction::Review { verdict: ReviewVerdict::Uphold, reason: None };
    pub const DISMISS: AlertAction = AlertAction::Review {
        verdict: ReviewVerdict::Dismiss,
        reason: Some(Reason::WrongIdentity),
    };

    /// Upheld by two, and its case is over.
    pub fn over() -> Vec<(&'static str, AlertAction)> {
        let found = AlertAction::Found { case_number: "1".into() };
        vec![
            ("wang", UPHOLD),
            ("li", UPHOLD),
            ("li", AlertAction::GoOnSite),
            ("li", found),
            ("li", AlertAction::Close),
        ]
    }

    /// An alert of this rule with a deed at `event_ms`, heard a minute later.
    pub fn alert(id: &str, rule: &str, event_ms: i64, steps: &[(&str, AlertAction)]) -> AlertFact {
        let case = steps.iter().fold(Case::default(), |case, (by, step)| {
            case.take(by, step, crate::clock::At::EPOCH).unwrap()
        });
        AlertFact {
            alert: id.to_owned(),
            rules: vec![rule.into()],
            event_ms,
            received_ms: event_ms + 60_000,
            case,
            room: "r-1".to_owned(),
            device: "box-1".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::script::{DISMISS, UPHOLD, alert};
    use super::*;
    use crate::alert::{AlertAction, AlertReview};

    const LEAD: FactQuery = FactQuery::LeadPresentInEverySession;

    fn asked(alerts: &[AlertFact], not_assessable_ppm: u32) -> Agreement {
        ask("q", LEAD, &PeriodFacts { alerts: alerts.iter().collect(), not_assessable_ppm })
    }

    #[test]
    fn only_what_two_reviewers_uphold_counts() {
        let two = [("wang", UPHOLD), ("li", UPHOLD)];
        assert_eq!(asked(&[alert("a", "LL-1", 0, &two)], 0).holds, Some(false));
        for steps in [&[][..], &two[..1], &[("wang", UPHOLD), ("li", DISMISS)]] {
            let said = asked(&[alert("a", "LL-1", 0, steps)], 0);
            assert_eq!((said.holds, said.count, said.pending), (Some(true), 0, 1));
        }
        let dismissed = asked(&[alert("a", "LL-1", 0, &[("wang", DISMISS), ("li", DISMISS)])], 0);
        assert_eq!((dismissed.holds, dismissed.pending), (Some(true), 0));
    }

    #[test]
    fn findings_of_one_alert_are_counted_once() {
        let two = [("wang", UPHOLD), ("li", UPHOLD)];
        let joined = [alert("a", "LL-1", 0, &two), alert("a", "LL-1", 9, &two)];
        assert_eq!(asked(&joined, 0).count, 1);
        let open = [alert("a", "LL-1", 0, &[]), alert("a", "LL-1", 9, &[])];
        assert_eq!(asked(&open, 0).pending, 1);
    }

    #[test]
    fn one_name_twice_in_a_record_is_one_person() {
        let mut forged = alert("a", "LL-1", 0, &[("wang", UPHOLD), ("li", UPHOLD)]);
        forged.case.reviews =
            vec![AlertReview { by: "wang".into(), ..forged.case.reviews[0].clone() }; 2];
        assert!(!forged.is_upheld());
    }

    #[test]
    fn what_was_found_unfounded_on_site_counts_no_more() {
        let mut steps = vec![
            ("wang", UPHOLD),
            ("li", UPHOLD),
            ("li", AlertAction::GoOnSite),
            ("li", AlertAction::NothingFound),
        ];
        assert_eq!(asked(&[alert("a", "LL-1", 0, &steps)], 0).holds, Some(true));
        steps.push(("li", AlertAction::Close));
        assert_eq!(asked(&[alert("a", "LL-1", 0, &steps)], 0).holds, Some(true));
        steps.truncate(3);
        steps.extend([
            ("li", AlertAction::Found { case_number: "1".into() }),
            ("li", AlertAction::Close),
        ]);
        assert_eq!(asked(&[alert("a", "LL-1", 0, &steps)], 0).holds, Some(false));
    }

    #[test]
    fn where_too_little_was_judged_the_records_are_silent() {
        let two = [("wang", UPHOLD), ("li", UPHOLD)];
        let alerts = [alert("a", "LL-1", 0, &two)];
        assert_eq!(asked(&alerts, 400_000).holds, Some(false));
        assert_eq!(asked(&alerts, 400_001).holds, None);
        let other = [alert("a", "UQ-1", 0, &two)];
        assert_eq!(asked(&other, 0).holds, Some(true), "another rule says nothing of it");
        assert_eq!(ask("q", FactQuery::NoticeDisplayed, &PeriodFacts::default()).holds, None);
    }

    #[test]
    fn records_answer_what_no_box_can_and_accuse_of_nothing() {
        let told = |fact, consents_to_renew, unmarked, boxes| {
            let mut said = ask("q", fact, &PeriodFacts::default());
            said.told_by(Records { consents_to_renew, unmarked, boxes });
            (said.holds, said.count, said.alerts.len())
        };
        assert_eq!(told(FactQuery::ConsentsComplete, 0, 0, 1), (Some(true), 0, 0));
        assert_eq!(told(FactQuery::ConsentsComplete, 2, 0, 1), (Some(false), 2, 0));
        assert_eq!(told(FactQuery::NoticeDisplayed, 0, 0, 2), (Some(true), 0, 0));
        assert_eq!(
            told(FactQuery::NoticeDisplayed, 0, 1, 2),
            (None, 1, 0),
            "not recorded is no no"
        );
        assert_eq!(told(FactQuery::NoticeDisplayed, 0, 0, 0).0, None, "no box is no notice");
        assert_eq!(told(LEAD, 9, 9, 9), (Some(true), 0, 0), "what boxes answer stays");
    }
}
