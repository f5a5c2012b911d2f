//! When a record may be more than a lead.

use super::*;

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn cite() -> Cite {
    Cite::of(law::Table::shipped())
}

#[test]
fn the_article_of_the_sentence_has_its_mark() {
    let notice = ReviewStanding::of(&[], day("2026-11-28"), &cite()).notice_zh;
    assert!(notice.contains("行政处罚法第四十一条，条号已据公开文本核对，待法制审核"), "{notice}");
}

fn whole() -> MonitoringReview {
    let review = |on| {
        Some(DeviceReview {
            by: "法制科".into(), on: day(on), document: "审〔2026〕1号".into()
        })
    };
    let notice = |on| Some(PublicNotice { at: "官网公告".into(), on: day(on) });
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
        published: on.map(|on| PublicNotice { at: "官网公告".into(), on: day(on) }),
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
fn standing(record: &MonitoringReview, act: &str) -> ReviewStanding {
    let late = |by| Entered { by, on: day("2026-11-30"), record };
    ReviewStanding::of(&[late("wang"), late("li")], day(act), &cite())
}

#[test]
fn what_one_person_enters_afterwards_clears_nothing() {
    let (record, act) = (whole(), day("2026-11-28"));
    let by = |by, on: &str| Entered { by, on: day(on), record: &record };
    let alone =
        ReviewStanding::of(&[by("wang", "2026-11-29"), by("wang", "2026-11-28")], act, &cite());
    assert_eq!((alone.missing.len(), alone.unconfirmed.len()), (0, 5));
    assert!(alone.notice_zh.starts_with(NOTICE_ZH), "{}", alone.notice_zh);
    let nobody =
        ReviewStanding::of(&[by("wang", "2026-11-29"), by("", "2026-11-29")], act, &cite());
    assert_eq!(nobody.unconfirmed.len(), 5, "nobody is no second person");
    let two = ReviewStanding::of(&[by("wang", "2026-11-29"), by("li", "2026-11-29")], act, &cite());
    assert_eq!((two.unconfirmed.len(), two.notice_zh.as_str()), (0, ""));
    let before = ReviewStanding::of(&[by("wang", "2026-11-27")], act, &cite());
    assert_eq!(before.unconfirmed, [], "entered before the act");
    let changed = MonitoringReview { marked: None, ..whole() };
    let first = Entered { by: "li", on: day("2026-11-27"), record: &changed };
    let marked = ReviewStanding::of(&[by("wang", "2026-11-29"), first], act, &cite());
    assert_eq!(marked.unconfirmed, [ReviewPart::Marked], "what was changed alone");
}

#[test]
fn a_box_without_a_review_gives_leads_alone() {
    let standing = ReviewStanding::of(&[], day("2026-11-28"), &cite());
    assert_eq!(standing.missing, ReviewPart::ALL);
    assert!(standing.notice_zh.starts_with("本记录为线索，未经法制和技术审核不得作为处罚证据"));
}

#[test]
fn a_review_counts_from_its_day_on() {
    assert_eq!(standing(&whole(), "2026-06-05").missing, []);
    assert_eq!(standing(&whole(), "2026-06-05").notice_zh, "");
    assert_eq!(standing(&whole(), "2026-06-04").missing, [ReviewPart::Verified]);
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
        marked: Some(PublicNotice { at: " ".into(), on: day("2026-06-01") }),
        ..whole()
    };
    assert!(empty.check(day("2026-11-28")).unwrap_err().contains("marked.at"));
}
