//! Pixels in: a borrowed view of 8-bit pictures, and the decoder of JPEG and PNG with limits.
//! It never writes a picture anywhere and never guesses at a broken file.

use std::io::Cursor;

use image::{ImageDecoder, ImageFormat, metadata::Orientation};

/// Widest or highest picture that is decoded, in pixels.
pub const MAX_SIDE_PX: u32 = 12_000;
/// Most pixels of a picture that is decoded.
pub const MAX_PIXELS: u64 = 50_000_000;

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
    #[error("the picture is neither JPEG nor PNG")]
    UnknownFormat,
    #[error("the picture is cut off before its end; send it again")]
    Truncated,
    #[error("the picture is {width}×{height} px; at most {MAX_SIDE_PX} px a side and {MAX_PIXELS} px in all are taken")]
    TooLarge { width: u32, height: u32 },
    #[error("the picture cannot be decoded: {0}")]
    Broken(String),
    #[error("{bytes} bytes do not make {width}×{height} pixels of 3 bytes")]
    WrongLength { width: u32, height: u32, bytes: usize },
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
    pub fn new(data: &'a [u8], width: u32, height: u32, order: PixelOrder) -> Result<Self, FrameError> {
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

/// A picture that owns its pixels.
#[derive(Clone)]
pub struct Picture {
    data: Vec<u8>,
    width: u32,
    height: u32,
    order: PixelOrder,
}

impl Picture {
    /// Takes over `data` (see [`Frame::new`]).
    pub fn new(data: Vec<u8>, width: u32, height: u32, order: PixelOrder) -> Result<Self, FrameError> {
        Frame::new(&data, width, height, order)?;
        Ok(Self { data, width, height, order })
    }

    /// The pixels, to be used again.
    pub fn into_data(self) -> Vec<u8> {
        self.data
    }

    /// [`Picture::decode`] into a buffer that is used again, for the frames of a camera. Only what has to be turned or
    /// is grey takes another one.
    pub fn decode_into(mut buffer: Vec<u8>, bytes: &[u8]) -> Result<Self, FrameError> {
        if !matches!(image::guess_format(bytes), Ok(ImageFormat::Jpeg)) || !jpeg_is_whole(bytes) {
            return Self::decode(bytes);
        }
        let mut decoder = image::codecs::jpeg::JpegDecoder::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
        let (width, height) = checked_size(&decoder)?;
        let upright = matches!(decoder.orientation(), Ok(Orientation::NoTransforms) | Err(_));
        if !upright || decoder.color_type() != image::ColorType::Rgb8 {
            return Self::from_decoder(decoder);
        }
        buffer.resize(width as usize * height as usize * 3, 0);
        decoder.read_image(&mut buffer).map_err(|error| broken(&error))?;
        Self::new(buffer, width, height, PixelOrder::Rgb)
    }

    /// Decodes a JPEG or PNG to RGB, turned upright by its EXIF orientation. The size is checked before any pixel
    /// is decoded, and a JPEG without its end is refused instead of being filled with grey.
    pub fn decode(bytes: &[u8]) -> Result<Self, FrameError> {
        if bytes.is_empty() {
            return Err(FrameError::Empty);
        }
        match image::guess_format(bytes) {
            Ok(ImageFormat::Jpeg) => {
                let decoder = image::codecs::jpeg::JpegDecoder::new(Cursor::new(bytes));
                if !jpeg_is_whole(bytes) {
                    return Err(FrameError::Truncated);
                }
                Self::from_decoder(decoder.map_err(|error| broken(&error))?)
            }
            Ok(ImageFormat::Png) => Self::from_decoder(
                image::codecs::png::PngDecoder::new(Cursor::new(bytes)).map_err(|error| broken(&error))?,
            ),
            _ => Err(FrameError::UnknownFormat),
        }
    }

    fn from_decoder(mut decoder: impl ImageDecoder) -> Result<Self, FrameError> {
        checked_size(&decoder)?;
        let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
        let mut picture = image::DynamicImage::from_decoder(decoder).map_err(|error| broken(&error))?;
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

/// The size of a picture that is not too large to be decoded.
fn checked_size(decoder: &impl ImageDecoder) -> Result<(u32, u32), FrameError> {
    let (width, height) = decoder.dimensions();
    let too_large = width > MAX_SIDE_PX || height > MAX_SIDE_PX || u64::from(width) * u64::from(height) > MAX_PIXELS;
    if too_large { Err(FrameError::TooLarge { width, height }) } else { Ok((width, height)) }
}

fn broken(error: &image::ImageError) -> FrameError {
    if let image::ImageError::IoError(io) = error
        && io.kind() == std::io::ErrorKind::UnexpectedEof
    {
        return FrameError::Truncated;
    }
    FrameError::Broken(error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Whether the entropy-coded data of a JPEG ends with its end marker. Decoders fill what is missing with grey, and
/// a half-grey face must never be enrolled. Inside that data 0xFF is always followed by 0x00, so the marker there
/// is the real one; a thumbnail's own marker stands in a header segment, which is skipped by its length.
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
