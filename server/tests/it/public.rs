//! The public door as people use it: look-up, report, receipt; and as others misuse it.

use serde_json::{Value, json};
use server::access::Role;

use crate::access::{ask, login, token};
use crate::house::{Answer, House};

pub(crate) const DOOR: &str = "[access]\naccounts = true\n[public]\nlisten = \"127.0.0.1:0\"\n";

/// A furnished clinic behind accounts, with its public door.
pub(crate) fn with_door() -> House {
    let house = House::new();
    house.must_post(
        "institutions",
        &json!({"id":"clinic-1","name":"锦城医疗美容门诊部","code":"91350100M000100Y43",
            "grade_ceiling":2,"filed_items":["laser-1"],"jurisdiction":"510104",
            "address":"锦江区一环路1号","licence_no":"PDY00512351010417D2152",
            "licence_until":"2030-12-31","subjects":["美容皮肤科"],"pledge_on":"2026-01-15"}),
    );
    house.must_post("rooms", &json!({"id":"room-1","institution":"clinic-1","mode":"in_room"}));
    house.must_post(
        "items",
        &json!({"code":"laser-1","name_zh":"激光脱毛","kind":"energy_device",
        "specialties":["cosmetic_dermatology"],"min_operator":"licensed_physician"}),
    );
    for (id, name, category, lead) in [
        ("p-lead", "王主诊", "licensed_physician", json!(["cosmetic_dermatology"])),
        ("p-other", "李医生", "licensed_physician", json!([])),
        ("p-nurse", "赵护士", "nurse", json!([])),
        ("p-desk", "孙前台", "non_clinical", json!([])),
    ] {
        let number = (category == "licensed_physician").then_some("110510100000123");
        house.must_post(
            "practitioners",
            &json!({"id":id,"name":name,"category":category,"registration":"valid",
                "practice_no":number,"sites":[{"institution":"clinic-1","relation":"primary",
                "lead_of":lead,"filed_on":"2025-05-01"}]}),
        );
    }
    house.restart_with(DOOR)
}

/// The random address of the clinic's page.
pub(crate) fn slug(house: &House) -> String {
    house.running().app.store.slug_of("clinic-1").unwrap().unwrap()
}

/// A ticket of a form that was opened so many seconds ago.
pub(crate) fn ticket(house: &House, age_s: i64) -> String {
    let key = server::clue_intake::door_mac(&house.running().app.master);
    let nonce: String = trust::sha256_hex(format!("{:?}", std::time::Instant::now()))[..32].into();
    let body = format!("{}.{nonce}", jiff::Timestamp::now().as_second() - age_s);
    format!("{body}.{}", &key.keyed("form ticket", &body)[..32])
}

pub(crate) fn multipart(fields: &[(&str, &str)], pictures: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        body.extend(
            format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .bytes(),
        );
    }
    for picture in pictures {
        body.extend(
            b"--x\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"home.jpg\"\r\n\
            Content-Type: image/jpeg\r\n\r\n",
        );
        body.extend(*picture);
        body.extend(b"\r\n");
    }
    body.extend(b"--x--\r\n");
    body
}

pub(crate) const FORM: &str = "Content-Type: multipart/form-data; boundary=x\r\n";

pub(crate) fn send(house: &House, fields: &[(&str, &str)], pictures: &[&[u8]]) -> Answer {
    house.knock("POST", "/p/report", FORM, &multipart(fields, pictures))
}

/// A report about the clinic that is taken; gives its receipt.
pub(crate) fn report(house: &House, text: &str, more: &[(&str, &str)]) -> String {
    let (slug, ticket) = (slug(house), ticket(house, 60));
    let mut fields = vec![
        ("i", slug.as_str()),
        ("ticket", ticket.as_str()),
        ("allegation", "lending"),
        ("text", text),
    ];
    fields.extend(more);
    let answer = send(house, &fields, &[]);
    assert_eq!(answer.status, 201, "{}", answer.body);
    receipt_of(&answer)
}

fn receipt_of(answer: &Answer) -> String {
    let after = answer.body.split("id=\"receipt\">").nth(1).expect("no receipt");
    after.split('<').next().unwrap().replace(' ', "")
}

/// What stands behind a receipt.
pub(crate) fn status(house: &House, receipt: &str) -> Answer {
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = format!("receipt={receipt}");
    house.knock("POST", "/p/report/status", kind, body.as_bytes())
}

