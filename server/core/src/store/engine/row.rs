//! Rows of either engine, read by value: `int4`, `int8`, `numeric` and `bool` as a number, `text`
//! and its like as a text.

use std::str::FromStr;

use protocol::id::BadId;
use rusqlite::types::{FromSql, ValueRef};
use tokio_postgres::types::Type;

use super::{EngineResult, Error};

pub(in crate::store) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres { next: std::vec::IntoIter<tokio_postgres::Row>, at: Option<tokio_postgres::Row> },
}

impl Rows<'_> {
    pub(super) fn postgres(rows: Vec<tokio_postgres::Row>) -> Self {
        Self::Postgres { next: rows.into_iter(), at: None }
    }

    pub(in crate::store) fn next(&mut self) -> EngineResult<Option<Row<'_>>> {
        Ok(match self {
            Self::Sqlite(rows) => rows.next()?.map(Row::Sqlite),
            Self::Postgres { next, at } => {
                *at = next.next();
                at.as_ref().map(Row::Postgres)
            }
        })
    }
}

#[derive(Clone, Copy)]
pub(in crate::store) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

/// A column by its place or by its name.
pub(in crate::store) trait Column:
    rusqlite::RowIndex + std::fmt::Display + Copy
{
    fn place(&self, row: &tokio_postgres::Row) -> Option<usize>;
}

impl Column for usize {
    fn place(&self, row: &tokio_postgres::Row) -> Option<usize> {
        (*self < row.len()).then_some(*self)
    }
}

impl Column for &str {
    fn place(&self, row: &tokio_postgres::Row) -> Option<usize> {
        row.columns().iter().position(|column| column.name() == *self)
    }
}

impl Row<'_> {
    pub(in crate::store) fn get<I: Column, T: FromSql>(&self, column: I) -> EngineResult<T> {
        match self {
            Self::Sqlite(row) => Ok(row.get(column)?),
            Self::Postgres(row) => {
                let raw = raw(row, column)?;
                T::column_result(raw.value()?).map_err(|e| fault(&column, &e))
            }
        }
    }

    /// An id of the wire, which knows nothing of a database.
    pub(in crate::store) fn id<I: Column, T>(&self, column: I) -> EngineResult<T>
    where
        T: FromStr<Err = BadId>,
    {
        let text: String = self.get(column)?;
        text.parse().map_err(|bad| fault(&column, &bad))
    }

    /// The same where there may be none.
    pub(in crate::store) fn id_or_none<I: Column, T>(&self, column: I) -> EngineResult<Option<T>>
    where
        T: FromStr<Err = BadId>,
    {
        let text: Option<String> = self.get(column)?;
        let text = text.filter(|text| !text.is_empty());
        text.map(|text| text.parse().map_err(|bad| fault(&column, &bad))).transpose()
    }

    /// The value as it stands.
    pub(in crate::store) fn value(&self, column: usize) -> EngineResult<rusqlite::types::Value> {
        self.get(column)
    }
}

fn fault(column: &dyn std::fmt::Display, why: &dyn std::fmt::Display) -> Error {
    Error::Column { column: column.to_string(), why: why.to_string() }
}

fn raw<I: Column>(row: &tokio_postgres::Row, column: I) -> EngineResult<Raw<'_>> {
    let place = column.place(row).ok_or_else(|| fault(&column, &"is not in the answer"))?;
    Ok(row.try_get(place)?)
}

/// A value as it came over the wire.
struct Raw<'a>(Option<(Type, &'a [u8])>);

impl<'a> tokio_postgres::types::FromSql<'a> for Raw<'a> {
    fn from_sql(
        ty: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(Some((ty.clone(), raw))))
    }

    fn from_sql_null(
        _: &Type,
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl<'a> Raw<'a> {
    fn value(&self) -> EngineResult<ValueRef<'a>> {
        let Some((ty, raw)) = &self.0 else { return Ok(ValueRef::Null) };
        let short = || fault(ty, &"is shorter than its type");
        Ok(match *ty {
            Type::INT8 => ValueRef::Integer(i64::from_be_bytes(fixed(raw).ok_or_else(short)?)),
            Type::INT4 => {
                ValueRef::Integer(i32::from_be_bytes(fixed(raw).ok_or_else(short)?).into())
            }
            Type::INT2 => {
                ValueRef::Integer(i16::from_be_bytes(fixed(raw).ok_or_else(short)?).into())
            }
            Type::BOOL => ValueRef::Integer(i64::from(raw.first() == Some(&1))),
            Type::FLOAT8 => ValueRef::Real(f64::from_be_bytes(fixed(raw).ok_or_else(short)?)),
            Type::NUMERIC => numeric(raw).ok_or_else(short)?,
            Type::BYTEA => ValueRef::Blob(raw),
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
                ValueRef::Text(raw)
            }
            _ => return Err(fault(ty, &"is a type that the store does not use")),
        })
    }
}

fn fixed<const N: usize>(raw: &[u8]) -> Option<[u8; N]> {
    raw.try_into().ok()
}

/// PostgreSQL's `numeric`: digits to the base 10,000, the first of them with this weight.
fn numeric(raw: &[u8]) -> Option<ValueRef<'static>> {
    const NEGATIVE: u16 = 0x4000;
    let word = |at: usize| Some(u16::from_be_bytes(fixed(raw.get(at * 2..at * 2 + 2)?)?));
    let (digits, sign) = (word(0)?, word(2)?);
    let weight = i32::from(word(1)?.cast_signed());
    if sign != 0 && sign != NEGATIVE {
        return Some(ValueRef::Null);
    }
    let (mut whole, mut real, mut is_whole) = (0i64, 0f64, true);
    for n in 0..i32::from(digits) {
        let digit = word(4 + usize::try_from(n).ok()?)?;
        let power = weight - n;
        real += f64::from(digit) * 10_000f64.powi(power);
        let part = u32::try_from(power)
            .ok()
            .and_then(|power| 10_000i64.checked_pow(power))
            .and_then(|base| base.checked_mul(i64::from(digit)))
            .and_then(|part| whole.checked_add(part));
        match part {
            Some(sum) => whole = sum,
            None => is_whole = false,
        }
    }
    let negative = sign == NEGATIVE;
    Some(if is_whole {
        ValueRef::Integer(if negative { -whole } else { whole })
    } else {
        ValueRef::Real(if negative { -real } else { real })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|w| w.to_be_bytes()).collect()
    }

    #[test]
    fn a_numeric_is_a_number_whole_or_not() {
        assert_eq!(numeric(&words(&[0, 0, 0, 0])), Some(ValueRef::Integer(0)));
        assert_eq!(numeric(&words(&[2, 1, 0, 0, 12, 345])), Some(ValueRef::Integer(120_345)));
        assert_eq!(numeric(&words(&[1, 0, 0x4000, 0, 7])), Some(ValueRef::Integer(-7)));
        assert_eq!(numeric(&words(&[2, 0, 0, 1, 1, 5000])), Some(ValueRef::Real(1.5)));
        assert_eq!(numeric(&words(&[1, 0, 0])), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_as_a_numeric_or_refused(raw in prop::collection::vec(0u8.., 0..40)) {
            let _ = numeric(&raw);
        }
    }
}
