//! The relay at work: what the library asks becomes what is asked of the camera, until one of both
//! sides is gone.

mod exchange;

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http_auth::PasswordClient;
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpStream, tcp::OwnedWriteHalf},
    time::{Instant, sleep_until, timeout},
};
use url::Url;

use super::{
    CameraLogin, PARTING,
    transport::{CameraConnection, Transport, UdpPair, received},
};
use crate::camera::rtsp::{
    fault::RtspFault,
    message::{ConnectionPart, MessageHead, Splitter},
    packets::Packets,
    place,
    sdp::{self, Offer},
};

const MOST_REDIRECTS: u32 = 3;

pub(super) struct Worker {
    url: Url,
    camera: CameraConnection,
    login: Option<CameraLogin>,
    client: Option<PasswordClient>,
    alias: String,
    /// Addresses of the camera behind the two that the library knows.
    all: String,
    one: String,
    cseq: u32,
    session: Option<String>,
    timeout_s: u32,
    transport: Transport,
    packets: Packets,
    /// What the camera says that it can do.
    public: String,
    /// It refuses everything but OPTIONS as a sign of life.
    only_options: bool,
    /// When the camera must hear that somebody is there. The library's own sign waits until no
    /// packet does, which on a slow box is never.
    alive_at: Option<Instant>,
    library: Option<OwnedWriteHalf>,
}

impl Worker {
    pub(super) fn new(
        url: Url,
        camera: CameraConnection,
        login: Option<CameraLogin>,
        alias: String,
    ) -> Self {
        Self {
            all: url.to_string(),
            one: url.to_string(),
            url,
            camera,
            login,
            client: None,
            alias,
            cseq: 0,
            session: None,
            timeout_s: 60,
            transport: Transport::None,
            packets: Packets::default(),
            public: String::new(),
            only_options: false,
            alive_at: None,
            library: None,
        }
    }

    /// Until one of both sides is gone. Where it was the camera's, that is told before the
    /// library's side is closed.
    pub(super) async fn run(mut self, library: TcpStream, told: &Mutex<Option<RtspFault>>) {
        let _ = library.set_nodelay(true);
        let (mut from_library, to_library) = library.into_split();
        self.library = Some(to_library);
        let mut requests = Splitter::default();
        let result = loop {
            if let Err(why) = self.serve(&mut requests).await {
                break Err(why);
            }
            let (mut bytes, mut packet) = ([0; 4096], vec![0; 2048]);
            let (peer, alive_at) = (self.camera.peer(), self.alive_at);
            tokio::select! {
                read = from_library.read(&mut bytes) => match read {
                    Ok(0) | Err(_) => break Ok(()),
                    Ok(count) => requests.take(&bytes[..count]),
                },
                read = self.camera.more() => if let Err(why) = read {
                    break Err(why);
                },
                length = received(&self.transport, peer, &mut packet) => {
                    packet.truncate(length);
                    self.pass_on(&mut packet).await;
                }
                () = sleep_until(alive_at.unwrap_or_else(Instant::now)), if alive_at.is_some() => {
                    if let Err(why) = self.keep_alive().await {
                        break Err(why);
                    }
                }
            }
        };
        *told.lock().unwrap_or_else(PoisonError::into_inner) = result.err();
        self.tear_down().await;
    }

    /// Everything that has come is answered and passed on.
    async fn serve(&mut self, requests: &mut Splitter) -> Result<(), RtspFault> {
        while let Some(part) = requests.next() {
            if let ConnectionPart::Message(head, _) = part {
                self.answer(&head).await?;
            }
        }
        while let Some(part) = self.camera.parts.next() {
            self.take(part).await;
        }
        Ok(())
    }

