//! What happened about the filing of stored faces: appended, never overwritten.

use jiff::civil::Date;

use super::engine::{Connection, params};

use super::rows::collect;
use super::{Result, Store, name_of, named};
use crate::clock::At;
use crate::filing::{COUNTED, FilingEvent, FilingKind, is_reached};

impl Store {
    /// Every word, oldest first.
    pub fn filing_events(&self) -> Result<Vec<FilingEvent>> {
        self.read(events)
    }

    pub fn put_filing_event(&self, it: &FilingEvent) -> Result<()> {
        self.write(|tx| append(tx, it))
    }

    /// Enters the day on which so many people are stored for the first time. Whether it was now.
    pub fn note_faces_stored(&self, persons: i64, today: Date, now: At) -> Result<bool> {
        if !is_reached(persons, &self.filing_events()?) {
            return Ok(false);
        }
        self.write(|tx| {
            // Another server on the same database may have been first.
            if !is_reached(persons, &events(tx)?) {
                return Ok(false);
            }
            let (by, note) = (COUNTED.to_owned(), persons.to_string());
            append(tx, &FilingEvent { at: now, by, kind: FilingKind::Reached, on: today, note })?;
            Ok(true)
        })
    }
}

fn events(c: &Connection) -> Result<Vec<FilingEvent>> {
    let sql = "SELECT at, by_whom, kind, on_day, note FROM filing_event ORDER BY id";
    collect(c, sql, [], |r| {
        Ok(FilingEvent {
            at: r.get(0)?,
            by: r.get(1)?,
            kind: named(r.get(2)?)?,
            on: named(r.get(3)?)?,
            note: r.get(4)?,
        })
    })
}

fn append(tx: &Connection, it: &FilingEvent) -> Result<()> {
    let sql = "INSERT INTO filing_event (at, by_whom, kind, on_day, note) VALUES (?1,?2,?3,?4,?5)";
    let row = params![it.at, it.by, name_of(&it.kind)?, it.on.to_string(), it.note];
    tx.execute(sql, row)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_of_100_000_is_entered_once_and_opens_the_term() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let counted = |persons, day: &str| {
            store.note_faces_stored(persons, day.parse().unwrap(), At::EPOCH).unwrap()
        };
        assert!(!counted(99_999, "2026-11-01"));
        assert!(counted(100_000, "2026-11-02"));
        assert!(!counted(100_001, "2026-11-03"), "entered a second time");
        let events = store.filing_events().unwrap();
        let said: Vec<_> =
            events.iter().map(|e| (e.kind, e.on.to_string(), e.by.as_str())).collect();
        assert_eq!(said, [(FilingKind::Reached, "2026-11-02".to_owned(), COUNTED)]);
    }
}
