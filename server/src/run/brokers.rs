//! The brokers of a starting server: its own one started, or a login at each of yours; and the wait
//! until boxes can be heard.

use std::sync::Arc;
use std::time::Duration;

use protocol::provision::BrokerAddress;

use crate::app::App;
use crate::broker;
use crate::broker_config;
use crate::ca::Authority;
use crate::certificates::Certificates;
use crate::config::{Broker, Config, External};
use crate::low_priority::LowPriority;
use crate::mqtt::BrokerLogin;
use crate::store::Store;

/// Ready means that boxes can be heard; an external broker that is down is waited for in the
/// background.
pub(super) async fn wait_for_broker(app: &App) -> anyhow::Result<()> {
    let mut connected = app.connected.clone();
    let waited = tokio::time::timeout(Duration::from_secs(10), connected.wait_for(|c| *c)).await;
    match (waited, &app.config.broker) {
        (Ok(_), _) => Ok(()),
        (Err(_), Broker::Embedded { listen }) => {
            anyhow::bail!("the embedded broker on {listen} does not answer")
        }
        (Err(_), Broker::External { .. }) => {
            let names: Vec<_> = app.brokers.links.iter().map(|link| link.name.as_str()).collect();
            tracing::warn!(
                "no connection to the broker {} yet: it is tried again, meanwhile nothing is \
                received",
                names.join(", ")
            );
            Ok(())
        }
    }
}

/// How this server logs in at each broker, and where boxes find it.
pub(super) async fn brokers(
    low_priority: &LowPriority,
    config: &Config,
    store: &Arc<Store>,
    authority: &Authority,
    certificates: &Arc<Certificates>,
) -> anyhow::Result<(Vec<BrokerLogin>, Vec<BrokerAddress>)> {
    match &config.broker {
        Broker::Embedded { listen } => {
            let (listen, store) = (*listen, Arc::clone(store));
            let (login, address) =
                low_priority.spawn(broker::embedded::start(listen, store)).await??;
            Ok((vec![login], vec![address]))
        }
        Broker::External { brokers, .. } => {
            let logins = brokers
                .iter()
                .map(|it| login_of(it, authority, certificates))
                .collect::<Result<_, _>>()?;
            Ok((logins, brokers.iter().map(External::for_boxes).collect()))
        }
    }
}

fn login_of(
    it: &External,
    authority: &Authority,
    certificates: &Arc<Certificates>,
) -> anyhow::Result<BrokerLogin> {
    let password = match &it.password_file {
        None => String::new(),
        Some(path) => local_files::read_secret(path)
            .map_err(|why| anyhow::anyhow!("`mqtt.password_file` {}: {why}", path.display()))?,
    };
    let name = it.username.as_deref().unwrap_or(broker::SERVER);
    let tls = it.tls.then(|| {
        broker_config::server_tls(
            authority,
            name,
            (format!("{}:{}", it.host, it.port), certificates),
        )
    });
    Ok(BrokerLogin {
        host: it.host.clone(),
        port: it.port,
        username: it.username.clone().filter(|_| !it.tls),
        password,
        tls: tls.transpose()?.map(Arc::new),
    })
}
