//! One file over HTTP: resumed after a cut, bounded in size, verified by SHA-256, and in place only
//! when whole.
//!
//! Never follows a file past its expected size, never leaves half a file under the final name,
//! never gives up a part that can be resumed.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use tls_client::{Patience, Trust};
use ureq::Body;
use ureq::http::{Response, StatusCode, header};
use vision::pack::Digest;

/// Larger than any model this program could use; a limit for sources whose size is not known.
const LARGEST_BYTES: u64 = 512 * 1024 * 1024;

/// What the file must be. A source without a hash is only ever an input of a conversion whose
/// result is hashed.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExpectedFile {
    /// Size in bytes.
    pub bytes: Option<u64>,
    /// SHA-256.
    pub sha256: Option<Digest>,
}

/// How patient a download is.
#[derive(Debug, Clone, Copy)]
pub struct DownloadPatience {
    /// Attempts in a row without a single new byte before giving up.
    pub attempts: u32,
    /// Pause before the second attempt; doubled each time.
    pub pause: Duration,
    /// Longest silence on the line, per read.
    pub silence: Duration,
}

impl Default for DownloadPatience {
    fn default() -> Self {
        Self { attempts: 5, pause: Duration::from_secs(1), silence: Duration::from_secs(30) }
    }
}

/// One download: from an address to a path.
#[derive(Debug)]
pub struct FileDownload<'a> {
    /// Address.
    pub url: &'a str,
    /// Final path. The part lies beside it as `<name>.part`.
    pub to: &'a Path,
    /// What it must be.
    pub expected: ExpectedFile,
    /// How patient it is.
    pub network: DownloadPatience,
}

/// What one attempt came to.
enum Attempt {
    Whole,
    Cut(anyhow::Error),
}

impl FileDownload<'_> {
    /// Gets the file, resuming what is there, and puts it in place by a rename once it is verified.
    pub fn run(&self, bar: &ProgressBar) -> anyhow::Result<()> {
        let part = beside(self.to, ".part");
        if let Some(parent) = self.to.parent() {
            fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&part)
            .with_context(|| part.display().to_string())?;
        file.try_lock().with_context(|| {
            format!("{}: another fetch is at it; wait for it to end", part.display())
        })?;
        self.fill(&mut file, bar).with_context(|| self.url.to_owned())?;
        self.verify(&mut file, &part)?;
        file.sync_all()?;
        fs::rename(&part, self.to).with_context(|| self.to.display().to_string())?;
        bar.finish_and_clear();
        Ok(())
    }

    /// Tries until the part is whole. Attempts that brought at least a byte don't count against the
    /// patience.
    fn fill(&self, file: &mut File, bar: &ProgressBar) -> anyhow::Result<()> {
        let mut fruitless = 0;
        let mut pause = self.network.pause;
        loop {
            let before = file.metadata()?.len();
            let cut = match self.attempt(file, bar)? {
                Attempt::Whole => return Ok(()),
                Attempt::Cut(error) => error,
            };
            fruitless = if file.metadata()?.len() > before { 0 } else { fruitless + 1 };
            if fruitless >= self.network.attempts {
                return Err(
                    cut.context("gave up; the part is kept, run the same command to resume")
                );
            }
            tracing::debug!(url = self.url, error = format!("{cut:#}"), "download cut, resuming");
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(30));
        }
    }

    /// One request. An error is final; a cut can be resumed.
    fn attempt(&self, file: &mut File, bar: &ProgressBar) -> anyhow::Result<Attempt> {
        let have = file.seek(SeekFrom::End(0))?;
        if self.expected.bytes == Some(have) && self.expected.sha256.is_some() {
            // a part that was whole when the program ended; its hash is checked next
            return Ok(Attempt::Whole);
        }
        let response = match self.request(have) {
            Ok(response) => response,
            Err(error) => return Ok(Attempt::Cut(error.into())),
        };
        let status = response.status();
        match status {
            StatusCode::PARTIAL_CONTENT if resumes_at(&response) == Some(have) => {}
            // The server knows no ranges, or the part is longer than the file: begin again.
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                file.set_len(0)?;
                file.seek(SeekFrom::Start(0))?;
                if status != StatusCode::OK {
                    return Ok(Attempt::Cut(anyhow::anyhow!(
                        "the server could not resume at byte {have}"
                    )));
                }
            }
            _ if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                return Ok(Attempt::Cut(anyhow::anyhow!("the server answered {status}")));
            }
            _ => bail!("the server answered {status}"),
        }
        self.receive(response, file, bar)
    }

    fn request(&self, have: u64) -> Result<Response<Body>, ureq::Error> {
        let patience = Patience::EachWord(self.network.silence);
        let program = concat!("zaigang-agent/", env!("CARGO_PKG_VERSION"));
        let agent = tls_client::agent(Trust::Machine(None), patience, program)
            .map_err(std::io::Error::other)?;
        let mut request = agent.get(self.url);
        if have > 0 {
            request = request.header(header::RANGE, format!("bytes={have}-"));
        }
        request.call()
    }

    /// Appends the body to the part. The server's own length tells a whole body from a cut one.
    fn receive(
        &self,
        response: Response<Body>,
        file: &mut File,
        bar: &ProgressBar,
    ) -> anyhow::Result<Attempt> {
        let start = file.stream_position()?;
        let limit = self.expected.bytes.unwrap_or(LARGEST_BYTES);
        let announced = response.body().content_length().map(|length| start + length);
        bar.set_length(self.expected.bytes.or(announced).unwrap_or(0));
        if let Some(total) = announced.filter(|total| *total > limit) {
            bail!("the server announces {total} bytes, at most {limit} are expected: refused");
        }
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut buffer = vec![0_u8; 64 * 1024];
        let mut total = start;
        loop {
            let count = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) => return Ok(Attempt::Cut(error.into())),
            };
            total += count as u64;
            if total > limit {
                file.set_len(0)?;
                bail!("the server sends more than the {limit} bytes that are expected: refused");
            }
            file.write_all(&buffer[..count])
                .context("the part could not be written; is the disk full?")?;
            bar.set_position(total);
        }
        match self.expected.bytes.or(announced) {
            Some(want) if total < want => {
                Ok(Attempt::Cut(anyhow::anyhow!("the connection ended at byte {total} of {want}")))
            }
            _ => Ok(Attempt::Whole),
        }
    }

    /// Compares the part with what is expected; a wrong one is set aside for a person to look at.
    fn verify(&self, file: &mut File, part: &Path) -> anyhow::Result<()> {
        let Some(expected) = self.expected.sha256 else { return Ok(()) };
        file.seek(SeekFrom::Start(0))?;
        let (digest, bytes) = Digest::of_reader(file)?;
        if digest == expected {
            return Ok(());
        }
        let aside = beside(self.to, &format!(".rejected-{}", digest.short()));
        fs::rename(part, &aside).with_context(|| part.display().to_string())?;
        bail!(
            "{}: refused: {bytes} bytes with SHA-256 {digest}, expected {expected}; set aside as \
            {}",
            self.url,
            aside.display()
        );
    }
}

/// The first byte of a 206 answer, from `Content-Range: bytes FIRST-LAST/TOTAL`.
fn resumes_at(response: &Response<Body>) -> Option<u64> {
    let range = response.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

/// `path` with something after its file name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
