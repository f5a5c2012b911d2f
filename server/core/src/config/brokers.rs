//! `[mqtt]`: the broker inside this process, one elsewhere, or several that know nothing of one
//! another. Each fault is one line with its place.

use std::path::Path;

use protocol::down::MOST_BROKERS;
use toml::Spanned;

use super::raw::{RawBroker, RawListedBroker, RawMqtt};
use super::source::ConfigText;
use super::{Broker, ConfigError, External, host_of, is_loopback};
use crate::broker;

pub(super) fn broker(
    source: &ConfigText<'_>,
    mut raw: RawMqtt,
    base: &Path,
) -> Result<Broker, ConfigError> {
    let listed = std::mem::take(&mut raw.brokers);
    if !listed.is_empty() {
        return several(source, &raw, listed, base);
    }
    if raw.broker == Some(RawBroker::External) {
        let shared = raw.shared.unwrap_or(false);
        let one = RawListedBroker {
            host: raw.host,
            port: raw.port,
            username: raw.username,
            password_file: raw.password_file,
            tls: raw.tls,
            boxes_host: raw.boxes_host,
            boxes_port: raw.boxes_port,
        };
        let one = external(source, "mqtt", one, base)?;
        return Ok(Broker::External { brokers: vec![one], shared, listed: false });
    }
    embedded(source, raw.listen)
}

fn embedded(
    source: &ConfigText<'_>,
    listen: Option<Spanned<String>>,
) -> Result<Broker, ConfigError> {
    if !broker::HAS_EMBEDDED {
        return Err(source.wrong(0, broker::LEFT_OUT));
    }
    let offset = listen.as_ref().map_or(0, |l| l.span().start);
    let listen = source.address("mqtt.listen", listen, "127.0.0.1:1883")?;
    if !listen.ip().is_loopback() {
        let why = format!(
            "`mqtt.listen` is {listen}: the embedded broker speaks no TLS and listens on loopback \
            alone; for boxes elsewhere use `mqtt.broker = \"external\"` and `zaigang-server \
            broker-config`"
        );
        return Err(source.wrong(offset, why));
    }
    Ok(Broker::Embedded { listen })
}

fn several(
    source: &ConfigText<'_>,
    raw: &RawMqtt,
    listed: Vec<Spanned<RawListedBroker>>,
    base: &Path,
) -> Result<Broker, ConfigError> {
    let first = listed.first().map_or(0, |it| it.span().start);
    let alone = [
        ("broker = \"embedded\"", raw.broker == Some(RawBroker::Embedded)),
        ("host", raw.host.is_some()),
        ("port", raw.port.is_some()),
        ("username", raw.username.is_some()),
        ("password_file", raw.password_file.is_some()),
        ("tls", raw.tls.is_some()),
        ("boxes_host", raw.boxes_host.is_some()),
        ("boxes_port", raw.boxes_port.is_some()),
    ];
    if let Some((key, _)) = alone.into_iter().find(|(_, given)| *given) {
        let why = format!(
            "`mqtt.{key}` is of the form with one broker: it stands in each of `[[mqtt.brokers]]`, \
            or there is no such list"
        );
        return Err(source.wrong(first, why));
    }
    let mut brokers: Vec<External> = Vec::new();
    for it in listed {
        let at = it.span().start;
        let one = external(source, "mqtt.brokers", it.into_inner(), base)?;
        let twice = |known: &External| known.for_boxes().is_at(&one.for_boxes());
        if brokers.iter().any(twice) || brokers.len() == MOST_BROKERS {
            let why = format!(
                "`[[mqtt.brokers]]` takes 1 to {MOST_BROKERS} brokers, each at an address of its \
                own for boxes: {} is one too many",
                one.for_boxes()
            );
            return Err(source.wrong(at, why));
        }
        if brokers.first().is_some_and(|known| known.tls != one.tls) {
            let why = "`mqtt.brokers.tls` must be the same for all: a box has either a certificate \
                or a password";
            return Err(source.wrong(at, why));
        }
        brokers.push(one);
    }
    Ok(Broker::External { brokers, shared: raw.shared.unwrap_or(false), listed: true })
}

