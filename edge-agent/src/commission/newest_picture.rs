//! One picture as the installer's page may see it: masked first, then searched for faces, and
//! handed out as bare pixels. It makes no picture file, and cuts nobody out who lies in a bed.

use local_page::RgbPixels;
use protocol::down::Polygon;
use serde::Serialize;
use vision::{FaceBox, Frame, Picture, PixelOrder};

use super::distance_test::ENOUGH_PX;
use evidence::Mask;

use crate::{preview, vision_stages::VisionStages};

/// One face of the newest picture, in thousandths of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct FaceSeen {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) w: i32,
    pub(super) h: i32,
    /// Its width in the camera's own pixels.
    pub(super) px: u32,
    pub(super) enough: bool,
}

/// The newest picture: masked, in the camera's own size.
pub(super) struct NewestPicture {
    pub(super) number: u64,
    pub(super) width: u32,
    pub(super) height: u32,
    pixels: Vec<u8>,
    order: PixelOrder,
    pub(super) faces: Vec<FaceSeen>,
    boxes: Vec<FaceBox>,
}

/// Pixels never print.
impl std::fmt::Debug for NewestPicture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewestPicture({}×{}, {} faces)", self.width, self.height, self.faces.len())
    }
}

/// Masks a copy of the picture, then finds the faces in it.
pub(super) fn seen(
    stages: &mut impl VisionStages,
    picture: &Picture,
    mask: &mut Mask,
    number: u64,
) -> Result<NewestPicture, vision::VisionError> {
    let frame = picture.frame();
    let (width, height, order) = (frame.width(), frame.height(), frame.order());
    let mut pixels = frame.data().to_vec();
    mask.apply(&mut pixels, width, height);
    let mut boxes = Vec::new();
    stages.detect(Frame::new(&pixels, width, height, order)?, &mut boxes)?;
    let faces = boxes.iter().map(|face| shown(face, width, height)).collect();
    Ok(NewestPicture { number, width, height, pixels, order, faces, boxes })
}

fn shown(face: &FaceBox, width: u32, height: u32) -> FaceSeen {
    let part = |value: f32, whole: u32| (value * 1000.0 / whole as f32).round() as i32;
    let px = face.rect.width.max(0.0).round() as u32;
    FaceSeen {
        x: part(face.rect.x, width),
        y: part(face.rect.y, height),
        w: part(face.rect.width, width),
        h: part(face.rect.height, height),
        px,
        enough: px >= ENOUGH_PX,
    }
}

impl NewestPicture {
    /// The whole picture, made small enough to show.
    pub(super) fn whole(&self) -> Option<RgbPixels> {
        Some(preview::whole(self.frame()?))
    }

    /// The widest face with what is around it, in the camera's own pixels; nobody else needs to be
    /// in an enrolment, and whoever lies in a bed is never in one (P1).
    pub(super) fn widest_face(&self, beds: &[Polygon]) -> Option<RgbPixels> {
        let lies = |shown: &FaceSeen| {
            beds.iter().any(|bed| holds(bed, (shown.x + shown.w / 2, shown.y + shown.h / 2)))
        };
        let standing = self
            .boxes
            .iter()
            .zip(&self.faces)
            .filter(|(_, shown)| !lies(shown))
            .map(|(face, _)| face);
        let face = standing.max_by(|a, b| a.rect.width.total_cmp(&b.rect.width))?;
        preview::around(self.frame()?, &face.rect)
    }

    fn frame(&self) -> Option<Frame<'_>> {
        Frame::new(&self.pixels, self.width, self.height, self.order).ok()
    }
}

