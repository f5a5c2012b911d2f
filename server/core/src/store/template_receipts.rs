//! What the boxes said of templates that a withdrawal deletes (P3): a receipt of each, and what is
//! still awaited. A box's word is kept as it came; nothing here deletes anything.

use protocol::id::DeviceId;

use super::engine::{Connection, params};

use super::rows::collect;
use super::{Result, Store};
use crate::clock::At;

/// What one box said since a withdrawal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoxReceipt {
    pub device: DeviceId,
    /// When its word came that it deleted the person's templates.
    pub deleted_at: Option<At>,
    /// It applied a roster of after the withdrawal: whoever withdrew is not on that one.
    pub has_new_roster: bool,
}

/// Keeps a box's word that it deleted these templates.
pub(super) fn note(tx: &Connection, device: &DeviceId, person: &str, now: At) -> Result<()> {
    tx.prepare_cached("INSERT INTO template_receipt VALUES (?1,?2,?3) ON CONFLICT DO NOTHING")?
        .execute(params![device, person, now])?;
    Ok(())
}

impl Store {
    /// Of every box that stands in one of these institutions: what it said of a person since then.
    pub fn box_receipts(
        &self,
        person: &str,
        institutions: &[String],
        since: At,
    ) -> Result<Vec<BoxReceipt>> {
        let sql = "SELECT d.id, (SELECT min(t.received_at) FROM template_receipt t WHERE
             t.device = d.id AND t.person = ?1 AND t.received_at >= ?3),
             EXISTS (SELECT 1 FROM knowledge k WHERE k.device = d.id AND k.kind = 'roster' AND
             k.issued_at >= ?3 AND k.ack_version = k.version AND k.applied = 1)
            FROM device d JOIN room r ON r.id = d.room WHERE d.state = 'provisioned' AND
            r.institution IN (SELECT value FROM json_each(?2)) ORDER BY d.id";
        let places = serde_json::to_string(institutions)?;
        self.read(|c| {
            collect(c, sql, params![person, places, since], |r| {
                Ok(BoxReceipt {
                    device: r.id(0)?,
                    deleted_at: r.get(1)?,
                    has_new_roster: r.get(2)?,
                })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::at;

    #[test]
    fn a_receipt_of_before_the_withdrawal_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let made = "INSERT INTO institution (id, name, grade_ceiling, filed_items, jurisdiction,
             updated_at) VALUES ('c-1','甲',1,'[]','510104','t');
            INSERT INTO room (id, institution, name, spec, updated_at) VALUES
             ('r-1','c-1','一室','{}','t');
            INSERT INTO device (id, room, state) VALUES ('box-1','r-1','provisioned')";
        store
            .write(|tx| {
                tx.execute_batch(made)?;
                note(tx, &"box-1".parse().unwrap(), "p-1", at("2026-03-01T00:00:00.000Z"))?;
                note(tx, &"box-1".parse().unwrap(), "p-2", at("2026-03-03T00:00:00.000Z"))
            })
            .unwrap();
        let said = |since: At| {
            let places = ["c-1".to_owned()];
            store.box_receipts("p-1", &places, since).unwrap().pop().unwrap()
        };
        assert_eq!(said(at("2026-03-02T00:00:00.000Z")).deleted_at, None);
        let first = said(at("2026-02-01T00:00:00.000Z"));
        assert_eq!(first.deleted_at, Some(at("2026-03-01T00:00:00.000Z")));
        assert!(!first.has_new_roster, "{first:?}");
        assert!(store.box_receipts("p-1", &["c-2".to_owned()], At::EPOCH).unwrap().is_empty());
    }
}
