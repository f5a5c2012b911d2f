//! Bytes that are no MQTT at the embedded broker's listener, from strangers and from a box that is
//! logged in: each ends at most its own connection, and an honest box goes on with its receipts.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::boxes::{TestBox, health};
use crate::house::House;

/// Panics on the broker's threads; one there ends no test.
static PANICS: AtomicUsize = AtomicUsize::new(0);

fn count_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let file = info.location().map_or("", std::panic::Location::file);
            if file.contains("mqtt") || file.contains("broker/") {
                PANICS.fetch_add(1, Ordering::Relaxed);
            }
            before(info);
        }));
    });
}

fn text(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// A packet of this first byte, with its length as MQTT writes it.
fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    let (mut length, mut out) = (body.len(), vec![first]);
    loop {
        let digit = (length % 128) as u8;
        length /= 128;
        out.push(if length > 0 { digit | 0x80 } else { digit });
        if length == 0 {
            break;
        }
    }
    [out, body.to_vec()].concat()
}

fn hello(version: u8, client: &[u8], user: &[u8], password: &[u8]) -> Vec<u8> {
    let properties = if version == 5 { &[0][..] } else { &[] };
    let head = [&text(b"MQTT")[..], &[version, 0xc2, 0, 60], properties].concat();
    packet(0x10, &[head, text(client), text(user), text(password)].concat())
}

fn publish(flags: u8, topic: &[u8], rest: &[u8]) -> Vec<u8> {
    packet(0x30 | flags, &[text(topic), rest.to_vec()].concat())
}

/// Sends it, then reads until the other side closes, or says nothing more for a moment.
fn sent(port: u16, parts: &[&[u8]]) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    for part in parts {
        if stream.write_all(part).is_err() {
            return;
        }
    }
    let _ = stream.read_to_end(&mut Vec::new());
}

/// Numbers that are the same in every run.
fn noise(seed: u64, count: usize) -> Vec<u8> {
    let blocks = (0u64..).map(|n| trust::sha256_hex(format!("{seed} {n}")));
    let bytes = blocks.flat_map(|hex| hex::decode(hex).unwrap());
    bytes.take(count).collect()
}

/// Packets that are wrong in one way each, behind a good hello.
fn wrong_packets() -> Vec<Vec<u8>> {
    let own = b"zaigang/v1/box-1/findings";
    let long = vec![b'a'; 65_535];
    let deep = b"a/".repeat(30_000);
    vec![
        publish(0, &long, b"\0x"),
        publish(0, &deep, b"\0x"),
        publish(2, own, b"\0\0\0x"),
        publish(6, own, b"\0\x01\0x"),
        publish(2, b"zaigang/v1/box-1/\0", b"\0\x01\0x"),
        publish(2, b"zaigang/v1/+/findings", b"\0\x01\0x"),
        publish(2, b"zaigang/v1/box-1/\xff\xfe", b"\0\x01\0x"),
        publish(2, b"zaigang/v1/box-1/findings\n<3>forged", b"\0\x01\0x"),
        publish(2, own, b"\0\x01\xff\xff\xff\x7f"),
        publish(2, own, b"\0\x01\x05\x23\xff\xffx"),
        publish(2, own, &[b"\0\x01\0", &noise(1, 4000)[..]].concat()),
        publish(3, own, b"\0\x02\0{}"),
        packet(0x82, &[b"\0\x01\0", &text(b"#")[..], b"\x03"].concat()),
        packet(0x82, &[b"\0\x01\0", &text(&deep)[..], b"\x01"].concat()),
        packet(0x82, b"\0\x01\0"),
        packet(0xa2, b"\0\x01"),
        packet(0x62, b"\xff\xff"),
        packet(0xf0, &noise(2, 900)),
        packet(0xe0, b"\x04\x05\x11\xff\xff\xff\xff"),
        packet(0x00, b""),
        packet(0xc0, b"too much"),
        hello(5, b"box-1", b"box-1", b"x"),
        vec![0x32, 0xff, 0xff, 0xff, 0x7f],
        vec![0x32, 0xff, 0xff, 0xff, 0xff, 0xff],
    ]
}

#[test]
fn what_is_no_mqtt_ends_its_own_connection_alone() {
    count_panics();
    let house = House::new();
    let mut honest = TestBox::provision(&house, &house.furnish());
    let port = house.mqtt_port();
    let login = hello(5, b"box-1", b"box-1", honest.password().as_bytes());
    for seed in 0..120 {
        sent(port, &[&noise(seed, 1 + (seed as usize * 37) % 700)]);
    }
    // A stranger's hello: cut anywhere, or with any byte of it another.
    let stranger = hello(5, b"box-2", b"box-2", b"guess");
    for at in 0..stranger.len() {
        sent(port, &[&stranger[..at]]);
        let mut other = stranger.clone();
        other[at] ^= 1 << (at % 8);
        sent(port, &[&other]);
    }
    for version in [0, 3, 4, 6, 255] {
        sent(port, &[&hello(version, b"", b"", b"")]);
    }
    for wrong in wrong_packets() {
        // From one who never said hello, from one who did, and in pieces.
        sent(port, &[&wrong]);
        sent(port, &[&login, &wrong]);
        let (first, rest) = wrong.split_at(wrong.len() / 2);
        sent(port, &[&login, first]);
        sent(port, &[&login, first, rest]);
    }
    let good = publish(2, b"zaigang/v1/box-1/health", b"\0\x01\0{ not an envelope");
    for at in 0..good.len() {
        let mut other = good.clone();
        other[at] ^= 0x81;
        sent(port, &[&login, &other]);
    }
    honest.connect();
    honest.say(&health());
    honest.receipted(1);
    assert_eq!(house.page("/readyz"), (200, "ready\n".to_owned()));
    assert_eq!(PANICS.load(Ordering::Relaxed), 0, "the broker panicked");
}

/// Whoever says that much is coming gets no memory for it before it came.
#[test]
fn a_promise_of_much_takes_no_memory() {
    let house = House::new();
    let honest = TestBox::provision(&house, &house.furnish());
    let login = hello(5, b"box-1", b"box-1", honest.password().as_bytes());
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
    };
    let before = resident();
    let kept: Vec<TcpStream> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", house.mqtt_port())).unwrap();
            let _ = stream.write_all(&login);
            // 268,435,455 bytes: the most that MQTT can say.
            let _ = stream.write_all(&[0x32, 0xff, 0xff, 0xff, 0x7f, 0, 1, b'x']);
            stream
        })
        .collect();
    assert_eq!(house.page("/readyz").0, 200);
    let grown = resident().saturating_sub(before);
    assert!(grown < 1 << 30, "{} MiB for 100 promises", grown >> 20);
    drop(kept);
}
