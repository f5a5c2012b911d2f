//! What 行政处罚法 41 asks before a device's records may prove anything: 法制审核, 技术审核, the
//! place made public, a mark on site, and 检定. Pure. It refuses nothing: while one of them is
//! missing, or was entered after the act by one person alone, a finding is a lead and says so.

use std::collections::BTreeSet;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody's review of a device in its room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Review")]
pub struct DeviceReview {
    /// Who reviewed: an office or a person of it.
    pub by: String,
    /// Day, RFC 3339.
    #[schemars(with = "String")]
    pub on: Date,
    /// Number or name of the document.
    pub document: String,
}

/// Where and when the place was made public, or marked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Notice")]
pub struct PublicNotice {
    /// The publication, or what marks the place.
    pub at: String,
    /// Day, RFC 3339.
    #[schemars(with = "String")]
    pub on: Date,
}

/// What stands of one box in one room.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MonitoringReview {
    /// 法制审核.
    #[serde(default)]
    pub legal: Option<DeviceReview>,
    /// 技术审核.
    #[serde(default)]
    pub technical: Option<DeviceReview>,
    /// 设置地点向社会公布.
    #[serde(default)]
    pub published: Option<PublicNotice>,
    /// 标志明显.
    #[serde(default)]
    pub marked: Option<PublicNotice>,
    /// 检定.
    #[serde(default)]
    pub verified: Option<DeviceReview>,
}

/// The first day on which anybody may be looked at, where the place must have been public for so
/// many days before, by everything that was entered of it, newest first; a place that was never
/// published has none. `None`: no wait is asked.
///
/// A publication of an earlier day than that of its entry counts from the entry on until a second
/// person entered the same; and what one person alone changes or deletes of a publication that
/// stands changes nothing: nobody alone makes a box look earlier, or not at all.
pub fn in_use_from(entered: &[Entered<'_>], wait_days: i64) -> Option<Date> {
    if wait_days <= 0 {
        return None;
    }
    let (mut since, mut stands): (usize, Option<Date>) = (0, None);
    let oldest_first: Vec<&Entered<'_>> = entered.iter().rev().collect();
    for (n, it) in oldest_first.iter().enumerate() {
        let published = it.record.published.as_ref();
        let said_before = oldest_first[since..=n].iter();
        let same = said_before.filter(|e| e.record.published.as_ref() == published);
        let persons: BTreeSet<&str> = same.map(|e| e.by).filter(|by| !by.is_empty()).collect();
        if persons.len() >= 2 {
            (since, stands) = (n, published.map(|notice| notice.on));
        } else if let (None, Some(notice)) = (stands, published) {
            stands = Some(notice.on.max(it.on));
        }
    }
    let days = jiff::Span::new().try_days(wait_days).ok();
    Some(stands.zip(days).and_then(|(on, days)| on.checked_add(days).ok()).unwrap_or(NEVER))
}

/// No day at all.
pub const NEVER: Date = Date::constant(8999, 12, 30);

/// One thing that the law asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Part")]
pub enum ReviewPart {
    Legal,
    Technical,
    Published,
    Marked,
    Verified,
}

impl ReviewPart {
    pub const ALL: [Self; 5] =
        [Self::Legal, Self::Technical, Self::Published, Self::Marked, Self::Verified];

    pub fn zh(self) -> &'static str {
        match self {
            Self::Legal => "法制审核",
            Self::Technical => "技术审核",
            Self::Published => "设置地点公布",
            Self::Marked => "现场标志",
            Self::Verified => "检定",
        }
    }

    pub fn en(self) -> &'static str {
        match self {
            Self::Legal => "legal review",
            Self::Technical => "technical review",
            Self::Published => "publication of the place",
            Self::Marked => "mark on site",
            Self::Verified => "metrological verification",
        }
    }
}

/// Whether a finding's record may be more than a lead, and what it says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Standing")]
pub struct ReviewStanding {
    /// What did not stand on the day of the act.
    pub missing: Vec<ReviewPart>,
    /// What was entered on that day or later, by one person alone so far.
    pub unconfirmed: Vec<ReviewPart>,
    /// Printed wherever the finding is; empty where nothing is missing.
    pub notice_zh: String,
    pub notice_en: String,
}

/// A record as somebody entered it.
#[derive(Debug, Clone, Copy)]
pub struct Entered<'a> {
    /// Whose name stands under it; empty: nobody's.
    pub by: &'a str,
    pub on: Date,
    pub record: &'a MonitoringReview,
}

/// How the article that asks for all this is cited: with its mark, as the law table has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cite {
    pub zh: String,
    pub en: String,
}

impl Cite {
    pub fn of(table: &law::Table) -> Self {
        let legal = table.of(law::Matter::Monitoring, None);
        let cited = legal.map(|legal| legal.for_outsiders().basis).unwrap_or_default();
        let all = |one: fn(&law::Cited) -> String, between: &str| {
            cited.iter().map(one).collect::<Vec<_>>().join(between)
        };
        Self {
            zh: all(|c| format!("{}{}，{}", c.law, c.article, c.mark.zh()), "；"),
            en: all(|c| format!("{} {}, {}", c.law, c.article, c.mark.en()), "; "),
        }
    }
}

