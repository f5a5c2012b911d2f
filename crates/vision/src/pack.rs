//! Model packs: which files belong together, how each is fed, when a score counts, and where the
//! files are.
//!
//! Reads `models/manifest.toml` (carried inside the program), looks the files up in a fixed order
//! of folders and hands out only files whose size and SHA-256 are the manifest's. Never downloads,
//! never loads a model, and never changes a file, except that a wrong one in the program's own
//! folder is set aside.
//!
//! ```no_run
//! use vision::pack::{PackManifest, Search};
//! // --models, $ZAIGANG_MODELS, installed, cache, mirror, bundled
//! let search = Search::standard(None);
//! // the built-in one, with imported packs laid over it
//! let manifest = PackManifest::effective(&search)?;
//! // production refuses drawn faces
//! let pack = manifest.pack("real")?.allowed(true)?;
//! let located = pack.locate(&search)?;
//! println!("{} from {}", located.embedder.facts.artefact.file, located.embedder.path.display());
//! # Ok::<(), vision::pack::PackError>(())
//! ```

mod calibration;
pub mod cohort;
mod digest;
mod error;
mod facts;
mod liveness_band;
mod locate;
mod manifest;
mod search;
mod spec;

pub use calibration::{CalibratedLimits, Calibration};
pub use digest::Digest;
pub use error::PackError;
pub use facts::{
    AlignmentFacts, Artefact, Band, ColourOrder, Decode, DetectorFacts, EmbedderFacts, InputFacts,
    InputSize, LivenessFacts, MaskFlagFacts, ModelRole, ModelSource, ThresholdFacts,
};
pub use liveness_band::LivenessBand;
pub use locate::{LocatedModel, LocatedPack, Rejected, verify_file};
pub use manifest::{Companion, Pack, PackManifest};
pub use search::{Folder, FolderKind, INSTALLED_MANIFEST, POINTER_SUFFIX, Search, Surroundings};

#[cfg(test)]
mod tests;
