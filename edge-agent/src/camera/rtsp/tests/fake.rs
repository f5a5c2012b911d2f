//! An IP camera on loopback that plays a stream of `h264/testdata` in a loop, with one fault or
//! another.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use super::super::message::{ConnectionPart, MessageHead, Splitter, framed};

/// What is wrong with it, or what it wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quirk {
    AnotherSource,
    SourceChanges,
    EmptyNumber,
    ShortLines,
    Moved,
    MovedAway,
    NumberBefore,
    ShortTimeout,
    NoTimeout,
    Rubbish,
    OtherChannel,
    BaseElsewhere,
    NoParameterSets,
    JoinedInTheMiddle,
    RefusesRange,
    UdpOnly,
    Digest,
    DigestSha256,
    Basic,
    Vp9,
    #[cfg(feature = "h265")]
    H265,
    Jpeg,
    SoundAlone,
    Unnamed,
    Busy,
    Missing,
    BrokenDescription,
}

pub(super) struct Fake {
    pub(super) address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(super) fn start(quirks: &[Quirk]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (quirks, told) = (quirks.to_vec(), Arc::clone(&heard));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let camera = Camera { quirks: quirks.clone(), address, heard: Arc::clone(&told) };
                std::thread::spawn(move || camera.serve(&stream));
            }
        });
        Self { address, heard }
    }

    /// First lines of the requests, and whether each logs in.
    pub(super) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn methods(&self) -> Vec<String> {
        self.heard()
            .iter()
            .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
            .collect()
    }

    pub(super) fn logins(&self) -> usize {
        self.heard().iter().filter(|line| line.ends_with("login")).count()
    }
}

