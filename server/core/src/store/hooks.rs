//! Hooks and their deliveries: what is due, what came of it, and the mark up to which the feed was
//! looked through.

use super::engine::{Connection, OptionalExtension as _, Transaction, params};

use super::delivery_words::{DeliveryEvent, DeliveryState};
use super::rows::collect;
use super::{FeedEvent, Result, Store, StoreError, count};
use crate::clock::At;
use crate::ids::{AlertId, HookId};
pub use crate::quiet_hours::Quiet;

#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HookKind {
    Webhook,
    Email,
}

/// Somebody who is told. The secret is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Hook {
    pub id: HookId,
    pub kind: HookKind,
    pub target: String,
    pub min_severity: u8,
    pub jurisdiction: String,
    pub states: bool,
    pub quiet: Option<Quiet>,
    pub escalate_after_min: Option<i64>,
    pub escalate_to: Option<String>,
    pub enabled: bool,
    pub created_at: At,
    pub created_by: String,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "Delivery")]
pub struct HookDelivery {
    pub id: i64,
    pub hook: String,
    pub event: DeliveryEvent,
    pub alert: Option<AlertId>,
    pub state: DeliveryState,
    pub attempts: u32,
    pub next_at: At,
    pub made_at: At,
    pub done_at: Option<At>,
    pub answer: String,
    #[serde(skip)]
    pub body: String,
}

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    pub hook: String,
    pub event: DeliveryEvent,
    pub alert: Option<AlertId>,
    pub body: String,
    pub next_at: At,
}

/// What a delivery came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    Delivered,
    /// Again at this time.
    Again(At),
    Failed,
}

/// The counter that holds the last event of the feed that was looked through.
const MARK: &str = "notified_feed";

impl Store {
    pub fn put_hook(&self, it: &Hook, secret: Option<&[u8]>) -> Result<()> {
        self.write(|tx| {
            let taken = tx.prepare_cached("SELECT 1 FROM hook WHERE id = ?1")?.exists([&it.id])?;
            if taken {
                return Err(StoreError::Conflict(format!(
                    "the name `{}` is taken: choose another",
                    it.id
                )));
            }
            let quiet = it.quiet.unwrap_or(Quiet { from_min: 0, to_min: 0, below: 0 });
            tx.execute(
                "INSERT INTO hook VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)",
                params![
                    it.id,
                    super::name_of(&it.kind)?,
                    it.target,
                    secret,
                    it.min_severity,
                    it.jurisdiction,
                    it.states,
                    it.quiet.map(|q| q.from_min),
                    it.quiet.map(|q| q.to_min),
                    quiet.below,
                    it.escalate_after_min,
                    it.escalate_to,
                    it.enabled,
                    it.created_at,
                    it.created_by
                ],
            )?;
            Ok(())
        })
    }

    pub fn hooks(&self) -> Result<Vec<Hook>> {
        self.read(all_hooks)
    }

    pub fn hook_secret(&self, id: &HookId) -> Result<Option<Vec<u8>>> {
        self.read(|c| {
            Ok(c.query_row("SELECT secret FROM hook WHERE id = ?1", [id], |r| r.get(0))
                .optional()?
                .flatten())
        })
    }

    pub fn enable_hook(&self, id: &HookId, enabled: bool) -> Result<()> {
        self.write(|tx| {
            match tx.execute("UPDATE hook SET enabled = ?2 WHERE id = ?1", params![id, enabled])? {
                0 => Err(StoreError::Unknown { what: "hook", id: id.to_string() }),
                _ => Ok(()),
            }
        })
    }

