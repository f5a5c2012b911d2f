//! A person's own work: what waits and what is done, mentions, ways beyond the pages; a step taken
//! back; files beside a lead.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login};
use crate::accounts::{form, page};
use crate::boxes::{TestBox, WAIT, finding};
use crate::house::{Answer, House, by_hand};
use crate::inbox;

fn cookie(login: &str) -> String {
    format!("zaigang={login}")
}

fn step(house: &House, who: &str, lead: &str, body: &Value) -> Answer {
    ask(house, "POST", &format!("/api/v1/alerts/{lead}/steps"), who, &body.to_string())
}

fn waits(house: &House, who: &str) -> String {
    let answer = page(house, "/messages", &cookie(who));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body.split_once("<main").unwrap().1.to_owned()
}

#[test]
fn a_mention_waits_for_the_colleague_it_names() {
    let house = inbox::house();
    let [lead, _] = inbox::ids();
    let wang = login(&house, "wang", Role::Reviewer, "5101");
    let li = login(&house, "li", Role::Reviewer, "5101");
    let far = login(&house, "far", Role::Reviewer, "5201");
    let note = json!({"step": "comment", "note": "@li 请复核，@far 也看看，@nobody"});
    assert_eq!(step(&house, &wang, &lead, &note).status, 200);
    let told = waits(&house, &li);
    assert!(told.contains("提到我") && told.contains("线索 #1") && told.contains("wang"), "{told}");
    for other in [&wang, &far] {
        assert!(!waits(&house, other).contains("提到我"), "{other} was told");
    }
    let id = told.split_once("action=\"/messages/").unwrap().1.split('"').next().unwrap();
    let path = format!("/messages/{id}");
    assert_eq!(form(&house, &path, &cookie(&far), "").status, 404, "another ended it");
    assert_eq!(form(&house, &path, &cookie(&li), "").status, 303);
    assert!(!waits(&house, &li).contains("提到我"));
    let done = page(&house, "/messages?tab=done", &cookie(&li)).body;
    assert!(done.contains("已阅 wang"), "{done}");
    let done = page(&house, "/messages?tab=done", &cookie(&wang)).body;
    assert!(done.contains("线索 #1 · 锦城医疗美容门诊部 · ") && done.contains("：备注"), "{done}");
}

#[test]
fn what_waits_is_each_persons_own() {
    let house = inbox::house();
    let [lead, other] = inbox::ids();
    let wang = login(&house, "wang", Role::Reviewer, "5101");
    let li = login(&house, "li", Role::Reviewer, "5101");
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    let dismiss = json!({"step": "dismiss", "reason": "emergency"});
    assert_eq!(step(&house, &wang, &lead, &dismiss).status, 200);
    assert_eq!(step(&house, &wang, &other, &json!({"step": "assign", "to": "li"})).status, 200);
    let told = waits(&house, &li);
    assert!(told.contains("待复审") && told.contains("指派给我"), "{told}");
    assert!(!waits(&house, &wang).contains("待复审"), "his own verdict waits for himself");
    let clinics = waits(&house, &clinic);
    assert!(clinics.contains("待说明") && !clinics.contains("期限"), "{clinics}");
    let bell = page(&house, "/", &cookie(&li)).body;
    let bell = bell.split_once("id=\"bell\"").unwrap().1.split_once("</a>").unwrap().0.to_owned();
    assert!(bell.contains("<i class=\"count\">2</i>"), "{bell}");
}

/// A robot of 企业微信 or 钉钉 as its maker describes it: takes a text, answers with `errcode`.
fn robot() -> (String, mpsc::Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut length, mut path) = (0, String::new());
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if line.trim().is_empty() {
                    break;
                }
                if let Some(rest) = line.strip_prefix("POST ") {
                    rest.split(' ').next().unwrap().clone_into(&mut path);
                }
                let lower = line.trim().to_lowercase();
                let value = lower.strip_prefix("content-length:").map(|v| v.trim().to_owned());
                length = value.map_or(length, |v| v.parse().unwrap());
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            let answer = r#"{"errcode":0,"errmsg":"ok"}"#;
            write!(
                reader.get_mut(),
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{answer}",
                answer.len()
            )
            .unwrap();
            if tell.send((path, serde_json::from_slice(&body).unwrap())).is_err() {
                return;
            }
        }
    });
    (origin, heard)
}

