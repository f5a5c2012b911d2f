//! Enrolment on the real pack: proposal, duplicate, mix-up, confirmation, withdrawal, and pictures
//! that are none.

use std::path::PathBuf;

use protocol::down::{Command, Down};
use serde_json::{Value, json};

use server::access::Role;

use crate::access::{ask, login};
use crate::bad_input::upload;
use crate::boxes::TestBox;
use crate::house::{House, by_hand};

const CONSENT: &str = r#"{"text_version":"1","text_sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","purposes":["recognition","server_storage","keep_photo"],"scope":"clinic-1","signature":"signed","signed_at":"2026-03-02T01:00:00.000Z"}"#;

/// The mirror beside the checkout with photographs of two people, two each; `None` where it is not
/// there.
fn photographs() -> Option<Vec<Vec<Vec<u8>>>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/lfw_dev");
    let mut people = std::collections::BTreeMap::<String, Vec<PathBuf>>::new();
    let mut open = vec![folder];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).ok()?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "jpg") {
                let stem = path.file_stem()?.to_string_lossy().into_owned();
                people.entry(stem.rsplit_once('_')?.0.to_owned()).or_default().push(path);
            }
        }
    }
    let read = |paths: &Vec<PathBuf>| {
        paths.iter().take(3).filter_map(|p| std::fs::read(p).ok()).collect::<Vec<_>>()
    };
    let many: Vec<_> = people
        .values_mut()
        .filter(|p| p.len() >= 4)
        .map(|p| {
            p.sort();
            read(p)
        })
        .take(12)
        .collect();
    (many.len() >= 2).then_some(many)
}

/// A server with the real pack, once its networks are loaded.
pub(crate) fn house(test: &str) -> Option<(House, Vec<Vec<Vec<u8>>>)> {
    let found = photographs();
    let Some(people) = found else {
        eprintln!("SKIPPED {test}: real pack not found");
        return None;
    };
    let house = House::with_pack(tempfile::tempdir().unwrap(), "real");
    house.furnish();
    let deadline = std::time::Instant::now() + std::time::Duration::from_mins(1);
    loop {
        let (status, answer) = propose(&house, "p-lead", &[b"not a picture"]);
        if status != 503 {
            assert_eq!(status, 422, "{answer}");
            return Some((house, people));
        }
        let why = answer["detail"].as_str().unwrap_or_default().to_owned();
        if !why.contains("still being loaded") {
            eprintln!("SKIPPED {test}: real pack not found ({why})");
            return None;
        }
        assert!(std::time::Instant::now() < deadline, "the pack never loaded");
        std::thread::yield_now();
    }
}

fn propose(house: &House, person: &str, photos: &[&[u8]]) -> (u16, Value) {
    upload(house, &[("person", person.as_bytes()), ("consent", CONSENT.as_bytes())], photos)
}

/// The first person and photograph that the quality gate takes.
pub(crate) fn enrol_first(house: &House, person: &str, people: &[Vec<Vec<u8>>]) -> (usize, Value) {
    for (n, photos) in people.iter().enumerate() {
        let (status, answer) = propose(house, person, &[&photos[0]]);
        if status == 201 {
            return (n, answer);
        }
        assert_eq!(status, 422, "{answer}");
    }
    panic!("no photograph passed the gate");
}

#[test]
fn a_proposal_identifies_nobody_until_it_is_confirmed() {
    let Some((house, people)) = house("a_proposal_identifies_nobody_until_a_supervisor_confirms")
    else {
        return;
    };
    let token = house.must_post("devices", &json!({"id":"box-1","room":"room-1"}));
    let mut b = TestBox::provision(&house, token["provisioning_token"].as_str().unwrap());
    b.connect();
    let (_, proposed) = enrol_first(&house, "p-lead", &people);
    let of_lead = |d: &Down, confirmed: bool, templates: usize| match d {
        Down::Roster(r) => r.persons.iter().any(|p| {
            p.person.as_str() == "p-lead"
                && p.confirmed == confirmed
                && p.templates.len() == templates
        }),
        _ => false,
    };
    let body = b.told_until("roster", |d| of_lead(d, false, 1));
    let Down::Roster(roster) = body.payload else { unreachable!() };
    assert!(
        roster.rotation_seed.is_some(),
        "a turned template without its seed compares with nothing"
    );
    house.must_post(
        &format!("enrolments/{}/confirm", proposed["id"].as_str().unwrap()),
        &json!({"by":"supervisor"}),
    );
    b.told_until("roster", |d| of_lead(d, true, 1));
    assert_eq!(house.get("summary")["persons_with_templates"], 1);

    let done = house.must_post("practitioners/p-lead/withdraw", &json!({"reason":"asked"}));
    assert_eq!((&done["templates_deleted"], &done["photos_deleted"]), (&json!(1), &json!(1)));
    assert_eq!(done["devices_told"], json!(["box-1"]));
    b.told_until("roster", |d| of_lead(d, false, 0));
    assert_eq!(house.get("summary")["persons_with_templates"], 0);
}

