//! What people are told of their own work, and by which way beyond the pages. It never holds what a
//! lead says.

use super::engine::{Transaction, params};

use super::rows::collect;
use super::{Clue, NewDelivery, Result, Store, StoreError, clues, hooks, name_of, named};
use crate::alert_number::ReferenceNumber;
use crate::clock::At;
use crate::ids::{AccountId, AlertId};
use crate::message::{Hours, NotificationKind};

/// To be told to somebody.
#[derive(Debug, Clone)]
pub struct NewMessage {
    pub account: AccountId,
    pub kind: NotificationKind,
    /// The alert's or enrolment's id.
    pub about: String,
    pub number: Option<i64>,
    /// Whose step it was; empty for the server's own.
    pub by: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: i64,
    pub account: AccountId,
    pub kind: NotificationKind,
    pub about: String,
    pub number: Option<i64>,
    pub by: String,
    pub at: At,
    pub done_at: Option<At>,
}

/// A group robot of a chat program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RobotKind {
    /// 企业微信.
    Wecom,
    /// 钉钉.
    Dingtalk,
}

/// Address and secret are sealed.
#[derive(Debug, Clone)]
pub struct Robot {
    pub kind: RobotKind,
    pub target: Vec<u8>,
    pub secret: Option<Vec<u8>>,
}

/// By which way somebody is told beyond the pages.
#[derive(Debug, Clone, Default)]
pub struct MessageSetting {
    /// Empty for none.
    pub email: String,
    pub robot: Option<Robot>,
    pub hours: Hours,
}

/// One of somebody's own steps on an alert.
#[derive(Debug, Clone)]
pub struct OwnStep {
    pub alert: AlertId,
    pub number: ReferenceNumber,
    pub institution: String,
    pub jurisdiction: String,
    pub at: At,
    pub step: String,
}

const MESSAGE: &str =
    "SELECT m.id, m.account, m.kind, m.about, m.number, m.by, m.at, m.done_at FROM own_message m";

impl Store {
    pub fn tell(&self, messages: &[NewMessage], now: At) -> Result<()> {
        if messages.is_empty() { Ok(()) } else { self.write(|tx| put_all(tx, messages, now)) }
    }

    /// Clues whose term ended before this day, and of which this ear was not told.
    pub fn late_clues(&self, ear: &str, day: &str, limit: u32) -> Result<Vec<Clue>> {
        let sql = format!(
            "{} WHERE due_on < ?2 AND NOT EXISTS (SELECT 1 FROM told_once t WHERE t.what = 'clue ' \
            || id || ' ' || due_on || ' ' || ?1) ORDER BY due_on, number LIMIT ?3",
            clues::COLUMNS
        );
        self.read(|c| collect(c, &sql, params![ear, day, limit], clues::row))
    }

    /// Tells of a clue's term, in the transaction that remembers that this was told; `false` where
    /// it was before.
    pub fn tell_of_late_clue(
        &self,
        clue: &Clue,
        ear: &str,
        messages: &[NewMessage],
        now: At,
    ) -> Result<bool> {
        let due = clue.due_on.as_deref().unwrap_or_default();
        let what = format!("clue {} {due} {ear}", clue.id);
        self.write(|tx| {
            let sql = "INSERT INTO told_once VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            let new = tx.execute(sql, (what.as_str(), now))? == 1;
            if new {
                put_all(tx, messages, now)?;
            }
            Ok(new)
        })
    }

    /// Messages of one person that wait, newest first.
    pub fn messages_waiting(&self, account: &AccountId, limit: u32) -> Result<Vec<Message>> {
        let sql = format!(
            "{MESSAGE} WHERE m.account = ?1 AND m.done_at IS NULL ORDER BY m.id DESC LIMIT ?2"
        );
        self.read(|c| collect(c, &sql, (account, limit), message))
    }

    /// Those that the person has dealt with, newest first.
    pub fn messages_done(&self, account: &AccountId, limit: u32) -> Result<Vec<Message>> {
        let sql = format!(
            "{MESSAGE} WHERE m.account = ?1 AND m.done_at IS NOT NULL ORDER BY m.done_at DESC, \
            m.id DESC LIMIT ?2"
        );
        self.read(|c| collect(c, &sql, (account, limit), message))
    }

    /// Another's message is unknown.
    pub fn message_done(&self, account: &AccountId, id: i64, now: At) -> Result<()> {
        let sql =
            "UPDATE own_message SET done_at = coalesce(done_at, ?3) WHERE id = ?2 AND account = ?1";
        let unknown = || StoreError::Unknown { what: "message", id: id.to_string() };
        self.write(|tx| {
            if tx.execute(sql, params![account, id, now])? == 0 { Err(unknown()) } else { Ok(()) }
        })
    }

