//! What a sequence parameter set (H.264 7.3.2.1) says of the pictures that follow it: whether they
//! can be decoded here, and how far they stand out of order. It decodes no picture.

use std::borrow::Cow;

use h264_reader::{
    nal::sps::{ChromaFormat, FrameMbsFlags, PicOrderCntType, SeqParameterSet},
    rbsp::{BitReader, decode_nal},
};

/// Beyond this a stream is no camera of a room.
pub(in crate::camera) const MAX_SIDE_PX: u32 = 4096;

/// Why the pictures of a stream cannot be decoded here; each names the setting of the camera that
/// mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    #[error(
        "its pictures are interlaced, which is not decoded here: set the camera to progressive \
        (\"25p\", not \"50i\")"
    )]
    Interlaced,
    #[error(
        "its colours are {0}, which is not decoded here: set the camera to 4:2:0 with 8 bits \
        (profile Main or High)"
    )]
    Colours(&'static str),
    #[error(
        "its H.265 is of another profile than Main or Main 10, which is not decoded here: set the \
        camera to Main, or to H.264"
    )]
    OtherProfile,
    #[error(
        "it sends {0} bits a colour, which is not decoded here: set the camera to 8 bits (profile \
        Main or High)"
    )]
    Depth(u8),
    #[error(
        "its pictures are {width}x{height} px, more than {MAX_SIDE_PX} a side: set a smaller \
        resolution in the camera"
    )]
    TooLarge { width: u32, height: u32 },
}

/// What the pictures are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StreamShape {
    /// At most so many pictures come before one that is shown earlier; `None`: the stream does not
    /// say.
    pub(super) reorder: Option<usize>,
}

/// Reads a set (with its one byte of header). What cannot be read is left for the decoder to judge.
pub(super) fn read(nal: &[u8]) -> Result<StreamShape, Unsupported> {
    let Some(rbsp) = rbsp(nal) else { return Ok(StreamShape::default()) };
    let Ok(sps) = SeqParameterSet::from_bits(BitReader::new(rbsp.as_ref())) else {
        return Ok(StreamShape::default());
    };
    if sps.frame_mbs_flags != FrameMbsFlags::Frames {
        return Err(Unsupported::Interlaced);
    }
    match sps.chroma_info.chroma_format {
        ChromaFormat::Monochrome | ChromaFormat::YUV420 => {}
        ChromaFormat::YUV422 => return Err(Unsupported::Colours("4:2:2")),
        ChromaFormat::YUV444 | ChromaFormat::Invalid(_) => {
            return Err(Unsupported::Colours("4:4:4"));
        }
    }
    let deeper = sps.chroma_info.bit_depth_luma_minus8.max(sps.chroma_info.bit_depth_chroma_minus8);
    if deeper > 0 {
        return Err(Unsupported::Depth(deeper.saturating_add(8)));
    }
    if let Ok((width, height)) = sps.pixel_dimensions()
        && (width > MAX_SIDE_PX || height > MAX_SIDE_PX)
    {
        return Err(Unsupported::TooLarge { width, height });
    }
    Ok(StreamShape { reorder: reorder(&sps) })
}

/// The bytes behind the header without their escapes. The library panics where there are none.
fn rbsp(nal: &[u8]) -> Option<Cow<'_, [u8]>> {
    if nal.len() > 4 { decode_nal(nal).ok() } else { None }
}

fn reorder(sps: &SeqParameterSet) -> Option<usize> {
    let said = sps.vui_parameters.as_ref().and_then(|vui| vui.bitstream_restrictions.as_ref());
    if let Some(said) = said {
        return Some((said.max_num_reorder_frames as usize).min(16));
    }
    // The baseline profile has no B-frames, and with this type of picture order the order of output
    // is that of decoding.
    let in_order = u8::from(sps.profile_idc) == 66 || sps.pic_order_cnt == PicOrderCntType::TypeTwo;
    in_order.then_some(0)
}

