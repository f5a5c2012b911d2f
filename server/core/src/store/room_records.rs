//! What the boxes' records hold of an institution's rooms around a window, for
//! [`crate::corroborate`]: sessions, summaries, findings, hours without a camera. No row of a
//! person is read.

use super::engine::{Connection, params};
use protocol::up::{FindingReport, PresenceSummary};

use super::rows::collect;
use super::{Result, Store};

use crate::clock::{At, ms};
use crate::corroborate::{ClaimedWindow, ReportedFinding, RoomRecord, SessionSeen, SummarySeen};
use crate::model::Session;

const DAY_MS: i64 = 24 * 3_600_000;

impl Store {
    /// The records of every room of the institution. What began before `kept_from_ms` was deleted
    /// by its term.
    pub fn room_records(
        &self,
        institution: &str,
        window: ClaimedWindow,
        kept_from_ms: i64,
    ) -> Result<Vec<RoomRecord>> {
        self.read(|c| {
            let sql = "SELECT id FROM room WHERE institution = ?1 ORDER BY id LIMIT 500";
            let rooms: Vec<String> = collect(c, sql, [institution], |r| Ok(r.get(0)?))?;
            let one = |room: String| {
                let sessions = sessions(c, &room, window)?;
                Ok(RoomRecord {
                    watched: self.is_watched(c, &room, window)?
                        || !sessions.is_empty() && sessions.iter().any(|s| s.summary.is_some()),
                    expired: window.from_ms < kept_from_ms,
                    findings: findings(c, institution, &room, window)?,
                    blind: blind(c, &room, window)?,
                    sessions,
                    room,
                })
            };
            rooms.into_iter().map(one).collect()
        })
    }

    /// Whether a box stood there in the window; a demonstration plays on a day of its own.
    fn is_watched(&self, c: &Connection, room: &str, window: ClaimedWindow) -> Result<bool> {
        let sql = "SELECT 1 FROM device_place p WHERE p.room = ?1 AND p.taken_at IS NOT NULL \
            AND (?4 = 1 OR p.taken_at < ?3 AND NOT EXISTS (SELECT 1 FROM device_place n WHERE \
            n.device = p.device AND n.since > p.since AND n.since <= ?2))";
        let (from, until) = (At::of_ms(window.from_ms), At::of_ms(window.to_ms));
        Ok(c.prepare_cached(sql)?.exists(params![room, from, until, self.demonstration])?)
    }
}

fn sessions(c: &Connection, room: &str, window: ClaimedWindow) -> Result<Vec<SessionSeen>> {
    // By its start as declared now, or by when the box spoke of it: a clinic that moves a session
    // away afterwards does not move what was seen.
    let sql = "SELECT x.spec, s.report, NOT EXISTS (SELECT 1 FROM chain_fault f WHERE f.device = \
        s.device AND f.from_at <= max(coalesce(x.end_at, ''), s.at) AND f.to_at >= \
        CASE WHEN s.at < x.start_at THEN s.at ELSE x.start_at END), (SELECT h.spec FROM \
        session_change h WHERE h.session = x.id AND h.at <= s.received_at ORDER BY h.revision \
        DESC LIMIT 1)
        FROM session x LEFT JOIN summary s ON s.session = x.id AND s.received_at = (SELECT \
        max(t.received_at) FROM summary t WHERE t.session = x.id)
        WHERE x.room = ?1 AND x.cancelled = 0 AND (x.start_at > ?2 AND x.start_at < ?3 OR \
        s.at > ?2 AND s.at < ?4)
        ORDER BY x.start_at";
    let (from, to) = (At::of_ms(window.from_ms - DAY_MS), At::of_ms(window.to_ms));
    let said_until = At::of_ms(window.to_ms + DAY_MS);
    let rows = collect(c, sql, params![room, from, to, said_until], |r| {
        let session: Session = serde_json::from_str(&r.get::<_, String>(0)?)?;
        let report: Option<String> = r.get(1)?;
        let summary: Option<PresenceSummary> =
            report.map(|text| serde_json::from_str(&text)).transpose()?;
        let chain_whole: bool = r.get(2)?;
        let as_judged: Option<String> = r.get(3)?;
        let as_judged: Option<Session> =
            as_judged.map(|text| serde_json::from_str(&text)).transpose()?;
        let said_ms = summary.as_ref().and_then(|s| ms(&s.at));
        let Some(now) = declared(&session, said_ms) else { return Ok(None) };
        let judged = as_judged.and_then(|it| declared(&it, said_ms)).unwrap_or(now);
        let (from_ms, to_ms) = (now.0.min(judged.0), now.1.max(judged.1));
        Ok(Some(SessionSeen {
            id: session.id.to_string(),
            from_ms,
            to_ms,
            lead_declared: session.declared_lead.is_some(),
            summary: summary.map(|s| SummarySeen {
                assessable: s.assessable,
                visibility_i_ppm: s.visibility_over_i_ppm,
                of: (judged.0.max(now.0), judged.1.min(now.1).min(said_ms.unwrap_or(judged.1))),
                over_ms: said_ms.unwrap_or(from_ms) - from_ms,
                decided: s.undecided.is_empty() && s.indeterminate_tracks == 0,
                lead_verified: s.lead_verified,
                unmatched_tracks: s.unmatched_tracks,
                chain_whole,
            }),
        }))
    })?;
    Ok(rows.into_iter().flatten().collect())
}

