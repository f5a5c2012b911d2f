//! HB-2 camera tampered with, HB-3 undeclared procedure, HB-4 presentation attack, HB-6 zones
//! changed behind the installer's lock, HB-7 zones that do not fit. (HB-1 and HB-5: the server.)

use super::draft::Allegation;
use super::measures::{role_ppm, votes_ppm};
use crate::case::CaseMeasures;
use crate::face_motion::FaceMotion;
use crate::finding::{FindingKind, Rule, Severity, Subject};
use crate::history::{FaultSpell, History, TrackLog};
use crate::knowledge::{DAY_MIN, Knowledge};
use crate::law::{DUTY, RECORDS};
use crate::names::{FigureName, IntervalName, PartName};
use crate::spans::{Spans, share_ppm};
use crate::time::Offset;
use crate::{CameraFault, CameraState, Mono, Policy, Statement, Wall, Zone, ZonesDrifted};

/// HB-3: the bed is occupied and somebody operates, without a session.
pub(crate) fn hb3(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let p = &case.given.knowledge.policy;
    // INDETERMINATE people never support an allegation.
    let known = case
        .attendance
        .op_of(|_| true)
        .union(&case.attendance.stranger_op())
        .bridged(p.observation_gap_ms());
    let op = known.intersect(&case.bed.used);
    let total = op.total();
    if total < p.hb3_ms() {
        return None;
    }
    let severity = if total >= p.hb3_long_ms() { Severity::L2 } else { Severity::L1 };
    let said = Statement::UndeclaredProcedure { operator_ms: total };
    let (kind, begin) = (FindingKind::UndeclaredProcedure, op.first()?);
    let mut draft = Allegation::new(Rule::Hb3, kind, severity, Subject::Room, begin, said)
        .measured(case)
        .span(IntervalName::Operator, &op)
        .span(IntervalName::BedOccupied, &case.bed.used)
        .figure(FigureName::OperatorMs, total)
        .sure(1_000_000, role_ppm(total, p.hb3_ms()))
        .basis(RECORDS);
    for seen in case.attendance.people.values().filter(|s| !s.op.is_empty()) {
        draft = draft.person(&seen.info.id, PartName::Operator, Some(seen.method));
    }
    Some(draft)
}

/// HB-2 in a session: no picture for long at once, or again and again over the day's sessions. Said
/// while the session is open.
pub(crate) fn hb2_in_session(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let p = &case.given.knowledge.policy;
    // What lies before the box began was as dark.
    let forgot_ms = case.sight.forgot_ms;
    let longest = longest_dark_ms(&case.sight.dark, forgot_ms);
    let total = case.sight.dark.total() + forgot_ms;
    let today = case.sight.dark.union(&case.pieces.dark).total() + forgot_ms;
    // A blink in one session says nothing of the day.
    let adds_up = total >= p.hb2_ms() / 2 && today >= p.hb2_session_sum_ms();
    // A short session of which so much is hidden that it cannot be judged.
    let share = u64::from(share_ppm(total, case.sight.i.total() + forgot_ms));
    let hides = case.given.is_final
        && total >= 3 * p.hb2_ms()
        && share > 1_000_000_u64.saturating_sub(p.visibility_min_ppm());
    if longest < p.hb2_session_ms() && !adds_up && !hides {
        return None;
    }
    let begin = case.sight.dark.first().unwrap_or(case.given.bounds.start);
    let said = Statement::DarkInSession { total_ms: total, longest_ms: longest, today_ms: today };
    Some(
        Allegation::new(
            Rule::Hb2,
            FindingKind::Integrity,
            Severity::L1,
            Subject::Camera,
            begin,
            said,
        )
        .span(IntervalName::Camera, &case.sight.dark)
        .figure(FigureName::CameraFaultMs, total)
        .figure(FigureName::CameraFaultLongestMs, longest)
        .figure(FigureName::CameraFaultTodayMs, today)
        .basis(DUTY),
    )
}

/// The longest time without a picture; `forgot_ms` before monotonic time began join the first.
fn longest_dark_ms(dark: &Spans, forgot_ms: u64) -> u64 {
    let before = |from: u64| if from == 0 { forgot_ms } else { 0 };
    dark.iter().map(|s| s.1 - s.0 + before(s.0)).max().unwrap_or(0).max(forgot_ms)
}