#[test]
fn a_robot_is_told_in_its_makers_shape_and_of_no_name() {
    let (origin, heard) = robot();
    let house = inbox::house().restart_with(&format!(
        "[access]\naccounts = true\n[outgoing]\nwebhook_origins = [\"{origin}\"]\n"
    ));
    let [lead, _] = inbox::ids();
    let wang = login(&house, "wang", Role::Reviewer, "5101");
    let li = login(&house, "li", Role::Reviewer, "5101");
    let ways = |body: &str| form(&house, "/account/messages", &cookie(&li), body);
    let elsewhere = ways("robot=wecom&target=http%3A%2F%2F127.0.0.1%3A9%2Fsend%3Fkey%3Dk");
    assert_eq!(elsewhere.status, 422, "{}", elsewhere.body);
    assert!(elsewhere.body.contains("webhook_origins"), "{}", elsewhere.body);

    let target = format!("{origin}/robot/send?access_token=KEY1");
    let sent =
        target.replace(':', "%3A").replace('/', "%2F").replace('?', "%3F").replace('=', "%3D");
    let kept = ways(&format!("robot=dingtalk&target={sent}&secret=SEC1"));
    assert_eq!(kept.status, 200, "{}", kept.body);
    assert!(!kept.body.contains("KEY1") && !kept.body.contains("SEC1"), "the key is shown");
    let note = json!({"step": "comment", "note": "@li 王主诊"});
    assert_eq!(step(&house, &wang, &lead, &note).status, 200);
    let (path, body) = heard.recv_timeout(WAIT).unwrap();
    assert!(path.starts_with("/robot/send?access_token=KEY1&timestamp="), "{path}");
    assert!(path.contains("&sign="), "{path}");
    assert_eq!(body["msgtype"], "text");
    let content = body["text"]["content"].as_str().unwrap();
    assert!(content.contains("线索 #1"), "{content}");
    assert!(!content.contains("王主诊") && !content.contains("wang"), "{content}");

    // The address that was kept stands where none is typed; a test goes out at once.
    assert_eq!(ways("robot=dingtalk&act=test").status, 200);
    let (_, body) = heard.recv_timeout(WAIT).unwrap();
    assert!(body["text"]["content"].as_str().unwrap().contains("测试消息"), "{body}");
    // What was told is told once: the test came next, and nothing between.
    let quiet = ways("robot=dingtalk&quiet_from=22:00&quiet_to=22:00");
    assert_eq!(quiet.status, 422, "{}", quiet.body);
    let mail = ways("email=li%40example.cn");
    assert_eq!(mail.status, 422, "{}", mail.body);
    let bytes = std::fs::read(house.folder.path().join("data/zaigang.db")).unwrap();
    assert!(!bytes.windows(4).any(|w| w == b"KEY1"), "the robot's key lies open");
}

#[test]
fn a_robot_of_wecom_is_told_by_its_key_alone() {
    let (origin, heard) = robot();
    let house = inbox::house().restart_with(&format!(
        "[access]\naccounts = true\n[outgoing]\nwebhook_origins = [\"{origin}\"]\n"
    ));
    let [lead, _] = inbox::ids();
    let wang = login(&house, "wang", Role::Reviewer, "5101");
    let li = login(&house, "li", Role::Reviewer, "5101");
    let target = format!("{origin}/cgi-bin/webhook/send?key=KEY2");
    let sent =
        target.replace(':', "%3A").replace('/', "%2F").replace('?', "%3F").replace('=', "%3D");
    let body = format!("robot=wecom&target={sent}");
    let kept = form(&house, "/account/messages", &cookie(&li), &body);
    assert_eq!(kept.status, 200, "{}", kept.body);
    let note = json!({"step": "comment", "note": "@li 王主诊"});
    assert_eq!(step(&house, &wang, &lead, &note).status, 200);
    let (path, body) = heard.recv_timeout(WAIT).unwrap();
    assert_eq!(path, "/cgi-bin/webhook/send?key=KEY2");
    assert_eq!(body["msgtype"], "text", "{body}");
    let content = body["text"]["content"].as_str().unwrap();
    assert!(content.contains("线索 #1") && !content.contains("王主诊"), "{content}");
}

