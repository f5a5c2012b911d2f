//! What one person did in sessions close together is added up: what was done alone, and nothing
//! that was done beside a lead.

use crate::script::standing;

#[test]
fn whoever_helped_a_lead_before_is_not_alone_for_that() {
    for helper in ["sun", "qian"] {
        let day = format!(
            "
            08:50       declare s1 filler lin 09:00-09:10
            08:50       declare s2 filler hao 09:12-09:20
            09:00-09:09 patient bed
            09:00-09:09 lin operator
            09:00-09:09 {helper} operator
            09:12-09:20 patient bed
            09:13:00-09:14:10 {helper} operator
            until 10:20
            "
        );
        assert_eq!(standing(&day), ["LL-1 L2"], "{helper}: what was done beside a lead");
    }
}

#[test]
fn a_pharmacists_pieces_add_up() {
    let piece = |session: &str, m: i32| {
        format!(
            "08:50 declare {session} filler lin 09:{m:02}-09:{:02}\n\
             09:{m:02}-09:{:02} patient bed\n09:{m:02}-09:{:02} lin elsewhere\n\
             09:{:02}:00-09:{:02}:50 zhou operator\n",
            m + 5,
            m + 5,
            m + 5,
            m + 1,
            m + 2
        )
    };
    assert_eq!(standing(&piece("s1", 0)), Vec::<String>::new(), "110 s");
    assert_eq!(standing(&(piece("s1", 0) + &piece("s2", 8))), ["UQ-3 L2"]);
}

#[test]
fn a_physicians_pieces_without_a_lead_add_up() {
    let piece = |session: &str, m: i32| {
        format!(
            "08:50 declare {session} filler lin 09:{m:02}-09:{:02}\n\
             09:{m:02}-09:{:02} patient bed\n09:{m:02}:05-09:{:02}:55 qian operator\n",
            m + 3,
            m + 3,
            m + 1
        )
    };
    let alone = standing(&piece("s1", 0));
    assert!(!alone.iter().any(|s| s.starts_with("NL-1")), "110 s: {alone:?}");
    let both = standing(&(piece("s1", 0) + &piece("s2", 5)));
    assert!(both.contains(&"NL-1 L3".to_owned()), "220 s: {both:?}");
}

#[test]
fn whoever_may_have_been_led_before_is_not_alone_for_that() {
    let day = |beside: &str| {
        standing(&format!(
            "
            08:50       declare s1 filler lin 09:00-09:03
            08:50       declare s2 filler lin 09:05-09:08
            09:00-09:03 patient bed
            09:00:05-09:01:55 qian operator
            {beside}
            09:05-09:08 patient bed
            09:05:05-09:06:55 qian operator
            "
        ))
    };
    let accused = |said: &[String]| said.iter().any(|s| s.starts_with("NL-1"));
    assert!(accused(&day("")));
    let badly_seen = day("09:00:00-09:02:30 dim elsewhere");
    assert!(!accused(&badly_seen), "somebody badly seen may have been the lead: {badly_seen:?}");
}
