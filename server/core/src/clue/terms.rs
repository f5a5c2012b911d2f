//! By when something has to be done with a clue, and which rule says so. Pure. No rule of the
//! health authorities was found: the days are defaults after 市场监督管理投诉举报处理暂行办法 14,
//! 31 and the hotlines' five days, and the configuration sets them.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Allegation, Anonymity, ClueHandling, IntakeState, Source};
use crate::calendar::{Calendar, Deadline};

/// In working days; checked settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub accept: u32,
    /// And as much again, once, with a reason.
    pub verify: u32,
    pub hotline: u32,
    /// Until an error of the register is corrected, or the reporter hears why not.
    pub correct: u32,
    /// From a decision (accepted or not, filed or ended) until whoever reported by name is told.
    pub tell: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self { accept: 7, verify: 15, hotline: 5, correct: 20, tell: 5 }
    }
}

/// 期限依据.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DueRule {
    /// 受理或不予受理.
    Accept,
    /// 核查.
    Verify,
    /// 热线答复.
    HotlineAnswer,
    /// 更正登记信息.
    Correct,
    /// 告知实名反映人.
    TellReporter,
}

impl DueRule {
    pub const ALL: [Self; 5] =
        [Self::Accept, Self::Verify, Self::HotlineAnswer, Self::Correct, Self::TellReporter];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Verify => "verify",
            Self::HotlineAnswer => "hotline_answer",
            Self::Correct => "correct",
            Self::TellReporter => "tell_reporter",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.as_str() == text)
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Accept => "受理期限",
            Self::Verify => "核查期限",
            Self::HotlineAnswer => "热线答复期限",
            Self::Correct => "更正期限",
            Self::TellReporter => "告知反映人期限",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Accept => "accept or refuse by",
            Self::Verify => "verify by",
            Self::HotlineAnswer => "answer the hotline by",
            Self::Correct => "correct the register by",
            Self::TellReporter => "tell the reporter by",
        }
    }
}

/// What a term depends on beside the handling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClueMatter {
    pub source: Source,
    pub allegation: Allegation,
    pub anonymity: Anonymity,
    pub received_on: Date,
}

/// What is due next; nothing once it was filed or ended and nobody is left to be told.
pub fn due(
    it: &ClueHandling,
    matter: ClueMatter,
    calendar: &Calendar,
    terms: &Terms,
) -> Option<(Deadline, DueRule)> {
    let tell = telling(it, matter, calendar, terms);
    let work = working(it, matter, calendar, terms);
    [tell, work].into_iter().flatten().min_by_key(|(deadline, _)| deadline.on)
}

fn working(
    it: &ClueHandling,
    matter: ClueMatter,
    calendar: &Calendar,
    terms: &Terms,
) -> Option<(Deadline, DueRule)> {
    match it.intake {
        IntakeState::Received | IntakeState::AskedBack => {
            let (days, rule) = match (matter.source, matter.allegation) {
                (Source::Hotline, _) => (terms.hotline, DueRule::HotlineAnswer),
                (_, Allegation::RegisterError) => (terms.correct, DueRule::Correct),
                _ => (terms.accept, DueRule::Accept),
            };
            Some((calendar.add_working_days(matter.received_on, days), rule))
        }
        IntakeState::Accepted if matter.allegation == Allegation::RegisterError => {
            it.awaits_decision().then(|| {
                (calendar.add_working_days(matter.received_on, terms.correct), DueRule::Correct)
            })
        }
        IntakeState::Accepted => {
            let from = it.accepted_on.as_deref()?.parse().ok()?;
            let days = terms.verify * if it.extended_on.is_some() { 2 } else { 1 };
            it.awaits_decision().then(|| (calendar.add_working_days(from, days), DueRule::Verify))
        }
        IntakeState::NotOurs | IntakeState::Merged | IntakeState::Rejected => None,
    }
}

