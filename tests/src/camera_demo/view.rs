//! The box's live view as the demonstration reaches it: the newest look, and a photograph when one
//! is asked for. It keeps one look, and nothing once it is dropped.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use local_page::RgbPixels;
use protocol::live::{LiveFrame, LiveMessage, LiveRequest, Photograph};

/// More pixels than any look has.
const MOST_PIXEL_BYTES: usize = 64 * 1024 * 1024;
/// The box answers within five seconds by itself.
const PHOTOGRAPH_WITHIN: Duration = Duration::from_secs(8);

/// One look with its pixels: red, green, blue, from top to bottom.
#[derive(Debug, Clone)]
pub(super) struct CameraPicture {
    pub(super) sight: LiveFrame,
    pub(super) rgb: Arc<Vec<u8>>,
    /// When it came; what is older than two seconds is no live picture.
    pub(super) came: Instant,
}

impl CameraPicture {
    pub(super) fn pixels(&self) -> RgbPixels {
        RgbPixels { width: self.sight.width, height: self.sight.height, rgb: self.rgb.to_vec() }
    }
}

/// The connection to the box.
#[derive(Debug)]
pub(super) struct ViewSocket {
    newest: Arc<Mutex<Option<CameraPicture>>>,
    asks: Mutex<UnixStream>,
    photographs: Mutex<Receiver<(Photograph, Vec<u8>)>>,
}

impl ViewSocket {
    /// Connects; the box makes its socket before it says that it is ready.
    pub(super) fn open(socket: &Path) -> Result<Self> {
        let stream = local_files::connect_to(socket)
            .with_context(|| format!("the box's view {}", socket.display()))?;
        let (taken, photographs) = channel();
        let newest = Arc::new(Mutex::new(None));
        let (reader, sink) = (stream.try_clone()?, Arc::clone(&newest));
        std::thread::Builder::new().name("view".to_owned()).spawn(move || {
            // It ends with the box, which the demonstration sees by itself.
            let _ = read(reader, &sink, &taken);
            *hold(&sink) = None;
        })?;
        Ok(Self { newest, asks: Mutex::new(stream), photographs: Mutex::new(photographs) })
    }

    /// The newest look.
    pub(super) fn newest(&self) -> Option<CameraPicture> {
        hold(&self.newest).clone()
    }

    /// The widest face now, and how the gate judged it; no picture where nobody was seen.
    pub(super) fn photograph(&self) -> Result<(Photograph, Option<RgbPixels>)> {
        let photographs = hold(&self.photographs);
        // One that came too late for whoever asked.
        while photographs.try_recv().is_ok() {}
        let mut line = serde_json::to_vec(&LiveRequest::Photograph)?;
        line.push(b'\n');
        hold(&self.asks).write_all(&line).context("the box's view is gone")?;
        let (photograph, rgb) = photographs
            .recv_timeout(PHOTOGRAPH_WITHIN)
            .context("the box gives no photograph: no frame comes")?;
        let taken = RgbPixels { width: photograph.width, height: photograph.height, rgb };
        Ok((photograph, Some(taken).filter(|taken| taken.width > 0)))
    }
}

fn read(
    stream: UnixStream,
    newest: &Mutex<Option<CameraPicture>>,
    taken: &Sender<(Photograph, Vec<u8>)>,
) -> Result<()> {
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let shown: LiveMessage = serde_json::from_str(&line)?;
        let bytes = shown.pixel_bytes();
        if bytes > MOST_PIXEL_BYTES {
            bail!("{bytes} bytes of pixels are too many");
        }
        let mut rgb = vec![0; bytes];
        lines.read_exact(&mut rgb)?;
        match shown {
            LiveMessage::Sight(sight) => {
                *hold(newest) =
                    Some(CameraPicture { sight: *sight, rgb: Arc::new(rgb), came: Instant::now() });
            }
            LiveMessage::Photograph(photograph) => taken.send((photograph, rgb))?,
        }
    }
}

/// Takes a lock; whoever held it and panicked left whole values behind.
pub(super) fn hold<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}
