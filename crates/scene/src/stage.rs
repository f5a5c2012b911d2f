//! The morning as a camera sees it: a picture and its truth for any time. Never keeps a clock; the
//! caller says what time it is.
use crate::body::{self, Posture};
use crate::canvas;
use crate::face::{FaceTruth, HeadLook, HeadPlace, Light, Wear, draw_head};
use crate::geom::Colour;
use crate::identity::Identity;
use crate::motion;
use crate::photos::{self, PhotoCast, PhotoError};
use crate::portrait::portrait;
use crate::room::{Backdrop, HEIGHT, Spot, WIDTH};
use crate::script::{Morning, PersonKind, ScriptedPerson, ScriptedStay, Wearing};
use crate::sprite::Sprite;
use dice::seed_of;
use image::RgbImage;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Who lends the faces.
#[derive(Debug, Clone)]
pub enum Cast {
    /// Drawn faces; the seed decides who looks how.
    Drawn { seed: u64 },
    /// Photographs of real people.
    Photos(PhotoCast),
}

/// Who is where in a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Truth {
    pub person: String,
    pub kind: PersonKind,
    pub face: FaceTruth,
}

/// The scripted morning, ready to be filmed.
#[derive(Debug)]
pub struct Scene {
    morning: Morning,
    cast: Cast,
    seed: u64,
    backdrop: Backdrop,
    faces: BTreeMap<String, Identity>,
    bodies: BTreeMap<(String, Posture), (Sprite, [i32; 2])>,
    photos: BTreeMap<PathBuf, RgbImage>,
}

/// The cast whose strangers resemble nobody enrolled, as checked with the avatar pack.
pub const CAST_SEED: u64 = 2026;

/// A photograph of the room's cast stays this long before the next one of the same person.
const PHOTO_MS: u64 = 7_000;

impl Scene {
    /// A scene with drawn faces; `seed` varies the room's colours and the sensor noise, never who
    /// looks how.
    pub fn drawn(morning: Morning, seed: u64) -> Self {
        Self::build(morning, Cast::Drawn { seed: CAST_SEED }, seed)
    }

    /// A scene with the given cast. With photographs, every picture it will need is read now, so
    /// that a bad one is refused now.
    pub fn new(morning: Morning, cast: Cast, seed: u64) -> Result<Self, PhotoError> {
        let mut scene = Self::build(morning, cast, seed);
        if let Cast::Photos(photos) = &scene.cast {
            for p in &scene.morning.people {
                for path in photos.in_room(&p.id, p.kind) {
                    scene.photos.insert(path.clone(), photos::read(path)?);
                }
            }
        }
        Ok(scene)
    }

    fn build(morning: Morning, cast: Cast, seed: u64) -> Self {
        let face_seed = if let Cast::Drawn { seed } = &cast { *seed } else { CAST_SEED };
        let faces = morning
            .people
            .iter()
            .map(|p| (p.id.clone(), Identity::from_seed(seed_of(&p.id, face_seed))))
            .collect();
        Self {
            morning,
            cast,
            seed,
            backdrop: Backdrop::new(seed),
            faces,
            bodies: BTreeMap::new(),
            photos: BTreeMap::new(),
        }
    }

    pub fn morning(&self) -> &Morning {
        &self.morning
    }

    /// The bytes-to-be of an enrolment: a drawn portrait, or the reserved photograph. None for
    /// persons the script does not know.
    pub fn enrolment_photo(&self, person: &str) -> Result<Option<RgbImage>, PhotoError> {
        match &self.cast {
            Cast::Drawn { .. } => {
                Ok(self.faces.get(person).map(|id| portrait(id, seed_of(person, 5), 280, 350).0))
            }
            Cast::Photos(cast) => cast.enrolment(person).map(photos::read).transpose(),
        }
    }