#[test]
fn a_withdrawal_is_also_a_command() {
    let Some((house, people)) = house("a_withdrawal_is_also_a_command") else { return };
    let token = house.must_post("devices", &json!({"id":"box-1","room":"room-1"}));
    let mut b = TestBox::provision(&house, token["provisioning_token"].as_str().unwrap());
    b.connect();
    enrol_first(&house, "p-lead", &people);
    house.must_post("practitioners/p-lead/withdraw", &json!({}));
    let envelope: protocol::envelope::Envelope =
        serde_json::from_slice(&b.hear("commands")).unwrap();
    let body: protocol::down::DownBody = serde_json::from_str(&envelope.body).unwrap();
    assert_eq!(
        body.payload,
        Down::Command(Command::ForgetPerson { person: "p-lead".parse().unwrap() })
    );
}

#[test]
fn likeness_is_told_to_whoever_decides_alone() {
    let Some((house, people)) = house("likeness_is_told_to_whoever_decides_alone") else { return };
    let (first, lead) = enrol_first(&house, "p-lead", &people);
    let (status, twice) = propose(&house, "p-other", &[&people[first][0]]);
    assert_eq!(status, 201, "{twice}");
    assert_eq!(twice["duplicates"][0]["person"], "p-lead");
    // Nobody confirms what they did not see: of the second name they are told first.
    let confirm = format!("enrolments/{}/confirm", lead["id"].as_str().unwrap());
    let (status, why) = house.post(&confirm, &json!({"by":"supervisor"}));
    assert!(
        status == 409 && why["detail"].as_str().unwrap().contains("open it again"),
        "{status} {why}"
    );
    // A likeness is not clicked away: whoever confirms over it says why.
    for silent in [json!({"by":"supervisor"}), json!({"by":"supervisor","reason":"  "})] {
        let (status, why) = house.post(&confirm, &silent);
        assert!(status == 422 && why["detail"].as_str().unwrap().starts_with("reason"), "{why}");
    }
    house.must_post(&confirm, &json!({"by":"supervisor","reason":"twins, both came in person"}));
    // A stranger's face under the same name is taken as a proposal, and whoever decides is warned.
    let (stranger, unlike) = people
        .iter()
        .enumerate()
        .filter(|(n, _)| *n != first)
        .find_map(|(n, photos)| {
            let (status, answer) = propose(&house, "p-lead", &[&photos[0]]);
            (status == 201).then_some((n, answer))
        })
        .expect("no photograph of another person passed the gate");
    assert!(
        unlike["unlike_ppm"].is_i64(),
        "another person's face was taken for the same person: {unlike}"
    );
    // Two faces in one proposal are a mix-up, whoever they are.
    let (status, mixed) = propose(&house, "p-other", &[&people[first][0], &people[stranger][0]]);
    assert!(
        status == 422 && mixed["detail"].as_str().unwrap().contains("too unlike"),
        "{status} {mixed}"
    );

    let pages = [("Perhaps the same person twice", &twice), ("Unlike this person", &unlike)].map(
        |(said, made)| (said, format!("/enrolments/{}?lang=en", made["id"].as_str().unwrap())),
    );
    // To a clinic it would be a search by face (P10), or the answer whether two faces are one.
    let house = house.restart_with("[access]\naccounts = true\n");
    for (role, scope, told) in [(Role::Supervisor, "5101", true), (Role::Clinic, "clinic-1", false)]
    {
        let who = login(&house, role.as_str(), role, scope);
        for (said, path) in &pages {
            let page = ask(&house, "GET", path, &who, "");
            assert_eq!((page.status, page.body.contains(said)), (200, told), "{role:?} {said}");
        }
        let list = ask(&house, "GET", "/api/v1/enrolments", &who, "").body;
        assert_eq!(list.contains("score_ppm") || list.contains("unlike"), told, "{role:?}: {list}");
    }
}

