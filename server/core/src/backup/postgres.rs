//! Backup and restore of a store in PostgreSQL, by its own `pg_dump` and `pg_restore`. What stood
//! there before a restore is set aside under another name, and comes back where the restore fails.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::clock::{self, At};
use crate::config::Config;
use crate::store::{Address, Aside, schemas};

/// In the archive, in place of the two files of SQLite.
pub(super) const DUMP: &str = "postgres.dump";

/// Both schemas as they stand at one moment, while servers write.
pub(super) fn dump(config: &Config, to: &Path) -> anyhow::Result<()> {
    let mut command = program(&config.store, "pg_dump")?;
    command.args(["--format=custom", "--no-owner", "--no-privileges", "--lock-wait-timeout=60s"]);
    command.args(schemas().map(|schema| format!("--schema={schema}")));
    run(command.arg("--file").arg(to))
}

/// What stood there goes aside, and the dump takes its place; the caller says whether it stays.
pub(super) fn put_back(config: &Config, from: &Path) -> anyhow::Result<Aside> {
    let ending = format!("before_{}", At::now().to_string().replace(['-', ':', '.', 'T', 'Z'], ""));
    let aside = Aside::set(&config.store, &ending)?;
    let database = config.store.database().context("only PostgreSQL is restored so")?;
    let mut command = program(&config.store, "pg_restore")?;
    command.args(["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"]);
    // Not among the arguments: a password.
    command.arg(format!("--dbname={database}")).arg(from);
    let done = run(&mut command).and_then(|()| Ok(aside.let_the_door_read()?));
    match done {
        Ok(()) => Ok(aside),
        Err(error) => Err(taken_back(&aside, error)),
    }
}

/// What stood there before stands there again.
pub(super) fn taken_back(aside: &Aside, error: anyhow::Error) -> anyhow::Error {
    match aside.take_back() {
        Ok(()) => error,
        Err(worse) => error.context(format!(
            "what stood there before was not brought back ({worse}): it lies in the schemas {}",
            aside.names().join(" and ")
        )),
    }
}

fn program(at: &Address, name: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(found(name));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.arg("--no-password").envs(at.environment()?);
    Ok(command)
}

