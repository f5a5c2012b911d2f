//! Identifiers as they stand on the wire. They are opaque: never a name, never derived from a face.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a text is no identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadId {
    pub text: String,
}

impl fmt::Display for BadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is no identifier: use 1 to 64 of a-z A-Z 0-9 . _ -, beginning with a letter or \
            digit",
            self.text.chars().take(80).collect::<String>()
        )
    }
}

impl std::error::Error for BadId {}

fn check(text: &str) -> Result<(), BadId> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let good = (1..=64).contains(&text.len())
        && text.chars().all(allowed)
        && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if good { Ok(()) } else { Err(BadId { text: text.to_owned() }) }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
            JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        /// An id reads as its text; no text becomes one unread.
        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        /// An id is found in a map by its text: both are equal, ordered and hashed alike.
        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, text: &str) -> bool {
                self.0 == text
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool {
                self.0 == *text
            }
        }

        impl PartialEq<String> for $name {
            fn eq(&self, text: &String) -> bool {
                self.0 == *text
            }
        }

        impl PartialEq<$name> for String {
            fn eq(&self, id: &$name) -> bool {
                *self == id.0
            }
        }

        impl PartialEq<$name> for &str {
            fn eq(&self, id: &$name) -> bool {
                *self == id.0
            }
        }
    };
}

id!(
    /// A box. Globally unique; equals the CN of its certificate and the second-last level of its
    /// topics.
    DeviceId
);
id!(
    /// A registered practitioner, as the server numbers them.
    PersonId
);
id!(
    /// A treatment session 诊疗活动.
    SessionId
);
id!(
    /// A room of an institution.
    RoomId
);
id!(
    /// An institution 机构.
    InstitutionId
);
id!(
    /// A cosmetology item 美容项目 of the catalogue.
    ItemCode
);
id!(
    /// One sealed picture: 32 random hex digits, made by the box that took it.
    EvidenceId
);
id!(
    /// One approved request to release sealed pictures: made by the server, used once.
    OrderId
);
id!(
    /// One trial of policy numbers: made by the server.
    TrialId
);
id!(
    /// A custodian 证据保管人: one id per person, however many roles they hold.
    CustodianId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_as_its_text_and_is_found_by_it() {
        let id: RoomId = "r-1".parse().unwrap();
        assert_eq!((id.len(), &id[..1]), (3, "r"));
        let (whole, owned) = ("r-1", "r-1".to_owned());
        assert_eq!([id == whole, whole == id, id == *whole, id == owned], [true; 4]);
        let named = std::collections::BTreeMap::from([(id, 1)]);
        assert_eq!(named.get("r-1"), Some(&1));
    }

    #[test]
    fn an_id_can_not_leave_its_topic_level() {
        for bad in ["", "a/b", "+", "#", "a b", "-x", "\u{5728}", &"x".repeat(65)] {
            assert!(bad.parse::<DeviceId>().is_err(), "{bad:?} was taken");
        }
        assert_eq!("box-7.a_b".parse::<DeviceId>().unwrap().to_string(), "box-7.a_b");
    }
}