/// From when to when it is declared; one that nobody closed lasts for as long as something was said
/// of it.
fn declared(session: &Session, said_ms: Option<i64>) -> Option<(i64, i64)> {
    let from_ms = ms(&session.start)?;
    let to_ms = session.end.as_deref().and_then(ms).or(said_ms);
    Some((from_ms, to_ms.unwrap_or(from_ms)))
}

fn findings(
    c: &Connection,
    institution: &str,
    room: &str,
    window: ClaimedWindow,
) -> Result<Vec<ReportedFinding>> {
    let sql = "SELECT f.alert, f.report, a.state = 'dismissed' FROM alert a JOIN finding f ON \
        f.alert = a.id WHERE a.institution = ?1 AND a.raised_at > ?3 AND a.raised_at < ?4 AND \
        f.step <> 'withdrawn' AND json_extract(f.report, '$.room') = ?2 LIMIT 500";
    let (from, to) = (At::of_ms(window.from_ms - 2 * DAY_MS), At::of_ms(window.to_ms + 2 * DAY_MS));
    collect(c, sql, params![institution, room, from, to], |r| {
        let report: FindingReport = serde_json::from_str(&r.get::<_, String>(1)?)?;
        let spans = report.intervals.iter().filter_map(|i| ms(&i.from).zip(ms(&i.to)));
        let raised = ms(&report.raised_at).map(|at| (at, at));
        Ok(ReportedFinding {
            alert: r.get(0)?,
            kind: report.kind,
            spans: spans.chain(raised).collect(),
            session: report.session.map(|s| s.to_string()),
            rule: report.rule,
            dismissed: r.get(2)?,
        })
    })
}

impl Store {
    /// Hours of a window in which a box of the room had hardly any picture, in milliseconds.
    pub fn hours_without_picture(
        &self,
        room: &str,
        window: ClaimedWindow,
    ) -> Result<Vec<(i64, i64)>> {
        self.read(|c| blind(c, room, window))
    }
}

fn blind(c: &Connection, room: &str, window: ClaimedWindow) -> Result<Vec<(i64, i64)>> {
    const HOUR_MS: i64 = 3_600_000;
    // Of every box that stood in the room in that hour, wherever it stands now.
    let sql = "SELECT h.hour, p.since, (SELECT min(n.since) FROM device_place n WHERE n.device = \
        p.device AND n.since > p.since) FROM hour_seen h JOIN device_place p ON p.device = \
        h.device WHERE p.room = ?1 AND h.hour >= ?2 AND h.hour <= ?3 AND h.looks > 0 \
        AND h.live * 10 < h.looks * 9";
    let (from, to) = (window.from_ms.div_euclid(HOUR_MS), window.to_ms.div_euclid(HOUR_MS));
    let hours = collect(c, sql, params![room, from, to], |r| {
        let (hour, since): (i64, String) = (r.get(0)?, r.get(1)?);
        let left: Option<String> = r.get(2)?;
        let (from_ms, to_ms) = (hour * HOUR_MS, (hour + 1) * HOUR_MS);
        let came = ms(&since).is_none_or(|since_ms| since_ms < to_ms);
        let stayed = left.as_deref().and_then(ms).is_none_or(|left_ms| left_ms > from_ms);
        Ok((came && stayed).then_some((from_ms, to_ms)))
    })?;
    Ok(hours.into_iter().flatten().collect())
}
