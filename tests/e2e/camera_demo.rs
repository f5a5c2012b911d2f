//! "Your own face" as its user starts it: `zaigang-demo --camera …` as a program, its page by HTTP,
//! and what is left when it ends. Drawn people everywhere; photographs of people where they are
//! beside the checkout.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use e2e::boxes::until;
use e2e::programs::{program, root};
use serde_json::{Value, json};

use crate::privacy::{files_under, holds_picture};

mod ends;
mod photographs;
mod promises;

const PATIENCE: Duration = Duration::from_mins(2);

/// A demonstration in a temporary folder of its own, and the browser that came in.
struct Demo {
    program: Child,
    said: BufReader<ChildStdout>,
    temporary: tempfile::TempDir,
    page: String,
    code: String,
    inbox: String,
    cookie: String,
}

struct Answer {
    status: u16,
    about: Value,
    body: Vec<u8>,
    cookie: String,
    csp: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Demo {
    fn start(camera: &str) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut program = Command::new(program("zaigang-demo").unwrap())
            .args(["--camera", camera])
            .current_dir(root())
            .env("TMPDIR", temporary.path())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(program.stdout.take().unwrap());
        let (mut page, mut code, mut inbox) = (String::new(), String::new(), String::new());
        loop {
            let mut line = String::new();
            assert!(
                said.read_line(&mut line).unwrap() > 0,
                "the demonstration ended: {:?}",
                program.wait()
            );
            let word = |name: &str| {
                line.strip_prefix(name)
                    .map(|rest| rest.split('(').next().unwrap().trim().to_owned())
            };
            page = word("page ").unwrap_or(page);
            code = word("code ").unwrap_or(code);
            inbox = word("inbox ").unwrap_or(inbox);
            if line.starts_with("running") {
                break;
            }
        }
        let page = page.trim_end_matches('/').to_owned();
        Self { program, said, temporary, page, code, inbox, cookie: String::new() }
    }

    fn come_in(&mut self) {
        let answer = self.post("/code", &json!({"code": self.code}));
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert!(
            answer.cookie.contains("HttpOnly") && answer.cookie.contains("SameSite=Strict"),
            "{}",
            answer.cookie
        );
        answer.cookie.split(';').next().unwrap().clone_into(&mut self.cookie);
    }

    fn ask(&self, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let (agent, url) = (ureq::Agent::from(config), format!("{}{path}", self.page));
        let own = [("Cookie", self.cookie.as_str())];
        let headers = own.iter().chain(headers);
        let mut answer = match body {
            None => headers
                .fold(agent.get(&url), |call, (name, value)| call.header(*name, *value))
                .call(),
            Some(body) => headers
                .fold(agent.post(&url), |call, (name, value)| call.header(*name, *value))
                .send_json(body),
        }
        .unwrap();
        let text = |name: &str| {
            answer.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
        };
        let (about, cookie) = (text("x-picture"), text("set-cookie"));
        let csp = text("content-security-policy");
        let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec().unwrap();
        Answer {
            status: answer.status().as_u16(),
            about: serde_json::from_str(&about).unwrap_or_default(),
            body,
            cookie,
            csp,
        }
    }

    fn get(&self, path: &str) -> Answer {
        self.ask(path, None, &[])
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(path, Some(body), &[])
    }

    fn state(&self) -> Value {
        self.get("/state").json()
    }

    /// The newest look; null while there is none.
    fn sight(&self) -> Value {
        let answer = self.get("/view?after=0");
        let (width, height) = (answer.about["width"].as_u64(), answer.about["height"].as_u64());
        if let (Some(width), Some(height)) = (width, height) {
            assert_eq!(answer.body.len() as u64, width * height * 3);
        }
        answer.about
    }