    /// Looks through what is new in the feed and keeps what `plan` makes of it, all in one
    /// transaction: each event is looked at once, whatever stops in between. The first call begins
    /// at the feed's end.
    pub fn plan_deliveries(
        &self,
        now: At,
        plan: impl Fn(&[Hook], &FeedEvent, &str) -> Vec<NewDelivery>,
    ) -> Result<usize> {
        self.write(|tx| {
            let hooks = all_hooks(tx)?;
            let head: i64 = tx.query_row(
                "SELECT coalesce(max(id), 0) FROM \
                feed",
                [],
                |r| r.get(0),
            )?;
            let mark: Option<i64> = tx
                .query_row(
                    "SELECT value FROM counter WHERE name = \
                    ?1",
                    [MARK],
                    |r| r.get(0),
                )
                .optional()?;
            let Some(mark) = mark else {
                count(tx, MARK, head)?;
                return Ok(0);
            };
            let sql = "SELECT f.id, f.event, f.data, coalesce(a.jurisdiction, '') FROM feed f
                LEFT JOIN alert a ON a.id = json_extract(f.data, '$.alert') WHERE f.id > ?1 AND
                f.event = 'alert' ORDER BY f.id LIMIT 500";
            let events: Vec<(FeedEvent, String)> = collect(tx, sql, [mark], |r| {
                Ok((FeedEvent { id: r.get(0)?, event: r.get(1)?, data: r.get(2)? }, r.get(3)?))
            })?;
            let mut planned = 0;
            for (event, jurisdiction) in &events {
                for delivery in plan(&hooks, event, jurisdiction) {
                    insert(tx, &delivery, now)?;
                    planned += 1;
                }
            }
            let seen =
                if events.len() == 500 { events.last().map_or(head, |e| e.0.id) } else { head };
            if seen != mark {
                count(tx, MARK, seen - mark)?;
            }
            Ok(planned)
        })
    }

    pub fn add_delivery(&self, it: &NewDelivery, now: At) -> Result<()> {
        self.write(|tx| insert(tx, it, now))
    }

    /// Deliveries whose time has come, oldest first.
    pub fn due_deliveries(&self, now: At, limit: u32) -> Result<Vec<HookDelivery>> {
        let sql = format!(
            "{DELIVERY} WHERE state = 'waiting' AND next_at <= ?1 ORDER BY next_at, id LIMIT ?2"
        );
        self.read(|c| collect(c, &sql, (now, limit), delivery))
    }

    pub fn delivered(&self, id: i64, came: &Came, answer: &str, now: At) -> Result<()> {
        let (state, next) = match came {
            Came::Delivered => (DeliveryState::Delivered, now),
            Came::Again(at) => (DeliveryState::Waiting, *at),
            Came::Failed => (DeliveryState::Failed, now),
        };
        let done = (state != DeliveryState::Waiting).then_some(now);
        let state = state.code();
        self.write(|tx| {
            tx.execute(
                "UPDATE delivery SET state=?2, next_at=?3, done_at=?4, answer=?5, \
                attempts=attempts+1 WHERE id=?1",
                params![id, state, next, done, answer],
            )?;
            count(tx, &format!("notify.{state}"), 1)
        })
    }