fn external(
    source: &ConfigText<'_>,
    table: &str,
    raw: RawListedBroker,
    base: &Path,
) -> Result<External, ConfigError> {
    let number = |key: &str, value: Option<Spanned<i64>>, default: i64| {
        source.number(&format!("{table}.{key}"), value, default, (1, 65_535)).map(|n| n as u16)
    };
    let port = number("port", raw.port, 1883)?;
    let boxes_port = number("boxes_port", raw.boxes_port, port.into())?;
    let tls = raw.tls.unwrap_or(false);
    for (key, host) in [("host", &raw.host), ("boxes_host", &raw.boxes_host)] {
        let Some(host) =
            host.as_ref().filter(|host| !tls && !is_loopback(&host_of(host.get_ref())))
        else {
            continue;
        };
        let why = format!(
            "`{table}.{key}` is `{}` and `{table}.tls` is off: passwords and findings would cross \
            a network in clear; set tls = true (`zaigang-server broker-config` makes what the \
            broker needs)",
            host.get_ref()
        );
        return Err(source.wrong(host.span().start, why));
    }
    Ok(External {
        host: raw.host.map_or_else(|| "127.0.0.1".to_owned(), Spanned::into_inner),
        port,
        username: raw.username,
        password_file: raw.password_file.map(|p| base.join(p)),
        tls,
        boxes_host: raw.boxes_host.map(Spanned::into_inner),
        boxes_port: (boxes_port != port).then_some(boxes_port),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn parsed(mqtt: &str) -> Result<Broker, String> {
        let text = format!(
            "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \"m.key\"\n{mqtt}"
        );
        Config::parse(Path::new("z.toml"), &text)
            .map(|config| config.broker)
            .map_err(|why| why.to_string())
    }

    #[test]
    fn listed_brokers_are_read_in_their_order() {
        let text =
            "[mqtt]\nshared = true\n[[mqtt.brokers]]\nport = 1\n[[mqtt.brokers]]\nport = 2\n";
        let Broker::External { brokers, shared, listed } = parsed(text).unwrap() else { panic!() };
        let ports: Vec<u16> = brokers.iter().map(|it| it.port).collect();
        assert_eq!((ports, shared, listed), (vec![1, 2], true, true));
    }

    #[test]
    fn the_form_with_one_broker_stays_valid() {
        let text = "[mqtt]\nbroker = \"external\"\nport = 7\nboxes_port = 8\n";
        let Broker::External { brokers, listed: false, .. } = parsed(text).unwrap() else {
            panic!()
        };
        assert_eq!((brokers.len(), brokers[0].for_boxes().port), (1, 8));
    }

    #[test]
    fn a_list_that_contradicts_itself_is_one_line() {
        let two = "[[mqtt.brokers]]\nport = 1\n[[mqtt.brokers]]\n";
        for (text, said) in [
            (format!("{two}port = 1\n"), "one too many"),
            (format!("{two}port = 2\ntls = true\n"), "the same for all"),
            (format!("{two}host = \"10.0.0.1\"\n"), "in clear"),
            (format!("{two}port = 2\nboxes_host = \"b.example.cn\"\n"), "in clear"),
            (format!("{two}port = 0\n"), "1 to 65535"),
            (format!("[mqtt]\nhost = \"127.0.0.1\"\n{two}port = 2\n"), "form with one broker"),
            (format!("[mqtt]\nbroker = \"embedded\"\n{two}port = 2\n"), "form with one broker"),
            (format!("{two}shared = true\n"), "unknown field"),
        ] {
            let why = parsed(&text).unwrap_err();
            assert!(why.contains(said) && !why.contains('\n'), "{text}: {why}");
        }
    }
}