/// When there was no picture, on the local day of `now`, while somebody lay on the bed as far as
/// was seen before, and no session was on.
pub(crate) fn dark_at_bed(
    k: &Knowledge,
    h: &History,
    taken: &Spans,
    now: u64,
    offset: Offset,
) -> Spans {
    let p = &k.policy;
    let day = |mono: u64| k.local_day(offset.wall(Mono(mono)));
    let occupied = |s: &(u64, u64)| h.bed.touches(s.0.saturating_sub(p.bed_bridge_ms()), s.0);
    let dark = Spans::one(h.known_from, now).minus(&h.lit()).minus(taken);
    let today = dark.iter().filter(|s| s.1 - s.0 > p.observation_gap_ms() && day(s.0) == day(now));
    Spans::from_unsorted(today.filter(occupied).collect())
}

/// HB-2 at an occupied bed without a session. `sessions`: what was dark in the day's sessions.
pub(crate) fn hb2_at_bed(dark: &Spans, sessions: &Spans, policy: &Policy) -> Option<Allegation> {
    let longest = dark.iter().map(|s| s.1 - s.0).max()?;
    let today = dark.union(sessions).total();
    if longest < policy.hb2_session_ms() && today < policy.hb2_session_sum_ms() {
        return None;
    }
    let said = Statement::DarkAtBed { total_ms: dark.total(), today_ms: today };
    let begin = dark.first()?;
    Some(
        Allegation::new(
            Rule::Hb2,
            FindingKind::Integrity,
            Severity::L1,
            Subject::Camera,
            begin,
            said,
        )
        .span(IntervalName::Camera, dark)
        .figure(FigureName::CameraFaultMs, dark.total())
        .figure(FigureName::CameraFaultLongestMs, longest)
        .figure(FigureName::CameraFaultTodayMs, today)
        .basis(DUTY),
    )
}

/// HB-7: the bed is occupied, nobody is in the operator zone, and somebody stays beside it: the
/// zones do not fit the room, or somebody works from outside them.
pub(crate) fn hb7(case: &CaseMeasures<'_>) -> Option<Allegation> {
    let p = &case.given.knowledge.policy;
    let beside = case.attendance.beside.bridged(p.presence_bridge_ms());
    let attended = case.attendance.activity.union(&case.bed.attended);
    let at_bed = attended.padded(p.presence_bridge_ms() / 2).bridged(p.operating_pad_ms());
    // While a cream works the patient may well be alone with a companion.
    let prep_to =
        case.given.bounds.start.saturating_add(case.given.item.map_or(0, |item| item.prep_ms));
    let prepares = Spans::one(case.given.bounds.lo, prep_to.max(case.given.bounds.lo));
    let alone = case
        .bed
        .used
        .intersect(&case.sight.i)
        .intersect(&beside)
        .minus(&at_bed)
        .minus(&prepares)
        .minus(&case.sight.blind);
    let alone = alone.bridged(p.presence_bridge_ms());
    let total = alone.iter().map(|s| s.1 - s.0).max().unwrap_or(0);
    if total < p.hb7_ms() {
        return None;
    }
    let said = Statement::ZonesMisfit { beside_ms: total };
    let begin = alone.first()?;
    Some(
        Allegation::new(
            Rule::Hb7,
            FindingKind::Integrity,
            Severity::L1,
            Subject::Room,
            begin,
            said,
        )
        .span(IntervalName::Beside, &alone)
        .span(IntervalName::BedOccupied, &case.bed.used)
        .figure(FigureName::BesideMs, total)
        .basis(DUTY),
    )
}

/// HB-2: the camera covered, moved or frozen in opening hours.
pub(crate) fn camera_faults(
    k: &Knowledge,
    h: &History,
    now: u64,
    offset: Offset,
) -> Vec<(Allegation, bool)> {
    let long = h.faults.iter().filter(|f| f.last.min(now) - f.from.min(now) >= k.policy.hb2_ms());
    let open = long.filter(|f| is_open(k, offset.wall(Mono(f.from))));
    open.map(|fault| (camera_fault(fault), fault.over)).collect()
}

