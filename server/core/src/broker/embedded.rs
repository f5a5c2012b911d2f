//! The broker inside this process: MQTT over TCP on loopback, with "own topics only" enforced per
//! client.
//!
//! Built on rmqtt (docs/decisions/0070). Speaks no TLS, so it never listens beyond loopback
//! (`config` refuses it).

mod access;
mod retain;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use protocol::id::DeviceId;
use protocol::provision::BrokerAddress;
use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::net::Builder;
use rmqtt::server::MqttServer;

use super::{MAX_PACKET_BYTES, SERVER};
use crate::mqtt::BrokerLogin;
use crate::set_up_fault::SetUpFault;
use crate::store::Store;
use crate::vault::Key;

/// Serves in the background for as long as the runtime that it was started on; how this server
/// logs in, and what the boxes are told.
pub async fn start(
    listen: SocketAddr,
    store: Arc<Store>,
) -> anyhow::Result<(BrokerLogin, BrokerAddress)> {
    let password = hex::encode(Key::generate()?.bytes());
    wait_for(listen).await?;
    let address = serve(listen, Passwords { store, server_password: password.clone() }).await?;
    tracing::info!(%address, "embedded MQTT broker: own topics only, no TLS, loopback alone");
    let (host, port) = (address.ip().to_string(), address.port());
    let login = BrokerLogin {
        host: host.clone(),
        port,
        username: Some(SERVER.to_owned()),
        password,
        tls: None,
    };
    Ok((login, BrokerAddress { host, port, tls: false, username: None, password: None }))
}

/// Another program may hold the address for a moment, as the one before us does; or for good, as
/// Debian's Mosquitto does.
async fn wait_for(listen: SocketAddr) -> anyhow::Result<()> {
    const TRIES: usize = 6;
    for attempt in 1.. {
        match std::net::TcpListener::bind(listen) {
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse && attempt < TRIES => {
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                return Err(SetUpFault(format!(
                    "the embedded broker can not listen on {listen}: another program holds it, \
                     most likely Debian's Mosquitto. Give this server another address \
                     (`mqtt.listen = \"127.0.0.1:1884\"`), or use that broker \
                     (`mqtt.broker = \"external\"`; `zaigang-server broker-config` makes what \
                     it needs)"
                ))
                .into());
            }
            // Any other fault is told by the broker itself.
            _ => break,
        }
    }
    Ok(())
}

/// Binds (port 0 takes a free one) and serves in the background.
async fn serve(listen: SocketAddr, passwords: Passwords) -> anyhow::Result<SocketAddr> {
    let passwords = Arc::new(passwords);
    let listener = Builder::new()
        .name("zaigang")
        .laddr(listen)
        .reuseaddr(Some(true))
        .allow_anonymous(false)
        .max_packet_size(MAX_PACKET_BYTES)
        .max_connections(20_000)
        .max_handshaking_limit(4096)
        .max_mqueue_len(10_000)
        .handshake_timeout(Duration::from_secs(15))
        .max_keepalive(600)
        .bind()
        .map_err(|e| {
            anyhow::anyhow!(
                "the embedded broker can not listen on {listen}: {e}: choose another `mqtt.listen`"
            )
        })?;
    let address = listener.local_addr()?;
    let context = ServerContext::new().mqtt_max_sessions(20_000).build().await;
    *context.extends.retain_mut().await = Box::new(retain::InMemory::default());
    let register = context.extends.hook_mgr().register();
    for kind in
        [Type::ClientAuthenticate, Type::ClientSubscribeCheckAcl, Type::MessagePublishCheckAcl]
    {
        register.add(kind, Box::new(access::Guard::new(Arc::clone(&passwords)))).await;
    }
    register.start().await;
    let server = MqttServer::new(context).listener_by_id(listener.tcp()?, 1).build();
    tokio::spawn(async move {
        // The hooks stop with their register, so it lives as long as the broker.
        let _register = register;
        if let Err(error) = server.run().await {
            tracing::error!(%error, "the embedded broker stopped");
        }
    });
    Ok(address)
}

/// The broker asks here who may connect.
pub(super) struct Passwords {
    store: Arc<Store>,
    server_password: String,
}

impl Passwords {
    pub(super) fn server_password_is(&self, password: &[u8]) -> bool {
        trust::sha256_hex(password) == trust::sha256_hex(&self.server_password)
    }

    pub(super) fn device_password_is(&self, device: &DeviceId, password: &[u8]) -> bool {
        match self.store.mqtt_secret_hash(device) {
            Ok(Some(hash)) => hash == trust::sha256_hex(password),
            Ok(None) => false,
            Err(error) => {
                tracing::error!(%device, %error, "password not checked");
                false
            }
        }
    }
}
