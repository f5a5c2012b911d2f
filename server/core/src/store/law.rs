//! The lawyer's decisions about the law table, and the reviews of boxes by 行政处罚法 41: appended,
//! never overwritten. And the imported years of the calendar.

use protocol::id::DeviceId;

use super::engine::{Connection, OptionalExtension as _, Row, params};
use ::law::Decision;

use super::rows::{collect, decode_all};
use super::{Result, Store, name_of, named};
use crate::calendar::NoticeDay;
use crate::clock::At;
use crate::monitoring_review::{Entered, MonitoringReview};

/// One word about a box's review.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ReviewEntry {
    pub at: At,
    pub by: String,
    pub room: String,
    pub record: MonitoringReview,
}

impl ReviewEntry {
    /// With the day on which it was entered.
    pub fn entered(&self) -> Entered<'_> {
        Entered { by: &self.by, on: self.at.date(), record: &self.record }
    }
}

pub(super) fn review_of(c: &Connection, device: &DeviceId, room: &str) -> Result<MonitoringReview> {
    let sql = "SELECT record FROM monitoring_review WHERE device = ?1 AND room = ?2 ORDER BY id \
        DESC LIMIT 1";
    let found: Option<String> =
        c.prepare_cached(sql)?.query_row((device, room), |r| r.get(0)).optional()?;
    Ok(found.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default())
}

fn entry(r: &Row<'_>) -> Result<ReviewEntry> {
    let record = serde_json::from_str(&r.get::<_, String>(3)?)?;
    Ok(ReviewEntry { at: r.get(0)?, by: r.get(1)?, room: r.get(2)?, record })
}

/// Every word about a box in a room, newest first.
pub(super) fn entries_of(
    c: &Connection,
    device: &DeviceId,
    room: &str,
) -> Result<Vec<ReviewEntry>> {
    let sql = "SELECT at, by_whom, room, record FROM monitoring_review WHERE device = ?1 AND room \
        = ?2 ORDER BY id DESC";
    collect(c, sql, [device, room], entry)
}

/// Under which table of basis and penalty something is done now.
pub(super) fn version_now(c: &Connection) -> Result<String> {
    let decided: i64 =
        c.prepare_cached("SELECT count(*) FROM law_decision")?.query_row([], |r| r.get(0))?;
    Ok(::law::Table::shipped().version_after(usize::try_from(decided).unwrap_or_default()))
}

impl Store {
    /// Every decision, oldest first.
    pub fn law_decisions(&self) -> Result<Vec<Decision>> {
        self.read(|c| decode_all(c, "SELECT decision FROM law_decision ORDER BY id", []))
    }

    pub fn decide_law(&self, it: &Decision) -> Result<()> {
        self.write(|tx| {
            let sql = "INSERT INTO law_decision (at, decision) VALUES (?1,?2)";
            tx.execute(sql, params![it.at, serde_json::to_string(it)?])?;
            Ok(())
        })
    }

    /// What stands of a box in a room; nothing where nobody wrote a word.
    pub fn monitoring_review(&self, device: &DeviceId, room: &str) -> Result<MonitoringReview> {
        self.read(|c| review_of(c, device, room))
    }

    /// Every word about a box, newest first.
    pub fn monitoring_reviews(&self, device: &DeviceId, limit: u32) -> Result<Vec<ReviewEntry>> {
        self.read(|c| {
            let sql =
                "SELECT at, by_whom, room, record FROM monitoring_review WHERE device = ?1 ORDER \
                BY id DESC LIMIT ?2";
            collect(c, sql, params![device, limit], entry)
        })
    }

    /// Every word about a box in a room, newest first.
    pub fn monitoring_entries(&self, device: &DeviceId, room: &str) -> Result<Vec<ReviewEntry>> {
        self.read(|c| entries_of(c, device, room))
    }

    pub fn put_monitoring_review(&self, device: &DeviceId, it: &ReviewEntry) -> Result<()> {
        self.write(|tx| {
            let sql = "INSERT INTO monitoring_review (device, room, at, by_whom, record) VALUES \
                (?1,?2,?3,?4,?5)";
            tx.execute(
                sql,
                params![device, it.room, it.at, it.by, serde_json::to_string(&it.record)?],
            )?;
            Ok(())
        })
    }

    /// The years that were imported, by day.
    pub fn workdays(&self) -> Result<Vec<NoticeDay>> {
        self.read(|c| {
            collect(c, "SELECT day, kind FROM workday ORDER BY day", [], |r| {
                Ok(NoticeDay { day: named(r.get(0)?)?, kind: named(r.get(1)?)? })
            })
        })
    }

    /// Replaces every year that the days are of.
    pub fn put_workdays(&self, days: &[NoticeDay]) -> Result<()> {
        self.write(|tx| {
            for day in days {
                tx.execute(
                    "DELETE FROM workday WHERE substr(day, 1, 4) = ?1",
                    [format!("{:04}", day.day.year())],
                )?;
            }
            for day in days {
                tx.execute(
                    "INSERT INTO workday VALUES (?1,?2)",
                    params![day.day.to_string(), name_of(&day.kind)?],
                )?;
            }
            Ok(())
        })
    }
}
