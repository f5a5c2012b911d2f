//! What a box is asked, and what of its word is taken.

use protocol::trial::TrialFailure;

use super::*;

/// 2026-03-10T12:00:00Z.
const NOW: At = At::of_s(1_773_144_000);

fn now() -> Timestamp {
    NOW.time()
}

/// Two boxes of one clinic, and one elsewhere.
fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let made = "INSERT INTO institution (id, name, grade_ceiling, filed_items, jurisdiction,
         updated_at) VALUES ('c-1','甲',1,'[]','510104','t'), ('c-2','乙',1,'[]','520102','t');
        INSERT INTO room (id, institution, name, spec, updated_at) VALUES
         ('r-1','c-1','一室','{}','t'), ('r-2','c-1','二室','{}','t'), \
         ('r-3','c-2','三室','{}','t'),
         ('r-4','c-1','四室','{}','t');
        INSERT INTO device (id, room, state) VALUES ('box-1','r-1','provisioned'),
         ('box-2','r-2','provisioned'), ('box-3','r-3','provisioned'), ('box-4','r-4','revoked')";
    store.write(|tx| Ok(tx.execute_batch(made)?)).unwrap();
    (folder, store)
}

fn changes() -> BTreeMap<String, i64> {
    BTreeMap::from([("uq_op_ms".to_owned(), 30_000)])
}

fn ask(store: &Store, id: &str, jurisdiction: &str, boxes: u32) -> Option<Vec<String>> {
    let changes = changes();
    let it = NewTrial {
        id: &id.parse().unwrap(),
        jurisdiction,
        changes: &changes,
        by: "li",
        any_date: false,
        first: None,
    };
    store.ask_boxes(&it, TrialBounds { boxes, of_one_a_day: 3 }, now()).unwrap()
}

fn order(store: &Store, device: &str, now: At) -> Option<PolicyTrial> {
    store.read(|c| for_box(c, &device.parse().unwrap(), now)).unwrap()
}

fn answer(trial: &str) -> PolicyTrialAnswer {
    let count = TrialCount {
        setting: "uq_op_ms".into(),
        rule: "UQ-1".into(),
        now: 3,
        appear: 2,
        vanish: 1,
        other_severity: 0,
    };
    PolicyTrialAnswer {
        trial: trial.parse().unwrap(),
        days: vec!["2026-03-08".into(), "2026-03-09".into()],
        days_left_out: 0,
        failed: None,
        counts: vec![count],
        stand: Some(vec![TrialDay { day: "2026-03-08".into(), rule: "UQ-1".into(), now: 3 }]),
    }
}

fn say(store: &Store, device: &str, it: &PolicyTrialAnswer) {
    store.write(|tx| take(tx, &device.parse().unwrap(), it, NOW)).unwrap();
}

fn standing(store: &Store, trial: &str) -> Vec<(String, TrialStanding)> {
    let row = store.policy_trial(&trial.parse().unwrap()).unwrap().unwrap();
    let boxes = store.trial_boxes(&row, NOW).unwrap();
    boxes.into_iter().map(|it| (it.device.to_string(), it.standing)).collect()
}

fn counted(store: &Store, name: &str) -> i64 {
    let sql = "SELECT coalesce(max(value), 0) FROM counter WHERE name = ?1";
    store.read(|c| Ok(c.query_row(sql, [name], |r| r.get(0))?)).unwrap()
}

#[test]
fn a_trial_asks_the_boxes_of_its_jurisdiction_alone() {
    let (_folder, store) = store();
    let rooms = ask(&store, "t1", "5101", 100).unwrap();
    assert_eq!(rooms, ["r-1", "r-2"], "and no revoked one");
    let asked = order(&store, "box-1", NOW).unwrap();
    assert_eq!((asked.trial.as_str(), asked.changes), ("t1", changes()));
    assert_eq!(asked.from.as_deref(), Some("2025-12-11"), "ninety days");
    assert_eq!(order(&store, "box-3", NOW), None);
    assert_eq!(
        order(&store, "box-1", "2026-03-13T12:00:00.001Z".parse().unwrap()),
        None,
        "after its end"
    );
    assert_eq!(ask(&store, "t2", "51", 1).unwrap(), ["r-1"]);
    let row = store.policy_trial(&"t2".parse().unwrap()).unwrap().unwrap();
    assert_eq!((row.boxes, row.left_out), (1, 1));
}

