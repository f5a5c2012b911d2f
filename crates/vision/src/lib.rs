//! Pictures in, numbers out: detection, alignment, quality, embedding, liveness and the gallery.
//!
//! Drive it like this: [`Runtime::init`] once, [`Analyzer::load`] with a pack's [`PackSpec`], then
//! per frame [`Analyzer::detect`], and per face, as the scheduler decides, [`Analyzer::assess`],
//! [`Analyzer::embed`], [`Analyzer::liveness`] and [`Analyzer::masked`]; a [`Gallery`] answers who
//! it may be. [`enrol::template_from_photo`] makes a template of an enrolment photograph, or says
//! why it will not.
//!
//! This crate never saves a picture, never reads a clock, knows neither rules nor wire types, and
//! never prints an embedding: [`Embedding`] and [`Template`] show as `[redacted]` and are wiped
//! when dropped.

pub mod align;
mod analyzer;
pub mod detect;
mod embed;
mod embedding;
pub mod enrol;
mod error;
mod evidence_curves;
pub mod frame;
mod fusion;
pub mod gallery;
mod kernel;
pub mod liveness;
pub mod mask;
pub mod pack;
mod provider;
pub mod quality;
mod rewrite;
pub mod rotate;
mod runtime;
mod sample;
mod scale;
mod spec;
pub mod telemetry;
mod template;
mod wiped;

pub use analyzer::{Analyzer, Options};
pub use detect::{Detector, FaceBox, Rect};
pub use embed::Embedder;
pub use embedding::Embedding;
pub use error::{RuntimeError, VisionError};
pub use evidence_curves::EvidenceCurves;
pub use frame::{Detail, Foreign, Frame, FrameError, Picture, PixelOrder};
pub use fusion::TrackProbe;
pub use gallery::{Alike, Gallery, Match, Risk, Scored};
pub use liveness::{
    ActiveCheck, ActiveState, HeadTurn, LiveLimits, LiveTrack, LiveVerdict, LivenessNetworks,
    LivenessScore,
};
pub use mask::{MaskFlag, MaskScore};
pub use quality::{Gate, PhotoRefusal, QualityComponents};
pub use rotate::Rotation;
pub use runtime::Runtime;
pub use spec::{
    AlignTemplate, CompanionSpec, DetectorSpec, EmbedderSpec, LivenessSpec, MaskSpec, NetworkInput,
    PackSpec, Rivals, Thresholds,
};
pub use template::{Template, TemplateError};
pub use wiped::WipedBytes;
