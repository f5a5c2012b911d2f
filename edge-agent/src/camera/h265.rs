//! H.265 (ISO/IEC 23008-2) as it comes from a camera: as [`super::h264`], for cameras that offer
//! nothing else. What leans on a picture that was lost or damaged is given up, up to the next key
//! picture: a half grey picture is no observation. It reads no network and no file.

use std::collections::VecDeque;

use rusty_h265::nal::unescape;
use rusty_h265::{Decoder, Error, Frame, ps};
use vision::{Picture, PixelOrder};

use super::h264::{MAX_SIDE_PX, Undecoded, Unsupported, nals, one_line};

/// What the decoder may hold of a stream at once: 1080p needs some 50 MiB, 4K some 200.
const HELD_MAX_BYTES: u64 = 256 << 20;
/// Units whose pictures are given up and have not come out yet; a stream holds back 16 at most.
const GIVEN_UP_MAX: usize = 64;

/// A stream's decoder.
pub struct H265 {
    decoder: Decoder,
    ready: VecDeque<(i64, Picture)>,
    /// Time stamps of units whose pictures are not to be shown.
    given_up: VecDeque<i64>,
    lean: Lean,
    /// A key picture came: before it there is nothing to decode from.
    begun: bool,
}

/// What the next unit leans on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lean {
    Whole,
    /// A picture is missing or broken: nothing until the next key picture.
    Broken,
    /// That key picture came; those that are shown before it lean on what was before it.
    Mended,
}

impl std::fmt::Debug for H265 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("H265").field("begun", &self.begun).finish_non_exhaustive()
    }
}

impl Default for H265 {
    fn default() -> Self {
        Self {
            decoder: Decoder::new(),
            ready: VecDeque::new(),
            given_up: VecDeque::new(),
            lean: Lean::Whole,
            begun: false,
        }
    }
}

/// Kinds of units (table 7-1).
mod kind {
    use std::ops::RangeInclusive;

    pub(super) const PICTURE: RangeInclusive<u8> = 0..=21;
    /// Shown before the key picture that comes before them, and leaning on what was before it.
    pub(super) const SKIPPED_LEADING: RangeInclusive<u8> = 8..=9;
    pub(super) const KEY: RangeInclusive<u8> = 16..=21;
    pub(super) const SETS: RangeInclusive<u8> = 32..=34;
    pub(super) const SEQUENCE: u8 = 33;
}

impl H265 {
    /// One access unit with start codes, and the time at which its picture is shown. `lost`: some
    /// of the stream went before it.
    pub fn take(&mut self, unit: &[u8], stamp: i64, lost: bool) -> Result<(), Undecoded> {
        let units: Vec<(u8, &[u8])> = nals(unit)
            .filter_map(|nal| Some((nal.first()? >> 1 & 63, nal)))
            .filter(|(kind, _)| kind::PICTURE.contains(kind) || kind::SETS.contains(kind))
            .collect();
        let mut kinds = units.iter().map(|(kind, _)| *kind);
        let picture = kinds.find(|kind| kind::PICTURE.contains(kind));
        let key = picture.is_some_and(|kind| kind::KEY.contains(&kind));
        let leading = picture.is_some_and(|kind| kind::SKIPPED_LEADING.contains(&kind));
        self.begun |= key;
        if lost {
            self.lean = Lean::Broken;
        }
        if key {
            self.lean = if self.lean == Lean::Whole { Lean::Whole } else { Lean::Mended };
        }
        let mut whole = self.lean == Lean::Whole || (self.lean == Lean::Mended && !leading);
        let mut why = "it leans on one that was lost".to_owned();
        for (kind, nal) in units {
            if kind == kind::SEQUENCE {
                allowed(nal)?;
            }
            if kind::PICTURE.contains(&kind) && !self.begun {
                continue;
            }
            let before = self.decoder.stats.generated_refs;
            match self.decoder.push_nal(nal, Some(stamp)) {
                Err(Error::Unsupported(_)) => return Err(Unsupported::OtherProfile.into()),
                Err(fault) => {
                    whole = false;
                    why = one_line(&fault.to_string());
                    self.lean = Lean::Broken;
                }
                // A key picture in the middle of an open group misses what was before it; those
                // that lean on that are left out by the decoder.
                Ok(()) if self.decoder.stats.generated_refs > before && !key => {
                    whole = false;
                    self.lean = Lean::Broken;
                }
                Ok(()) => {}
            }
        }
        if picture.is_some() && self.begun && !whole {
            self.given_up.push_back(stamp);
            if self.given_up.len() > GIVEN_UP_MAX {
                self.given_up.pop_front();
            }
        }
        self.collect()?;
        if picture.is_some() && self.begun && !whole {
            return Err(Undecoded::Broken(why));
        }
        Ok(())
    }

