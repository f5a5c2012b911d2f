//! Parameters of a statement: values of four types, each of which knows its own even where it is
//! nothing, so that PostgreSQL never guesses one.

use std::borrow::Cow;

use protocol::id::{DeviceId, InstitutionId, PersonId, RoomId, SessionId, TrialId};
use rusqlite::ToSql;
use rusqlite::types::{Null, ToSqlOutput};
use tokio_postgres::types::Type;

use crate::clock::At;
use crate::ids::{
    AccountId, AlertId, ApiTokenId, CheckId, ClueId, CorrectionId, EnrolmentId, HookId,
    InvitationId, OpeningId, PassId, SelfCheckId, TemplateId,
};

/// A type whose every value is of one of the four types of the store.
pub(in crate::store) trait EngineTyped {
    const TYPE: Type;

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>>;
}

/// One parameter.
pub(in crate::store) trait Param {
    fn kind(&self) -> Type;

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>>;
}

impl<T: EngineTyped + ?Sized> Param for T {
    fn kind(&self) -> Type {
        T::TYPE
    }

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        EngineTyped::given(self)
    }
}

macro_rules! typed {
    ($kind:expr; $($of:ty),+) => { $(impl EngineTyped for $of {
        const TYPE: Type = $kind;

        fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
            self.to_sql()
        }
    })+ };
}

/// The wire's ids know nothing of a database.
macro_rules! of_the_wire {
    ($($of:ty),+) => { $(impl EngineTyped for $of {
        const TYPE: Type = Type::TEXT;

        fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
            self.as_str().to_sql()
        }
    })+ };
}

typed!(Type::INT8; i64, i32, i16, i8, u32, u16, u8, bool);
typed!(Type::FLOAT8; f64);
typed!(Type::TEXT; str, String, At);
typed!(Type::TEXT; AccountId, AlertId, ApiTokenId, CheckId, ClueId, CorrectionId, EnrolmentId);
typed!(Type::TEXT; HookId, InvitationId, OpeningId, PassId, SelfCheckId, TemplateId);
typed!(Type::BYTEA; [u8], Vec<u8>);
of_the_wire!(DeviceId, InstitutionId, PersonId, RoomId, SessionId, TrialId);

impl<const N: usize> EngineTyped for [u8; N] {
    const TYPE: Type = Type::BYTEA;

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.to_sql()
    }
}

impl<T: EngineTyped> EngineTyped for Option<T> {
    const TYPE: Type = T::TYPE;

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.as_ref().map_or_else(|| Ok(Null.into()), EngineTyped::given)
    }
}

impl<T: EngineTyped + ?Sized> EngineTyped for &T {
    const TYPE: Type = T::TYPE;

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        T::given(self)
    }
}

impl<T: EngineTyped + ?Sized> EngineTyped for Box<T> {
    const TYPE: Type = T::TYPE;

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        T::given(self)
    }
}

impl<T: EngineTyped + ToOwned + ?Sized> EngineTyped for Cow<'_, T> {
    const TYPE: Type = T::TYPE;

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        T::given(self)
    }
}

/// A parameter of a statement that is put together while the program runs.
#[derive(Debug, Clone)]
pub(in crate::store) enum Value {
    Text(String),
    Integer(i64),
}

impl Param for Value {
    fn kind(&self) -> Type {
        match self {
            Self::Text(_) => Type::TEXT,
            Self::Integer(_) => Type::INT8,
        }
    }

    fn given(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Text(text) => text.to_sql(),
            Self::Integer(number) => number.to_sql(),
        }
    }
}

/// All parameters of a statement: a tuple, an array, or what [`params!`] makes.
pub(in crate::store) trait Params {
    fn with<R>(&self, run: impl FnOnce(&[&dyn Param]) -> R) -> R;
}

/// Parameters of several types.
macro_rules! params {
    ($($value:expr),* $(,)?) => {
        &[$(&$value as &dyn $crate::store::engine::Param),*]
            as &[&dyn $crate::store::engine::Param]
    };
}
pub(in crate::store) use params;

impl Params for &[&dyn Param] {
    fn with<R>(&self, run: impl FnOnce(&[&dyn Param]) -> R) -> R {
        run(self)
    }
}

impl Params for Vec<Value> {
    fn with<R>(&self, run: impl FnOnce(&[&dyn Param]) -> R) -> R {
        let all: Vec<&dyn Param> = self.iter().map(|value| value as &dyn Param).collect();
        run(&all)
    }
}

impl Params for Vec<&dyn Param> {
    fn with<R>(&self, run: impl FnOnce(&[&dyn Param]) -> R) -> R {
        run(self)
    }
}

impl Params for [&dyn Param; 0] {
    fn with<R>(&self, run: impl FnOnce(&[&dyn Param]) -> R) -> R {
        run(&[])
    }
}

macro_rules! arrays {
    ($($n:literal)+) => { $(impl<T: Param> Params for [T; $n] {
        fn with<R>(&self, run: impl FnOnce(&[&dyn Param]) -> R) -> R {
            run(&std::array::from_fn::<&dyn Param, $n, _>(|i| &self[i]))
        }
    })+ };
}
arrays!(1 2 3 4 5 6 7 8);

macro_rules! tuples {
    ($($t:ident $i:tt),+) => { impl<$($t: Param),+> Params for ($($t,)+) {
        fn with<R>(&self, run: impl FnOnce(&[&dyn Param]) -> R) -> R {
            run(&[$(&self.$i),+])
        }
    } };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);

/// A parameter as SQLite takes it.
pub(super) struct ForSqlite<'p>(pub(super) &'p dyn Param);

impl ToSql for ForSqlite<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.given()
    }
}
