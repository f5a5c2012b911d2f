//! Words from people: closed lists are strict, wide characters are folded, invisible ones are
//! named, close ids are told.

use serde_json::{Value, json};

use crate::house::House;

fn item(code: &str, kind: &str) -> Value {
    json!({"code":code,"name_zh":"项目甲","kind":kind,"specialties":["cosmetic_surgery"],
        "surgery_grade":3,"min_operator":"licensed_physician"})
}

fn person(id: &str, name: &str, site: &Value) -> Value {
    json!({"id":id,"name":name,"category":"nurse","registration":"valid","sites":[site]})
}

fn site(more: &Value) -> Value {
    let mut site = json!({"institution":"clinic-1","relation":"primary"});
    site.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    site
}

#[test]
fn a_misspelt_word_is_refused_with_the_list_and_never_other() {
    let house = House::new();
    house.furnish();
    let plain = site(&json!({}));
    let with = |field: &str, word: &str| {
        let mut it = person("p-9", "甲", &plain);
        it[field] = json!(word);
        it
    };
    for (path, body, field, right) in [
        ("items", item("m-1", "surgrey"), "kind", "surgery"),
        ("items", item("m-1", "injektion"), "kind", "injection"),
        ("items", item("m-1", ""), "kind", "energy_device"),
        (
            "practitioners",
            person("p-9", "甲", &site(&json!({"roles":["anesthesia"]}))),
            "roles",
            "anaesthesia",
        ),
        (
            "practitioners",
            person("p-9", "甲", &site(&json!({"relation":"primery"}))),
            "relation",
            "primary",
        ),
        (
            "practitioners",
            person("p-9", "甲", &site(&json!({"lead_of":["surgery"]}))),
            "lead_of",
            "cosmetic_surgery",
        ),
        ("practitioners", with("category", "unknown"), "category", "nurse"),
        ("practitioners", with("registration", "suspnded"), "registration", "suspended"),
        ("rooms", json!({"id":"r-9","institution":"clinic-1","mode":"inside"}), "mode", "in_room"),
    ] {
        let (status, answer) = house.post(path, &body);
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert_eq!(status, 422, "{body}: {answer}");
        let named = detail.split(": ").next().unwrap_or_default();
        assert!(
            named.ends_with(field)
                && detail.contains(right)
                && !detail.contains(&format!(": {field}: ")),
            "{detail}"
        );
    }
    house.must_post("items", &item("m-2", "Surgery"));
    assert_eq!(house.get("items?q=m-2")["items"][0]["kind"], "surgery");
}

#[test]
fn a_misspelt_word_of_a_table_names_its_column() {
    let house = House::new();
    house.furnish();
    let text =
        "code,name_zh,kind,specialties,min_operator\nm-5,甲,treatmnt,cosmetic_surgery,nurse\n";
    let answer = house.send("POST", "/api/v1/import/items", "text/csv", text.as_bytes());
    let fault = answer.json()["faults"][0].clone();
    assert_eq!(
        (answer.status, &fault["column"], &fault["line"]),
        (422, &json!("kind"), &json!(2)),
        "{fault}"
    );
    assert!(fault["text"].as_str().unwrap().starts_with("`treatmnt` is none"), "{fault}");
}

#[test]
fn what_a_chinese_keyboard_types_is_read() {
    let house = House::new();
    house.furnish();
    house.must_post("practitioners", &person("ｐ－００９", "　王芳　", &site(&json!({}))));
    let found = house.get("practitioners?q=p-009");
    assert_eq!(found["practitioners"][0]["name"], "王芳", "{found}");
    let import = |noun: &str, text: &str| {
        house.send("POST", &format!("/api/v1/import/{noun}"), "text/csv", text.as_bytes()).json()
    };
    let people = "id，name，category，registration，institution，relation\np-012，甲，nurse，valid，\
        clinic-1，primary\n";
    assert_eq!(import("practitioners", people)["stored"], true);
    let items = "code,name_zh,kind,specialties,surgery_grade,min_operator\nw-1,甲\
        ,surgery,cosmetic_surgery,２,nurse\n";
    assert_eq!(import("items", items)["stored"], true);
    let places = "id,name,filed_items,jurisdiction\nc-w,甲,laser-1；w-1,５１０１００\n";
    let answer = import("institutions", places);
    assert_eq!(answer["stored"], true, "{answer}");
    let found = house.get("institutions?q=c-w");
    assert_eq!(found["institutions"][0]["filed_items"], json!(["laser-1", "w-1"]));
}

