//! The change from one embedder to another: which enrolments lack templates of the new one, what
//! was made anew, the moment from which the new ones count, and who must come again.
//!
//! Until that moment boxes get the earlier templates: never half a roster. Earlier ones stay until
//! retention takes them.

use std::collections::BTreeSet;

use super::engine::{OptionalExtension as _, params};

use super::rows::collect;
use super::{FaceStore, NewTemplate, Result};
use crate::clock::At;
use crate::ids::EnrolmentId;

/// An enrolment without a template of the new embedder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated {
    pub enrolment: EnrolmentId,
    pub person: String,
    pub institution: String,
}

/// Somebody whose templates no longer count, and why they could not be made anew.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ComeAgain {
    pub person: String,
    pub institution: String,
    /// `no_photograph`: none was kept; `photograph_refused`: the kept ones do not pass the new
    /// model's gate.
    pub because: String,
    pub since: At,
}

impl FaceStore {
    /// The embedder in use (its SHA-256) and since when.
    pub fn embedder(&self) -> Result<Option<(String, At)>> {
        let sql = "SELECT sha256, since FROM embedder";
        self.read(|c| Ok(c.query_row(sql, [], |r| Ok((r.get(0)?, r.get(1)?))).optional()?))
    }

    /// Enrolments that stand or wait and have no template of this embedder.
    pub fn outdated(&self, sha256: &str) -> Result<Vec<Outdated>> {
        let sql = "SELECT id, person, institution FROM enrolment e WHERE state IN
            ('confirmed','proposed')
            AND NOT EXISTS (SELECT 1 FROM template t WHERE t.enrolment = e.id AND
            t.embedder_sha256 = ?1) ORDER BY id";
        self.read(|c| {
            collect(c, sql, [sha256], |r| {
                Ok(Outdated { enrolment: r.get(0)?, person: r.get(1)?, institution: r.get(2)? })
            })
        })
    }

