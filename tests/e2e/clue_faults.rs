//! The server is killed in every state of a clue's handling: a step is taken whole or not at all,
//! and its record says the same as its state. What a stranger put in at the public door waits for
//! the server that comes back: it is taken in once.

use e2e::api::Api;
use e2e::boxes::{furnish, until};
use e2e::programs::Program;
use e2e::server::{ServerPlan, api};
use serde_json::{Value, json};

/// A server that is killed and started again, always at the same address.
struct Stage {
    plan: ServerPlan,
    server: Program,
    api: Api,
    door: Api,
    kills: u32,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let more = "[public]\nlisten = \"127.0.0.1:0\"\n".to_owned();
        let plan = ServerPlan { more, ..ServerPlan::embedded(folder.path()) };
        let (server, ready) = plan.start(&[]).unwrap();
        let (plan, api) = (plan.at(&ready), api(&ready));
        furnish(&api).unwrap();
        let door = Api::new(&ready.public.unwrap());
        Self { plan, server, api, door, kills: 0, _folder: folder }
    }

    fn start(&mut self, environment: &[(&str, &str)]) {
        let (server, ready) = self.plan.start(environment).unwrap();
        (self.server, self.door) = (server, Api::new(&ready.public.unwrap()));
    }

    fn restart(&mut self, environment: &[(&str, &str)]) {
        self.server.kill().unwrap();
        self.start(environment);
    }

    /// Puts something in at the door while the server that takes it in is killed in that state, and
    /// starts it again. The stranger may be answered before.
    fn killed_behind_the_door(&mut self, state: &str, put_in: impl Fn(&Api)) {
        self.restart(&[("ZAIGANG_KILL_AT", &format!("{state}:1"))]);
        put_in(&self.door);
        until(state, || self.server.ended().unwrap().is_some()).unwrap();
        self.kills += 1;
        self.start(&[]);
    }

    /// Does something during which the server is killed in that state, and starts it again.
    fn killed_at(&mut self, state: &str, path: &str, body: &Value) {
        self.restart(&[("ZAIGANG_KILL_AT", &format!("{state}:1"))]);
        assert!(self.api.post(path, body).is_err(), "{state} was not reached by {body}");
        until(state, || self.server.ended().unwrap().is_some()).unwrap();
        self.kills += 1;
        self.start(&[]);
    }

    fn clues(&self) -> Vec<Value> {
        self.api.get("clues").unwrap()["clues"].as_array().unwrap().clone()
    }
}

/// The states as the server names them; the tests may not import it, so its source is read.
fn states(list: &str) -> Vec<String> {
    let path = e2e::programs::root().join("server/core/src/clue/fault.rs");
    let source = std::fs::read_to_string(path).unwrap();
    let list = source.split(&format!("{list}: &[&str] = &[")).nth(1).unwrap();
    let list = list.split("];").next().unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A call about an hour of a room.
fn call(number: usize) -> Value {
    json!({"external_no": format!("12345-{number}"), "institution": "inst-1", "room": "room-1",
        "allegation": "lending", "text": format!("第 {number} 件"),
        "from_at": "2026-03-02T01:00:00Z", "to_at": "2026-03-02T02:00:00Z"})
}

#[test]
fn a_kill_while_a_clue_comes_in_stores_it_once_or_not() {
    let mut stage = Stage::new();
    let states = states("INTAKE");
    for (n, state) in states.iter().enumerate() {
        stage.killed_at(state, "clues", &call(n));
        let there = stage.clues().len();
        let committed = state == states.last().unwrap();
        assert_eq!(there, n + usize::from(committed), "{state}");
        stage.api.post("clues", &call(n)).unwrap();
        assert_eq!(stage.clues().len(), n + 1, "{state}: the same number again is the same clue");
    }
    println!("a clue that comes in: {} kills", stage.kills);
}

/// A step of a path: by whom, what, what it says beside, where the clue stands then.
type Taken<'a> = (&'a str, &'a str, Value, &'a str);

