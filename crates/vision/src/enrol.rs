//! From an enrolment photograph to a template, through the quality gate: exactly one face, and a
//! good one. It never keeps the photograph, and never asks for consent: whoever calls it holds the
//! consent already.

use crate::{
    Analyzer, FaceBox, Gate, PhotoRefusal, Picture, QualityComponents, Template, VisionError,
};

/// Faces narrower than this share of the widest one are bystanders or posters, and do not count.
const BYSTANDER_SHARE: f32 = 0.25;

/// A photograph that became a template.
#[derive(Debug, Clone)]
pub struct Enrolled {
    pub template: Template,
    pub quality: QualityComponents,
    pub face: FaceBox,
    /// Size of the upright photograph in pixels, which `face` refers to.
    pub size_px: (u32, u32),
    /// Smaller faces that were left out: whoever reviews the photograph sees them, too.
    pub others: usize,
}

/// Every reason against a photograph, at least one.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    pub reasons: Vec<PhotoRefusal>,
    /// What was measured, where exactly one face was found.
    pub quality: Option<QualityComponents>,
}

impl Rejection {
    /// All reasons in Chinese, one line.
    pub fn zh(&self) -> String {
        self.reasons.iter().map(PhotoRefusal::zh).collect::<Vec<_>>().join("；")
    }

    /// All reasons in English, one line.
    pub fn en(&self) -> String {
        self.reasons.iter().map(PhotoRefusal::en).collect::<Vec<_>>().join("; ")
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.en())
    }
}

/// Why a photograph did not become a template.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The photograph was read and is not good enough.
    #[error("photo refused: {0}")]
    Rejected(Rejection),
    /// The photograph could not be read, or a network failed.
    #[error(transparent)]
    Vision(#[from] VisionError),
}

impl EnrolError {
    /// The message in Chinese, for the clinic's page.
    pub fn zh(&self) -> String {
        match self {
            Self::Rejected(rejection) => format!("照片不合格：{}", rejection.zh()),
            Self::Vision(VisionError::Frame(error)) => format!("照片无法读取：{}", error.zh()),
            Self::Vision(error) => format!("处理失败：{error}"),
        }
    }
}

/// Decodes a JPEG or PNG, finds its one face, measures it against the gate, and embeds it.
pub fn template_from_photo(
    analyzer: &mut Analyzer,
    photo: &[u8],
    gate: &Gate,
) -> Result<Enrolled, EnrolError> {
    let picture = Picture::decode(photo).map_err(VisionError::from)?;
    template_from_picture(analyzer, &picture, gate)
}

/// [`template_from_photo`] for a picture that is decoded already.
pub fn template_from_picture(
    analyzer: &mut Analyzer,
    picture: &Picture,
    gate: &Gate,
) -> Result<Enrolled, EnrolError> {
    let frame = picture.frame();
    let faces = analyzer.detect(frame)?;
    let rejected =
        |reason| EnrolError::Rejected(Rejection { reasons: vec![reason], quality: None });
    let face = match single_face(&faces) {
        Ok(face) if is_upside_down(&face) => return Err(rejected(PhotoRefusal::UpsideDown)),
        Ok(face) => face,
        // A detector finds few faces that stand on their head, and sees some where there are none.
        Err(reason) => {
            let turned = analyzer.detect(half_turned(picture)?.frame())?;
            let upright = best_score(&turned) > best_score(&faces);
            return Err(rejected(if upright { PhotoRefusal::UpsideDown } else { reason }));
        }
    };
    let mut quality = analyzer.assess(frame, &face)?;
    quality.masked = analyzer.masked(frame, &face)?.map(|m| m.probability());
    let reasons = gate.check(&quality);
    if !reasons.is_empty() {
        return Err(EnrolError::Rejected(Rejection { reasons, quality: Some(quality) }));
    }
    let others = faces.len() - 1;
    Ok(Enrolled {
        template: analyzer.template(frame, &face)?,
        quality,
        face,
        size_px: (frame.width(), frame.height()),
        others,
    })
}

/// The surest face's score; 0 without one.
fn best_score(faces: &[FaceBox]) -> f32 {
    faces.iter().map(|face| face.score).fold(0.0, f32::max)
}

/// The eyes stand below the mouth.
fn is_upside_down(face: &FaceBox) -> bool {
    let [left, right, _, mouth_left, mouth_right] = face.landmarks;
    let (eyes, mouth) = (left[1].midpoint(right[1]), mouth_left[1].midpoint(mouth_right[1]));
    let (across, tall) = ((left[0] - right[0]).abs(), eyes - mouth);
    // Lying faces are told by their tilt.
    tall > 0.0 && tall > across * 0.5
}

fn half_turned(picture: &Picture) -> Result<Picture, VisionError> {
    let frame = picture.frame();
    let pixels = frame.data().chunks_exact(3).rev().flatten().copied().collect();
    Ok(Picture::new(pixels, frame.width(), frame.height(), frame.order())?)
}

fn single_face(faces: &[FaceBox]) -> Result<FaceBox, PhotoRefusal> {
    let widest = faces.iter().map(|f| f.rect.width).fold(0.0_f32, f32::max);
    let mut counted = faces.iter().filter(|f| f.rect.width >= widest * BYSTANDER_SHARE);
    match (counted.next(), counted.count()) {
        (None, _) => Err(PhotoRefusal::NoFace),
        (Some(face), 0) => Ok(*face),
        (Some(_), others) => Err(PhotoRefusal::SeveralFaces { count: others + 1 }),
    }
}
