//! Asks a broker, as this box, whether it would be served: CONNECT, then a SUBSCRIBE for everything
//! that the server sends. It publishes nothing, and acknowledges nothing, so that what waits for
//! the box goes on waiting. A box that is connected at that moment is disconnected, and comes back
//! by itself.

use std::time::Duration;

use jiff::Timestamp;
use protocol::topic::{Channel, Topic};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event};

use super::Settings;
use super::options::bare_options;
use super::words::explained;
use crate::identity::Identity;

/// Why a box would not be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    #[error("{0}")]
    NoConnection(String),
    #[error(
        "the broker lets this box connect, and refuses to send it {0}: its access list lacks this \
        box (broker-config)"
    )]
    Refused(String),
    #[error("no answer from the broker within {0} s")]
    Silent(u64),
}

/// Connects and subscribes, within `patience`.
pub async fn probe(identity: Identity, patience: Duration) -> Result<(), ProbeError> {
    let device = identity.device.clone();
    let settings = Settings::new(identity);
    let mut options =
        bare_options(&settings).map_err(|why| ProbeError::NoConnection(why.to_string()))?;
    options.set_manual_acks(true);
    let (client, mut events) = AsyncClient::new(options, 32);
    let wanted = Channel::DOWN.len();
    let (mut answered, mut refused) = (0, Vec::new());
    let asking = async {
        while answered < wanted {
            let event = events.poll().await;
            match event.map_err(|why| {
                ProbeError::NoConnection(explained(&why.to_string(), Timestamp::now()))
            })? {
                Event::Incoming(Packet::ConnAck(_)) => {
                    for channel in Channel::DOWN {
                        let filter = Topic::new(device.clone(), channel).to_string();
                        let _ = client.try_subscribe(filter, QoS::AtLeastOnce);
                    }
                }
                Event::Incoming(Packet::SubAck(ack)) => {
                    // Answers come in the order of the questions.
                    if is_refused(&ack.return_codes)
                        && let Some(channel) = Channel::DOWN.get(answered)
                    {
                        refused.push(channel.as_str());
                    }
                    answered += 1;
                }
                _ => {}
            }
        }
        let _ = client.try_disconnect();
        while !matches!(
            events.poll().await,
            Err(_) | Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect))
        ) {}
        Ok(())
    };
    tokio::time::timeout(patience, asking)
        .await
        .unwrap_or(Err(ProbeError::Silent(patience.as_secs())))?;
    if refused.is_empty() { Ok(()) } else { Err(ProbeError::Refused(refused.join(", "))) }
}

/// Whether a subscription was not given.
pub(super) fn is_refused(codes: &[SubscribeReasonCode]) -> bool {
    codes.iter().any(|code| !matches!(code, SubscribeReasonCode::Success(_)))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use trust::{SealingKey, SigningKey};

    use super::*;

    /// A broker of a few lines: it lets everybody connect, and answers each subscription with
    /// `code`.
    async fn broker(code: u8) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            loop {
                let (Ok(kind), Ok(mut left)) = (stream.read_u8().await, stream.read_u8().await)
                else {
                    return;
                };
                let mut length = usize::from(left & 127);
                while left & 128 != 0 {
                    left = stream.read_u8().await.unwrap();
                    length += usize::from(left & 127) << 7;
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).await.unwrap();
                match kind >> 4 {
                    1 => stream.write_all(&[0x20, 3, 0, 0, 0]).await.unwrap(),
                    8 => stream.write_all(&[0x90, 4, body[0], body[1], 0, code]).await.unwrap(),
                    _ => {}
                }
            }
        });
        port
    }

    fn identity(port: u16) -> Identity {
        let host = "127.0.0.1".to_owned();
        Identity {
            device: "box-1".parse().unwrap(),
            room: "room-1".parse().unwrap(),
            server: SigningKey::generate().unwrap().verifying_key(),
            broker: protocol::provision::BrokerAddress {
                host,
                port,
                tls: false,
                username: None,
                password: None,
            },
            other_brokers: Vec::new(),
            signing: SigningKey::generate().unwrap(),
            sealing: SealingKey::generate().unwrap(),
            tls: None,
            server_url: None,
            certificate: None,
        }
    }

    #[tokio::test]
    async fn a_subscription_that_is_refused_is_told() {
        let patience = Duration::from_secs(20);
        assert_eq!(probe(identity(broker(1).await), patience).await, Ok(()));
        let refused = probe(identity(broker(0x87).await), patience).await.unwrap_err();
        assert!(refused.to_string().contains("access list"), "{refused}");
    }

    #[tokio::test]
    async fn a_port_that_says_nothing_is_no_broker() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silent = probe(identity(port), Duration::from_millis(300)).await;
        assert!(silent.is_err());
    }
}
