//! A frame as the source gave it, and its one decoding to RGB: in the pipeline, so that a frame
//! that is dropped costs nothing.

use vision::{FrameError, Picture, PixelOrder, WipedBytes};

/// The bytes of one frame; wiped when it goes.
pub enum FramePixels {
    Ready(Picture),
    /// One JPEG picture, as webcams send it.
    Mjpeg(WipedBytes),
    /// 4:2:2, two pixels in four bytes, BT.601 limited range.
    Yuyv {
        width: u32,
        height: u32,
        bytes: WipedBytes,
    },
}

impl FramePixels {
    /// What the camera sends, by its V4L2 name.
    pub fn wire_format(&self) -> &'static str {
        match self {
            Self::Ready(_) => "decoded",
            Self::Mjpeg(_) => "MJPG",
            Self::Yuyv { .. } => "YUYV",
        }
    }

    pub fn decode(self) -> Result<Picture, FrameError> {
        match self {
            Self::Ready(picture) => Ok(picture),
            Self::Mjpeg(bytes) => Picture::decode_into(Vec::new(), &bytes),
            Self::Yuyv { width, height, bytes } => yuyv(width, height, &bytes, Vec::new()),
        }
    }
}

/// Decodes frame after frame into one buffer.
#[derive(Debug, Default)]
pub struct Decoder {
    last: Option<Picture>,
}

impl Decoder {
    /// The picture of a frame; it is good until the next one.
    pub fn decode<'a>(&'a mut self, pixels: &'a FramePixels) -> Result<&'a Picture, FrameError> {
        let buffer = self.last.take().map(Picture::into_data).unwrap_or_default();
        let picture = match pixels {
            FramePixels::Ready(picture) => return Ok(picture),
            FramePixels::Mjpeg(bytes) => Picture::decode_into(buffer, bytes)?,
            FramePixels::Yuyv { width, height, bytes } => yuyv(*width, *height, bytes, buffer)?,
        };
        Ok(self.last.insert(picture))
    }
}

/// Pixels never print.
impl std::fmt::Debug for FramePixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ready(_) => "Pixels::Ready",
            Self::Mjpeg(_) => "Pixels::Mjpeg",
            Self::Yuyv { .. } => "Pixels::Yuyv",
        })
    }
}

fn yuyv(width: u32, height: u32, bytes: &[u8], mut rgb: Vec<u8>) -> Result<Picture, FrameError> {
    let wanted = width as usize * height as usize * 2;
    let Some(bytes) = bytes.get(..wanted).filter(|_| wanted > 0 && width.is_multiple_of(2)) else {
        return Err(FrameError::WrongLength { width, height, bytes: bytes.len() });
    };
    rgb.resize(wanted / 2 * 3, 0);
    for (pair, six) in bytes.chunks_exact(4).zip(rgb.chunks_exact_mut(6)) {
        let (blue, red) = (i32::from(pair[1]) - 128, i32::from(pair[3]) - 128);
        for (luma, three) in [pair[0], pair[2]].into_iter().zip(six.chunks_exact_mut(3)) {
            // BT.601 in 8.8 fixed point.
            let light = 298 * (i32::from(luma) - 16) + 128;
            let channels = [light + 409 * red, light - 100 * blue - 208 * red, light + 516 * blue];
            for (value, channel) in three.iter_mut().zip(channels) {
                *value = (channel >> 8).clamp(0, 255) as u8;
            }
        }
    }
    Picture::new(rgb, width, height, PixelOrder::Rgb)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn yuyv_gives_the_colours_of_the_standard() {
        // Black, white; then red twice (BT.601: Y 81, Cb 90, Cr 240).
        let bytes = vec![16, 128, 235, 128, 81, 90, 81, 240].into();
        let picture = FramePixels::Yuyv { width: 2, height: 2, bytes }.decode().unwrap();
        let data = picture.frame().data().to_vec();
        assert_eq!(data[..6], [0, 0, 0, 255, 255, 255]);
        assert!(data[6] > 250 && data[7] < 5 && data[8] < 5, "{:?}", &data[6..]);
    }

    #[test]
    fn frame_after_frame_is_decoded_into_the_same_buffer() {
        let mut jpeg = Vec::new();
        let image =
            image::RgbImage::from_fn(64, 48, |x, y| image::Rgb([x as u8 * 3, y as u8 * 4, 90]));
        image::codecs::jpeg::JpegEncoder::new(&mut jpeg).encode_image(&image).unwrap();
        let once = Picture::decode(&jpeg).unwrap();
        let (pixels, mut decoder) = (FramePixels::Mjpeg(jpeg.into()), Decoder::default());
        let first = decoder.decode(&pixels).unwrap().frame().data().as_ptr();
        let again = decoder.decode(&pixels).unwrap();
        assert_eq!(again.frame().data(), once.frame().data());
        assert_eq!(again.frame().data().as_ptr(), first);
        assert!(decoder.decode(&FramePixels::Mjpeg(vec![0xFF, 0xD8, 0xFF].into())).is_err());
        assert!(decoder.decode(&pixels).is_ok(), "a broken frame costs that frame");
    }

    #[test]
    fn a_short_buffer_is_an_error_and_no_panic() {
        assert!(
            FramePixels::Yuyv { width: 4, height: 4, bytes: vec![0; 10].into() }.decode().is_err()
        );
        assert!(FramePixels::Mjpeg(vec![0xFF, 0xD8, 0xFF].into()).decode().is_err());
    }
}
