//! Clues and self-checks by the hundred thousand for `scripts/bench server`: rows as the lists read
//! them, with nothing sealed that opens.

use super::engine::params;

use super::{Result, Store};

const COUNT: &str = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < \
    ?1), r AS (SELECT i, (i * 2654435761) % 4294967296 AS h FROM n)";

impl Store {
    /// So many clues over so many institutions; one in ten is open. Needs a registry that was
    /// filled.
    pub fn fill_clues(&self, clues: i64, institutions: i64) -> Result<()> {
        let stage = "CASE WHEN h % 100 < 10 THEN 'received' WHEN h % 100 < 50 THEN 'rejected' \
            ELSE 'closed' END";
        let handling = format!(
            "CASE {stage} WHEN 'closed' THEN
            '{{\"intake\":\"accepted\",\"case\":{{\"state\":\"closed\",\"reviews\":[]}}}}'
            ELSE '{{\"intake\":\"' || {stage} || '\"}}' END"
        );
        let sql = format!(
            "{COUNT} INSERT INTO clue (id, source, external_no, posted_by, received_on,
            jurisdiction, institution, room, stage, allegation, due_on, spec, handling, fold,
            receipt_mac, sealed_key, contact)
            SELECT printf('%032x', i + 1), 'public_report', NULL, '', '2026-11-01',
            CAST(510100 + (h / 7) % ?2 % 100 AS TEXT), printf('c-%05d', (h / 7) % ?2), NULL,
            {stage}, 'lending', '2026-11-10', '{{\"anonymity\":\"anonymous\"}}', {handling},
            printf('fold %d', i), NULL, ?3, NULL FROM r"
        );
        self.write(|tx| {
            tx.execute(&sql, params![clues, institutions, &[0u8][..]])?;
            Ok(())
        })
    }
}
