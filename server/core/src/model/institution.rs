//! An institution of the register, with its licence and what is filed of it.

use protocol::id::{InstitutionId, ItemCode};
use serde::{Deserialize, Serialize};

use super::LABEL_CHARS;
use crate::clock;
use crate::text::{FoldFault, line, line_or_nothing};

/// Digits of an administrative division, or nothing.
pub(super) fn division(what: &str, digits: &str) -> Result<(), FoldFault> {
    if digits.len() <= 12 && digits.chars().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("{what}: use the digits of the administrative division, such as 510100"))
}

/// Where an institution is (WGS 84): LL-3 asks how far two are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Place")]
pub struct Coordinates {
    /// −90 to 90.
    pub north_deg: f64,
    /// −180 to 180.
    pub east_deg: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Institution {
    pub id: InstitutionId,
    pub name: String,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub grade_ceiling: u8,
    #[serde(default)]
    pub filed_items: Vec<ItemCode>,
    #[serde(default)]
    pub jurisdiction: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Coordinates>,
    /// 地址.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// 医疗机构执业许可证登记号.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence_no: Option<String>,
    /// 有效期至: day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence_until: Option<String>,
    /// 诊疗科目.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// 承诺书: day on which the legal representative signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pledge_on: Option<String>,
    /// 试点协议或承诺书: name, day and clause by which the clinic keeps the box running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
}

/// What the register publishes of an institution's licence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    #[serde(default)]
    pub address: Option<String>,
    #[serde(default)]
    pub licence_no: Option<String>,
    #[serde(default)]
    pub licence_until: Option<String>,
    #[serde(default)]
    pub subjects: Vec<String>,
    #[serde(default)]
    pub pledge_on: Option<String>,
    /// Published nowhere.
    #[serde(default)]
    pub agreement: Option<String>,
}

/// A physician's practice certificate; its number is published nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Practice {
    #[serde(default)]
    pub number: Option<String>,
    #[serde(default)]
    pub scope: Option<String>,
}

/// A lead's filing at an institution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filing {
    #[serde(default)]
    pub filing_no: Option<String>,
    #[serde(default)]
    pub filed_on: Option<String>,
}

/// Subjects of one institution, at most.
const MOST_SUBJECTS: usize = 60;

/// A day such as `2028-12-31`.
pub(super) fn day(what: &str, text: Option<&String>) -> Result<(), FoldFault> {
    match text {
        Some(text) if text.parse::<jiff::civil::Date>().is_err() || text.len() != 10 => {
            Err(format!("{what}: `{}` is no day such as 2028-12-31", clock::clip(text, 40)))
        }
        _ => Ok(()),
    }
}

impl Institution {
    pub fn check(&self) -> Result<(), FoldFault> {
        line("name", &self.name, 200)?;
        line_or_nothing("kind", &self.kind, LABEL_CHARS)?;
        if self.place.is_some_and(|p| {
            !(-90.0..=90.0).contains(&p.north_deg) || !(-180.0..=180.0).contains(&p.east_deg)
        }) {
            return Err(
                "place: north_deg is -90 to 90 and east_deg -180 to 180, such as 30.66 and 104.06"
                    .to_owned(),
            );
        }
        if self.grade_ceiling > 4 {
            return Err(format!(
                "grade_ceiling: {} is no surgery grade, use 0 to 4",
                self.grade_ceiling
            ));
        }
        division("jurisdiction", &self.jurisdiction)?;
        self.check_licence()?;
        match &self.code {
            Some(code) => crate::idcheck::institution_code(code),
            None => Ok(()),
        }
    }

    fn check_licence(&self) -> Result<(), FoldFault> {
        line_or_nothing("address", self.address.as_deref().unwrap_or_default(), 200)?;
        line_or_nothing("agreement", self.agreement.as_deref().unwrap_or_default(), 200)?;
        if let Some(number) = &self.licence_no {
            crate::idcheck::licence_no(number)?;
        }
        day("licence_until", self.licence_until.as_ref())?;
        day("pledge_on", self.pledge_on.as_ref())?;
        if self.subjects.len() > MOST_SUBJECTS {
            return Err(format!("subjects: at most {MOST_SUBJECTS} are taken"));
        }
        self.subjects.iter().try_for_each(|subject| line("subjects", subject, LABEL_CHARS))
    }

    pub fn licence(&self) -> Licence {
        Licence {
            address: self.address.clone(),
            licence_no: self.licence_no.clone(),
            licence_until: self.licence_until.clone(),
            subjects: self.subjects.clone(),
            pledge_on: self.pledge_on.clone(),
            agreement: self.agreement.clone(),
        }
    }
}
