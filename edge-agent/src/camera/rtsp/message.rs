//! RTSP/1.0 on a wire (RFC 2326): messages and the interleaved packets between them, read as
//! leniently as players do. What is neither is passed over and counted. It never sends, and knows
//! no camera.

/// A head longer than this is none.
const MOST_HEAD_BYTES: usize = 64 * 1024;
const MOST_BODY_BYTES: usize = 1024 * 1024;

/// The first line and the headers of a message. Names are compared without case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MessageHead {
    pub(super) first: String,
    headers: Vec<(String, String)>,
}

impl MessageHead {
    pub(super) fn new(first: impl Into<String>) -> Self {
        Self { first: first.into(), headers: Vec::new() }
    }

    fn parse(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines().map(str::trim_end);
        let mut head = Self::new(lines.next().unwrap_or_default());
        head.headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        head
    }

    /// The status of an answer; `None`: it is a request.
    pub(super) fn status(&self) -> Option<u16> {
        self.first.strip_prefix("RTSP/")?.split_whitespace().nth(1)?.parse().ok()
    }

    /// Method and address of a request.
    pub(super) fn request(&self) -> Option<(&str, &str)> {
        let mut words = self.first.split_whitespace();
        Some((words.next()?, words.next()?))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .iter()
            .filter(move |(have, _)| have.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.headers.push((name.to_owned(), value.into()));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(have, _)| !have.eq_ignore_ascii_case(name));
    }

    pub(super) fn bytes(&self, body: &[u8]) -> Vec<u8> {
        use std::fmt::Write as _;
        let mut text = format!("{}\r\n", self.first);
        for (name, value) in
            self.headers.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("Content-Length"))
        {
            let _ = write!(text, "{name}: {value}\r\n");
        }
        if !body.is_empty() {
            let _ = write!(text, "Content-Length: {}\r\n", body.len());
        }
        text.push_str("\r\n");
        [text.as_bytes(), body].concat()
    }
}

/// What a connection carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ConnectionPart {
    Message(MessageHead, Vec<u8>),
    /// An RTP or RTCP packet.
    Packet {
        channel: u8,
        bytes: Vec<u8>,
    },
}

/// An interleaved packet with its four bytes of frame.
pub(super) fn framed(channel: u8, packet: &[u8]) -> Vec<u8> {
    let length = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    let mut bytes = vec![b'$', channel];
    bytes.extend(length.to_be_bytes());
    bytes.extend(&packet[..usize::from(length)]);
    bytes
}

/// Cuts the bytes of a connection into its parts.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    bytes: Vec<u8>,
    at: usize,
    /// Bytes that belong to nothing.
    pub(super) passed_over: u64,
}

impl Splitter {
    pub(super) fn take(&mut self, more: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(more);
    }

    /// The next whole part; `None` until more comes.
    pub(super) fn next(&mut self) -> Option<ConnectionPart> {
        loop {
            let rest = self.bytes.get(self.at..)?;
            match rest.first()? {
                b'$' => {
                    if let Some(part) = self.packet()? {
                        return Some(part);
                    }
                }
                b'\r' | b'\n' => self.at += 1,
                b'A'..=b'Z' => {
                    if let Some(part) = self.message()? {
                        return Some(part);
                    }
                }
                _ => self.pass_over(),
            }
        }
    }

