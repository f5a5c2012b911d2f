//! The courier against a server that keeps parts and goes away in the middle.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use delivery::identity::keys_of;
use protocol::envelope::Envelope;

use super::*;

#[test]
fn six_waiting_pictures_are_tried_as_soon_as_one() {
    let mut pause = Duration::ZERO;
    let pauses = [6, 6, 6, 6].map(|waiting| {
        pause = next_pause(pause, waiting);
        pause.as_secs()
    });
    assert_eq!(pauses, [2, 4, 8, 16]);
    for _ in 0..10 {
        pause = next_pause(pause, 1);
    }
    assert_eq!(pause, RETRY.1);
    assert_eq!(next_pause(pause, 0), Duration::ZERO, "all went");
}

/// What a server has of one ciphertext, and what it was sent.
#[derive(Debug, Default)]
struct Shelf {
    total: usize,
    stored: Vec<u8>,
    /// Offset and length of each part that was kept.
    kept: Vec<(usize, usize)>,
}

impl Shelf {
    /// As the server does: what does not begin where it stands changes nothing.
    fn take(&mut self, part: &EvidencePart) -> EvidencePartAnswer {
        let bytes = STANDARD.decode(&part.part).unwrap();
        if part.offset as usize == self.stored.len() && !bytes.is_empty() {
            self.kept.push((self.stored.len(), bytes.len()));
            self.stored.extend(bytes);
        }
        EvidencePartAnswer {
            stored_bytes: self.stored.len() as u64,
            complete: self.stored.len() == self.total,
        }
    }
}

/// Answers so many requests, then is gone; gives back what it has.
fn serve(listener: TcpListener, mut shelf: Shelf, answers: usize) -> JoinHandle<Shelf> {
    std::thread::spawn(move || {
        for _ in 0..answers {
            let (stream, _) = listener.accept().unwrap();
            let envelope: Envelope = serde_json::from_slice(&body_of(&stream)).unwrap();
            let answer = shelf.take(&serde_json::from_str(&envelope.body).unwrap());
            respond(stream, &serde_json::to_string(&answer).unwrap());
        }
        shelf
    })
}

fn body_of(stream: &TcpStream) -> Vec<u8> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let header = line.trim().to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if header.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    body
}

fn respond(mut stream: TcpStream, answer: &str) {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{answer}", answer.len()).unwrap();
}

/// A box whose server is at this address.
fn provisioned(state: &Path, server: &TcpListener) {
    let (signing, sealing) = keys_of(state).unwrap();
    let identity = BoxIdentity {
        device: "box-1".parse().unwrap(),
        room: "room-1".parse().unwrap(),
        server: signing.verifying_key(),
        broker: serde_json::from_value(serde_json::json!({"host": "127.0.0.1", "port": 1,
            "tls": false}))
        .unwrap(),
        other_brokers: Vec::new(),
        signing,
        sealing,
        tls: None,
        server_url: Some(format!("http://{}", server.local_addr().unwrap())),
        certificate: None,
    };
    identity.save(state).unwrap();
}

#[test]
fn a_restart_in_the_middle_goes_on_where_the_server_stands() {
    let dir = tempfile::tempdir().unwrap();
    let ciphertext: Vec<u8> = (0..3 * MAX_PART_BYTES + 1234).map(|n| (n * 7 % 251) as u8).collect();
    let path = dir.path().join("one.sealed");
    std::fs::write(&path, &ciphertext).unwrap();
    let errand = Errand {
        id: "ab".parse().unwrap(),
        order: "cd".parse().unwrap(),
        path,
        bytes: ciphertext.len() as u64,
        sha256: trust::sha256_hex(&ciphertext),
    };
    // It asks, brings one part, and both go away.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    provisioned(dir.path(), &listener);
    let shelf = Shelf { total: ciphertext.len(), ..Shelf::default() };
    let server = serve(listener, shelf, 2);
    assert!(matches!(carry(dir.path(), &errand), Err(Failed::Unreachable(_))));
    let shelf = server.join().unwrap();
    assert_eq!(shelf.kept, [(0, MAX_PART_BYTES)]);
    // A new process, which knows nothing of the first, and a server elsewhere.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    provisioned(dir.path(), &listener);
    let server = serve(listener, shelf, 4);
    carry(dir.path(), &errand).unwrap();
    let shelf = server.join().unwrap();
    assert!(shelf.stored == ciphertext, "another ciphertext came");
    let sent: usize = shelf.kept.iter().map(|(_, length)| length).sum();
    assert_eq!((shelf.kept.len(), sent), (4, ciphertext.len()), "nothing goes twice");
}
