//! What a clinic states, and what it moves: no alert, ever. Who sets cards and PINs, whose consent
//! ends where, how many sessions a room may hold.

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use protocol::down::Down;
use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::boxes::{TestBox, finding};
use crate::house::House;

const ACCOUNTS: &str = "[access]\naccounts = true\n";

fn incident() -> String {
    crate::boxes::alert_of('1')
}

/// A furnished house with one alert (LL-1, L2) of session `s-1`, and its box.
fn accused() -> (House, TestBox) {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    (house, b)
}

fn withdrawn(revision: u32, because: Option<&str>) -> Value {
    let mut step = finding('a', '1', "withdrawn", revision, "LL-1", "LicenseLending", "L2");
    if let Some(because) = because {
        step["withdrawn_because"] = json!(because);
    }
    step
}

#[test]
fn a_withdrawal_of_a_seen_alert_only_marks_it() {
    let (house, mut b) = accused();
    let alert = || house.get(&format!("alerts/{}", incident()));
    assert_eq!(alert()["state"], "raised");
    b.say(&withdrawn(2, Some("own_correction")));
    b.receipted(2);
    let after = alert();
    assert_eq!(
        (&after["state"], after["withdrawn_at"].is_string()),
        (&json!("raised"), true),
        "{after}"
    );
    let (_, page) = house.page(&format!("/alerts/{}", incident()));
    assert!(page.contains("是否排除由两名人员决定"), "the page says that people decide");
}

#[test]
fn a_seen_alert_keeps_its_severity_and_persons() {
    for step in ["strengthened", "closed", "withdrawn"] {
        let (house, mut b) = accused();
        let standing = || {
            let alert = house.get(&format!("alerts/{}", incident()));
            let finding = &alert["findings"][0];
            let said = [&alert["state"], &alert["severity"], &alert["kinds"]];
            (said.map(Value::clone), finding["severity"].clone(), finding["persons"].clone())
        };
        let seen = standing();
        let mut lowered = finding('a', '1', step, 2, "LL-1", "Integrity", "L0");
        lowered["persons"] = json!([]);
        lowered["withdrawn_because"] = json!("own_correction");
        b.say(&lowered);
        b.receipted(2);
        assert_eq!(standing(), seen, "the box took something back by `{step}`");
    }
}

#[test]
fn an_alert_that_nobody_saw_follows_its_box() {
    let (house, mut b) = accused();
    b.say(&finding('a', '1', "strengthened", 2, "LL-1", "LicenseLending", "L1"));
    b.receipted(2);
    assert_eq!(house.get(&format!("alerts/{}", incident()))["severity"], "L1");
}

#[test]
fn a_withdrawal_without_its_ground_dismisses_nothing() {
    let (house, mut b) = accused();
    b.say(&withdrawn(2, None));
    b.receipted(2);
    assert_eq!(
        house.get(&format!("alerts/{}", incident()))["state"],
        "raised",
        "an older box names no ground"
    );
}

fn cancel(house: &House) {
    house.must_post("sessions/s-1/steps", &json!({"step":"cancel","reason":"no show"}));
}

fn state(house: &House) -> Value {
    house.get(&format!("alerts/{}", incident()))["state"].clone()
}

#[test]
fn a_word_after_the_alert_is_none_before_it() {
    let (house, mut b) = accused();
    b.say(&withdrawn(2, Some("stated_before")));
    b.receipted(2);
    assert_eq!(state(&house), "dismissed", "nothing was stated since it came");
    let (house, mut b) = accused();
    cancel(&house);
    b.say(&withdrawn(2, Some("stated_before")));
    b.receipted(2);
    assert_eq!(state(&house), "raised", "its box took a later word for an earlier one");
}

