//! An IP camera over RTSP (RFC 2326), H.264, interleaved on one TCP connection. Every picture must be decoded here, because
//! each one rests on those before it; a picture that is given up later costs its decoding all the same.
//!
//! Any loss means that the camera is gone; the capture thread opens it again. User and password come from a file of their
//! own and reach no log and no error text. Nothing is recorded.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use futures_util::StreamExt as _;
use openh264::{decoder::Decoder, formats::YUVSource as _};
use retina::{
    client::{Credentials, Demuxed, PlayOptions, Session, SessionOptions, SetupOptions},
    codec::{CodecItem, FrameFormat},
};
use tokio::runtime::Runtime;
use url::Url;
use vision::{Picture, PixelOrder};

use super::{Camera, Gone, Look, Pixels, Shot};
use crate::clock::RealClock;

/// A camera answers and sends within this time, or it is gone.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pictures of a stream that may be broken one after the other before the camera counts as gone.
const BROKEN_MAX: u32 = 50;
/// Beyond this a stream is no camera of a room.
const MAX_SIDE_PX: usize = 4096;

/// A running stream.
pub struct Rtsp {
    /// Has no thread of its own: the capture thread drives it while it waits for a picture.
    runtime: Runtime,
    stream: Demuxed,
    decoder: Decoder,
    clock: RealClock,
    broken: u32,
}

/// Neither address nor credentials print.
impl std::fmt::Debug for Rtsp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rtsp").field("broken", &self.broken).finish_non_exhaustive()
    }
}

impl Rtsp {
    /// Connects, and asks for the first H.264 stream.
    ///
    /// # Errors
    /// [`Gone`] with one line where nobody answers, the credentials are refused, or there is no H.264.
    pub fn open(url: &Url, credentials: Option<&PathBuf>, clock: RealClock) -> Result<Self, Gone> {
        let place = place(url);
        let said = |why: String| Gone { why: format!("{place}: {}", one_line(&why)) };
        let credentials = credentials.map(|path| read_credentials(path)).transpose().map_err(said)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| said(e.to_string()))?;
        let opening = async { tokio::time::timeout(PATIENCE, play(url.clone(), credentials)).await };
        let stream = match runtime.block_on(opening) {
            Ok(played) => played.map_err(said)?,
            Err(_) => return Err(said(format!("no answer within {} s", PATIENCE.as_secs()))),
        };
        let decoder = Decoder::new().map_err(|e| said(format!("the H.264 decoder does not start: {e}")))?;
        tracing::info!("camera at {place}: H.264");
        Ok(Self { runtime, stream, decoder, clock, broken: 0 })
    }

    fn decoded(&mut self, bytes: &[u8]) -> Result<Option<Picture>, String> {
        let Some(yuv) = self.decoder.decode(bytes).map_err(|e| e.to_string())? else { return Ok(None) };
        let (width, height) = yuv.dimensions();
        if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
            return Err(format!("{width}x{height} px are more than {MAX_SIDE_PX} a side"));
        }
        let mut rgb = vec![0; yuv.rgb8_len()];
        yuv.write_rgb8(&mut rgb);
        Picture::new(rgb, width as u32, height as u32, PixelOrder::Rgb).map(Some).map_err(|e| e.to_string())
    }
}

impl Camera for Rtsp {
    fn look(&mut self) -> Result<Look, Gone> {
        loop {
            let next = async { tokio::time::timeout(PATIENCE, self.stream.next()).await };
            let item = match self.runtime.block_on(next) {
                Err(_) => return Err(Gone { why: format!("no picture within {} s", PATIENCE.as_secs()) }),
                Ok(None) => return Err(Gone { why: "the camera ended the stream".to_owned() }),
                Ok(Some(Err(why))) => return Err(Gone { why: one_line(&why.to_string()) }),
                Ok(Some(Ok(item))) => item,
            };
            let CodecItem::VideoFrame(frame) = item else { continue };
            let at = self.clock.now();
            match self.decoded(frame.data()) {
                Ok(Some(picture)) => {
                    self.broken = 0;
                    return Ok(Look::Shot(Shot { pixels: Pixels::Ready(picture), at }));
                }
                Ok(None) => {}
                Err(why) => {
                    self.broken += 1;
                    if self.broken > BROKEN_MAX {
                        return Err(Gone { why: format!("{BROKEN_MAX} broken pictures in a row, the last: {why}") });
                    }
                    return Ok(Look::Skipped(format!("a picture of the stream was given up: {}", one_line(&why))));
                }
            }
        }
    }
}

async fn play(url: Url, credentials: Option<Credentials>) -> Result<Demuxed, String> {
    let options = SessionOptions::default().creds(credentials).user_agent("zaigang".to_owned());
    let mut session = Session::describe(url, options).await.map_err(|e| e.to_string())?;
    let offered: Vec<String> =
        session.streams().iter().map(|s| format!("{}/{}", s.media(), s.encoding_name())).collect();
    let index = offered
        .iter()
        .position(|name| name == "video/h264")
        .ok_or_else(|| format!("offers no H.264 (it has {}): set the camera to H.264", offered.join(", ")))?;
    let setup = SetupOptions::default().frame_format(FrameFormat::SIMPLE);
    session.setup(index, setup).await.map_err(|e| e.to_string())?;
    let playing = session.play(PlayOptions::default()).await.map_err(|e| e.to_string())?;
    playing.demuxed().map_err(|e| e.to_string())
}

/// `user:password` in one line.
fn read_credentials(path: &Path) -> Result<Credentials, String> {
    let text =
        std::fs::read_to_string(path).map_err(|why| format!("camera.credentials_file {}: {why}", path.display()))?;
    let (username, password) = text
        .trim_end_matches(['\r', '\n'])
        .split_once(':')
        .ok_or_else(|| format!("camera.credentials_file {}: write user:password in one line", path.display()))?;
    Ok(Credentials { username: username.to_owned(), password: password.to_owned() })
}

/// Host and port: a path or a query may hold a password.
fn place(url: &Url) -> String {
    format!("rtsp://{}:{}", url.host_str().unwrap_or("?"), url.port().unwrap_or(554))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_path_nor_query_nor_user_of_an_address_is_told() {
        let url: Url = "rtsp://admin:secret@127.0.0.1:9/live?user=admin&password=secret".parse().unwrap();
        assert_eq!(place(&url), "rtsp://127.0.0.1:9");
    }

    #[test]
    fn a_camera_that_is_not_there_and_credentials_that_are_none_are_one_line() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url: Url = format!("rtsp://{}/live", listener.local_addr().unwrap()).parse().unwrap();
        drop(listener);
        let gone = Rtsp::open(&url, None, RealClock::start()).unwrap_err();
        assert!(gone.why.starts_with("rtsp://127.0.0.1:") && !gone.why.contains('\n'), "{}", gone.why);

        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no colon").unwrap();
        let gone = Rtsp::open(&url, Some(&file.path().to_path_buf()), RealClock::start()).unwrap_err();
        assert!(gone.why.contains("user:password") && !gone.why.contains("no colon"), "{}", gone.why);
    }
}
