//! A small HTTP server on a free port of the loopback, which misbehaves as told and notes what it
//! was asked.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// How one request is answered.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// The whole file, or the range that was asked for.
    Well,
    /// As `Well`, but the connection ends after this many bytes of the body.
    Cut(usize),
    /// The whole file, whatever range was asked for.
    NoRanges,
    /// As `NoRanges`, and the connection ends after this many bytes of the body.
    NoRangesCut(usize),
    /// This status and no body.
    Status(u16),
}

#[derive(Debug)]
pub(super) struct Server {
    address: String,
    asked: Arc<Mutex<Vec<Option<usize>>>>,
}

impl Server {
    /// Serves this file under every path, one answer after the other; the last one is repeated.
    pub(super) fn start(file: &[u8], answers: &[Answer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (file, answers, notes) = (file.to_vec(), answers.to_vec(), Arc::clone(&asked));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let answer = *answers.get(number).or(answers.last()).unwrap();
                let mut stream = stream.unwrap();
                let from = read_range(&stream);
                notes.lock().unwrap().push(from);
                // The client may hang up first; that is its right.
                let _ = reply(&mut stream, &file, from, answer);
            }
        });
        Self { address, asked }
    }

    pub(super) fn url(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// The first byte asked for, request by request; `None` for the whole file.
    pub(super) fn asked(&self) -> Vec<Option<usize>> {
        self.asked.lock().unwrap().clone()
    }
}

fn read_range(stream: &TcpStream) -> Option<usize> {
    let mut from = None;
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().ok();
        }
    }
    from
}

fn reply(
    stream: &mut TcpStream,
    file: &[u8],
    from: Option<usize>,
    answer: Answer,
) -> std::io::Result<()> {
    let (ranges, cut) = match answer {
        Answer::Well => (true, usize::MAX),
        Answer::Cut(bytes) => (true, bytes),
        Answer::NoRanges => (false, usize::MAX),
        Answer::NoRangesCut(bytes) => (false, bytes),
        Answer::Status(code) => {
            return write!(
                stream,
                "HTTP/1.1 {code} no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
        }
    };
    let start = from.filter(|_| ranges).unwrap_or(0);
    if start > file.len() {
        return write!(stream, "HTTP/1.1 416 no\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    }
    let body = &file[start..];
    if start > 0 {
        let last = file.len() - 1;
        write!(
            stream,
            "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {start}-{last}/{}\r\n",
            file.len()
        )?;
    } else {
        write!(stream, "HTTP/1.1 200 OK\r\n")?;
    }
    write!(stream, "content-length: {}\r\nconnection: close\r\n\r\n", body.len())?;
    stream.write_all(&body[..body.len().min(cut)])?;
    stream.flush()
}