    /// Alerts told of that nobody took up in time, each once: what was told, and to whom it goes
    /// now. `due_at` says when the other one may hear of an alert of that severity and
    /// jurisdiction; one who may not is counted and not told.
    pub fn take_escalations(
        &self,
        now: At,
        since: impl Fn(i64) -> At,
        due_at: impl Fn(&Hook, u8, &str) -> Option<At>,
    ) -> Result<usize> {
        self.write(|tx| {
            let mut escalated = 0;
            let hooks = all_hooks(tx)?;
            for hook in &hooks {
                let (Some(after), Some(to)) = (hook.escalate_after_min, &hook.escalate_to) else {
                    continue;
                };
                let to = hooks.iter().find(|h| h.id == *to);
                let sql = "SELECT d.id, d.alert, d.body, a.severity, a.jurisdiction FROM delivery
                    d JOIN alert a ON a.id = d.alert
                    WHERE d.hook = ?1 AND d.event = 'alert.opened' AND d.escalated = 0 AND
                    d.made_at <= ?2 AND a.state = 'raised' LIMIT 100";
                let due: Vec<(i64, AlertId, String, u8, String)> =
                    collect(tx, sql, (&hook.id, since(after)), |r| {
                        Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?))
                    })?;
                for (id, alert, body, severity, jurisdiction) in due {
                    tx.execute("UPDATE delivery SET escalated = 1 WHERE id = ?1", [id])?;
                    let told = to
                        .and_then(|to| Some((to.id.clone(), due_at(to, severity, &jurisdiction)?)));
                    let Some((hook, next_at)) = told else {
                        count(tx, "notify.escalation_not_for_him", 1)?;
                        continue;
                    };
                    let event = DeliveryEvent::AlertEscalated;
                    let quoted = |event: DeliveryEvent| format!("\"{}\"", event.code());
                    let body =
                        body.replacen(&quoted(DeliveryEvent::AlertOpened), &quoted(event), 1);
                    insert(
                        tx,
                        &NewDelivery {
                            hook: hook.to_string(),
                            event,
                            alert: Some(alert),
                            body,
                            next_at,
                        },
                        now,
                    )?;
                    escalated += 1;
                }
            }
            Ok(escalated)
        })
    }

    /// The log, newest first.
    pub fn deliveries(
        &self,
        hook: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<HookDelivery>> {
        let sql = format!(
            "{DELIVERY} WHERE (?1 IS NULL OR hook = ?1) AND id < ?2 ORDER BY id DESC LIMIT ?3"
        );
        self.read(|c| {
            collect(c, &sql, (hook, before.unwrap_or(i64::MAX), limit.clamp(1, 500)), delivery)
        })
    }

    pub fn forget_deliveries(&self, before: At) -> Result<usize> {
        self.write(|tx| {
            Ok(tx.execute(
                "DELETE FROM delivery WHERE state <> 'waiting' AND made_at < ?1",
                [before],
            )?)
        })
    }
}

const DELIVERY: &str = "SELECT id, hook, event, alert, state, attempts, next_at, made_at, \
    done_at, answer, body FROM delivery";

pub(super) fn insert(tx: &Transaction<'_>, it: &NewDelivery, now: At) -> Result<()> {
    tx.prepare_cached(
        "INSERT INTO delivery (hook, event, alert, body, state, attempts, next_at, made_at,
        answer, escalated)
         VALUES (?1,?2,?3,?4,'waiting',0,?5,?6,'',0)",
    )?
    .execute(params![it.hook, it.event.code(), it.alert, it.body, it.next_at, now])?;
    Ok(())
}

fn all_hooks(c: &Connection) -> Result<Vec<Hook>> {
    let sql = "SELECT id, kind, target, min_severity, jurisdiction, states, quiet_from_min,
        quiet_to_min, quiet_below,
        escalate_after_min, escalate_to, enabled, created_at, created_by FROM hook ORDER BY id";
    collect(c, sql, [], |r| {
        let quiet: (Option<u16>, Option<u16>, u8) = (r.get(6)?, r.get(7)?, r.get(8)?);
        Ok(Hook {
            id: r.get(0)?,
            kind: super::named(r.get(1)?)?,
            target: r.get(2)?,
            min_severity: r.get(3)?,
            jurisdiction: r.get(4)?,
            states: r.get(5)?,
            quiet: quiet.0.zip(quiet.1).map(|(from_min, to_min)| Quiet {
                from_min,
                to_min,
                below: quiet.2,
            }),
            escalate_after_min: r.get(9)?,
            escalate_to: r.get(10)?,
            enabled: r.get(11)?,
            created_at: r.get(12)?,
            created_by: r.get(13)?,
        })
    })
}

fn delivery(r: &crate::store::engine::Row<'_>) -> Result<HookDelivery> {
    Ok(HookDelivery {
        id: r.get(0)?,
        hook: r.get(1)?,
        event: super::named(r.get(2)?)?,
        alert: r.get(3)?,
        state: super::named(r.get(4)?)?,
        attempts: r.get(5)?,
        next_at: r.get(6)?,
        made_at: r.get(7)?,
        done_at: r.get(8)?,
        answer: r.get(9)?,
        body: r.get(10)?,
    })
}