/// A minute and 40 s, within what a clock may be wrong by.
#[test]
fn a_clock_set_forward_makes_no_word_earlier() {
    let later = |seconds: i64| {
        server::clock::text(server::clock::now() + jiff::SignedDuration::from_secs(seconds))
    };
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say_at(&later(100), &crate::boxes::health());
    b.receipted(1);
    // While the link is down: raised, then cancelled; by the box's clock it is the other way round.
    let raised_at = later(50);
    cancel(&house);
    let mut opened = finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2");
    let mut taken_back = withdrawn(2, Some("stated_before"));
    for step in [&mut opened, &mut taken_back] {
        step["raised_at"] = json!(raised_at);
        let said = b.link_at(&later(100), step);
        b.publish(&b.topic("findings"), &said);
    }
    b.receipted(3);
    let alert = house.get(&format!("alerts/{}", incident()));
    assert_eq!(alert["state"], "raised", "{alert}");
    house.must_post("sessions/s-1/steps", &json!({"step":"reopen","reason":"a mistake"}));
    let alert = house.get(&format!("alerts/{}", incident()));
    let said = alert["statements"].as_array().unwrap();
    let reopened = said.iter().find(|s| s["zh"].as_str().unwrap().contains("恢复")).unwrap();
    assert!(reopened["after_ms"].is_i64(), "it stands there as said before: {reopened}");
}

#[test]
fn later_filings_push_out_no_first_word() {
    let (house, _b) = accused();
    let app = &house.running().app;
    let stated = |n: u32| server::store::Stated {
        by: "clinic".to_owned(),
        role: Role::Clinic,
        kind: server::store::StatedKind::Pass,
        institution: "clinic-1".to_owned(),
        person: Some("p-other".to_owned()),
        object: format!("pass-{n:03}"),
    };
    for n in 0..120 {
        app.store.state_now(&stated(n), server::clock::At::now()).unwrap();
    }
    let alert = house.get(&format!("alerts/{}", incident()));
    let said = alert["statements"].to_string();
    for kept in ["pass-000", "pass-020", "pass-119"] {
        assert!(said.contains(kept), "{kept} is gone");
    }
    assert!(!said.contains("pass-069"), "all are shown");
}

/// A check by card and PIN right after the alert is what an inspector asks about: a hundred later
/// ones hide it no more than filings do.
#[test]
fn later_checks_push_out_no_first_check() {
    let (house, _b) = accused();
    let row = |n: u32| {
        let made = format!("2026-03-02T02:{:02}:{:02}.000Z", n / 60, n % 60);
        format!(
            "INSERT INTO identity_check VALUES ('k-{n}', 'room-1', 'p-lead', 'p-other', 'in', \
            '2026-03-02T01:40:00.000Z', '{made}', 'kiosk-{n:03}', 'api');"
        )
    };
    let sql: String = (0..120).map(row).collect();
    crate::house::by_hand(&house.folder.path().join("data"), "zaigang.db", &sql);
    let alert = house.get(&format!("alerts/{}", incident()));
    let said = alert["statements"].to_string();
    for kept in ["kiosk-000", "kiosk-020", "kiosk-119"] {
        assert!(said.contains(kept), "{kept} is gone: {said}");
    }
    assert!(!said.contains("kiosk-060"), "all are shown");
}

#[test]
fn a_withdrawal_after_one_review_leaves_the_review_standing() {
    let (house, mut b) = accused();
    house.must_post(&format!("alerts/{}/steps", incident()), &json!({"step":"uphold","by":"wang"}));
    b.say(&withdrawn(2, Some("own_correction")));
    b.receipted(2);
    let after = house.get(&format!("alerts/{}", incident()));
    assert_eq!((&after["state"], &after["reviews"][0]["by"]), (&json!("review2"), &json!("wang")));
}

#[test]
fn a_cancellation_is_shown_with_who_when_and_how_long_after() {
    let (house, _b) = accused();
    house.must_post("sessions/s-1/steps", &json!({"step":"cancel","reason":"no show"}));
    let alert = house.get(&format!("alerts/{}", incident()));
    let said = alert["statements"].as_array().unwrap();
    let cancelled = said.iter().find(|s| s["en"].as_str().unwrap().contains("cancelled")).unwrap();
    assert!(
        cancelled["after_ms"].as_i64().unwrap() > 0 && cancelled["by"] == "open",
        "{cancelled}"
    );
    assert!(cancelled["zh"].as_str().unwrap().contains("取消"), "{cancelled}");
    let (_, page) = house.page(&format!("/alerts/{}?lang=en", incident()));
    assert!(
        page.contains("What was stated") && page.contains("after the alert"),
        "the page shows it"
    );
    assert_eq!(alert["state"], "raised");
}

#[derive(Debug, Clone)]
enum Word {
    Cancel,
    Reopen,
    Close,
    Emergency,
    Amend,
    Table,
    Check,
    Filing,
    Pass,
    Answer,
    Consent,
}