/// The clues that a supervisor of everything sees, once there are so many.
pub(crate) fn clues(house: &House, count: usize) -> Vec<Value> {
    let officer = token(house, Role::Supervisor, "");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let found = ask(house, "GET", "/api/v1/clues", &officer, "").json();
        let found = found["clues"].as_array().unwrap().clone();
        if found.len() == count {
            return found;
        }
        assert!(std::time::Instant::now() < deadline, "{} clues, not {count}", found.len());
        std::thread::yield_now();
    }
}

#[test]
fn the_register_is_found_and_persons_by_their_clinic() {
    let house = with_door();
    let found = house.knock("GET", "/p?q=%E9%94%A6%E5%9F%8E", "", b"");
    assert!(found.body.contains("锦城医疗美容门诊部"), "{}", found.body);
    let nobody = house.knock("GET", "/p?q=%E7%8E%8B%E4%B8%BB%E8%AF%8A", "", b"");
    assert!(!nobody.body.contains("锦城"), "a person's name leads to a clinic");
    let slug = slug(&house);
    let page = house.knock("GET", &format!("/p/i/{slug}"), "", b"");
    for public in ["王主诊", "李医生", "PDY00512351010417D2152", "美容皮肤科", "2030-12-31"]
    {
        assert!(page.body.contains(public), "{public}");
    }
    for never in ["赵护士", "孙前台", "110510100000123", "clinic-1", "p-lead", "room-1"] {
        assert!(!page.body.contains(never), "{never} is public");
    }
    let data = house.knock("GET", &format!("/p/api/v1/institutions/{slug}"), "", b"").json();
    assert_eq!((&data["@type"], &data["nurses"]), (&json!("MedicalClinic"), &json!(1)));
    let lead = data["employee"].as_array().unwrap().iter().find(|p| p["name"] == "王主诊").unwrap();
    let asked = format!("/p/check?i={slug}&d={}&item=laser-1", lead["slug"].as_str().unwrap());
    assert!(house.knock("GET", &asked, "", b"").body.contains("本机构备案主诊医师"));
}

#[test]
fn the_pledge_and_whose_register_it_is_are_public() {
    let named = format!(
        "{DOOR}[authority]\nname = \"某市卫生健康综合行政执法支队\"\ncontact = \"028-0000 0000\"\n"
    );
    let house = with_door().restart_with(&named);
    let slug = slug(&house);
    let page = house.knock("GET", &format!("/p/i/{slug}"), "", b"").body;
    let data = house.knock("GET", &format!("/p/api/v1/institutions/{slug}"), "", b"").json();
    assert_eq!(data["pledge_on"], "2026-01-15");
    assert_eq!(data["source"], "某市卫生健康综合行政执法支队（028-0000 0000）");
    assert!(page.contains("2026-01-15") && page.contains("登记信息来源"), "{page}");
    let table = house.knock("GET", "/p/api/v1/institutions.csv", "", b"").body;
    assert!(table.starts_with('\u{feff}') && table.contains("2026-01-15"), "{table}");
    let zh = house.knock("GET", "/p/api/v1/institutions.csv?lang=zh", "", b"").body;
    assert!(zh.contains("统一社会信用代码"), "{zh}");
}

/// A second clinic; gives the address of its page.
fn second_clinic(house: &House) -> String {
    let officer = token(house, Role::Supervisor, "");
    let clinic = json!({"id": "clinic-2", "name": "另一家门诊部", "grade_ceiling": 1,
        "filed_items": [], "jurisdiction": "510104"});
    let made = ask(house, "POST", "/api/v1/institutions", &officer, &clinic.to_string());
    assert_eq!(made.status, 201, "{}", made.body);
    house.running().app.store.slug_of("clinic-2").unwrap().unwrap()
}

#[test]
fn another_clinics_page_accuses_no_physician() {
    let house = with_door();
    let (here, there) = (slug(&house), second_clinic(&house));
    let data = house.knock("GET", &format!("/p/api/v1/institutions/{here}"), "", b"").json();
    let person = data["employee"][0]["slug"].as_str().unwrap();
    let asked = format!("/p/check?i={there}&d={person}&item=laser-1");
    let said = house.knock("GET", &asked, "", b"").body;
    assert!(!said.contains("未在本机构登记") && said.contains("属于另一家机构"), "{said}");
}