    /// `None`: more is needed; `Some(None)`: what began here was none.
    #[expect(
        clippy::option_option,
        reason = "two questions, asked with `?`: is it whole, and is it one"
    )]
    fn packet(&mut self) -> Option<Option<ConnectionPart>> {
        let rest = self.bytes.get(self.at..)?;
        let &[_, channel, high, low, ..] = rest else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // Both kinds of packet are of version 2, and a camera has few channels: anything else is a
        // dollar sign in rubbish.
        let first = rest.get(4);
        if length < 4 || channel > 31 || first.is_some_and(|first| first >> 6 != 2) {
            self.pass_over();
            return Some(None);
        }
        let bytes = rest.get(4..4 + length)?.to_vec();
        self.at += 4 + length;
        Some(Some(ConnectionPart::Packet { channel, bytes }))
    }

    /// As [`Self::packet`].
    #[expect(
        clippy::option_option,
        reason = "two questions, asked with `?`: is it whole, and is it one"
    )]
    fn message(&mut self) -> Option<Option<ConnectionPart>> {
        let rest = self.bytes.get(self.at..)?;
        let word =
            rest.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_').count();
        match rest.get(word) {
            Some(b'/' | b' ') => {}
            None if word < 20 => return None,
            _ => {
                self.pass_over();
                return Some(None);
            }
        }
        let Some((head, body_at)) = head_end(rest) else {
            if rest.len() > MOST_HEAD_BYTES {
                self.pass_over();
                return Some(None);
            }
            return None;
        };
        let head = MessageHead::parse(&rest[..head]);
        let length =
            head.get("Content-Length").and_then(|length| length.parse::<usize>().ok()).unwrap_or(0);
        if length > MOST_BODY_BYTES {
            self.pass_over();
            return Some(None);
        }
        let body = rest.get(body_at..body_at + length)?.to_vec();
        self.at += body_at + length;
        Some(Some(ConnectionPart::Message(head, body)))
    }

    /// To the next byte that a part can begin with.
    fn pass_over(&mut self) {
        let rest = &self.bytes[self.at..];
        let begins = |byte: &u8| *byte == b'$' || byte.is_ascii_uppercase();
        let next = rest.iter().skip(1).position(begins).map_or(rest.len(), |found| found + 1);
        self.at += next;
        self.passed_over += next as u64;
    }
}

/// Where the head ends, and where the body begins: after an empty line.
fn head_end(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    while let Some(found) = bytes.get(at..)?.iter().position(|byte| *byte == b'\n') {
        let end = at + found;
        match bytes.get(end + 1..)? {
            [b'\n', ..] => return Some((end, end + 2)),
            [b'\r', b'\n', ..] => return Some((end, end + 3)),
            _ => at = end + 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(bytes: &[u8], piece: usize) -> (Vec<ConnectionPart>, u64) {
        let mut splitter = Splitter::default();
        let mut parts = Vec::new();
        for piece in bytes.chunks(piece.max(1)) {
            splitter.take(piece);
            parts.extend(std::iter::from_fn(|| splitter.next()));
        }
        (parts, splitter.passed_over)
    }

    fn stream() -> (Vec<ConnectionPart>, Vec<u8>) {
        let mut head = MessageHead::new("RTSP/1.0 200 OK");
        head.set("CSeq", "3");
        head.set("Content-Length", "4");
        let parts = vec![
            ConnectionPart::Message(head, b"v=0\n".to_vec()),
            ConnectionPart::Packet { channel: 0, bytes: vec![0x80, 96, 0, 1, b'$', b'R'] },
            ConnectionPart::Packet { channel: 1, bytes: vec![0x81, 200, 0, 1] },
        ];
        let bytes = parts.iter().flat_map(|part| match part {
            ConnectionPart::Message(head, body) => head.bytes(body),
            ConnectionPart::Packet { channel, bytes } => framed(*channel, bytes),
        });
        (parts.clone(), bytes.collect())
    }

    #[test]
    fn rubbish_between_packets_is_passed_over() {
        let (parts, bytes) = stream();
        let mixed = [b"\0\x01$\xffgarbage Between".as_slice(), &bytes, b"\0\0$$", &bytes].concat();
        let (found, passed_over) = split(&mixed, 7);
        assert_eq!(found, [parts.clone(), parts].concat());
        assert!(passed_over > 10);
    }

    #[test]
    fn lines_that_end_as_they_like_are_read() {
        let (found, _) =
            split(b"RTSP/1.0 401 No\nWWW-Authenticate: A\nwww-authenticate :B\nno colon\n\n", 3);
        let [ConnectionPart::Message(head, body)] = &found[..] else { panic!("{found:?}") };
        assert_eq!(head.status(), Some(401));
        assert_eq!(head.all("WWW-Authenticate").collect::<Vec<_>>(), ["A", "B"]);
        assert!(body.is_empty());
    }

    proptest! {
        #[test]
        fn any_cut_of_a_connection_gives_the_same_parts(piece in 1_usize..60) {
            let (parts, bytes) = stream();
            prop_assert_eq!(split(&bytes, piece), (parts, 0));
        }

        #[test]
        fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..2_000),
            piece in 1_usize..300) {
            let marked: Vec<u8> = bytes.iter().map(
                |b| match b % 11 { 0 => b'$', 1 => b'R', 2 => b'\n', _ => *b }).collect();
            let (_, passed_over) = split(&marked, piece);
            prop_assert!(passed_over <= marked.len() as u64);
        }
    }
}
