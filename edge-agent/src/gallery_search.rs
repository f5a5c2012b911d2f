//! From a roster's templates to the gallery that the pipeline searches. A template of another pack
//! refuses the whole roster in one line: a box that knows half of its people would call the other
//! half strangers.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use presence::PersonId;
use protocol::down::Roster;
use vision::{Embedding, Gallery, Rivals, Rotation, Template};

use crate::facts::Unusable;

/// The templates to search, and the clinic's turn of them (P10).
#[derive(Debug)]
pub struct GallerySearch {
    pub gallery: Gallery<PersonId>,
    pub rotation: Option<Rotation>,
    /// How scores are held against rivals; the pack's thresholds hold for such scores.
    pub rivals: Rivals,
}

/// What the loaded pack makes.
#[derive(Debug, Clone, PartialEq)]
pub struct Maker {
    /// The id that templates carry.
    pub pack: String,
    /// Numbers in an embedding.
    pub length: usize,
    /// How the pack's scores are held against rivals.
    pub rivals: Rivals,
    /// Rows that are nobody, which scores are held against.
    pub cohort: Arc<[Embedding]>,
    /// People that the thresholds were chosen for; `None`: the pack's own.
    pub calibrated_for: Option<usize>,
}

/// Decodes every template; the first that cannot be used refuses the roster. Nothing of a template
/// is in the message.
pub fn gather(roster: &Roster, maker: &Maker) -> Result<GallerySearch, Unusable> {
    let mut gallery = Gallery::new(maker.pack.as_str(), maker.length);
    for person in &roster.persons {
        let mut templates = Vec::with_capacity(person.templates.len());
        for template in &person.templates {
            let said = |why: String| {
                Unusable(format!(
                    "roster: template {} of {}: {why}",
                    template.template_id, person.person
                ))
            };
            let bytes =
                STANDARD.decode(&template.vector).map_err(|_| said("no base64".to_owned()))?;
            // A template of another pack may have another length: the pack is what its owner must
            // be told.
            if template.pack != maker.pack {
                let why = format!(
                    "made with pack \"{}\", this box runs \"{}\"",
                    template.pack, maker.pack
                );
                return Err(said(format!("{why}; make it anew from the enrolment photo")));
            }
            let template = Template::from_bytes(template.pack.as_str(), maker.length, &bytes)
                .map_err(|why| said(why.to_string()))?;
            templates.push(template);
        }
        gallery
            .enrol(PersonId::new(person.person.as_str()), &templates)
            .map_err(|why| Unusable(format!("roster: templates of {}: {why}", person.person)))?;
    }
    crate::calibration::warn_when_outgrown(gallery.people(), maker.calibrated_for);
    let rotation =
        roster.rotation_seed.as_deref().map(|seed| rotation(seed, maker.length)).transpose()?;
    let turned = |row: &Embedding| {
        rotation.as_ref().map_or_else(|| row.clone(), |rotation| rotation.turn(row))
    };
    gallery.set_cohort(&maker.cohort.iter().map(turned).collect::<Vec<_>>());
    Ok(GallerySearch { gallery, rotation, rivals: maker.rivals })
}

fn rotation(seed: &str, length: usize) -> Result<Rotation, Unusable> {
    let key: Option<[u8; 32]> = STANDARD.decode(seed).ok().and_then(|bytes| bytes.try_into().ok());
    let key = key
        .ok_or_else(|| Unusable("roster: the rotation seed is no 32 bytes in base64".to_owned()))?;
    Ok(Rotation::from_key(&key, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::down::{
        self, PractitionerCategory, RegistrationStatus, RosterPerson, SiteRelation,
    };

    fn vector(axis: usize) -> Embedding {
        let mut values = vec![0.0; 4];
        values[axis] = 1.0;
        Embedding::normalised(values).unwrap()
    }

    fn roster(pack: &str, embedding: &Embedding, seed: Option<[u8; 32]>) -> Roster {
        let template = down::Template {
            template_id: "t-1".to_owned(),
            pack: pack.to_owned(),
            embedder_sha256: String::new(),
            vector: STANDARD.encode(&*Template::new(pack, embedding.clone()).to_bytes()),
            masked: false,
        };
        let person = RosterPerson {
            person: "p-1".parse().unwrap(),
            category: PractitionerCategory::LicensedPhysician,
            registration: RegistrationStatus::Valid,
            site: SiteRelation::Primary,
            exempt_until: None,
            lead_of: vec![],
            roles: vec![],
            confirmed: true,
            templates: vec![template],
        };
        Roster {
            snapshot_at: "2026-03-02T00:00:00Z".to_owned(),
            institution: "clinic-1".parse().unwrap(),
            persons: vec![person],
            passes: vec![],
            rotation_seed: seed.map(|seed| STANDARD.encode(seed)),
        }
    }

    fn maker() -> Maker {
        Maker {
            pack: "avatar/1".to_owned(),
            length: 4,
            rivals: Rivals::NONE,
            cohort: Arc::default(),
            calibrated_for: None,
        }
    }

    #[test]
    fn a_roster_of_another_pack_is_refused_in_one_line() {
        let said = gather(&roster("real/1", &vector(0), None), &maker()).unwrap_err().to_string();
        assert!(
            said.contains("real/1") && said.contains("avatar/1") && !said.contains('\n'),
            "{said}"
        );
        assert!(!said.contains(&roster("real/1", &vector(0), None).persons[0].templates[0].vector));
    }

    #[test]
    fn probes_are_turned_like_the_templates_were() {
        let seed = [7; 32];
        let turned = Rotation::from_key(&seed, 4).turn(&vector(0));
        let mut search = gather(&roster("avatar/1", &turned, Some(seed)), &maker()).unwrap();
        let probe = search.rotation.as_ref().unwrap().turn(&vector(0));
        let best = search.gallery.top2(&probe).best.unwrap();
        assert!(best.cosine > 0.999, "{}", best.cosine);
    }

    #[test]
    fn a_clinic_of_one_is_held_against_the_turned_cohort() {
        let seed = [7; 32];
        let rotation = Rotation::from_key(&seed, 4);
        let cohort: Arc<[Embedding]> = vec![vector(1)].into();
        let rivals = Rivals { share_ppm: 1_000_000, ..Rivals::REAL };
        let maker = Maker { rivals, cohort, ..maker() };
        let mut search =
            gather(&roster("avatar/1", &rotation.turn(&vector(0)), Some(seed)), &maker).unwrap();
        let like_nobody = rotation.turn(&vector(1));
        let best = search.gallery.identify(&like_nobody, search.rivals).best.unwrap();
        assert!(best.cosine < -0.99, "{}", best.cosine);
    }

    #[test]
    fn a_vector_that_is_none_is_refused() {
        let mut wrong = roster("avatar/1", &vector(0), None);
        wrong.persons[0].templates[0].vector = STANDARD.encode([0; 12]);
        assert!(gather(&wrong, &maker()).is_err());
        wrong.persons[0].templates[0].vector = "***".to_owned();
        assert!(gather(&wrong, &maker()).is_err());
    }
}
