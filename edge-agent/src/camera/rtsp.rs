//! An IP camera over RTSP (RFC 2326), H.264 or H.265. [`relay`] stands between it and the library;
//! pictures are decoded here, because each one rests on those before it.
//!
//! Any loss means that the camera is gone; the capture thread opens it again. User, password, path
//! and query reach no log and no error text. Nothing is recorded.

mod fault;
mod message;
mod packets;
mod relay;
mod sdp;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use fault::RtspFault;
use futures_util::StreamExt as _;
use relay::{CameraLogin, Relay};
use retina::{
    client::{Demuxed, PlayOptions, Session, SessionOptions, SetupOptions, TeardownPolicy},
    codec::{CodecItem, FrameFormat},
};
use sdp::Coding;
use tokio::runtime::Runtime;
use url::Url;
use vision::Picture;

#[cfg(feature = "h265")]
use super::h265::H265;
use super::{
    Camera, CameraLook, FramePixels, Gone, Shot,
    h264::{H264, Undecoded},
};
use log_lines::redacted;

use crate::clock::RealClock;

/// A camera answers and sends within this time, or it is gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// All that comes before the first packet.
const OPENING: Duration = Duration::from_secs(12);
/// A camera is joined in the middle of a group of pictures; those of ten seconds are common.
const KEY_PICTURE: Duration = Duration::from_secs(30);
/// A stream in which nothing can be decoded for so long is none.
const BROKEN_MAX: Duration = Duration::from_secs(20);
/// Time stamps of H.264 over RTP (RFC 6184).
const STAMPS_HZ: u32 = 90_000;

/// What makes pictures of a stream.
#[derive(Debug)]
enum Coded {
    H264(Box<H264>),
    #[cfg(feature = "h265")]
    H265(Box<H265>),
}

impl Coded {
    fn of(coding: Coding) -> Result<Self, Undecoded> {
        match coding {
            Coding::H264 => H264::new(STAMPS_HZ).map(|h264| Self::H264(Box::new(h264))),
            #[cfg(feature = "h265")]
            Coding::H265 => Ok(Self::H265(Box::default())),
        }
    }

    fn take(&mut self, unit: &Unit) -> Result<(), Undecoded> {
        match self {
            Self::H264(h264) => h264.take(&unit.bytes, unit.stamp),
            #[cfg(feature = "h265")]
            Self::H265(h265) => h265.take(&unit.bytes, unit.stamp, unit.after_a_loss),
        }
    }

    fn next_picture(&mut self) -> Option<(i64, Picture)> {
        match self {
            Self::H264(h264) => h264.next_picture(),
            #[cfg(feature = "h265")]
            Self::H265(h265) => h265.next_picture(),
        }
    }

    fn has_begun(&self) -> bool {
        match self {
            Self::H264(h264) => h264.has_begun(),
            #[cfg(feature = "h265")]
            Self::H265(h265) => h265.has_begun(),
        }
    }

    /// Pictures that came after their turn, since the last call.
    fn take_late(&mut self) -> u64 {
        match self {
            Self::H264(h264) => h264.take_late(),
            // Its decoder puts them in order by what the stream says.
            #[cfg(feature = "h265")]
            Self::H265(_) => 0,
        }
    }
}

/// One access unit.
struct Unit {
    bytes: Vec<u8>,
    stamp: i64,
    #[cfg_attr(not(feature = "h265"), allow(dead_code, reason = "openh264 finds it out itself"))]
    after_a_loss: bool,
}

/// A running stream.
pub struct Rtsp {
    /// Has no thread of its own: the capture thread drives it while it waits for a picture.
    runtime: Runtime,
    /// `None` once it is being closed.
    stream: Option<(Demuxed, Relay)>,
    decoder: Coded,
    clock: RealClock,
    begun: Instant,
    last_picture: Instant,
    credentials: Option<PathBuf>,
    place: String,
}

/// Neither address nor credentials print.
impl std::fmt::Debug for Rtsp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rtsp").field("place", &self.place).finish_non_exhaustive()
    }
}

impl Rtsp {
    /// Connects, and asks for the first stream that can be decoded; H.264 before H.265.
    ///
    /// # Errors
    /// [`Gone`] with one line where nobody answers, the credentials are refused, or there is
    /// neither.
    pub fn open(url: &Url, credentials: Option<&PathBuf>, clock: RealClock) -> Result<Self, Gone> {
        let place = place(url);
        let gone = |fault: RtspFault| gone(&place, &fault, credentials.map(PathBuf::as_path));
        let login = credentials
            .map(|path| read_login(path))
            .transpose()
            .map_err(|why| gone(RtspFault::Credentials(why)))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|why| gone(RtspFault::Network(why.to_string())))?;
        let opening = async { tokio::time::timeout(OPENING, play(url, login)).await };
        let (stream, relay, coding) = match runtime.block_on(opening) {
            Ok(played) => played.map_err(gone)?,
            Err(_) => return Err(gone(RtspFault::Silent(OPENING.as_secs()))),
        };
        let decoder = Coded::of(coding).map_err(|why| gone(RtspFault::Network(why.to_string())))?;
        tracing::info!("camera at {place}: {coding}");
        let now = Instant::now();
        let credentials = credentials.cloned();
        Ok(Self {
            runtime,
            stream: Some((stream, relay)),
            decoder,
            clock,
            begun: now,
            last_picture: now,
            credentials,
            place,
        })
    }

    fn gone(&self, fault: &RtspFault) -> Gone {
        gone(&self.place, fault, self.credentials.as_deref())
    }

    /// The next unit of the stream.
    fn unit(&mut self) -> Result<Option<Unit>, Gone> {
        let Some((stream, relay)) = &mut self.stream else {
            return Err(self.gone(&RtspFault::Closed));
        };
        let next = async {
            // The relay must have its turn also where packets lie ready: on a slow box they always
            // do.
            tokio::task::yield_now().await;
            tokio::time::timeout(PATIENCE, stream.next()).await
        };
        let fault = match self.runtime.block_on(next) {
            Err(_) => RtspFault::Network(format!("no picture within {} s", PATIENCE.as_secs())),
            Ok(None) => relay
                .fault()
                .unwrap_or(RtspFault::Network("the camera ended the stream".to_owned())),
            Ok(Some(Err(why))) => {
                relay.fault().unwrap_or_else(|| RtspFault::Network(first_line(&why.to_string())))
            }
            Ok(Some(Ok(CodecItem::VideoFrame(frame)))) => {
                let (stamp, after_a_loss) = (frame.timestamp().timestamp(), frame.loss() > 0);
                return Ok(Some(Unit { bytes: frame.into_data(), stamp, after_a_loss }));
            }
            Ok(Some(Ok(_))) => return Ok(None),
        };
        Err(self.gone(&fault))
    }
}

