//! Each rule and each setting has its words.

use super::*;

#[test]
fn no_text_says_that_a_law_was_broken() {
    let texts = [
        phantom(30, 6, 1),
        idle(30),
        silent(700_000, 3, 30),
        empty(5),
        undeclared(3, 30),
        dark_again(2, 30),
        zones_again(3, 14),
        emergencies(3, 30),
        outage(1_900_000, true, 2, 30),
        unjudgeable(14, Group::Clinic, (10, 4), &[(AbstentionReason::Visibility, 4)], true),
        unjudgeable(14, Group::Operator("o"), (10, 4), &[(AbstentionReason::Undecided, 4)], false),
    ];
    for text in texts {
        assert!(!text.zh.contains("违法") && !text.en.contains("illegal"), "{}", text.zh);
        assert!(text.zh.contains("疑似") || text.zh.contains("仅作记录"), "{}", text.zh);
        assert!(text.en.starts_with("Suspected") || text.en.contains("log alone"), "{}", text.en);
    }
}