fn telling(
    it: &ClueHandling,
    matter: ClueMatter,
    calendar: &Calendar,
    terms: &Terms,
) -> Option<(Deadline, DueRule)> {
    if matter.anonymity != Anonymity::Named || it.told_on.is_some() {
        return None;
    }
    let from = it.decided_on()?.parse().ok()?;
    Some((calendar.add_working_days(from, terms.tell), DueRule::TellReporter))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::at;
    use crate::clue::ClueAction;

    fn matter(source: Source) -> ClueMatter {
        ClueMatter {
            source,
            allegation: Allegation::Lending,
            anonymity: Anonymity::Anonymous,
            received_on: "2026-11-02".parse().unwrap(),
        }
    }

    fn on(it: &ClueHandling, matter: ClueMatter) -> (String, DueRule) {
        let due = due(it, matter, &Calendar::new([]), &Terms::default()).unwrap();
        (due.0.on.to_string(), due.1)
    }

    #[test]
    fn a_report_is_answered_in_seven_days_a_call_in_five() {
        let new = ClueHandling::default();
        let report = on(&new, matter(Source::PublicReport));
        assert_eq!(report, ("2026-11-11".to_owned(), DueRule::Accept));
        assert_eq!(on(&new, matter(Source::Hotline)).0, "2026-11-09");
        let accepted = new
            .take(
                &"c".parse().unwrap(),
                "wang",
                &ClueAction::Accept,
                at("2026-11-03T01:00:00.000Z"),
            )
            .unwrap();
        assert_eq!(on(&accepted, matter(Source::Hotline)).0, "2026-11-24");
        let extend = ClueAction::Extend { reason: "r".into() };
        let longer = accepted
            .take(&"c".parse().unwrap(), "wang", &extend, at("2026-11-20T01:00:00.000Z"))
            .unwrap();
        assert_eq!(on(&longer, matter(Source::Hotline)).0, "2026-12-15");
    }

    #[test]
    fn whoever_gives_a_name_is_told_first() {
        let named = ClueMatter { anonymity: Anonymity::Named, ..matter(Source::PublicReport) };
        let new = ClueHandling::default();
        let accepted = new
            .take(
                &"c".parse().unwrap(),
                "wang",
                &ClueAction::Accept,
                at("2026-11-03T01:00:00.000Z"),
            )
            .unwrap();
        assert_eq!(on(&accepted, named), ("2026-11-10".to_owned(), DueRule::TellReporter));
        let told = ClueAction::Told { how: "h".into() };
        let told = accepted
            .take(&"c".parse().unwrap(), "wang", &told, at("2026-11-04T01:00:00.000Z"))
            .unwrap();
        assert_eq!(on(&told, named).1, DueRule::Verify);
    }

    #[test]
    fn a_lead_that_nobody_follows_up_stays_due() {
        use crate::alert::{self, ReviewVerdict};
        let uphold = ClueAction::Case(alert::AlertAction::Review {
            verdict: ReviewVerdict::Uphold,
            reason: None,
        });
        let go = ClueAction::Case(alert::AlertAction::GoOnSite);
        let mut it = ClueHandling::default();
        for (by, step) in [("wang", &ClueAction::Accept), ("wang", &uphold), ("li", &uphold)] {
            it = it.take(&"c".parse().unwrap(), by, step, at("2026-11-03T01:00:00.000Z")).unwrap();
        }
        let report = matter(Source::PublicReport);
        assert_eq!(on(&it, report), ("2026-11-24".to_owned(), DueRule::Verify));
        let there =
            it.take(&"c".parse().unwrap(), "li", &go, at("2026-11-04T01:00:00.000Z")).unwrap();
        assert_eq!(on(&there, report).1, DueRule::Verify, "one officer on site for ever");
    }

    #[test]
    fn an_error_of_the_register_has_twenty_days() {
        let error = Allegation::RegisterError;
        let it = ClueMatter { allegation: error, ..matter(Source::PublicReport) };
        assert_eq!(on(&ClueHandling::default(), it), ("2026-11-30".to_owned(), DueRule::Correct));
    }
}