/// Whoever has a login types any mailbox: the authority's mail server is no clinic's to write to
/// strangers with, nor does what waits behind it keep a warning from its supervisor.
#[test]
fn a_clinic_sends_strangers_no_mail_without_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, _heard) = mpsc::channel();
    std::thread::spawn(move || crate::notify::mail_server(&listener, &tell));
    let house = inbox::house().restart_with(&format!(
        "[access]\naccounts = true\n[smtp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
        from = \"Zaigang <zaigang@example.cn>\"\n"
    ));
    let owner = login(&house, "hao", Role::Clinic, "clinic-1");
    let ways = |body: &str| form(&house, "/account/messages", &cookie(&owner), body);
    let tries = (0..9).map(|n| ways(&format!("email=stranger{n}%40elsewhere.cn&act=test")).status);
    let answers: Vec<u16> = tries.collect();
    assert_eq!(answers, [200, 200, 200, 200, 200, 429, 429, 429, 429]);
    let log = house.running().app.store.deliveries(Some("@email hao"), None, 100).unwrap();
    assert_eq!(log.len(), 5, "what was refused waits nowhere");
    let kept = ways("email=hao%40example.cn");
    assert_eq!(kept.status, 200, "what is not tried is kept: {}", kept.body);
}

#[test]
fn a_persons_own_mail_says_kind_and_number_alone() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || crate::notify::mail_server(&listener, &tell));
    let house = inbox::house().restart_with(&format!(
        "[access]\naccounts = true\n[smtp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n\
        from = \"Zaigang <zaigang@example.cn>\"\n"
    ));
    let [lead, _] = inbox::ids();
    let wang = login(&house, "wang", Role::Reviewer, "5101");
    let li = login(&house, "li", Role::Reviewer, "5101");
    let kept = form(&house, "/account/messages", &cookie(&li), "email=li%40example.cn");
    assert_eq!(kept.status, 200, "{}", kept.body);
    let note = json!({"step": "comment", "note": "@li 王主诊"});
    assert_eq!(step(&house, &wang, &lead, &note).status, 200);
    let message = heard.recv_timeout(WAIT).unwrap();
    assert!(message.contains("To: li@example.cn"), "{message}");
    let text = spoken(&message);
    assert!(text.contains("#1"), "{text}");
    for never in ["王主诊", "p-lead", "wang"] {
        assert!(!text.contains(never) && !message.contains(never), "{never}: {text}");
    }
}