#[test]
fn nobody_asks_without_end() {
    let (_folder, store) = store();
    for n in 0..3 {
        assert!(ask(&store, &format!("t{n}"), "51", 9).is_some());
    }
    assert_eq!(ask(&store, "t9", "51", 9), None);
    assert_eq!(store.policy_trials("51", 9).unwrap().len(), 3);
    assert_eq!(store.policy_trials("52", 9).unwrap(), []);
}

#[test]
fn a_box_is_asked_about_days_in_its_room_alone() {
    let (_folder, store) = store();
    let moved = "UPDATE device_place SET since = '2026-03-05T10:00:00.000Z' WHERE device = 'box-1'";
    store.write(|tx| Ok(tx.execute_batch(moved)?)).unwrap();
    ask(&store, "t1", "51", 9);
    assert_eq!(order(&store, "box-1", NOW).unwrap().from.as_deref(), Some("2026-03-06"));
    let mut early = answer("t1");
    early.days = vec!["2026-03-05".into()];
    say(&store, "box-1", &early);
    assert_eq!(standing(&store, "t1")[0].1, TrialStanding::NotBelieved, "another room's day");
}

#[test]
fn an_answer_counts_once_and_for_its_own_box() {
    let (_folder, store) = store();
    ask(&store, "t1", "51", 9);
    say(&store, "box-3", &answer("t1"));
    say(&store, "box-1", &answer("t-unknown"));
    assert_eq!(counted(&store, "trial_answers_unasked"), 2);
    say(&store, "box-1", &answer("t1"));
    let mut other = answer("t1");
    other.counts[0].appear = 99;
    say(&store, "box-1", &other);
    assert_eq!(counted(&store, "trial_answers_unasked"), 3, "a second word changed the first");
    let row = store.policy_trial(&"t1".parse().unwrap()).unwrap().unwrap();
    let boxes = store.trial_boxes(&row, NOW).unwrap();
    let sums = trial_sums(&boxes);
    let of = |n: &TrialSum| (n.boxes, n.now, n.appear, n.vanish, n.other_severity);
    assert_eq!(sums.iter().map(of).collect::<Vec<_>>(), [(1, 3, 2, 1, 0)]);
    assert_eq!((row.boxes, row.answered), (2, 1));
    assert_eq!(order(&store, "box-1", NOW), None, "it is asked again");
    let all = [("box-1", TrialStanding::Answered), ("box-2", TrialStanding::Asked)];
    assert_eq!(standing(&store, "t1"), all.map(|(id, standing)| (id.to_owned(), standing)));
}

#[test]
fn a_box_that_moved_answers_for_no_room() {
    let (_folder, store) = store();
    ask(&store, "t1", "51", 9);
    store
        .write(|tx| Ok(tx.execute_batch("UPDATE device SET room = 'r-3' WHERE id = 'box-1'")?))
        .unwrap();
    assert_eq!(order(&store, "box-1", NOW), None, "it is asked about another room");
    say(&store, "box-1", &answer("t1"));
    assert_eq!(counted(&store, "trial_answers_elsewhere"), 1);
    assert_eq!(standing(&store, "t1")[0].1, TrialStanding::Asked);
}

