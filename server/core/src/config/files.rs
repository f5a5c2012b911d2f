//! The files that a configuration names: whether each can be opened and is what it must be, and
//! whether a secret is one. It reads and never writes; a file that the server makes by itself may
//! be missing.

use std::fs;
use std::path::Path;

use super::{Broker, Config};
use crate::paper::Font;
use crate::tls_client;

/// What is wrong with the files, one line each.
pub fn faults(config: &Config) -> Vec<String> {
    let mut faults = open_secrets(config);
    let own = [
        ("tombstone_file", config.tombstone_file.as_path(), false),
        ("audit.head_file", config.audit.head_file.as_path(), false),
    ];
    for (key, path, must_be) in secrets(config).into_iter().chain(own) {
        if let Err(fault) = opened(path, must_be) {
            faults.push(format!("`{key}` {}: {fault}", path.display()));
        }
    }
    let outgoing = &config.outgoing;
    let authorities = [
        ("outgoing.ca_file", outgoing.ca_file.as_deref()),
        ("smtp.ca_file", outgoing.smtp.as_ref().and_then(|smtp| smtp.ca_file.as_deref())),
        ("oidc.ca_file", config.oidc.as_ref().and_then(|oidc| oidc.ca_file.as_deref())),
    ];
    for (key, path) in authorities {
        if let Some(Err(why)) = path.map(|path| tls_client::authorities(Some(path))) {
            faults.push(format!("`{key}`: {why}"));
        }
    }
    if let Some(font) = &config.font_file
        && let Err(error) = Font::find(Some(font))
    {
        faults.push(format!("`export.font_file`: {error}"));
    }
    if let Some(models) = config.models_dir.as_ref().filter(|models| !models.is_dir()) {
        faults.push(format!("`models.folder` {}: there is no such folder", models.display()));
    }
    if config.data_dir.exists() && fs::read_dir(&config.data_dir).is_err() {
        faults.push(format!(
            "`data_dir` {}: can not be read by this user",
            config.data_dir.display()
        ));
    }
    faults
}

/// What the server makes by itself may be missing, and then its folder must be there or be made.
fn opened(path: &Path, must_be: bool) -> Result<(), String> {
    match fs::File::open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_be => {
            let folder = path.ancestors().skip(1).find(|p| p.exists()).unwrap_or(Path::new("."));
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            if folder.is_dir() {
                Ok(())
            } else {
                Err(format!("{} is no folder, so it can not be made there", folder.display()))
            }
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Secrets that others may read or change, one line each.
pub fn open_secrets(config: &Config) -> Vec<String> {
    let own = ["server_signing.key", "ca.key"].map(|name| config.data_dir.join(name));
    let own = own.iter().map(|path| ("data_dir", path.as_path()));
    let named = secrets(config).into_iter().map(|(key, path, _)| (key, path)).chain(own);
    let there = named.filter(|(_, path)| path.exists());
    there
        .filter_map(|(key, path)| {
            let fault = local_files::check_secret(path).err()?;
            Some(format!("`{key}` {}: {fault}", path.display()))
        })
        .collect()
}

/// The passwords of other machines that the configuration names, as their files hold them: what no
/// log line may show.
pub fn passwords(config: &Config) -> Vec<String> {
    let named = secrets(config).into_iter().filter(|(_, _, must_be)| *must_be);
    named.filter_map(|(_, path, _)| local_files::read_secret(path).ok()).collect()
}

/// Key, path, and whether it must be there before the first start.
fn secrets(config: &Config) -> Vec<(&'static str, &Path, bool)> {
    let smtp = config.outgoing.smtp.as_ref().and_then(|smtp| smtp.password_file.as_deref());
    let oidc = config.oidc.as_ref().and_then(|oidc| oidc.client_secret_file.as_deref());
    let mqtt = match &config.broker {
        Broker::External { brokers, .. } => brokers.as_slice(),
        Broker::Embedded { .. } => &[],
    };
    let store = config.store.beside();
    let mqtt = mqtt.iter().map(|it| ("mqtt.password_file", it.password_file.as_deref()));
    let named = [
        ("smtp.password_file", smtp),
        ("oidc.client_secret_file", oidc),
        ("store.password_file", store.and_then(|s| s.password_file.as_deref())),
        ("store.door_password_file", store.and_then(|s| s.door_password_file.as_deref())),
    ];
    let named = named.into_iter().chain(mqtt).filter_map(|(key, path)| Some((key, path?, true)));
    std::iter::once(("master_key_file", config.master_key_file.as_path(), false))
        .chain(named)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn config(folder: &Path) -> Config {
        let text = "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \
            \"master.key\"\n[smtp]\nhost = \"127.0.0.1\"\ntls = \"none\"\nusername = \
            \"x\"\npassword_file = \"smtp-password\"\nfrom = \
            \"a@example.cn\"\n[outgoing]\nca_file = \"ca.pem\"\n[export]\nfont_file = \
            \"font.ttf\"\n[models]\nfolder = \"models\"\n";
        Config::parse(&folder.join("z.toml"), text).unwrap()
    }

    #[test]
    fn every_file_that_is_named_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        let found = faults(&config(dir.path())).join("\n");
        for key in ["smtp.password_file", "outgoing.ca_file", "export.font_file", "models.folder"] {
            assert!(found.contains(&format!("`{key}`")), "{key}: {found}");
        }
        assert!(!found.contains("master_key_file"), "the server makes its own: {found}");
    }

    #[test]
    fn what_the_server_makes_itself_is_opened_where_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        // Its place is taken by what is no file, and its folder by what is no folder.
        fs::create_dir(dir.path().join("master.key")).unwrap();
        fs::write(dir.path().join("taken"), "").unwrap();
        let mut config = config(dir.path());
        config.tombstone_file = dir.path().join("taken/ledger");
        let found = faults(&config).join("\n");
        assert!(found.contains("`tombstone_file`"), "{found}");
        config.tombstone_file = dir.path().join("made/by/itself");
        assert!(!faults(&config).join("\n").contains("`tombstone_file`"));
    }

    #[test]
    fn the_passwords_that_are_named_are_known_to_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("smtp-password");
        fs::write(&path, "\u{feff}geheim\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(passwords(&config(dir.path())), ["geheim"]);
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("smtp-password");
        fs::write(&path, "secret").unwrap();
        for (mode, refused) in [
            (0o644, true),
            (0o604, true),
            (0o620, true),
            (0o640, false),
            (0o600, false),
            (0o400, false),
        ] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let found = open_secrets(&config(dir.path()));
            assert_eq!(!found.is_empty(), refused, "{mode:o}: {found:?}");
            let named = found.iter().map(|line| line.matches("smtp-password").count());
            assert!(named.clone().all(|count| count == 1), "a path is named twice: {found:?}");
        }
    }
}