    fn statuses(&self) -> Vec<String> {
        let sight = self.sight();
        let faces = sight["faces"].as_array().cloned().unwrap_or_default();
        faces.iter().map(|face| face["status"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Takes photographs until three are good. Gives what the gate said of those that were not.
    fn photographs(&self) -> Vec<String> {
        let (mut refused, deadline) = (Vec::new(), Instant::now() + PATIENCE);
        while self.state()["photos"] != 3 {
            assert!(Instant::now() < deadline, "no three good photographs: {refused:?}");
            let answer = self.post("/photo", &json!({}));
            assert_eq!(answer.status, 200, "{}", answer.json());
            let judged = if answer.about.is_null() { answer.json() } else { answer.about };
            if judged["good"] != true {
                refused.push(judged["en"].as_str().unwrap_or_default().to_owned());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        refused
    }

    fn enrol(&self) {
        self.photographs();
        let answer = self.post("/enrol", &json!({"agreed": true}));
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(self.state()["photos"], 0, "the photographs are kept");
        until("you are recognised", || self.sight()["faces"].to_string().contains("\"you\""))
            .unwrap();
    }

    /// SIGTERM; then nothing is left: no file, no program.
    fn end(mut self) -> String {
        let sent = Command::new("kill").arg(self.program.id().to_string()).status().unwrap();
        assert!(sent.success());
        let mut rest = String::new();
        std::io::Read::read_to_string(&mut self.said, &mut rest).unwrap();
        assert!(self.program.wait().unwrap().success(), "{rest}");
        let left: Vec<_> =
            std::fs::read_dir(self.temporary.path()).unwrap().map(|e| e.unwrap().path()).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
        assert!(ureq::get(&self.inbox).call().is_err(), "the server goes on");
        rest
    }
}

/// Ends the demonstration, and with it what it started, also where a test fails.
impl Drop for Demo {
    fn drop(&mut self) {
        if let Ok(None) = self.program.try_wait() {
            let _ = Command::new("kill").arg(self.program.id().to_string()).status();
            let _ = self.program.wait();
        }
    }
}

/// P6 while it runs: neither a picture nor a name of one is on the disk.
fn assert_no_picture(folder: &Path) {
    let files: Vec<PathBuf> =
        files_under(folder).into_iter().filter(|path| path.is_file()).collect();
    assert!(files.len() > 5, "{files:?}");
    for file in files {
        assert!(
            !holds_picture(&std::fs::read(&file).unwrap_or_default()),
            "{} holds a picture",
            file.display()
        );
    }
}

#[test]
fn drawn_people_enrol_step_aside_and_an_alert_follows() {
    let mut demo = Demo::start("demo:crowd");
    nobody_else_looks(&demo);
    demo.come_in();
    assert_eq!(
        demo.post("/code", &json!({"code": demo.code})).status,
        410,
        "a code opened a second browser"
    );
    until("a face", || !demo.statuses().is_empty()).unwrap();
    let state = demo.state();
    assert_eq!(
        (&state["pack"], &state["phase"], &state["live"]),
        (&json!("avatar"), &json!("enrol"), &json!(false))
    );
    let changed = state["changed_times"].to_string();
    assert!(changed.contains("unmatched_span_ms") && changed.contains("20000"), "{changed}");
    let early = demo.post("/act", &json!({"act": "other"}));
    assert!(early.status == 422 && early.json()["error"].as_str().unwrap().contains("enrol"));
    assert_eq!(
        demo.post("/enrol", &json!({"agreed": true})).status,
        422,
        "nobody was photographed"
    );
    demo.photographs();
    let refused = demo.post("/enrol", &json!({"agreed": false}));
    assert!(refused.status == 422 && refused.json()["error"].as_str().unwrap().contains("consent"));
    demo.enrol();
    costs(&demo);
    assert_eq!(demo.post("/act", &json!({"act": "other"})).status, 200);
    assert_eq!(demo.post("/act", &json!({"act": "work"})).status, 422, "two acts at once");
    until("the other is no registered person", || {
        demo.statuses().contains(&"UNMATCHED".to_owned())
    })
    .unwrap();
    until("the alert", || {
        demo.state()["round"]["alerts"].to_string().contains("UnlicensedOperator")
    })
    .unwrap();
    let state = demo.state();
    let seen = state["round"]["seen"].as_array().unwrap();
    assert!(
        seen.contains(&json!("UNMATCHED")) && !seen.contains(&json!("MATCHED")),
        "the lead is still there: {seen:?}"
    );
    assert!(state["inbox"][0]["findings"][0]["zh"].as_str().unwrap().contains("疑似"), "{state}");
    assert_no_picture(demo.temporary.path());
    assert!(demo.end().contains("over "));
}

/// One code, one browser, this machine: nothing else is answered.
fn nobody_else_looks(demo: &Demo) {
    let first = demo.get("/");
    assert!(first.status == 200 && first.csp.starts_with("default-src 'none'"), "{}", first.csp);
    assert!(demo.page.starts_with("http://127.0.0.1:"), "{}", demo.page);
    // Who else can open the inbox beside it is said where its link stands.
    assert!(String::from_utf8_lossy(&first.body).contains("asks for no login"));
    for path in ["/state", "/view?after=0"] {
        assert_eq!(demo.get(path).status, 401, "{path} without a code");
    }
    for path in ["/photo", "/enrol", "/act"] {
        assert_eq!(
            demo.post(path, &json!({"act": "work", "agreed": true})).status,
            401,
            "{path} without a code"
        );
    }
    let elsewhere = demo.ask("/", None, &[("Origin", "https://evil.example")]);
    assert_eq!(elsewhere.status, 403, "a page of another site asked");
    let wrong = demo.post("/code", &json!({"code": "x"}));
    assert_eq!((wrong.status, wrong.json()["left"].as_u64()), (401, Some(9)));
    // The box's own socket lies where this user alone can reach it.
    let sockets = files_under(demo.temporary.path());
    let socket = sockets.iter().find(|path| path.ends_with("live/view.sock")).expect("no socket");
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(socket.parent().unwrap()).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o700);
}

/// What `scripts/bench` measures, seen live.
fn costs(demo: &Demo) {
    until("costs", || {
        let costs = demo.sight()["costs"].clone();
        let positive = |name: &str| costs[name].as_u64().unwrap_or(0) > 0;
        ["detect_us", "embed_us", "frames_per_1000_s", "faces_per_1000_s", "cpu_ppm", "cores"]
            .iter()
            .all(|n| positive(n))
    })
    .unwrap();
    // The avatar pack has no network for it, and nothing is shown that did not run.
    assert_eq!(demo.sight()["costs"]["liveness_us"], 0);
}

#[test]
fn a_camera_that_is_none_is_one_line_and_nothing_is_left() {
    let temporary = tempfile::tempdir().unwrap();
    for camera in ["/dev/video977", "nowhere.mp4", "rtsp://", "Cargo.toml"] {
        let demo = Command::new(program("zaigang-demo").unwrap())
            .args(["--camera", camera])
            .current_dir(root())
            .env("TMPDIR", temporary.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&demo.stderr);
        assert!(!demo.status.success() && said.starts_with("zaigang-demo: --camera"), "{said}");
        assert!(
            std::fs::read_dir(temporary.path()).unwrap().next().is_none(),
            "{camera} left something behind"
        );
    }
}
