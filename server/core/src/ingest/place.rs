//! Whether a box may say this of that place at that time: a pure judgement over its registration.
//!
//! A signature says which box spoke, never that it may speak of a place. Nothing here touches a
//! database or reads a clock. Times of a clock that calls itself synchronised are held to their
//! bounds; those of one that nobody set are moved into them; those of a scripted scene are believed
//! in a demonstration alone.

use jiff::Timestamp;
use protocol::up::{ClockSource, FindingReport, PresenceReport, PresenceSummary, Up, UpBody};
use wording::RefusalReason;

use crate::clock::{self, At};
use crate::rules::rule_names;

/// What the server's own clock, and the way to it, may be wrong by, ms [D].
const SLACK_MS: i64 = 120_000;
/// No box is believed that its clock may be wrong by more, ms [D].
const UNCERTAINTY_MAX_MS: i64 = 600_000;
/// For so long a box that was registered for another room is believed for its former one, unless it
/// took the new registration before, ms [D].
const MOVE_GRACE_MS: i64 = 86_400_000;
/// Nobody is in one room for longer without a break, ms [D].
const PRESENCE_MAX_MS: i64 = 86_400_000;

/// A room that a box was registered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomRegistration {
    pub room: String,
    /// `i64::MIN` for the first.
    pub since_ms: i64,
    /// When the box took this registration.
    pub taken_ms: Option<i64>,
    /// Whose the room was from when on, rising; the first from ever.
    pub owners: Vec<(i64, String)>,
}

/// What is known of a box where it speaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BoxRegistration {
    /// The latest last.
    pub posts: Vec<RoomRegistration>,
    /// Since when the key that signed is its key; `None` where that was not written down.
    pub key_since_ms: Option<i64>,
    /// Scripted clocks are believed.
    pub demonstration: bool,
}

/// Where a session is, as the registry knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionPlace {
    /// No such session was declared here.
    Unknown,
    /// It is, or once was, declared for this room.
    ThisRoom,
    Elsewhere,
}

/// Why a message has no effect; it stays in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    pub reason: RefusalReason,
    pub detail: String,
}

/// What the server makes of a statement that may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedStatement {
    /// Whose the room was at the statement's time, by the registration.
    pub institution: String,
    /// The session that it names was declared for this room.
    pub session_known: bool,
    /// When the finding was raised, the summary made, the presence begun.
    pub at: At,
    /// When the presence ended; as [`Self::at`] for the others.
    pub until: At,
}

/// What statements of every kind have in common.
struct Statement<'a> {
    room: &'a str,
    institution: Option<&'a str>,
    session: Option<&'a str>,
    at: &'a str,
    until: &'a str,
}

fn wrong_place(detail: String) -> SetAside {
    SetAside { reason: RefusalReason::WrongPlace, detail }
}

fn wrong_time(detail: String) -> SetAside {
    SetAside { reason: RefusalReason::WrongTime, detail }
}

/// `None` for what speaks of no place: health, acknowledgements, what this version does not know.
pub fn judge(
    body: &UpBody,
    box_: &BoxRegistration,
    received_ms: i64,
    session_place: impl FnOnce(&str, &str) -> SessionPlace,
) -> Option<Result<PlacedStatement, SetAside>> {
    let statement = match &body.payload {
        Up::Finding(report) => of_finding(report),
        Up::Presence(report) => of_presence(report),
        Up::PresenceSummary(report) => of_summary(report),
        _ => return None,
    };
    let form = if let Up::Finding(report) = &body.payload { well_formed(report) } else { Ok(()) };
    Some(form.and_then(|()| placed(&statement, body, box_, received_ms, session_place)))
}

fn of_finding(it: &FindingReport) -> Statement<'_> {
    Statement {
        room: it.room.as_str(),
        institution: Some(it.institution.as_str()),
        session: it.session.as_ref().map(protocol::id::SessionId::as_str),
        at: &it.raised_at,
        until: &it.raised_at,
    }
}

fn of_presence(it: &PresenceReport) -> Statement<'_> {
    Statement {
        room: it.room.as_str(),
        institution: None,
        session: it.session.as_ref().map(protocol::id::SessionId::as_str),
        at: &it.from,
        until: &it.to,
    }
}

fn of_summary(it: &PresenceSummary) -> Statement<'_> {
    Statement {
        room: it.room.as_str(),
        institution: None,
        session: Some(it.session.as_str()),
        at: &it.at,
        until: &it.at,
    }
}

/// Ids in the form of a box's; the server's own have another, so that no message can carry one. And
/// none of the server's rules: what looks across boxes and days is nobody's to claim.
fn well_formed(report: &FindingReport) -> Result<(), SetAside> {
    let rule = report.rule.as_str();
    if rule_names::is_the_servers(rule) {
        let detail = format!("rule `{}` is the server's own", clock::clip(rule, 40));
        return Err(SetAside { reason: RefusalReason::ServersRule, detail });
    }
    for (what, id) in [("finding_id", &report.finding_id), ("incident_id", &report.incident_id)] {
        if id.len() != 32 || !id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            let detail = format!("{what} `{}` is not 32 hex digits", clock::clip(id, 40));
            return Err(SetAside { reason: RefusalReason::Malformed, detail });
        }
    }
    for span in &report.intervals {
        let (from, to) = (time("interval", &span.from)?, time("interval", &span.to)?);
        if to < from {
            return Err(wrong_time(format!(
                "interval `{}` ends before it begins",
                clock::clip(span.what.as_str(), 40)
            )));
        }
    }
    Ok(())
}

