//! One decoding of an uploaded photograph, for the networks and for the person who compares it:
//! what is transparent lies on white before anything looks, and what a reviewer is shown is what
//! was decoded, never the upload. A format that is not taken is named with the mend, in both
//! languages. It keeps nothing.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngDecoder;
use image::{ExtendedColorType, ImageDecoder as _, ImageEncoder as _};
use vision::{FrameError, Picture};

/// Memory that one decoded picture may take: a photograph of 50 million pixels, and no PNG of
/// sixteen bits of that size.
pub const MOST_DECODED_BYTES: u64 = 160 << 20;
/// Of the copy that a reviewer sees; above it nobody sees a difference.
const SHOWN_QUALITY: u8 = 92;

/// Why a photograph can not be looked at.
#[derive(Debug, Clone, PartialEq)]
pub enum PhotoFault {
    /// Known, and not taken.
    Format(&'static Format),
    /// It would take more memory than it may.
    TooMuchMemory {
        width: u32,
        height: u32,
        mib: u64,
    },
    Unreadable(FrameError),
}

/// A kind of file that is no JPEG or PNG.
#[derive(Debug, PartialEq, Eq)]
pub struct Format {
    pub name: &'static str,
    mend_zh: &'static str,
    mend_en: &'static str,
}

const SAVE: (&str, &str) = ("请另存为 JPEG 后再上传", "save it as JPEG and send that");
const PHONE: (&str, &str) = (
    "请另存为 JPEG 后再上传（iPhone：设置 → 相机 → 格式 → 兼容性最佳）",
    "save it as JPEG and send that (on an iPhone: Settings, Camera, Formats, Most Compatible)",
);
const PICTURE_OUT: (&str, &str) =
    ("请把其中的照片另存为 JPEG 后再上传", "save the photograph in it as JPEG and send that");

const fn format(name: &'static str, mend: (&'static str, &'static str)) -> Format {
    Format { name, mend_zh: mend.0, mend_en: mend.1 }
}

static HEIC: Format = format("HEIC", PHONE);
static AVIF: Format = format("AVIF", SAVE);
static VIDEO: Format = format("MP4/MOV", PICTURE_OUT);
static WEBP: Format = format("WebP", SAVE);
/// What a file begins with.
static BEGINNINGS: [(&[u8], Format); 17] = [
    (b"GIF8", format("GIF", SAVE)),
    (b"BM", format("BMP", SAVE)),
    (b"II*\0", format("TIFF", SAVE)),
    (b"MM\0*", format("TIFF", SAVE)),
    (b"II+\0", format("TIFF", SAVE)),
    (b"MM\0+", format("TIFF", SAVE)),
    (b"\xff\x4f\xff\x51", format("JPEG 2000", SAVE)),
    (b"%PDF", format("PDF", PICTURE_OUT)),
    (b"PK\x03\x04", format("ZIP/DOCX", PICTURE_OUT)),
    (b"\xd0\xcf\x11\xe0", format("DOC", PICTURE_OUT)),
    (b"8BPS", format("PSD", SAVE)),
    (b"\xff\x0a", format("JPEG XL", SAVE)),
    (b"\0\0\0\x0cJXL ", format("JPEG XL", SAVE)),
    (b"\0\0\0\x0cjP  ", format("JPEG 2000", SAVE)),
    (b"<svg", format("SVG", SAVE)),
    (b"<?xml", format("XML/SVG", SAVE)),
    (b"<", format("HTML", PICTURE_OUT)),
];

/// The format of a file that is neither JPEG nor PNG, where it is one that people send.
pub fn foreign_format(bytes: &[u8]) -> Option<&'static Format> {
    if bytes.get(4..8) == Some(b"ftyp") {
        // Which picture it is may stand behind the first brand alone.
        let has = |names: &[&[u8]]| {
            let brands = bytes.get(8..).unwrap_or_default().chunks_exact(4).take(16);
            brands.into_iter().any(|brand| names.contains(&brand))
        };
        return Some(if has(&[b"avif", b"avis"]) {
            &AVIF
        } else if has(&[b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"]) {
            &HEIC
        } else {
            &VIDEO
        });
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(&WEBP);
    }
    BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)).map(|(_, format)| format)
}

