//! What every command of the box loads alike: the networks that the configuration names, and who
//! speaks by them. Every mistake is one line. Starts nothing and looks at no picture.

use std::{collections::BTreeMap, os::unix::fs::MetadataExt as _, path::Path, sync::Arc};

use delivery::identity::BoxIdentity;
use protocol::up::Manifest;
use vision::{Analyzer, Options, Runtime, pack};

use crate::{
    calibration,
    config::{Config, RunMode},
    gallery_search::Maker,
    wire::{Origin, unknown_institution},
};

/// The loaded networks with what the rest must know of them.
#[derive(Debug)]
pub struct Models {
    pub analyzer: Analyzer,
    pub maker: Maker,
    pub pack: String,
    pub pack_sha256: String,
}

/// The state folder, where models are looked for in it: where there are some, and always where it
/// is another user's, a service's: what lies in the caller's cache is not there for the service.
fn with_models(state_dir: &Path, caller: u32) -> Option<&Path> {
    let is_anothers = || std::fs::metadata(state_dir).is_ok_and(|it| it.uid() != caller);
    (state_dir.join("models").is_dir() || is_anothers()).then_some(state_dir)
}

/// Loads the pack that the configuration names; every mistake is one line.
pub fn load_models(config: &Config, models: Option<&Path>) -> anyhow::Result<Models> {
    let runtime = match &config.models.runtime {
        Some(path) => Runtime::init_from(path)?,
        None => Runtime::init()?,
    };
    let (runtime, complaint) = runtime.with_provider(&config.models.provider);
    if let Some(line) = complaint {
        tracing::warn!("{line}");
    }
    let state_dir = with_models(&config.state_dir, rustix::process::geteuid().as_raw());
    let search = crate::models::search(models.or(config.models.folder.as_deref()), state_dir);
    let manifest = pack::PackManifest::effective(&search)?;
    let located = manifest
        .pack(&config.models.pack)?
        .allowed(config.mode == RunMode::Production)?
        .locate(&search)?;
    for rejected in &located.rejected {
        tracing::warn!("{rejected}");
    }
    let mut spec = located.spec();
    calibration::warn_where_assumed(&config.models.pack, &spec);
    let calibrated_for = calibration::lay_over(config.models.calibration.as_deref(), &mut spec)?;
    let options = Options {
        detect_longest_side_px: config.vision.detect_side_px,
        threads: config.models.threads,
    };
    let analyzer = Analyzer::load(&runtime, &spec, options)?;
    let hashes: Vec<_> =
        located.pack.artefacts().iter().map(|(_, artefact)| artefact.sha256.to_string()).collect();
    let rivals = analyzer.thresholds().rivals;
    let maker = Maker {
        pack: analyzer.pack().to_string(),
        length: analyzer.embedding_length(),
        rivals,
        cohort: Arc::clone(analyzer.cohort()),
        calibrated_for,
    };
    tracing::info!("{}", located.pack.title);
    Ok(Models {
        analyzer,
        maker,
        pack: config.models.pack.clone(),
        pack_sha256: trust::sha256_hex(hashes.join("\n")),
    })
}

/// Who speaks, and by which programs and models.
pub(crate) fn origin(config: &Config, identity: &BoxIdentity, models: &Models) -> Origin {
    Origin {
        device: identity.device.clone(),
        room: identity.room.clone(),
        institution: unknown_institution(),
        manifest: Manifest {
            firmware: env!("CARGO_PKG_VERSION").to_owned(),
            pack: models.pack.clone(),
            pack_sha256: models.pack_sha256.clone(),
            config_sha256: config.sha256.clone(),
            policy_sha256: trust::sha256_hex(protocol::settings::canonical(&BTreeMap::new())),
            policy_version: 0,
            roster_version: 0,
            liveness_waived: false,
        },
        policies: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_cache_is_nothing_for_a_service() {
        let state = tempfile::tempdir().unwrap();
        let owner = std::fs::metadata(state.path()).unwrap().uid();
        assert_eq!(with_models(state.path(), owner), None, "a checkout's: its owner's cache");
        assert_eq!(with_models(state.path(), owner + 1), Some(state.path()));
        std::fs::create_dir(state.path().join("models")).unwrap();
        assert_eq!(with_models(state.path(), owner), Some(state.path()));
        assert_eq!(with_models(&state.path().join("nowhere"), owner + 1), None);
    }
}
