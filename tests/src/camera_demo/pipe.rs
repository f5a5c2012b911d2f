//! The box's pipe, as whoever plays into it holds it open: JPEG pictures, one behind the other.

use std::fs::File;
use std::io::Write as _;

use anyhow::Result;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;

const QUALITY: u8 = 95;

/// The open pipe.
#[derive(Debug)]
pub(super) struct Pipe {
    file: File,
    sent: u64,
}

impl Pipe {
    pub(super) fn new(file: File) -> Self {
        Self { file, sent: 0 }
    }

    /// Pictures that somebody took.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Sends a picture. The error: nobody reads any more.
    pub(super) fn send(&mut self, jpeg: &[u8]) -> Result<()> {
        self.file.write_all(jpeg)?;
        self.sent += 1;
        Ok(())
    }
}

/// A picture as a JPEG file's bytes.
pub(super) fn jpeg(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(picture)?;
    Ok(bytes)
}
