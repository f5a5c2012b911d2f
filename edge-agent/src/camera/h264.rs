//! H.264 (ISO/IEC 14496-10) as it comes from a camera or a film: units in the order of decoding
//! with the time stamps of their pictures go in, pictures in the order in which they are shown come
//! out. Every picture must be decoded, because each one rests on those before it. It reads no
//! network and no file.

mod order;
mod sps;

use openh264::{
    decoder::{DecodeOptions, Decoder, Flush},
    formats::YUVSource as _,
};
use order::PictureOrder;
pub(super) use sps::MAX_SIDE_PX;
pub use sps::Unsupported;
use vision::{Picture, PixelOrder};

/// Why a unit gave no picture.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecoded {
    /// No picture of this stream will ever come.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// This one is given up; those that lean on it follow it, up to the next key picture.
    #[error("a picture of the stream can not be decoded: {0}")]
    Broken(String),
}

/// A stream's decoder.
pub struct H264 {
    decoder: Decoder,
    order: PictureOrder<Picture>,
    /// The set that the decoder has, as the camera sent it.
    set: Vec<u8>,
    /// A key picture came: before it there is nothing to decode from.
    begun: bool,
}

impl std::fmt::Debug for H264 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H264").field("begun", &self.begun).finish_non_exhaustive()
    }
}

impl H264 {
    /// `rate_hz`: time stamps a second (RTP: 90,000).
    pub fn new(rate_hz: u32) -> Result<Self, Undecoded> {
        let decoder =
            Decoder::new().map_err(|why| Undecoded::Broken(one_line(&why.to_string())))?;
        Ok(Self { decoder, order: PictureOrder::new(rate_hz), set: Vec::new(), begun: false })
    }

    /// One access unit with start codes (annex B), and the time at which its picture is shown. What
    /// is ready afterwards is told by [`H264::next_picture`].
    pub fn take(&mut self, unit: &[u8], stamp: i64) -> Result<(), Undecoded> {
        let mut whole = Vec::with_capacity(unit.len() + 16);
        let (mut picture, mut key) = (false, false);
        for nal in nals(unit) {
            // Only what the decoder needs: a delimiter or a message before the picture makes it
            // give one less.
            match nal.first().map(|header| header & 31) {
                Some(1..=4) => picture = true,
                Some(5) => (picture, key) = (true, true),
                Some(7) => {
                    self.announce(nal)?;
                    append(&mut whole, sps::in_decoding_order(nal).as_deref().unwrap_or(nal));
                    continue;
                }
                Some(8) => {}
                _ => continue,
            }
            append(&mut whole, nal);
        }
        self.begun |= key;
        if whole.is_empty() || (picture && !self.begun) {
            return Ok(());
        }
        if let Some(decoded) = self.decode(&whole)? {
            self.order.push(stamp, decoded, key);
        } else if picture {
            return Err(Undecoded::Broken("the decoder gave none".to_owned()));
        }
        Ok(())
    }

    /// The next picture in the order of their times, once its turn has come, with its time stamp.
    pub fn next_picture(&mut self) -> Option<(i64, Picture)> {
        self.order.next()
    }

    /// The stream is over: what was held back comes.
    pub fn flush(&mut self) {
        self.order.flush();
    }

    /// Whether a key picture came.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    /// Pictures that were decoded after their turn was over, since the last call.
    pub fn take_late(&mut self) -> u64 {
        self.order.take_late()
    }

    fn announce(&mut self, set: &[u8]) -> Result<(), Undecoded> {
        if self.set != set {
            self.order.expect(sps::read(set)?.reorder);
            self.set = set.to_vec();
        }
        Ok(())
    }

    fn decode(&mut self, unit: &[u8]) -> Result<Option<Picture>, Undecoded> {
        let broken = |why: String| Undecoded::Broken(one_line(&why));
        let options = DecodeOptions::new().flush_after_decode(Flush::NoFlush);
        let decoded = self
            .decoder
            .decode_with_options(unit, options)
            .map_err(|why| broken(why.to_string()))?;
        let Some(yuv) = decoded else { return Ok(None) };
        let (width, height) = yuv.dimensions();
        let (width, height) = (width as u32, height as u32);
        if width > sps::MAX_SIDE_PX || height > sps::MAX_SIDE_PX {
            return Err(Unsupported::TooLarge { width, height }.into());
        }
        let mut rgb = vec![0; yuv.rgb8_len()];
        yuv.write_rgb8(&mut rgb);
        Picture::new(rgb, width, height, PixelOrder::Rgb)
            .map(Some)
            .map_err(|why| broken(why.to_string()))
    }
}

fn append(to: &mut Vec<u8>, nal: &[u8]) {
    to.extend([0, 0, 0, 1]);
    to.extend(nal);
}

/// The units between start codes.
pub(super) fn nals(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts: Vec<(usize, usize)> =
        memchr::memmem::find_iter(bytes, &[0, 0, 1]).map(|at| (at, at + 3)).collect();
    let ends: Vec<usize> =
        starts.iter().skip(1).map(|(code, _)| *code).chain([bytes.len()]).collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|((_, from), to)| trimmed(&bytes[from..to]))
        .filter(|nal| !nal.is_empty())
}

/// A unit ends before the zeros of the next start code.
fn trimmed(nal: &[u8]) -> &[u8] {
    let end = nal.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &nal[..end]
}

pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests;
