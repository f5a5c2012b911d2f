//! What a camera offers (SDP, RFC 8866), read as leniently as players do: lines that nobody needs
//! may be wrong. It chooses the stream that can be decoded, and writes a description of that stream
//! alone. It opens no connection.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A camera's offer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Offer {
    /// The address of all streams together, as written.
    pub(super) control: Option<String>,
    pub(super) streams: Vec<Stream>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Stream {
    media: String,
    payload: String,
    /// Name of the coding, in capitals; empty where none is told.
    pub(super) coding: String,
    clock: String,
    format: Option<String>,
    pub(super) control: Option<String>,
}

impl Offer {
    pub(super) fn parse(text: &str) -> Self {
        let mut offer = Self::default();
        for line in text.split(['\r', '\n']).map(str::trim) {
            if let Some(media) = line.strip_prefix("m=") {
                let mut words = media.split_whitespace();
                let media = words.next().unwrap_or_default().to_ascii_lowercase();
                let payload = words.nth(2).unwrap_or_default().to_owned();
                let coding = if payload == "26" { "JPEG".to_owned() } else { String::new() };
                offer.streams.push(Stream { media, payload, coding, ..Stream::default() });
            } else if let Some(attribute) = line.strip_prefix("a=") {
                let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
                offer.attribute(name.trim(), value.trim());
            }
        }
        offer
    }

    fn attribute(&mut self, name: &str, value: &str) {
        let Some(stream) = self.streams.last_mut() else {
            if name == "control" {
                self.control = Some(value.to_owned());
            }
            return;
        };
        match name {
            "control" => stream.control = Some(value.to_owned()),
            "rtpmap" => {
                let coding = value
                    .split_once(char::is_whitespace)
                    .map_or(value, |(_, coding)| coding.trim());
                let (coding, clock) = coding.split_once('/').unwrap_or((coding, ""));
                stream.coding = coding.trim().to_ascii_uppercase();
                stream.clock = clock.chars().take_while(char::is_ascii_digit).collect();
            }
            "fmtp" => {
                stream.format =
                    value.split_once(char::is_whitespace).map(|(_, format)| format.to_owned());
            }
            _ => {}
        }
    }

    /// The first stream that can be decoded here: H.264 is the lighter one for the box.
    pub(super) fn decodable(&self) -> Option<(&Stream, Coding)> {
        Coding::ALL.into_iter().find_map(|coding| {
            let mut streams = self.streams.iter().filter(|stream| stream.media == "video");
            let found = streams.find(|stream| coding.names().contains(&stream.coding.as_str()));
            found.map(|stream| (stream, coding))
        })
    }

    /// Codings of the pictures that are offered.
    pub(super) fn codings(&self) -> Vec<&str> {
        self.streams
            .iter()
            .filter(|stream| stream.media == "video")
            .map(|stream| stream.coding.as_str())
            .collect()
    }
}

/// Codings whose pictures are decoded here, the first choice first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    H264,
    #[cfg(feature = "h265")]
    H265,
}

impl Coding {
    #[cfg(feature = "h265")]
    const ALL: [Self; 2] = [Self::H264, Self::H265];
    #[cfg(not(feature = "h265"))]
    const ALL: [Self; 1] = [Self::H264];

    /// The coding of what was chosen, as the library calls it.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| name.eq_ignore_ascii_case(coding.names()[0]))
    }

    /// As descriptions call it, in capitals; the first is the standard's (RFC 6184, RFC 7798).
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::H264 => &["H264"],
            #[cfg(feature = "h265")]
            Self::H265 => &["H265", "HEVC"],
        }
    }

    /// What the depacketiser needs to know of the format; parameter sets only where all are there
    /// and whole (they come in the stream, too).
    fn known_parameters(self, format: &str) -> String {
        match self {
            Self::H264 => known_parameters(format),
            #[cfg(feature = "h265")]
            Self::H265 => known_sets_of_h265(format),
        }
    }
}

impl std::fmt::Display for Coding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::H264 => "H.264",
            #[cfg(feature = "h265")]
            Self::H265 => "H.265",
        })
    }
}

impl Stream {
    /// A description of this stream and nothing else, with these addresses.
    pub(super) fn description(&self, coding: Coding, all: &str, one: &str) -> String {
        let payload =
            self.payload.parse::<u8>().ok().filter(|payload| *payload < 128).unwrap_or(96);
        let clock = self.clock.parse::<u32>().ok().filter(|clock| *clock > 0).unwrap_or(90_000);
        let format = self.format.as_deref().map(|format| coding.known_parameters(format));
        let format = format.filter(|format| !format.is_empty());
        let format =
            format.map(|format| format!("a=fmtp:{payload} {format}\r\n")).unwrap_or_default();
        let name = coding.names()[0];
        format!(
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=control:{all}\r\nm=video 0 \
                RTP/AVP {payload}\r\n\
             a=rtpmap:{payload} {name}/{clock}\r\n{format}a=control:{one}\r\n"
        )
    }
}

#[cfg(feature = "h265")]
fn known_sets_of_h265(format: &str) -> String {
    let sets = [("sprop-vps", 32), ("sprop-sps", 33), ("sprop-pps", 34)];
    let whole = sets.map(|(name, kind)| {
        let mut parts = format.split(';').filter_map(|part| part.trim().split_once('='));
        let value = parts.find(|(found, _)| found.trim() == name)?.1.trim();
        // Of several the library takes the first.
        let set = STANDARD.decode(value.split(',').next()?.trim()).ok()?;
        (set.first().map(|header| header >> 1 & 63) == Some(kind) && set.len() > 2)
            .then(|| format!("{name}={value}"))
    });
    whole.into_iter().collect::<Option<Vec<_>>>().unwrap_or_default().join(";")
}

