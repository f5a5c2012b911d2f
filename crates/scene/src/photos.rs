//! Photographs of real people in the place of drawn heads: picks them by seed, pastes them softly.
//! Never copies one anywhere else.
use crate::canvas::blend;
use crate::face::{FaceTruth, HeadPlace};
use crate::geom::{len2, smooth};
use crate::script::{Morning, PersonKind};
use dice::Dice;
use image::RgbImage;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why no cast could be made.
#[derive(Debug, thiserror::Error)]
pub enum PhotoError {
    #[error(
        "cannot read the photograph folder {path}: {source}; name a folder with one folder per \
        person"
    )]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(
        "{path} has {found} persons with at least {least} photographs, and the script needs \
        {needed}"
    )]
    TooFew { path: PathBuf, found: usize, needed: usize, least: usize },
    #[error("cannot read the photograph {path}: {source}")]
    Picture { path: PathBuf, source: image::ImageError },
}

/// Which photographs play whom. Paths name real people: they never appear in Debug.
#[derive(Clone)]
pub struct PhotoCast {
    by_person: BTreeMap<String, Vec<PathBuf>>,
}

impl std::fmt::Debug for PhotoCast {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PhotoCast({} persons, [redacted])", self.by_person.len())
    }
}

/// How many people a folder of photographs has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Photographed {
    /// Those with photographs enough for a practitioner.
    pub practitioners: usize,
    /// All of them.
    pub people: usize,
}

impl Photographed {
    pub fn in_folder(folder: &Path) -> Result<Self, PhotoError> {
        let people = list(folder)?;
        Ok(Self {
            practitioners: people.iter().filter(|p| p.len() > LEAST_IN_ROOM).count(),
            people: people.len(),
        })
    }
}

/// A practitioner's first photograph enrols; at least this many others appear in the room.
const LEAST_IN_ROOM: usize = 5;

impl PhotoCast {
    /// Casts every person of `morning` from `folder` (one folder per person, photographs with the
    /// face in the middle, as LFW's 250×250). Practitioners come from people with six photographs
    /// or more, so that one odd picture does not decide; nobody plays two parts.
    pub fn from_folder(folder: &Path, morning: &Morning, seed: u64) -> Result<Self, PhotoError> {
        let mut people = list(folder)?;
        let d = &mut Dice::new(seed, 21);
        for i in (1..people.len()).rev() {
            people.swap(i, d.below(i + 1));
        }
        let (mut rich, mut poor): (Vec<_>, Vec<_>) =
            people.into_iter().partition(|p| p.len() > LEAST_IN_ROOM);
        let mut by_person = BTreeMap::new();
        let (leads, others): (Vec<_>, Vec<_>) =
            morning.people.iter().partition(|p| p.kind == PersonKind::Practitioner);
        let short = |found, needed, least| PhotoError::TooFew {
            path: folder.to_owned(),
            found,
            needed,
            least,
        };
        if rich.len() < leads.len() {
            return Err(short(rich.len(), leads.len(), LEAST_IN_ROOM + 1));
        }
        for p in &leads {
            by_person.insert(p.id.clone(), rich.pop().unwrap_or_default());
        }
        // Whoever is left of those with many photographs may play a part that needs one.
        while poor.len() < others.len() {
            let Some(more) = rich.pop() else { return Err(short(poor.len(), others.len(), 1)) };
            poor.insert(0, more);
        }
        for p in &others {
            by_person.insert(p.id.clone(), poor.pop().unwrap_or_default());
        }
        Ok(Self { by_person })
    }

    /// A cast chosen by the caller: person id → photographs. A practitioner's first one enrols and
    /// never appears in the room.
    pub fn from_paths(by_person: BTreeMap<String, Vec<PathBuf>>) -> Self {
        Self { by_person }
    }

    /// The photograph that enrols `person`.
    pub fn enrolment(&self, person: &str) -> Option<&Path> {
        self.by_person.get(person)?.first().map(PathBuf::as_path)
    }

    /// The photographs in which `person` appears in the room.
    pub fn in_room(&self, person: &str, kind: PersonKind) -> &[PathBuf] {
        let all = self.by_person.get(person).map_or(&[][..], Vec::as_slice);
        if kind == PersonKind::Practitioner && all.len() > 1 { &all[1..] } else { all }
    }
}