/// The body of a mail as its reader sees it.
fn spoken(message: &str) -> String {
    use base64::Engine as _;
    let body = message.split("\r\n\r\n").nth(1).unwrap_or_default();
    if !message.to_lowercase().contains("content-transfer-encoding: base64") {
        return body.to_owned();
    }
    let packed: String = body.split_whitespace().collect();
    let bytes = base64::engine::general_purpose::STANDARD.decode(packed).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_step_is_taken_back_by_its_own_person_alone() {
    let house = inbox::house();
    let [lead, _] = inbox::ids();
    let wang = login(&house, "wang", Role::Reviewer, "5101");
    let li = login(&house, "li", Role::Reviewer, "5101");
    let undo = json!({"step": "undo"});
    assert_eq!(step(&house, &wang, &lead, &undo).status, 409, "nothing was done yet");
    assert_eq!(step(&house, &wang, &lead, &json!({"step": "uphold"})).status, 200);
    assert_eq!(step(&house, &li, &lead, &undo).status, 409, "another took it back");
    let shown = page(&house, &format!("/alerts/{lead}"), &cookie(&wang)).body;
    assert!(shown.contains("value=\"undo\""), "{shown}");
    let shown = page(&house, &format!("/alerts/{lead}"), &cookie(&li)).body;
    assert!(!shown.contains("value=\"undo\""), "{shown}");
    // A word in between moves nothing.
    assert_eq!(step(&house, &li, &lead, &json!({"step": "comment", "note": "x"})).status, 200);
    let back = step(&house, &wang, &lead, &undo);
    assert_eq!((back.status, back.json()["state"].as_str()), (200, Some("raised")));
    assert_eq!(step(&house, &wang, &lead, &undo).status, 409, "it was taken back twice");
    let record = house.running().app.store.alert_steps(&lead.parse().unwrap()).unwrap();
    let steps: Vec<&str> = record.iter().map(|s| s.step.as_str()).collect();
    assert_eq!(steps, ["uphold", "comment", "undo"], "the record forgot a step");
    // Whoever takes a lead back has it no longer.
    assert_eq!(step(&house, &wang, &lead, &json!({"step": "take"})).status, 200);
    assert_eq!(step(&house, &wang, &lead, &undo).status, 200);
    let alert = house.running().app.store.alert(&lead.parse().unwrap()).unwrap().unwrap();
    assert_eq!((alert.case.state.as_str(), alert.assignee), ("raised", None));
    // A second verdict stands after the first was given by another: both are needed again.
    assert_eq!(step(&house, &wang, &lead, &json!({"step": "uphold"})).status, 200);
    assert_eq!(step(&house, &li, &lead, &json!({"step": "uphold"})).status, 200);
    assert_eq!(step(&house, &wang, &lead, &undo).status, 409);
    let back = step(&house, &li, &lead, &undo);
    assert_eq!(back.json()["state"], "review2");
    let late = "UPDATE alert_step SET at = '2026-01-01T00:00:00.000Z'";
    assert_eq!(step(&house, &li, &lead, &json!({"step": "uphold"})).status, 200);
    by_hand(&house.folder.path().join("data"), "zaigang.db", late);
    assert_eq!(step(&house, &li, &lead, &undo).status, 409, "an old step was taken back");
}

fn attach(house: &House, who: &str, lead: &str, name: &str, bytes: &[u8]) -> Answer {
    let head = format!(
        "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let body = [head.as_bytes(), bytes, b"\r\n--X--\r\n"].concat();
    let headers = format!(
        "Cookie: zaigang={who}\r\nSec-Fetch-Site: same-origin\r\nAccept: text/html\r\n\
         Content-Type: multipart/form-data; boundary=X\r\n"
    );
    house.send_with("POST", &format!("/alerts/{lead}/attachments"), &headers, &body)
}

#[test]
fn a_file_is_scanned_sealed_and_given_back() {
    let house = inbox::house();
    let [lead, other] = inbox::ids();
    let wang = login(&house, "wang", Role::Reviewer, "5101");
    let far = login(&house, "far", Role::Reviewer, "5201");
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    let pdf = b"%PDF-1.4\n% CLEARTEXT\ntrailer\n%%EOF\n";
    let made = attach(&house, &wang, &lead, "../现场<b>记录.pdf", pdf);
    assert_eq!(made.status, 303, "{}", made.body);
    let active = b"%PDF-1.4 <</OpenAction 1 0 R>> %%EOF";
    for (name, bytes) in [("a.pdf", &b"<html>"[..]), ("b.png", b"\x89PNG x"), ("c.pdf", active)] {
        let refused = attach(&house, &wang, &lead, name, bytes);
        assert_eq!(refused.status, 422, "{name}");
        let files = refused.body.split_once("id=\"files\"").expect("the lead's own page").1;
        assert!(files.contains("name=\"file\"") && files.contains("aria-invalid"), "{files}");
    }
    assert_eq!(attach(&house, &far, &lead, "x.pdf", pdf).status, 404);
    assert_eq!(attach(&house, &clinic, &lead, "x.pdf", pdf).status, 403);
    let shown = page(&house, &format!("/alerts/{lead}"), &cookie(&wang)).body;
    let listed = shown.split_once("id=\"files\"").unwrap().1;
    assert!(listed.contains("记录.pdf") && !listed.contains("<b>"), "{listed}");
    assert!(shown.contains(&trust::sha256_hex(pdf)), "the hash of what was sent: {shown}");
    let path = format!("/alerts/{lead}/attachments/1");
    let given = page(&house, &path, &cookie(&wang));
    assert_eq!((given.status, given.body.as_bytes()), (200, &pdf[..]));
    let disposition = given.raw("content-disposition");
    assert!(disposition.contains("attachment; filename=\"1.pdf\""), "{disposition}");
    assert_eq!(page(&house, &path, &cookie(&far)).status, 404);
    assert_eq!(page(&house, &path, &cookie(&clinic)).status, 403);
    let wrong = format!("/alerts/{other}/attachments/1");
    assert_eq!(page(&house, &wrong, &cookie(&wang)).status, 404, "another lead's file");
    for name in ["zaigang.db", "zaigang.db-wal"] {
        let bytes = std::fs::read(house.folder.path().join("data").join(name)).unwrap_or_default();
        assert!(!bytes.windows(9).any(|w| w == b"CLEARTEXT"), "{name} holds it open");
    }
}

/// A house with a lead, and a third person in a session without one.
fn day() -> House {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
    house.must_post(
        "practitioners",
        &json!({"id":"p-third","name":"赵第三","category":"nurse","registration":"valid",
            "sites":[{"institution":"clinic-1","relation":"primary"}]}),
    );
    house.must_post(
        "sessions",
        &json!({"id":"s-3","room":"room-1","item":"laser-1","declared_lead":"p-lead",
            "declared_operators":["p-third"],
            "start":"2026-03-02T04:00:00Z","end":"2026-03-02T05:00:00Z"}),
    );
    house.restart_with("[access]\naccounts = true\n")
}

#[test]
fn a_persons_page_shows_what_its_reader_may_see() {
    let house = day();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    let far = login(&house, "far", Role::Supervisor, "5201");
    let get = |who: &str, path: &str| page(&house, path, &cookie(who));
    let lead = get(&boss, "/people/p-lead");
    assert_eq!(lead.status, 200, "{}", lead.body);
    for shown in ["王主诊", "锦城医疗美容门诊部", "#1", "href=\"/sessions/s-1\"", "新线索"]
    {
        assert!(lead.body.contains(shown), "{shown}: {}", lead.body);
    }
    let of_clinic = get(&clinic, "/people/p-lead").body;
    assert!(of_clinic.contains("#1") && !of_clinic.contains("新线索"), "{of_clinic}");
    // No attendance: a session without a lead stands on nobody's page.
    let third = get(&boss, "/people/p-third").body;
    assert!(third.contains("赵第三") && !third.contains("s-3"), "{third}");
    let place = get(&boss, "/institutions/clinic-1").body;
    for shown in ["王主诊", "/rooms/room-1", "激光脱毛", "#1"] {
        assert!(place.contains(shown), "{shown}: {place}");
    }
    assert!(!place.contains("s-3"), "a session without a lead: {place}");
    for path in ["/people/p-lead", "/institutions/clinic-1", "/rooms/room-1"] {
        assert_eq!(get(&far, path).status, 404, "{path}");
    }
}

#[test]
fn a_rooms_day_names_nobody_without_a_lead() {
    let house = day();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let get = |path: &str| page(&house, path, &cookie(&boss));
    let shown = get("/rooms/room-1?day=2026-03-02").body;
    for told in ["王主诊", "登记主诊", "疑似", "s-3", "12:00:00 – 13:00:00", "data-from="]
    {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert!(!shown.contains("赵第三") && !shown.contains("p-third"), "{shown}");
    assert!(get("/rooms/room-1").body.contains("value=\"2026-03-02\""), "not the last day");
    assert!(get("/rooms/room-1?day=2026-03-05").body.contains("这一天没有记录"));
    assert_eq!(get("/rooms/room-1?day=yesterday").status, 400);
}

#[test]
fn a_list_of_sessions_is_narrowed() {
    let house = day();
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    let get = |query: &str| {
        let answer = page(&house, &format!("/sessions?{query}"), &cookie(&clinic));
        assert_eq!(answer.status, 200, "{query}");
        let of = |id: &str| answer.body.contains(&format!("href=\"/sessions/{id}\""));
        (of("s-1"), of("s-3"))
    };
    assert_eq!(get(""), (true, true));
    assert_eq!(get("state=closed&until=2026-12-31"), (false, true));
    assert_eq!(get("state=open"), (false, false));
    assert_eq!(get("from=2099-01-01"), (true, false));
    assert_eq!(get("room=room-9"), (false, false));
    let form = page(&house, "/sessions/new", &cookie(&clinic)).body;
    for mark in [
        "data-mark=\"clinic-1\"",
        "data-mark=\"cosmetic_dermatology\"",
        "data-mark=\"clinic-1:cosmetic_dermatology\"",
    ] {
        assert!(form.contains(mark), "{mark}: {form}");
    }
}