    /// Draws the room as it is at `t_ms` of scene time into `frame` (made 1280×720 if it is not),
    /// and says who is where. The same scene and time give the same picture, in any order of calls.
    pub fn frame_at(&mut self, t_ms: u64, frame: &mut RgbImage) -> Vec<Truth> {
        if frame.dimensions() == (WIDTH, HEIGHT) {
            frame.copy_from_slice(&self.backdrop.picture);
        } else {
            frame.clone_from(&self.backdrop.picture);
        }
        let mut present: Vec<(usize, Spot)> = self
            .morning
            .appearances
            .iter()
            .enumerate()
            .filter_map(|(i, a)| Some((i, motion::whereabouts(a, t_ms)?)))
            .collect();
        // Who stands behind the bed is drawn first, then the bed, then who lies on it or sits
        // nearer.
        present.sort_by(|a, b| depth(&a.1).total_cmp(&depth(&b.1)));
        let mut truths = Vec::with_capacity(present.len());
        let mut bed_drawn = false;
        for (i, spot) in present {
            if depth(&spot) >= BED_DEPTH && !bed_drawn {
                self.backdrop.bed.stamp(frame, 0, 0);
                bed_drawn = true;
            }
            truths.push(self.person(frame, i, spot, t_ms));
        }
        if !bed_drawn {
            self.backdrop.bed.stamp(frame, 0, 0);
        }
        canvas::grain(frame, (t_ms / 10) as u32 ^ self.seed as u32, 7);
        truths
    }

    fn person(&mut self, frame: &mut RgbImage, appearance: usize, spot: Spot, t_ms: u64) -> Truth {
        let appearance = self.morning.appearances[appearance].clone();
        let kind = self.morning.person(&appearance.person).map_or(PersonKind::Stranger, |p| p.kind);
        let moves = motion::moves(&appearance.person, &spot, t_ms);
        let place = HeadPlace {
            x: spot.x + moves.offset[0],
            y: spot.y + moves.offset[1],
            half_height_px: spot.half_height_px,
        };
        self.stamp_body(frame, &appearance.person, &spot, place);
        let face = if let Some(photo) = self.photo(&appearance.person, kind, t_ms) {
            photos::paste(frame, photo, place, moves.pose.roll_rad)
        } else {
            let look = HeadLook {
                identity: &self.faces[&appearance.person],
                pose: moves.pose,
                light: light_at(place.x),
                expression: moves.expression,
                wear: wear(&appearance),
            };
            draw_head(frame, &look, place)
        };
        Truth { person: appearance.person, kind, face }
    }

    fn photo(&self, person: &str, kind: PersonKind, t_ms: u64) -> Option<&RgbImage> {
        let Cast::Photos(cast) = &self.cast else { return None };
        let all = cast.in_room(person, kind);
        let turn = (t_ms / PHOTO_MS) as usize + seed_of(person, 3) as usize % 97;
        self.photos.get(all.get(turn % all.len().max(1))?)
    }

    fn stamp_body(&mut self, frame: &mut RgbImage, person: &str, spot: &Spot, place: HeadPlace) {
        let (id, morning) = (&self.faces[person], &self.morning);
        let (sprite, at) =
            self.bodies.entry((person.to_owned(), spot.posture)).or_insert_with(|| {
                let cloth = morning.person(person).map_or([0.5; 3], cloth);
                let at = [640.0, if spot.posture == Posture::Lying { 400.0 } else { 180.0 }];
                let h = if spot.posture == Posture::Standing { 66.0 } else { spot.half_height_px };
                (
                    Sprite::cut(WIDTH, HEIGHT, |img| {
                        body::draw(img, id, spot.posture, at, h, cloth);
                    }),
                    at.map(|v| v as i32),
                )
            });
        sprite.stamp(frame, place.x.round() as i32 - at[0], place.y.round() as i32 - at[1]);
    }
}

/// The bed stands nearer than who stands behind it.
const BED_DEPTH: f32 = 2000.0;

fn depth(spot: &Spot) -> f32 {
    match spot.posture {
        Posture::Standing => spot.y,
        Posture::Lying => BED_DEPTH + spot.y,
        Posture::Seated => 2.0 * BED_DEPTH + spot.y,
    }
}

/// The lamp hangs over the bed, so light comes from the side on which it hangs.
fn light_at(x: f32) -> Light {
    Light { towards: [(1030.0 - x) / 1200.0, -0.65, 0.75], ambient: 0.62, tint: [1.0, 0.995, 0.98] }
}

fn wear(appearance: &ScriptedStay) -> Wear {
    let has = |w| appearance.wears.contains(&w);
    Wear {
        mask: has(Wearing::Mask).then_some([0.72, 0.86, 0.93]),
        cap: has(Wearing::Cap).then_some([0.42, 0.68, 0.76]),
    }
}

