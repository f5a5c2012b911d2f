//! The pipeline's half: it keeps candidates while the box takes pictures at all, and seals them the
//! moment a finding asks. Plain pixels live here and in the candidates alone.

use evidence::{Candidates, FrameFace, MaskedFrame, RectPx, SealTo, SealedPicture};
use presence::{PersonId, TrackId};
use protocol::{down::Polygon, id::DeviceId};
use vision::{FaceBox, Frame, PixelOrder};

use crate::clock::{Now, rfc3339_ms};

/// How often a finished view is looked at again for a face that is no subject's.
const SECOND_LOOKS: u32 = 3;

/// That pictures are taken here, where nobody may be seen, and for whom they are sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taking {
    pub device: DeviceId,
    pub seal_to: SealTo,
    /// In thousandths of the picture.
    pub bed: Vec<Polygon>,
    pub privacy_mask: Vec<Polygon>,
}

/// A finding asks for its pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    pub finding_id: String,
    /// Strangers that it is about.
    pub tracks: Vec<TrackId>,
    /// Recognised people that it is about.
    pub persons: Vec<PersonId>,
}

/// The answer, also where there is none to give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenPictures {
    pub finding_id: String,
    pub pictures: Vec<SealedPicture>,
    /// Views in which a face could not be covered for certain, and what could not be sealed.
    pub left_out: u32,
}

/// The candidates of one camera, while pictures are taken.
#[derive(Debug, Default)]
pub struct Taker {
    taking: Option<Box<Taking>>,
    candidates: Candidates,
}

impl Taker {
    /// From here on so. Candidates kept under other zones, or under none, are wiped.
    pub fn set(&mut self, taking: Option<Box<Taking>>) {
        let zones =
            |of: &Option<Box<Taking>>| of.as_ref().map(|t| (t.bed.clone(), t.privacy_mask.clone()));
        if zones(&self.taking) != zones(&taking) {
            let (bed, privacy_mask) = zones(&taking).unwrap_or_default();
            self.candidates = Candidates::new(bed, privacy_mask);
        }
        self.taking = taking;
    }

    pub fn is_on(&self) -> bool {
        self.taking.is_some()
    }

    pub fn look(&mut self, frame: Frame<'_>, at: Now, faces: &[FrameFace]) {
        if self.is_on() {
            self.candidates.look(MaskedFrame {
                data: frame.data(),
                bgr: frame.order() == PixelOrder::Bgr,
                width: frame.width(),
                height: frame.height(),
                mono_ms: at.mono_ms,
                wall_ms: at.wall_ms,
                faces,
            });
        }
    }

    pub fn clear(&mut self) {
        self.candidates.clear();
    }

    pub fn forget(&mut self, track: TrackId) {
        self.candidates.forget(track.0);
    }

    /// Covers, looks again, and seals. `detect` finds faces in a finished view; where it fails, the
    /// view is left out.
    pub fn take(
        &mut self,
        finding_id: &str,
        subjects: &[(TrackId, Option<PersonId>)],
        mut detect: impl FnMut(Frame<'_>) -> Option<Vec<FaceBox>>,
    ) -> TakenPictures {
        let mut taken =
            TakenPictures { finding_id: finding_id.to_owned(), pictures: Vec::new(), left_out: 0 };
        let Some(taking) = &self.taking else { return taken };
        let tracks: Vec<u64> = subjects.iter().map(|(track, _)| track.0).collect();
        for mut picture in self.candidates.take(finding_id, &tracks) {
            if picture.track.is_none() && !is_covered(&mut picture, &mut detect) {
                taken.left_out += 1;
                continue;
            }
            let person = subjects.iter().find(|(track, _)| Some(track.0) == picture.track);
            let person = person.and_then(|(_, person)| person.as_ref()?.as_str().parse().ok());
            let taken_at = rfc3339_ms(picture.wall_ms);
            match picture.seal(&taking.device, finding_id, person, &taken_at, &taking.seal_to) {
                Ok(sealed) => taken.pictures.push(sealed),
                Err(why) => {
                    taken.left_out += 1;
                    tracing::warn!("a picture was not sealed, and is gone: {why}");
                }
            }
        }
        taken
    }
}

/// Covers what the detector still finds, until it finds nobody but the subjects.
fn is_covered(
    view: &mut evidence::Covered,
    detect: &mut impl FnMut(Frame<'_>) -> Option<Vec<FaceBox>>,
) -> bool {
    for _ in 0..SECOND_LOOKS {
        let pixels = view.pixels();
        let frame = Frame::new(pixels.data(), pixels.width(), pixels.height(), PixelOrder::Rgb);
        let Some(found) = frame.ok().and_then(&mut *detect) else { return false };
        let found: Vec<RectPx> = found.iter().map(place).collect();
        if view.cover_found(&found) == 0 {
            return true;
        }
    }
    false
}

/// Where a face is, in whole pixels.
pub fn place(face: &FaceBox) -> RectPx {
    RectPx {
        x: face.rect.x.floor() as i32,
        y: face.rect.y.floor() as i32,
        width: face.rect.width.ceil() as i32,
        height: face.rect.height.ceil() as i32,
    }
}
