//! Topics are a type that parses and prints: `zaigang/v1/{device}/{channel}`.
//!
//! The institution never stands in a topic (it comes from the device's registration), so one
//! pattern ACL serves every box.

use std::fmt;
use std::str::FromStr;

use crate::id::DeviceId;

/// What may be said on a topic, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Channel {
    /// Box → server: findings; part of the signed chain.
    Findings,
    /// Box → server: presence summaries; part of the signed chain, dropped first when the disk is
    /// full.
    Presence,
    /// Box → server: health, drop and break records, knowledge acknowledgements; part of the signed
    /// chain.
    Health,
    /// Box → server: online or offline, retained; the last will. Signed, not chained.
    Status,
    /// Server → box: what is durably stored.
    Receipts,
    /// Server → box: commands.
    Commands,
    /// Server → box: roster, catalogue, policy, room, sessions; signed, then sealed.
    Knowledge,
}

impl Channel {
    pub const ALL: [Self; 7] = [
        Self::Findings,
        Self::Presence,
        Self::Health,
        Self::Status,
        Self::Receipts,
        Self::Commands,
        Self::Knowledge,
    ];

    /// The channels a box publishes on.
    pub const UP: [Self; 4] = [Self::Findings, Self::Presence, Self::Health, Self::Status];

    /// The channels a box subscribes to.
    pub const DOWN: [Self; 3] = [Self::Receipts, Self::Commands, Self::Knowledge];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Findings => "findings",
            Self::Presence => "presence",
            Self::Health => "health",
            Self::Status => "status",
            Self::Receipts => "receipts",
            Self::Commands => "commands",
            Self::Knowledge => "knowledge",
        }
    }
}

/// `zaigang/v1/{device}/{channel}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Topic {
    pub device: DeviceId,
    pub channel: Channel,
}

impl Topic {
    pub fn new(device: DeviceId, channel: Channel) -> Self {
        Self { device, channel }
    }

    /// The subscription that hears one channel of every device.
    pub fn filter_all(channel: Channel) -> String {
        format!("zaigang/v1/+/{}", channel.as_str())
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zaigang/v1/{}/{}", self.device, self.channel.as_str())
    }
}

/// A topic that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadTopic {
    pub text: String,
}

impl fmt::Display for BadTopic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.text.chars().take(120).collect();
        write!(f, "`{shown}` is no Zaigang topic: expected zaigang/v1/{{device}}/{{channel}}")
    }
}

impl std::error::Error for BadTopic {}

impl FromStr for Topic {
    type Err = BadTopic;

    fn from_str(text: &str) -> Result<Self, BadTopic> {
        let bad = || BadTopic { text: text.to_owned() };
        let mut levels = text.strip_prefix("zaigang/v1/").ok_or_else(bad)?.split('/');
        let (Some(device), Some(channel), None) = (levels.next(), levels.next(), levels.next())
        else {
            return Err(bad());
        };
        let device = device.parse().map_err(|_| bad())?;
        let channel = Channel::ALL.into_iter().find(|c| c.as_str() == channel).ok_or_else(bad)?;
        Ok(Self { device, channel })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_parses_back() {
        for channel in Channel::ALL {
            let topic = Topic::new("box-1".parse().unwrap(), channel);
            assert_eq!(topic.to_string().parse(), Ok(topic));
        }
    }

    #[test]
    fn foreign_topics_are_refused() {
        for bad in [
            "",
            "zaigang/v1/box",
            "zaigang/v2/box/health",
            "zaigang/v1/+/health",
            "zaigang/v1/b/health/x",
            "zaigang/v1/b/nothing",
        ] {
            assert!(bad.parse::<Topic>().is_err(), "{bad} was taken");
        }
    }
}