    /// The next picture in the order in which they are shown, with its time stamp.
    pub fn next_picture(&mut self) -> Option<(i64, Picture)> {
        self.ready.pop_front()
    }

    /// The stream is over: what was held back comes.
    pub fn flush(&mut self) -> Result<(), Undecoded> {
        self.decoder.flush();
        self.collect()
    }

    /// Whether a key picture came.
    pub fn has_begun(&self) -> bool {
        self.begun
    }

    fn collect(&mut self) -> Result<(), Undecoded> {
        while let Ok(frame) = self.decoder.next_frame() {
            let stamp = frame.pts.unwrap_or_default();
            if let Some(at) = self.given_up.iter().position(|given_up| *given_up == stamp) {
                self.given_up.remove(at);
                continue;
            }
            self.ready.push_back((stamp, rgb(&frame)?));
        }
        Ok(())
    }
}

/// What a sequence parameter set (with its two bytes of header) announces, before any of it is
/// decoded. What cannot be read is left for the decoder to judge.
fn allowed(nal: &[u8]) -> Result<(), Unsupported> {
    let Some(payload) = nal.get(2..) else { return Ok(()) };
    let Ok(set) = ps::parse_sps(&unescape(payload).data) else { return Ok(()) };
    if set.width > MAX_SIDE_PX || set.height > MAX_SIDE_PX {
        return Err(Unsupported::TooLarge { width: set.width, height: set.height });
    }
    match set.chroma_format_idc {
        0 | 1 => {}
        2 => return Err(Unsupported::Colours("4:2:2")),
        _ => return Err(Unsupported::Colours("4:4:4")),
    }
    let deepest = set.bit_depth_luma.max(set.bit_depth_chroma);
    if deepest > 10 {
        return Err(Unsupported::Depth(deepest));
    }
    if set.ptl.interlaced_source_flag && !set.ptl.progressive_source_flag {
        return Err(Unsupported::Interlaced);
    }
    if set.range_extension || set.multilayer_extension || set.ext_3d || set.scc_extension {
        return Err(Unsupported::OtherProfile);
    }
    // Three planes of two bytes, 4:2:0; those that wait, the one in hand, and one that is shown.
    let picture = u64::from(set.width) * u64::from(set.height) * 3;
    let most = set.ordering.iter().map(|layer| layer.max_dec_pic_buffering_minus1).max();
    if picture * (u64::from(most.unwrap_or(0)) + 3) > HELD_MAX_BYTES {
        return Err(Unsupported::TooLarge { width: set.width, height: set.height });
    }
    Ok(())
}

/// The visible part in colours: ITU-R BT.601 in the limited range, as for H.264.
fn rgb(frame: &Frame) -> Result<Picture, Undecoded> {
    let picture = &frame.picture;
    let [luma, blue, red] = &picture.planes;
    let (left, top, width, height) = picture.crop;
    let (luma_shift, chroma_shift) =
        (picture.bit_depth_luma.max(8) - 8, picture.bit_depth_chroma.max(8) - 8);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for y in top..top + height {
        for x in left..left + width {
            let at = |plane: &rusty_h265::Plane, x: usize, y: usize, shift: u8| {
                let sample = plane.data.get(y * plane.stride + x);
                i32::from(sample.copied().unwrap_or(128 << shift) >> shift)
            };
            let light = 298 * (at(luma, x, y, luma_shift) - 16);
            let cb = at(blue, x / 2, y / 2, chroma_shift) - 128;
            let cr = at(red, x / 2, y / 2, chroma_shift) - 128;
            let byte = |sum: i32| ((sum + 128) >> 8).clamp(0, 255) as u8;
            pixels.extend([
                byte(light + 409 * cr),
                byte(light - 100 * cb - 208 * cr),
                byte(light + 516 * cb),
            ]);
        }
    }
    Picture::new(pixels, width as u32, height as u32, PixelOrder::Rgb)
        .map_err(|why| Undecoded::Broken(why.to_string()))
}

#[cfg(test)]
mod tests;