#[test]
fn an_exemption_that_ended_is_public_no_more() {
    let house = with_door();
    let officer = token(&house, Role::Supervisor, "");
    for (id, name, until) in [
        ("p-past", "已届满", "2026-01-01T00:00:00.000Z"),
        ("p-now", "未届满", "2098-01-01T00:00:00.000Z"),
    ] {
        let person = json!({"id": id, "name": name, "category": "licensed_physician",
            "registration": "valid", "sites": [{"institution": "clinic-1", "relation": "exempt",
            "exempt_until": until, "lead_of": ["cosmetic_dermatology"]}]});
        let made = ask(&house, "POST", "/api/v1/practitioners", &officer, &person.to_string());
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let page = house.knock("GET", &format!("/p/i/{}", slug(&house)), "", b"").body;
    assert!(page.contains("未届满") && !page.contains("已届满"), "{page}");
}

#[test]
fn a_change_of_the_register_is_public_at_once() {
    let house = House::new();
    let folder = house.furnish();
    assert!(!folder.is_empty());
    let house = house.restart_with("[public]\nlisten = \"127.0.0.1:0\"\n");
    let page = || house.knock("GET", &format!("/p/i/{}", slug(&house)), "", b"").body;
    assert!(page().contains("王主诊"));
    house.must_post(
        "practitioners",
        &json!({"id":"p-lead","name":"王主诊","category":"licensed_physician",
        "registration":"valid","sites":[]}),
    );
    assert!(!page().contains("王主诊"), "who left is still public");
}

#[test]
fn a_report_has_a_receipt_and_leaves_no_trace() {
    let house = with_door();
    let before = house.running().app.store.audit_log("", None, 100).unwrap().len();
    let receipt = report(&house, "做激光的人没有证", &[("day", "2026-03-02"), ("from", "09:02")]);
    assert_eq!(receipt.len(), 20);
    let seen = clues(&house, 1);
    assert_eq!(seen[0]["institution"], "clinic-1");
    assert_eq!(seen[0]["from_at"], "2026-03-02T01:02:00.000Z");
    let told = status(&house, &receipt);
    assert!(told.body.contains("已收到") && !told.body.contains("没有证"), "{}", told.body);
    let after = house.running().app.store.audit_log("", None, 100).unwrap();
    let public = after.iter().filter(|e| e.actor == "public").count();
    assert!(after.len() >= before && public == 0, "a report stands in the audit log");
    assert!(!told.head.contains("set-cookie") && told.head.contains("no-store"), "{}", told.head);
    for wrong in ["00000000000000000000", "1", "", "١٢"] {
        assert!(!status(&house, wrong).body.contains("class=\"answer\""), "{wrong}");
    }
}

#[test]
fn a_form_that_is_sent_twice_is_one_report() {
    let house = with_door();
    let (slug, ticket) = (slug(&house), ticket(&house, 60));
    let fields =
        [("i", slug.as_str()), ("ticket", &ticket), ("allegation", "injury"), ("text", "x")];
    let receipts: Vec<String> = (0..3).map(|_| receipt_of(&send(&house, &fields, &[]))).collect();
    assert!(receipts.iter().all(|r| *r == receipts[0]), "{receipts:?}");
    clues(&house, 1);
}

#[test]
fn a_form_that_nobody_read_is_not_taken() {
    let house = with_door();
    let slug = slug(&house);
    for (ticket, why) in [
        (ticket(&house, 3), "秒后"),
        (ticket(&house, 3 * 3600), "两小时"),
        ("1.2.3".to_owned(), "两小时"),
    ] {
        let fields = [
            ("i", slug.as_str()),
            ("ticket", &ticket),
            ("allegation", "injury"),
            ("text", "保留我"),
        ];
        let answer = send(&house, &fields, &[]);
        assert_eq!(answer.status, 422, "{ticket}");
        assert!(answer.body.contains(why) && answer.body.contains("保留我"), "{}", answer.body);
    }
}

#[test]
fn an_address_that_ended_takes_no_report() {
    let house = with_door();
    let ticket = ticket(&house, 60);
    for ended in ["i", "r"] {
        let fields =
            [(ended, "gone"), ("ticket", &ticket), ("allegation", "injury"), ("text", "x")];
        let answer = send(&house, &fields, &[]);
        assert!(answer.status == 422 && answer.body.contains("已失效"), "{}", answer.body);
    }
}

#[test]
fn a_number_in_the_text_is_asked_about_first() {
    let house = with_door();
    let (slug, ticket) = (slug(&house), ticket(&house, 60));
    let mut fields = vec![
        ("i", slug.as_str()),
        ("ticket", &ticket),
        ("allegation", "injury"),
        ("text", "电话 13800138000"),
    ];
    let warned = send(&house, &fields, &[]);
    assert!(warned.status == 422 && warned.body.contains("name=\"sure\""), "{}", warned.body);
    fields.push(("sure", "1"));
    assert_eq!(send(&house, &fields, &[]).status, 201);
}

#[test]
fn a_picture_loses_its_place_and_a_zip_is_refused() {
    let house = with_door();
    let mut jpeg = std::io::Cursor::new(Vec::new());
    let drawn = image::RgbImage::from_pixel(64, 48, image::Rgb([200, 120, 90]));
    image::DynamicImage::from(drawn).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let mut jpeg = jpeg.into_inner();
    let exif = b"\xff\xe1\0\x21Exif\0\0GPS 30.66 104.06 MY HOUSE";
    jpeg.splice(2..2, exif.iter().copied());
    let (slug, first) = (slug(&house), ticket(&house, 60));
    let fields = [
        ("i", slug.as_str()),
        ("ticket", &first),
        ("allegation", "injury"),
        ("text", "<script>x</script>"),
    ];
    let zip = send(&house, &fields, &[b"PK\x03\x04 a zip named jpg"]);
    assert!(zip.status == 422 && zip.body.contains("ZIP"), "{}", zip.body);
    assert_eq!(send(&house, &fields, &[&jpeg]).status, 201);
    let id = clues(&house, 1)[0]["id"].as_str().unwrap().to_owned();
    let officer = token(&house, Role::Supervisor, "");
    let kept = ask(&house, "GET", &format!("/api/v1/clues/{id}/pictures/0"), &officer, "");
    assert_eq!(kept.status, 200);
    assert!(!kept.body.contains("MY HOUSE") && !kept.body.contains("Exif"), "its place is kept");
    let wang = login(&house, "wang", Role::Supervisor, "");
    let page = ask(&house, "GET", &format!("/clues/{id}"), &wang, "").body;
    assert!(page.contains("&#60;script&#62;") || page.contains("&lt;script&gt;"), "{page}");
    let folder = house.folder.path().join("data/zaigang.db");
    let database = std::fs::read(folder).unwrap();
    let plain = b"<script>x</script>";
    assert!(!database.windows(plain.len()).any(|w| w == plain), "the text lies in the clear");
}

#[test]
fn a_room_s_sign_shows_the_clinic_and_the_server_knows_the_room() {
    let house = with_door();
    let code = house.running().app.store.sign_of_room("room-1").unwrap().unwrap();
    let page = house.knock("GET", &format!("/p/r/{code}"), "", b"");
    assert!(page.body.contains("锦城医疗美容门诊部") && !page.body.contains("room-1"));
    let ticket = ticket(&house, 60);
    let fields = [
        ("r", code.as_str()),
        ("ticket", &ticket),
        ("allegation", "evading_device"),
        ("text", "镜头被遮住"),
    ];
    assert_eq!(send(&house, &fields, &[]).status, 201);
    assert_eq!(clues(&house, 1)[0]["room"], "room-1");
}

#[test]
fn a_question_is_answered_behind_the_receipt() {
    let house = with_door();
    let receipt = report(&house, "有人没证", &[]);
    let id = clues(&house, 1)[0]["id"].as_str().unwrap().to_owned();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let body = json!({"step": "ask", "question": "是哪一天?"}).to_string();
    assert_eq!(ask(&house, "POST", &format!("/api/v1/clues/{id}/steps"), &wang, &body).status, 200);
    assert!(status(&house, &receipt).body.contains("是哪一天?"));
    let body =
        format!("receipt={receipt}&text=%E4%B8%8A%E5%91%A8%E4%B8%80&ticket={}", ticket(&house, 60));
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(house.knock("POST", "/p/report/answer", kind, body.as_bytes()).status, 200);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let clue = ask(&house, "GET", &format!("/api/v1/clues/{id}"), &wang, "").json();
        if clue["state"] == "received" && clue["texts"].as_array().unwrap().len() == 2 {
            assert_eq!(clue["texts"][1]["text"], "上周一");
            break;
        }
        assert!(std::time::Instant::now() < deadline, "{clue}");
        std::thread::yield_now();
    }
}