impl ReviewStanding {
    /// How a box in its room stood on the day of an act, by everything that was entered of it,
    /// newest first. What was entered only on that day or later counts once a second person
    /// entered the same: nobody alone makes evidence of what was seen before.
    pub fn of(entered: &[Entered<'_>], act: Date, cite: &Cite) -> Self {
        let empty = MonitoringReview::default();
        let record = entered.first().map_or(&empty, |latest| latest.record);
        let missing = record.missing(act);
        let alone = |part: &ReviewPart| {
            let same = || entered.iter().filter(|it| it.record.agrees(record, *part));
            let persons: BTreeSet<&str> =
                same().map(|it| it.by).filter(|by| !by.is_empty()).collect();
            let stood_before = same().any(|it| it.on < act);
            !missing.contains(part) && !stood_before && persons.len() < 2
        };
        let unconfirmed: Vec<ReviewPart> = ReviewPart::ALL.into_iter().filter(alone).collect();
        let (notice_zh, notice_en) = notices(&missing, &unconfirmed, cite);
        Self { missing, unconfirmed, notice_zh, notice_en }
    }
}

/// The sentence of 行政处罚法 41 with what it is due for; empty where nothing is.
fn notices(missing: &[ReviewPart], unconfirmed: &[ReviewPart], cite: &Cite) -> (String, String) {
    if missing.is_empty() && unconfirmed.is_empty() {
        return (String::new(), String::new());
    }
    let list = |parts: &[ReviewPart],
                word: fn(ReviewPart) -> &'static str,
                before: &str,
                between: &str| {
        let words: Vec<&str> = parts.iter().map(|p| word(*p)).collect();
        if words.is_empty() { String::new() } else { format!("{before}{}", words.join(between)) }
    };
    let lacking_zh = list(missing, ReviewPart::zh, "；尚缺：", "、");
    let late_zh = list(unconfirmed, ReviewPart::zh, "；事后补录、待另一人录入相同内容确认：", "、");
    let lacking_en = list(missing, ReviewPart::en, "; missing: ", ", ");
    let late_en = list(
        unconfirmed,
        ReviewPart::en,
        "; entered afterwards, until a second person does: ",
        ", ",
    );
    (
        format!("{NOTICE_ZH}（{}{lacking_zh}{late_zh}）", cite.zh),
        format!("{NOTICE_EN} ({}{lacking_en}{late_en})", cite.en),
    )
}

/// The sentence by itself.
pub const NOTICE_ZH: &str = "本记录为线索，未经法制和技术审核不得作为处罚证据";
pub const NOTICE_EN: &str = "This record is a lead: without legal and technical review it may not \
    be used as evidence for a penalty";

impl MonitoringReview {
    fn day(&self, part: ReviewPart) -> Option<Date> {
        match part {
            ReviewPart::Legal => self.legal.as_ref().map(|r| r.on),
            ReviewPart::Technical => self.technical.as_ref().map(|r| r.on),
            ReviewPart::Published => self.published.as_ref().map(|n| n.on),
            ReviewPart::Marked => self.marked.as_ref().map(|n| n.on),
            ReviewPart::Verified => self.verified.as_ref().map(|r| r.on),
        }
    }

    /// What did not stand on a day: what came later counts for later acts alone.
    pub fn missing(&self, act: Date) -> Vec<ReviewPart> {
        let lacks = |part: &ReviewPart| self.day(*part).is_none_or(|on| on > act);
        ReviewPart::ALL.into_iter().filter(lacks).collect()
    }

    /// Whether both say the same of a part.
    fn agrees(&self, other: &Self, part: ReviewPart) -> bool {
        match part {
            ReviewPart::Legal => self.legal == other.legal,
            ReviewPart::Technical => self.technical == other.technical,
            ReviewPart::Published => self.published == other.published,
            ReviewPart::Marked => self.marked == other.marked,
            ReviewPart::Verified => self.verified == other.verified,
        }
    }

    /// One line that names the field, where a text is missing or too long.
    pub fn check(&self, today: Date) -> Result<(), String> {
        let reviews =
            [("legal", &self.legal), ("technical", &self.technical), ("verified", &self.verified)];
        for (name, it) in reviews {
            let Some(it) = it else { continue };
            text(&format!("{name}.by"), &it.by)?;
            text(&format!("{name}.document"), &it.document)?;
            past(name, it.on, today)?;
        }
        for (name, it) in [("published", &self.published), ("marked", &self.marked)] {
            let Some(it) = it else { continue };
            text(&format!("{name}.at"), &it.at)?;
            past(name, it.on, today)?;
        }
        Ok(())
    }
}

fn text(name: &str, value: &str) -> Result<(), String> {
    match value.trim().chars().count() {
        0 => Err(format!("{name}: fill it in")),
        1..=200 => Ok(()),
        _ => Err(format!("{name}: use at most 200 characters")),
    }
}

fn past(name: &str, on: Date, today: Date) -> Result<(), String> {
    if on > today {
        Err(format!("{name}.on: {on} is still to come; enter it once it was done"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
