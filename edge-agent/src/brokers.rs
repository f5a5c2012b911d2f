//! The brokers of this box: those of its own configuration where that names any, and the server's
//! otherwise, which signed knowledge may change. It connects to none of them.

use std::path::PathBuf;

use delivery::{identity::BoxIdentity, mqtt::BrokerList};
use protocol::{
    down::{Brokers, MOST_BROKERS},
    provision::BrokerAddress,
};

use crate::config::BrokerSettings;

/// Lays what the configuration says over what provisioning gave; false where it says nothing.
pub(crate) fn lay_over(settings: &BrokerSettings, identity: &mut BoxIdentity) -> bool {
    match settings {
        BrokerSettings::OfTheServer => false,
        BrokerSettings::One { host, port } => {
            let first = &identity.broker;
            let host = host.as_ref().unwrap_or(&first.host).clone();
            let only = at(host, port.unwrap_or(first.port), identity);
            identity.set_brokers(&[only]);
            true
        }
        BrokerSettings::Listed(listed) => {
            let all: Vec<_> =
                listed.iter().map(|it| at(it.host.clone(), it.port, identity)).collect();
            identity.set_brokers(&all);
            true
        }
    }
}

/// Whether TLS is spoken is the provisioning's to say, never a file's.
fn at(host: String, port: u16, identity: &BoxIdentity) -> BrokerAddress {
    BrokerAddress { host, port, tls: identity.broker.tls, username: None, password: None }
}

/// What the server's list of brokers changes.
#[derive(Debug)]
pub struct KnownBrokers {
    pub(crate) list: BrokerList,
    pub(crate) state_dir: PathBuf,
    /// The configuration names its own: the server's list is kept for the day it does not.
    pub(crate) fixed: bool,
}

impl KnownBrokers {
    /// Keeps the list and uses it from the next fault on.
    ///
    /// # Errors
    /// One line where the list can not be used or kept: then nothing has changed.
    pub(crate) fn apply(&self, told: &Brokers) -> Result<(), String> {
        let known = BoxIdentity::load(&self.state_dir).map_err(|why| why.to_string())?;
        check(told, &known)?;
        if known
            .brokers()
            .iter()
            .map(ToString::to_string)
            .ne(told.brokers.iter().map(ToString::to_string))
        {
            BoxIdentity::update(&self.state_dir, |identity| identity.set_brokers(&told.brokers))
                .map_err(|why| format!("it can not be kept on disk: {why}"))?;
        }
        if !self.fixed {
            let mut all = known;
            all.set_brokers(&told.brokers);
            self.list.set(all.brokers());
        }
        Ok(())
    }
}

fn check(told: &Brokers, known: &BoxIdentity) -> Result<(), String> {
    if !(1..=MOST_BROKERS).contains(&told.brokers.len()) {
        return Err(format!("{} brokers: 1 to {MOST_BROKERS} are taken", told.brokers.len()));
    }
    if let Some(clear) = told.brokers.iter().find(|it| it.tls != known.broker.tls) {
        let how = if clear.tls { "TLS, for which it has no authority" } else { "no TLS" };
        return Err(format!(
            "broker {clear} speaks {how}: this box was provisioned otherwise; provision it again"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use delivery::identity::keys_of;

    use super::*;

    fn broker(port: u16, tls: bool) -> BrokerAddress {
        let host = "127.0.0.1".to_owned();
        BrokerAddress { host, port, tls, username: None, password: None }
    }

    fn provisioned(dir: &std::path::Path) -> BoxIdentity {
        let server = keys_of(dir).unwrap().0.verifying_key().to_base64();
        let text = format!(
            "device = \"box-1\"\nroom = \"room-1\"\nserver_signing_key = \"{server}\"\n\
            [broker]\nhost = \"127.0.0.1\"\nport = 1\ntls = false\nusername = \"box-1\"\n\
            password = \"secret\"\n"
        );
        std::fs::write(dir.join("identity.toml"), text).unwrap();
        BoxIdentity::load(dir).unwrap()
    }

    fn ports(brokers: &[BrokerAddress]) -> Vec<u16> {
        brokers.iter().map(|it| it.port).collect()
    }

    fn known(dir: &std::path::Path, fixed: bool) -> KnownBrokers {
        let list = BrokerList::new(provisioned(dir).brokers());
        KnownBrokers { list, state_dir: dir.to_owned(), fixed }
    }

    #[test]
    fn the_servers_list_is_used_and_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let known = known(dir.path(), false);
        known.apply(&Brokers { brokers: vec![broker(2, false), broker(3, false)] }).unwrap();
        assert_eq!(ports(&known.list.all()), [2, 3]);
        let back = BoxIdentity::load(dir.path()).unwrap().brokers();
        assert_eq!(ports(&back), [2, 3]);
        assert!(back.iter().all(|it| it.password.as_deref() == Some("secret")));
    }

    #[test]
    fn a_list_without_tls_or_without_end_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let known = known(dir.path(), false);
        let many = (1..=17).map(|port| broker(port, false)).collect();
        for bad in [vec![], vec![broker(2, false), broker(3, true)], many] {
            assert!(known.apply(&Brokers { brokers: bad }).is_err());
        }
        assert_eq!(ports(&known.list.all()), [1]);
        assert_eq!(ports(&BoxIdentity::load(dir.path()).unwrap().brokers()), [1]);
    }

    #[test]
    fn the_files_own_brokers_go_before_the_servers() {
        let dir = tempfile::tempdir().unwrap();
        let known = known(dir.path(), true);
        known.apply(&Brokers { brokers: vec![broker(2, false)] }).unwrap();
        assert_eq!(ports(&known.list.all()), [1], "in use");
        let mut identity = BoxIdentity::load(dir.path()).unwrap();
        assert_eq!(ports(&identity.brokers()), [2], "kept");
        let one = BrokerSettings::One { host: None, port: Some(9) };
        assert!(lay_over(&one, &mut identity));
        assert_eq!(ports(&identity.brokers()), [9]);
        assert!(!lay_over(&BrokerSettings::OfTheServer, &mut identity));
    }
}
