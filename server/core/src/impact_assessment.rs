//! 个人信息保护影响评估: the four items that 人脸识别技术应用安全管理办法 9 asks for, the occasion
//! and the conclusion, as the authority writes them. Pure: it judges no answer, only that none is
//! missing.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::FoldFault;

/// Characters of one answer.
const ANSWER_CHARS: std::ops::RangeInclusive<usize> = 10..=4000;
/// A report is kept for three years at least (个人信息保护法 56).
pub const KEPT_YEARS: i16 = 3;

/// One item of the law.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssessmentItem {
    Lawful,
    Effect,
    Risk,
    Protection,
}

impl AssessmentItem {
    pub const ALL: [Self; 4] = [Self::Lawful, Self::Effect, Self::Risk, Self::Protection];

    pub fn code(self) -> &'static str {
        match self {
            Self::Lawful => "lawful",
            Self::Effect => "effect",
            Self::Risk => "risk",
            Self::Protection => "protection",
        }
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Lawful => "（一）处理目的、处理方式是否合法、正当、必要",
            Self::Effect => "（二）对个人权益的影响，以及降低不利影响的措施是否有效",
            Self::Risk => {
                "（三）泄露、篡改、丢失、毁损或者被非法获取、出售、使用的风险及可能的危害"
            }
            Self::Protection => "（四）采取的保护措施是否合法、有效并与风险程度相适应",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Lawful => "(1) Whether purpose and way are lawful, justified and necessary",
            Self::Effect => "(2) The effect on people, and whether what lessens it works",
            Self::Risk => {
                "(3) The risk of leak, tampering, loss, destruction, or of being taken, sold or \
                 used unlawfully, and the harm"
            }
            Self::Protection => "(4) Whether the protection is lawful, works, and fits the risk",
        }
    }
}

/// Why it was assessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// Before the first use.
    First,
    /// Purpose or way changed.
    Changed,
    /// A grave incident.
    Incident,
    /// By the calendar.
    Periodic,
}

impl Occasion {
    pub const ALL: [Self; 4] = [Self::First, Self::Changed, Self::Incident, Self::Periodic];

    pub fn code(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Changed => "changed",
            Self::Incident => "incident",
            Self::Periodic => "periodic",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::First => "首次使用前",
            Self::Changed => "处理目的、方式变化",
            Self::Incident => "发生重大安全事件",
            Self::Periodic => "定期评估",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::First => "before the first use",
            Self::Changed => "purpose or way changed",
            Self::Incident => "a grave incident",
            Self::Periodic => "by the calendar",
        }
    }
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conclusion {
    Use,
    /// Once what the answers name is mended.
    UseOnceMended,
    DoNotUse,
}

impl Conclusion {
    pub const ALL: [Self; 3] = [Self::Use, Self::UseOnceMended, Self::DoNotUse];

    pub fn code(self) -> &'static str {
        match self {
            Self::Use => "use",
            Self::UseOnceMended => "use_once_mended",
            Self::DoNotUse => "do_not_use",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.code() == code)
    }

    pub fn zh(self) -> &'static str {
        match self {
            Self::Use => "可以启用",
            Self::UseOnceMended => "整改后启用",
            Self::DoNotUse => "不启用",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Use => "may be used",
            Self::UseOnceMended => "may be used once mended",
            Self::DoNotUse => "is not used",
        }
    }
}

/// One assessment, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    pub occasion: Occasion,
    /// The day of it, not in the future.
    #[schemars(with = "String")]
    pub on: Date,
    /// Who assessed, by name; who enters it is in the record.
    pub assessor: String,
    /// 人脸办法 9 (1) to (4): 10 to 4,000 characters each.
    pub lawful: String,
    pub effect: String,
    pub risk: String,
    pub protection: String,
    /// 网络安全等级保护: grade and filing number; empty where there is none.
    #[serde(default)]
    pub security_grade: String,
    pub conclusion: Conclusion,
    /// When it is assessed again at the latest.
    #[schemars(with = "String")]
    pub next_on: Date,
}

impl Assessment {
    pub fn answer(&self, item: AssessmentItem) -> &str {
        match item {
            AssessmentItem::Lawful => &self.lawful,
            AssessmentItem::Effect => &self.effect,
            AssessmentItem::Risk => &self.risk,
            AssessmentItem::Protection => &self.protection,
        }
    }

    pub fn check(&self, today: Date) -> Result<(), FoldFault> {
        for item in AssessmentItem::ALL {
            let chars = self.answer(item).trim().chars().count();
            if !ANSWER_CHARS.contains(&chars) {
                return Err(format!(
                    "{}: write {} to {} characters: none of the four items may be missing",
                    item.code(),
                    ANSWER_CHARS.start(),
                    ANSWER_CHARS.end()
                ));
            }
        }
        crate::text::line("assessor", &self.assessor, 100)?;
        crate::text::line_or_nothing("security_grade", &self.security_grade, 200)?;
        if self.on > today {
            return Err(format!("on: {} is still to come", self.on));
        }
        if self.next_on <= self.on {
            return Err("next_on: the next assessment is after this one".to_owned());
        }
        Ok(())
    }

    /// Whether it is time for the next one.
    pub fn is_due(&self, today: Date) -> bool {
        today > self.next_on
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assessment() -> Assessment {
        let answer = "十个字以上的评估结论。".to_owned();
        Assessment {
            occasion: Occasion::First,
            on: "2026-11-02".parse().unwrap(),
            assessor: "王评估".to_owned(),
            lawful: answer.clone(),
            effect: answer.clone(),
            risk: answer.clone(),
            protection: answer,
            security_grade: String::new(),
            conclusion: Conclusion::Use,
            next_on: "2027-11-02".parse().unwrap(),
        }
    }

    #[test]
    fn an_assessment_without_one_of_the_four_items_is_refused() {
        let today = "2026-11-02".parse().unwrap();
        assessment().check(today).unwrap();
        for item in AssessmentItem::ALL {
            let mut it = assessment();
            let answer = match item {
                AssessmentItem::Lawful => &mut it.lawful,
                AssessmentItem::Effect => &mut it.effect,
                AssessmentItem::Risk => &mut it.risk,
                AssessmentItem::Protection => &mut it.protection,
            };
            *answer = "  略  ".to_owned();
            assert!(it.check(today).unwrap_err().starts_with(item.code()), "{item:?}");
        }
    }

    #[test]
    fn the_next_one_is_due_after_its_day() {
        let it = assessment();
        assert!(!it.is_due("2027-11-02".parse().unwrap()));
        assert!(it.is_due("2027-11-03".parse().unwrap()));
        let backwards = Assessment { next_on: it.on, ..it };
        assert!(backwards.check("2026-11-02".parse().unwrap()).unwrap_err().starts_with("next_on"));
    }
}