#[test]
fn open311_takes_a_request_and_lists_none() {
    let house = with_door();
    let services = house.knock("GET", "/p/open311/services.json", "", b"").json();
    assert!(services.as_array().unwrap().iter().any(|s| s["service_code"] == "no_licence"));
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = "service_code=no_licence&description=at+home&address_string=1+Street";
    let made = house.knock("POST", "/p/open311/requests.json", kind, body.as_bytes());
    assert_eq!(made.status, 201, "{}", made.body);
    clues(&house, 1);
    let path = format!("/p/open311/tokens/{}.json", made.json()[0]["token"].as_str().unwrap());
    let receipt = house.knock("GET", &path, "", b"").json()[0]["service_request_id"].clone();
    assert!(status(&house, receipt.as_str().unwrap()).body.contains("已收到"));
    assert_eq!(house.knock("GET", "/p/open311/requests.json", "", b"").status, 405);
}

#[test]
fn a_look_up_is_kept_and_known_by_its_tag() {
    let house = with_door();
    let path = format!("/p/i/{}", slug(&house));
    let first = house.knock("GET", &path, "", b"");
    assert!(first.head.contains("max-age=300"), "{}", first.head);
    let tag = first.raw("etag: ");
    let again = house.knock("GET", &path, &format!("If-None-Match: {tag}\r\n"), b"");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    assert_eq!(house.knock("GET", "/p/i/unknown", "", b"").status, 404);
    let inner = house.knock("GET", "/api/v1/practitioners", "", b"");
    assert_eq!(inner.status, 404, "the door serves the server's own calls");
}

