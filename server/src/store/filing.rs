//! What happened about the filing of stored faces: appended, never overwritten.

use super::engine::params;

use super::rows::collect;
use super::{Result, Store, name_of, named};
use crate::filing::FilingEvent;

impl Store {
    /// Every word, oldest first.
    pub fn filing_events(&self) -> Result<Vec<FilingEvent>> {
        let sql = "SELECT at, by_whom, kind, on_day, note FROM filing_event ORDER BY id";
        self.read(|c| {
            collect(c, sql, [], |r| {
                Ok(FilingEvent {
                    at: r.get(0)?,
                    by: r.get(1)?,
                    kind: named(r.get(2)?)?,
                    on: named(r.get(3)?)?,
                    note: r.get(4)?,
                })
            })
        })
    }

    pub fn put_filing_event(&self, it: &FilingEvent) -> Result<()> {
        self.write(|tx| {
            let sql = "INSERT INTO filing_event (at, by_whom, kind, on_day, note) VALUES \
                (?1,?2,?3,?4,?5)";
            let row = params![it.at, it.by, name_of(&it.kind)?, it.on.to_string(), it.note];
            tx.execute(sql, row)?;
            Ok(())
        })
    }
}
