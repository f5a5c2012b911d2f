//! When scores count: the pack's thresholds and curves as the presence core takes them, and the
//! clinic's own thresholds (`zaigang-agent calibrate`) laid over the pack's: those of another pack
//! are refused, and a gallery that has outgrown them is warned of. It never changes a threshold by
//! itself.

use std::path::Path;

use presence::{EvidenceCurve, EvidenceCurves, Thresholds};
use vision::{
    Analyzer, PackSpec,
    pack::{Calibration, PackError},
};

pub(crate) fn thresholds(analyzer: &Analyzer) -> Thresholds {
    let pack = analyzer.thresholds();
    Thresholds {
        t_match_ppm: pack.t_match_ppm,
        t_reject_ppm: pack.t_reject_ppm,
        margin_ppm: pack.margin_ppm,
        masked_t_match_ppm: pack.masked_t_match_ppm,
        masked_t_reject_ppm: pack.masked_t_reject_ppm,
        masked_margin_ppm: pack.masked_margin_ppm,
        curves: pack.evidence.and_then(curves).unwrap_or_default(),
    }
}

/// The manifest refuses a curve that the core would refuse.
fn curves(pack: vision::EvidenceCurves) -> Option<EvidenceCurves> {
    Some(EvidenceCurves {
        bare: EvidenceCurve::new(pack.bare)?,
        bare_poor: EvidenceCurve::new(pack.bare_poor)?,
        masked: EvidenceCurve::new(pack.masked)?,
        masked_poor: EvidenceCurve::new(pack.masked_poor)?,
    })
}

/// The box goes on with assumed curves, and says so.
pub(crate) fn warn_where_assumed(pack: &str, spec: &PackSpec) {
    if spec.thresholds.evidence.is_none() {
        tracing::warn!(
            "pack {pack}: nobody measured what its scores are worth; the assumed curves are used"
        );
    }
}

/// Lays a calibration file over the pack, if the configuration names one. Returns for how many
/// people it was made.
pub(crate) fn lay_over(
    file: Option<&Path>,
    spec: &mut PackSpec,
) -> Result<Option<usize>, PackError> {
    let Some(file) = file else { return Ok(None) };
    let calibration = Calibration::load(file)?;
    calibration.apply(spec, file)?;
    Ok(Some(calibration.gallery_people))
}

/// The more people, the likelier a stranger resembles one of them: thresholds rise with the
/// gallery.
pub(crate) fn outgrown(people: usize, calibrated_for: Option<usize>) -> bool {
    calibrated_for.is_some_and(|made_for| people > made_for)
}

pub(crate) fn warn_when_outgrown(people: usize, calibrated_for: Option<usize>) {
    if let Some(made_for) = calibrated_for.filter(|_| outgrown(people, calibrated_for)) {
        tracing::warn!(
            "{people} people are enrolled, the thresholds were chosen for {made_for}: run \
            `zaigang-agent calibrate` again"
        );
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// For tests elsewhere.
    pub(crate) const THRESHOLDS: Thresholds = Thresholds {
        t_match_ppm: 500_000,
        t_reject_ppm: 300_000,
        margin_ppm: 50_000,
        masked_t_match_ppm: 500_000,
        masked_t_reject_ppm: 300_000,
        masked_margin_ppm: 50_000,
        curves: presence::EvidenceCurves::ASSUMED,
    };

    #[test]
    fn a_larger_gallery_has_outgrown_its_thresholds() {
        assert!(outgrown(31, Some(30)));
        assert!(!outgrown(30, Some(30)) && !outgrown(1_000, None));
    }

    #[test]
    fn every_measured_curve_is_one_the_core_takes() {
        assert_eq!(vision::EvidenceCurves::PLACES, presence::CURVE_PLACES);
        let manifest = vision::pack::PackManifest::built_in().unwrap();
        for name in ["real", "lite", "lite-int8"] {
            let measured = manifest.pack(name).unwrap().thresholds.evidence.unwrap();
            let taken = curves(measured).unwrap();
            assert_ne!(taken, EvidenceCurves::ASSUMED, "{name} carries its own");
        }
    }

    #[test]
    fn thresholds_of_another_pack_keep_the_box_from_starting() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("calibration.toml");
        let band = "{ t_match_ppm = 400000, t_reject_ppm = 200000, margin_ppm = 50000 }";
        let text = format!("pack = \"lite\"\ngallery_people = 9\nbare = {band}\nmasked = {band}\n");
        std::fs::write(&file, text).unwrap();
        let mut spec = PackSpec::real(folder.path());
        let said = lay_over(Some(&file), &mut spec).unwrap_err().to_string();
        assert!(
            said.contains("lite") && said.contains("calibrate again") && !said.contains('\n'),
            "{said}"
        );
        "lite".clone_into(&mut spec.name);
        assert_eq!(lay_over(Some(&file), &mut spec).unwrap(), Some(9));
        assert_eq!(spec.thresholds.t_match_ppm, 400_000);
    }
}