/// Puts a clue in; gives its id.
fn put(stage: &Stage, it: &Value) -> String {
    let made = stage.api.post("clues", it).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

/// A call of nobody's system.
fn unnumbered(number: usize) -> Value {
    let mut it = call(number);
    it["external_no"] = Value::Null;
    it
}

/// Takes the steps one by one. At each that is to be tried the server is killed in every state: the
/// step is taken whole or not at all, and once.
fn walk(stage: &mut Stage, id: &str, path: &[Taken<'_>], tried: &[&str]) {
    let mut before = "received".to_owned();
    for (taken, (by, step, more, after)) in path.iter().enumerate() {
        let mut body = more.clone();
        (body["by"], body["step"]) = (json!(by), json!(step));
        let (steps, at) = (format!("clues/{id}/steps"), format!("clues/{id}"));
        if !tried.contains(step) {
            stage.api.post(&steps, &body).unwrap();
            (*after).clone_into(&mut before);
            continue;
        }
        for state in states("STATES") {
            stage.killed_at(&state, &steps, &body);
            let seen = stage.api.get(&at).unwrap();
            let record = seen["steps"].as_array().unwrap();
            let done = state == "clue.committed";
            let expected = if done { *after } else { before.as_str() };
            assert_eq!(seen["state"], expected, "{step} killed at {state}");
            // The first line says that it was received.
            assert_eq!(record.len(), 1 + taken + usize::from(done), "{step} at {state}");
            assert_eq!(record.last().unwrap()["state_after"], expected, "{step} at {state}");
        }
        (*after).clone_into(&mut before);
    }
}

#[test]
fn a_kill_in_every_state_of_a_clue_halves_no_step() {
    let to_a_case: &[Taken<'_>] = &[
        ("wang", "accept", json!({}), "accepted"),
        ("wang", "uphold", json!({}), "review2"),
        ("li", "uphold", json!({}), "lead"),
        ("li", "go_on_site", json!({}), "on_site"),
        ("li", "found", json!({"case_number": "2026-17"}), "case"),
        ("li", "close", json!({}), "closed"),
    ];
    let to_a_refusal: &[Taken<'_>] = &[
        ("wang", "reject", json!({"reason": "nothing_concrete"}), "received"),
        ("li", "reject", json!({"reason": "nothing_concrete"}), "rejected"),
    ];
    let mut stage = Stage::new();
    for (n, path) in [to_a_case, to_a_refusal].into_iter().enumerate() {
        let id = put(&stage, &unnumbered(n));
        let all: Vec<&str> = path.iter().map(|taken| taken.1).collect();
        walk(&mut stage, &id, path, &all);
    }
    println!("a clue's handling: {} kills", stage.kills);
}

#[test]
fn a_kill_at_any_other_step_of_a_clue_halves_none() {
    let to_an_agency: &[Taken<'_>] = &[
        ("wang", "not_ours", json!({"agency": "market"}), "received"),
        ("li", "not_ours", json!({"agency": "market"}), "not_ours"),
    ];
    let to_a_dismissal: &[Taken<'_>] = &[
        ("wang", "accept", json!({}), "accepted"),
        ("wang", "told", json!({"note": "电话告知"}), "accepted"),
        ("wang", "extend", json!({"note": "等检验报告"}), "accepted"),
        ("wang", "dismiss", json!({"reason": "other"}), "review2"),
        ("li", "dismiss", json!({"reason": "other"}), "dismissed"),
    ];
    let to_nothing: &[Taken<'_>] = &[
        ("wang", "accept", json!({}), "accepted"),
        ("wang", "uphold", json!({}), "review2"),
        ("li", "uphold", json!({}), "lead"),
        ("li", "go_on_site", json!({}), "on_site"),
        ("li", "nothing_found", json!({}), "on_site"),
        ("wang", "nothing_found", json!({}), "unfounded"),
    ];
    let tried = ["not_ours", "told", "extend", "dismiss", "nothing_found"];
    let mut stage = Stage::new();
    for (n, path) in [to_an_agency, to_a_dismissal, to_nothing].into_iter().enumerate() {
        let mut it = unnumbered(n);
        (it["anonymity"], it["contact"]) = (json!("named"), json!("13900139000"));
        let id = put(&stage, &it);
        walk(&mut stage, &id, path, &tried);
    }
    println!("ends of a clue: {} kills", stage.kills);
}

#[test]
fn a_kill_while_clues_are_merged_merges_both_or_none() {
    let mut stage = Stage::new();
    let [goes_on, id] = [1, 2].map(|n| put(&stage, &unnumbered(n)));
    let word = json!({"by": "wang", "step": "reject", "reason": "nothing_concrete"});
    stage.api.post(&format!("clues/{goes_on}/steps"), &word).unwrap();
    let merge = json!({"by": "li", "step": "merge", "into": goes_on});
    for state in states("STATES") {
        stage.killed_at(&state, &format!("clues/{id}/steps"), &merge);
        let [into, own] = [&goes_on, &id].map(|id| stage.api.get(&format!("clues/{id}")).unwrap());
        let done = state == "clue.committed";
        let words = into["proposals"].as_array().unwrap().len();
        assert_eq!(own["state"], if done { "merged" } else { "received" }, "{state}");
        assert_eq!(words, usize::from(!done), "{state}: a word stands that was about less");
    }
    let unmerge = json!({"by": "li", "step": "unmerge"});
    for state in states("STATES") {
        stage.killed_at(&state, &format!("clues/{id}/steps"), &unmerge);
        let own = stage.api.get(&format!("clues/{id}")).unwrap();
        let done = state == "clue.committed";
        assert_eq!(own["state"], if done { "received" } else { "merged" }, "{state}");
    }
    println!("clues that are merged: {} kills", stage.kills);
}

/// What stands in a page between two texts.
fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    let rest = text.split(before).nth(1).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split(after).next().unwrap_or_default()
}

/// A stranger's report by a program; gives its token where the answer came.
fn report(door: &Api, text: &str) -> Option<String> {
    let fields =
        [("service_code", "lending"), ("description", text), ("address_string", "一环路1号")];
    let answer = door.send_pairs("/p/open311/requests.json", &fields).ok()?;
    let made: Value = serde_json::from_str(&answer).unwrap();
    Some(made[0]["token"].as_str().unwrap().to_owned())
}

/// What stands behind a receipt.
fn look(door: &Api, receipt: &str) -> String {
    door.send_pairs("/p/report/status", &[("receipt", receipt)]).unwrap()
}

#[test]
fn a_kill_while_a_report_is_taken_in_loses_none() {
    let mut stage = Stage::new();
    for (n, state) in states("INTAKE").iter().enumerate() {
        let text = format!("第 {n} 次看到别人的名牌");
        stage.killed_behind_the_door(state, |door| {
            report(door, &text);
        });
        until("the report", || stage.clues().len() > 2 * n).unwrap();
        // One more comes behind it: what is taken in twice would stand here by now.
        report(&stage.door, &format!("{text}，又一次")).unwrap();
        until("the next one", || stage.clues().len() > 2 * n + 1).unwrap();
        assert_eq!(stage.clues().len(), 2 * n + 2, "{state}: it was taken in twice");
    }
    println!("reports that are taken in: {} kills", stage.kills);
}

/// How a clue stands, how often it was answered, and how many texts it holds.
fn told(stage: &Stage, id: &str) -> (String, usize, usize) {
    let seen = stage.api.get(&format!("clues/{id}")).unwrap();
    let steps = seen["steps"].as_array().unwrap();
    let answered = steps.iter().filter(|step| step["step"] == "answered").count();
    let texts = seen["texts"].as_array().unwrap().len();
    (seen["state"].as_str().unwrap().to_owned(), answered, texts)
}

#[test]
fn a_kill_at_a_question_or_its_answer_halves_neither() {
    let mut stage = Stage::new();
    let token = report(&stage.door, "看到别人的名牌").unwrap();
    until("the report", || stage.clues().len() == 1).unwrap();
    let id = stage.clues()[0]["id"].as_str().unwrap().to_owned();
    let receipt = stage.door.text(&format!("/p/open311/tokens/{token}.json")).unwrap();
    let receipt = between(&receipt, "\"service_request_id\":\"", "\"").to_owned();
    let steps = format!("clues/{id}/steps");
    let ask = json!({"by": "wang", "step": "ask", "question": "是哪一间诊室？"});
    for state in states("STATES") {
        stage.killed_at(&state, &steps, &ask);
        let done = state == "clue.committed";
        let expected = if done { "asked_back" } else { "received" };
        assert_eq!(told(&stage, &id), (expected.to_owned(), 0, 1), "asked, killed at {state}");
        let read = look(&stage.door, &receipt).contains("是哪一间诊室");
        assert_eq!(read, done, "{state}: the reporter reads another state than the officer");
    }
    for (n, state) in states("STATES").iter().enumerate() {
        if n > 0 {
            stage.api.post(&steps, &ask).unwrap();
        }
        stage.killed_behind_the_door(state, |door| {
            let page = look(door, &receipt);
            let ticket = between(&page, "name=\"ticket\" value=\"", "\"");
            let said = [("receipt", receipt.as_str()), ("ticket", ticket), ("text", "一号诊室")];
            // Whether it was answered before the server died is all the same.
            let _ = door.send_pairs("/p/report/answer", &said);
        });
        until("the answer", || told(&stage, &id).0 == "received").unwrap();
        let expected = ("received".to_owned(), n + 1, n + 2);
        assert_eq!(told(&stage, &id), expected, "answered, killed at {state}");
        let page = look(&stage.door, &receipt);
        assert!(!page.contains("是哪一间诊室"), "{state}: it is asked still");
    }
    println!("a question and its answer: {} kills", stage.kills);
}
