//! Pictures that another program writes into a named pipe, one JPEG after the other (MJPEG): a
//! film, a folder or drawn people for the demonstration. They are taken as they come, as from a
//! live camera, and decoded in the pipeline.
//!
//! Nobody can vouch for what comes through a pipe, so production refuses it. It writes nothing, and
//! keeps one picture at most.

use std::{
    fs::File,
    io::Read,
    os::unix::fs::FileTypeExt as _,
    path::{Path, PathBuf},
};

use super::{Camera, CameraLook, FramePixels, Gone, Shot};
use crate::clock::RealClock;

/// A picture longer than this is none.
const MOST_BYTES: usize = 16 * 1024 * 1024;
const READ_BYTES: usize = 64 * 1024;

/// An open pipe.
pub struct Mjpeg {
    path: PathBuf,
    pipe: File,
    splitter: Splitter,
    clock: RealClock,
}

impl std::fmt::Debug for Mjpeg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mjpeg({})", self.path.display())
    }
}

impl Mjpeg {
    /// Waits until somebody writes.
    pub fn open(path: &Path, clock: RealClock) -> Result<Self, Gone> {
        let said = |why: String| Gone::new(format!("{}: {why}", path.display()));
        let kind = std::fs::metadata(path).map_err(|why| said(why.to_string()))?.file_type();
        if !kind.is_fifo() {
            return Err(said("this is no named pipe: make one with mkfifo".to_owned()));
        }
        let pipe = File::open(path).map_err(|why| said(why.to_string()))?;
        Ok(Self { path: path.to_owned(), pipe, splitter: Splitter::default(), clock })
    }
}

impl Camera for Mjpeg {
    fn look(&mut self) -> Result<CameraLook, Gone> {
        let mut bytes = vec![0; READ_BYTES];
        loop {
            if let Some(jpeg) = self.splitter.next() {
                return Ok(CameraLook::Shot(Shot {
                    pixels: FramePixels::Mjpeg(jpeg.into()),
                    at: self.clock.now(),
                }));
            }
            match self.pipe.read(&mut bytes) {
                Ok(0) => {
                    return Err(Gone::new(format!(
                        "{}: nobody writes any more",
                        self.path.display()
                    )));
                }
                Ok(count) => self.splitter.take(&bytes[..count]),
                Err(why) if why.kind() == std::io::ErrorKind::Interrupted => {}
                Err(why) => return Err(Gone::new(format!("{}: {why}", self.path.display()))),
            }
        }
    }
}

/// Where in a picture the splitter stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum SplitterState {
    /// Before the first marker: whatever is here is passed over.
    #[default]
    Outside,
    /// At a marker of the header.
    Header,
    /// In the compressed pixels, which end with a marker that is none of theirs.
    Scan,
}

/// Cuts a stream into JPEG pictures by their markers (ISO/IEC 10918-1 annex B). A picture inside a
/// picture's header (a thumbnail) is skipped with its segment.
#[derive(Debug, Default)]
struct Splitter {
    bytes: Vec<u8>,
    at: usize,
    place: SplitterState,
}

impl Splitter {
    fn take(&mut self, more: &[u8]) {
        self.bytes.extend_from_slice(more);
        if self.bytes.len() > MOST_BYTES {
            self.restart(self.bytes.len());
        }
    }