fn time(what: &str, text: &str) -> Result<i64, SetAside> {
    clock::parse(what, text).map(Timestamp::as_millisecond).map_err(wrong_time)
}

fn placed(
    it: &Statement<'_>,
    body: &UpBody,
    box_: &BoxRegistration,
    received_ms: i64,
    session_place: impl FnOnce(&str, &str) -> SessionPlace,
) -> Result<PlacedStatement, SetAside> {
    let bounds = Bounds::of(body, box_, received_ms)?;
    let (at_ms, until_ms) = (bounds.hold("time", it.at)?, bounds.hold("time", it.until)?);
    if until_ms < at_ms || until_ms - at_ms > PRESENCE_MAX_MS {
        return Err(wrong_time(format!("a presence from {} to {} is none", it.at, it.until)));
    }
    let said_ms = if bounds.by_the_box { at_ms } else { received_ms };
    let post = box_.post(it.room, said_ms, bounds.tolerance_ms).ok_or_else(|| {
        let now = box_.posts.last().map_or("nowhere", |post| post.room.as_str());
        wrong_place(format!("it speaks of room `{}`: it is registered for `{now}`", it.room))
    })?;
    let institution = post.owner(said_ms);
    if let Some(said) =
        it.institution.filter(|said| post.owners.iter().all(|(_, owner)| owner != said))
    {
        return Err(wrong_place(format!(
            "it speaks for institution `{said}`: room `{}` is `{institution}`'s",
            it.room
        )));
    }
    let session_known = match it.session.map(|session| (session, session_place(session, it.room))) {
        None | Some((_, SessionPlace::Unknown)) => false,
        Some((_, SessionPlace::ThisRoom)) => true,
        Some((session, SessionPlace::Elsewhere)) => {
            return Err(wrong_place(format!("session `{session}` is none of room `{}`", it.room)));
        }
    };
    Ok(PlacedStatement {
        institution: institution.to_owned(),
        session_known,
        at: At::of_ms(at_ms),
        until: At::of_ms(until_ms),
    })
}

/// Between which times a message may speak.
struct Bounds {
    earliest_ms: i64,
    latest_ms: i64,
    tolerance_ms: i64,
    /// What lies outside is moved inside: nobody set this clock, and it says so.
    moved: bool,
    /// The message's own times tell when it was said; otherwise its arrival does.
    by_the_box: bool,
}

impl Bounds {
    fn of(body: &UpBody, box_: &BoxRegistration, received_ms: i64) -> Result<Self, SetAside> {
        let uncertainty = i64::from(body.stamp.uncertainty_ms).min(UNCERTAINTY_MAX_MS);
        let tolerance_ms = SLACK_MS + uncertainty;
        let synchronised = body.stamp.clock == ClockSource::Synchronised;
        if body.stamp.clock == ClockSource::Scene {
            if !box_.demonstration {
                return Err(wrong_time(
                    "a scripted clock speaks in a demonstration alone".to_owned(),
                ));
            }
            let all = Self {
                earliest_ms: i64::MIN,
                latest_ms: i64::MAX,
                tolerance_ms,
                moved: false,
                by_the_box: false,
            };
            return Ok(all);
        }
        let bounds = Self {
            earliest_ms: box_.key_since_ms.map_or(i64::MIN, |since| since - tolerance_ms),
            latest_ms: received_ms + tolerance_ms,
            tolerance_ms,
            moved: !synchronised,
            by_the_box: synchronised,
        };
        bounds.hold("the message's time", &body.stamp.utc)?;
        Ok(bounds)
    }

    fn hold(&self, what: &str, text: &str) -> Result<i64, SetAside> {
        let said = time(what, text)?;
        if self.moved {
            return Ok(said.clamp(self.earliest_ms.min(self.latest_ms), self.latest_ms));
        }
        if said > self.latest_ms {
            return Err(wrong_time(format!("{what}: {} is yet to come", clock::clip(text, 40))));
        }
        if said < self.earliest_ms {
            return Err(wrong_time(format!(
                "{what}: {} is before the box was registered",
                clock::clip(text, 40)
            )));
        }
        Ok(said)
    }
}

impl BoxRegistration {
    /// The registration for this room that was in force at `at_ms`, give or take.
    fn post(&self, room: &str, at_ms: i64, tolerance_ms: i64) -> Option<&RoomRegistration> {
        let in_force = |n: usize, post: &RoomRegistration| {
            let until = self.posts.get(n + 1).map_or(i64::MAX, |next| {
                let grace = next.since_ms.saturating_add(MOVE_GRACE_MS);
                next.taken_ms.map_or(grace, |taken| taken.clamp(next.since_ms, grace))
            });
            // A key that was made for the next room never spoke for this one.
            let of_this_key = self.key_since_ms.is_none_or(|since| until > since);
            let began = post.since_ms.saturating_sub(tolerance_ms) <= at_ms;
            of_this_key && began && at_ms <= until.saturating_add(tolerance_ms)
        };
        let found = self
            .posts
            .iter()
            .enumerate()
            .rev()
            .find(|(n, post)| post.room == room && in_force(*n, post));
        found.map(|(_, post)| post)
    }
}

impl RoomRegistration {
    fn owner(&self, at_ms: i64) -> &str {
        let held =
            self.owners.iter().rev().find(|(since, _)| *since <= at_ms).or(self.owners.first());
        held.map_or("", |(_, owner)| owner)
    }
}

#[cfg(test)]
mod tests;
