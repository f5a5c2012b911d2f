//! Whether a picture of what nobody has decided ended before its time, by this server's clock: a
//! box whose clock was set forward deletes the pictures of a lead before anybody looked at it. What
//! it took back before it left the box, or before anybody saw it, it may end. Its own times alone
//! excuse nothing.

use jiff::SignedDuration;
use protocol::id::DeviceId;

use super::super::Result;
use super::super::engine;
use super::super::engine::{Connection, OptionalExtension as _, Row, Transaction, params};
use crate::clock::At;

/// A box keeps the pictures of an undecided finding for 30 days; a day for clocks and ways.
const UNDECIDED_DAYS: i64 = 29;
/// What a box took back while it lay in its outbox comes right behind it [D].
const RIGHT_BEHIND: SignedDuration = SignedDuration::from_mins(10);
/// A box that still speaks so long after a step came has that step's receipt [D].
const RECEIPT_COMES: SignedDuration = SignedDuration::from_mins(1);

pub(super) fn is_early(tx: &Transaction<'_>, device: &DeviceId, id: &str, now: At) -> Result<bool> {
    let due = now - SignedDuration::from_hours(24 * UNDECIDED_DAYS);
    let Some(picture) = of_undecided(tx, device, id, due)? else { return Ok(false) };
    let Some(back) = taken_back(tx, device, &picture)? else { return Ok(true) };
    // Before anybody saw it, it is the box's own to correct.
    let Some(seen) = picture.seen.filter(|seen| *seen < back.came) else { return Ok(false) };
    // Two people decide by now, and its pictures are theirs; but for what the box could not know.
    let Some(asked) = asked_by(tx, device, &picture)? else { return Ok(true) };
    if back.came <= asked.came + RIGHT_BEHIND {
        return Ok(false);
    }
    Ok(back.own >= seen || spoke_between(tx, device, &asked, &back)?)
}

/// A picture of a finding of an alert that nobody has decided.
struct Picture {
    finding: String,
    withdrawn: bool,
    seen: Option<At>,
    /// The message that told of it: none of one that came before that was kept.
    place: Option<(i64, i64)>,
}

fn of_undecided(tx: &Connection, device: &DeviceId, id: &str, due: At) -> Result<Option<Picture>> {
    let sql = "SELECT e.finding, f.step = 'withdrawn', (SELECT s.at FROM alert_seen s WHERE
        s.alert = a.id), e.epoch, e.seq FROM evidence_item e JOIN finding f ON f.id = e.finding AND
        f.origin = e.device JOIN alert a ON a.id = f.alert WHERE e.device = ?1 AND e.id = ?2 AND
        a.state = 'raised' AND e.received_at > ?3";
    let found = tx.prepare_cached(sql)?.query_row((device, id, due), |r| {
        let (epoch, seq): (Option<i64>, Option<i64>) = (r.get(3)?, r.get(4)?);
        let place = epoch.zip(seq);
        Ok(Picture { finding: r.get(0)?, withdrawn: r.get(1)?, seen: r.get(2)?, place })
    });
    Ok(found.optional()?)
}

/// A step of the finding: when it came, when its box says that it was, and its place in the chain.
struct StepTimes {
    came: At,
    own: At,
    epoch: i64,
    seq: i64,
}

fn said(r: &Row<'_>) -> engine::EngineResult<StepTimes> {
    Ok(StepTimes { came: r.get(0)?, own: r.get(1)?, epoch: r.get(2)?, seq: r.get(3)? })
}

fn taken_back(tx: &Connection, device: &DeviceId, of: &Picture) -> Result<Option<StepTimes>> {
    if !of.withdrawn {
        return Ok(None);
    }
    let sql = "SELECT received_at, at, epoch, seq FROM finding_step WHERE origin = ?1 AND
        finding = ?2 AND step = 'withdrawn' ORDER BY revision DESC LIMIT 1";
    let found = tx.prepare_cached(sql)?.query_row((device, of.finding.as_str()), said);
    Ok(found.optional()?)
}

/// The step that asked for the picture: the last grave one before the box told of it. A later one
/// asks for others.
fn asked_by(tx: &Connection, device: &DeviceId, of: &Picture) -> Result<Option<StepTimes>> {
    let Some((epoch, seq)) = of.place else { return Ok(None) };
    let sql = "SELECT received_at, at, epoch, seq FROM finding_step WHERE origin = ?1 AND
        finding = ?2 AND step IN ('opened', 'strengthened') AND severity >= 2 AND epoch = ?3 AND
        seq < ?4 ORDER BY revision DESC LIMIT 1";
    let values = params![device, of.finding, epoch, seq];
    Ok(tx.prepare_cached(sql)?.query_row(values, said).optional()?)
}

/// Whether the box was heard between a step and its taking back: then that step's receipt reached
/// it, and it knew that others may have seen it. Only one that was away the whole time did not.
fn spoke_between(
    tx: &Connection,
    device: &DeviceId,
    step: &StepTimes,
    back: &StepTimes,
) -> Result<bool> {
    if step.epoch != back.epoch {
        return Ok(true);
    }
    let sql = "SELECT 1 FROM message WHERE device = ?1 AND epoch = ?2 AND seq > ?3 AND seq < ?4
        AND received_at > ?5 AND received_at < ?6";
    let from = step.came + RECEIPT_COMES;
    let to = back.came - RIGHT_BEHIND;
    let values = params![device, step.epoch, step.seq, back.seq, from, to];
    Ok(tx.prepare_cached(sql)?.exists(values)?)
}
