//! The mornings that the demo plays, as text.

use expect_test::expect;

use crate::script::{check, check_texts, standing};

#[test]
fn a_lead_at_work_raises_nothing() {
    check_texts(
        "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:00-09:25 lin operator
        09:00-09:25 sun operator
        09:00-09:25 companion companion
        ",
        &expect![[r#"
            09:35:00 summary s1 Assessable, lead seen; lin 1500 s, operating 1500 s; sun 1500 s, operating 1500 s
        "#]],
    );
}

#[test]
fn a_physician_who_is_no_lead_works_alone() {
    check_texts(
        "
        08:50       declare s1 filler qian 09:00-09:30
        09:00-09:25 patient bed
        09:00-09:25 qian operator
        ",
        &expect![[r#"
            09:35:00 Opened NL-1 L3 NonLeadOperating s1 [qian]
                疑似非主诊医师独立执业：qian处于操作位25分00秒；自开始前10分00秒至结束后5分00秒未见该项目主诊医师。
                Suspected non-lead operating: qian stood in the operator role for 25 min 00 s; no lead for the item was seen from 10 min 00 s before the start to 5 min 00 s after the end.
            09:35:00 summary s1 Assessable, lead seen; qian 1500 s, operating 1500 s
        "#]],
    );
}

#[test]
fn a_lead_lends_the_name_and_another_physician_works() {
    check_texts(
        "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:02-09:20 qian operator
        ",
        &expect![[r#"
            09:35:00 Opened LL-1 L2 LicenseLending s1 [lin qian]
                疑似挂证：登记主诊医师lin在操作时段（22分00秒）内出现0秒；qian处于操作位18分00秒；可见度100.0%。
                Suspected licence lending: the declared lead lin was present for 0 s of 22 min 00 s of operating time; qian stood in the operator role for 18 min 00 s; visibility 100.0%.
            09:35:00 Opened NL-1 L3 NonLeadOperating s1 [qian]
                疑似非主诊医师独立执业：qian处于操作位18分00秒；自开始前10分00秒至结束后5分00秒未见该项目主诊医师。
                Suspected non-lead operating: qian stood in the operator role for 18 min 00 s; no lead for the item was seen from 10 min 00 s before the start to 5 min 00 s after the end.
            09:35:00 summary s1 Assessable, lead not seen; qian 1080 s, operating 1080 s
        "#]],
    );
}

#[test]
fn a_stranger_who_operates_is_reported() {
    check_texts(
        "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:02-09:09 stranger operator
        09:10-09:25 lin operator
        ",
        &expect![[r#"
            09:03:05 Opened UQ-1 L2 UnlicensedOperator s1 []
                疑似非卫技人员开展诊疗活动：一名未登记人员处于操作位1分04秒（任意2分00秒内最多1分04秒）。
                Suspected unlicensed operator: somebody who is not on the roster stood in the operator role for 1 min 04 s (at most 1 min 04 s within any 2 min 00 s).
            09:07:05 Strengthened UQ-1 L3 UnlicensedOperator s1 []
            09:35:00 summary s1 Assessable, lead seen; lin 900 s, operating 900 s
        "#]],
    );
}

#[test]
fn a_consultant_who_operates_is_reported() {
    check(
        "
        08:50       declare s1 filler lin 09:00-09:30
        09:00-09:25 patient bed
        09:02-09:09 wu operator
        09:10-09:25 lin operator
        ",
        &expect![[r#"
            09:03:05 Opened UQ-2 L1 UnlicensedOperator s1 [wu]
            09:07:05 Strengthened UQ-2 L2 UnlicensedOperator s1 [wu]
        "#]],
    );
}

#[test]
fn a_lead_goes_out_by_the_door_twice() {
    let day = |last: &str| {
        format!(
            "doorway\n08:50 declare s1 filler lin 09:00-09:30\nset lead_part_injection_ms 165000\n\
             09:00:00-09:00:05 lin door\n09:01:20-09:01:25 lin door\n\
             09:10:00-09:10:05 lin door\n{last} lin door"
        )
    };
    assert_eq!(standing(&day("09:11:20-09:11:25")), Vec::<String>::new(), "85 s twice");
    assert_eq!(standing(&day("09:11:10-09:11:15")), ["LL-5 L2"], "85 s and 75 s");
}
