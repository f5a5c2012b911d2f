//! By when something has to be done with a clue, and which rule says so. Pure. No rule of the
//! health authorities was found: the days are defaults after 市场监督管理投诉举报处理暂行办法 14, 31 and the
//! hotlines' five days, and the configuration sets them.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Handling, Intake, Source};
use crate::calendar::{Calendar, Deadline};

/// In working days; checked settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    pub accept: u32,
    pub verify: u32,
    pub hotline: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Self { accept: 7, verify: 15, hotline: 5 }
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
}

impl DueRule {
    pub fn zh(self) -> &'static str {
        match self {
            Self::Accept => "受理期限",
            Self::Verify => "核查期限",
            Self::HotlineAnswer => "热线答复期限",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Accept => "accept or refuse by",
            Self::Verify => "verify by",
            Self::HotlineAnswer => "answer the hotline by",
        }
    }
}

/// What is due next; nothing once two people have decided.
pub fn due(
    it: &Handling,
    source: Source,
    received_on: Date,
    calendar: &Calendar,
    terms: &Terms,
) -> Option<(Deadline, DueRule)> {
    use crate::alert::State::{Raised, Review1, Review2};
    match it.intake {
        Intake::Received | Intake::AskedBack => {
            let (days, rule) = if source == Source::Hotline {
                (terms.hotline, DueRule::HotlineAnswer)
            } else {
                (terms.accept, DueRule::Accept)
            };
            Some((calendar.add_working_days(received_on, days), rule))
        }
        Intake::Accepted => {
            let case = it.case.as_ref()?;
            let from = it.accepted_on.as_deref()?.parse().ok()?;
            matches!(case.state, Raised | Review1 | Review2)
                .then(|| (calendar.add_working_days(from, terms.verify), DueRule::Verify))
        }
        Intake::NotOurs | Intake::Merged | Intake::Rejected => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clue::Step;

    #[test]
    fn a_report_is_answered_in_seven_days_a_call_in_five() {
        let calendar = Calendar::new([]);
        let monday: Date = "2026-11-02".parse().unwrap();
        let on = |it: &Handling, source| {
            due(it, source, monday, &calendar, &Terms::default()).map(|d| d.0.on.to_string())
        };
        let new = Handling::default();
        assert_eq!(on(&new, Source::PublicReport).unwrap(), "2026-11-11");
        assert_eq!(on(&new, Source::Hotline).unwrap(), "2026-11-09");
        let accepted = new.take("c", "wang", &Step::Accept, "2026-11-03T01:00:00.000Z").unwrap();
        assert_eq!(on(&accepted, Source::Hotline).unwrap(), "2026-11-24");
    }
}