/// The same set as one of the scalable baseline profile (83). Nothing else changes for the decoder
/// than that it gives each picture when it is decoded: its own order goes by the low bits of the
/// picture order alone, which begin again every few pictures in a long group, so pictures came out
/// of order and some never. `None`: it stands as it is.
pub(super) fn in_decoding_order(nal: &[u8]) -> Option<Vec<u8>> {
    const SCALABLE_BASELINE: u8 = 83;
    let rbsp = rbsp(nal)?;
    let mut bits = Bits::of(&rbsp);
    match *rbsp.first()? {
        // Its syntax is that of the scalable profiles.
        100 => {}
        // `chroma_format_idc` and what follows it stand after the number of the set in those
        // profiles: 4:2:0, 8 bits.
        77 | 88 => {
            bits.insert(bits.after_number(24)?, &[false, true, false, true, true, false, false]);
        }
        _ => return None,
    }
    let mut bytes = bits.bytes();
    *bytes.first_mut()? = SCALABLE_BASELINE;
    let mut out = vec![*nal.first()?];
    let mut zeros = 0;
    for byte in bytes {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    Some(out)
}

/// The bits of a set up to its stop bit.
struct Bits(Vec<bool>);

impl Bits {
    fn of(bytes: &[u8]) -> Self {
        let mut bits: Vec<bool> =
            bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1 == 1)).collect();
        while bits.last() == Some(&false) {
            bits.pop();
        }
        Self(bits)
    }

    /// Where the Exp-Golomb number that begins at `at` ends.
    fn after_number(&self, at: usize) -> Option<usize> {
        let zeros = self.0.get(at..)?.iter().position(|bit| *bit)?;
        Some(at + 2 * zeros + 1).filter(|end| *end <= self.0.len())
    }

    fn insert(&mut self, at: usize, more: &[bool]) {
        self.0.splice(at..at, more.iter().copied());
    }

    fn bytes(&self) -> Vec<u8> {
        self.0
            .chunks(8)
            .map(|eight| {
                eight
                    .iter()
                    .enumerate()
                    .fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A set of x264: `profile_idc`, then 640x480 with B-frames.
    fn parsed(nal: &[u8]) -> SeqParameterSet {
        SeqParameterSet::from_bits(BitReader::new(decode_nal(nal).unwrap().as_ref())).unwrap()
    }

    #[test]
    fn the_rewritten_set_says_the_same() {
        for nal in [&include_bytes!("testdata/main.sps")[..], include_bytes!("testdata/high.sps")] {
            let (before, after) = (parsed(nal), parsed(&in_decoding_order(nal).unwrap()));
            assert_eq!(u8::from(after.profile_idc), 83);
            assert_eq!(SeqParameterSet { profile_idc: before.profile_idc, ..after }, before);
        }
        let baseline = include_bytes!("testdata/baseline.sps");
        assert_eq!(in_decoding_order(baseline), None);
    }

    #[test]
    fn what_cannot_be_decoded_is_named_with_its_setting() {
        let said = |nal: &[u8]| read(nal).unwrap_err().to_string();
        assert!(said(include_bytes!("testdata/interlaced.sps")).contains("progressive"));
        assert!(said(include_bytes!("testdata/422.sps")).contains("4:2:0"));
        assert!(said(include_bytes!("testdata/10bit.sps")).contains("8 bits"));
        assert!(said(include_bytes!("testdata/wide.sps")).contains("4112x"));
        assert_eq!(read(include_bytes!("testdata/high.sps")), Ok(StreamShape { reorder: Some(2) }));
        assert_eq!(
            read(include_bytes!("testdata/baseline.sps")),
            Ok(StreamShape { reorder: Some(0) })
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&bytes);
            for profile in [77, 88, 100] {
                let set = [&[0x67, profile], &bytes[..]].concat();
                let _ = (read(&set), in_decoding_order(&set));
            }
        }
    }
}