#[test]
fn what_can_not_be_so_is_not_counted() {
    type Change = fn(&mut PolicyTrialAnswer);
    fn stand(a: &mut PolicyTrialAnswer) -> &mut Vec<TrialDay> {
        a.stand.as_mut().unwrap()
    }
    let bad: [(&str, Change); 16] = [
        ("a day that was not read", |a| stand(a)[0].day = "2026-03-07".into()),
        ("of a rule that is none", |a| stand(a)[0].rule = "XX-1".into()),
        ("the same day and rule twice", |a| {
            let again = stand(a)[0].clone();
            stand(a).push(again);
        }),
        ("more than can be", |a| stand(a)[0].now = u32::MAX),
        ("a setting nobody asked about", |a| a.counts[0].setting = "hb2_ms".into()),
        ("a rule that is none", |a| a.counts[0].rule = "XX-1".into()),
        ("more gone than stood", |a| a.counts[0].vanish = 4),
        ("gone and changed at once", |a| a.counts[0].other_severity = 3),
        ("beyond all numbers", |a| a.counts[0].appear = u32::MAX),
        ("the same twice", |a| a.counts.push(a.counts[0].clone())),
        ("a day that is none", |a| a.days[0] = "2026-02-30".into()),
        ("a day to come", |a| a.days[1] = "2026-03-12".into()),
        ("days out of order", |a| a.days.reverse()),
        ("counts of no day", |a| {
            a.days.clear();
            stand(a).clear();
        }),
        ("a failure with counts", |a| a.failed = Some(TrialFailure::NoLog)),
        ("stand out of order", |a| {
            let earlier = TrialDay { rule: "LL-1".into(), ..stand(a)[0].clone() };
            stand(a).push(earlier);
        }),
    ];
    for (what, spoil) in bad {
        let (_folder, store) = store();
        ask(&store, "t1", "51", 9);
        let mut it = answer("t1");
        spoil(&mut it);
        say(&store, "box-1", &it);
        assert_eq!(standing(&store, "t1")[0].1, TrialStanding::NotBelieved, "{what}");
        assert_eq!(counted(&store, "trial_answers_not_believed"), 1, "{what}");
    }
}

/// A demonstration asks about every day of a log, so no first day bounds them.
#[test]
fn more_days_than_a_trial_may_name_are_not_believed() {
    let days_back = |days: i64| {
        let day = |n| (NOW - SignedDuration::from_hours(24 * n)).utc_day();
        let it = PolicyTrialAnswer {
            days: (0..days).rev().map(day).collect(),
            counts: Vec::new(),
            stand: None,
            ..answer("t1")
        };
        believable(&it, &changes(), "", NOW)
    };
    let most = i64::try_from(MOST_TRIAL_DAYS).unwrap();
    assert!(days_back(most));
    assert!(!days_back(most + 1));
}

#[test]
fn an_old_box_that_refuses_is_shown_so() {
    let (_folder, store) = store();
    ask(&store, "t1", "51", 9);
    let said = "INSERT INTO knowledge (device, kind, version, content, issued_at, tries,
        ack_version, applied, refused_because) VALUES
        ('box-1','policy_trial',7,'x','2026-03-10T12:00:01.000Z',1,7,0,'update it')";
    store.write(|tx| Ok(tx.execute_batch(said)?)).unwrap();
    let row = store.policy_trial(&"t1".parse().unwrap()).unwrap().unwrap();
    let it = store.trial_boxes(&row, NOW).unwrap().remove(0);
    assert_eq!((it.standing, it.refused_because.as_str()), (TrialStanding::Refused, "update it"));
}

proptest::proptest! {
    /// Whatever a box says: a day that can not be, or a rule that is none, reaches no count.
    #[test]
    fn any_answer_is_taken_or_set_aside(
        days in proptest::collection::vec("[0-9-]{0,10}", 0..4),
        rule in "[A-Z]{2}-[0-9]",
        now in 0u32..5,
        vanish in 0u32..5,
    ) {
        let counts = vec![TrialCount {
            setting: "uq_op_ms".into(), rule: rule.into(), now, appear: 0, vanish,
                other_severity: 0,
        }];
        let it = PolicyTrialAnswer {
            trial: "t1".parse().unwrap(), days, days_left_out: 0, failed: None, counts,
            stand: None,
        };
        if believable(&it, &changes(), "2026-02-09", NOW) {
            let day = |day: &String| day.parse::<jiff::civil::Date>().is_ok();
            proptest::prop_assert!(!it.days.is_empty() && it.days.iter().all(day));
            proptest::prop_assert!(vanish <= now);
        }
    }
}