    async fn answer(&mut self, request: &MessageHead) -> Result<(), RtspFault> {
        let cseq = request.get("CSeq").unwrap_or("0").to_owned();
        let (method, address) = request.request().unwrap_or_default();
        if !address.starts_with(&self.alias) {
            self.reply(&cseq, 404, Vec::new(), &[]).await;
            return Ok(());
        }
        match method {
            "DESCRIBE" => {
                let description = self.describe().await?;
                let headers = vec![
                    ("Content-Type", "application/sdp".to_owned()),
                    ("Content-Base", self.alias.clone()),
                ];
                self.reply(&cseq, 200, headers, description.as_bytes()).await;
            }
            "SETUP" => {
                self.set_up().await?;
                let headers = vec![
                    ("Session", "1;timeout=60".to_owned()),
                    ("Transport", "RTP/AVP/TCP;unicast;interleaved=0-1".to_owned()),
                ];
                self.reply(&cseq, 200, headers, &[]).await;
            }
            "PLAY" => {
                self.play().await?;
                self.alive_at = Some(Instant::now() + self.alive_every());
                self.reply(&cseq, 200, vec![("Session", "1".to_owned())], &[]).await;
            }
            // Its own signs of life too: the camera gets others.
            _ => self.reply(&cseq, 200, Vec::new(), &[]).await,
        }
        Ok(())
    }

    /// What the library gets to see of the camera's offer.
    async fn describe(&mut self) -> Result<String, RtspFault> {
        let mut moved = 0;
        let (head, body) = loop {
            let address = self.url.to_string();
            let (head, body) =
                self.ask("DESCRIBE", &address, &[("Accept", "application/sdp")]).await?;
            match head.status().unwrap_or(0) {
                200..300 => break (head, body),
                300..400 if moved < MOST_REDIRECTS => {
                    moved += 1;
                    self.follow(head.get("Location").unwrap_or_default()).await?;
                }
                status => return Err(RtspFault::status("DESCRIBE", status)),
            }
        };
        let offer = Offer::parse(&String::from_utf8_lossy(&body));
        let Some((stream, coding)) = offer.decodable() else {
            return Err(RtspFault::coding(&offer.codings()));
        };
        let address = self.url.to_string();
        let base = head
            .get("Content-Base")
            .or(head.get("Content-Location"))
            .filter(|base| base.contains("://"));
        let base = base.unwrap_or(&address);
        let all = if offer.control.is_some() {
            sdp::joined(base, offer.control.as_deref())
        } else {
            address.clone()
        };
        let one = sdp::joined(base, stream.control.as_deref());
        (self.all, self.one) = (at_authority(&all, &self.url), at_authority(&one, &self.url));
        let (all, one) = (format!("{}/all", self.alias), format!("{}/one", self.alias));
        Ok(stream.description(coding, &all, &one))
    }

    /// To where the camera says that it is now: another path or port of the same machine. Another
    /// machine is a person's to name, because the password goes with it.
    async fn follow(&mut self, location: &str) -> Result<(), RtspFault> {
        let elsewhere: Url = location
            .parse()
            .ok()
            .filter(|url: &Url| url.scheme() == "rtsp" && url.host_str().is_some())
            .ok_or(RtspFault::Answer { method: "DESCRIBE", status: 302 })?;
        let before = self.camera.peer();
        let camera = CameraConnection::to(&elsewhere).await?;
        if camera.peer() != before {
            return Err(RtspFault::Elsewhere(place(&elsewhere)));
        }
        self.camera = camera;
        self.url = elsewhere;
        let _ = (self.url.set_username(""), self.url.set_password(None));
        Ok(())
    }

