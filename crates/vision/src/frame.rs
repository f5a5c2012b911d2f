//! Pixels in: a borrowed view of 8-bit pictures, and the decoder of JPEG and PNG with limits.
//! Machine and person see the same: what is transparent shows white.
//! It never writes a picture anywhere and never guesses at a broken file.

mod container;
mod live;

use std::io::Cursor;

use crate::wiped::WipedBytes;
pub use container::Foreign;
use image::{ColorType, DynamicImage, ImageDecoder, ImageFormat, metadata::Orientation};

/// Widest or highest picture that is decoded, in pixels.
pub const MAX_SIDE_PX: u32 = 12_000;
/// Most pixels of a picture that is decoded.
pub const MAX_PIXELS: u64 = 50_000_000;
/// Most memory that decoding may take: a photograph of 50 million pixels that has to be turned
/// upright.
pub const MAX_DECODE_BYTES: u64 = 320 << 20;

/// Order of the three channels of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelOrder {
    Rgb,
    Bgr,
}

/// Why a picture cannot be used; one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("the picture is empty (0 bytes)")]
    Empty,
    #[error("the picture is neither JPEG nor PNG: save it as JPEG")]
    UnknownFormat,
    #[error("the file is {0}, not JPEG or PNG: save or export it as JPEG")]
    Foreign(Foreign),
    #[error("the picture has the colours of a printing press (CMYK): save it as an RGB JPEG")]
    PrintColours,
    #[error("the picture is cut off before its end; send it again")]
    Truncated,
    #[error(
        "the picture is {width}×{height} px; at most {MAX_SIDE_PX} px a side and {MAX_PIXELS} px \
        in all are taken"
    )]
    TooLarge { width: u32, height: u32 },
    #[error("the picture of {width}×{height} px takes {} MiB of memory; at most {} are given: \
        save it as a JPEG with 8 bits a colour", .bytes >> 20, MAX_DECODE_BYTES >> 20)]
    TooManyBytes { width: u32, height: u32, bytes: u64 },
    #[error("the picture cannot be decoded: it is damaged; save it again as JPEG")]
    Broken(Detail),
    #[error(
        "the picture is coded in a way that is not read here (such as arithmetic coding, or more \
        than 8 bits a colour in a JPEG): save it again as an ordinary JPEG"
    )]
    UnknownCoding,
    #[error(
        "each colour of the picture lies in a part of its own, which is not read here: save it \
        again as an ordinary JPEG"
    )]
    SeparateColours(Detail),
    #[error("{bytes} bytes do not make {width}×{height} pixels of 3 bytes")]
    WrongLength { width: u32, height: u32, bytes: usize },
}

/// What the decoder said, for whoever looks into it (`{:?}`): its words are no reader's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detail(pub String);

impl FrameError {
    /// The reason in Chinese, with what would mend it.
    pub fn zh(&self) -> String {
        match self {
            Self::Empty => "文件是空的（0 字节）".to_owned(),
            Self::UnknownFormat => "既不是 JPEG 也不是 PNG：请另存为 JPEG".to_owned(),
            Self::Foreign(format) => format!("这是 {format} 文件，不是 JPEG 或 PNG：请另存为 JPEG"),
            Self::PrintColours => "颜色为印刷用 CMYK：请另存为 RGB 的 JPEG".to_owned(),
            Self::Truncated => "照片不完整，结尾被截断：请重新上传".to_owned(),
            Self::TooLarge { width, height } => {
                format!(
                    "{width}×{height} px 太大：每边至多 {MAX_SIDE_PX} px，总共至多 {MAX_PIXELS} px"
                )
            }
            Self::TooManyBytes { width, height, bytes } => {
                format!(
                    "{width}×{height} px 解码需要 {} MiB 内存，太多：请另存为 8 位 JPEG",
                    bytes >> 20
                )
            }
            Self::Broken(_) => "照片已损坏，无法解码：请重新另存为 JPEG".to_owned(),
            Self::UnknownCoding => {
                "照片的编码方式不支持（例如算术编码，或每种颜色超过 8 位的 JPEG）：请另存为普通 \
                JPEG"
                    .to_owned()
            }
            Self::SeparateColours(_) => {
                "照片的各颜色分开存放，这种编码方式不支持：请另存为普通 JPEG".to_owned()
            }
            Self::WrongLength { width, height, bytes } => {
                format!("{bytes} 字节不是 {width}×{height} 像素的画面")
            }
        }
    }
}

/// A view of a picture: rows from top to bottom, 3 bytes a pixel, no padding.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    data: &'a [u8],
    width: u32,
    height: u32,
    order: PixelOrder,
}

impl<'a> Frame<'a> {
    /// Fails where `data` is not exactly `width`×`height`×3 bytes, or a side is 0.
    pub fn new(
        data: &'a [u8],
        width: u32,
        height: u32,
        order: PixelOrder,
    ) -> Result<Self, FrameError> {
        if width == 0 || height == 0 {
            return Err(FrameError::Empty);
        }
        if data.len() as u64 != u64::from(width) * u64::from(height) * 3 {
            return Err(FrameError::WrongLength { width, height, bytes: data.len() });
        }
        Ok(Self { data, width, height, order })
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub fn order(&self) -> PixelOrder {
        self.order
    }

    pub fn data(&self) -> &'a [u8] {
        self.data
    }
}

impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({}×{} {:?})", self.width, self.height, self.order)
    }
}

/// A picture that owns its pixels; wiped when dropped.
#[derive(Clone)]
pub struct Picture {
    data: WipedBytes,
    width: u32,
    height: u32,
    order: PixelOrder,
}

