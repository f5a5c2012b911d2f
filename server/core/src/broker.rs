//! Who may say and hear what over MQTT: a box on its own topics only, the server on all. The broker
//! inside this process asks here; the ACL of one elsewhere (`broker_config`) says the same.
//!
//! Decides on names alone; never sees a payload.

#[cfg_attr(not(feature = "embedded-broker"), path = "broker/no_embedded.rs")]
pub mod embedded;

use protocol::topic::{Channel, Topic};

/// What whoever asks for the broker of such a build is told.
pub const LEFT_OUT: &str = "this program was built without the embedded broker: set \
    `mqtt.broker = \"external\"` and name a broker, or build with default features";

/// Whether this program was built with a broker of its own (docs/decisions/0165).
pub const HAS_EMBEDDED: bool = cfg!(feature = "embedded-broker");

/// The name under which this server connects to its own broker.
pub const SERVER: &str = "zaigang-server";

/// Larger packets end the connection that sends them. Knowledge may be this large; an oversized
/// upward message is still seen, counted and set aside by the ingest.
pub const MAX_PACKET_BYTES: u32 = protocol::MAX_KNOWLEDGE_BYTES as u32 + 64 * 1024;

/// A box may publish on its own upward channels.
pub fn allowed_topic(user: &str, topic: &str) -> bool {
    user == SERVER
        || topic
            .parse::<Topic>()
            .is_ok_and(|t| t.device.as_str() == user && Channel::UP.contains(&t.channel))
}

/// A box may listen to its own downward channels, without wildcards.
pub fn allowed_filter(user: &str, filter: &str) -> bool {
    user == SERVER
        || filter
            .parse::<Topic>()
            .is_ok_and(|t| t.device.as_str() == user && Channel::DOWN.contains(&t.channel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_speaks_and_listens_on_its_own_topics_only() {
        for (topic, publish, subscribe) in [
            ("zaigang/v1/box-1/findings", true, false),
            ("zaigang/v1/box-1/status", true, false),
            ("zaigang/v1/box-1/receipts", false, true),
            ("zaigang/v1/box-1/knowledge", false, true),
            ("zaigang/v1/box-2/findings", false, false),
            ("zaigang/v1/box-2/knowledge", false, false),
            ("zaigang/v1/+/findings", false, false),
            ("zaigang/v1/box-1/#", false, false),
            ("#", false, false),
            ("$SYS/broker", false, false),
        ] {
            assert_eq!(allowed_topic("box-1", topic), publish, "publish {topic}");
            assert_eq!(allowed_filter("box-1", topic), subscribe, "subscribe {topic}");
        }
        assert!(
            allowed_filter(SERVER, "zaigang/v1/+/findings")
                && allowed_topic(SERVER, "zaigang/v1/box-1/receipts")
        );
    }
}
