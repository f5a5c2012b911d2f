//! In place of the broker inside this process where it was left out of the build.

use std::net::SocketAddr;
use std::sync::Arc;

use protocol::provision::BrokerAddress;

use crate::mqtt::BrokerLogin;
use crate::set_up_fault::SetUpFault;
use crate::store::Store;

/// Refuses; `config` has refused before.
#[allow(clippy::unused_async, reason = "the signature of the broker that it stands for")]
pub async fn start(
    listen: SocketAddr,
    _store: Arc<Store>,
) -> anyhow::Result<(BrokerLogin, BrokerAddress)> {
    Err(SetUpFault(format!("no broker on {listen}: {}", super::LEFT_OUT)).into())
}