impl Picture {
    /// Takes over `data` (see [`Frame::new`]).
    pub fn new(
        data: Vec<u8>,
        width: u32,
        height: u32,
        order: PixelOrder,
    ) -> Result<Self, FrameError> {
        Frame::new(&data, width, height, order)?;
        Ok(Self { data: data.into(), width, height, order })
    }

    /// The pixels, to be used again by whoever wipes them.
    pub fn into_data(self) -> Vec<u8> {
        self.data.into_inner()
    }

    /// Decodes a JPEG or PNG to RGB, turned upright by its EXIF orientation. The size is checked
    /// before any pixel is decoded, and a JPEG without its end is refused instead of being filled
    /// with grey.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.is_empty() {
            return Err(FrameError::Empty);
        }
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => {
                if !jpeg_is_whole(bytes) {
                    return Err(FrameError::Truncated);
                }
                let coding = container::coding(bytes);
                if coding.components == 4 {
                    return Err(FrameError::PrintColours);
                }
                if coding.is_rare {
                    return Err(FrameError::UnknownCoding);
                }
                let decoder = image::codecs::jpeg::JpegDecoder::new(Cursor::new(bytes));
                decoder
                    .map_err(|error| broken(&error))
                    .and_then(|decoder| Self::from_decoder(decoder, coding.is_costly()))
                    .map_err(|error| match error {
                        FrameError::Broken(detail) if coding.is_in_parts => {
                            FrameError::SeparateColours(detail)
                        }
                        other => other,
                    })
            }
            Ok(ImageFormat::Png) => Self::from_decoder(
                image::codecs::png::PngDecoder::new(Cursor::new(bytes))
                    .map_err(|error| broken(&error))?,
                false,
            ),
            _ => {
                Err(container::foreign(bytes)
                    .map_or(FrameError::UnknownFormat, FrameError::Foreign))
            }
        }
    }

    /// `whole_in_memory`: the decoder holds every coefficient until the end.
    fn from_decoder(
        mut decoder: impl ImageDecoder,
        whole_in_memory: bool,
    ) -> Result<Self, FrameError> {
        let (width, height) = checked_size(&decoder)?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let bytes = memory(&decoder, orientation, whole_in_memory);
        if bytes > MAX_DECODE_BYTES {
            return Err(FrameError::TooManyBytes { width, height, bytes });
        }
        let mut picture =
            on_white(DynamicImage::from_decoder(decoder).map_err(|error| broken(&error))?);
        picture.apply_orientation(orientation);
        let rgb = picture.into_rgb8();
        let (width, height) = rgb.dimensions();
        Self::new(rgb.into_raw(), width, height, PixelOrder::Rgb)
    }

    /// The view that every network takes.
    pub fn frame(&self) -> Frame<'_> {
        Frame { data: &self.data, width: self.width, height: self.height, order: self.order }
    }
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({}×{} {:?})", self.width, self.height, self.order)
    }
}

/// What shows through is white, as paper is: what nobody can see is not looked at by the machine
/// either.
fn on_white(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    let rgba = picture.into_rgba8();
    let (width, height) = rgba.dimensions();
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    for pixel in rgba.pixels() {
        let [colours @ .., alpha] = pixel.0;
        rgb.extend(colours.map(|c| {
            let (c, alpha) = (u32::from(c), u32::from(alpha));
            ((c * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        }));
    }
    image::RgbImage::from_raw(width, height, rgb)
        .map_or_else(|| DynamicImage::new_rgb8(0, 0), DynamicImage::ImageRgb8)
}

/// What decoding takes at its worst moment: the pixels as they are coded, and beside them each copy
/// that is made.
fn memory(decoder: &impl ImageDecoder, orientation: Orientation, whole_in_memory: bool) -> u64 {
    let (width, height) = decoder.dimensions();
    let (pixels, colour) = (u64::from(width) * u64::from(height), decoder.color_type());
    let rgb = pixels * 3;
    let mut bytes = decoder.total_bytes();
    if colour != ColorType::Rgb8 {
        bytes += rgb + if colour.has_alpha() { pixels * 4 } else { 0 };
    }
    if orientation != Orientation::NoTransforms {
        bytes += rgb;
    }
    // Two bytes for each coefficient.
    bytes + if whole_in_memory { rgb * 2 } else { 0 }
}

/// The size of a picture that is not too large to be decoded.
fn checked_size(decoder: &impl ImageDecoder) -> Result<(u32, u32), FrameError> {
    let (width, height) = decoder.dimensions();
    let too_large = width > MAX_SIDE_PX
        || height > MAX_SIDE_PX
        || u64::from(width) * u64::from(height) > MAX_PIXELS;
    if too_large { Err(FrameError::TooLarge { width, height }) } else { Ok((width, height)) }
}

fn broken(error: &image::ImageError) -> FrameError {
    if let image::ImageError::IoError(io) = error
        && io.kind() == std::io::ErrorKind::UnexpectedEof
    {
        return FrameError::Truncated;
    }
    let said = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    match error {
        image::ImageError::Unsupported(_) => FrameError::UnknownCoding,
        _ => FrameError::Broken(Detail(said)),
    }
}

/// Whether the entropy-coded data of a JPEG ends with its end marker. Decoders fill what is missing
/// with grey, and a half-grey face must never be enrolled. Inside that data 0xFF is always followed
/// by 0x00, so the marker there is the real one; a thumbnail's own marker stands in a header
/// segment, which is skipped by its length.
fn jpeg_is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xFF, marker]) = bytes.get(at..at + 2) {
        match marker {
            0xFF => at += 1,
            0xDA => return bytes[at..].windows(2).any(|pair| pair == [0xFF, 0xD9]),
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => {
                let Some([high, low]) = bytes.get(at + 2..at + 4) else {
                    return false;
                };
                at += 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2);
            }
        }
    }
    false
}
