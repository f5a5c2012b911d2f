//! A picture in memory, wiped when it goes, and what is done to it before it is sealed. Nothing
//! here gives an encoded picture away: [`Covered::seal`] encodes and seals in one step.

use image::{ExtendedColorType, RgbImage, codecs::jpeg::JpegEncoder};
use protocol::evidence::{EvidenceItem, EvidenceKind};
use protocol::id::{DeviceId, PersonId};
use zeroize::Zeroizing;

use crate::seal::{CannotSeal, PictureContext, SealedCiphertext, seal};
use crate::{SealTo, zone};

/// What a covered face becomes: the grey that a JPEG codes without a remainder.
pub const FLAT: [u8; 3] = [128; 3];
/// How much wider and higher than the face its cover is.
const COVER_GROWS_BY: f32 = 0.4;
const QUALITY: u8 = 88;

/// A place in a picture, in pixels; it may reach beyond the edges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RectPx {
    pub x: i32,
    pub y: i32,
    pub width: i32,
    pub height: i32,
}

impl RectPx {
    /// Larger by this share of its size, half on each side.
    #[must_use]
    pub fn grown_by(self, share: f32) -> Self {
        let more = |side: i32| (side as f32 * share / 2.0).ceil() as i32;
        let (dx, dy) = (more(self.width), more(self.height));
        Self {
            x: self.x - dx,
            y: self.y - dy,
            width: self.width + 2 * dx,
            height: self.height + 2 * dy,
        }
    }

    pub fn holds_the_middle_of(self, other: Self) -> bool {
        let (x, y) = (other.x + other.width / 2, other.y + other.height / 2);
        (self.x..self.x + self.width).contains(&x) && (self.y..self.y + self.height).contains(&y)
    }

    /// Seen from another corner, and scaled.
    #[must_use]
    pub(crate) fn moved(self, (x, y): (u32, u32), scale: f32) -> Self {
        let to = |value: i32| (value as f32 * scale).round() as i32;
        Self {
            x: to(self.x - x as i32),
            y: to(self.y - y as i32),
            width: to(self.width),
            height: to(self.height),
        }
    }

    /// The part inside a picture, as left, top, width, height.
    pub(crate) fn within(self, width: u32, height: u32) -> (u32, u32, u32, u32) {
        let clamp = |value: i32, most: u32| value.clamp(0, most as i32) as u32;
        let (left, top) = (clamp(self.x, width), clamp(self.y, height));
        let right = clamp(self.x + self.width, width);
        let bottom = clamp(self.y + self.height, height);
        (left, top, right.saturating_sub(left), bottom.saturating_sub(top))
    }
}

/// RGB pixels, rows from top to bottom; wiped when dropped, never printed.
#[derive(Clone)]
pub struct ClearPixels {
    rgb: Zeroizing<Vec<u8>>,
    width: u32,
    height: u32,
}

impl std::fmt::Debug for ClearPixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ClearPixels({}×{} [redacted])", self.width, self.height)
    }
}

impl ClearPixels {
    pub(crate) fn new(rgb: Vec<u8>, width: u32, height: u32) -> Self {
        Self { rgb: Zeroizing::new(rgb), width, height }
    }

    pub fn data(&self) -> &[u8] {
        &self.rgb
    }

