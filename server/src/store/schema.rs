//! Migrations: each runs once, forward, in a transaction of its own; `user_version` counts them.

use std::path::Path;

use rusqlite::Connection;

use super::{Result, StoreError};

pub(super) const FACTS: &[&str] = &[
    include_str!("../../migrations/0001_registry.sql"),
    include_str!("../../migrations/0002_devices.sql"),
    include_str!("../../migrations/0003_alerts.sql"),
    include_str!("../../migrations/0004_access.sql"),
    include_str!("../../migrations/0005_delivery.sql"),
    include_str!("../../migrations/0006_rules.sql"),
    include_str!("../../migrations/0007_retention.sql"),
    include_str!("../../migrations/0008_figures.sql"),
    include_str!("../../migrations/0009_notify.sql"),
    include_str!("../../migrations/0010_speed.sql"),
];

pub(super) const FACES: &[&str] =
    &[include_str!("../../migrations/faces_0001.sql"), include_str!("../../migrations/faces_0002.sql")];

pub(super) fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<()> {
    let done: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let done = usize::try_from(done).unwrap_or(0);
    if done > migrations.len() {
        let why = format!(
            "was written by a later version (schema {done}, this program knows {}): update the program",
            migrations.len()
        );
        return Err(StoreError::Open { path: path.to_owned(), why });
    }
    for (n, sql) in migrations.iter().enumerate().skip(done) {
        let tx = connection.transaction()?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", (n + 1) as i64)?;
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_each_earlier_version_comes_forward_with_its_rows() {
        for old in 1..=FACTS.len() {
            let mut connection = Connection::open_in_memory().unwrap();
            migrate(&mut connection, Path::new("t"), &FACTS[..old]).unwrap();
            connection.execute("INSERT INTO institution VALUES ('c-1','x',NULL,'',0,'[]','510100','t')", []).unwrap();
            migrate(&mut connection, Path::new("t"), FACTS).unwrap();
            let rows: i64 = connection.query_row("SELECT count(*) FROM institution", [], |r| r.get(0)).unwrap();
            assert_eq!(rows, 1, "from version {old}");
        }
    }

    #[test]
    fn a_database_of_a_later_version_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(migrate(&mut connection, Path::new("t"), FACTS).unwrap_err().to_string().contains("later version"));
    }
}
