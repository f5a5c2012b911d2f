//! A server in a folder of its own on free ports, and small HTTP helpers. It stops when it is
//! dropped.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use server::config::Config;
use server::run::{self, Running};
use server::store::Address;

pub(crate) struct House {
    pub folder: tempfile::TempDir,
    pub base: String,
    running: Option<Running>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(tempfile::tempdir().unwrap(), "")
    }

    pub(crate) fn with(folder: tempfile::TempDir, extra: &str) -> Self {
        Self::built(folder, "avatar", extra)
    }

    pub(crate) fn with_pack(folder: tempfile::TempDir, pack: &str) -> Self {
        Self::built(folder, pack, "")
    }

    fn built(folder: tempfile::TempDir, pack: &str, extra: &str) -> Self {
        let (running, runtime) = start(folder.path(), pack, extra);
        Self {
            base: running.ready.http.clone(),
            folder,
            running: Some(running),
            runtime: Some(runtime),
        }
    }

    /// Stops and starts again over the same folder.
    pub(crate) fn restart(self) -> Self {
        self.restart_with("")
    }

    pub(crate) fn restart_with(self, extra: &str) -> Self {
        Self::with(self.close(), extra)
    }

    /// Stops and gives the folder.
    pub(crate) fn close(mut self) -> tempfile::TempDir {
        self.stop();
        std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap())
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub(crate) fn mqtt_port(&self) -> u16 {
        self.running().ready.mqtt.port
    }

    fn stop(&mut self) {
        if let (Some(running), Some(runtime)) = (self.running.take(), self.runtime.take()) {
            runtime.block_on(running.stop());
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.send(
            "POST",
            &format!("/api/v1/{path}"),
            "application/json",
            body.to_string().as_bytes(),
        );
        (answer.status, answer.json())
    }

    /// One HTTP request over a connection of its own, by hand, so that it can also be wrong.
    pub(crate) fn send(&self, method: &str, path: &str, content_type: &str, body: &[u8]) -> Answer {
        self.send_with(method, path, &format!("Content-Type: {content_type}\r\n"), body)
    }

    /// The address behind the link of the first administrator.
    pub(crate) fn first_admin_path(&self) -> String {
        let file = self.running().first_admin.clone().expect("a link was made");
        let link = std::fs::read_to_string(file).unwrap();
        format!("/welcome/{}", link.trim().rsplit('/').next().unwrap())
    }

    pub(crate) fn send_with(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        Self::send_to(&self.base, method, path, headers, body)
    }

    /// To the public door.
    pub(crate) fn knock(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let door = self.running().ready.public.clone().expect("no public door");
        Self::send_to(&door, method, path, headers, body)
    }

    fn send_to(base: &str, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let address = base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: \
            {length}\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses early may close before it has read everything.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let behind = bytes.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |at| at + 4);
        let raw = bytes[behind..].to_vec();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text.as_str(), ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        Answer {
            status,
            head: head.to_lowercase(),
            as_sent: head.to_owned(),
            body: body.to_owned(),
            bytes: raw,
        }
    }

    /// Hangs up before the answer, but once the request is at work: the server asks for the body
    /// when it wants to read it. What comes together with its end is dropped before anything began,
    /// and nothing is to be told of it.
    pub(crate) fn send_and_leave(&self, path: &str, kind: &str, body: &[u8]) {
        let address = self.base.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: \
            {length}\r\nExpect: 100-continue\r\n\r\n"
        );
        stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut go_on = [0; 25];
        stream.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(body).unwrap();
    }

    pub(crate) fn must_post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body);
        assert!((200..300).contains(&status), "POST {path}: {status} {answer}");
        answer
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.send_with("GET", &format!("/api/v1/{path}"), "", b"");
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        answer.json()
    }

    /// A file as it is served.
    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        let answer = self.send_with("GET", path, "", b"");
        assert_eq!(answer.status, 200, "GET {path}: {}", answer.body);
        answer.bytes
    }

    pub(crate) fn page(&self, path: &str) -> (u16, String) {
        let answer = self.send_with("GET", path, "", b"");
        (answer.status, answer.body)
    }

    /// What the metrics' own listener serves, where the house has one.
    pub(crate) fn metrics(&self) -> String {
        let own = self.running().ready.metrics.clone().expect("no address of the metrics");
        let address = own.strip_prefix("http://").unwrap().strip_suffix("/metrics").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        write!(stream, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            .unwrap();
        std::io::read_to_string(stream).unwrap()
    }

    /// Asks until `good` says so; fails after ten seconds.
    pub(crate) fn until(&self, path: &str, good: impl Fn(&Value) -> bool) -> Value {
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        loop {
            let answer = self.get(path);
            if good(&answer) {
                return answer;
            }
            assert!(
                std::time::Instant::now() < deadline,
                "GET {path} never became right: {answer}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// One clinic, one room, an item, a lead, a second doctor, and a registered box `box-1`; gives
    /// the box's token.
    pub(crate) fn furnish(&self) -> String {
        self.must_post(
            "institutions",
            &json!({"id":"clinic-1","name":"锦城医疗美容门诊部","code":"91350100M000100Y43",
                "grade_ceiling":2,"filed_items":["laser-1"],"jurisdiction":"510104"}),
        );
        self.must_post(
            "rooms",
            &json!(
            {"id":"room-1","institution":"clinic-1","mode":"in_room",
                "zones":{"operator":[[[0,0],[500,0],[500,500]]],"bed":[],"companion":[],"door":[],
                    "privacy_mask":[]}}),
        );
        self.must_post(
            "items",
            &json!(
            {"code":"laser-1","name_zh":"激光脱毛","kind":"energy_device",
                "specialties":["cosmetic_dermatology"],"min_operator":"licensed_physician"}),
        );
        for (id, name, lead) in [
            ("p-lead", "王主诊", json!(["cosmetic_dermatology"])),
            ("p-other", "李医生", json!([])),
        ] {
            self.must_post(
                "practitioners",
                &json!({"id":id,"name":name,"category":"licensed_physician","registration":"valid",
                "sites":[{"institution":"clinic-1","relation":"primary","lead_of":lead}]}),
            );
        }
        self.must_post(
            "sessions",
            &json!(
            {"id":"s-1","room":"room-1","item":"laser-1","declared_lead":"p-lead",
                "declared_operators":["p-other"],"start":"2099-03-02T09:00:00+08:00",
                    "end":"2099-03-02T10:00:00+08:00"}),
        );
        let device = self.must_post("devices", &json!({"id":"box-1","room":"room-1"}));
        device["provisioning_token"].as_str().unwrap().to_owned()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop();
    }
}

fn start(folder: &Path, pack: &str, extra: &str) -> (Running, tokio::runtime::Runtime) {
    let path = folder.join("zaigang-server.toml");
    let listen = "[http]\nlisten = \"127.0.0.1:0\"\n";
    let (http, extra) = match extra.split_once("[http]\n") {
        Some((before, keys)) => (String::new(), format!("{before}{listen}{keys}")),
        None => (listen.to_owned(), extra.to_owned()),
    };
    let store = crate::cluster::url_of(&folder.join("data"))
        .map_or_else(String::new, |url| format!("[store]\nurl = \"{url}\"\n"));
    let text = format!(
        "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \
            \"master.key\"\n{store}{http}[mqtt]\nlisten = \"127.0.0.1:0\"\n\
         [knowledge]\nretry_ms = 500\n[ingest]\ngap_alert_s = 1\n[models]\npack = \
         \"{pack}\"\n{extra}"
    );
    let config = Config::parse(&path, &text).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let running = runtime.block_on(run::start(config)).unwrap();
    (running, runtime)
}

/// Where the store of a data folder is in this play of the tests.
pub(crate) fn store_of(data: &Path) -> Address {
    match crate::cluster::url_of(data) {
        Some(url) => Address::postgres(data, &url, None).unwrap(),
        None => Address::embedded(data),
    }
}

/// What somebody does who can write the server's database (`zaigang.db` or `faces.db`).
pub(crate) fn by_hand(data: &Path, database: &str, sql: &str) {
    if crate::cluster::url_of(data).is_some() {
        let schema = if database == "faces.db" { "zaigang_faces" } else { "zaigang" };
        return crate::cluster::run_sql(data, schema, sql);
    }
    let db = rusqlite::Connection::open(data.join(database)).unwrap();
    db.busy_timeout(Duration::from_secs(10)).unwrap();
    db.execute_batch(sql).unwrap();
}

/// What came back; header names and values in lower case.
pub(crate) struct Answer {
    pub status: u16,
    pub head: String,
    as_sent: String,
    pub body: String,
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The value of the first header that begins so, in the case in which it came.
    pub(crate) fn raw(&self, name: &str) -> String {
        let lines = self.as_sent.lines().filter(|line| line.to_lowercase().starts_with(name));
        lines.map(|line| line[name.len()..].trim().to_owned()).next().unwrap_or_default()
    }

    /// The first cookie that is set, as a browser sends it back.
    pub(crate) fn cookie(&self) -> String {
        self.raw("set-cookie: ").split(';').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::String(self.body.clone()))
    }
}
