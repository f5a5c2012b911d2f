//! What 行政处罚法 41 asks before a device's records may prove anything: 法制审核, 技术审核, the place made
//! public, a mark on site, and 检定. Pure. It refuses nothing: while one of them is missing, or was
//! entered after the act by one person alone, a finding is a lead and says so.

use std::collections::BTreeSet;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Somebody's review of a device in its room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
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
pub struct Notice {
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
    pub legal: Option<Review>,
    /// 技术审核.
    #[serde(default)]
    pub technical: Option<Review>,
    /// 设置地点向社会公布.
    #[serde(default)]
    pub published: Option<Notice>,
    /// 标志明显.
    #[serde(default)]
    pub marked: Option<Notice>,
    /// 检定.
    #[serde(default)]
    pub verified: Option<Review>,
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
pub enum Part {
    Legal,
    Technical,
    Published,
    Marked,
    Verified,
}

impl Part {
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
pub struct Standing {
    /// What did not stand on the day of the act.
    pub missing: Vec<Part>,
    /// What was entered on that day or later, by one person alone so far.
    pub unconfirmed: Vec<Part>,
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

impl Standing {
    /// How a box in its room stood on the day of an act, by everything that was entered of it,
    /// newest first. What was entered only on that day or later counts once a second person
    /// entered the same: nobody alone makes evidence of what was seen before.
    pub fn of(entered: &[Entered<'_>], act: Date, cite: &Cite) -> Self {
        let empty = MonitoringReview::default();
        let record = entered.first().map_or(&empty, |latest| latest.record);
        let missing = record.missing(act);
        let alone = |part: &Part| {
            let same = || entered.iter().filter(|it| it.record.agrees(record, *part));
            let persons: BTreeSet<&str> =
                same().map(|it| it.by).filter(|by| !by.is_empty()).collect();
            let stood_before = same().any(|it| it.on < act);
            !missing.contains(part) && !stood_before && persons.len() < 2
        };
        let unconfirmed: Vec<Part> = Part::ALL.into_iter().filter(alone).collect();
        let (notice_zh, notice_en) = notices(&missing, &unconfirmed, cite);
        Self { missing, unconfirmed, notice_zh, notice_en }
    }
}

/// The sentence of 行政处罚法 41 with what it is due for; empty where nothing is.
fn notices(missing: &[Part], unconfirmed: &[Part], cite: &Cite) -> (String, String) {
    if missing.is_empty() && unconfirmed.is_empty() {
        return (String::new(), String::new());
    }
    let list = |parts: &[Part], word: fn(Part) -> &'static str, before: &str, between: &str| {
        let words: Vec<&str> = parts.iter().map(|p| word(*p)).collect();
        if words.is_empty() { String::new() } else { format!("{before}{}", words.join(between)) }
    };
    let lacking_zh = list(missing, Part::zh, "；尚缺：", "、");
    let late_zh = list(unconfirmed, Part::zh, "；事后补录、待另一人录入相同内容确认：", "、");
    let lacking_en = list(missing, Part::en, "; missing: ", ", ");
    let late_en =
        list(unconfirmed, Part::en, "; entered afterwards, until a second person does: ", ", ");
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
    fn day(&self, part: Part) -> Option<Date> {
        match part {
            Part::Legal => self.legal.as_ref().map(|r| r.on),
            Part::Technical => self.technical.as_ref().map(|r| r.on),
            Part::Published => self.published.as_ref().map(|n| n.on),
            Part::Marked => self.marked.as_ref().map(|n| n.on),
            Part::Verified => self.verified.as_ref().map(|r| r.on),
        }
    }

    /// What did not stand on a day: what came later counts for later acts alone.
    pub fn missing(&self, act: Date) -> Vec<Part> {
        let lacks = |part: &Part| self.day(*part).is_none_or(|on| on > act);
        Part::ALL.into_iter().filter(lacks).collect()
    }