fn known_parameters(format: &str) -> String {
    let known = |parameter: &&str| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match name.trim() {
            "packetization-mode" => matches!(value.trim(), "0" | "1"),
            "profile-level-id" => {
                value.trim().len() == 6 && value.trim().chars().all(|c| c.is_ascii_hexdigit())
            }
            "sprop-parameter-sets" => whole_sets(value.trim()),
            _ => false,
        }
    };
    format.split(';').map(str::trim).filter(known).collect::<Vec<_>>().join(";")
}

fn whole_sets(value: &str) -> bool {
    let sets: Option<Vec<Vec<u8>>> =
        value.split(',').map(|set| STANDARD.decode(set.trim()).ok()).collect();
    let Some(sets) = sets else { return false };
    let kinds: Vec<Option<u8>> =
        sets.iter().map(|set| set.first().map(|header| header & 31)).collect();
    kinds.contains(&Some(7))
        && kinds.contains(&Some(8))
        && kinds.iter().all(|kind| matches!(kind, Some(7 | 8 | 13)))
}

/// A control address against its base: as it is where it is whole, otherwise behind the base, as
/// players do it.
pub(super) fn joined(base: &str, control: Option<&str>) -> String {
    match control {
        None | Some("" | "*") => base.to_owned(),
        Some(whole) if whole.contains("://") => whole.to_owned(),
        Some(part) => {
            let slash = if base.ends_with('/') || part.starts_with('/') { "" } else { "/" };
            let base = if part.starts_with('/') { base.trim_end_matches('/') } else { base };
            format!("{base}{slash}{part}")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SETS: &str = "Z2QAH6zZQFAFuhAAAAMAEAAAAwMg8YMZYA==,aOvjyyLA";

    fn offer() -> String {
        format!(
            "v=0\no=-\nc=IN\ns=Media Server user=admin\nm=audio 0 RTP/AVP 8\na=control:trackID=2\n\
             m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000\na=fmtp:96 packetization-mode=1; \
             sprop-parameter-sets={SETS};x=y\n\
             a=control:trackID=1\n"
        )
    }

    #[test]
    fn short_lines_that_nobody_needs_are_passed_over() {
        let offer = Offer::parse(&offer());
        let (stream, coding) = offer.decodable().unwrap();
        let described = stream.description(coding, "rtsp://a/all", "rtsp://a/one");
        assert!(
            described.contains(&format!(
                "a=fmtp:96 packetization-mode=1;sprop-parameter-sets={SETS}\r\n"
            ))
        );
        assert!(described.ends_with("a=control:rtsp://a/one\r\n") && !described.contains("admin"));
    }

    #[test]
    fn sets_that_are_not_whole_are_left_to_the_stream() {
        for broken in ["Z0IAHpWoKA9puAgICBA=,", "", "!", "aOvjyyLA"] {
            assert_eq!(
                known_parameters(&format!("packetization-mode=1;sprop-parameter-sets={broken}")),
                "packetization-mode=1"
            );
        }
    }

    #[test]
    fn what_is_offered_instead_is_named() {
        assert_eq!(
            Offer::parse("m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\n").codings(),
            ["H265"]
        );
        assert_eq!(Offer::parse("m=video 0 RTP/AVP 26\r\n").codings(), ["JPEG"]);
        assert!(Offer::parse("rubbish").decodable().is_none());
        assert!(Offer::parse("m=video 0 RTP/AVP 26\r\n").decodable().is_none());
    }

    #[test]
    fn controls_are_joined_as_players_do() {
        assert_eq!(
            joined("rtsp://c/live?subtype=0/", Some("trackID=0")),
            "rtsp://c/live?subtype=0/trackID=0"
        );
        assert_eq!(joined("rtsp://c/live", Some("trackID=0")), "rtsp://c/live/trackID=0");
        assert_eq!(joined("rtsp://c/live/", Some("*")), "rtsp://c/live/");
        assert_eq!(joined("rtsp://c/live", Some("rtsp://d/x")), "rtsp://d/x");
    }

    #[cfg(feature = "h265")]
    #[test]
    fn h264_is_chosen_before_h265() {
        let h265 = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 HEVC/90000\r\n";
        assert_eq!(Offer::parse(h265).decodable().unwrap().1, Coding::H265);
        let both = format!("{h265}m=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n");
        assert_eq!(Offer::parse(&both).decodable().unwrap().1, Coding::H264);
    }

    #[cfg(feature = "h265")]
    #[test]
    fn sets_of_h265_are_taken_together_or_not_at_all() {
        let (vps, sps, pps) = ("sprop-vps=QAEMAf//", "sprop-sps=QgEBAWAA", "sprop-pps=RAHBcrQi");
        let whole = format!("{vps};{sps};{pps}");
        assert_eq!(known_sets_of_h265(&format!("x=y; {vps}; {sps}; {pps}")), whole);
        for broken in
            [format!("{vps};{sps}"), whole.replace("=QgEB", "=!"), whole.replace("QgEB", "QAEB")]
        {
            assert_eq!(known_sets_of_h265(&broken), "");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_borne(lines in proptest::collection::vec("(m=|a=)?[ -~]{0,40}", 0..30)) {
            let offer = Offer::parse(&lines.join("\n"));
            for stream in &offer.streams {
                for coding in Coding::ALL {
                    let said = stream.description(coding, "rtsp://a/all", "rtsp://a/one");
                    let again = Offer::parse(&said);
                    let found = again.decodable().map(|(_, coding)| coding);
                    prop_assert!(found == Some(coding) && again.streams.len() == 1);
                }
            }
        }
    }
}