impl PhotoFault {
    pub fn code(&self) -> &'static str {
        match self {
            Self::Format(_) => "format",
            Self::Unreadable(FrameError::PrintColours) => "cmyk",
            Self::Unreadable(FrameError::TooManyBytes { .. }) | Self::TooMuchMemory { .. } => {
                "too_large"
            }
            Self::Unreadable(_) => "unreadable",
        }
    }

    pub fn zh(&self) -> String {
        match self {
            Self::Format(it) => {
                format!("这是 {} 文件，只接受 JPEG 或 PNG：{}", it.name, it.mend_zh)
            }
            Self::TooMuchMemory { width, height, mib } => {
                format!(
                    "照片为 {width}×{height}，解码需 {mib} MiB 内存：请缩小，或另存为 8 位 JPEG"
                )
            }
            Self::Unreadable(FrameError::Empty) => "照片为空（0 字节）：请重新选择文件".to_owned(),
            Self::Unreadable(FrameError::UnknownFormat) => {
                "无法识别的文件，只接受 JPEG 或 PNG".to_owned()
            }
            Self::Unreadable(FrameError::Truncated) => {
                "照片不完整（文件在结尾之前中断）：请重新发送".to_owned()
            }
            Self::Unreadable(FrameError::TooLarge { width, height }) => format!(
                "照片为 {width}×{height} 像素，每边至多 {} 像素，共至多 {} 像素：请缩小",
                vision::frame::MAX_SIDE_PX,
                vision::frame::MAX_PIXELS
            ),
            Self::Unreadable(error) => error.zh(),
        }
    }

    pub fn en(&self) -> String {
        match self {
            Self::Format(it) => {
                format!("this is a {} file, JPEG or PNG is taken: {}", it.name, it.mend_en)
            }
            Self::TooMuchMemory { width, height, mib } => {
                format!(
                    "the picture is {width}×{height} and takes {mib} MiB to decode: make it \
                    smaller, or save it as JPEG of 8 bits"
                )
            }
            Self::Unreadable(error) => error.to_string(),
        }
    }
}

/// Decodes an upload. Its size in memory is known before any pixel is decoded.
pub fn read(bytes: &[u8]) -> Result<Picture, PhotoFault> {
    if let Some(format) = foreign_format(bytes) {
        return Err(PhotoFault::Format(format));
    }
    if bytes.starts_with(b"\x89PNG") {
        return png(bytes);
    }
    if let Some(frame) = jpeg_frame(bytes) {
        if frame.components == 4 {
            return Err(PhotoFault::Unreadable(FrameError::PrintColours));
        }
        fits(frame.width, frame.height, frame.bytes())?;
    }
    Picture::decode(bytes).map_err(PhotoFault::Unreadable)
}

fn fits(width: u32, height: u32, bytes: u64) -> Result<(), PhotoFault> {
    if bytes > MOST_DECODED_BYTES {
        return Err(PhotoFault::TooMuchMemory { width, height, mib: bytes >> 20 });
    }
    Ok(())
}

/// A PNG says how much it takes before a pixel of it is decoded.
fn png(bytes: &[u8]) -> Result<Picture, PhotoFault> {
    // A broken head is told in the words of the decoder that reads every picture.
    if let Ok(decoder) = PngDecoder::new(Cursor::new(bytes)) {
        let (width, height) = decoder.dimensions();
        fits(width, height, decoder.total_bytes())?;
    }
    Picture::decode(bytes).map_err(PhotoFault::Unreadable)
}

/// The photograph as it was decoded, for the person who compares it: a JPEG of the very pixels that
/// the networks saw.
pub fn shown(bytes: &[u8]) -> Result<Vec<u8>, PhotoFault> {
    let picture = read(bytes)?;
    let frame = picture.frame();
    let mut out = Vec::new();
    let encoded = JpegEncoder::new_with_quality(&mut out, SHOWN_QUALITY).write_image(
        frame.data(),
        frame.width(),
        frame.height(),
        ExtendedColorType::Rgb8,
    );
    encoded.map_err(|error| {
        PhotoFault::Unreadable(FrameError::Broken(vision::Detail(error.to_string())))
    })?;
    Ok(out)
}

/// What a JPEG's head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct JpegFrame {
    width: u32,
    height: u32,
    components: u8,
}

impl JpegFrame {
    /// In memory, once decoded and once as RGB at most.
    fn bytes(self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.components.max(3))
    }
}

/// Walks the segments up to the first frame header (ITU T.81, B.2).
fn jpeg_frame(bytes: &[u8]) -> Option<JpegFrame> {
    let mut at = 2;
    if !bytes.starts_with(b"\xff\xd8") {
        return None;
    }
    loop {
        let [0xff, marker] = *bytes.get(at..at + 2)? else { return None };
        if matches!(marker, 0xff) {
            at += 1;
            continue;
        }
        let length = usize::from(u16::from_be_bytes(*bytes.get(at + 2..at + 4)?.first_chunk()?));
        let segment = bytes.get(at + 4..(at + 2).checked_add(length)?)?;
        match marker {
            // The frame headers are C0 to CF, without the tables and extensions among them.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let [_, h1, h0, w1, w0, components, ..] = *segment else { return None };
                let (height, width) = (u16::from_be_bytes([h1, h0]), u16::from_be_bytes([w1, w0]));
                return Some(JpegFrame { width: width.into(), height: height.into(), components });
            }
            0xd9 | 0xda => return None,
            _ => {}
        }
        at += 2 + length;
    }
}

#[cfg(test)]
mod tests {
    use image::{DynamicImage, Rgba, RgbaImage};
    use proptest::prelude::*;

    use super::*;

