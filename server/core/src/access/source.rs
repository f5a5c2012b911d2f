//! Where a request came from, as far as a proxy that the configuration names says so. Pure.
//!
//! What a client writes itself is never believed: each proxy adds the address that it saw at the
//! end of the list, so the list is read from its end, over the addresses of trusted proxies, to the
//! first that is none.

use std::net::IpAddr;

/// Addresses with a common beginning, such as `127.0.0.1` or `10.1.0.0/16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u8,
}

impl std::str::FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.parse().map_err(|_| format!("`{text}` is no IP address"))?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let prefix_bits = bits
            .map_or(Ok(all), str::parse)
            .map_err(|_| format!("`{text}` has no length behind `/`"))?;
        if prefix_bits > all {
            return Err(format!("`{text}`: the length behind `/` is at most {all}"));
        }
        Ok(Self { address, prefix_bits })
    }
}

impl Network {
    fn holds(&self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                same(own.to_bits().into(), other.to_bits().into(), self.prefix_bits, 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                same(own.to_bits(), other.to_bits(), self.prefix_bits, 128)
            }
            _ => false,
        }
    }
}

fn same(one: u128, other: u128, prefix_bits: u8, width: u8) -> bool {
    prefix_bits == 0 || (one ^ other) >> (width - prefix_bits) == 0
}

/// The client's address, where `peer` is a trusted proxy or no proxy is expected from it; of IPv6
/// the first 64 bits, since whoever has one address has all of those. `None` where nobody says: a
/// request of this machine without a trusted proxy may be anybody's whom an unknown one lets in.
pub fn source(peer: IpAddr, forwarded: &[&str], trusted: &[Network]) -> Option<String> {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.holds(address));
    let peer = peer.to_canonical();
    if trusted.is_empty() {
        return (!peer.is_loopback()).then(|| class(peer));
    }
    if !is_trusted(peer) {
        return Some(class(peer));
    }
    for said in forwarded.iter().rev().flat_map(|list| list.rsplit(',')) {
        let address = address(said.trim())?;
        if !is_trusted(address) {
            return Some(class(address));
        }
    }
    None
}

/// With or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|a| a.ip());
    text.parse().ok().or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

fn class(address: IpAddr) -> String {
    match address {
        IpAddr::V4(_) => address.to_string(),
        IpAddr::V6(it) => format!("{}/64", std::net::Ipv6Addr::from_bits(it.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(peer: &str, forwarded: &[&str], trusted: &[&str]) -> Option<String> {
        let trusted: Vec<Network> = trusted.iter().map(|t| t.parse().unwrap()).collect();
        source(peer.parse().unwrap(), forwarded, &trusted)
    }

    #[test]
    fn without_a_trusted_proxy_nobody_says_where_from() {
        assert_eq!(of("127.0.0.1", &["203.0.113.9"], &[]), None);
        assert_eq!(of("127.0.0.1", &[], &["127.0.0.1"]), None);
    }

    #[test]
    fn without_a_proxy_another_machine_is_its_own_source() {
        let said = of("203.0.113.9", &["198.51.100.7"], &[]);
        assert_eq!(said.unwrap(), "203.0.113.9", "its guesses count against itself alone");
    }

    #[test]
    fn what_the_client_wrote_itself_is_passed_over() {
        let trusted = ["127.0.0.1", "10.0.0.0/8"];
        assert_eq!(of("127.0.0.1", &["1.2.3.4, 203.0.113.9"], &trusted).unwrap(), "203.0.113.9");
        assert_eq!(
            of("127.0.0.1", &["1.2.3.4, 203.0.113.9, 10.9.9.9"], &trusted).unwrap(),
            "203.0.113.9"
        );
        assert_eq!(
            of("127.0.0.1", &["1.2.3.4", "203.0.113.9:4711"], &trusted).unwrap(),
            "203.0.113.9"
        );
        assert_eq!(of("127.0.0.1", &["203.0.113.9, rubbish"], &trusted), None);
        assert_eq!(
            of("192.0.2.7", &["203.0.113.9"], &trusted).unwrap(),
            "192.0.2.7",
            "no proxy of ours"
        );
    }

    #[test]
    fn addresses_of_one_ipv6_house_are_one_source() {
        let at = |end: &str| of("::1", &[&format!("2001:db8:1:2::{end}")], &["::1"]).unwrap();
        assert_eq!(at("1"), at("ffff"));
        assert_eq!(at("1"), "2001:db8:1:2::/64");
        assert_eq!(of("::1", &["::ffff:192.0.2.9"], &["::1"]).unwrap(), "192.0.2.9");
    }

    #[test]
    fn a_network_that_is_none_is_refused() {
        for bad in ["", "x", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/-1"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
        assert!("0.0.0.0/0".parse::<Network>().unwrap().holds("192.0.2.1".parse().unwrap()));
        assert!(!"10.1.0.0/16".parse::<Network>().unwrap().holds("10.2.0.1".parse().unwrap()));
    }
}
