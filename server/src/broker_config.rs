//! What an external Mosquitto needs: TLS, client certificates as user names, and one pattern ACL for every box.

/// The configuration and the ACL, as one commented text to split at its marks.
#[expect(clippy::format_push_string, reason = "a dozen short lines, printed once")]
pub fn text() -> String {
    let up = ["findings", "presence", "health", "status"];
    let down = ["receipts", "commands", "knowledge"];
    let mut acl = String::from("# The server: hears every box, answers every box.\nuser zaigang-server\n");
    for channel in up {
        acl += &format!("topic read zaigang/v1/+/{channel}\n");
    }
    for channel in down {
        acl += &format!("topic write zaigang/v1/+/{channel}\n");
    }
    acl += "\n# A box: %u is the CN of its certificate, which is its device id. Own topics only.\n";
    for channel in up {
        acl += &format!("pattern write zaigang/v1/%u/{channel}\n");
    }
    for channel in down {
        acl += &format!("pattern read zaigang/v1/%u/{channel}\n");
    }
    format!("{CONF}\n# ---- /etc/mosquitto/zaigang.acl ----\n{acl}")
}

const CONF: &str = "\
# ---- /etc/mosquitto/conf.d/zaigang.conf ----  (Mosquitto 2.0, Debian)
per_listener_settings false
allow_anonymous false
acl_file /etc/mosquitto/zaigang.acl
# Largest packet in bytes: a roster for one room, sealed (protocol::MAX_KNOWLEDGE_BYTES) with its header.
max_packet_size 1114112
# What is on its way to a box that is away; nothing that must survive rests on it.
max_queued_messages 1000
max_inflight_messages 20
persistence true
persistence_location /var/lib/mosquitto/

listener 8883
cafile /etc/mosquitto/zaigang/ca.crt
certfile /etc/mosquitto/zaigang/broker.crt
keyfile /etc/mosquitto/zaigang/broker.key
require_certificate true
# The CN of the client certificate is the user name, so the ACL below can not be got round by a password.
use_identity_as_username true
tls_version tlsv1.2
";

#[cfg(test)]
mod tests {
    #[test]
    fn the_acl_names_every_channel_in_its_direction() {
        let text = super::text();
        for channel in protocol::topic::Channel::ALL {
            let verb = if protocol::topic::Channel::UP.contains(&channel) { "write" } else { "read" };
            assert!(text.contains(&format!("pattern {verb} zaigang/v1/%u/{}\n", channel.as_str())));
        }
    }
}
