//! Which alerts somebody outside their box has seen. Until then the box may correct itself alone;
//! from then on two people decide. A note is never taken back.

use super::engine::{Connection, params};

use super::{Result, Store};
use crate::clock::At;
use crate::ids::AlertId;

impl Store {
    /// Notes that these alerts are shown to somebody now; most were noted before, and cost a look.
    pub fn note_seen<'a>(
        &self,
        alerts: impl IntoIterator<Item = &'a AlertId>,
        now: At,
    ) -> Result<()> {
        let mut new = Vec::new();
        self.read(|c| {
            for alert in alerts {
                if !was_seen(c, alert)? {
                    new.push(alert);
                }
            }
            Ok(())
        })?;
        if new.is_empty() {
            return Ok(());
        }
        self.write(|tx| {
            for alert in new {
                tx.prepare_cached("INSERT INTO alert_seen VALUES (?1,?2) ON CONFLICT DO NOTHING")?
                    .execute(params![alert, now])?;
            }
            Ok(())
        })
    }
}

pub(super) fn was_seen(c: &Connection, alert: &AlertId) -> Result<bool> {
    Ok(c.prepare_cached("SELECT 1 FROM alert_seen WHERE alert = ?1")?.exists([alert])?)
}