#[test]
fn an_invisible_character_is_refused_by_its_number() {
    let house = House::new();
    house.furnish();
    for hidden in ["\u{200b}", "\u{202e}", "\u{2028}", "\u{3164}", "\u{ad}"] {
        let (status, answer) = house
            .post("practitioners", &person("p-9", &format!("王{hidden}芳"), &site(&json!({}))));
        let number = format!("U+{:04X}", u32::from(hidden.chars().next().unwrap()));
        assert!(
            status == 422 && answer["detail"].as_str().unwrap().contains(&number),
            "{status} {answer}"
        );
        let text = format!("id,name,jurisdiction\nc-9,锦{hidden}城,510104\n");
        let answer = house.send("POST", "/api/v1/import/institutions", "text/csv", text.as_bytes());
        assert!(answer.status == 422 && answer.body.contains(&number), "{}", answer.body);
    }
    // By the form too, beside its field.
    let form = "id=c-9&name=%E9%94%A6%E2%80%AE%E5%9F%8E&jurisdiction=510104&grade_ceiling=0";
    let kind = "application/x-www-form-urlencoded";
    let page = house.send("POST", "/registry/institutions/new?lang=en", kind, form.as_bytes());
    assert!(page.status == 422 && page.body.contains("U+202E"), "{} {}", page.status, page.body);
    assert_eq!(house.get("institutions")["institutions"].as_array().unwrap().len(), 1);
}

#[test]
fn search_sees_no_width_case_or_kind_of_dot() {
    let house = House::new();
    house.furnish();
    house.must_post("practitioners", &person("P-Abc", "阿卜杜拉·买买提", &site(&json!({}))));
    for sought in ["阿卜杜拉•买", "拉・买", "拉‧买", "拉∙买", "ｐ－ＡＢＣ", "p-abc"]
    {
        let encoded = sought.bytes().fold(String::new(), |text, b| format!("{text}%{b:02X}"));
        let found = house.get(&format!("practitioners?q={encoded}"));
        assert_eq!(found["practitioners"].as_array().unwrap().len(), 1, "{sought}");
    }
}

#[test]
fn a_new_id_that_is_close_to_another_is_told() {
    let house = House::new();
    house.furnish();
    house.must_post("practitioners", &person("007", "甲一", &site(&json!({}))));
    let head = "id,name,category,registration,institution,relation\n";
    let import = |rows: &str, more: &str| {
        let path = format!("/api/v1/import/practitioners?{more}");
        house.send("POST", &path, "text/csv", format!("{head}{rows}").as_bytes())
    };
    let row = |id: &str| format!("{id},甲一,nurse,valid,clinic-1,primary\n");
    let answer = import(&row("7"), "dry_run=true").json();
    let told = answer["faults"][0]["text"].as_str().unwrap_or_default().to_owned();
    assert!(told.contains("`7` is new") && told.contains("`007` exists"), "{answer}");
    assert_eq!(import(&row("7"), "").status, 422, "a lost zero made a second person");
    assert_eq!(import(&(row("21") + &row("021")), "").status, 422, "of one file");
    assert_eq!(import(&row("007"), "").json()["replaced"], 1, "the same id is no other");
    assert_eq!(import(&row("7"), "near_ids=true").json()["created"], 1);
    let made = house.must_post("practitioners", &person("0007", "甲一", &site(&json!({}))));
    assert_eq!(made["near"], json!(["007", "7"]));

    let kind = "application/x-www-form-urlencoded";
    let form = "id=CLINIC-01&name=x&jurisdiction=510104&grade_ceiling=0";
    let page = house.send("POST", "/registry/institutions/new?lang=en", kind, form.as_bytes());
    assert!(
        page.status == 422 && page.body.contains("clinic-1") && page.body.contains("near_ids"),
        "{}",
        page.body
    );
    let page = house.send(
        "POST",
        "/registry/institutions/new",
        kind,
        format!("{form}&near_ids=on").as_bytes(),
    );
    assert_eq!(page.status, 303);
}