struct Camera {
    quirks: Vec<Quirk>,
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Camera {
    fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    fn serve(&self, stream: &TcpStream) {
        let (mut splitter, mut bytes) = (Splitter::default(), [0; 4096]);
        let writer = Arc::new(Mutex::new(stream.try_clone().unwrap()));
        let over = Arc::new(AtomicBool::new(false));
        let mut udp = None;
        while let Ok(count) = (&mut &*stream).read(&mut bytes) {
            if count == 0 {
                break;
            }
            splitter.take(&bytes[..count]);
            while let Some(ConnectionPart::Message(head, _)) = splitter.next() {
                let login = if head.get("Authorization").is_some() { " login" } else { "" };
                self.heard.lock().unwrap().push(format!("{}{login}", head.first));
                let (answer, body) = self.answer(&head, &mut udp);
                writer.lock().unwrap().write_all(&answer.bytes(body.as_bytes())).unwrap();
                if head.first.starts_with("PLAY") && answer.status() == Some(200) {
                    let player = Player {
                        rubbish: self.has(Quirk::Rubbish),
                        changes: self.has(Quirk::SourceChanges),
                        channel: if self.has(Quirk::OtherChannel) { 2 } else { 0 },
                        first: if self.has(Quirk::JoinedInTheMiddle) { 30 } else { 0 },
                        writer: Arc::clone(&writer),
                        stream: self.stream(),
                        udp: udp.take(),
                        over: Arc::clone(&over),
                    };
                    std::thread::spawn(move || player.play());
                }
            }
        }
        over.store(true, Ordering::Relaxed);
    }

    fn stream(&self) -> Played {
        #[cfg(feature = "h265")]
        if self.has(Quirk::H265) {
            return (include_bytes!("../../h265/testdata/pyramid.units"), fragments_of_h265);
        }
        (include_bytes!("../../h264/testdata/high-pyramid.units"), fragments)
    }

    fn answer(&self, request: &MessageHead, udp: &mut Option<u16>) -> (MessageHead, String) {
        let (method, url) = request.request().unwrap();
        let cseq: u32 = request.get("CSeq").unwrap().parse().unwrap();
        let said = |status: u16| {
            let mut head =
                MessageHead::new(format!("RTSP/1.0 {status} Text of the camera password=GEHEIM77"));
            head.set("CSeq", cseq.to_string());
            head
        };
        if let Some(challenge) = self.challenge()
            && !self.is_right(request, method, url)
        {
            let mut head = said(401);
            head.set("WWW-Authenticate", challenge);
            return (head, String::new());
        }
        let mut head = said(200);
        let body = match method {
            "DESCRIBE" if self.has(Quirk::Busy) => return (said(453), String::new()),
            "DESCRIBE" if self.has(Quirk::Missing) => return (said(404), String::new()),
            "DESCRIBE" if self.has(Quirk::Moved) && !url.contains("moved") => {
                head = said(302);
                head.set("Location", format!("rtsp://{}/moved", self.address));
                String::new()
            }
            "DESCRIBE" if self.has(Quirk::MovedAway) => {
                head = said(301);
                head.set(
                    "Location",
                    format!("rtsp://127.0.0.2:{}/x?password=GEHEIM77", self.address.port()),
                );
                String::new()
            }
            "DESCRIBE" => {
                let elsewhere = "rtsp://192.168.99.99:554/other/".to_owned();
                head.set(
                    "Content-Base",
                    if self.has(Quirk::BaseElsewhere) { elsewhere } else { format!("{url}/") },
                );
                head.set("Content-Type", "application/sdp");
                self.offer()
            }
            "SETUP" => self.set_up(request, &mut head, udp),
            "PLAY" if self.has(Quirk::RefusesRange) && request.get("Range").is_some() => {
                return (said(457), String::new());
            }
            "PLAY" => {
                let number = if self.has(Quirk::EmptyNumber) { "" } else { "1000" };
                head.set("RTP-Info", format!("url=rtsp://unknown/x;seq={number};rtptime="));
                String::new()
            }
            "SET_PARAMETER" | "GET_PARAMETER" if self.has(Quirk::NumberBefore) => {
                head = said(400);
                head.set("CSeq", (cseq - 1).to_string());
                String::new()
            }
            "OPTIONS" => {
                head.set("Public", "OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, SET_PARAMETER");
                String::new()
            }
            _ => String::new(),
        };
        (head, body)
    }

    fn offer(&self) -> String {
        if self.has(Quirk::BrokenDescription) {
            return "m=video password=GEHEIM77 x\r\na=control:rtsp://u:GEHEIM77@h/".to_owned();
        }
        let coding = match () {
            () if self.has(Quirk::Vp9) => "m=video 0 RTP/AVP 96\r\na=rtpmap:96 VP9/90000\r\n",
            #[cfg(feature = "h265")]
            () if self.has(Quirk::H265) => "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n",
            () if self.has(Quirk::Jpeg) => "m=video 0 RTP/AVP 26\r\n",
            () if self.has(Quirk::SoundAlone) => "m=audio 0 RTP/AVP 0\r\n",
            () if self.has(Quirk::Unnamed) => "m=video 0 RTP/AVP 96\r\n",
            () if self.has(Quirk::NoParameterSets) => {
                "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 \
                sprop-parameter-sets=Z0IAHpWoKA9puAgICBA=,\r\n"
            }
            () => {
                "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 \
                packetization-mode=1\r\n"
            }
        };
        let lines = if self.has(Quirk::ShortLines) {
            "o=-\r\nc=IN\r\ns=\r\n"
        } else {
            "o=- 1 1 IN IP4 0.0.0.0\r\ns=c\r\nt=0 0\r\n"
        };
        format!("v=0\r\n{lines}{coding}a=control:trackID=1\r\n")
    }

    fn set_up(
        &self,
        request: &MessageHead,
        head: &mut MessageHead,
        udp: &mut Option<u16>,
    ) -> String {
        let wanted = request.get("Transport").unwrap();
        let by_tcp = wanted.contains("TCP");
        if self.has(Quirk::UdpOnly) && by_tcp {
            head.first = "RTSP/1.0 461 Unsupported Transport".to_owned();
            return String::new();
        }
        let timeout = if self.has(Quirk::ShortTimeout) { ";timeout=4" } else { ";timeout=60" };
        head.set(
            "Session",
            format!("A1B2{}", if self.has(Quirk::NoTimeout) { ";timeout=0" } else { timeout }),
        );
        if by_tcp {
            let channels = if self.has(Quirk::OtherChannel) { "2-3" } else { "0-1" };
            let source = if self.has(Quirk::AnotherSource) { "0000a0c6" } else { "12345678" };
            head.set(
                "Transport",
                format!("RTP/AVP/TCP;unicast;interleaved={channels};ssrc={source}"),
            );
        } else {
            let port = wanted
                .split("client_port=")
                .nth(1)
                .unwrap()
                .split('-')
                .next()
                .unwrap()
                .parse()
                .unwrap();
            *udp = Some(port);
            head.set(
                "Transport",
                format!("RTP/AVP;unicast;client_port={port}-{};server_port=6970-6971", port + 1),
            );
        }
        String::new()
    }

    fn challenge(&self) -> Option<&'static str> {
        let wants = |quirk| self.has(quirk);
        if wants(Quirk::DigestSha256) {
            Some("Digest realm=\"cam\", nonce=\"n0\", algorithm=SHA-256, qop=\"auth\"")
        } else if wants(Quirk::Digest) {
            Some("Digest realm=\"cam\", nonce=\"n0\"")
        } else {
            wants(Quirk::Basic).then_some("Basic realm=\"cam\"")
        }
    }