const URLENCODED: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

#[test]
fn a_form_of_endless_fields_is_refused_unread() {
    let house = with_door();
    for path in ["/p/report/status", "/p/report/answer", "/p/open311/requests.json"] {
        let many = house.knock("POST", path, URLENCODED, "a&".repeat(30_000).as_bytes());
        assert_eq!(many.status, 400, "{path}: {}", many.body);
        let long = house.knock("POST", path, URLENCODED, "a&".repeat(1 << 20).as_bytes());
        assert_eq!(long.status, 413, "{path}: {}", long.body);
    }
    assert_eq!(status(&house, "00000000000000000000").status, 200);
}

/// A post of pictures that is begun and never ended.
fn slow_post(house: &House, ticket: &str) -> std::net::TcpStream {
    use std::io::Write as _;
    let door = house.running().ready.public.clone().unwrap();
    let mut stream = std::net::TcpStream::connect(door.strip_prefix("http://").unwrap()).unwrap();
    let head = format!(
        "POST /p/report HTTP/1.1\r\nHost: x\r\nContent-Length: 30000000\r\n{FORM}\r\n--x\r\n\
         Content-Disposition: form-data; name=\"ticket\"\r\n\r\n{ticket}\r\n--x\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

#[test]
fn slow_posts_of_pictures_silence_no_report_in_words() {
    let house = with_door();
    let open: Vec<_> = (0..12).map(|_| slow_post(&house, &ticket(&house, 60))).collect();
    let begun = std::time::Instant::now();
    report(&house, "做激光的人没有证", &[]);
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    drop(open);
}

#[test]
fn pictures_without_a_ticket_are_not_read() {
    let house = with_door();
    let picture = vec![0u8; 200_000];
    for fields in
        [[("ticket", "1.2.3"), ("text", "x")], [("text", "x"), ("ticket", &*ticket(&house, 60))]]
    {
        let sent = send(&house, &fields, &[&picture]);
        assert!(sent.status == 422 && sent.body.contains("此页面已失效"), "{}", sent.body);
    }
    let mine = ticket(&house, 60);
    let fields = [("ticket", mine.as_str()), ("allegation", "injury"), ("text", "保留我")];
    let read = send(&house, &fields, &[&picture]);
    assert!(read.status == 422 && read.body.contains("保留我"), "{}", read.body);
}

#[test]
fn what_would_be_lost_later_has_no_receipt() {
    let house = with_door();
    let (slug, ticket) = (slug(&house), ticket(&house, 60));
    let fields = [
        ("i", slug.as_str()),
        ("ticket", &ticket),
        ("allegation", "injury"),
        ("text", "保留我"),
        ("day", "0026-03-02"),
    ];
    let sent = send(&house, &fields, &[]);
    assert!(sent.status == 422 && sent.body.contains("保留我"), "{}", sent.body);
    let body = "service_code=no_licence&description=x&address_string=1+Street%0AChengdu\
        &email=a%09b%40example.org";
    let made = house.knock("POST", "/p/open311/requests.json", URLENCODED, body.as_bytes());
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(clues(&house, 1)[0]["place"]["address"], "1 Street Chengdu");
}

#[test]
fn a_form_sent_again_with_other_words_says_so() {
    let house = with_door();
    let (slug, ticket) = (slug(&house), ticket(&house, 60));
    let with = |text: &'static str| {
        let fields =
            [("i", slug.as_str()), ("ticket", &ticket), ("allegation", "injury"), ("text", text)];
        send(&house, &fields, &[])
    };
    let (first, second) = (with("one"), with("another"));
    assert!(!first.body.contains("没有保存") && second.body.contains("没有保存"));
    assert_eq!(receipt_of(&first), receipt_of(&second));
}

#[test]
fn a_form_s_nonce_is_no_open311_token() {
    let house = with_door();
    let (slug, ticket) = (slug(&house), ticket(&house, 60));
    let fields =
        [("i", slug.as_str()), ("ticket", &ticket), ("allegation", "injury"), ("text", "x")];
    assert_eq!(send(&house, &fields, &[]).status, 201);
    clues(&house, 1);
    let nonce = ticket.split('.').nth(1).unwrap();
    let path = format!("/p/open311/tokens/{nonce}.json");
    assert_eq!(house.knock("GET", &path, "", b"").status, 404);
}

#[test]
fn no_address_leads_out_of_the_door() {
    let house = with_door();
    let page = house.knock("GET", "//evil.example/x", "", b"");
    assert_eq!(page.status, 404);
    assert!(!page.body.contains("//evil.example"), "{}", page.body);
}

#[test]
fn guessed_receipts_lead_nowhere() {
    let house = with_door();
    let mine = report(&house, "有人没证", &[]);
    clues(&house, 1);
    let number: u128 = mine.parse().unwrap();
    let near = (1..=100u128).flat_map(|n| [number.wrapping_sub(n), number.wrapping_add(n)]);
    for guess in near.map(|guess| format!("{:020}", guess % 10u128.pow(20))) {
        let answer = status(&house, &guess);
        assert!(answer.body.contains("没有此回执"), "{guess}: {}", answer.body);
    }
    assert!(status(&house, &mine).body.contains("已收到"), "the true one still leads somewhere");
}

#[test]
fn a_crowded_open311_door_takes_work_or_waiting() {
    let house = with_door().restart_with(&format!("{DOOR}reports_per_min = 1\n"));
    let body =
        format!("service_code=lending&description=x&attribute[institution]={}", slug(&house));
    let post = |more: &str| {
        let body = format!("{body}{more}");
        house.knock("POST", "/p/open311/requests.json", URLENCODED, body.as_bytes())
    };
    let refused = (0..10).map(|_| post("")).find(|answer| answer.status != 201).unwrap();
    assert!(refused.body.contains("ticket.json"), "{}", refused.body);
    let price = house.knock("GET", "/p/open311/ticket.json", "", b"").json();
    let bits = u32::try_from(price["bits"].as_u64().unwrap()).unwrap();
    assert!(price["wait_s"].as_i64().unwrap() >= 20 && bits >= 14, "{price}");
    let ticket = ticket(&house, 30);
    assert_ne!(post(&format!("&ticket={ticket}")).status, 201, "neither worked nor waited");
    let zeros = |work: &u64| {
        let hash = trust::sha256_hex(format!("{ticket}:{work}"));
        u128::from_str_radix(&hash[..32], 16).unwrap().leading_zeros() >= bits
    };
    let work = (0..100_000_000u64).find(zeros).unwrap();
    let taken = post(&format!("&ticket={ticket}&work={work}"));
    assert_eq!(taken.status, 201, "{}", taken.body);
}