/// Whoever proposed first, with another's face, kept the person's own clinic out.
#[test]
fn a_proposal_elsewhere_keeps_no_other_clinic_out() {
    let Some((house, people)) = house("a_proposal_elsewhere_keeps_no_other_clinic_out") else {
        return;
    };
    house.must_post(
        "institutions",
        &json!({"id":"clinic-2","name":"乙","grade_ceiling":1,"jurisdiction":"510105"}),
    );
    house.must_post(
        "practitioners",
        &json!({"id":"p-lead","name":"王主诊","category":"licensed_physician",
            "registration":"valid","sites":[
            {"institution":"clinic-1","relation":"primary","lead_of":[]},
                {"institution":"clinic-2","relation":"filed_multi_site","lead_of":[]}]}),
    );
    let at = |clinic: &str, photo: &[u8]| {
        let fields = [
            ("person", b"p-lead".as_slice()),
            ("institution", clinic.as_bytes()),
            ("consent", CONSENT.as_bytes()),
        ];
        upload(&house, &fields, &[photo])
    };
    let passing: Vec<&Vec<u8>> = people.iter().map(|photos| &photos[0]).collect();
    let (first, _) = passing
        .iter()
        .find_map(|photo| {
            Some((*photo, at("clinic-2", photo))).filter(|(_, (status, _))| *status == 201)
        })
        .expect("no photograph passed the gate");
    let honest = passing
        .iter()
        .filter(|photo| **photo != first)
        .map(|photo| at("clinic-1", photo))
        .collect::<Vec<_>>();
    let taken: Vec<_> = honest.iter().filter(|(status, _)| *status == 201).collect();
    assert!(!taken.is_empty(), "{honest:?}");
    for (_, answer) in taken {
        assert!(
            answer["unlike_ppm"].is_null(),
            "what another clinic only proposed was compared: {answer}"
        );
    }
    assert!(
        honest.iter().all(|(_, a)| !a["detail"].as_str().unwrap_or("").contains("unlike")),
        "{honest:?}"
    );
}

#[test]
fn a_change_of_the_model_makes_templates_anew() {
    let Some((house, people)) = house("a_change_of_the_model_makes_templates_anew") else { return };
    let token = house.must_post("devices", &json!({"id":"box-1","room":"room-1"}));
    let mut b = TestBox::provision(&house, token["provisioning_token"].as_str().unwrap());
    let (first, kept) = enrol_first(&house, "p-lead", &people);
    let unkept = CONSENT.replace(",\"keep_photo\"", "");
    let unkept = people.iter().enumerate().filter(|(n, _)| *n != first).find_map(|(_, photos)| {
        let fields = [("person", &b"p-other"[..]), ("consent", unkept.as_bytes())];
        let (status, answer) = upload(&house, &fields, &[&photos[0]]);
        (status == 201).then_some(answer)
    });
    for proposed in [&kept, &unkept.expect("no photograph of a second person passed the gate")] {
        house.must_post(
            &format!("enrolments/{}/confirm", proposed["id"].as_str().unwrap()),
            &json!({"by":"supervisor"}),
        );
    }
    let (pack, nobody) = (kept["pack"].clone(), house.get("enrolments/come-again"));
    assert_eq!(nobody["come_again"], json!([]));

    // The pack that made them was another one.
    let folder = house.close();
    let earlier = "UPDATE template SET embedder_sha256 = 'earlier', pack = 'earlier';
        UPDATE enrolment SET pack = 'earlier'; UPDATE embedder SET sha256 = 'earlier';";
    by_hand(&folder.path().join("data"), "faces.db", earlier);

    let house = House::with_pack(folder, "real");
    b.move_to(&house);
    b.connect();
    let body = b.told_until("roster", |d| match d {
        Down::Roster(r) => {
            r.persons.iter().any(|p| p.templates.iter().any(|t| t.embedder_sha256 != "earlier"))
        }
        _ => false,
    });
    let Down::Roster(roster) = body.payload else { unreachable!() };
    let templates = |person: &str| {
        roster
            .persons
            .iter()
            .find(|p| p.person.as_str() == person)
            .map(|p| (p.confirmed, p.templates.len()))
    };
    assert_eq!((templates("p-lead"), templates("p-other")), (Some((true, 1)), Some((false, 0))));
    let again = house.get("enrolments/come-again")["come_again"].clone();
    assert_eq!(
        (&again[0]["person"], &again[0]["because"]),
        (&json!("p-other"), &json!("no_photograph")),
        "{again}"
    );
    assert_eq!(again.as_array().unwrap().len(), 1);
    let (status, page) = house.page("/people?lang=en");
    assert!(
        status == 200 && page.contains("The model changed") && page.contains("must come again"),
        "{page}"
    );
    let id = kept["id"].as_str().unwrap();
    let (_, page) = house.page(&format!("/enrolments/{id}?lang=en"));
    assert!(page.contains("made anew of the kept photographs"), "{page}");
    let all = house.get("enrolments");
    let renewed = all["enrolments"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["id"] == kept["id"])
        .unwrap()
        .clone();
    assert_ne!(renewed["pack"], "earlier", "{renewed} {pack}");
}