    /// `admin` and `pw:with:colons`.
    fn is_right(&self, request: &MessageHead, method: &str, url: &str) -> bool {
        let Some(given) = request.get("Authorization") else { return false };
        if self.has(Quirk::Basic) {
            return given == "Basic YWRtaW46cHc6d2l0aDpjb2xvbnM=";
        }
        let field = |name: &str| {
            let value = given.split(&format!("{name}=")).nth(1)?;
            Some(value.split(',').next()?.trim().trim_matches('"').to_owned())
        };
        if field("uri").as_deref() != Some(url) || field("username").as_deref() != Some("admin") {
            return false;
        }
        if !self.has(Quirk::DigestSha256) {
            // MD5 is not at hand here, so it is asked whether the answer is that of the wrong
            // password.
            return method != "DESCRIBE"
                || field("response").is_some_and(|response| response != md5_of_the_wrong_one(url));
        }
        let hash = |text: String| hex(&Sha256::digest(text));
        let (ha1, ha2) =
            (hash("admin:cam:pw:with:colons".to_owned()), hash(format!("{method}:{url}")));
        let (count, own) = (field("nc").unwrap(), field("cnonce").unwrap());
        field("response") == Some(hash(format!("{ha1}:n0:{count}:{own}:auth:{ha2}")))
    }
}

