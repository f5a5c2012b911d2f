//! A time as the house keeps it: UTC, whole milliseconds, 1970 to the year 9000.
//!
//! Rows, answers and journals hold it; wire and database keep the one text of fixed width, RFC 3339
//! with milliseconds. Two of them are compared as times, never as texts. Days, and what a box
//! itself wrote into a signed report, are not of this type.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{TIMES_S, parse, text, zone};

/// A time of the store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(Timestamp);

impl At {
    pub const EPOCH: Self = Self(Timestamp::UNIX_EPOCH);

    pub fn now() -> Self {
        super::now().into()
    }

    /// A time that is known when the program is built, in seconds since 1970.
    pub const fn of_s(s: i64) -> Self {
        Self(Timestamp::constant(s, 0))
    }

    /// What lies outside of all that a clock shows becomes the nearest that lies inside.
    pub fn of_ms(ms: i64) -> Self {
        let (first, end) = (TIMES_S.start * 1_000, TIMES_S.end * 1_000);
        // Both ends lie well inside of what jiff holds.
        Self(Timestamp::from_millisecond(ms.clamp(first, end - 1)).unwrap_or(Timestamp::UNIX_EPOCH))
    }

    pub fn time(self) -> Timestamp {
        self.0
    }

    pub fn ms(self) -> i64 {
        self.0.as_millisecond()
    }

    /// Its day in UTC, as counters that turn over at midnight are named.
    pub fn utc_day(self) -> String {
        self.0.strftime("%Y-%m-%d").to_string()
    }

    /// Its day, where people read times.
    pub fn date(self) -> Date {
        self.0.to_zoned(zone()).date()
    }
}

impl Add<SignedDuration> for At {
    type Output = Self;

    fn add(self, by: SignedDuration) -> Self {
        Self::of_ms(self.ms().saturating_add(whole_ms(by)))
    }
}

impl Sub<SignedDuration> for At {
    type Output = Self;

    fn sub(self, by: SignedDuration) -> Self {
        Self::of_ms(self.ms().saturating_sub(whole_ms(by)))
    }
}

fn whole_ms(by: SignedDuration) -> i64 {
    by.as_millis().try_into().unwrap_or(i64::MAX)
}

impl From<Timestamp> for At {
    fn from(at: Timestamp) -> Self {
        // Towards the past, as the text has it.
        Self::of_ms(at.as_nanosecond().div_euclid(1_000_000).try_into().unwrap_or(i64::MAX))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&text(self.0))
    }
}

impl fmt::Debug for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for At {
    type Err = String;

    /// Any RFC 3339 time; the error names what was read.
    fn from_str(text: &str) -> Result<Self, String> {
        parse("time", text).map(Self::from)
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Cow::<str>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The text that it is on the wire.
impl JsonSchema for At {
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

impl ToSql for At {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(text(self.0).into())
    }
}

impl FromSql for At {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(|why: String| FromSqlError::Other(why.into()))
    }
}

/// What is a time, or a text of the wire that should be one.
pub trait AsTimestamp {
    /// Nothing where the text is no time.
    fn moment(&self) -> Option<Timestamp>;

    fn as_text(&self) -> Cow<'_, str>;
}

impl AsTimestamp for At {
    fn moment(&self) -> Option<Timestamp> {
        Some(self.0)
    }

    fn as_text(&self) -> Cow<'_, str> {
        text(self.0).into()
    }
}

impl AsTimestamp for str {
    fn moment(&self) -> Option<Timestamp> {
        self.parse().ok()
    }

    fn as_text(&self) -> Cow<'_, str> {
        self.into()
    }
}

impl AsTimestamp for String {
    fn moment(&self) -> Option<Timestamp> {
        self.as_str().moment()
    }

    fn as_text(&self) -> Cow<'_, str> {
        self.as_str().into()
    }
}

impl<T: AsTimestamp + ?Sized> AsTimestamp for &T {
    fn moment(&self) -> Option<Timestamp> {
        (**self).moment()
    }

    fn as_text(&self) -> Cow<'_, str> {
        (**self).as_text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: std::ops::Range<i64> = 0..221_845_392_000_000;

    #[test]
    fn a_time_of_another_width_stands_among_the_others_in_order() {
        let read = |text: &str| text.parse::<At>().unwrap();
        // Each of them stands behind the next one as a text.
        let ordered =
            ["2026-03-02T09:00:00+08:00", "2026-03-02T01:00:01Z", "2026-03-02T01:00:01.5Z"];
        assert!(ordered.windows(2).all(|two| two[0] > two[1] && read(two[0]) < read(two[1])));
        assert_eq!(read(ordered[0]).to_string(), "2026-03-02T01:00:00.000Z");
    }

    #[test]
    fn what_is_no_time_is_refused_wherever_it_comes_from() {
        for rubbish in ["", "t", "2026-03-02", "2026-03-02 01:00", "9999-01-01T00:00:00Z", "0"] {
            assert!(rubbish.parse::<At>().is_err(), "{rubbish:?} was taken");
            assert!(serde_json::from_value::<At>(rubbish.into()).is_err(), "{rubbish:?}");
            let stored = ValueRef::Text(rubbish.as_bytes());
            assert!(At::column_result(stored).is_err(), "{rubbish:?} was read");
        }
        assert!(At::column_result(ValueRef::Null).is_err());
        assert!(At::column_result(ValueRef::Integer(0)).is_err());
    }

    #[test]
    fn a_schema_says_what_it_said_of_a_text() {
        let schema = |of: schemars::Schema| serde_json::to_value(of).unwrap();
        assert_eq!(schema(schemars::schema_for!(At)), schema(schemars::schema_for!(String)));
    }

    proptest! {
        #[test]
        fn a_time_reads_back_what_it_writes(ms in MS, nanos in 0i64..1_000_000) {
            let at = At::of_ms(ms);
            let written = serde_json::to_string(&at).unwrap();
            prop_assert_eq!(written.len(), 26);
            prop_assert_eq!(serde_json::from_str::<At>(&written).unwrap(), at);
            let ToSqlOutput::Owned(rusqlite::types::Value::Text(kept)) = at.to_sql().unwrap() else {
                panic!("it is kept as something else")
            };
            prop_assert_eq!(At::column_result(ValueRef::Text(kept.as_bytes())).unwrap(), at);
            prop_assert_eq!(&kept, &text(at.time()));
            let finer = at.time() + SignedDuration::from_nanos(nanos);
            prop_assert_eq!(At::from(finer), at, "what the text drops counts");
        }

        #[test]
        fn two_times_stand_as_their_texts_do(one in MS, other in MS) {
            let (one, other) = (At::of_ms(one), At::of_ms(other));
            prop_assert_eq!(one.cmp(&other), one.to_string().cmp(&other.to_string()));
        }

        #[test]
        fn any_text_is_read_as_a_time_or_refused(text in ".{0,40}") {
            if let Ok(at) = text.parse::<At>() {
                prop_assert_eq!(at.to_string().parse::<At>(), Ok(at));
            }
        }
    }
}