/// Whether a point lies in a polygon: an odd number of its edges is to the right.
fn holds(polygon: &[(i32, i32)], (x, y): (i32, i32)) -> bool {
    let edges = polygon.iter().zip(polygon.iter().cycle().skip(1));
    let crossed = edges.filter(|(a, b)| {
        let (ax, ay, bx, by) = (i64::from(a.0), i64::from(a.1), i64::from(b.0), i64::from(b.1));
        let (x, y) = (i64::from(x), i64::from(y));
        let right = (bx - ax) * (y - ay) - (x - ax) * (by - ay);
        (ay > y) != (by > y) && (right > 0) == (by > ay)
    });
    crossed.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use vision::{Embedding, LivenessScore, Rect, VisionError};

    use super::*;
    use crate::vision_stages::FaceQuality;

    /// Sees one face where the picture is not black.
    struct OneFace;

    impl VisionStages for OneFace {
        fn detect(
            &mut self,
            frame: Frame<'_>,
            faces: &mut Vec<FaceBox>,
        ) -> Result<(), VisionError> {
            let white = frame.data().chunks(3).position(|p| p[0] > 0);
            if let Some(at) = white {
                let (x, y) = (at as u32 % frame.width(), at as u32 / frame.width());
                let rect = Rect { x: x as f32, y: y as f32, width: 40.0, height: 50.0 };
                faces.push(FaceBox { rect, score: 0.9, landmarks: [[0.0; 2]; 5] });
            }
            Ok(())
        }

        fn assess(&mut self, _: Frame<'_>, _: &FaceBox) -> Result<FaceQuality, VisionError> {
            unreachable!("the view judges nobody's face by itself")
        }

        fn embed(&mut self, _: Frame<'_>, _: &FaceBox, _: bool) -> Result<Embedding, VisionError> {
            unreachable!("the view embeds nobody")
        }

        fn masked(&mut self, _: Frame<'_>, _: &FaceBox) -> Result<Option<f32>, VisionError> {
            unreachable!()
        }

        fn liveness(
            &mut self,
            _: Frame<'_>,
            _: &FaceBox,
        ) -> Result<Option<LivenessScore>, VisionError> {
            unreachable!()
        }

        fn dropped_not_finite(&self) -> u64 {
            0
        }
    }

    fn white(width: u32, height: u32) -> Picture {
        Picture::new(vec![200; (width * height * 3) as usize], width, height, PixelOrder::Bgr)
            .unwrap()
    }

    #[test]
    fn what_lies_under_a_mask_is_black_before_anybody_is_looked_for() {
        let mut left = Mask::new(vec![vec![(0, 0), (500, 0), (500, 1000), (0, 1000)]]);
        let half = seen(&mut OneFace, &white(200, 100), &mut left, 1).unwrap();
        assert!(half.faces[0].x >= 500, "{:?}", half.faces);
        let shown = half.whole().unwrap();
        assert_eq!((shown.rgb[0], shown.rgb[shown.rgb.len() - 1]), (0, 200));
        let mut all = Mask::new(vec![vec![(0, 0), (1000, 0), (1000, 1000), (0, 1000)]]);
        let none = seen(&mut OneFace, &white(200, 100), &mut all, 2).unwrap();
        assert!(none.faces.is_empty() && none.widest_face(&[]).is_none());
        assert!(none.whole().unwrap().rgb.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn a_wide_picture_shrinks_and_a_face_keeps_its_size() {
        let seen = seen(&mut OneFace, &white(1920, 1080), &mut Mask::default(), 1).unwrap();
        let whole = seen.whole().unwrap();
        assert_eq!((whole.width, whole.height, whole.rgb.len()), (640, 360, 640 * 360 * 3));
        assert_eq!((seen.faces[0].px, seen.faces[0].enough), (40, true));
        let face = seen.widest_face(&[]).unwrap();
        assert_eq!((face.width, face.height), (70, 80));
        // Its middle is at (10, 23) thousandths.
        let bed = |right: i32| vec![vec![(0, 0), (right, 0), (right, 500), (0, 500)]];
        assert!(seen.widest_face(&bed(100)).is_none(), "a face in the bed was photographed");
        assert!(seen.widest_face(&bed(9)).is_some());
        assert!(!format!("{seen:?}").contains("200"), "pixels print");
    }
}