/// The library's own answer with the wrong password: without a nonce of the client's it is the same
/// each time.
fn md5_of_the_wrong_one(url: &str) -> String {
    let challenge = "Digest realm=\"cam\", nonce=\"n0\"";
    let mut client = http_auth::PasswordClient::builder().challenges(challenge).build().unwrap();
    let asked = http_auth::PasswordParams {
        username: "admin",
        password: "wrong-one",
        uri: url,
        method: "DESCRIBE",
        body: Some(&[]),
    };
    let answer = client.respond(&asked).unwrap();
    answer.split("response=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// A stream's units, and how a large unit is cut.
type Played = (&'static [u8], fn(&[u8]) -> Vec<Vec<u8>>);

struct Player {
    stream: Played,
    rubbish: bool,
    changes: bool,
    channel: u8,
    first: usize,
    writer: Arc<Mutex<TcpStream>>,
    udp: Option<u16>,
    over: Arc<AtomicBool>,
}

impl Player {
    fn play(self) {
        let (bytes, cut) = self.stream;
        let units = units(bytes);
        let length: u32 = units.len() as u32 * 3_600;
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (mut number, mut source, mut sent) = (1_000_u16, 0x1234_5678_u32, 0_u32);
        for round in 0.. {
            for (stamp, unit) in units.iter().skip(if round == 0 { self.first } else { 0 }) {
                if self.over.load(Ordering::Relaxed) {
                    return;
                }
                if self.changes && sent == 10 {
                    (source, number) = (0x9999_9999, 40_000);
                }
                for packet in packets(unit, cut, stamp + round * length, source, &mut number) {
                    let ok = match self.udp {
                        Some(port) => socket.send_to(&packet, ("127.0.0.1", port)).is_ok(),
                        None => self
                            .writer
                            .lock()
                            .unwrap()
                            .write_all(&framed(self.channel, &packet))
                            .is_ok(),
                    };
                    if !ok {
                        return;
                    }
                }
                if self.rubbish && sent % 7 == 3 {
                    let _ =
                        self.writer.lock().unwrap().write_all(b"\0\x01\x02garbage between packets");
                }
                sent += 1;
                std::thread::sleep(Duration::from_millis(15));
            }
        }
    }
}

fn units(bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let mut rest = bytes;
    std::iter::from_fn(|| {
        let (head, behind) = rest.split_first_chunk::<8>()?;
        let word = |at: usize| u32::from_be_bytes(head[at..at + 4].try_into().unwrap());
        let (unit, behind) = behind.split_at(word(4) as usize);
        rest = behind;
        Some((word(0), unit.to_vec()))
    })
    .collect()
}

const LONGEST: usize = 600;

/// RFC 6184: fragments of a unit (FU-A).
fn fragments(nal: &[u8]) -> Vec<Vec<u8>> {
    pieces(&nal[1..], |marks| vec![nal[0] & 0xE0 | 0x1C, marks | nal[0] & 0x1F])
}

/// RFC 7798: fragments of a unit.
#[cfg(feature = "h265")]
fn fragments_of_h265(nal: &[u8]) -> Vec<Vec<u8>> {
    pieces(&nal[2..], |marks| vec![nal[0] & 0x81 | 49 << 1, nal[1], marks | nal[0] >> 1 & 0x3F])
}

fn pieces(payload: &[u8], head: impl Fn(u8) -> Vec<u8>) -> Vec<Vec<u8>> {
    let pieces: Vec<&[u8]> = payload.chunks(LONGEST).collect();
    let marks = |at| u8::from(at == 0) << 7 | u8::from(at + 1 == pieces.len()) << 6;
    pieces.iter().enumerate().map(|(at, piece)| [&head(marks(at))[..], piece].concat()).collect()
}

/// Single units, and fragments of larger ones.
fn packets(
    unit: &[u8],
    cut: fn(&[u8]) -> Vec<Vec<u8>>,
    stamp: u32,
    source: u32,
    number: &mut u16,
) -> Vec<Vec<u8>> {
    let starts: Vec<usize> = memchr::memmem::find_iter(unit, &[0, 0, 0, 1]).collect();
    let ends = starts.iter().skip(1).copied().chain([unit.len()]);
    let nals: Vec<&[u8]> = starts.iter().zip(ends).map(|(from, to)| &unit[from + 4..to]).collect();
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    for nal in nals {
        if nal.len() <= LONGEST {
            payloads.push(nal.to_vec());
        } else {
            payloads.extend(cut(nal));
        }
    }
    let last = payloads.len() - 1;
    let packet = |(at, payload): (usize, Vec<u8>)| {
        let mut packet = vec![0x80, if at == last { 0x80 | 0x60 } else { 0x60 }];
        packet.extend(number.to_be_bytes());
        packet.extend(stamp.to_be_bytes());
        packet.extend(source.to_be_bytes());
        packet.extend(payload);
        *number = number.wrapping_add(1);
        packet
    };
    payloads.into_iter().enumerate().map(packet).collect()
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
