//! What the public door refuses, and what it never tells: guesses, uploads, counters.

use std::io::{Read as _, Write as _};

use server::access::Role;

use crate::access::{ask, login};
use crate::house::{House, store_of};
use crate::public::{DOOR, FORM, clues, report, slug, ticket, with_door};

/// One connection over which many forms are sent.
struct Guesser(std::net::TcpStream);

impl Guesser {
    fn new(house: &House) -> Self {
        let door = house.running().ready.public.clone().unwrap();
        let stream = std::net::TcpStream::connect(door.strip_prefix("http://").unwrap()).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_mins(1))).unwrap();
        Self(stream)
    }

    /// The page behind a receipt.
    fn look(&mut self, receipt: &str) -> String {
        let body = format!("receipt={receipt}");
        let kind = "application/x-www-form-urlencoded";
        // In one piece: ten thousand of several would each wait for an acknowledgement.
        let form = format!(
            "POST /p/report/status HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.write_all(form.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let mut part = [0; 16 * 1024];
        loop {
            let read = self.0.read(&mut part).unwrap();
            assert!(read > 0, "the door hung up");
            bytes.extend(&part[..read]);
            let text = String::from_utf8_lossy(&bytes);
            let Some((head, page)) = text.split_once("\r\n\r\n") else { continue };
            let length = head.to_lowercase();
            let length = length.split("content-length: ").nth(1).unwrap();
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            if page.len() >= length {
                return text.into_owned();
            }
        }
    }
}

#[test]
fn ten_thousand_guessed_receipts_find_none() {
    let house = with_door();
    let mine: Vec<String> = (0..20).map(|n| report(&house, &format!("第 {n} 件"), &[])).collect();
    clues(&house, 20);
    let mut guesser = Guesser::new(&house);
    let mut found = 0;
    for n in 0..10_000u32 {
        let hash = trust::sha256_hex(format!("guess {n}"));
        let guess = u64::from_str_radix(&hash[..15], 16).unwrap();
        let guess = format!("{guess:020}");
        if !mine.contains(&guess) && !guesser.look(&guess).contains("没有此回执") {
            found += 1;
        }
    }
    assert_eq!(found, 0);
    assert!(guesser.look(&mine[7]).contains("已收到"), "the true one leads somewhere");
}

/// Says how long a body is, or sends it in chunks, and reads the answer.
fn upload(house: &House, path: &str, ticket: &str, chunked: bool) -> String {
    let door = house.running().ready.public.clone().unwrap();
    let mut stream = std::net::TcpStream::connect(door.strip_prefix("http://").unwrap()).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_mins(1))).unwrap();
    let length = if chunked { "Transfer-Encoding: chunked" } else { "Content-Length: 52428800" };
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}\r\n{FORM}\r\n"
    )
    .unwrap();
    if chunked {
        let head = format!(
            "--x\r\nContent-Disposition: form-data; name=\"ticket\"\r\n\r\n{ticket}\r\n--x\r\n\
             Content-Disposition: form-data; name=\"picture\"; filename=\"a\"\r\n\r\n"
        );
        let _ = write!(stream, "{:x}\r\n{head}\r\n", head.len());
        let part = vec![b'x'; 1 << 20];
        for _ in 0..50 {
            let sent = write!(stream, "{:x}\r\n", part.len())
                .and_then(|()| stream.write_all(&part))
                .and_then(|()| stream.write_all(b"\r\n"));
            if sent.is_err() {
                break;
            }
        }
        let _ = stream.write_all(b"0\r\n\r\n");
    }
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn fifty_mebibytes_are_no_report() {
    let house = with_door();
    for path in ["/p/report", "/p/wrong"] {
        let said = upload(&house, path, "", false);
        assert!(said.starts_with("HTTP/1.1 413"), "{path}: {said}");
        let said = upload(&house, path, &ticket(&house, 60), true);
        // Whoever still sends may read a closed connection instead.
        assert!(said.is_empty() || !said.starts_with("HTTP/1.1 2"), "{path}: {said}");
    }
    report(&house, "之后", &[]);
    clues(&house, 1);
}