#[test]
fn a_free_text_takes_no_line_break_and_has_an_end() {
    let house = House::new();
    house.furnish();
    let place = |field: &str, text: &str| {
        let mut it = json!({"id":"c-9","name":"x","jurisdiction":"510104"});
        it[field] = json!(text);
        ("institutions", it)
    };
    let room = |text: &str| {
        ("rooms", json!({"id":"r-9","institution":"clinic-1","mode":"in_room","name":text}))
    };
    let long = "长".repeat(201);
    for (path, body) in [
        place("kind", "门诊部\nc-8,x"),
        place("kind", &long),
        place("name", &long),
        room("一\n二"),
        room(&long),
        ("items", {
            let mut it = item("m-9", "surgery");
            it["name_en"] = json!("a\nb");
            it
        }),
        ("items", {
            let mut it = item("m-9", "surgery");
            it["jurisdiction"] = json!("Sichuan");
            it
        }),
    ] {
        let (status, answer) = house.post(path, &body);
        assert_eq!(status, 422, "{path}: {answer}");
    }
    let open = "id,institution,name,mode\nr-1,clinic-1,\"甲,in_room\nr-2,clinic-1,乙,in_room\n";
    let answer = house.send("POST", "/api/v1/import/rooms", "text/csv", open.as_bytes());
    assert!(
        answer.status == 422 && answer.body.contains("quotation mark"),
        "{} {}",
        answer.status,
        answer.body
    );
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Enters something about the filing of faces over its page; gives the note as it is kept.
fn filed(house: &House, note: &str) -> Result<String, String> {
    let form = format!("kind=filed&on=2026-01-05&note={note}");
    let answer = house.send("POST", "/filing?lang=en", FORM, form.as_bytes());
    if answer.status != 303 {
        return Err(answer.body);
    }
    let events = house.get("filing")["events"].as_array().unwrap().clone();
    Ok(events.last().unwrap()["note"].as_str().unwrap().to_owned())
}

#[test]
fn what_nobody_sees_is_in_no_text_of_a_page() {
    let house = House::new();
    let turned = "%E7%8E%8B%E2%80%AE%E8%8A%B3%E2%80%8B";
    assert_eq!(filed(&house, turned).as_deref(), Ok("王芳"));
    let body = json!({"kind":"filed","on":"2026-01-05","note":"王\u{202e}芳"});
    let (status, answer) = house.post("filing", &body);
    assert!(status == 422 && answer["detail"].as_str().unwrap().contains("U+202E"), "{answer}");
}

#[test]
fn a_long_text_is_refused_and_never_cut() {
    let house = House::new();
    let whole = "a".repeat(400);
    assert_eq!(filed(&house, &whole), Ok(whole.clone()));
    let refused = filed(&house, &format!("{whole}b")).unwrap_err();
    assert!(refused.contains("at most 400 characters are taken, 401 were given"), "{refused}");
    let body = json!({"kind":"filed","on":"2026-01-05","note":format!("{whole}b")});
    assert_eq!(house.post("filing", &body).0, 422);
    assert_eq!(house.get("filing")["events"].as_array().unwrap().len(), 1);
    // Why something was done, as a header; the audit log kept its first 200 characters.
    let why = |length: usize| {
        let header = format!("X-Why: {}\r\n", "a".repeat(length));
        house.send_with("GET", "/api/v1/institutions", &header, b"").status
    };
    assert_eq!((why(401), why(400)), (422, 200));
}

#[test]
fn a_reason_that_nobody_sees_is_none() {
    let house = House::new();
    let package = |why: &str| {
        let path = format!("/api/v1/alerts/{}/package?why={why}", crate::boxes::alert_of('1'));
        house.send("GET", &path, "text/plain", b"").status
    };
    for unseen in ["", "%20", "%E2%80%8B", "%EF%BB%BF%E3%80%80"] {
        assert_eq!(package(unseen), 422, "{unseen}");
    }
    assert_eq!(package("case-17"), 404, "a reason was given, and there is no such lead");
}

#[test]
fn a_misspelt_word_of_a_page_does_nothing() {
    let more = "[outgoing]\nwebhook_origins = [\"https://hooks.example.cn\"]\n";
    let house = House::with(tempfile::tempdir().unwrap(), more);
    assert_eq!(house.page("/sessions?state=opne").0, 400);
    assert_eq!(house.page("/sessions?state=open").0, 200);
    let kind = house.send("GET", "/api/v1/alerts?kind=Integrty", "text/plain", b"");
    assert!(kind.status == 400 && kind.body.contains("RecordMismatch"), "{}", kind.body);
    assert_eq!(house.get("alerts?kind=Integrity")["alerts"], json!([]));
    // Whatever it means, it is not the other word.
    let hook = "id=duty&kind=e-mail&target=https://hooks.example.cn/x&min_severity=2";
    let answer = house.send("POST", "/hooks?lang=en", FORM, hook.as_bytes());
    assert!(answer.body.contains("webhook or email"), "{}", answer.body);
    assert_eq!(house.get("hooks")["hooks"], json!([]));
    let policy = "jurisdiction=510104&reason=x&act=previw";
    let answer = house.send("POST", "/policy?lang=en", FORM, policy.as_bytes());
    assert_ne!(answer.status, 303, "a misspelt preview put a policy in force");
    let meant = "jurisdiction=510104&reason=x";
    assert_eq!(house.send("POST", "/policy?lang=en", FORM, meant.as_bytes()).status, 303);
}
