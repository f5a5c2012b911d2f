//! After a change of the model pack: templates are made anew of the photographs that people let the
//! clinic keep, and whoever left none is listed to come again.
//!
//! The new templates count all at once, when everything that can be made is made. A photograph that
//! was confirmed stays confirmed; nothing is made of one whose owner withdrew. Never deletes:
//! retention takes the earlier templates.

use crate::clock::At;
use crate::enrol::{EnrolFault, EnrolmentNetworks};
use crate::store::FaceStore;

/// What became of a change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Renewal {
    /// The engine's embedder is another one than before: boxes must be told.
    pub changed: bool,
    pub templates: usize,
    pub enrolments: usize,
    pub come_again: usize,
}

/// Blocking: it runs networks. Stops between two enrolments when told to; the next start goes on
/// from there.
pub fn renew(
    engine: &EnrolmentNetworks,
    faces: &FaceStore,
    stopping: impl Fn() -> bool,
) -> Result<Renewal, EnrolFault> {
    let mut done = Renewal::default();
    let embedder = &engine.embedder_sha256;
    for outdated in faces.outdated(embedder)? {
        if stopping() {
            return Ok(done);
        }
        let photos: Vec<Vec<u8>> =
            faces.photos(&outdated.enrolment)?.iter().map(|p| p.to_vec()).collect();
        if photos.is_empty() {
            continue;
        }
        let (_, enrolled) = engine.judge(&photos);
        let name = format!("{}-{}", outdated.enrolment, embedder.get(..8).unwrap_or(embedder));
        let templates = engine.templates(faces, &outdated.institution, &name, &enrolled)?;
        if !templates.is_empty() {
            done.templates += faces.renewed(&outdated, &engine.pack, &templates, At::now())?;
            done.enrolments += 1;
        }
    }
    done.changed = faces.use_embedder(embedder, &engine.pack, At::now())?;
    done.come_again = faces.come_again(u32::MAX)?.len();
    Ok(done)
}