    /// What of an alert or enrolment a person need not be told any more.
    pub fn messages_over(&self, ids: &[i64], now: At) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.write(|tx| {
            let sql = "UPDATE own_message SET done_at = ?2 WHERE id = ?1 AND done_at IS NULL";
            for id in ids {
                tx.prepare_cached(sql)?.execute(params![id, now])?;
            }
            Ok(())
        })
    }

    /// The steps that a person took on alerts, newest first.
    pub fn steps_of(&self, by: &str, limit: u32) -> Result<Vec<OwnStep>> {
        let sql =
            "SELECT s.alert, a.number, a.institution, a.jurisdiction, s.at, s.step, a.clinic_number
            FROM alert_step s JOIN alert a ON a.id = s.alert
            WHERE s.actor = ?1 ORDER BY s.id DESC LIMIT ?2";
        self.read(|c| {
            collect(c, sql, (by, limit), |r| {
                Ok(OwnStep {
                    alert: r.get(0)?,
                    number: ReferenceNumber::new(r.get(1)?, r.get(6)?),
                    institution: r.get(2)?,
                    jurisdiction: r.get(3)?,
                    at: r.get(4)?,
                    step: r.get(5)?,
                })
            })
        })
    }

    pub fn message_setting(&self, account: &AccountId) -> Result<Option<MessageSetting>> {
        let sql = "SELECT email, robot_kind, robot_target, robot_secret, digest_at_min,
            quiet_from_min, quiet_to_min FROM message_setting WHERE account = ?1";
        self.read(|c| Ok(collect(c, sql, [account], setting)?.pop()))
    }

    /// From now on by this way; what waited before does not go out by it.
    pub fn put_message_setting(
        &self,
        account: &AccountId,
        it: &MessageSetting,
        now: At,
    ) -> Result<()> {
        self.write(|tx| {
            let robot = it.robot.as_ref();
            let kind = robot.map(|r| name_of(&r.kind)).transpose()?;
            tx.execute(
                "INSERT INTO message_setting VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)
                ON CONFLICT(account) DO UPDATE SET email = excluded.email,
                robot_kind = excluded.robot_kind, robot_target = excluded.robot_target,
                robot_secret = excluded.robot_secret, digest_at_min = excluded.digest_at_min,
                quiet_from_min = excluded.quiet_from_min, quiet_to_min = excluded.quiet_to_min,
                updated_at = excluded.updated_at",
                params![
                    account,
                    it.email,
                    kind,
                    robot.map(|r| &r.target),
                    robot.and_then(|r| r.secret.as_ref()),
                    it.hours.digest_at_min,
                    it.hours.quiet.map(|q| q.0),
                    it.hours.quiet.map(|q| q.1),
                    now
                ],
            )?;
            let sql = "UPDATE own_message SET told_at = ?2 WHERE account = ?1 AND told_at IS NULL";
            tx.execute(sql, (account, now))?;
            Ok(())
        })
    }

    /// Messages that wait to go out, oldest first, of people whose account stands and who have a
    /// way beyond the pages.
    pub fn messages_untold(&self) -> Result<Vec<Message>> {
        let sql = format!(
            "{MESSAGE} JOIN message_setting s ON s.account = m.account
             JOIN account a ON a.id = m.account AND a.disabled = 0
             WHERE m.told_at IS NULL AND m.done_at IS NULL
             AND (s.email <> '' OR s.robot_kind IS NOT NULL) ORDER BY m.id LIMIT 500"
        );
        self.read(|c| collect(c, &sql, [], message))
    }

    pub fn forget_messages(&self, before: At) -> Result<usize> {
        self.write(|tx| Ok(tx.execute("DELETE FROM own_message WHERE at < ?1", [before])?))
    }

    /// Plans deliveries and marks what they tell, in one transaction.
    pub fn told(&self, ids: &[i64], deliveries: &[NewDelivery], now: At) -> Result<()> {
        self.write(|tx| {
            for delivery in deliveries {
                hooks::insert(tx, delivery, now)?;
            }
            ids.iter().try_for_each(|id| mark_told(tx, *id, now))
        })
    }
}

fn put_all(tx: &Transaction<'_>, messages: &[NewMessage], now: At) -> Result<()> {
    let sql = "INSERT INTO own_message (account, kind, about, number, by, at)
        VALUES (?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING";
    for it in messages {
        let kind = name_of(&it.kind)?;
        let row = params![it.account, kind, it.about, it.number, it.by, now];
        tx.prepare_cached(sql)?.execute(row)?;
    }
    Ok(())
}

fn mark_told(tx: &Transaction<'_>, id: i64, now: At) -> Result<()> {
    tx.prepare_cached("UPDATE own_message SET told_at = ?2 WHERE id = ?1")?
        .execute(params![id, now])?;
    Ok(())
}

/// Messages are kept as long as the log of deliveries is.
fn message(r: &crate::store::engine::Row<'_>) -> Result<Message> {
    Ok(Message {
        id: r.get(0)?,
        account: r.get(1)?,
        kind: named(r.get(2)?)?,
        about: r.get(3)?,
        number: r.get(4)?,
        by: r.get(5)?,
        at: r.get(6)?,
        done_at: r.get(7)?,
    })
}

fn setting(r: &crate::store::engine::Row<'_>) -> Result<MessageSetting> {
    let kind: Option<String> = r.get(1)?;
    let target: Option<Vec<u8>> = r.get(2)?;
    let robot = match kind.zip(target) {
        Some((kind, target)) => Some(Robot { kind: named(kind)?, target, secret: r.get(3)? }),
        None => None,
    };
    let quiet: (Option<u16>, Option<u16>) = (r.get(5)?, r.get(6)?);
    let hours = Hours { digest_at_min: r.get(4)?, quiet: quiet.0.zip(quiet.1) };
    Ok(MessageSetting { email: r.get(0)?, robot, hours })
}
