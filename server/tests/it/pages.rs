//! The pages: Chinese first, English beside it, strict CSP, what a supervisor must see, and the
//! live stream that resumes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use serde_json::json;

use crate::boxes::{TestBox, finding};
use crate::house::House;

#[test]
fn a_supervisor_reads_an_alert_in_chinese_and_in_english() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    let (status, inbox) = house.page("/");
    assert_eq!(status, 200);
    for wanted in ["疑似挂证", "锦城医疗美容门诊部", "待核查", "活体检测已豁免", "lang=\"zh-CN\""]
    {
        assert!(inbox.contains(wanted), "the inbox lacks {wanted}");
    }
    let (_, detail) = house.page(&format!("/alerts/{}?lang=en", crate::boxes::alert_of('1')));
    for wanted in [
        "Suspected licence lending",
        "王主诊",
        "医师法",
        "第五十四条第三款",
        "liveness waived",
        "linked, signature valid",
        "<svg",
        "30 min",
    ] {
        assert!(detail.contains(wanted), "the detail lacks {wanted}");
    }
    for path in ["/people", "/devices", "/sessions", "/enrol", "/?state=all&severity=L3"] {
        assert_eq!(house.page(path).0, 200, "{path}");
    }
    assert_eq!(house.page("/alerts/none").0, 404);
}

#[test]
fn nothing_inline_and_nothing_from_elsewhere() {
    let house = House::new();
    house.furnish();
    for path in [
        "/",
        "/people",
        "/devices",
        "/sessions",
        "/enrol",
        "/system",
        "/retention",
        "/figures",
        "/import",
        "/tokens",
        "/hooks",
        "/wall",
        "/guide",
        "/rooms/room-1/qr",
    ] {
        let answer = house.send_with("GET", path, "", b"");
        assert!(
            answer.head.contains("default-src 'none'") && !answer.head.contains("unsafe"),
            "{}",
            answer.head
        );
        let text = answer.body;
        let own = house.base.as_str();
        for bad in ["<script>", "onclick=", "style=\"", "http://", "https://"] {
            let text = text.replace(own, "").replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains(bad), "{path} holds {bad}");
        }
    }
}

#[test]
fn a_script_in_a_name_stays_text() {
    let house = House::new();
    house.furnish();
    house.must_post(
        "practitioners",
        &json!({"id":"p-x","name":"<script>alert(1)</script>","category":"nurse",
            "registration":"valid",
        "sites":[{"institution":"clinic-1","relation":"primary"}]}),
    );
    assert!(!house.page("/people").1.contains("<script>alert"));
}

#[test]
fn two_different_reviewers_make_a_lead() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    let steps = format!("alerts/{}/steps", crate::boxes::alert_of('1'));
    let uphold =
        |by: &str| house.post(&steps, &json!({"step":"review","verdict":"uphold","by":by}));
    assert_eq!(uphold("wang").1["state"], "review2");
    assert_eq!(uphold("wang").0, 409, "one person was both reviewers");
    assert_eq!(uphold("li").1["state"], "lead");
}

#[test]
fn the_live_stream_resumes_with_nothing_missed() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    let first = events(&house, "/events?after=0", "", 1, "LL-1");
    b.say(&finding('b', '2', "opened", 1, "UQ-1", "UnlicensedOperator", "L3"));
    b.receipted(2);
    events(&house, "/events", &format!("Last-Event-ID: {first}\r\n"), 1, "UQ-1");
}

/// Reads the stream until `count` alerts came, the last of which names `rule`; gives its id.
fn events(house: &House, path: &str, header: &str, count: usize, rule: &str) -> String {
    let address = house.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(crate::boxes::WAIT)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\n{header}\r\n").unwrap();
    let (mut id, mut event, mut seen) = (String::new(), String::new(), 0);
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if let Some(value) = line.strip_prefix("id: ") {
            value.clone_into(&mut id);
        } else if let Some(value) = line.strip_prefix("event: ") {
            value.clone_into(&mut event);
        } else if let Some(data) = line.strip_prefix("data: ")
            && (event == "alert" || data.contains("\"finding\""))
        {
            seen += 1;
            if seen == count {
                assert!(data.contains(rule), "{data}");
                break;
            }
        }
    }
    id
}

#[test]
fn a_number_is_tried_before_it_is_stored() {
    let house = crate::inbox::house();
    let boss = crate::access::login(&house, "boss", server::access::Role::Supervisor, "5101");
    let cookie = format!("zaigang={boss}");
    let send = |body: &str| crate::accounts::form(&house, "/policy", &cookie, body);
    let tried = send("jurisdiction=5101&ll2_sessions_min=7&act=preview");
    assert_eq!(tried.status, 200, "{}", tried.body);
    let told = tried.body.split_once("id=\"preview\"").unwrap().1;
    assert!(told.contains("极少到场：最少诊疗次数") && told.contains("尚未保存"), "{told}");
    assert!(tried.body.contains("value=\"7\""), "what was typed is lost");
    let history = house.running().app.store.policy_history("5101", 10).unwrap();
    assert!(history.is_empty(), "a trial was stored");
    assert_eq!(send("jurisdiction=5201&ll2_sessions_min=7&act=preview").status, 422);
    assert_eq!(send("jurisdiction=5101&ll2_sessions_min=0&act=preview").status, 422);
}

#[test]
fn a_policy_is_typed_in_percent_and_minutes() {
    let house = crate::inbox::house();
    let boss = crate::access::login(&house, "boss", server::access::Role::Supervisor, "5101");
    let cookie = format!("zaigang={boss}");
    let send = |body: &str| crate::accounts::form(&house, "/policy", &cookie, body);
    let beyond = send("jurisdiction=5101&reason=r&ll2_share_ppm=200000");
    assert_eq!(beyond.status, 422, "twenty thousand percent were taken");
    assert!(beyond.body.contains("应为 0 至 100 %"), "{}", beyond.body);
    let days = send("jurisdiction=5101&reason=r&hb2_outage_ms=2+%E5%A4%A9");
    assert!(days.status == 422 && days.body.contains("不是以“分钟”计的数值"), "{}", days.body);
    let kept = send("jurisdiction=5101&reason=r&ll2_share_ppm=12.5&hb2_outage_ms=90");
    assert!(kept.status < 400, "{}", kept.body);
    let set = house.running().app.store.policy_at("5101").unwrap();
    assert_eq!((set["ll2_share_ppm"].0, set["hb2_outage_ms"].0), (125_000, 5_400_000));
    let page = crate::access::ask(&house, "GET", "/policy?jurisdiction=5101", &boss, "").body;
    for words in ["value=\"12.5\"", "value=\"90\"", "极少到场：到场比例下限 = 12.5 %"] {
        assert!(page.contains(words), "{words}");
    }
    for raw in ["百万分率", "毫秒</span>", "125000", "5400000"] {
        assert!(!page.contains(raw), "{raw}");
    }
}
