//! Where the tests find what is not in git: the real pack and the photographs beside the
//! repository. A test that needs them says so and returns; it never fails for their absence.
#![allow(dead_code)] // each test file uses its part

use std::path::{Path, PathBuf};

use vision::{Analyzer, Options, PackSpec, Picture, Runtime};

/// The real pack, open with detection at the frame's own size; `None`, said aloud, where it is not
/// found.
pub(crate) fn real(test: &str) -> Option<Analyzer> {
    real_with(test, Options { detect_longest_side_px: 0, threads: 1 })
}

pub(crate) fn real_with(test: &str, options: Options) -> Option<Analyzer> {
    let spec = real_spec(test)?;
    Some(Analyzer::load(&runtime(), &spec, options).expect("the real pack opens"))
}

pub(crate) fn real_spec(test: &str) -> Option<PackSpec> {
    let named = std::env::var_os("ZAIGANG_MODELS").map(PathBuf::from);
    let folder = named.into_iter().chain([shared("models")]).find(|f| {
        f.join("SHA256SUMS.txt").is_file() || {
            f.join("face_detection_yunet_2026may.onnx").is_file()
        }
    });
    if folder.is_none() {
        eprintln!("SKIPPED {test}: real pack not found");
    }
    Some(PackSpec::real(&folder?))
}

/// A folder of the photographs; `None`, said aloud, where it is not found.
pub(crate) fn photographs(test: &str, folder: &str) -> Option<PathBuf> {
    let folder = shared("data").join(folder);
    if !folder.is_dir() {
        eprintln!("SKIPPED {test}: photographs not found");
        return None;
    }
    Some(folder)
}

pub(crate) fn runtime() -> Runtime {
    Runtime::init().expect("ONNX Runtime is set up by scripts/setup")
}

pub(crate) fn picture(path: &Path) -> Picture {
    let bytes = std::fs::read(path).expect("a readable photograph");
    Picture::decode(&bytes).expect("a whole photograph")
}

fn shared(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder)
}
