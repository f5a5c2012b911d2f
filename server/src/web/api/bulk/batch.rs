//! The rows of a file together: what each refers to, which stand twice, and a practitioner's rows
//! joined to one. Nothing is stored here.

use std::collections::BTreeMap;

use super::known::KnownRecords;
use super::row::{ImportedRow, Layout};
use super::{Remark, key, near_id};
use crate::store::Imported;
use crate::web::csv::Record;

/// A row, with the line that it came from.
pub(super) struct BatchRow {
    pub line: u64,
    pub it: Imported,
    /// Columns in whose place something sound stands: such a row is stored nowhere.
    pub at_fault: Vec<String>,
}

impl BatchRow {
    fn is_sound(&self, column: &str) -> bool {
        self.at_fault.iter().all(|at_fault| at_fault != column)
    }
}

#[derive(Default)]
pub(super) struct Batch {
    pub entries: Vec<BatchRow>,
    pub faults: Vec<Remark>,
}

/// Every row of a file, and every fault of each.
pub(super) fn batch(
    layout: Layout<'_>,
    records: &[Record],
    known: &mut KnownRecords,
    near_ids: bool,
) -> Batch {
    let key_column = layout.noun.key();
    let mut batch = Batch::default();
    let mut first_line: BTreeMap<String, usize> = BTreeMap::new();
    for record in records {
        let line = record.line;
        let ImportedRow { it, wrong } = layout.row(&record.cells);
        let at_fault = wrong.iter().map(|(column, _)| column.clone()).collect();
        let remark = |(column, text): (String, String)| Remark { line, column, text };
        batch.faults.extend(wrong.into_iter().map(remark));
        let Some(it) = it else { continue };
        let entry = BatchRow { line, it, at_fault };
        // Of what only stands in for a cell there is nothing to say.
        let refers = known.refers(&entry.it).into_iter();
        let refers = refers.filter(|(column, _)| entry.is_sound(column));
        batch.faults.extend(refers.map(|(column, text)| remark((column.to_owned(), text))));
        if !entry.is_sound(key_column) {
            continue;
        }
        let key = key(&entry.it);
        if let Some(near) = known.near(&entry.it).filter(|_| !near_ids) {
            batch.faults.push(remark((key_column.to_owned(), near_id(&key, &near))));
        }
        match first_line.get(&key).copied() {
            None => {
                first_line.insert(key, batch.entries.len());
                batch.entries.push(entry);
            }
            Some(at) => {
                if let Err(text) = join(&mut batch.entries[at], entry) {
                    batch.faults.push(remark((key_column.to_owned(), text)));
                }
            }
        }
    }
    batch
}

/// A second row of a practitioner adds an institution; of anything else it is a mistake.
fn join(first: &mut BatchRow, again: BatchRow) -> Result<(), String> {
    let line = first.line;
    let told = |column: &str| first.is_sound(column) && again.is_sound(column);
    let (Imported::Practitioner(one), Imported::Practitioner(other)) = (&first.it, &again.it)
    else {
        return Err(format!("the same stands in line {line}"));
    };
    if (one.name != other.name && told("name"))
        || (one.category != other.category && told("category"))
        || (one.registration != other.registration && told("registration"))
    {
        return Err(format!("name, category or registration differ from line {line}"));
    }
    let twice =
        other.sites.iter().any(|s| one.sites.iter().any(|o| o.institution == s.institution));
    if twice && told("institution") {
        return Err(format!("the same institution stands in line {line}"));
    }
    if let (Imported::Practitioner(one), Imported::Practitioner(other)) = (&mut first.it, again.it)
    {
        one.sites.extend(other.sites);
    }
    Ok(())
}