    async fn set_up(&mut self) -> Result<(), RtspFault> {
        let address = self.one.clone();
        let transport = "RTP/AVP/TCP;unicast;interleaved=0-1";
        let (mut head, _) = self.ask("SETUP", &address, &[("Transport", transport)]).await?;
        let mut udp = None;
        if head.status() == Some(461) {
            let at = self.camera.stream.local_addr().map_err(|why| RtspFault::network(&why))?.ip();
            let pair = UdpPair::bind(at).await?;
            let transport = format!(
                "RTP/AVP;unicast;client_port={}-{}",
                pair.port(),
                pair.port().saturating_add(1)
            );
            (head, _) = self.ask("SETUP", &address, &[("Transport", &transport)]).await?;
            udp = Some(pair);
        }
        match head.status().unwrap_or(0) {
            200..300 => {}
            status => return Err(RtspFault::status("SETUP", status)),
        }
        self.remember_session(&head);
        let transport = head.get("Transport").unwrap_or_default().to_ascii_lowercase();
        let first = |key: &str| {
            let value = transport.split(';').find_map(|part| part.trim().strip_prefix(key))?;
            value.split('-').next()?.trim().parse::<u16>().ok()
        };
        self.transport = match (udp, first("interleaved=")) {
            (Some(pair), None) => {
                if let (Some(camera), Some(port)) = (self.camera.peer(), first("server_port=")) {
                    pair.greet(camera, port).await;
                }
                tracing::info!("the camera refuses TCP: its pictures come by UDP");
                Transport::Udp(pair)
            }
            (_, channel) => {
                Transport::Interleaved(channel.and_then(|c| u8::try_from(c).ok()).unwrap_or(0))
            }
        };
        Ok(())
    }

    async fn play(&mut self) -> Result<(), RtspFault> {
        let address = self.all.clone();
        let (mut head, _) = self.ask("PLAY", &address, &[("Range", "npt=0.000-")]).await?;
        if head.status().is_some_and(|status| status >= 400) {
            (head, _) = self.ask("PLAY", &address, &[]).await?;
        }
        match head.status().unwrap_or(0) {
            200..300 => Ok(()),
            status => Err(RtspFault::status("PLAY", status)),
        }
    }

    fn alive_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.timeout_s).min(60)) / 2
    }

    /// Whatever a camera answers, it heard that somebody is there. OPTIONS first, because every
    /// camera knows it; then what it says that it can do.
    async fn keep_alive(&mut self) -> Result<(), RtspFault> {
        self.alive_at = Some(Instant::now() + self.alive_every());
        let can = |method: &str| !self.only_options && self.public.contains(method);
        let method = match () {
            () if can("GET_PARAMETER") => "GET_PARAMETER",
            () if can("SET_PARAMETER") => "SET_PARAMETER",
            () => "OPTIONS",
        };
        let address = self.all.clone();
        let head = match self.ask(method, &address, &[]).await {
            Ok((head, _)) => head,
            // A camera that plays and refuses this alone goes on playing, or closes.
            Err(RtspFault::Refused { .. } | RtspFault::PasswordWanted | RtspFault::Silent(_)) => {
                return Ok(());
            }
            Err(why) => return Err(why),
        };
        let refused = head.status().is_none_or(|status| status >= 400);
        self.only_options |= refused && method != "OPTIONS";
        if let Some(public) = head.get("Public").filter(|_| !refused) {
            self.public = public.to_ascii_uppercase();
        }
        Ok(())
    }

    async fn tear_down(&mut self) {
        self.library = None;
        if self.session.is_none() {
            return;
        }
        let address = self.all.clone();
        let _ = timeout(PARTING, self.ask("TEARDOWN", &address, &[])).await;
    }

    fn remember_session(&mut self, head: &MessageHead) {
        let Some(said) = head.get("Session") else { return };
        let (id, rest) = said.split_once(';').unwrap_or((said, ""));
        self.session = Some(id.trim().to_owned());
        let timeout = rest.split(';').find_map(|part| part.trim().strip_prefix("timeout="));
        self.timeout_s = timeout
            .and_then(|s| s.trim().parse().ok())
            .filter(|s| *s > 0)
            .unwrap_or(60)
            .clamp(4, 600);
    }
}

/// The same path at the camera's own authority: behind a NAT cameras name addresses that lead
/// nowhere.
fn at_authority(address: &str, url: &Url) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let path = rest.find('/').map_or("", |slash| &rest[slash..]);
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("rtsp://{}{port}{path}", url.host_str().unwrap_or_default())
}
