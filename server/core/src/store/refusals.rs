//! How often patients declined to be looked at, by room: a figure, no lead.

use super::engine::params;

use super::part::ListPart;
use super::rows::collect;
use super::{Result, Store};
use crate::clock::At;

/// Whether a session `x` was declined when it began. A word of the clinic that came after its start
/// (the refusal taken back, a cancellation, another start) takes nothing from the count.
pub(super) const DECLINED: &str = "EXISTS (SELECT 1 FROM session_change h WHERE h.session = x.id \
    AND CAST(json_extract(h.spec, '$.declined') AS INTEGER) = 1
    AND coalesce(CAST(json_extract(h.spec, '$.cancelled') AS INTEGER), 1) = 0
    AND NOT EXISTS (SELECT 1 FROM session_change n WHERE n.session = h.session
        AND n.revision > h.revision AND n.at <= json_extract(h.spec, '$.start')))";

/// One room's sessions of a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRefusals {
    pub room: String,
    pub room_name: String,
    pub institution: String,
    pub institution_name: String,
    /// Declared and not cancelled before they began.
    pub declared: usize,
    /// Those of them whose patient declined.
    pub declined: usize,
}

impl Store {
    /// When the newest session of the reader's part began, if before `now`; else `now`: a
    /// demonstration plays on a day of its own.
    pub fn newest_session(&self, part: &ListPart, now: At) -> Result<At> {
        let sql = "SELECT coalesce(max(x.start_at), ?1) FROM session x JOIN room r ON r.id = x.room
            JOIN institution i ON i.id = r.institution WHERE x.start_at <= ?1
            AND substr(i.jurisdiction, 1, length(?2)) = ?2 AND (?3 = '' OR i.id = ?3)";
        self.read(|c| {
            let bound = params![now, part.jurisdiction, part.institution];
            Ok(c.prepare_cached(sql)?.query_row(bound, |r| r.get(0))?)
        })
    }

    /// Rooms of the reader's part in which somebody declined in a window, the greatest share first.
    pub fn refusals(&self, part: &ListPart, from: At, to: At) -> Result<Vec<RoomRefusals>> {
        let sql = format!(
            "SELECT room, name, institution, place, count(*),
                count(*) FILTER (WHERE declined) FROM (
                SELECT r.id AS room, r.name AS name,
                i.id AS institution, i.name AS place, x.cancelled AS cancelled,
                {DECLINED} AS declined
                FROM session x JOIN room r ON r.id = x.room JOIN institution i ON i.id =
                r.institution WHERE x.start_at > ?1 AND x.start_at <= ?2
                AND substr(i.jurisdiction, 1, length(?3)) = ?3 AND (?4 = '' OR i.id = ?4)) told
            WHERE declined OR cancelled = 0 GROUP BY room, name, institution, place
            HAVING count(*) FILTER (WHERE declined) > 0
            ORDER BY count(*) FILTER (WHERE declined) * 1.0 / count(*) DESC, count(*) DESC, room
            LIMIT 200"
        );
        self.read(|c| {
            let bound = params![from, to, part.jurisdiction, part.institution];
            collect(c, &sql, bound, |r| {
                let count = |n: i64| usize::try_from(n).unwrap_or(0);
                Ok(RoomRefusals {
                    room: r.get(0)?,
                    room_name: r.get(1)?,
                    institution: r.get(2)?,
                    institution_name: r.get(3)?,
                    declared: count(r.get(4)?),
                    declined: count(r.get(5)?),
                })
            })
        })
    }
}