/// Debian's folder of the newest PostgreSQL, or wherever the system finds it: an older program can
/// not read a newer server.
fn found(name: &str) -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    let found = folders.map(|folder| folder.path()).filter(|f| f.join("bin").join(name).exists());
    let newest = found.max_by_key(|folder| version(folder));
    newest.map_or_else(|| PathBuf::from(name), |folder| folder.join("bin").join(name))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.with_context(|| {
        format!("{program} can not be run: install PostgreSQL's client (postgresql-client)")
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    bail!("{program}: {}", clock::clip(said.lines().next().unwrap_or("ended with a fault"), 400))
}

/// Nothing may write while the store is replaced.
pub(super) fn nobody_lives(config: &Config) -> anyhow::Result<()> {
    let living = crate::store::living_servers(&config.store)?;
    ensure!(
        living.is_empty(),
        "a server runs over this store: {}; stop each of them first",
        living.join(", ")
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::super::{backup, restore};
    use crate::clock::At;
    use crate::config::Config;
    use crate::consent::ConsentPurpose;
    use crate::model::Consent;
    use crate::store::cluster::{Cluster, SOCKET};
    use crate::store::{FaceStore, NewEnrolment, NewTemplate, PublicStore, Store};
    use crate::tombstone::Ledger;
    use crate::vault::Key;

    /// 2026-03-02T01:00:00Z.
    const DAY: At = At::of_s(1_772_413_200);

    struct House {
        folder: tempfile::TempDir,
        config: Config,
        cluster: Cluster,
    }

    impl House {
        fn new() -> Option<Self> {
            if std::env::var_os(SOCKET).is_some() {
                return None;
            }
            let (cluster, folder) = (Cluster::start(), tempfile::tempdir().unwrap());
            let text = format!(
                "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \"master.key\"\n\
                 [models]\npack = \"avatar\"\n[store]\nurl = \"{}\"\n",
                cluster.database("house")
            );
            let config = Config::parse(&folder.path().join("z.toml"), &text).unwrap();
            std::fs::create_dir_all(&config.data_dir).unwrap();
            let key = trust::SigningKey::generate().unwrap();
            key.to_new_file(&config.data_dir.join("server_signing.key")).unwrap();
            let house = Self { folder, config, cluster };
            house.store().put_institution(&institution("c-1"), DAY).unwrap();
            for person in ["p-stays", "p-withdraws"] {
                enrol(&house.faces(), person);
            }
            Some(house)
        }

        fn store(&self) -> Store {
            Store::open(&self.config.store).unwrap()
        }

        fn faces(&self) -> FaceStore {
            let key = Key::master(&self.config.master_key_file).unwrap();
            let signer = self.config.data_dir.join("server_signing.key");
            let signer = trust::SigningKey::from_file(&signer).unwrap();
            let ledger = Ledger::new(&self.config.tombstone_file, signer.into());
            FaceStore::open(&self.config.store, key).unwrap().with_ledger(ledger).unwrap().0
        }

        fn backed_up(&self) -> std::path::PathBuf {
            let to = self.folder.path().join("b.zgbackup");
            backup(&self.config, &to, "at night").unwrap();
            to
        }

        /// Whom the store holds templates of, and its institutions.
        fn held(&self) -> (Vec<&'static str>, usize) {
            let faces = self.faces();
            let mut held = vec!["p-stays", "p-withdraws"];
            held.retain(|person| faces.holds_anything_of(person).unwrap());
            (held, self.store().institutions().unwrap().len())
        }
    }

    fn institution(id: &str) -> crate::model::Institution {
        serde_json::from_value(serde_json::json!({"id": id, "name": "锦城医美",
            "grade_ceiling": 2, "filed_items": [], "jurisdiction": "510104"}))
        .unwrap()
    }

    fn enrol(faces: &FaceStore, person: &str) {
        let consent = Consent {
            text_version: "1".into(),
            text_sha256: "a".repeat(64),
            purposes: vec![ConsentPurpose::Recognition, ConsentPurpose::ServerStorage],
            scope: "c-1".into(),
            signature: "s".into(),
            signed_at: DAY.to_string(),
            guardian: None,
            earlier: Vec::new(),
        };
        let template = NewTemplate {
            id: format!("t-{person}").parse().unwrap(),
            embedder_sha256: "e".repeat(64),
            masked: false,
            vector: Zeroizing::new(vec![7; 32]),
        };
        let proposal = NewEnrolment {
            id: &format!("e-{person}"),
            person,
            institution: "c-1",
            by: "boss",
            pack: "avatar",
            outcome: &serde_json::Value::Null,
            consent: &consent,
            templates: &[template],
            photos: &[],
        };
        faces.propose(&proposal, DAY).unwrap();
    }

    #[test]
    fn who_withdrew_after_a_dump_does_not_come_back() {
        let Some(house) = House::new() else { return };
        let archive = house.backed_up();
        house.faces().withdraw("p-withdraws", "asked", DAY).unwrap();
        house.store().put_institution(&institution("c-later"), DAY).unwrap();
        let said = restore(&house.config, &archive, "a lost disk").unwrap();
        assert!(said.contains("1 deletion(s) since the backup replayed"), "{said}");
        assert!(said.contains("the schema zaigang_before_"), "{said}");
        assert_eq!(house.held(), (vec!["p-stays"], 1));
        let door = PublicStore::open(&house.config.store, Key::generate().unwrap()).unwrap();
        assert!(door.search("锦城", ("", ""), 10).unwrap().len() < 2, "the door reads again");
        let deeds = house.store().verify_audit().unwrap().unwrap();
        assert!(deeds > 0, "the restore stands in the log");
    }

    #[test]
    fn a_dump_goes_into_an_empty_database() {
        let Some(house) = House::new() else { return };
        let archive = house.backed_up();
        house.faces().withdraw("p-withdraws", "asked", DAY).unwrap();
        let empty = crate::store::Address::postgres(
            &house.config.data_dir,
            &house.cluster.database("empty"),
            None,
        );
        let house = House { config: Config { store: empty.unwrap(), ..house.config }, ..house };
        // A schema of somebody else's of that name is set aside and not dropped.
        house.cluster.sql("empty", "CREATE SCHEMA zaigang CREATE TABLE theirs (n INT)");
        let said = restore(&house.config, &archive, "another machine").unwrap();
        assert!(said.contains("the schema zaigang_before_"), "{said}");
        assert!(!said.contains("zaigang_faces_before_"), "{said}");
        assert_eq!(house.held(), (vec!["p-stays"], 1));
    }

    /// A dump that ends in the middle, under a seal that is whole.
    #[test]
    fn a_restore_that_fails_leaves_what_was_there() {
        let Some(house) = House::new() else { return };
        let key = Key::master(&house.config.master_key_file).unwrap();
        let archive = house.backed_up();
        let before = house.held();
        let staged = house.folder.path().join("look");
        super::super::unpack(&house.config, &key, &archive, &staged).unwrap();
        let dump = staged.join(super::DUMP);
        let whole = std::fs::read(&dump).unwrap();
        for cut in [0, 100, whole.len() / 2, whole.len() - 200] {
            std::fs::write(&dump, &whole[..cut]).unwrap();
            let error = super::put_back(&house.config, &dump).unwrap_err();
            assert!(error.to_string().contains("pg_restore"), "{error:#}");
            assert_eq!(house.held(), before, "cut at {cut} of {}", whole.len());
        }
    }

    #[test]
    fn nothing_is_restored_under_a_server_that_lives() {
        let Some(house) = House::new() else { return };
        let archive = house.backed_up();
        let me = crate::store::Instance {
            id: "host-9:8080".to_owned(),
            version: "1".to_owned(),
            since: DAY,
            signing_key: "key".to_owned(),
        };
        let mut seat = crate::store::Seat::new(house.config.store.clone(), me);
        seat.look(&house.store(), jiff::Timestamp::now()).unwrap();
        let refused = restore(&house.config, &archive, "").unwrap_err().to_string();
        assert!(refused.contains("host-9:8080") && refused.contains("stop"), "{refused}");
    }

    #[test]
    fn an_archive_of_the_other_engine_says_so() {
        let Some(house) = House::new() else { return };
        let archive = house.backed_up();
        let store = crate::store::Address::embedded(&house.config.data_dir);
        let house = House { config: Config { store, ..house.config }, ..house };
        let refused = restore(&house.config, &archive, "").unwrap_err().to_string();
        assert!(refused.contains("of a store in PostgreSQL"), "{refused}");
    }
}