impl Camera for Rtsp {
    fn look(&mut self) -> Result<CameraLook, Gone> {
        loop {
            if let Some((_, picture)) = self.decoder.next_picture() {
                self.last_picture = Instant::now();
                return Ok(CameraLook::Shot(Shot {
                    pixels: FramePixels::Ready(picture),
                    at: self.clock.now(),
                }));
            }
            let Some(unit) = self.unit()? else { continue };
            let taken = self.decoder.take(&unit);
            let late = self.decoder.take_late();
            match taken {
                Ok(()) if late > 0 => {
                    return Ok(CameraLook::Skipped("a picture came after its turn".to_owned()));
                }
                Ok(()) if !self.decoder.has_begun() && self.begun.elapsed() > KEY_PICTURE => {
                    return Err(self.gone(&RtspFault::NoKeyPicture(KEY_PICTURE.as_secs())));
                }
                Ok(()) => {}
                Err(Undecoded::Unsupported(why)) => return Err(self.gone(&why.into())),
                Err(Undecoded::Broken(why)) if self.last_picture.elapsed() > BROKEN_MAX => {
                    let why = format!(
                        "no picture could be decoded for {} s: {why}",
                        BROKEN_MAX.as_secs()
                    );
                    return Err(self.gone(&RtspFault::Network(why)));
                }
                Err(why) => return Ok(CameraLook::Skipped(why.to_string())),
            }
        }
    }
}

/// The camera is told that the session is over: it has few of them.
impl Drop for Rtsp {
    fn drop(&mut self) {
        let Some((stream, relay)) = self.stream.take() else { return };
        {
            let _inside = self.runtime.enter();
            drop(stream);
        }
        self.runtime.block_on(relay.end());
    }
}

async fn play(
    url: &Url,
    login: Option<CameraLogin>,
) -> Result<(Demuxed, Relay, Coding), RtspFault> {
    let relay = Relay::start(url, login).await?;
    // The relay logs in, and says goodbye.
    let options =
        SessionOptions::default().teardown(TeardownPolicy::Never).user_agent("zaigang".to_owned());
    match demuxed(relay.url.clone(), options).await {
        Ok((stream, coding)) => Ok((stream, relay, coding)),
        Err(why) => {
            let fault = relay.fault().unwrap_or_else(|| RtspFault::Network(first_line(&why)));
            relay.end().await;
            Err(fault)
        }
    }
}

async fn demuxed(url: Url, options: SessionOptions) -> Result<(Demuxed, Coding), String> {
    let mut session = Session::describe(url, options).await.map_err(|why| why.to_string())?;
    let setup = SetupOptions::default().frame_format(FrameFormat::SIMPLE);
    let chosen = session.streams().first().and_then(|one| Coding::named(one.encoding_name()));
    let coding = chosen.ok_or("no stream is offered")?;
    session.setup(0, setup).await.map_err(|why| why.to_string())?;
    let playing = session.play(PlayOptions::default()).await.map_err(|why| why.to_string())?;
    let stream = playing.demuxed().map_err(|why| why.to_string())?;
    Ok((stream, coding))
}

fn gone(place: &str, fault: &RtspFault, credentials: Option<&Path>) -> Gone {
    Gone {
        why: format!("{place}: {}", redacted(&one_line(&fault.to_string()))),
        again: fault.again(credentials),
    }
}

/// `user:password` in one line; a byte order mark before it is none of both.
fn read_login(path: &Path) -> Result<CameraLogin, String> {
    let said = |why: &str| format!("camera.credentials_file {}: {why}", path.display());
    local_files::check_secret(path).map_err(|why| said(&why))?;
    let text = std::fs::read_to_string(path).map_err(|why| said(&why.to_string()))?;
    let line = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    let Some((user, password)) = line.split_once(':').filter(|_| !line.contains(['\r', '\n']))
    else {
        return Err(said("write user:password in one line"));
    };
    log_lines::secret(password);
    Ok(CameraLogin {
        user: user.to_owned(),
        password: password.to_owned(),
        file: path.to_path_buf(),
    })
}

/// Host and port: a path or a query may hold a password.
fn place(url: &Url) -> String {
    format!("rtsp://{}:{}", url.host_str().unwrap_or("?"), url.port().unwrap_or(554))
}

/// What comes behind it in the library's texts are its own addresses and numbers.
fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
