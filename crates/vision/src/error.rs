//! The one error of the vision crate's calls. It never carries pixels or embeddings.

use std::path::PathBuf;

use crate::{frame::FrameError, runtime::RuntimeError};

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
    #[error("{}: not a usable {role} network: {why}; check the pack with `zaigang-agent models verify`", path.display())]
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
