//! A house in which something stands on every page: leads in three states, a case with an entry, a
//! clue, a self-check with answers, a correction, a replaced box, a trial of policy numbers with
//! its answer, an opening of sealed pictures, requests, papers. Whoever looks at every page looks
//! at this one, in a browser too (`examples/furnished_house.rs`).

use std::ops::Deref;
use std::path::Path;

use serde_json::{Value, json};
use server::access::Role;
use server::store::{DeliveryEvent, NewDelivery};

use crate::access::{ask, login};
use crate::boxes::{TestBox, finding, health};
use crate::evidence::opened_in;
use crate::house::{House, by_hand};

/// A proposal that nobody decided; its photographs need networks, its page does not.
const PROPOSAL: &str = "INSERT INTO enrolment (id, person, institution, state, pack, proposed_at,
    outcome, consent, proposed_by) VALUES ('e-1', 'p-lead', 'clinic-1', 'proposed', 'avatar',
    '2026-03-02T01:00:00.000Z', '{}', '{\"text_version\":\"2026-2\",\"text_sha256\":\"a1\",
    \"purposes\":[\"recognition\"],\"scope\":\"clinic-1\",\"signature\":\"王主诊\",
    \"signed_at\":\"2026-03-02T01:00:00.000Z\"}', 'chen')";

/// Names of its things and people, with the ids that stand beside them.
pub(crate) const NAMED: [(&str, &str); 5] = [
    ("锦城医疗美容门诊部", "clinic-1"),
    ("激光一室", "room-1"),
    ("王主诊", "p-lead"),
    ("李医生", "p-other"),
    ("门口一号机", "box-1"),
];

/// What is opened by name: with the pages of it, of which a reader opens one, another or none.
pub(crate) const OPENED: [(&str, &str, &[&str]); 6] = [
    (NAMED[0].0, NAMED[0].1, &["/institutions/clinic-1", "/registry/institutions/clinic-1"]),
    (NAMED[1].0, NAMED[1].1, &["/rooms/room-1", "/registry/rooms/room-1"]),
    (NAMED[2].0, NAMED[2].1, &["/people/p-lead", "/registry/people/p-lead"]),
    (NAMED[3].0, NAMED[3].1, &["/people/p-other", "/registry/people/p-other"]),
    (NAMED[4].0, NAMED[4].1, &["/devices/box-1"]),
    ("激光脱毛", "laser-1", &["/registry/items/laser-1"]),
];

/// Both look at sealed pictures, so they are there before the others.
const CUSTODIANS: [&str; 2] = ["w-supervisor", "w-reviewer"];

/// The house, and what stands at the addresses of its pages.
pub(crate) struct Furnished {
    house: House,
    clue: String,
    check: String,
    trial: String,
    opening: String,
}

impl Deref for Furnished {
    type Target = House;

    fn deref(&self) -> &House {
        &self.house
    }
}

impl Furnished {
    pub(crate) fn new() -> Self {
        Self::within(&std::env::temp_dir())
    }

    /// In a folder of its own within this one.
    pub(crate) fn within(folder: &Path) -> Self {
        let house = House::with(tempfile::tempdir_in(folder).unwrap(), "");
        let mut b = TestBox::provision(&house, &house.furnish());
        b.connect();
        let trial = recorded(&house, &mut b);
        papers(&house);
        let check = self_check(&house);
        b.vanish();
        assert!(!login(&house, "chen", Role::Admin, "").is_empty());
        let folder = house.close();
        by_hand(&folder.path().join("data"), "faces.db", PROPOSAL);
        let house = House::with(folder, "[access]\naccounts = true\n");
        let clue = of_people(&house);
        let (house, opening) = opened_in(house, b, CUSTODIANS);
        Self { house, clue, check, trial, opening }
    }

    /// Somebody of this role, logged in.
    pub(crate) fn login(&self, role: Role, scope: &str) -> String {
        let name = format!("w-{}", role.as_str());
        if CUSTODIANS.contains(&name.as_str()) {
            return format!("login-of-{name}");
        }
        login(&self.house, &name, role, scope)
    }

    /// The addresses of a route's pages: each place in it filled with what stands there.
    pub(crate) fn addresses(&self, path: &str) -> Vec<String> {
        if path.contains("{noun}") {
            return nouns(path);
        }
        let ids: Vec<String> = match path {
            p if p.starts_with("/alerts/") => ['1', '2', '3'].map(crate::boxes::alert_of).to_vec(),
            p if p.starts_with("/rooms/") => vec!["room-1".to_owned()],
            p if p.starts_with("/institutions/") => vec!["clinic-1".to_owned()],
            p if p.starts_with("/devices/") => vec!["box-1".to_owned(), "box-2".to_owned()],
            p if p.starts_with("/sessions/") => vec!["s-1".to_owned(), "s-2".to_owned()],
            p if p.starts_with("/accounts/") => vec!["chen".to_owned()],
            p if p.starts_with("/enrolments/") => vec!["e-1".to_owned()],
            p if p.starts_with("/clues/") => vec![self.clue.clone()],
            p if p.starts_with("/evidence/") => vec![self.opening.clone()],
            p if p.starts_with("/self-checks/") => vec![self.check.clone()],
            p if p.starts_with("/policy/trials/") => vec![self.trial.clone()],
            _ => vec!["p-lead".to_owned()],
        };
        let at = |id: &String| {
            path.replace("{id}", id).replace("{sha256}", "0000").replace("{kind}", "decision")
        };
        let mut all: Vec<String> = ids.iter().map(at).collect();
        all.dedup();
        all
    }
}

fn nouns(path: &str) -> Vec<String> {
    let of = [
        ("institutions", "clinic-1"),
        ("people", "p-lead"),
        ("rooms", "room-1"),
        ("items", "laser-1"),
        ("passes", "pass-1"),
    ];
    of.iter().map(|(noun, id)| path.replace("{noun}", noun).replace("{id}", id)).collect()
}

/// What boxes said and clinics stated; gives the id of a trial.
fn recorded(house: &House, b: &mut TestBox) -> String {
    house.must_post(
        "rooms",
        &json!({"id": "room-1", "name": "激光一室", "institution": "clinic-1", "mode": "in_room",
            "zones": {"operator": [[[0, 0], [500, 0], [500, 500]]], "bed": [], "companion": [],
            "door": [], "privacy_mask": []}}),
    );
    house.running().app.store.plan_box("box-1", "门口一号机", Some("2026-03-01")).unwrap();
    let mut said = finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2");
    said["explanation"] = json!({"zh": "疑似挂证：登记主诊p-lead未到场，由p-other操作",
        "en": "Suspected: the declared lead p-lead never entered, p-other operated"});
    b.say(&said);
    b.say(&finding('b', '2', "opened", 1, "UQ-1", "UnlicensedOperator", "L3"));
    b.say(&finding('c', '3', "opened", 1, "HB-3", "Integrity", "L1"));
    b.say(&health());
    b.receipted(b.seq);
    house.must_post("devices", &json!({"id": "box-2", "room": "room-1"}));
    house.must_post("devices/box-2/revoke", &json!({}));
    house.must_post(
        "sessions",
        &json!({"id": "s-2", "room": "room-1", "item": "laser-1", "declared_lead": "p-lead",
            "start": "2026-03-02T01:00:00Z",
            "end": "2026-03-02T02:00:00Z"}),
    );
    house.must_post(
        "passes",
        &json!({"id": "pass-1", "person": "p-other", "institution": "clinic-1",
            "purpose": "trainee", "supervisor": "p-lead", "from": "2026-03-01T00:00:00Z",
            "to": "2099-03-01T00:00:00Z"}),
    );
    case(house);
    let asked = json!({"jurisdiction": "5101", "changes": {"uq_op_ms": 30_000, "hb3_ms": 60_000}});
    let trial = house.must_post("policy/trials", &asked)["id"].as_str().unwrap().to_owned();
    b.say(&json!({"type": "policy_trial_answer", "trial": trial, "days": ["2026-03-02"],
        "days_left_out": 1, "counts": [{"setting": "uq_op_ms", "rule": "UQ-1", "now": 1,
        "appear": 2, "vanish": 0, "other_severity": 1}]}));
    b.receipted(b.seq);
    trial
}

fn case(house: &House) {
    let path = format!("alerts/{}", crate::boxes::alert_of('1'));
    for (by, step) in [("w-wang", "uphold"), ("w-li", "uphold"), ("w-wang", "go_on_site")] {
        house.must_post(&format!("{path}/steps"), &json!({"step": step, "by": by, "note": "已看"}));
    }
    let officers =
        json!([{"name": "王督", "certificate": "A-1"}, {"name": "李督", "certificate": "A-2"}]);
    let opened = json!({"by": "w-wang", "case_number": "立〔2026〕1号", "officers": officers});
    house.must_post(&format!("{path}/case"), &opened);
    let today = server::clock::today().to_string();
    let told = json!({"kind": "notified", "hearing_offered": true,
        "penalties": [{"kind": "fine", "amount_yuan": 30_000}]});
    let entry = json!({"by": "w-wang", "on": today, "entry": told});
    house.must_post(&format!("{path}/case/entries"), &entry);
}

/// What the authority and the person have written.
fn papers(house: &House) {
    let policy = json!({"jurisdiction": "5101", "settings": {"ll2_days": 20}, "reason": "试行"});
    house.must_post("policy", &policy);
    house.must_post("filing", &json!({"kind": "changed", "on": "2026-03-02"}));
    let made = house.must_post("practitioners/p-lead/links", &json!({"purpose": "own_data"}));
    let own = made["link"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let asked = json!({"step": "request", "about": "correction", "text": "注册状态应为有效"});
    house.must_post(&format!("personal/{own}"), &asked);
}

/// A special check that its clinic has begun; the correction of an L1 comes by itself.
fn self_check(house: &House) -> String {
    house.must_post("checklists", &json!({}));
    let special = json!({"institution": "clinic-1", "from": "2026-03-01", "to": "2026-03-31"});
    let id = house.must_post("self-checks", &special)["id"].as_str().unwrap().to_owned();
    let no = json!({"item": "mc-01", "value": "no", "note": "新员工未培训"});
    house.must_post(&format!("self-checks/{id}/answers"), &no);
    house.until("corrections", |c| !c["corrections"].as_array().unwrap().is_empty());
    id
}

/// A hotline's program, whose token has a name of this house.
fn partner(house: &House) -> String {
    let (token, from) = ("token-of-a-hotline", "2026-01-01T00:00:00.000Z".parse().unwrap());
    let (hash, until) = (trust::sha256_hex(token), "2099-01-01T00:00:00.000Z".parse().unwrap());
    let store = &house.running().app.store;
    store.put_api_token(&hash, "w-hotline", Role::Partner, "hotline/5101", from, until).unwrap();
    token.to_owned()
}

/// What takes a person's own login; gives the id of a clue.
fn of_people(house: &House) -> String {
    let boss = login(house, "w-boss", Role::Supervisor, "5101");
    let clinic = login(house, "w-jin", Role::Clinic, "clinic-1");
    let good = |who: &str, path: &str, body: &Value| {
        let made = ask(house, "POST", &format!("/api/v1/{path}"), who, &body.to_string());
        assert!((200..300).contains(&made.status), "{path}: {} {}", made.status, made.body);
        made.json()
    };
    let answer = "目的限于发现线索，由两人复核，必要性见附件。";
    let assessed = json!({"occasion": "first", "on": "2026-03-02", "assessor": "王评估",
        "lawful": answer, "effect": answer, "risk": answer, "protection": answer,
        "security_grade": "三级", "conclusion": "use_once_mended", "next_on": "2027-03-02"});
    good(&login(house, "w-all", Role::Supervisor, ""), "impact-assessments", &assessed);
    let proposed = json!({"step": "propose", "undressing": true, "note": "纹绣"});
    good(&clinic, "room-classes/room-1", &proposed);
    let noted = json!({"step": "comment", "note": "@w-boss 请复核此条"});
    good(&boss, &format!("alerts/{}/steps", crate::boxes::alert_of('2')), &noted);
    let sent = json!({"external_no": "12345-7", "institution": "clinic-1", "room": "room-1",
        "allegation": "lending", "text": "挂证", "from_at": "2026-03-02T01:00:00Z",
        "to_at": "2026-03-02T02:00:00Z"});
    for event in [DeliveryEvent::AlertOpened, DeliveryEvent::CaseLate] {
        let next_at = "2099-01-01T00:00:00.000Z".parse().unwrap();
        let it =
            NewDelivery { hook: "duty".into(), event, alert: None, body: String::new(), next_at };
        house
            .running()
            .app
            .store
            .add_delivery(&it, "2026-03-02T01:00:00.000Z".parse().unwrap())
            .unwrap();
    }
    let clue = good(&partner(house), "clues", &sent);
    let id = clue["id"].as_str().unwrap().to_owned();
    good(&boss, &format!("clues/{id}/steps"), &json!({"step": "accept"}));
    id
}

/// Pieces of a page that hold one thing each, as they stand in it.
fn blocks(body: &str) -> Vec<&str> {
    let main = body.split_once("<main").map_or("", |b| b.1);
    let main = main.split_once("</main>").map_or(main, |b| b.0);
    let begins = ["<li", "<tr", "<p", "<h1", "<h2", "<h3", "<dd", "<section", "<legend", "<label"];
    let mut cuts: Vec<usize> = Vec::new();
    for begin in begins {
        let whole = |at: &usize| {
            main[at + begin.len()..].starts_with(|c: char| c == '>' || c.is_whitespace())
        };
        cuts.extend(main.match_indices(begin).map(|found| found.0).filter(whole));
    }
    cuts.extend([0, main.len()]);
    cuts.sort_unstable();
    let pieces = cuts.windows(2).map(|two| &main[two[0]..two[1]]);
    // The way back names what the heading below names with its id.
    pieces.filter(|piece| !piece.starts_with("<p class=\"crumbs\"")).collect()
}

/// What no name of a piece is read in: choices of lists, what is typed, drawings.
const UNREAD: [&str; 4] = ["select", "textarea", "datalist", "svg"];

/// What is a link already, what is pressed and ticked, and words that were signed as they stand.
const SETTLED: [&str; 5] = ["a", "label", "button", "legend", "blockquote"];

/// A piece without its choices of lists, what is typed, and what stands within tags.
fn read(block: &str) -> String {
    without(block, &UNREAD)
}

/// The text of a piece, but for what stands within these.
fn without(block: &str, unread: &[&str]) -> String {
    let mut text = String::new();
    let mut hushed: Option<String> = None;
    for tag in block.split('<') {
        let (name, behind) = tag.split_once('>').unwrap_or(("", tag));
        let word: String = name.chars().take_while(|c| *c == '/' || c.is_alphabetic()).collect();
        match &hushed {
            Some(of) if word == format!("/{of}") => hushed = None,
            Some(_) => continue,
            None if unread.contains(&word.as_str()) => {
                hushed = Some(word);
                continue;
            }
            None => {}
        }
        text.push_str(behind);
        text.push(' ');
    }
    text
}

/// Names that stand in a piece without their ids.
pub(crate) fn bare_names(body: &str) -> Vec<String> {
    let mut bare = Vec::new();
    for block in blocks(body) {
        let text = read(block);
        for (name, id) in NAMED {
            if text.contains(name) && !text.contains(id) {
                let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
                bare.push(format!("{name} in “{}”", text.chars().take(80).collect::<String>()));
            }
        }
    }
    bare
}

/// Names that stand in a piece and are no link; but for those that are opened here, or nowhere.
pub(crate) fn unlinked_names(body: &str, opens: impl Fn(&[&str]) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let unread = [&UNREAD[..], &SETTLED].concat();
    for block in blocks(body) {
        let text = without(block, &unread);
        for (name, _, pages) in OPENED {
            if text.contains(name) && opens(pages) {
                let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
                found.push(format!("{name} in “{}”", text.chars().take(80).collect::<String>()));
            }
        }
    }
    found
}

/// Ids that stand in a piece without their names: nobody knows people by them.
pub(crate) fn bare_ids(body: &str) -> Vec<String> {
    let of_an_id = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let stands = |text: &str, id: &str| {
        text.match_indices(id).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + id.len()..]);
            !before.ends_with(of_an_id) && !after.starts_with(of_an_id)
        })
    };
    let mut bare = Vec::new();
    for block in blocks(body) {
        let text = read(block);
        for (name, id) in NAMED {
            // A link of a chain is called by its box's id and its number.
            let is_chain = text.contains(&format!("{id} / "));
            if stands(&text, id) && !text.contains(name) && !is_chain {
                let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
                bare.push(format!("{id} in “{}”", text.chars().take(80).collect::<String>()));
            }
        }
    }
    bare
}

#[test]
fn an_id_without_its_name_is_found() {
    let page = "<main><p>激光一室 <small>room-1</small></p><li>room-1</li><p>room-10</p>\
        <td>由p-lead操作</td></main>";
    assert_eq!(bare_ids(page), ["room-1 in “room-1”", "p-lead in “room-10 由p-lead操作”"]);
}

#[test]
fn a_name_that_is_no_link_is_found() {
    let page = "<main><p><a href=\"/rooms/room-1\">激光一室</a> 由王主诊操作</p><li>李医生</li>\
        <label>激光一室</label><td>门口一号机</td></main>";
    let found = unlinked_names(page, |pages| pages != ["/devices/box-1"]);
    assert_eq!(found, ["王主诊 in “由王主诊操作”", "李医生 in “李医生”"]);
}

#[test]
fn a_name_without_its_id_is_found() {
    let page = "<main><p>诊室 激光一室 <small>room-1</small></p><li>王主诊</li>\
        <label>人员 <select><option>李医生</option></select></label></main>";
    let bare = bare_names(page);
    assert_eq!(bare, ["王主诊 in “王主诊”"]);
}
