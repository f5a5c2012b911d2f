//! A checklist: a versioned list of questions with what each rests on. Pure. A version never
//! changes: its SHA-256 is what a self-check keeps.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AnswerKind, FactQuery, YesNoNa};
use crate::clock;

/// 依据, with how far its text was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Basis {
    pub law: String,
    pub article: String,
    pub edition: String,
    /// `full_text`, `excerpt`, `derived` or `memory`; none: no law asks for it, the agreement with
    /// the clinic does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<law::Grade>,
}

/// The question is asked where another was answered so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Relevant {
    pub item: String,
    pub answer: YesNoNa,
}

/// One question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Item")]
pub struct ChecklistItem {
    pub code: String,
    pub level1: String,
    pub level2: String,
    pub requirement: String,
    pub hint: String,
    pub basis: Vec<Basis>,
    pub answer: AnswerKind,
    pub required: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relevant: Option<Relevant>,
    /// Of a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub least: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<FactQuery>,
    /// 0 to 3; from 1 on, a "no" opens a correction.
    pub severity_if_no: u8,
}

/// One version of a checklist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Checklist {
    pub code: String,
    pub version: u32,
    /// A prefix; empty for the whole country.
    pub jurisdiction: String,
    pub title: String,
    #[schemars(with = "String")]
    pub effective_from: Date,
    pub items: Vec<ChecklistItem>,
}

impl Checklist {
    /// The bytes that are stored, and whose SHA-256 is the version's identity.
    pub fn canonical(&self) -> String {
        // Only maps with keys that are no texts fail, and there is none in it.
        serde_json::to_string(self).unwrap_or_default()
    }

    pub fn item(&self, code: &str) -> Option<&ChecklistItem> {
        self.items.iter().find(|item| item.code == code)
    }

    /// Questions that are asked with these answers and have none.
    pub fn missing(&self, answer: &impl Fn(&str) -> Option<String>) -> Vec<String> {
        let asked = self.items.iter().filter(|item| item.required && item.is_asked(answer));
        asked.filter(|item| answer(&item.code).is_none()).map(|item| item.code.clone()).collect()
    }
}

impl ChecklistItem {
    pub fn is_asked(&self, answer: &impl Fn(&str) -> Option<String>) -> bool {
        self.relevant.as_ref().is_none_or(|relevant| {
            answer(&relevant.item).as_deref() == Some(relevant.answer.as_str())
        })
    }

    /// Whether a value is an answer; `Err` is one line that names the question.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let wrong = |use_: &str| {
            let shown = clock::clip(value, 40);
            Err(format!("{}: `{shown}` is no answer: use {use_}", self.code))
        };
        match self.answer {
            AnswerKind::YesNoNa => match crate::text::listed::<YesNoNa>(&self.code, value) {
                Ok(word) if word.as_str() == value => Ok(()),
                _ => wrong("yes, no or na"),
            },
            AnswerKind::Number => {
                let (least, most) = (self.least.unwrap_or(0), self.most.unwrap_or(1_000_000));
                match value.parse::<i64>() {
                    Ok(number) if (least..=most).contains(&number) => Ok(()),
                    _ => wrong(&format!("a whole number from {least} to {most}")),
                }
            }
            AnswerKind::Date => match value.parse::<Date>() {
                Ok(day) if day.to_string() == value => Ok(()),
                _ => wrong("a day such as 2026-11-30"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::self_check::table::shipped;

    #[test]
    fn only_what_is_asked_must_be_answered() {
        let list = shipped();
        let all_yes = |_: &str| Some("yes".to_owned());
        assert!(list.missing(&all_yes).is_empty());
        let none = |_: &str| None;
        let asked_first: Vec<_> = list.items.iter().filter(|i| i.relevant.is_none()).collect();
        assert_eq!(list.missing(&none).len(), asked_first.iter().filter(|i| i.required).count());
    }

    #[test]
    fn a_value_that_is_no_answer_is_refused_by_name() {
        let list = shipped();
        let item = &list.items[0];
        assert!(item.check("yes").is_ok() && item.check("na").is_ok());
        for wrong in ["", "YES", "maybe", "1"] {
            assert!(item.check(wrong).unwrap_err().starts_with(&item.code), "{wrong}");
        }
        let number = ChecklistItem { answer: AnswerKind::Number, most: Some(9), ..item.clone() };
        assert!(number.check("9").is_ok() && number.check("10").is_err());
        let day = ChecklistItem { answer: AnswerKind::Date, ..item.clone() };
        assert!(day.check("2026-02-28").is_ok() && day.check("2026-02-30").is_err());
    }

    #[test]
    fn one_changed_letter_makes_another_version() {
        let mut list = shipped();
        let before = trust::sha256_hex(list.canonical());
        list.items[0].requirement.push('。');
        assert_ne!(trust::sha256_hex(list.canonical()), before);
    }
}
