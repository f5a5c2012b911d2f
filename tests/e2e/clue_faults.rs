//! The server is killed in every state of a clue's handling: a step is taken whole or not at all,
//! and its record says the same as its state.

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
    kills: u32,
    _folder: tempfile::TempDir,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let plan = ServerPlan::embedded(folder.path());
        let (server, ready) = plan.start(&[]).unwrap();
        let (plan, api) = (plan.at(&ready), api(&ready));
        furnish(&api).unwrap();
        Self { plan, server, api, kills: 0, _folder: folder }
    }

    fn restart(&mut self, environment: &[(&str, &str)]) {
        self.server.kill().unwrap();
        self.server = self.plan.start(environment).unwrap().0;
    }

    /// Does something during which the server is killed in that state, and starts it again.
    fn killed_at(&mut self, state: &str, path: &str, body: &Value) {
        self.restart(&[("ZAIGANG_KILL_AT", &format!("{state}:1"))]);
        assert!(self.api.post(path, body).is_err(), "{state} was not reached by {body}");
        until(state, || self.server.ended().unwrap().is_some()).unwrap();
        self.kills += 1;
        self.server = self.plan.start(&[]).unwrap().0;
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

#[test]
fn a_kill_in_every_state_of_a_clue_halves_no_step() {
    let to_a_case: &[(&str, &str, Value, &str)] = &[
        ("wang", "accept", json!({}), "accepted"),
        ("wang", "uphold", json!({}), "review2"),
        ("li", "uphold", json!({}), "lead"),
        ("li", "go_on_site", json!({}), "on_site"),
        ("li", "found", json!({"case_number": "2026-17"}), "case"),
        ("li", "close", json!({}), "closed"),
    ];
    let to_a_refusal: &[(&str, &str, Value, &str)] = &[
        ("wang", "reject", json!({"reason": "nothing_concrete"}), "received"),
        ("li", "reject", json!({"reason": "nothing_concrete"}), "rejected"),
    ];
    let mut stage = Stage::new();
    for (n, path) in [to_a_case, to_a_refusal].into_iter().enumerate() {
        let mut it = call(n);
        it["external_no"] = Value::Null;
        let made = stage.api.post("clues", &it).unwrap();
        let id = made["id"].as_str().unwrap().to_owned();
        let mut before = "received".to_owned();
        for (taken, (by, step, more, after)) in path.iter().enumerate() {
            let mut body = more.clone();
            (body["by"], body["step"]) = (json!(by), json!(step));
            for state in states("STATES") {
                stage.killed_at(&state, &format!("clues/{id}/steps"), &body);
                let seen = stage.api.get(&format!("clues/{id}")).unwrap();
                let steps = seen["steps"].as_array().unwrap();
                let done = state == "clue.committed";
                let expected = if done { *after } else { before.as_str() };
                assert_eq!(seen["state"], expected, "{step} killed at {state}");
                // The first line says that it was received.
                assert_eq!(steps.len(), 1 + taken + usize::from(done), "{step} at {state}");
                assert_eq!(steps.last().unwrap()["state_after"], expected, "{step} at {state}");
            }
            (*after).clone_into(&mut before);
        }
    }
    println!("a clue's handling: {} kills", stage.kills);
}
