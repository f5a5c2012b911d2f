//! A library that is there but cannot be used as ONNX Runtime: one line with the mend, never a
//! panic. In a process of its own, because a process can load one library only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use std::path::Path;

use vision::{Runtime, RuntimeError};

#[test]
fn a_library_that_is_no_onnx_runtime_is_refused() {
    let not_a_library = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    let error = Runtime::init_from(&not_a_library).unwrap_err();
    assert!(matches!(error, RuntimeError::LibraryUnusable { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("./scripts/setup") && !text.contains('\n'), "{text}");

    let missing = Runtime::init_from(Path::new("/nowhere/libonnxruntime.so")).unwrap_err();
    assert!(matches!(missing, RuntimeError::LibraryMissing { .. }), "{missing}");
}
