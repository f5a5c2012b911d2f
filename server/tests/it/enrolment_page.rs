//! The page of an enrolment, and of a withdrawal: who proposed it, what was signed, both sides of
//! the comparison in one card, and what each box said of the templates that it deleted.

use serde_json::json;
use server::access::Role;

use crate::access::{ask, named_login};
use crate::boxes::TestBox;
use crate::enrolment::{enrol_first, house};
use crate::house::{House, by_hand};

#[test]
fn an_enrolment_says_who_proposed_and_what_was_signed() {
    let Some((house, people)) = house("an_enrolment_says_who_proposed_and_what_was_signed") else {
        return;
    };
    let (_, made) = enrol_first(&house, "p-lead", &people);
    let id = made["id"].as_str().unwrap();
    let path = format!("/enrolments/{id}");
    let seen = house.page(&path).1;
    assert!(seen.contains("提交人"), "{seen}");
    // The record holds a hash alone: the words are made anew, and it is said that they differ.
    assert!(seen.contains("处理的信息：本人面部照片"), "no text of the consent: {seen}");
    assert!(seen.contains("签署的是旧版本 1，以下为现行版本"), "{seen}");
    let card = seen.split("<section").find(|card| card.contains("本次采集")).unwrap();
    for beside in ["注册信息", "主管部门尚未上传此人的注册照片", "value=\"confirm\""]
    {
        assert!(card.contains(beside), "{beside} stands in another card: {card}");
    }
    house.must_post(&format!("enrolments/{id}/confirm"), &json!({"by": "boss"}));

    let folder = house.close();
    let proposed = "UPDATE enrolment SET proposed_by = 'jin'";
    by_hand(&folder.path().join("data"), "faces.db", proposed);
    let house = House::with(folder, "[access]\naccounts = true\n");
    let boss = named_login(&house, ("boss", "赵监督"), Role::Supervisor, "5101");
    let clinic = named_login(&house, ("jin", "金护士"), Role::Clinic, "clinic-1");
    let seen = ask(&house, "GET", &path, &boss, "").body;
    for named in ["金护士 <small>jin</small>", "赵监督 <small>boss</small>"] {
        assert!(seen.contains(named), "{named}: {seen}");
    }
    let told = ask(&house, "GET", &path, &clinic, "").body;
    assert!(told.contains("金护士 <small>jin</small>") && told.contains("主管部门"), "{told}");
    assert!(!told.contains("赵监督") && !told.contains("boss"), "a clinic reads who decided");
    let person = ask(&house, "GET", "/people/p-lead", &boss, "").body;
    assert!(person.contains("处理的信息：本人面部照片"), "no text on the person's page: {person}");
}

#[test]
fn a_boxs_receipt_stands_on_every_later_look() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    house.must_post("practitioners/p-lead/withdraw", &json!({"reason": "本人要求"}));
    let waits = house.page("/consent/p-lead").1;
    assert!(waits.contains("已撤回，回执") && waits.contains("待确认"), "{waits}");
    b.say(&json!({"type": "knowledge_ack", "kind": "command", "version": 1, "applied": true,
        "templates_deleted": ["p-lead"]}));
    b.receipted(1);
    let said = house.page("/consent/p-lead").1;
    assert!(said.contains(">已删除</span>") && !said.contains("待确认"), "{said}");
    assert!(said.contains("本人要求") && said.contains("box-1"), "{said}");
    let other = house.page("/consent/p-other").1;
    assert!(!other.contains("已撤回，回执"), "another's withdrawal: {other}");
}