fn say(house: &House, word: &Word, n: usize) {
    let step = |body: Value| house.post("sessions/s-1/steps", &body).0;
    let _ = match word {
        Word::Cancel => step(json!({"step":"cancel","reason":"no show"})),
        Word::Reopen => step(json!({"step":"reopen","reason":"a mistake"})),
        Word::Close => step(json!({"step":"close","end":"2099-03-02T01:10:00Z","reason":"over"})),
        Word::Emergency => step(json!({"step":"emergency","raised":true,"reason":"shock"})),
        Word::Amend => {
            let of = |lead: &str, start: &str| {
                json!(
                {"id":"s-1","room":"room-1","item":"laser-1","declared_lead":lead,"start":start})
            };
            house.post("sessions", &of("p-other", "2099-03-02T01:00:00Z"));
            house.post("sessions", &of("p-lead", "2099-03-02T02:00:00Z")).0
        }
        Word::Table => {
            let table =
                b"id,room,item,declared_lead,start\ns-1,room-1,laser-1,p-lead,2099-05-02T01:00:00Z\n";
            house.send("POST", "/api/v1/import/sessions", "text/csv", table).status
        }
        Word::Check => {
            let body = json!({"command":"identity_check","person":"p-lead","witness":"p-other",
                "at":"2026-03-02T01:10:00Z"});
            house.post("devices/box-1/commands", &body).0
        }
        Word::Filing => {
            let sites = json!([{"institution":"clinic-1","relation":"primary",
                "lead_of":["cosmetic_dermatology"]}]);
            let body = json!({"id":"p-other","name":"李医生","category":"licensed_physician",
                "registration":"valid","sites":sites});
            house.post("practitioners", &body).0
        }
        Word::Pass => {
            let body = json!({"id":format!("pass-{n}"),"person":"p-other","institution":"clinic-1",
                "purpose":"visiting_doctor",
                "from":"2026-03-01T00:00:00Z","to":"2099-03-01T00:00:00Z"});
            house.post("passes", &body).0
        }
        Word::Answer => {
            house
                .post(
                    &format!("alerts/{}/steps", incident()),
                    &json!({"step":"answer","by":"clinic","note":"x"}),
                )
                .0
        }
        Word::Consent => {
            house
                .post(
                    "practitioners/p-lead/withdraw",
                    &json!({"reason":"asked","institution":"clinic-1"}),
                )
                .0
        }
    };
}

/// Whatever a clinic sends after a raise, the alert's state does not move, nor its severity, nor
/// its finding; also where an older box follows the clinic's word and withdraws.
#[test]
fn whatever_a_clinic_sends_the_alert_does_not_move() {
    let (house, mut b) = accused();
    let standing = || {
        let alert = house.get(&format!("alerts/{}", incident()));
        (
            alert["state"].clone(),
            alert["severity"].clone(),
            alert["reviews"].clone(),
            alert["findings"][0]["persons"].clone(),
        )
    };
    let before = standing();
    let words = prop_oneof![
        Just(Word::Cancel),
        Just(Word::Reopen),
        Just(Word::Close),
        Just(Word::Emergency),
        Just(Word::Amend),
        Just(Word::Table),
        Just(Word::Check),
        Just(Word::Filing),
        Just(Word::Pass),
        Just(Word::Answer),
        Just(Word::Consent),
    ];
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 24,
        ..ProptestConfig::default()
    });
    let mut revision = 1;
    let words = proptest::collection::vec(words, 1..8);
    for n in 0..24 {
        let said = words.new_tree(&mut runner).unwrap().current();
        for word in &said {
            say(&house, word, n);
            assert_eq!(standing(), before, "after {word:?} of {said:?}");
        }
        revision += 1;
        b.say(&withdrawn(
            revision,
            ["stated_before", "own_correction", "because the clinic says so"].get(n % 4).copied(),
        ));
        b.receipted(b.seq);
        assert_eq!(standing(), before, "the box withdrew after {said:?}");
    }
}

