//! The ways on which a camera's bytes come: its connection, and a pair of UDP sockets.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpStream, UdpSocket};
use url::Url;

use crate::camera::rtsp::fault::RtspFault;
use crate::camera::rtsp::message::Splitter;

/// The connection to the camera.
pub(super) struct CameraConnection {
    pub(super) stream: TcpStream,
    pub(super) parts: Splitter,
}

impl CameraConnection {
    pub(super) async fn to(url: &Url) -> Result<Self, RtspFault> {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, url.port().unwrap_or(554)))
            .await
            .map_err(|why| RtspFault::network(&why))?;
        let _ = stream.set_nodelay(true);
        Ok(Self { stream, parts: Splitter::default() })
    }

    /// Waits for more bytes.
    pub(super) async fn more(&mut self) -> Result<(), RtspFault> {
        let mut bytes = vec![0; 64 * 1024];
        match self.stream.read(&mut bytes).await {
            Ok(0) => Err(RtspFault::Closed),
            Ok(count) => {
                self.parts.take(&bytes[..count]);
                Ok(())
            }
            Err(why) => Err(RtspFault::network(&why)),
        }
    }

    pub(super) fn peer(&self) -> Option<IpAddr> {
        self.stream.peer_addr().ok().map(|peer| peer.ip())
    }
}

/// How packets come.
pub(super) enum Transport {
    None,
    /// On the RTSP connection: the channel of the pictures.
    Interleaved(u8),
    Udp(UdpPair),
}

pub(super) struct UdpPair {
    packets: UdpSocket,
    reports: UdpSocket,
}

impl UdpPair {
    /// An even port and the next one, as the standard wants them.
    pub(super) async fn bind(at: IpAddr) -> Result<Self, RtspFault> {
        for _ in 0..50 {
            let packets = UdpSocket::bind((at, 0)).await.map_err(|why| RtspFault::network(&why))?;
            let port = packets.local_addr().map_err(|why| RtspFault::network(&why))?.port();
            if port % 2 == 0
                && let Ok(reports) = UdpSocket::bind((at, port + 1)).await
            {
                return Ok(Self { packets, reports });
            }
        }
        Err(RtspFault::Network("no two free UDP ports".to_owned()))
    }

    pub(super) fn port(&self) -> u16 {
        self.packets.local_addr().map_or(0, |at| at.port())
    }

    /// Opens the way through a firewall, as players do.
    pub(super) async fn greet(&self, camera: IpAddr, port: u16) {
        let _ = self
            .packets
            .send_to(&[0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], SocketAddr::new(camera, port))
            .await;
        let report = [0x80, 201, 0, 1, 0, 0, 0, 0];
        let _ =
            self.reports.send_to(&report, SocketAddr::new(camera, port.saturating_add(1))).await;
    }
}

/// The next packet by UDP from the camera; never, where packets come otherwise.
pub(super) async fn received(
    transport: &Transport,
    camera: Option<IpAddr>,
    packet: &mut [u8],
) -> usize {
    let Transport::Udp(pair) = transport else { return std::future::pending().await };
    loop {
        match pair.packets.recv_from(packet).await {
            Ok((length, from)) if Some(from.ip()) == camera => return length,
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
