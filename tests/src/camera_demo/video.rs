//! A film as pictures: MP4, M4V and MOV with H.264 by themselves; whatever else (MKV, AVI, `WebM`,
//! HEVC, …) by an ffmpeg that is installed, and named where it is not. A film plays at its own
//! speed.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use image::RgbImage;
use openh264::decoder::{DecodeOptions, Decoder, Flush};
use openh264::formats::YUVSource as _;
use re_mp4::{Mp4, TrackKind};

use super::pipe::{Pipe, jpeg};

/// Frames of a film that are shown in a second; the others are decoded and left out.
const SHOWN_EVERY_MS: u64 = 100;
/// Beyond this a film is none for a demonstration.
const MAX_SIDE_PX: usize = 4096;
/// A film's index lies in memory.
const MOST_BYTES: u64 = 4 * 1024 * 1024 * 1024;

const NO_FFMPEG: &str = "only MP4, M4V and MOV with H.264 are read without help: install ffmpeg \
    (apt install ffmpeg) for any other film";

/// Plays a film once into the box's pipe.
pub(super) type Player = Box<dyn FnMut(&mut Pipe) -> Result<()> + Send>;

/// What plays the film; an error names the film and the mend.
pub(super) fn player(path: &Path) -> Result<Player> {
    let said = || format!("--camera {}", path.display());
    let path = path.to_owned();
    match Film::open(&path) {
        Ok(_) => Ok(Box::new(move |pipe| Film::open(&path)?.play(pipe))),
        Err(why) => {
            let Some(ffmpeg) = ffmpeg() else {
                return Err(why.context(NO_FFMPEG)).with_context(said);
            };
            probe(&ffmpeg, &path).with_context(said)?;
            Ok(Box::new(move |pipe| transcode(&ffmpeg, &path, pipe)))
        }
    }
}

/// Where a picture of the film lies.
#[derive(Debug, Clone, Copy)]
struct Sample {
    offset: u64,
    bytes: usize,
    at_ms: u64,
}

/// An open film with H.264.
struct Film {
    file: BufReader<File>,
    decoder: Decoder,
    /// Parameter sets, with start codes.
    head: Vec<u8>,
    length_bytes: usize,
    samples: Vec<Sample>,
}

impl Film {
    /// Reads the index, and decodes the first picture.
    fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        if bytes > MOST_BYTES {
            bail!("{bytes} bytes are too many for a demonstration (at most {MOST_BYTES})");
        }
        let mut file = BufReader::new(file);
        let mp4 =
            Mp4::read(&mut file, bytes).map_err(|why| anyhow::anyhow!("no MP4 film: {why}"))?;
        let track = mp4.tracks().values().find(|track| track.kind == Some(TrackKind::Video));
        let track = track.context("it has no picture")?;
        let re_mp4::StsdBoxContent::Avc1(avc1) = &track.trak(&mp4).mdia.minf.stbl.stsd.contents
        else {
            bail!(
                "its pictures are no H.264 ({})",
                track.codec_string(&mp4).unwrap_or_else(|| "unknown".to_owned())
            );
        };
        let mut head = Vec::new();
        for unit in
            avc1.avcc.sequence_parameter_sets.iter().chain(&avc1.avcc.picture_parameter_sets)
        {
            head.extend([0, 0, 0, 1]);
            head.extend(&unit.bytes);
        }
        let length_bytes = usize::from(avc1.avcc.length_size_minus_one & 3) + 1;
        let ms = |time: i64, scale: u64| (time.max(0) as u64).saturating_mul(1000) / scale.max(1);
        let samples = track.samples.iter().map(|sample| Sample {
            offset: sample.offset,
            bytes: sample.size as usize,
            at_ms: ms(sample.composition_timestamp, sample.timescale),
        });
        let samples: Vec<_> = samples.filter(|sample| sample.bytes as u64 <= bytes).collect();
        let mut film = Self { file, decoder: Decoder::new()?, head, length_bytes, samples };
        let mut pictures = film.samples.clone().into_iter().take(90);
        if !pictures.any(|sample| film.decode(sample).is_ok_and(|picture| picture.is_some())) {
            bail!("its H.264 can not be decoded (8 bit, 4:2:0 is)");
        }
        film.decoder = Decoder::new()?;
        Ok(film)
    }

    fn play(&mut self, pipe: &mut Pipe) -> Result<()> {
        let (begun, mut shown_ms) = (Instant::now(), None);
        for sample in self.samples.clone() {
            let Ok(Some(picture)) = self.decode(sample) else { continue };
            if shown_ms.is_some_and(|shown| sample.at_ms < shown + SHOWN_EVERY_MS) {
                continue;
            }
            shown_ms = Some(sample.at_ms);
            let jpeg = jpeg(&picture)?;
            std::thread::sleep(Duration::from_millis(sample.at_ms).saturating_sub(begun.elapsed()));
            pipe.send(&jpeg)?;
        }
        Ok(())
    }

    /// One picture; `None` while the decoder wants more.
    fn decode(&mut self, sample: Sample) -> Result<Option<RgbImage>> {
        self.file.seek(SeekFrom::Start(sample.offset))?;
        let mut bytes = vec![0; sample.bytes];
        self.file.read_exact(&mut bytes)?;
        let mut units = self.head.clone();
        annex_b(&bytes, self.length_bytes, &mut units);
        // A flush after each unit, the default, loses what B-frames lean on.
        let options = DecodeOptions::new().flush_after_decode(Flush::NoFlush);
        let Some(yuv) = self.decoder.decode_with_options(&units, options)? else { return Ok(None) };
        let (width, height) = yuv.dimensions();
        if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
            bail!("{width}×{height} px are more than {MAX_SIDE_PX} a side");
        }
        let mut rgb = vec![0; yuv.rgb8_len()];
        yuv.write_rgb8(&mut rgb);
        Ok(RgbImage::from_raw(width as u32, height as u32, rgb))
    }
}