fn list(folder: &Path) -> Result<Vec<Vec<PathBuf>>, PhotoError> {
    let fail = |source| PhotoError::Folder { path: folder.to_owned(), source };
    let mut people = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if !path.is_dir() {
            continue;
        }
        let mut photos: Vec<PathBuf> = std::fs::read_dir(&path)
            .map_err(fail)?
            .filter_map(Result::ok)
            .map(|e| e.path())
            .filter(|p| {
                p.extension()
                    .is_some_and(|e| e.eq_ignore_ascii_case("jpg") || e.eq_ignore_ascii_case("png"))
            })
            .collect();
        photos.sort();
        if !photos.is_empty() {
            people.push(photos);
        }
    }
    people.sort();
    Ok(people)
}

/// Reads one photograph.
pub(crate) fn read(path: &Path) -> Result<RgbImage, PhotoError> {
    image::open(path)
        .map(|i| i.to_rgb8())
        .map_err(|source| PhotoError::Picture { path: path.to_owned(), source })
}

/// Half the head's height in an LFW photograph, as a share of its width: the face is about 100 of
/// 250 px wide.
const HALF_HEIGHT_OF_WIDTH: f32 = 0.285;

/// Pastes the middle of `photo` through a soft ellipse in the place of a head; roll tilts it.
/// The truth's box and points are those of an average centred photograph, right to about a tenth of
/// the face.
pub(crate) fn paste(
    img: &mut RgbImage,
    photo: &RgbImage,
    place: HeadPlace,
    roll_rad: f32,
) -> FaceTruth {
    let size = photo.width() as f32;
    let zoom = HALF_HEIGHT_OF_WIDTH * size / place.half_height_px;
    let (s, c) = roll_rad.sin_cos();
    let reach = place.half_height_px * 1.5;
    let (x0, y0) = ((place.x - reach) as i32, (place.y - reach) as i32);
    for y in y0..y0 + (2.0 * reach) as i32 {
        for x in x0..x0 + (2.0 * reach) as i32 {
            let (dx, dy) = (x as f32 + 0.5 - place.x, y as f32 + 0.5 - place.y);
            let (u, v) = ((c * dx + s * dy) * zoom, (-s * dx + c * dy) * zoom);
            let r = len2(u / (size * 0.27), (v + 0.01 * size) / (size * 0.335));
            let alpha = smooth(1.06, 0.90, r);
            if alpha > 0.0 {
                let colour = sample(photo, u + size / 2.0, v + photo.height() as f32 / 2.0);
                blend(img, x, y, colour, alpha);
            }
        }
    }
    let at = |px: f32, py: f32| {
        let (u, v) = ((px - 0.5) * size / zoom, (py - 0.5) * size / zoom);
        [place.x + c * u - s * v, place.y + s * u + c * v]
    };
    let points =
        [at(0.424, 0.452), at(0.578, 0.452), at(0.50, 0.55), at(0.436, 0.632), at(0.566, 0.632)];
    let [cx, cy] = at(0.50, 0.515);
    let (w, h) = (0.37 * size / zoom, 0.50 * size / zoom);
    FaceTruth { bbox: [cx - w / 2.0, cy - h / 2.0, w, h], points, facing: true, masked: false }
}

fn sample(photo: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (w, h) = (photo.width() as f32, photo.height() as f32);
    let (fx, fy) = ((x - 0.5).clamp(0.0, w - 1.001), (y - 0.5).clamp(0.0, h - 1.001));
    let (ix, iy) = (fx as u32, fy as u32);
    let (tx, ty) = (fx.fract(), fy.fract());
    let at = |dx: u32, dy: u32| {
        photo.get_pixel((ix + dx).min(photo.width() - 1), (iy + dy).min(photo.height() - 1)).0
    };
    let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
    std::array::from_fn(|i| {
        let top = f32::from(a[i]) * (1.0 - tx) + f32::from(b[i]) * tx;
        let low = f32::from(c[i]) * (1.0 - tx) + f32::from(d[i]) * tx;
        (top * (1.0 - ty) + low * ty) / 255.0
    })
}