    /// Adds templates that were made anew of an enrolment's kept photographs. A withdrawal in
    /// between has destroyed the key: then nothing is added. Gives how many were.
    pub fn renewed(
        &self,
        it: &Outdated,
        pack: &str,
        templates: &[NewTemplate],
        now: At,
    ) -> Result<usize> {
        self.write(|tx| {
            let standing = "SELECT 1 FROM enrolment WHERE id = ?1 AND state IN
                ('confirmed','proposed')
                AND EXISTS (SELECT 1 FROM person_key WHERE person = ?2)";
            if !tx.prepare_cached(standing)?.exists((&it.enrolment, &it.person))? {
                return Ok(0);
            }
            let mut added = 0;
            for template in templates {
                added += self.insert_template(
                    tx,
                    (&it.enrolment, &it.person, &it.institution),
                    pack,
                    template,
                )?;
            }
            tx.execute(
                tx.either(
                    "UPDATE enrolment SET pack = ?2, outcome = json_set(outcome, '$.renewed_at',
                    ?3) WHERE id = ?1",
                    "UPDATE enrolment SET pack = ?2, outcome = CAST(jsonb_set(CAST(json_read(
                    outcome) AS
                    jsonb), '{renewed_at}', to_jsonb(?3)) AS TEXT) WHERE id = ?1",
                ),
                params![it.enrolment, pack, now],
            )?;
            Ok(added)
        })
    }

    /// From now on this embedder's templates count, and whoever has none of it must come again.
    /// True where that is a change.
    pub fn use_embedder(&self, sha256: &str, pack: &str, now: At) -> Result<bool> {
        self.write(|tx| {
            let same = "SELECT 1 FROM embedder WHERE sha256 = ?1";
            let changed = !tx.prepare_cached(same)?.exists([sha256])?;
            if changed {
                tx.execute(
                    "INSERT INTO embedder VALUES (1, ?1, ?2, ?3) ON CONFLICT(one) DO UPDATE SET
                    sha256 = excluded.sha256, pack = excluded.pack, since = excluded.since",
                    (sha256, pack, now),
                )?;
            }
            let (has, kept) = (
                "SELECT 1 FROM template t JOIN enrolment o ON o.id = t.enrolment WHERE o.person =
                e.person
                 AND o.institution = e.institution AND o.state = 'confirmed' AND
                 t.embedder_sha256 = ?1",
                "SELECT 1 FROM photo p JOIN enrolment o ON o.id = p.enrolment WHERE o.person =
                e.person
                 AND o.institution = e.institution AND o.state = 'confirmed'",
            );
            tx.execute(
                &format!(
                    "DELETE FROM come_again WHERE EXISTS (SELECT 1 FROM enrolment e
                     WHERE e.person = come_again.person AND e.institution =
                     come_again.institution AND EXISTS ({has}))"
                ),
                [sha256],
            )?;
            tx.execute(
                &format!(
                    "INSERT INTO come_again SELECT e.person, e.institution,
                     CASE WHEN EXISTS ({kept}) THEN 'photograph_refused' ELSE 'no_photograph'
                     END, ?2
                     FROM enrolment e WHERE e.state = 'confirmed' AND NOT EXISTS ({has}) GROUP BY
                     e.person, e.institution ON CONFLICT DO NOTHING"
                ),
                (sha256, now),
            )?;
            Ok(changed)
        })
    }

    /// Who must come again, by institution; at most so many.
    pub fn come_again(&self, limit: u32) -> Result<Vec<ComeAgain>> {
        let sql = "SELECT person, institution, because, since FROM come_again ORDER BY \
            institution, person LIMIT ?1";
        self.read(|c| {
            collect(c, sql, [limit], |r| {
                Ok(ComeAgain {
                    person: r.get(0)?,
                    institution: r.get(1)?,
                    because: r.get(2)?,
                    since: r.get(3)?,
                })
            })
        })
    }

    /// Of these persons, those who must come again to one of these institutions (none: to any).
    pub fn come_again_of(
        &self,
        persons: &[String],
        seen: Option<&BTreeSet<String>>,
    ) -> Result<BTreeSet<String>> {
        let sql = "SELECT DISTINCT person FROM come_again WHERE person IN (SELECT value FROM
            json_each(?1)) AND (?2 IS NULL OR institution IN (SELECT value FROM json_each(?2)))";
        let persons = serde_json::to_string(persons)?;
        let seen = seen.map(serde_json::to_string).transpose()?;
        self.read(|c| {
            Ok(collect(c, sql, (persons, seen), |r| Ok(r.get(0)?))?.into_iter().collect())
        })
    }

    /// Templates of an earlier embedder, where the present one has been in use since before then.
    pub fn forget_superseded(&self, before: At) -> Result<usize> {
        let sql = "DELETE FROM template WHERE EXISTS (SELECT 1 FROM embedder WHERE since < ?1)
            AND embedder_sha256 <> (SELECT sha256 FROM embedder)";
        self.write(|tx| Ok(tx.execute(sql, [before])?))
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::super::NewEnrolment;
    use super::*;
    use crate::consent::ConsentPurpose;
    use crate::model::Consent;
    use crate::vault::Key;

    fn template(id: &str, embedder: &str) -> NewTemplate {
        NewTemplate {
            id: id.parse().unwrap(),
            embedder_sha256: embedder.to_owned(),
            masked: false,
            vector: Zeroizing::new(vec![0; 16]),
        }
    }

    /// Three people confirmed under the embedder `a`; the first alone has a kept photograph, the
    /// last only proposed since.
    fn faces() -> (tempfile::TempDir, FaceStore) {
        let dir = tempfile::tempdir().unwrap();
        let faces = FaceStore::open(dir.path(), Key::generate().unwrap()).unwrap();
        assert!(faces.use_embedder("a", "pack-a", At::of_s(0)).unwrap());
        let consent = Consent {
            text_version: "1".into(),
            text_sha256: "a".repeat(64),
            purposes: vec![
                ConsentPurpose::Recognition,
                ConsentPurpose::ServerStorage,
                ConsentPurpose::KeepPhoto,
            ],
            scope: "c-1".into(),
            signature: "s".into(),
            signed_at: "t".into(),
            guardian: None,
            earlier: Vec::new(),
        };
        for (person, photos) in
            [("p-1", vec![b"jpeg".to_vec()]), ("p-2", Vec::new()), ("p-3", Vec::new())]
        {
            let id = format!("e-{person}");
            let proposal = NewEnrolment {
                id: &id,
                person,
                institution: "c-1",
                by: "clinic",
                pack: "pack-a",
                outcome: &serde_json::json!({}),
                consent: &consent,
                templates: &[template(&format!("{id}-t0"), "a")],
                photos: &photos,
            };
            faces.propose(&proposal, At::of_s(1)).unwrap();
            faces.decide(&id.parse().unwrap(), true, "wang", None, At::of_s(2)).unwrap();
        }
        (dir, faces)
    }

    fn sent(faces: &FaceStore) -> Vec<(String, String)> {
        faces
            .templates_of("c-1")
            .unwrap()
            .into_iter()
            .map(|t| (t.person, t.embedder_sha256))
            .collect()
    }

    #[test]
    fn boxes_get_new_templates_once_all_were_made_anew() {
        let (_dir, faces) = faces();
        assert!(
            !faces.use_embedder("a", "pack-a", At::of_s(3)).unwrap(),
            "the same embedder is no change"
        );
        assert_eq!(faces.come_again(10).unwrap(), []);
        let outdated = faces.outdated("b").unwrap();
        assert_eq!(outdated.len(), 3);
        assert_eq!(
            faces
                .renewed(&outdated[0], "pack-b", &[template("e-p-1-b-t0", "b")], At::of_s(4))
                .unwrap(),
            1
        );
        assert_eq!(
            faces
                .renewed(&outdated[0], "pack-b", &[template("e-p-1-b-t0", "b")], At::of_s(4))
                .unwrap(),
            0,
            "twice"
        );
        assert!(
            sent(&faces).iter().all(|(_, embedder)| embedder == "a"),
            "half a roster calls the others strangers"
        );
        assert!(faces.use_embedder("b", "pack-b", At::of_s(5)).unwrap());
        assert_eq!(sent(&faces), [("p-1".to_owned(), "b".to_owned())]);
        let again = faces.come_again(10).unwrap();
        assert_eq!(again.iter().map(|a| a.person.as_str()).collect::<Vec<_>>(), ["p-2", "p-3"]);
        assert!(again.iter().all(|a| a.because == "no_photograph"), "{again:?}");
    }

    #[test]
    fn whoever_came_again_or_withdrew_is_off_the_list() {
        let (_dir, faces) = faces();
        faces.use_embedder("b", "pack-b", At::of_s(5)).unwrap();
        assert_eq!(faces.come_again(10).unwrap().len(), 3);
        faces.withdraw("p-2", "asked", At::of_s(6)).unwrap();
        assert_eq!(faces.come_again(10).unwrap().len(), 2);
        assert!(faces.use_embedder("a", "pack-a", At::of_s(6)).unwrap(), "the pack was put back");
        assert_eq!((faces.come_again(10).unwrap().len(), sent(&faces).len()), (0, 2));
        faces.use_embedder("b", "pack-b", At::of_s(7)).unwrap();
        assert_eq!(faces.forget_superseded(At::of_s(7)).unwrap(), 0, "too early");
        assert_eq!(faces.forget_superseded(At::of_s(8)).unwrap(), 2);
        assert_eq!(faces.come_again(10).unwrap().len(), 2, "they must still come");
    }

    #[test]
    fn nothing_is_made_anew_of_somebody_who_withdrew_meanwhile() {
        let (_dir, faces) = faces();
        let outdated = faces.outdated("b").unwrap();
        faces.withdraw("p-1", "asked", At::of_s(4)).unwrap();
        assert_eq!(
            faces.renewed(&outdated[0], "pack-b", &[template("x", "b")], At::of_s(5)).unwrap(),
            0
        );
        assert!(!faces.holds_anything_of("p-1").unwrap());
    }
}
