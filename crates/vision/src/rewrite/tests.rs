//! The rewritten real networks answer as their files do, and what is no network is left alone.

use std::path::{Path, PathBuf};

use super::*;
use crate::{PackSpec, Runtime, runtime::Expect};

fn real() -> Option<PackSpec> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/models");
    let folder = std::env::var_os("ZAIGANG_MODELS").map_or(shared, PathBuf::from);
    folder.join("face_detection_yunet_2026may.onnx").is_file().then(|| PackSpec::real(&folder))
}

#[test]
fn bytes_that_are_no_network_are_left_alone() {
    for bytes in [&b""[..], b"not a network", &[0x0A, 0xFF, 0xFF], &[0x3A, 0x00]] {
        assert!(rewrite(bytes, 16, true).is_none());
    }
}

#[test]
fn every_network_answers_alike_in_both_forms() {
    let Some(spec) = real() else {
        eprintln!(
            "SKIPPED every_network_answers_alike_in_both_forms: real \
            pack not found"
        );
        return;
    };
    let runtime = Runtime::init().unwrap();
    let embedder = (&spec.embedder.model, &spec.embedder.input, spec.embedder.length);
    let liveness = spec.liveness.iter().map(|l| (&l.model, &l.input, 3));
    for (path, input, length) in std::iter::once(embedder).chain(liveness) {
        let bytes = std::fs::read(path).unwrap();
        let expect = Expect {
            role: "trial",
            size: (input.width, input.height),
            seldom: false,
            any_size: false,
            outputs: &[("", length)],
        };
        let planes = trial(expect.size);
        let wanted = runtime.answers_of(&bytes, &expect, &planes).unwrap();
        for block in [8, 16] {
            let faster = rewrite(&bytes, block, true)
                .unwrap_or_else(|| panic!("{} is not rewritten", path.display()));
            let answer = runtime.answers_of(&faster.bytes, &expect, &faster.fed(&planes)).unwrap();
            assert!(alike(&wanted, &answer), "{} in blocks of {block}", path.display());
        }
    }
    // The detectors hold operators that are not known here.
    for path in [&spec.detector.model, &spec.mask.as_ref().unwrap().model] {
        assert!(rewrite(&std::fs::read(path).unwrap(), 16, true).is_none());
    }
}

#[test]
fn a_scaling_that_left_the_network_is_in_the_feed() {
    let rewritten = Rewritten { bytes: Vec::new(), gain: [0.5, 2.0, 1.0], bias: [-1.0, 0.0, 3.0] };
    let mut input = NetworkInput {
        mean: [10.0; 3],
        std: [4.0; 3],
        ..NetworkInput::raw(1, 1, crate::PixelOrder::Bgr)
    };
    let before: Vec<f32> = (0..3).map(|c| (100.0 - input.mean[c]) / input.std[c]).collect();
    rewritten.feed(&mut input);
    for (c, before) in before.into_iter().enumerate() {
        let after = (100.0 - input.mean[c]) / input.std[c];
        assert!(
            (after - (before * rewritten.gain[c] + rewritten.bias[c])).abs() < 1e-4,
            "{c}: {after}"
        );
    }
}
