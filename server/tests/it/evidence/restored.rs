//! A backup from before brings nobody back who left, and no registry photograph that was deleted.

use server::backup;

use super::*;

fn restored(house: House, archive: &std::path::Path) -> (House, String) {
    let config = house.running().app.config.clone();
    let folder = house.close();
    let said = backup::restore(&config, archive, "disk broke").unwrap();
    (House::with(folder, ACCOUNTS), said)
}

fn backed_up(house: &House) -> std::path::PathBuf {
    let archive = house.folder.path().join("a.zgbackup");
    backup::backup(&house.running().app.config, &archive, "nightly").unwrap();
    archive
}

fn is_out(house: &House) {
    let store = &house.running().app.store;
    let roll = store.roll(PLACE).unwrap();
    let li = roll.custodians.iter().find(|c| c.account == "li").unwrap();
    assert!(li.until.is_some(), "a removed custodian came back");
    assert_eq!((li.removed_by.as_deref(), li.versions.len()), (Some("zhao"), 0));
    assert!(store.unlock_custodian("li", jiff::Timestamp::now()).is_err());
}

#[test]
fn who_left_after_the_backup_stays_out() {
    let s = scene();
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    zhao.join(&s.house, &s.li);
    let archive = backed_up(&s.house);
    assert_eq!(zhao.removes(&s.house, &s.li).status, 200);
    let (house, said) = restored(s.house, &archive);
    assert!(said.contains("custodian `li`"), "{said}");
    is_out(&house);
    // Every later start says nothing new.
    let house = house.restart_with(ACCOUNTS);
    is_out(&house);
    let roll = house.running().app.store.roll(PLACE).unwrap();
    assert!(roll.standing("zhao", CustodianRole::Supervisor).is_some());
}

#[test]
fn a_role_that_a_restore_leaves_without_a_holder_is_told() {
    let s = scene();
    let archive = backed_up(&s.house);
    let zhao = Person::new(&s.house, "zhao", Role::Supervisor, PLACE);
    zhao.join(&s.house, &s.li);
    assert_eq!(zhao.removes(&s.house, &s.li).status, 200);
    let (house, said) = restored(s.house, &archive);
    assert!(said.contains("nobody holds version 1 of the supervisor key of 5101"), "{said}");
    is_out(&house);
}

/// Two pictures that were there when the backup was made, and are not when it is brought back.
fn pictures_come_back(buried: bool) {
    let mut s = scene();
    let order = s.delivered();
    let archive = backed_up(&s.house);
    for id in s.ids() {
        s.b.say(&json!({"type": "evidence_receipt", "finding_id": finding_id(), "items": [id],
            "step": "deleted", "reason": protocol::evidence::GIVEN_UP}));
        s.b.receipted(s.b.seq);
    }
    if buried {
        let over = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(73);
        s.house.running().app.store.expire_openings(over).unwrap();
    }
    let (house, said) = restored(s.house, &archive);
    assert!(said.contains("2 sealed picture(s) ended since the backup"), "{said}");
    let store = &house.running().app.store;
    let opening = store.opening(&order.order.as_str().parse().unwrap()).unwrap().unwrap();
    assert!(!opening.opening.state.is_live() && opening.for_supervisor.is_empty());
    for seen in store.evidence_of_finding(&s.b.id.parse().unwrap(), &finding_id()).unwrap() {
        assert!(seen.gone.is_some() && seen.item.supervisor_half.ct.is_empty(), "{seen:?}");
    }
    let house = house.restart_with(ACCOUNTS);
    let store = &house.running().app.store;
    assert_eq!(store.expire_openings(jiff::Timestamp::now()).unwrap(), 0, "they end again");
}

#[test]
fn a_picture_deleted_after_the_backup_stays_deleted() {
    pictures_come_back(true);
}

#[test]
fn a_picture_that_no_round_buried_yet_stays_deleted() {
    pictures_come_back(false);
}

#[test]
fn a_photograph_deleted_after_the_backup_stays_deleted() {
    let house = House::new();
    house.furnish();
    let faces = &house.running().app.faces;
    for person in ["p-lead", "p-other"] {
        faces.put_registry_photo(person, b"OF ANOTHER", "sun", TAKEN_AT.parse().unwrap()).unwrap();
    }
    let archive = backed_up(&house);
    let body = "--cut\r\nContent-Disposition: form-data; name=\"delete\"\r\n\r\n1\r\n--cut--\r\n";
    let head = "Content-Type: multipart/form-data; boundary=cut\r\n";
    let gone = house.send_with("POST", "/registry-photo/p-lead?lang=en", head, body.as_bytes());
    assert_eq!(gone.status, 303, "{}", gone.body);
    // Replaced, because it was another person's.
    faces.put_registry_photo("p-other", b"HIS OWN", "sun", now().parse().unwrap()).unwrap();
    let config = house.running().app.config.clone();
    let folder = house.close();
    let said = backup::restore(&config, &archive, "").unwrap();
    assert!(said.contains("2 deletion(s) since the backup replayed"), "{said}");
    let house = House::with(folder, "");
    for person in ["p-lead", "p-other"] {
        let there = house.running().app.faces.registry_photo_at(person).unwrap();
        assert_eq!(there, None, "a deleted registry photograph came back");
    }
    // What is uploaded from now on stays, over a start too.
    house
        .running()
        .app
        .faces
        .put_registry_photo("p-lead", b"NEW", "sun", now().parse().unwrap())
        .unwrap();
    let house = house.restart();
    assert!(house.running().app.faces.registry_photo_at("p-lead").unwrap().is_some());
}
