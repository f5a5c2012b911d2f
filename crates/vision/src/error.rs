//! The errors of the vision crate's calls. None ever carries pixels or embeddings.

use std::path::PathBuf;

use crate::frame::FrameError;

/// What can go wrong between a picture and its numbers.
#[derive(Debug, thiserror::Error)]
pub enum VisionError {
    /// The picture itself cannot be used.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// ONNX Runtime is missing, too old, or failed.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The file is not the network that its place in the pack needs.
    #[error("{}: not a usable {role} network: {why}; check the pack with `zaigang-agent models \
        verify`", path.display())]
    WrongModel { role: &'static str, path: PathBuf, why: String },
    /// The network answered NaN or infinity: the answer is dropped and counted, never matched.
    #[error("the {role} network answered with a number that is not finite; the answer is dropped")]
    NotFinite { role: &'static str },
    /// The five landmarks do not span a face (all on one point).
    #[error("the five landmarks coincide, so the face cannot be aligned")]
    DegenerateLandmarks,
    /// The pack has no such network.
    #[error("the pack \"{pack}\" has no {role} network")]
    NoSuchRole { pack: String, role: &'static str },
}

/// ONNX Runtime could not be loaded, or failed at work.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The variable that names the library is unset or empty.
    #[error(
        "ORT_DYLIB_PATH is not set: it must name libonnxruntime.so; run ./scripts/setup, or set \
        it to the ONNX Runtime of this board"
    )]
    NoLibraryNamed,
    /// Loaded like this, the library would report to its maker.
    #[error(
        "ORT_DISABLE_TELEMETRY is not 1: ONNX Runtime would send reports of itself to its maker; \
        set it before the program starts"
    )]
    WouldReport,
    /// No file there.
    #[error(
        "{}: no ONNX Runtime library there; run ./scripts/setup, or set ORT_DYLIB_PATH to the \
        ONNX Runtime of this board", path.display()
    )]
    LibraryMissing { path: PathBuf },
    /// The file is there and is no ONNX Runtime, or one for another machine.
    #[error(
        "{}: cannot be used as ONNX Runtime ({why}); run ./scripts/setup, or set ORT_DYLIB_PATH \
        to one of version {oldest} or newer", path.display()
    )]
    LibraryUnusable { path: PathBuf, why: String, oldest: &'static str },
    /// The library is loaded and refuses to work.
    #[error("ONNX Runtime failed: {0}")]
    Failed(String),
}
