//! The socket of the view: in a folder that is this user's alone, for one program at a time. It
//! sends each newest look and takes the one question there is; who reads slowly misses looks, and
//! never holds up the pipeline.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::{
        fs::{DirBuilderExt as _, MetadataExt as _},
        net::{UnixListener, UnixStream},
    },
    path::Path,
    sync::{Arc, PoisonError, atomic::Ordering, mpsc::sync_channel},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use local_page::RgbPixels;
use protocol::live::{LiveMessage, LiveRequest, Photograph};

use super::Shared;
use crate::enroll::Judged;

/// A look at whether the program stops.
const PATIENCE: Duration = Duration::from_millis(300);
/// A photograph that no frame answers within this time shows nobody.
const PHOTOGRAPH_WITHIN: Duration = Duration::from_secs(5);
/// A question is far shorter.
const MOST_ASK_BYTES: u64 = 1_000;

/// Makes the socket. Its folder is made for this user alone; one that others may enter is refused.
#[expect(clippy::verbose_bit_mask, reason = "permissions are read in octal")]
pub(super) fn bind(path: &Path) -> anyhow::Result<UnixListener> {
    let folder = path.parent().context("it has no folder")?;
    if !folder.exists() {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let about = std::fs::metadata(folder)?;
    let own = about.uid() == rustix::process::geteuid().as_raw();
    anyhow::ensure!(
        own && about.mode() & 0o077 == 0,
        "{} is open to others: a view needs a folder of its own (chmod 700)",
        folder.display()
    );
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    let listener = local_files::listen_at(path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves one program after the other until the box stops.
pub(super) fn serve(shared: &Arc<Shared>, listener: &UnixListener, path: &Path) {
    while !shared.stop.is_set() {
        match listener.accept() {
            Ok((stream, _)) => {
                if let Err(why) = show(shared, &stream) {
                    tracing::debug!("the view was left: {why}");
                }
                shared.close();
            }
            Err(_) => drop(shared.stop.sleep_until(Instant::now() + PATIENCE)),
        }
    }
    // The folder may have gone before it.
    let _ = std::fs::remove_file(path);
}

fn show(shared: &Arc<Shared>, stream: &UnixStream) -> std::io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_write_timeout(Some(Duration::from_secs(5)))?;
    let (answers, answered) = sync_channel(1);
    let (asker, asked) = (Arc::clone(shared), stream.try_clone()?);
    let asks = std::thread::Builder::new().name("live view asks".to_owned()).spawn(move || {
        hear(&asker, &asked, |photograph| answers.send(photograph).is_ok());
    })?;
    shared.open.store(true, Ordering::Relaxed);
    let sent = loop {
        if shared.stop.is_set() || asks.is_finished() {
            break Ok(());
        }
        if let Ok((photograph, pixels)) = answered.try_recv()
            && let Err(why) = say(stream, &LiveMessage::Photograph(photograph), &pixels)
        {
            break Err(why);
        }
        let newest = {
            let now = shared.lock();
            let (mut now, _) = shared
                .changed
                .wait_timeout_while(now, PATIENCE / 3, |now| now.newest.is_none())
                .unwrap_or_else(PoisonError::into_inner);
            now.newest.take()
        };
        let Some((sight, pixels)) = newest else { continue };
        if let Err(why) = say(stream, &LiveMessage::Sight(Box::new(sight)), &pixels) {
            break Err(why);
        }
    };
    // The thread that hears ends with the stream.
    let _ = stream.shutdown(std::net::Shutdown::Both);
    let _ = asks.join();
    sent
}

/// Takes questions until the stream ends. A photograph is taken at the next frame; where none
/// comes, nobody was seen.
fn hear(
    shared: &Shared,
    stream: &UnixStream,
    mut answer: impl FnMut((Photograph, Arc<RgbPixels>)) -> bool,
) {
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = String::new();
        match (&mut lines).take(MOST_ASK_BYTES).read_line(&mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let Ok(LiveRequest::Photograph) = serde_json::from_str(&line) else { return };
        let (taken, taking) = sync_channel(1);
        shared.lock().ask = Some(taken);
        let photograph = taking.recv_timeout(PHOTOGRAPH_WITHIN).unwrap_or_else(|_| nobody());
        if !answer(photograph) {
            return;
        }
    }
}

fn nobody() -> (Photograph, Arc<RgbPixels>) {
    let Judged { good, width_px, zh, en } = Judged::nobody();
    let photograph = Photograph { width: 0, height: 0, good, face_px: width_px, zh, en };
    (photograph, Arc::new(RgbPixels::default()))
}

fn say(mut stream: &UnixStream, what: &LiveMessage, pixels: &RgbPixels) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    stream.write_all(&pixels.rgb)
}