fn cloth(person: &ScriptedPerson) -> Colour {
    match person.cloth.as_str() {
        "white" => [0.94, 0.95, 0.96],
        "blue" => [0.50, 0.68, 0.80],
        "gown" => [0.70, 0.80, 0.84],
        "sand" => [0.70, 0.60, 0.46],
        "navy" => [0.20, 0.25, 0.38],
        "rose" => [0.75, 0.48, 0.50],
        _ => [0.46, 0.47, 0.50],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room;

    fn frame_at(t_s: u64) -> (RgbImage, Vec<Truth>) {
        let mut frame = RgbImage::new(1, 1);
        let truths = Scene::drawn(Morning::bundled().unwrap(), 7).frame_at(t_s * 1000, &mut frame);
        (frame, truths)
    }

    #[test]
    fn the_same_time_gives_the_same_picture() {
        let mut scene = Scene::drawn(Morning::bundled().unwrap(), 7);
        let mut frame = RgbImage::new(WIDTH, HEIGHT);
        scene.frame_at(60_000, &mut frame);
        let truths = scene.frame_at(320_000, &mut frame);
        let (fresh, fresh_truths) = frame_at(320);
        assert_eq!(truths, fresh_truths);
        assert!(frame == fresh, "the picture depends on what was drawn before");
    }

    #[test]
    fn two_moments_never_give_one_picture() {
        assert!(
            frame_at(100).0 != frame_at(101).0,
            "a still picture would look like a frozen camera"
        );
    }

    #[test]
    fn everybody_at_work_is_in_the_zone_that_the_story_needs() {
        let zones = room::zones();
        let inside = |kind, face: &FaceTruth| {
            let [x, y, w, h] = face.bbox;
            let zone = zones.iter().find(|z| z.kind == kind).unwrap();
            let corners: Vec<[f32; 2]> =
                zone.polygon.iter().map(|&(x, y)| [x as f32, y as f32]).collect();
            // The whole box but its rim lies in the zone, so that no rule of belonging can see it
            // otherwise.
            [[0.2, 0.2], [0.8, 0.2], [0.2, 0.8], [0.8, 0.8]]
                .iter()
                .all(|[a, b]| canvas::polygon_distance(&corners, x + a * w, y + b * h) > 0.0)
        };
        for (t_s, person, kind) in [
            (240, "li", room::ZoneKind::OperatorRing),
            (240, "zhao", room::ZoneKind::OperatorRing),
            (240, "patient-1", room::ZoneKind::Bed),
            (300, "companion-1", room::ZoneKind::Companion),
            (700, "wang", room::ZoneKind::OperatorRing),
            (1_300, "wang", room::ZoneKind::OperatorRing),
            (1_300, "companion-3", room::ZoneKind::Companion),
            (2_000, "stranger-1", room::ZoneKind::OperatorRing),
            (2_000, "patient-4", room::ZoneKind::Bed),
            (345, "sun", room::ZoneKind::Door),
        ] {
            let truths = frame_at(t_s).1;
            let truth = truths
                .iter()
                .find(|t| t.person == person)
                .unwrap_or_else(|| panic!("{person} is not there at {t_s} s"));
            assert!(
                inside(kind, &truth.face),
                "{person} at {t_s} s is not in {kind:?}: {:?}",
                truth.face.bbox
            );
        }
    }

    #[test]
    fn the_absent_lead_never_appears_beside_the_stranger() {
        let mut scene = Scene::drawn(Morning::bundled().unwrap(), 7);
        let mut frame = RgbImage::new(WIDTH, HEIGHT);
        for t_s in (0..2_370).step_by(10) {
            let who: Vec<String> =
                scene.frame_at(t_s * 1000, &mut frame).into_iter().map(|t| t.person).collect();
            let there = |p: &str| who.iter().any(|w| w == p);
            assert!(!there("chen"), "at {t_s} s");
            assert!(!(there("stranger-1") && there("li")), "at {t_s} s");
        }
    }

    #[test]
    fn landmarks_lie_in_their_box_in_yunet_order() {
        for t in frame_at(240).1 {
            let [x, y, w, h] = t.face.bbox;
            let p = t.face.points;
            for q in p {
                assert!(q[0] > x && q[0] < x + w && q[1] > y && q[1] < y + h, "{}", t.person);
            }
            assert!(
                p[0][0] < p[1][0] && p[3][0] < p[4][0] && p[0][1] < p[2][1] && p[2][1] < p[4][1],
                "{}",
                t.person
            );
        }
    }

    #[test]
    fn only_practitioners_have_an_enrolment_picture() {
        let scene = Scene::drawn(Morning::bundled().unwrap(), 7);
        for p in scene.morning().practitioners() {
            assert!(scene.enrolment_photo(&p.id).unwrap().is_some());
        }
        assert!(scene.enrolment_photo("nobody").unwrap().is_none());
    }
}