#[test]
fn pictures_that_are_none_get_one_line_each() {
    let Some((house, people)) = house("pictures_that_are_none") else { return };
    let truncated = &people[0][0][..people[0][0].len() / 3];
    let huge = png_header(20_000, 20_000);
    for bad in [&b""[..], truncated, &huge[..], b"GIF89a"] {
        let (status, answer) = propose(&house, "p-lead", &[bad]);
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(
            status == 422
                && detail.starts_with("no photograph passed: photo 1: ")
                && !detail.contains('\n'),
            "{status} {answer}"
        );
    }
    enrol_first(&house, "p-lead", &people);
}

/// A PNG that says how large it is, and no more.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut chunk = b"IHDR".to_vec();
    chunk.extend_from_slice(&width.to_be_bytes());
    chunk.extend_from_slice(&height.to_be_bytes());
    chunk.extend_from_slice(&[8, 2, 0, 0, 0]);
    let crc = !chunk.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |c, _| if c & 1 == 1 { c >> 1 ^ 0xedb8_8320 } else { c >> 1 },
        )
    });
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend_from_slice(&chunk);
    png.extend_from_slice(&crc.to_be_bytes());
    png
}

#[test]
fn consent_is_withdrawn_by_page_with_a_receipt() {
    let Some((house, people)) = house("consent_is_withdrawn_by_page_with_a_receipt") else {
        return;
    };
    let (_, made) = enrol_first(&house, "p-lead", &people);
    let shown = house.page(&format!("/enrolments/{}", made["id"].as_str().unwrap())).1;
    assert!(shown.contains("知情同意") && shown.contains("/consent/p-lead"), "{shown}");
    let house = house.restart_with("[access]\naccounts = true\n");
    let kind = "Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\n";
    let send = |who: &str, body: &str| {
        let headers = format!("Cookie: zaigang={who}\r\n{kind}");
        house.send_with("POST", "/consent/p-lead", &headers, body.as_bytes())
    };
    let other = login(&house, "other", Role::Clinic, "clinic-2");
    assert_eq!(send(&other, "sure=yes").status, 404, "another clinic's word");
    let reviewer = login(&house, "reviewer", Role::Reviewer, "");
    assert_eq!(send(&reviewer, "sure=yes").status, 403);
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    assert_eq!(send(&boss, "sure=yes&institution=").status, 422, "everywhere by an empty field");
    let clinic = login(&house, "clinic", Role::Clinic, "clinic-1");
    assert_eq!(send(&clinic, "").status, 422, "unsure");
    let done = send(&clinic, "sure=yes&reason=asked");
    assert!(done.status == 200 && done.body.contains("已撤回，回执"), "{}", done.body);
    assert!(done.body.contains("锦城医疗美容门诊部"), "{}", done.body);
    let summary = ask(&house, "GET", "/api/v1/summary", &boss, "").json();
    assert_eq!(summary["persons_with_templates"], 0, "{summary}");
}
