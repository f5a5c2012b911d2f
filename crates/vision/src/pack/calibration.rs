//! Thresholds that a clinic chose for its own people (`zaigang-agent calibrate`), laid over those
//! of the pack. Those of another pack are refused. It never chooses anything itself.

use std::path::Path;

use serde::Deserialize;

use super::PackError;
use crate::spec::{PackSpec, Rivals};

/// What a calibration file holds that the box needs; the counts that it rests on stand beside it in
/// the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Calibration {
    /// The pack whose scores were measured.
    pub pack: String,
    /// People in the gallery that it was made for; a larger one needs another.
    pub gallery_people: usize,
    /// How the scores were held against rivals.
    #[serde(default)]
    pub rivals: Rivals,
    pub bare: CalibratedLimits,
    pub masked: CalibratedLimits,
}

/// Thresholds of bare or of masked faces, score × 10⁶.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct CalibratedLimits {
    pub t_match_ppm: i32,
    pub t_reject_ppm: i32,
    pub margin_ppm: i32,
}

impl Calibration {
    /// Reads a file that `calibrate --out` wrote.
    pub fn load(path: &Path) -> Result<Self, PackError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|why| PackError::Calibration {
            file: file.clone(),
            problem: why.to_string(),
        })?;
        Self::parse(&text).map_err(|problem| PackError::Calibration { file, problem })
    }

    /// The text of such a file; the error is one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read: Self = toml::from_str(text)
            .map_err(|why| why.message().split_whitespace().collect::<Vec<_>>().join(" "))?;
        for (name, limits) in [("bare", read.bare), ("masked", read.masked)] {
            let sound = (-1_000_000..=1_000_000).contains(&limits.t_reject_ppm)
                && limits.t_reject_ppm < limits.t_match_ppm
                && limits.t_match_ppm <= 1_000_000
                && (0..=1_000_000).contains(&limits.margin_ppm);
            if !sound {
                return Err(format!(
                    "{name}: -1000000 <= t_reject_ppm < t_match_ppm <= 1000000 does not hold"
                ));
            }
        }
        Ok(read)
    }

    /// Lays the thresholds over a pack's; those of another pack are refused.
    pub fn apply(&self, spec: &mut PackSpec, file: &Path) -> Result<(), PackError> {
        if self.pack != spec.name {
            return Err(PackError::Calibration {
                file: file.display().to_string(),
                problem: format!(
                    "made for pack \"{}\", this box runs \"{}\"; calibrate again with this pack",
                    self.pack, spec.name
                ),
            });
        }
        let thresholds = &mut spec.thresholds;
        thresholds.rivals = self.rivals;
        (thresholds.t_match_ppm, thresholds.t_reject_ppm) =
            (self.bare.t_match_ppm, self.bare.t_reject_ppm);
        thresholds.margin_ppm = self.bare.margin_ppm;
        (thresholds.masked_t_match_ppm, thresholds.masked_t_reject_ppm) =
            (self.masked.t_match_ppm, self.masked.t_reject_ppm);
        thresholds.masked_margin_ppm = self.masked.margin_ppm;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "pack = \"real\"\ngallery_people = 30\nfpir = 0.005\n\
        rivals = { share_ppm = 700000, count = 10 }\n\
        bare = { t_match_ppm = 400000, t_reject_ppm = 240000, margin_ppm = 40000, method = \
        \"fitted\" }\nmasked = { t_match_ppm = 380000, t_reject_ppm = 100000, margin_ppm = 40000 \
        }\n";

    #[test]
    fn a_clinics_thresholds_take_the_place_of_the_packs() {
        let mut spec = PackSpec::real(Path::new("."));
        Calibration::parse(FILE)
            .expect("a sound file")
            .apply(&mut spec, Path::new("c.toml"))
            .expect("its own pack");
        let t = spec.thresholds;
        assert_eq!((t.t_match_ppm, t.masked_t_reject_ppm, t.rivals.count), (400_000, 100_000, 10));
    }

    #[test]
    fn what_calibrate_says_beside_the_thresholds_is_passed_over() {
        let more = FILE.replace("count = 10", "count = 10, per_doubling_ppm = 20000");
        let alike =
            "[[alike]]\npeople = [\"a\", \"b\"]\ncosine_ppm = 500000\nrisk = \"look-alike\"\n";
        let read = Calibration::parse(&format!("{more}{alike}")).expect("a sound file");
        assert_eq!(read.rivals.per_doubling_ppm, 20_000);
    }

    #[test]
    fn those_of_another_pack_are_refused_in_one_line() {
        let mut spec = PackSpec::real(Path::new("."));
        let other =
            Calibration::parse(&FILE.replace("\"real\"", "\"lite\"")).expect("a sound file");
        let said =
            other.apply(&mut spec, Path::new("c.toml")).expect_err("another pack").to_string();
        assert!(said.contains("lite") && said.contains("real") && !said.contains('\n'), "{said}");
    }

    #[test]
    fn those_of_the_same_pack_before_its_second_network_are_refused() {
        let manifest = super::super::PackManifest::built_in().expect("the program's manifest");
        let mut spec = PackSpec::real(Path::new("."));
        spec.name = manifest.pack("real").expect("the real pack").template_id();
        let before = FILE.replace("\"real\"", "\"intel-0095@98fd58f7\"");
        let before = Calibration::parse(&before).expect("a sound file");
        let said =
            before.apply(&mut spec, Path::new("c.toml")).expect_err("another scale").to_string();
        assert!(
            said.contains("intel-0095@98fd58f7")
                && said.contains(&spec.name)
                && said.contains("calibrate again"),
            "{said}"
        );
    }

    #[test]
    fn thresholds_the_wrong_way_round_are_named() {
        let said =
            Calibration::parse(&FILE.replace("240000", "500000")).expect_err("crossed thresholds");
        assert!(said.starts_with("bare") && !said.contains('\n'), "{said}");
        assert!(Calibration::parse("pack = 3").is_err_and(|why| !why.contains('\n')));
    }
}
