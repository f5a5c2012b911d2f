//! Any text as a model manifest: one line that names what is wrong, or packs that can be asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vision::pack::PackManifest;

fuzz_target!(|text: &str| {
    match PackManifest::parse(text) {
        Ok(manifest) => {
            for pack in manifest.packs() {
                assert!(!pack.template_id().is_empty());
                let _ = pack.allowed(true);
                let _ = pack.artefacts();
            }
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "more than one line: {error}"),
    }
});