    /// The next whole picture; `None` until more comes.
    fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            match self.place {
                SplitterState::Outside => self.find_start()?,
                SplitterState::Header => self.pass_segment()?,
                SplitterState::Scan => {
                    if let ScanEnd::Picture(end) = self.find_end()? {
                        let picture = self.bytes[..end].to_vec();
                        self.restart(end);
                        return Some(picture);
                    }
                }
            }
        }
    }

    /// Drops everything before `from`, and looks for a picture's beginning again.
    fn restart(&mut self, from: usize) {
        self.bytes.drain(..from.min(self.bytes.len()));
        (self.at, self.place) = (0, SplitterState::Outside);
    }

    fn find_start(&mut self) -> Option<()> {
        let Some(start) = self.bytes.windows(2).position(|pair| pair == [0xFF, 0xD8]) else {
            // The last byte may be the first half of a marker.
            self.restart(self.bytes.len().saturating_sub(1));
            return None;
        };
        self.bytes.drain(..start);
        (self.at, self.place) = (2, SplitterState::Header);
        Some(())
    }

    fn pass_segment(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let &[first, marker, ..] = rest else { return None };
        if first != 0xFF || matches!(marker, 0x00 | 0xD8 | 0xD9) {
            // No header: what was taken for a beginning was none.
            self.restart(1);
            return Some(());
        }
        if marker == 0xFF {
            self.at += 1;
            return Some(());
        }
        if matches!(marker, 0x01 | 0xD0..=0xD7) {
            self.at += 2;
            return Some(());
        }
        let &[_, _, high, low, ..] = rest else { return None };
        self.at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2);
        if marker == 0xDA {
            self.place = SplitterState::Scan;
        }
        Some(())
    }

    /// What ends the scan, once that has come.
    fn find_end(&mut self) -> Option<ScanEnd> {
        loop {
            let found = self.bytes.get(self.at..)?.iter().position(|byte| *byte == 0xFF);
            let Some(found) = found else {
                self.at = self.bytes.len();
                return None;
            };
            self.at += found;
            match self.bytes.get(self.at + 1)? {
                0xD9 => return Some(ScanEnd::Picture(self.at + 2)),
                0x00 | 0xD0..=0xD7 => self.at += 2,
                0xFF => self.at += 1,
                _ => {
                    self.place = SplitterState::Header;
                    return Some(ScanEnd::NextScan);
                }
            }
        }
    }
}

/// What a scan's bytes end with.
enum ScanEnd {
    /// The picture is whole: the place just behind its end marker.
    Picture(usize),
    /// Another scan of the same picture begins.
    NextScan,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn jpeg(side: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let picture = image::RgbImage::from_fn(side, side, |x, y| {
            image::Rgb([(x * y) as u8, (x ^ y) as u8, y as u8])
        });
        image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, 100)
            .encode_image(&picture)
            .unwrap();
        bytes
    }

    /// The same picture with a smaller one in its header, as cameras put thumbnails.
    fn with_thumbnail(side: u32) -> Vec<u8> {
        let (whole, small) = (jpeg(side), jpeg(8));
        let length = (small.len() as u16 + 2).to_be_bytes();
        [&whole[..2], &[0xFF, 0xE1], &length, &small, &whole[2..]].concat()
    }

    fn split(bytes: &[u8], pieces: usize) -> Vec<Vec<u8>> {
        let mut splitter = Splitter::default();
        let mut found = Vec::new();
        for piece in bytes.chunks(pieces.max(1)) {
            splitter.take(piece);
            found.extend(std::iter::from_fn(|| splitter.next()));
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// However the pipe cuts the stream, each picture comes whole and once.
        #[test]
        fn any_cut_of_the_stream_gives_the_same_pictures(pieces in 1_usize..5_000,
            side in 1_u32..60) {
            let pictures = [jpeg(side), with_thumbnail(side), jpeg(side + 1)];
            let noise = b"\x00\xFFno picture".as_slice();
            let stream = [noise, &pictures[0], &pictures[1], noise, &pictures[2]].concat();
            prop_assert_eq!(split(&stream, pieces), pictures);
        }

        /// Bytes of anybody: nothing panics, and what is given begins and ends as a picture does.
        #[test]
        fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..4_000),
            pieces in 1_usize..600) {
            let marked: Vec<u8> = bytes.iter().map(
                |b| if b % 5 == 0 { 0xFF } else if b % 7 == 0 { 0xD8 } else { *b }).collect();
            for picture in split(&marked, pieces) {
                prop_assert!(picture.starts_with(&[0xFF, 0xD8])
                    && picture.ends_with(&[0xFF, 0xD9]));
            }
        }
    }

    #[test]
    fn what_is_no_pipe_is_one_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let gone = Mjpeg::open(file.path(), RealClock::start()).unwrap_err();
        assert!(gone.why.contains("mkfifo") && !gone.why.contains('\n'), "{}", gone.why);
        assert!(Mjpeg::open(Path::new("/nowhere/pipe"), RealClock::start()).is_err());
    }
}