#[test]
fn a_session_names_at_most_twenty_operators_who_work_there() {
    let house = House::new();
    house.furnish();
    let declare = |operators: Vec<String>, lead: &str| {
        house.post(
            "sessions",
            &json!(
            {"id":"t-1","room":"room-1","item":"laser-1","declared_lead":lead,
                "declared_operators":operators,"start":"2026-03-02T01:00:00Z"}),
        )
    };
    let (status, said) = declare((0..21).map(|n| format!("p-{n}")).collect(), "p-lead");
    assert!(status == 422 && said["detail"].as_str().unwrap().contains("at most 20"), "{said}");
    for (operators, lead, named) in
        [(vec!["p-9".to_owned()], "p-lead", "`p-9`"), (vec![], "p-8", "`p-8`")]
    {
        let (status, said) = declare(operators, lead);
        assert!(
            status == 422 && said["detail"].as_str().unwrap().contains(named),
            "{status} {said}"
        );
    }
    assert_eq!(declare(vec!["p-other".to_owned()], "p-lead").0, 201);
}

#[test]
fn the_fifty_first_open_session_of_a_room_is_refused_by_name() {
    let house = House::new();
    house.furnish();
    let open = |n: usize| {
        house.post(
            "sessions",
            &json!({"id":format!("o-{n}"),"room":"room-1","item":"laser-1","declared_lead":"p-lead",
                "start":"2026-03-02T01:00:00Z"}),
        )
    };
    for n in 0..50 {
        assert_eq!(open(n).0, 201, "{n}");
    }
    let (status, said) = open(50);
    assert!(
        status == 422 && said["detail"].as_str().unwrap().contains("`o-50`"),
        "{status} {said}"
    );
    house.must_post("sessions/o-7/steps", &json!({"step":"close","end":"2026-03-02T02:00:00Z"}));
    assert_eq!(open(50).0, 201);
    // A table is no other door.
    let table =
        b"id,room,item,declared_lead,start\no-99,room-1,laser-1,p-lead,2026-03-02T01:00:00Z\n";
    assert_eq!(house.send("POST", "/api/v1/import/sessions", "text/csv", table).status, 422);
}

#[test]
fn an_unclosed_session_ends_at_the_policys_bound() {
    let house = House::new();
    house.furnish();
    house.must_post(
        "sessions",
        &json!({"id":"t-1","room":"room-1","item":"laser-1","declared_lead":"p-lead",
            "start":"2026-03-02T01:00:00Z"}),
    );
    let store = &house.running().app.store;
    assert_eq!(
        store.end_overdue_sessions("2026-03-02T12:59:00.000Z".parse().unwrap()).unwrap(),
        Vec::<String>::new(),
        "12 h are allowed"
    );
    assert_eq!(
        store.end_overdue_sessions("2026-03-02T13:01:00.000Z".parse().unwrap()).unwrap(),
        ["room-1"]
    );
    let seen = house.get("sessions/t-1");
    assert_eq!(seen["session"]["end"], "2026-03-02T13:00:00.000Z");
    assert_eq!(seen["changes"][1]["by"], "(policy)");
    assert_eq!(
        store.end_overdue_sessions("2026-03-03T13:01:00.000Z".parse().unwrap()).unwrap(),
        Vec::<String>::new()
    );
}

#[test]
fn a_cancelled_session_is_told_with_every_word() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    house.must_post("sessions/s-1/steps", &json!({"step":"cancel","reason":"no show"}));
    let body = b.told_until(
        "sessions",
        |d| matches!(d, Down::Sessions(s) if s.sessions.iter().any(|s| s.cancelled)),
    );
    let Down::Sessions(told) = body.payload else { unreachable!() };
    let session = told.sessions.iter().find(|s| s.session.as_str() == "s-1").unwrap();
    assert_eq!((told.left_out, session.revision, session.former.len()), (0, 2, 1));
    let former = &session.former[0];
    assert!(
        !former.cancelled && former.stated_at < session.stated_at && former.stated_at.is_some(),
        "{session:?}"
    );
}

#[test]
fn a_moved_session_is_told_to_the_first_room() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    house.must_post(
        "rooms",
        &json!(
        {"id":"room-2","institution":"clinic-1","mode":"in_room",
            "zones":{"operator":[],"bed":[],"companion":[],"door":[],"privacy_mask":[]}}),
    );
    b.connect();
    house.must_post(
        "sessions",
        &json!({"id":"s-1","room":"room-2","item":"laser-1","declared_lead":"p-lead",
            "start":"2099-03-02T01:00:00Z"}),
    );
    b.told_until("sessions", |d| {
        matches!(d, Down::Sessions(s) if s.sessions.iter().any(|s| s.session.as_str() == "s-1"
            && s.cancelled))
    });
}