    pub(crate) fn data_mut(&mut self) -> &mut [u8] {
        &mut self.rgb
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn height(&self) -> u32 {
        self.height
    }

    pub(crate) fn swap_red_and_blue(&mut self) {
        for pixel in self.rgb.chunks_exact_mut(3) {
            pixel.swap(0, 2);
        }
    }

    /// Makes whoever is there unrecognisable beyond repair: one flat colour over the face grown by
    /// 40 %, and over every block of the coded picture that this touches.
    pub(crate) fn cover(&mut self, face: RectPx) {
        let place = face.grown_by(COVER_GROWS_BY).within(self.width, self.height);
        let (left, top, width, height) =
            (place.0 as usize, place.1 as usize, place.2 as usize, place.3 as usize);
        if width == 0 || height == 0 {
            return;
        }
        let (all_wide, all_high) = (self.width as usize, self.height as usize);
        let (from, to) = zone::blocks(left, left + width, all_wide);
        let (first, last) = zone::blocks(top, top + height, all_high);
        for row in first..last {
            zone::fill(&mut self.rgb, all_wide, row, from, to, FLAT);
        }
    }
}

/// A picture in which everybody but the subject is covered.
#[derive(Debug)]
pub struct Covered {
    pub kind: EvidenceKind,
    /// The track that a crop shows.
    pub track: Option<u64>,
    /// Milliseconds since 1970, UTC.
    pub wall_ms: i64,
    pub(crate) pixels: ClearPixels,
    /// Where the subjects' faces are.
    pub subjects: Vec<RectPx>,
    pub covered_faces: u32,
}

/// A sealed picture with its row of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPicture {
    pub item: EvidenceItem,
    pub ciphertext: Vec<u8>,
}

impl Covered {
    pub fn pixels(&self) -> &ClearPixels {
        &self.pixels
    }

    /// Covers what a second look found and no subject is; says how many.
    pub fn cover_found(&mut self, faces: &[RectPx]) -> u32 {
        let is_subject = |face: &RectPx| {
            self.subjects.iter().any(|s| s.grown_by(COVER_GROWS_BY).holds_the_middle_of(*face))
        };
        let others: Vec<RectPx> = faces.iter().filter(|face| !is_subject(face)).copied().collect();
        for face in &others {
            self.pixels.cover(*face);
        }
        self.covered_faces += others.len() as u32;
        others.len() as u32
    }

    /// Encodes and seals. The encoded picture never leaves this call, and is wiped at its end.
    pub fn seal(
        self,
        device: &DeviceId,
        finding_id: &str,
        person: Option<PersonId>,
        taken_at: &str,
        to: &SealTo,
    ) -> Result<SealedPicture, CannotSeal> {
        let (width_px, height_px) = (self.pixels.width, self.pixels.height);
        // Room for all of it: growing would leave copies behind.
        let mut plain = Zeroizing::new(Vec::with_capacity(self.pixels.rgb.len() + 4096));
        JpegEncoder::new_with_quality(&mut *plain, QUALITY)
            .encode(self.pixels.data(), width_px, height_px, ExtendedColorType::Rgb8)
            .map_err(|error| CannotSeal::Encode(error.to_string()))?;
        let about = PictureContext { device, finding_id, kind: self.kind, taken_at };
        let SealedCiphertext { id, ciphertext, sha256, supervisor_half, reviewer_half } =
            seal(&plain, about, to)?;
        let item = EvidenceItem {
            id,
            kind: self.kind,
            person,
            taken_at: taken_at.to_owned(),
            width_px,
            height_px,
            covered_faces: self.covered_faces,
            bytes: ciphertext.len() as u64,
            sha256,
            supervisor_half,
            reviewer_half,
        };
        Ok(SealedPicture { item, ciphertext })
    }
}

/// The picture no wider than `most` pixels.
pub(crate) fn no_wider(rgb: &[u8], width: u32, height: u32, most: u32) -> ClearPixels {
    let copy = rgb.to_vec();
    if width <= most {
        return ClearPixels::new(copy, width, height);
    }
    // The length was checked by whoever gave the frame.
    let Some(whole) = RgbImage::from_raw(width, height, copy) else {
        return ClearPixels::new(Vec::new(), 0, 0);
    };
    let high = (u64::from(height) * u64::from(most) / u64::from(width)).max(1) as u32;
    let small = image::imageops::thumbnail(&whole, most, high);
    drop(Zeroizing::new(whole.into_raw()));
    ClearPixels::new(small.into_raw(), most, high)
}
