//! What the server's nouns are known by: one type each, so that no lead's id is ever taken for a
//! clue's.
//!
//! From outside an id is made by reading it, within the bounds of every id on the wire; what the
//! store holds was read so, or made here, when it was written. An id reads as its text wherever a
//! text is asked for; no text becomes one unread.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use protocol::id::{BadId, DeviceId};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// A new one, that no other server makes.
            pub fn fresh(prefix: &'static str) -> Self {
                Self(format!("{prefix}{}", uuid::Uuid::now_v7().simple()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;

            fn from_str(text: &str) -> Result<Self, BadId> {
                // The bounds of every id: they are the wire's.
                text.parse::<DeviceId>().map(|_| Self(text.to_owned()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Cow::<str>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

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

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        /// The text that it is on the wire.
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                String::schema_name()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                String::json_schema(generator)
            }

            fn inline_schema() -> bool {
                true
            }
        }

        impl ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                self.0.to_sql()
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                String::column_result(value).map(Self)
            }
        }
    )+

        #[cfg(test)]
        mod tests {
            use proptest::prelude::*;

            use super::*;

            proptest! {
                #[test]
                fn each_id_reads_back_what_it_writes(text in "[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}") {
                    $(
                        let id: $name = text.parse().unwrap();
                        prop_assert_eq!(&*id, text.as_str());
                        prop_assert_eq!(id.to_string(), text.as_str());
                        let written = serde_json::to_string(&id).unwrap();
                        prop_assert_eq!(&serde_json::from_str::<$name>(&written).unwrap(), &id);
                        let kept = ValueRef::Text(text.as_bytes());
                        prop_assert_eq!($name::column_result(kept).unwrap(), id);
                    )+
                }

                #[test]
                fn no_id_is_read_out_of_rubbish(text in "\\PC{0,80}") {
                    let bare = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                    let first = text.starts_with(|c: char| c.is_ascii_alphanumeric());
                    let good = first && text.len() <= 64 && text.chars().all(bare);
                    $(
                        prop_assert_eq!(text.parse::<$name>().is_ok(), good);
                        let said = serde_json::Value::from(text.as_str());
                        prop_assert_eq!(serde_json::from_value::<$name>(said).is_ok(), good);
                    )+
                }
            }

            #[test]
            fn an_id_that_is_no_text_is_refused() {
                $(
                    assert!($name::column_result(ValueRef::Integer(1)).is_err());
                    assert!($name::column_result(ValueRef::Null).is_err());
                    assert!(serde_json::from_str::<$name>("1").is_err());
                )+
            }

            #[test]
            fn a_schema_of_an_id_says_what_it_said_of_a_text() {
                let text = serde_json::to_value(schemars::schema_for!(String)).unwrap();
                $(
                    let id = serde_json::to_value(schemars::schema_for!($name)).unwrap();
                    assert_eq!(id, text);
                )+
            }
        }
    };
}

ids! {
    /// A lead 线索 of the boxes or of the server's own rules.
    AlertId;
    /// A clue 线索 from people.
    ClueId;
    /// A correction 整改.
    CorrectionId;
    /// A self-check 自查.
    SelfCheckId;
    /// A check by card and PIN 另行核验.
    CheckId;
    /// Somebody who is told.
    HookId;
    /// A person with a login here: the login name.
    AccountId;
    /// An API token, by the beginning of its hash.
    ApiTokenId;
    /// An invitation or a link to a new password, by the beginning of its hash.
    InvitationId;
    /// A person's face templates of one institution 人脸采集.
    EnrolmentId;
    /// One face template.
    TemplateId;
    /// An opening of sealed pictures 封存画面调阅.
    OpeningId;
    /// A pass 临时授权 of a person for an institution.
    PassId;
}