#[test]
fn a_clinic_sets_no_card_and_gives_out_no_link() {
    let house = House::new();
    house.furnish();
    let house = house.restart_with(ACCOUNTS);
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    let program = token(&house, Role::Supervisor, "5101");
    let body = json!({"card":"12345678","pin":"739154"}).to_string();
    assert_eq!(
        ask(&house, "POST", "/api/v1/practitioners/p-lead/credential", &clinic, &body).status,
        404
    );
    let purpose = r#"{"purpose":"card"}"#;
    for who in [&clinic, &program] {
        assert_eq!(
            ask(&house, "POST", "/api/v1/practitioners/p-lead/links", who, purpose).status,
            403
        );
    }
    assert_eq!(ask(&house, "GET", "/checks/p-lead/link", &clinic, "").status, 403);
    let supervisor = login(&house, "gu", Role::Supervisor, "5101");
    let made =
        ask(&house, "POST", "/api/v1/practitioners/p-lead/links", &supervisor, purpose).json();
    let link = made["link"].as_str().unwrap().to_owned();
    // The person needs no login. A link for one thing does no other.
    let page = house.page(&link);
    assert!(page.0 == 200 && page.1.contains("设置本人的卡与 PIN"), "{}", page.1);
    let wrong = house.send(
        "POST",
        &format!("/api/v1{link}"),
        "application/json",
        br#"{"step":"withdraw"}"#,
    );
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    let form = house.send_with(
        "POST",
        &link,
        "Content-Type: application/x-www-form-urlencoded\r\n",
        b"card=12345678&pin=739154&again=739154",
    );
    assert!(form.status == 200 && form.body.contains("已完成"), "{}", form.body);
    assert_eq!(house.page(&link).0, 404, "used up");
    let log = house.running().app.store.audit_log("personal", None, 20).unwrap();
    let token = link.rsplit('/').next().unwrap();
    assert!(
        !log.is_empty() && log.iter().all(|e| !e.object.contains(token)),
        "a link stands in the log"
    );
}

#[test]
fn a_clinic_withdraws_consent_for_itself_alone() {
    let house = House::new();
    house.furnish();
    house.must_post(
        "institutions",
        &json!({"id":"clinic-2","name":"南湖医疗美容诊所","grade_ceiling":1,"filed_items":[],
            "jurisdiction":"510204"}),
    );
    house.must_post(
        "practitioners",
        &json!({"id":"p-lead","name":"王主诊","category":"licensed_physician",
            "registration":"valid",
        "sites":[{"institution":"clinic-1","relation":"primary","lead_of":[]},
            {"institution":"clinic-2","relation":"filed_multi_site","lead_of":[]}]}),
    );
    let house = house.restart_with(ACCOUNTS);
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-2");
    let withdraw = |who: &str, body: &str| {
        ask(&house, "POST", "/api/v1/practitioners/p-lead/withdraw", who, body)
    };
    assert_eq!(
        withdraw(&clinic, r#"{"reason":"asked"}"#).json()["institutions"],
        json!(["clinic-2"])
    );
    assert_eq!(
        withdraw(&clinic, r#"{"institution":"clinic-1"}"#).status,
        404,
        "another's enrolment is not its own"
    );
    let program = token(&house, Role::Supervisor, "5101");
    assert_eq!(withdraw(&program, "{}").status, 403, "everywhere is a person's word");
    let supervisor = login(&house, "gu", Role::Supervisor, "5101");
    let made = ask(
        &house,
        "POST",
        "/api/v1/practitioners/p-lead/links",
        &supervisor,
        r#"{"purpose":"withdrawal"}"#,
    )
    .json();
    let link = format!("/api/v1{}", made["link"].as_str().unwrap());
    let done = house.send("POST", &link, "application/json", br#"{"step":"withdraw"}"#);
    assert_eq!(done.json()["institutions"], json!(["clinic-1", "clinic-2"]), "{}", done.body);
    assert_eq!(
        house.send("POST", &link, "application/json", br#"{"step":"withdraw"}"#).status,
        404,
        "used up"
    );
}
