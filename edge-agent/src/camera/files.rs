//! Pictures from a folder or a list, each shown once, in order, at the times of a scripted clock. A
//! picture that cannot be read is one line and a count; the show goes on. Never used in production.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use vision::Picture;

use super::{Camera, CameraLook, FramePixels, Gone, Shot, Stop};
use crate::clock::ScriptedClock;

/// A file longer than this is not even opened: a picture of 50 million pixels fits in it.
const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Holds frames to `speed` scene seconds in a real second.
#[derive(Debug)]
pub(super) struct Pacer {
    started: Instant,
    speed_permille: u32,
    stop: Stop,
}

impl Pacer {
    pub(super) fn new(speed_permille: u32, stop: Stop) -> Self {
        Self { started: Instant::now(), speed_permille, stop }
    }

    /// Waits until the scene time `mono_ms` has come. A pipeline that is behind is not waited for.
    pub(super) fn wait(&self, mono_ms: u64) {
        if self.speed_permille > 0 {
            let real_ms = mono_ms.saturating_mul(1000) / u64::from(self.speed_permille);
            self.stop.sleep_until(self.started + Duration::from_millis(real_ms));
        }
    }
}

/// The pictures.
#[derive(Debug)]
pub struct Files {
    paths: std::vec::IntoIter<PathBuf>,
    index: u64,
    clock: ScriptedClock,
    pacer: Pacer,
}

impl Files {
    /// `speed_permille` as in the configuration; 0: no waiting.
    pub fn new(paths: Vec<PathBuf>, clock: ScriptedClock, speed_permille: u32, stop: Stop) -> Self {
        Self { paths: paths.into_iter(), index: 0, clock, pacer: Pacer::new(speed_permille, stop) }
    }

    /// The JPEG and PNG files of a folder, by name.
    pub fn in_folder(folder: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths = std::fs::read_dir(folder)?
            .map(|e| e.map(|e| e.path()))
            .collect::<io::Result<Vec<_>>>()?;
        paths.retain(|path| {
            let extension =
                path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
            matches!(extension.as_str(), "jpg" | "jpeg" | "png")
        });
        paths.sort();
        Ok(paths)
    }
}

impl Camera for Files {
    fn look(&mut self) -> Result<CameraLook, Gone> {
        let at = self.clock.at_frame(self.index);
        let Some(path) = self.paths.next() else { return Ok(CameraLook::End(at)) };
        self.index += 1;
        self.pacer.wait(at.mono_ms);
        Ok(match frame(&path) {
            Ok(picture) => CameraLook::Shot(Shot { pixels: FramePixels::Ready(picture), at }),
            Err(why) => CameraLook::Skipped(format!("{}: {why}; skipped", path.display())),
        })
    }
}

/// A picture, or a frame as a camera sent it: without its tables, or without its end.
fn frame(path: &Path) -> Result<Picture, String> {
    let bytes = read_bytes(path)?;
    Picture::decode(&bytes).or_else(|why| {
        let as_sent =
            bytes.starts_with(&[0xFF, 0xD8]).then(|| Picture::decode_into(Vec::new(), &bytes).ok());
        as_sent.flatten().ok_or_else(|| why.to_string())
    })
}

/// Reads a picture file of a bearable size.
pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, String> {
    let length = std::fs::metadata(path).map_err(|why| why.to_string())?.len();
    if length > MAX_FILE_BYTES {
        return Err(format!(
            "{length} bytes are too many for a picture (at most {MAX_FILE_BYTES})"
        ));
    }
    std::fs::read(path).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::camera::CameraLook;

    fn jpeg(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb([x as u8, y as u8, 90]))
            .write_to(&mut Cursor::new(&mut bytes), image::ImageFormat::Jpeg)
            .unwrap();
        bytes
    }

    /// A PNG header that claims `side`×`side` pixels; no pixel follows.
    fn png_that_claims(side: u32) -> Vec<u8> {
        let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
        let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
        for (kind, data) in [(b"IHDR", header), (b"IDAT", vec![0; 8])] {
            let chunk = [&kind[..], &data].concat();
            bytes.extend((data.len() as u32).to_be_bytes());
            bytes.extend(&chunk);
            bytes.extend(crc32(&chunk).to_be_bytes());
        }
        bytes
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())
            })
        })
    }

    #[test]
    fn a_recorded_frame_is_read_as_its_camera_sent_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frame.jpg");
        let whole = jpeg(64, 48);
        let wanted = Picture::decode(&whole).unwrap();
        // Without its end; without the tables that every decoder knows.
        let tables = whole.windows(2).position(|two| two == [0xFF, 0xC4]).unwrap();
        let scan = whole.windows(2).position(|two| two == [0xFF, 0xDA]).unwrap();
        assert!(tables < scan);
        let bare = [&whole[..tables], &whole[scan..]].concat();
        for sent in [&whole[..whole.len() - 2], &bare] {
            std::fs::write(&path, sent).unwrap();
            assert_eq!(frame(&path).unwrap().frame().data(), wanted.frame().data());
        }
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        assert!(frame(&path).is_err());
    }

    #[test]
    fn each_bad_picture_is_one_line_and_the_good_ones_are_shown() {
        let folder = tempfile::tempdir().unwrap();
        let good = jpeg(64, 48);
        let pictures: [(&str, &[u8]); 6] = [
            ("1.jpg", &good),
            ("2-truncated.jpg", &good[..good.len() / 2]),
            ("3-empty.png", b""),
            ("4-huge.png", &png_that_claims(20_000)),
            ("5-text.jpg", b"this is no picture"),
            ("6.JPG", &good),
        ];
        for (name, bytes) in pictures {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        std::fs::write(folder.path().join("notes.txt"), "not shown").unwrap();
        let clock = ScriptedClock::new("2026-03-02T00:00:00Z".parse().unwrap(), 5_000);
        let mut camera =
            Files::new(Files::in_folder(folder.path()).unwrap(), clock, 0, Stop::default());
        let mut said = Vec::new();
        loop {
            match camera.look().unwrap() {
                CameraLook::Shot(shot) => said.push(format!("shot at {} ms", shot.at.mono_ms)),
                CameraLook::Skipped(line) => {
                    said.push(line.replace(&format!("{}/", folder.path().display()), ""));
                }
                CameraLook::End(at) => break said.push(format!("end at {} ms", at.mono_ms)),
            }
        }
        expect_test::expect![[r"
            shot at 0 ms
            2-truncated.jpg: the picture is cut off before its end; send it again; skipped
            3-empty.png: the picture is empty (0 bytes); skipped
            4-huge.png: the picture is 20000×20000 px; at most 12000 px a side and 50000000 px in all are taken; skipped
            5-text.jpg: the picture is neither JPEG nor PNG: save it as JPEG; skipped
            shot at 1000 ms
            end at 1200 ms"]]
        .assert_eq(&said.join("\n"));
    }
}
