//! What a file is, by its first bytes: the picture formats that people have at hand and that are
//! not read here, and how a JPEG codes its colours. It decodes nothing.

/// A format that is not read; it prints as people know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    Heic,
    Avif,
    WebP,
    Gif,
    Bmp,
    Tiff,
    JpegXl,
    Jpeg2000,
    Pdf,
    Svg,
    Film,
    Office,
    Html,
}

impl std::fmt::Display for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
            Self::WebP => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::JpegXl => "JPEG XL",
            Self::Jpeg2000 => "JPEG 2000",
            Self::Pdf => "PDF",
            Self::Svg => "SVG",
            Self::Film => "MP4/MOV",
            Self::Office => "ZIP/Office",
            Self::Html => "HTML",
        })
    }
}

/// The format of a file that is neither JPEG nor PNG.
pub(super) fn foreign(bytes: &[u8]) -> Option<Foreign> {
    const MAGIC: [(&[u8], Foreign); 13] = [
        (b"GIF8", Foreign::Gif),
        (b"BM", Foreign::Bmp),
        (b"II*\0", Foreign::Tiff),
        (b"MM\0*", Foreign::Tiff),
        (b"II+\0", Foreign::Tiff),
        (b"MM\0+", Foreign::Tiff),
        (b"%PDF", Foreign::Pdf),
        (b"\xFF\x0A", Foreign::JpegXl),
        (b"\0\0\0\x0CJXL ", Foreign::JpegXl),
        (b"\0\0\0\x0CjP  ", Foreign::Jpeg2000),
        (b"\xFF\x4F\xFF\x51", Foreign::Jpeg2000),
        (b"PK\x03\x04", Foreign::Office),
        (b"\xD0\xCF\x11\xE0", Foreign::Office),
    ];
    if let Some(brands) = bytes.get(8..).filter(|_| bytes.get(4..8) == Some(b"ftyp")) {
        return Some(of_brands(brands));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(Foreign::WebP);
    }
    let known = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, format)| *format);
    known.or_else(|| of_text(bytes))
}

/// The container of HEIC, AVIF and films says by its brands what is in it.
fn of_brands(brands: &[u8]) -> Foreign {
    let has = |brand: &[u8]| brands.chunks_exact(4).take(16).any(|have| have == brand);
    if has(b"avif") || has(b"avis") {
        Foreign::Avif
    } else if [b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"]
        .iter()
        .any(|brand| has(*brand))
    {
        Foreign::Heic
    } else {
        Foreign::Film
    }
}

fn of_text(bytes: &[u8]) -> Option<Foreign> {
    let begin = String::from_utf8_lossy(&bytes[..bytes.len().min(256)]).to_ascii_lowercase();
    let begin = begin.trim_start_matches('\u{feff}').trim_start();
    if begin.starts_with("<svg") || begin.starts_with("<?xml") && begin.contains("<svg") {
        return Some(Foreign::Svg);
    }
    (begin.starts_with("<!doctype html") || begin.starts_with("<html")).then_some(Foreign::Html)
}

/// How a JPEG is coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct JpegCoding {
    /// Colours a pixel; 0: none is told.
    pub(super) components: u8,
    /// All its coefficients are held until the end: progressive, or a scan for each colour.
    pub(super) progressive: bool,
    /// A sequential JPEG with a scan for each colour.
    pub(super) is_in_parts: bool,
    /// Arithmetic, lossless, hierarchical, or more than 8 bits a colour.
    pub(super) is_rare: bool,
}

impl JpegCoding {
    pub(super) fn is_costly(self) -> bool {
        self.progressive
    }
}

/// Reads the frame header (ISO/IEC 10918-1 B.2.2).
pub(super) fn coding(bytes: &[u8]) -> JpegCoding {
    let mut coding = JpegCoding::default();
    for (marker, body) in segments(bytes) {
        match marker {
            0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF => {
                coding.components = body.get(5).copied().unwrap_or(0);
                coding.progressive = matches!(marker, 0xC2 | 0xC6 | 0xCA | 0xCE);
                coding.is_rare = marker > 0xC2 || body.first().is_some_and(|bits| *bits != 8);
            }
            0xDA => {
                coding.is_in_parts = !coding.progressive
                    && body.first().is_some_and(|in_scan| *in_scan < coding.components);
                coding.progressive |= coding.is_in_parts;
                break;
            }
            _ => {}
        }
    }
    coding
}

/// The segments of a JPEG's header, each with its marker, up to the first scan's.
pub(super) fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = 2;
    let mut over = false;
    std::iter::from_fn(move || {
        loop {
            if over {
                return None;
            }
            let &[0xFF, marker, ..] = bytes.get(at..)? else { return None };
            match marker {
                0xFF => at += 1,
                0x01 | 0xD0..=0xD8 => at += 2,
                _ => {
                    let high_low = bytes.get(at + 2..at + 4)?;
                    let length = usize::from(u16::from_be_bytes([high_low[0], high_low[1]])).max(2);
                    let body = bytes.get(at + 4..at + 2 + length)?;
                    at += 2 + length;
                    over = marker == 0xDA;
                    return Some((marker, body));
                }
            }
        }
    })
}