#[test]
fn three_large_pictures_are_within_the_limit() {
    let house = with_door();
    let (slug, ticket) = (slug(&house), ticket(&house, 60));
    let fields = [
        ("ticket", ticket.as_str()),
        ("i", slug.as_str()),
        ("allegation", "injury"),
        ("text", "保留我"),
    ];
    // As large as each may be; none is a picture, and the form says so.
    let picture = vec![0u8; 12 << 20];
    let sent = crate::public::send(&house, &fields, &[&picture, &picture, &picture]);
    assert!(sent.status == 422 && sent.body.contains("保留我"), "{}: {}", sent.status, sent.body);
}

#[test]
fn no_count_of_reports_stands_in_the_metrics() {
    let extra = format!("{DOOR}[metrics]\nlisten = \"127.0.0.1:0\"\n");
    let house = with_door().restart_with(&extra);
    let data = store_of(&house.folder.path().join("data"));
    let door =
        server::store::PublicStore::open(data, server::vault::Key::generate().unwrap()).unwrap();
    assert!(door.put_in("t-unread", "2026-11-29", b"no seal of ours").unwrap());
    house.running().app.door_rang.notify_one();
    let deadline = std::time::Instant::now() + crate::boxes::WAIT;
    while house.running().app.store.unread_at_the_door().unwrap().is_empty() {
        assert!(std::time::Instant::now() < deadline, "it was not given up");
        std::thread::yield_now();
    }
    let told = house.metrics();
    assert!(!told.contains("reports"), "{told}");
}

/// Every file below a folder.
fn files(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn a_reporters_words_lie_in_no_file_and_no_feed() {
    let house = with_door();
    let (text, contact) = ("MARK-OF-THE-TEXT", "mark-of-the-contact@example.cn");
    report(&house, text, &[("contact", contact)]);
    let id = clues(&house, 1)[0]["id"].as_str().unwrap().to_owned();
    let wang = login(&house, "wang", Role::Supervisor, "");
    let path = format!("/api/v1/clues/{id}");
    ask(&house, "POST", &format!("{path}/steps"), &wang, "{\"step\":\"accept\"}");
    assert!(ask(&house, "GET", &path, &wang, "").body.contains(text), "its officer reads it");
    let mut searched = 0;
    for file in files(house.folder.path()) {
        let bytes = std::fs::read(&file).unwrap();
        for mark in [text, contact] {
            let found = bytes.windows(mark.len()).any(|part| part == mark.as_bytes());
            assert!(!found, "{mark} lies in {}", file.display());
        }
        searched += bytes.len();
    }
    let wal = house.folder.path().join("data/zaigang.db-wal");
    assert!(crate::cluster::url_of(&house.folder.path().join("data")).is_some() || wal.exists());
    assert!(searched > 100_000, "{searched} bytes");
    let auditor = login(&house, "audit", Role::Auditor, "");
    for told in ["/api/v1/audit", "/api/v1/audit/export", "/api/v1/alerts", "/api/v1/clues"] {
        let answer = ask(&house, "GET", told, &auditor, "");
        assert_eq!(answer.status, 200, "{told}: {}", answer.body);
        assert!(!answer.body.contains(text) && !answer.body.contains(contact), "{told}");
    }
}

#[test]
fn nothing_at_the_door_knows_a_moment() {
    let house = with_door();
    let receipt = report(&house, "x", &[]);
    clues(&house, 1);
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    let body = format!("receipt={receipt}");
    let seen = house.knock("POST", "/p/report/status", kind, body.as_bytes()).body;
    assert!(seen.contains("已收到"), "{seen}");
    let data = house.folder.path().join("data");
    if crate::cluster::url_of(&data).is_some() {
        return;
    }
    let db = rusqlite::Connection::open(data.join("zaigang.db")).unwrap();
    let mut rows = db.prepare("SELECT ticket, received_on FROM clue_in").unwrap();
    let rows = rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    let rows: Vec<(String, String)> = rows.map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2, "the report and the look behind its receipt: {rows:?}");
    for (ticket, day) in rows {
        let random = ticket.len() == 32 && ticket.bytes().all(|b| b.is_ascii_hexdigit());
        assert!(random && day.len() == 10, "{ticket} of {day} tells when somebody was there");
    }
}
