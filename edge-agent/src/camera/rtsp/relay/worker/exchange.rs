//! One request of the camera and its answer; what comes meanwhile goes on to the library.

use std::time::Duration;

use http_auth::PasswordParams;
use tokio::{
    io::AsyncWriteExt as _,
    time::{Instant, timeout, timeout_at},
};

use super::{Transport, Worker};
use crate::camera::rtsp::{
    PATIENCE,
    fault::RtspFault,
    message::{ConnectionPart, MessageHead, framed},
};

/// How long an answer with another number is held for the right one: some cameras number their
/// answers wrongly.
const WRONG_NUMBER: Duration = Duration::from_millis(300);

impl Worker {
    /// Asks the camera, and logs in where it wants that: once, with what it asks for now.
    pub(super) async fn ask(
        &mut self,
        method: &'static str,
        address: &str,
        headers: &[(&str, &str)],
    ) -> Result<(MessageHead, Vec<u8>), RtspFault> {
        let (head, body) = self.exchange(method, address, headers).await?;
        if head.status() != Some(401) {
            return Ok((head, body));
        }
        if self.login.is_none() {
            return Err(RtspFault::PasswordWanted);
        }
        let asked = http_auth::PasswordClient::builder();
        let asked =
            head.all("WWW-Authenticate").fold(asked, http_auth::PasswordClientBuilder::challenges);
        self.client = Some(asked.build().map_err(|_| RtspFault::LoginKind)?);
        let (head, body) = self.exchange(method, address, headers).await?;
        if head.status() == Some(401) {
            let file = self.login.as_ref().map(|login| login.file.clone()).unwrap_or_default();
            return Err(RtspFault::Refused { file });
        }
        Ok((head, body))
    }

    async fn exchange(
        &mut self,
        method: &str,
        address: &str,
        headers: &[(&str, &str)],
    ) -> Result<(MessageHead, Vec<u8>), RtspFault> {
        self.cseq += 1;
        let cseq = self.cseq.to_string();
        let mut request = MessageHead::new(format!("{method} {address} RTSP/1.0"));
        request.set("CSeq", &cseq);
        request.set("User-Agent", "zaigang");
        for (name, value) in headers {
            request.set(name, *value);
        }
        if let Some(session) = &self.session {
            request.set("Session", session);
        }
        if let (Some(client), Some(login)) = (&mut self.client, &self.login) {
            let (username, password) = (login.user.as_str(), login.password.as_str());
            let asked =
                PasswordParams { username, password, uri: address, method, body: Some(&[]) };
            request.set("Authorization", client.respond(&asked).map_err(|_| RtspFault::LoginKind)?);
        }
        self.camera
            .stream
            .write_all(&request.bytes(&[]))
            .await
            .map_err(|why| RtspFault::network(&why))?;
        let answer = timeout(PATIENCE, self.await_answer(&cseq)).await;
        answer.unwrap_or(Err(RtspFault::Silent(PATIENCE.as_secs())))
    }

    /// The answer with this number, or the one that comes in its place; packets are passed on
    /// meanwhile.
    async fn await_answer(&mut self, cseq: &str) -> Result<(MessageHead, Vec<u8>), RtspFault> {
        let mut other = None;
        loop {
            while let Some(part) = self.camera.parts.next() {
                match part {
                    ConnectionPart::Message(head, body)
                        if head.status().is_some_and(|status| status >= 200) =>
                    {
                        if head.get("CSeq").is_none_or(|said| said == cseq) {
                            return Ok((head, body));
                        }
                        other = Some((head, body, Instant::now() + WRONG_NUMBER));
                    }
                    part => self.take(part).await,
                }
            }
            match other.take() {
                None => self.camera.more().await?,
                Some((head, body, until)) => {
                    let more = timeout_at(until, self.camera.more()).await;
                    match more {
                        Ok(more) if Instant::now() < until => more?,
                        _ => return Ok((head, body)),
                    }
                    other = Some((head, body, until));
                }
            }
        }
    }

    /// A packet goes on; a request of the camera is heard and left.
    pub(super) async fn take(&mut self, part: ConnectionPart) {
        let ConnectionPart::Packet { channel, mut bytes } = part else { return };
        if matches!(self.transport, Transport::Interleaved(pictures) if pictures == channel) {
            self.pass_on(&mut bytes).await;
        }
    }

    pub(super) async fn pass_on(&mut self, packet: &mut [u8]) {
        if self.packets.put_right(packet) {
            self.send(&framed(0, packet)).await;
        }
    }

    pub(super) async fn reply(
        &mut self,
        cseq: &str,
        status: u16,
        headers: Vec<(&str, String)>,
        body: &[u8],
    ) {
        let mut head = MessageHead::new(format!(
            "RTSP/1.0 {status} {}",
            if status == 200 { "OK" } else { "No" }
        ));
        head.set("CSeq", cseq);
        for (name, value) in headers {
            head.set(name, value);
        }
        self.send(&head.bytes(body)).await;
    }

    /// To the library; where it is gone, its side of the connection says so.
    async fn send(&mut self, bytes: &[u8]) {
        if let Some(library) = &mut self.library
            && library.write_all(bytes).await.is_err()
        {
            self.library = None;
        }
    }
}