fn camera_fault(fault: &FaultSpell) -> Allegation {
    let how = match fault.state {
        CameraState::Covered => CameraFault::Covered,
        CameraState::Moved => CameraFault::Moved,
        CameraState::Frozen => CameraFault::Frozen,
        CameraState::Ok | CameraState::Lost | CameraState::Withheld => CameraFault::Other,
    };
    let lasted_ms = fault.last - fault.from;
    let said = Statement::CameraFault { fault: how, lasted_ms };
    Allegation::new(
        Rule::Hb2,
        FindingKind::Integrity,
        Severity::L1,
        Subject::Camera,
        fault.from,
        said,
    )
    .span(IntervalName::Camera, &Spans::one(fault.from, fault.last))
    .figure(FigureName::CameraFaultMs, lasted_ms)
    .basis(DUTY)
}

/// HB-6: the zones in force are others than those that the installer locked. It names nobody:
/// whoever changed them stands in the server's audit log.
pub(crate) fn zones_drifted(told: u64, drift: ZonesDrifted) -> Allegation {
    let said = Statement::ZonesChanged;
    Allegation::new(Rule::Hb6, FindingKind::Integrity, Severity::L1, Subject::Room, told, said)
        .span(IntervalName::ZonesChanged, &Spans::one(told, told))
        .figure(FigureName::LockedAtMs, drift.locked_at.0)
        .figure(FigureName::RoomVersion, drift.version)
        .basis(DUTY)
}

/// Whether the room is open at a wall time; without hours it always is.
fn is_open(k: &Knowledge, at: Wall) -> bool {
    let Some(hours) = k.room.as_ref().and_then(|r| r.hours.as_ref()) else { return true };
    let local_min = at.0.div_euclid(60_000) + i64::from(hours.utc_offset_min);
    // 1970-01-01 was a Thursday: day 3 of a week from Monday.
    let weekday = (k.local_day(at) + 3).rem_euclid(7) as usize;
    let minute = local_min.rem_euclid(DAY_MIN);
    hours.week[weekday]
        .iter()
        .any(|(from, to)| i64::from(*from) <= minute && minute < i64::from(*to))
}

/// Whether a face takes part as a body does: it moved through the room and stood where a body can.
/// A portrait on the wall, a phone or a screen does not.
fn takes_part(track: &TrackLog, usual_px: i32, policy: &Policy) -> bool {
    let came_in = track.first_zone == Zone::Door
        && track.spoof.first <= track.first() + policy.observation_gap_ms();
    let long = track.ring.total() + track.head.total() + track.aside.total()
        >= policy.indeterminate_ignore_ms();
    let moves = |reach: FaceMotion| reach.is_of_a_body(usual_px);
    (came_in || track.reach.is_some_and(moves)) && long
}

/// HB-4: faces that are no living faces.
pub(crate) fn attacks(h: &History, policy: &Policy) -> Vec<Allegation> {
    let usual_px = h.usual_face_px();
    let attacked = h.tracks.iter().filter(|(_, t)| {
        let s = &t.spoof;
        u64::from(s.frames) >= policy.hb4_frames()
            && u64::from(s.frames) * 1_000_000 >= u64::from(s.assessed) * policy.hb4_share_ppm()
    });
    attacked
        .map(|(id, track)| {
            let s = &track.spoof;
            let severity =
                if takes_part(track, usual_px, policy) { Severity::L2 } else { Severity::L0 };
            let said = Statement::PresentationAttack { assessed: s.assessed, not_live: s.frames };
            let subject = Subject::Track(*id);
            let mut draft = Allegation::new(
                Rule::Hb4,
                FindingKind::Integrity,
                severity,
                subject,
                s.first,
                said,
            )
            .span(IntervalName::Camera, &Spans::one(s.first, s.last))
            .figure(FigureName::SpoofFrames, s.frames)
            .figure(FigureName::AssessedFrames, s.assessed)
            .sure(votes_ppm(s.frames), 1_000_000)
            .basis(DUTY);
            draft.tracks.push(*id);
            draft
        })
        .collect()
}
