//! `zaigang-agent optics`: how wide a face is in the picture, from lens, resolution and distance.
//! Pure arithmetic of a pinhole camera; a wide lens distorts, so the figure holds for the middle of
//! the picture.

/// Breadth of an adult face as a detector boxes it, in metres: bizygomatic breadth (mean 0.139 m)
/// and the box's margin.
const FACE_M: f64 = 0.155;
/// Below this width recognition falls off (TAR 95.7 % at 40 px, 83.8 % at 24 px; measured on LFW in
/// 2026-11).
const RECOGNITION_PX: f64 = 40.0;
/// What an enrolment photograph needs.
const ENROLMENT_PX: f64 = 80.0;
/// What the detector needs in its own, smaller picture.
const DETECTION_PX: f64 = 20.0;

const EXAMPLES: &str = "\
Examples:
  zaigang-agent optics --fov 78 --width 1920 --distance 3       face width at 3 m, and how far \
  recognition reaches
  zaigang-agent optics --fov 65 --width 1280 --json             for a siting plan";

/// Face width in the picture, from lens, resolution and distance.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Horizontal angle of view in degrees, 10..150 (a data sheet may give the diagonal one: it is
    /// larger)
    #[arg(long, value_name = "DEGREES", value_parser = angle)]
    fov: f64,
    /// Width of the picture in pixels, 160..8192
    #[arg(long, value_name = "PX", value_parser = clap::value_parser!(u32).range(160..=8192))]
    width: u32,
    /// Distance between lens and face in metres, 0.2..30
    #[arg(long, value_name = "METRES", default_value = "3", value_parser = distance)]
    distance: f64,
    /// Longest side of the detector's picture (`vision.detect_side_px`), 0: the frame as it is
    #[arg(long, value_name = "PX", default_value_t = 640)]
    detect_side: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn angle(text: &str) -> Result<f64, String> {
    within(text, 10.0, 150.0)
}

fn distance(text: &str) -> Result<f64, String> {
    within(text, 0.2, 30.0)
}

fn within(text: &str, low: f64, high: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|value| (low..=high).contains(value))
        .ok_or_else(|| format!("give a number in {low}..{high}"))
}

/// What a lens gives.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct LensReach {
    pub face_px: f64,
    /// The same face in the detector's picture.
    pub detector_px: f64,
    /// How far recognition reaches, in metres.
    pub recognition_reach_m: f64,
    /// How near an enrolment by this camera must be, in metres.
    pub enrolment_reach_m: f64,
    /// How far the detector finds a face, in metres.
    pub detection_reach_m: f64,
    /// Width of the room that the picture shows at this distance, in metres.
    pub view_m: f64,
}

pub fn sight(fov_deg: f64, width_px: u32, distance_m: f64, detect_side_px: u32) -> LensReach {
    let view_per_m = 2.0 * (fov_deg.to_radians() / 2.0).tan();
    // Pixels of a face at one metre.
    let at_1_m = FACE_M * f64::from(width_px) / view_per_m;
    let scale = if detect_side_px == 0 {
        1.0
    } else {
        (f64::from(detect_side_px) / f64::from(width_px)).min(1.0)
    };
    LensReach {
        face_px: at_1_m / distance_m,
        detector_px: at_1_m * scale / distance_m,
        recognition_reach_m: at_1_m / RECOGNITION_PX,
        enrolment_reach_m: at_1_m / ENROLMENT_PX,
        detection_reach_m: at_1_m * scale / DETECTION_PX,
        view_m: view_per_m * distance_m,
    }
}

/// A face wider than this share of the detector's picture is no more found by its coarsest cells.
const WIDEST_SHARE: f64 = 0.6;

/// Longest side of the detector's picture in which the farthest face is just wide enough, a
/// multiple of 32 px. The error says why there is none in which the nearest is found too.
pub fn detect_side_px(fov_deg: f64, nearest_m: f64, farthest_m: f64) -> Result<u32, String> {
    let view_per_m = 2.0 * (fov_deg.to_radians() / 2.0).tan();
    // The share of the picture that a face takes does not depend on the picture's size.
    let nearest_share = FACE_M / (view_per_m * nearest_m);
    if nearest_share > WIDEST_SHARE {
        let least_m = FACE_M / (view_per_m * WIDEST_SHARE);
        return Err(format!(
            "a face at {nearest_m} m fills the picture: with this lens none nearer than \
            {least_m:.2} m is found"
        ));
    }
    let side = (DETECTION_PX * view_per_m * farthest_m / FACE_M / 32.0).ceil() * 32.0;
    if side > 1920.0 {
        return Err(format!(
            "a face at {farthest_m} m needs a detector's picture of {side} px: take a narrower lens"
        ));
    }
    Ok((side as u32).max(160))
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let sight = sight(self.fov, self.width, self.distance, self.detect_side);
        if self.json {
            log_lines::say!("{}", serde_json::to_string(&sight)?);
            return Ok(());
        }
        log_lines::say!(
            "at {:.1} m a face is {:.0} px wide, {:.0} px for the detector; the picture shows \
            {:.1} m of the room",
            self.distance,
            sight.face_px,
            sight.detector_px,
            sight.view_m
        );
        log_lines::say!(
            "recognition ({RECOGNITION_PX:.0} px) reaches {:.1} m, enrolment ({ENROLMENT_PX:.0} \
            px) {:.1} m, detection ({DETECTION_PX:.0} px) {:.1} m",
            sight.recognition_reach_m,
            sight.enrolment_reach_m,
            sight.detection_reach_m
        );
        if sight.face_px < RECOGNITION_PX || sight.detector_px < DETECTION_PX {
            log_lines::say!(
                "too far: move the camera nearer, take a narrower lens, or raise the resolution \
                or vision.detect_side_px"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_webcam_recognises_across_a_treatment_room() {
        let webcam = sight(78.0, 1920, 3.0, 640);
        assert!((60.0..63.0).contains(&webcam.face_px), "{webcam:?}");
        assert!((20.0..21.0).contains(&webcam.detector_px), "{webcam:?}");
        assert!((4.5..4.7).contains(&webcam.recognition_reach_m), "{webcam:?}");
    }

    #[test]
    fn the_farthest_face_decides_the_detectors_size() {
        assert_eq!(detect_side_px(78.0, 0.5, 3.0), Ok(640));
        assert_eq!(detect_side_px(78.0, 0.5, 1.5), Ok(320));
        let side = detect_side_px(65.0, 0.5, 4.0).unwrap();
        assert!(sight(65.0, 1920, 4.0, side).detector_px >= 20.0);
        assert!(detect_side_px(78.0, 0.1, 3.0).unwrap_err().contains("fills the picture"));
        assert!(detect_side_px(120.0, 0.5, 9.0).unwrap_err().contains("narrower lens"));
    }

    #[test]
    fn twice_as_far_is_half_as_wide() {
        let (near, far) = (sight(65.0, 1280, 2.0, 0), sight(65.0, 1280, 4.0, 0));
        assert!((near.face_px / far.face_px - 2.0).abs() < 1e-9);
        assert!((near.face_px - near.detector_px).abs() < 1e-9);
    }
}