/// Units with their lengths before them (ISO/IEC 14496-15) become units with start codes (H.264
/// annex B). A length that does not fit ends the picture there.
fn annex_b(mut bytes: &[u8], length_bytes: usize, to: &mut Vec<u8>) {
    while bytes.len() > length_bytes {
        let (length, rest) = bytes.split_at(length_bytes);
        let length = length.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
        let Some(unit) = rest.get(..length) else { return };
        to.extend([0, 0, 0, 1]);
        to.extend(unit);
        bytes = &rest[length..];
    }
}

fn ffmpeg() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join("ffmpeg")).find(|file| file.is_file())
}

/// Whether ffmpeg makes a picture of it at all.
fn probe(ffmpeg: &Path, path: &Path) -> Result<()> {
    let made = arguments(Command::new(ffmpeg), path).args(["-frames:v", "1", "-"]).output()?;
    if made.status.success() && !made.stdout.is_empty() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    bail!("ffmpeg makes no picture of it: {}", said.lines().last().unwrap_or("it says nothing"))
}

/// Plays it once through ffmpeg, which keeps the film's own speed.
fn transcode(ffmpeg: &Path, path: &Path, pipe: &mut Pipe) -> Result<()> {
    let mut command = Command::new(ffmpeg);
    command.arg("-re");
    let mut child =
        arguments(command, path).arg("-").stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut pictures = child.stdout.take().context("ffmpeg says nothing")?;
    let mut bytes = vec![0; 64 * 1024];
    let sent = loop {
        match pictures.read(&mut bytes) {
            Ok(0) => break Ok(()),
            // The box cuts the stream into pictures.
            Ok(count) => {
                if let Err(why) = pipe.send(&bytes[..count]) {
                    break Err(why);
                }
            }
            Err(why) => break Err(why.into()),
        }
    };
    // Where nobody reads any more it would wait for ever.
    let _ = child.kill();
    child.wait()?;
    sent
}

fn arguments(mut command: Command, path: &Path) -> Command {
    command.args(["-nostdin", "-loglevel", "error", "-i"]).arg(path);
    command.args([
        "-an",
        "-r",
        "10",
        "-vf",
        "scale='min(1280,iw)':-2",
        "-c:v",
        "mjpeg",
        "-q:v",
        "3",
        "-f",
        "image2pipe",
    ]);
    command.stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_get_start_codes_and_a_torn_length_ends_them() {
        let made = |bytes: &[u8], length_bytes| {
            let mut units = Vec::new();
            annex_b(bytes, length_bytes, &mut units);
            units
        };
        assert_eq!(made(&[0, 2, 7, 8, 0, 1, 9], 2), [0, 0, 0, 1, 7, 8, 0, 0, 0, 1, 9]);
        assert_eq!(made(&[0, 1, 7, 0xFF, 0xFF, 9], 2), [0, 0, 0, 1, 7]);
        assert!(made(&[0xFF; 9], 4).is_empty());
    }

    #[test]
    fn what_is_no_film_is_named_with_the_mend() {
        let file = tempfile::NamedTempFile::with_suffix(".mp4").unwrap();
        std::fs::write(file.path(), b"\0\0\0\x18ftypmp42\0\0\0\0mp42mp41 and nothing more")
            .unwrap();
        let Err(why) = player(file.path()) else { panic!("a film was made of nothing") };
        let said = format!("{why:#}");
        assert!(said.contains(".mp4") && said.contains("ffmpeg"), "{said}");
    }
}