    fn encoded(picture: &DynamicImage, format: image::ImageFormat) -> Vec<u8> {
        let mut out = Cursor::new(Vec::new());
        picture.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    #[test]
    fn what_is_transparent_lies_on_white_for_machine_and_person() {
        let mut picture = RgbaImage::from_pixel(40, 40, Rgba([10, 20, 30, 0]));
        for (x, y) in (30..40).flat_map(|x| (30..40).map(move |y| (x, y))) {
            picture.put_pixel(x, y, Rgba([200, 0, 0, 255]));
        }
        let png = encoded(&picture.into(), image::ImageFormat::Png);
        let decoded = read(&png).unwrap();
        let at = |x: usize, y: usize| {
            let pixel = (y * 40 + x) * 3;
            decoded.frame().data()[pixel..pixel + 3].to_vec()
        };
        assert_eq!(
            (at(5, 5), at(35, 35)),
            (vec![255; 3], vec![200, 0, 0]),
            "what hides under transparency was seen"
        );
        let person = image::load_from_memory(&shown(&png).unwrap()).unwrap().to_rgb8();
        assert!(person.get_pixel(5, 5).0.iter().all(|c| *c > 250), "{:?}", person.get_pixel(5, 5));
    }

    #[test]
    fn a_picture_is_refused_by_its_bytes_before_it_is_decoded() {
        // 8 bytes a pixel: 400 MiB of a file of a few hundred bytes, whose pixels are not even
        // there.
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
        let head: Vec<u8> = [7071u32.to_be_bytes(), 7071u32.to_be_bytes()].concat();
        let head = [head, vec![16, 6, 0, 0, 0]].concat();
        let sum = {
            let mut crc = !0u32;
            for byte in b"IHDR".iter().chain(&head) {
                crc ^= u32::from(*byte);
                for _ in 0..8 {
                    crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
                }
            }
            !crc
        };
        png.extend([head, sum.to_be_bytes().to_vec()].concat());
        png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        assert!(
            matches!(read(&png), Err(PhotoFault::TooMuchMemory { mib: 381, .. })),
            "{:?}",
            read(&png)
        );
    }

    #[test]
    fn a_foreign_format_is_named_with_the_mend_in_both_languages() {
        for (bytes, name) in [
            (&b"\0\0\0\x24ftypheic\0\0\0\0"[..], "HEIC"),
            (b"\0\0\0\x24ftypmif1\0\0\0\0", "HEIC"),
            (b"\0\0\0\x20ftypavif\0\0\0\0", "AVIF"),
            (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avif", "AVIF"),
            (b"\0\0\0\x20ftypmsf1\0\0\0\0mif1heic", "HEIC"),
            (b"II+\0\x08\0", "TIFF"),
            (b"\xff\x4f\xff\x51\0", "JPEG 2000"),
            (b"\0\0\0\x20ftypqt  \0\0\0\0", "MP4/MOV"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
            (b"GIF89a", "GIF"),
            (b"II*\0\x08\0", "TIFF"),
            (b"MM\0*\0\0", "TIFF"),
            (b"%PDF-1.4\n", "PDF"),
            (b"PK\x03\x04\0\0", "ZIP/DOCX"),
            (b"BM\0\0", "BMP"),
        ] {
            let fault = read(bytes).unwrap_err();
            assert!(fault.zh().contains(name) && fault.zh().contains("JPEG"), "{}", fault.zh());
            assert!(fault.en().contains(name), "{}", fault.en());
            let words = fault.zh();
            let latin = words.split(|c: char| !c.is_ascii_alphabetic()).filter(|w| w.len() > 6);
            assert_eq!(latin.count(), 0, "a lower layer's English in a Chinese line: {words}");
        }
        assert_eq!(read(b"").unwrap_err().zh(), "照片为空（0 字节）：请重新选择文件");
    }

    #[test]
    fn four_inks_are_refused_by_name_in_both_languages() {
        let frame = b"\xff\xc0\0\x14\x08\0\x10\0\x10\x04\x01\x11\0\x02\x11\0\x03\x11\0\x04\x11\0";
        // CMYK and YCCK as Adobe marks them, and four inks without a mark.
        for mark in [
            &b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0"[..],
            b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\x02",
            b"",
        ] {
            let jpeg = [&b"\xff\xd8"[..], mark, frame].concat();
            let fault = read(&jpeg).unwrap_err();
            assert_eq!(fault.code(), "cmyk");
            for said in [fault.zh(), fault.en()] {
                assert!(said.contains("CMYK") && said.contains("RGB"), "{said}");
            }
        }
    }

    #[test]
    fn a_picture_of_too_many_bytes_is_not_called_broken() {
        let fault = PhotoFault::Unreadable(FrameError::TooManyBytes {
            width: 7000,
            height: 7000,
            bytes: 400 << 20,
        });
        assert_eq!(fault.code(), "too_large");
        assert!(fault.zh().contains("400 MiB") && !fault.zh().contains("损坏"), "{}", fault.zh());
    }

    proptest! {
        /// Outside bytes: nothing panics, and nothing that is no picture becomes one.
        #[test]
        fn rubbish_is_no_photograph(bytes in proptest::collection::vec(any::<u8>(), 0..200),
            head in 0usize..4) {
            let begun = [&b""[..], b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n",
                b"\xff\xd8\xff\xee\0\x0e"][head];
            let bytes = [begun, &bytes].concat();
            prop_assert!(read(&bytes).is_err());
        }
    }
}
