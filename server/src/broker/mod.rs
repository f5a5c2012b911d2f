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

use rmqtt::context::ServerContext;
use rmqtt::hook::Type;
use rmqtt::net::Builder;
use rmqtt::server::MqttServer;

pub(crate) use access::SERVER;
pub use access::{Credentials, allowed_filter, allowed_topic};

/// Larger packets end the connection that sends them. Knowledge may be this large; an oversized
/// upward message is still seen, counted and set aside by the ingest.
pub(crate) const MAX_PACKET_BYTES: u32 = protocol::MAX_KNOWLEDGE_BYTES as u32 + 64 * 1024;

/// A running broker; it ends with the runtime that it was started on.
#[derive(Debug)]
pub struct Embedded {
    pub address: SocketAddr,
}

/// Binds (port 0 takes a free one) and serves in the background.
pub async fn start(
    listen: SocketAddr,
    credentials: Arc<dyn Credentials>,
) -> anyhow::Result<Embedded> {
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
        register.add(kind, Box::new(access::Guard::new(Arc::clone(&credentials)))).await;
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
    Ok(Embedded { address })
}