    /// Whether both say the same of a part.
    fn agrees(&self, other: &Self, part: Part) -> bool {
        match part {
            Part::Legal => self.legal == other.legal,
            Part::Technical => self.technical == other.technical,
            Part::Published => self.published == other.published,
            Part::Marked => self.marked == other.marked,
            Part::Verified => self.verified == other.verified,
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
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn cite() -> Cite {
        Cite::of(law::Table::shipped())
    }

    #[test]
    fn the_article_of_the_sentence_has_its_mark() {
        let notice = Standing::of(&[], day("2026-11-28"), &cite()).notice_zh;
        assert!(
            notice.contains("行政处罚法第四十一条，条号已据公开文本核对，待法制审核"),
            "{notice}"
        );
    }

    fn whole() -> MonitoringReview {
        let review = |on| {
            Some(Review {
                by: "法制科".into(), on: day(on), document: "审〔2026〕1号".into()
            })
        };
        let notice = |on| Some(Notice { at: "官网公告".into(), on: day(on) });
        MonitoringReview {
            legal: review("2026-06-01"),
            technical: review("2026-06-02"),
            published: notice("2026-06-03"),
            marked: notice("2026-06-04"),
            verified: review("2026-06-05"),
        }
    }

    /// Who entered on which day that the place was published on which; oldest first.
    fn used_from(said: &[(&str, &str, Option<&str>)], wait_days: i64) -> Option<Date> {
        let record = |on: Option<&str>| MonitoringReview {
            published: on.map(|on| Notice { at: "官网公告".into(), on: day(on) }),
            ..MonitoringReview::default()
        };
        let records: Vec<MonitoringReview> = said.iter().map(|(_, _, on)| record(*on)).collect();
        let entered = said.iter().zip(&records).rev();
        let entered: Vec<Entered<'_>> =
            entered.map(|((by, on, _), record)| Entered { by, on: day(on), record }).collect();
        in_use_from(&entered, wait_days)
    }

    #[test]
    fn a_place_is_public_for_its_days_before_use() {
        assert_eq!((used_from(&[], 0), used_from(&[], 30)), (None, Some(NEVER)));
        let same_day = [("wang", "2026-06-03", Some("2026-06-03"))];
        assert_eq!(used_from(&same_day, 30), Some(day("2026-07-03")));
        assert_eq!(used_from(&same_day, 0), None);
    }

    #[test]
    fn one_person_alone_makes_no_place_public_earlier() {
        let early = Some("2026-01-05");
        let alone = [("wang", "2026-06-03", early), ("wang", "2026-06-04", early)];
        assert_eq!(used_from(&alone, 30), Some(day("2026-07-03")), "from its entry on");
        let nobody = [("wang", "2026-06-03", early), ("", "2026-06-04", early)];
        assert_eq!(used_from(&nobody, 30), Some(day("2026-07-03")), "nobody is no second person");
        let two = [("wang", "2026-06-03", early), ("li", "2026-06-10", early)];
        assert_eq!(used_from(&two, 30), Some(day("2026-02-04")));
        let moved = [two[0], two[1], ("wang", "2026-06-11", Some("2025-01-05"))];
        assert_eq!(used_from(&moved, 400), Some(day("2027-02-09")), "another day by one alone");
    }

    #[test]
    fn one_person_alone_stops_no_box_by_its_publication() {
        let public = Some("2026-01-05");
        let two = [("wang", "2026-01-05", public), ("li", "2026-01-06", public)];
        let from = Some(day("2026-02-04"));
        let deleted = [two[0], two[1], ("zhao", "2026-06-01", None), ("zhao", "2026-06-02", None)];
        assert_eq!(used_from(&deleted, 30), from, "a box was blinded by one person");
        let later = [two[0], two[1], ("zhao", "2026-06-01", Some("2026-06-01"))];
        assert_eq!(used_from(&later, 30), from);
        let both = [two[0], two[1], ("zhao", "2026-06-01", None), ("li", "2026-06-02", None)];
        assert_eq!(used_from(&both, 30), Some(NEVER), "two people may");
        let again = [both[0], both[1], both[2], both[3], ("li", "2026-07-01", public)];
        assert_eq!(used_from(&again, 30), Some(day("2026-07-31")), "alone, from the entry on");
    }

    /// As two people entered it long after.
    fn standing(record: &MonitoringReview, act: &str) -> Standing {
        let late = |by| Entered { by, on: day("2026-11-30"), record };
        Standing::of(&[late("wang"), late("li")], day(act), &cite())
    }

    #[test]
    fn what_one_person_enters_afterwards_clears_nothing() {
        let (record, act) = (whole(), day("2026-11-28"));
        let by = |by, on: &str| Entered { by, on: day(on), record: &record };
        let alone =
            Standing::of(&[by("wang", "2026-11-29"), by("wang", "2026-11-28")], act, &cite());
        assert_eq!((alone.missing.len(), alone.unconfirmed.len()), (0, 5));
        assert!(alone.notice_zh.starts_with(NOTICE_ZH), "{}", alone.notice_zh);
        let nobody = Standing::of(&[by("wang", "2026-11-29"), by("", "2026-11-29")], act, &cite());
        assert_eq!(nobody.unconfirmed.len(), 5, "nobody is no second person");
        let two = Standing::of(&[by("wang", "2026-11-29"), by("li", "2026-11-29")], act, &cite());
        assert_eq!((two.unconfirmed.len(), two.notice_zh.as_str()), (0, ""));
        let before = Standing::of(&[by("wang", "2026-11-27")], act, &cite());
        assert_eq!(before.unconfirmed, [], "entered before the act");
        let changed = MonitoringReview { marked: None, ..whole() };
        let first = Entered { by: "li", on: day("2026-11-27"), record: &changed };
        let marked = Standing::of(&[by("wang", "2026-11-29"), first], act, &cite());
        assert_eq!(marked.unconfirmed, [Part::Marked], "what was changed alone");
    }

    #[test]
    fn a_box_without_a_review_gives_leads_alone() {
        let standing = Standing::of(&[], day("2026-11-28"), &cite());
        assert_eq!(standing.missing, Part::ALL);
        assert!(standing.notice_zh.starts_with("本记录为线索，未经法制和技术审核不得作为处罚证据"));
    }

    #[test]
    fn a_review_counts_from_its_day_on() {
        assert_eq!(standing(&whole(), "2026-06-05").missing, []);
        assert_eq!(standing(&whole(), "2026-06-05").notice_zh, "");
        assert_eq!(standing(&whole(), "2026-06-04").missing, [Part::Verified]);
    }

    #[test]
    fn one_missing_part_is_named() {
        let standing = standing(&MonitoringReview { marked: None, ..whole() }, "2026-11-28");
        assert!(
            standing.notice_zh.contains("尚缺：现场标志")
                && standing.notice_en.contains("mark on site")
        );
    }

    #[test]
    fn a_review_of_tomorrow_is_refused_by_name() {
        let fault = whole().check(day("2026-06-04")).unwrap_err();
        assert!(fault.contains("verified.on") && fault.contains("2026-06-05"), "{fault}");
        let empty = MonitoringReview {
            marked: Some(Notice { at: " ".into(), on: day("2026-06-01") }),
            ..whole()
        };
        assert!(empty.check(day("2026-11-28")).unwrap_err().contains("marked.at"));
    }
}
