//! Lists of clues. A list names what it asks for and nothing else, so that an index serves it: of a
//! hundred thousand clues it reads those that it shows. Opens nothing that is sealed.

use super::clues::{COLUMNS, Clue, ClueFilter, row};
use super::engine::params;
use super::rows::collect;
use super::{Result, Store};
use crate::clue::{Allegation, Source};

/// Stages in which nobody has anything to do; the index `clue_open` says the same.
const OVER: &str = "('not_ours','merged','rejected','dismissed','unfounded','closed')";

impl Store {
    pub fn clues(&self, it: &ClueFilter) -> Result<Vec<Clue>> {
        let sql = list(it);
        let values = params![
            it.before.unwrap_or(i64::MAX),
            it.jurisdiction,
            it.stage,
            it.source.map(Source::as_str),
            it.allegation.map(Allegation::as_str),
            it.institution,
            it.limit,
            it.due_before
        ];
        self.read(|c| collect(c, &sql, values, row))
    }

    /// How many stand where, in a part of the country.
    pub fn clue_counts(&self, jurisdiction: &str) -> Result<Vec<(String, i64)>> {
        let sql = "SELECT stage, sum(n) FROM clue_count WHERE n > 0 AND jurisdiction >= ?1 AND \
            jurisdiction < ?1 || '~' GROUP BY stage";
        self.read(|c| collect(c, sql, [jurisdiction], |r| Ok((r.get(0)?, r.get(1)?))))
    }
}

/// The statement of a list. Each value has its place in all of them; one that is not asked for is
/// none.
fn list(it: &ClueFilter) -> String {
    let asked = |column: &str, place: u8, is_asked: bool| {
        if is_asked {
            format!("AND {column} = ?{place}")
        } else {
            format!("AND coalesce(?{place}, '') = ''")
        }
    };
    let stage = asked("stage", 3, it.stage.is_some());
    let source = asked("source", 4, it.source.is_some());
    let allegation = asked("allegation", 5, it.allegation.is_some());
    let institution = asked("institution", 6, it.institution.is_some());
    let (late, order) = match it.due_before {
        Some(_) => ("AND due_on < ?8", "due_on, number"),
        None => ("AND coalesce(?8, '') = ''", "number DESC"),
    };
    let open = if it.open_only { format!("AND stage NOT IN {OVER}") } else { String::new() };
    let division = division(it);
    format!(
        "{COLUMNS} WHERE number < ?1 {division} {stage} {source} {allegation} {institution} {late} \
         {open} ORDER BY {order} LIMIT ?7"
    )
}

/// What is open or late is little enough to be looked through; everything else is found by its
/// province, city or district.
fn division(it: &ClueFilter) -> String {
    match it.jurisdiction.len() {
        0 => "AND coalesce(?2, '') = ''".to_owned(),
        n @ (2 | 4 | 6) if !it.open_only && it.due_before.is_none() => {
            format!("AND substr(jurisdiction, 1, {n}) = ?2")
        }
        _ => "AND substr(jurisdiction, 1, length(?2)) = ?2".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every() -> Vec<(&'static str, ClueFilter)> {
        let all = ClueFilter { limit: 50, ..ClueFilter::default() };
        let of =
            |jurisdiction: &str| ClueFilter { jurisdiction: jurisdiction.into(), ..all.clone() };
        let at = |stage: &str| ClueFilter { stage: Some(stage.into()), ..all.clone() };
        let open = ClueFilter { open_only: true, ..all.clone() };
        let late = ClueFilter { due_before: Some("2026-12-01".into()), ..all.clone() };
        vec![
            ("clue_open", open.clone()),
            ("clue_open", ClueFilter { jurisdiction: "510104".into(), ..open.clone() }),
            ("clue_by_", ClueFilter { allegation: Some(Allegation::Injury), ..open }),
            ("clue_due", late.clone()),
            ("clue_due", ClueFilter { jurisdiction: "51".into(), ..late }),
            ("clue_by_stage", at("asked_back")),
            ("clue_by_", ClueFilter { jurisdiction: "5101".into(), ..at("closed") }),
            ("clue_by_source", ClueFilter { source: Some(Source::Hotline), ..all.clone() }),
            ("clue_by_place", ClueFilter { institution: Some("c-1".into()), ..all.clone() }),
            ("clue_by_province", of("51")),
            ("clue_by_city", of("5101")),
            ("clue_by_district", of("510104")),
            ("PRIMARY KEY", all),
        ]
    }

    #[test]
    fn a_list_reads_no_more_clues_than_it_shows() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        for (index, it) in every() {
            assert!(store.clues(&it).unwrap().is_empty());
            let plan = store.read(|c| {
                if c.sqlite().is_none() {
                    return Ok(Vec::new());
                }
                let sql = format!("EXPLAIN QUERY PLAN {}", list(&it));
                let none: [Option<&str>; 8] = [None; 8];
                collect(c, &sql, none, |r| Ok(r.get::<_, String>(3)?))
            });
            for step in plan.unwrap() {
                assert!(step.contains(index), "{it:?}: {step}");
                assert!(!step.contains("SCAN") && !step.contains("TEMP"), "{it:?}: {step}");
            }
        }
    }
}
