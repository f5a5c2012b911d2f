//! What the server said, as what the core takes: wire types in, facts out. Pure; the first thing
//! that can not be used refuses the whole message, in one line, so that a box never runs on half a
//! roster.

use jiff::{Timestamp, tz::TimeZone};
use presence::{self as core, Wall};
use protocol::down::{
    self, Catalogue, DeploymentMode, ItemKind, Policy, PractitionerCategory, RegistrationStatus,
    Room, Roster, Session, Sessions, SiteRelation, Specialty,
};

/// Why a message was refused; one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

type Converted<T> = Result<T, Unusable>;

fn unusable<T>(why: impl Into<String>) -> Converted<T> {
    Err(Unusable(why.into()))
}

/// The settings of the core. `number` counts the policies of this boot: the server's versions are
/// too large for the core, and rise in the order of their coming. `production` refuses waived
/// liveness.
pub fn policy(number: u32, wire: &Policy, production: bool) -> Converted<core::Policy> {
    let mut policy = core::Policy::default().with_version(number);
    for (name, value) in &wire.settings {
        policy.set(name, *value).map_err(|why| Unusable(why.to_string()))?;
    }
    if production && policy.liveness_waived() == 1 {
        return unusable("policy: liveness_waived = 1 is refused with mode = \"production\"");
    }
    Ok(policy)
}

/// The room, with its zones scaled to a picture of `size` pixels. `generation` counts the sizes
/// seen under this version.
pub fn room(
    version: u64,
    generation: u16,
    wire: &Room,
    size: (u32, u32),
    now: Timestamp,
) -> Converted<core::Room> {
    check_room(wire)?;
    let polygons =
        |zones: &[down::Polygon]| zones.iter().map(|zone| polygon(zone, size)).collect::<Vec<_>>();
    let zones = core::Zones {
        operator: polygons(&wire.zones.operator),
        bed: polygons(&wire.zones.bed),
        companion: polygons(&wire.zones.companion),
        door: polygons(&wire.zones.door),
        privacy_mask: polygons(&wire.zones.privacy_mask),
        ..core::Zones::default()
    };
    Ok(core::Room {
        version: (version << 16) | u64::from(generation),
        id: core::RoomId::new(wire.room.as_str()),
        institution: core::Institution {
            id: core::InstitutionId::new(wire.institution.as_str()),
            ceiling: core::GradeCeiling(wire.grade_ceiling),
        },
        mode: match wire.mode {
            DeploymentMode::InRoom => core::DeploymentMode::InRoom,
            DeploymentMode::Doorway => core::DeploymentMode::Doorway,
        },
        zones,
        hours: hours(wire, now)?,
    })
}

/// What is wrong with a room, whatever the size of the picture.
pub fn check_room(wire: &Room) -> Converted<()> {
    if wire.intimate && wire.mode == DeploymentMode::InRoom {
        return unusable("room: an intimate room refuses the mode in_room (P5); use doorway");
    }
    let zones = &wire.zones;
    for zone in [&zones.operator, &zones.bed, &zones.companion, &zones.door, &zones.privacy_mask]
        .into_iter()
        .flatten()
    {
        if zone.len() < 3 {
            return unusable(format!(
                "room: a zone has {} corners; at least 3 are needed",
                zone.len()
            ));
        }
        if let Some((x, y)) =
            zone.iter().find(|(x, y)| !(0..=1000).contains(x) || !(0..=1000).contains(y))
        {
            return unusable(format!("room: the corner ({x}, {y}) is outside 0..1000"));
        }
    }
    if let Some(from) = &wire.in_use_from {
        time("room: in_use_from", from)?;
    }
    hours(wire, Timestamp::UNIX_EPOCH).map(|_| ())
}

fn polygon(zone: &down::Polygon, (width, height): (u32, u32)) -> core::Polygon {
    let scaled = |part: i32, whole: u32| (i64::from(part) * i64::from(whole) / 1000) as i32;
    let corners = zone
        .iter()
        .map(|&(x, y)| core::PointPx { x: scaled(x, width), y: scaled(y, height) })
        .collect();
    core::Polygon { corners }
}

/// No opening hours at all mean "always open"; an empty day is a closed one.
fn hours(wire: &Room, now: Timestamp) -> Converted<Option<core::OpeningHours>> {
    if wire.opening_min.is_empty() {
        return Ok(None);
    }
    let Ok(week) = <[Vec<(u16, u16)>; 7]>::try_from(wire.opening_min.clone()) else {
        return unusable(format!(
            "room: opening hours of {} days; 7 are needed, from Monday",
            wire.opening_min.len()
        ));
    };
    if let Some((from, to)) = week.iter().flatten().find(|(from, to)| from >= to || *to > 1440) {
        return unusable(format!(
            "room: opening hours {from}..{to} are no minutes of a day (0..1440)"
        ));
    }
    let Ok(zone) = TimeZone::get(&wire.time_zone) else {
        return unusable(format!(
            "room: `{}` is no time zone; use an IANA name such as Asia/Shanghai",
            wire.time_zone
        ));
    };
    Ok(Some(core::OpeningHours { utc_offset_min: zone.to_offset(now).seconds() / 60, week }))
}

/// The roster without its templates, and the passes, whose version is `number`: the count of the
/// rosters of this boot. `has_template` says who has a usable one.
pub fn roster(
    version: u64,
    number: u32,
    issued_at: &str,
    wire: &Roster,
    has_template: impl Fn(&down::RosterPerson) -> bool,
) -> Converted<(core::Roster, Vec<core::Pass>)> {
    let registry_at = time("roster: snapshot_at", &wire.snapshot_at)?;
    let made_at = time("roster: issued_at", issued_at)?;
    let mut people = Vec::with_capacity(wire.persons.len());
    for person in &wire.persons {
        people.push(core::Practitioner {
            id: core::PersonId::new(person.person.as_str()),
            category: category(person.category),
            registration: registration(person.registration),
            relation: relation(person)?,
            lead_for: person.lead_of.iter().filter_map(|s| specialty(*s)).collect(),
            anaesthesia: person.roles.iter().any(|role| role == "anaesthesia"),
            confirmed: person.confirmed,
            has_template: has_template(person),
        });
    }
    let passes =
        wire.passes.iter().map(|pass| self::pass(number, pass)).collect::<Converted<Vec<_>>>()?;
    Ok((core::Roster { version, made_at, registry_at, people }, passes))
}

/// A category of a later version is taken for the least qualified: it never makes somebody an
/// operator by mistake.
fn category(wire: PractitionerCategory) -> core::PractitionerCategory {
    match wire {
        PractitionerCategory::LicensedPhysician => core::PractitionerCategory::LicensedPhysician,
        PractitionerCategory::AssistantPhysician => core::PractitionerCategory::AssistantPhysician,
        PractitionerCategory::Nurse => core::PractitionerCategory::Nurse,
        PractitionerCategory::Pharmacist => core::PractitionerCategory::Pharmacist,
        PractitionerCategory::Technician => core::PractitionerCategory::Technician,
        PractitionerCategory::Trainee => core::PractitionerCategory::Trainee,
        PractitionerCategory::NonClinical | PractitionerCategory::Unknown => {
            core::PractitionerCategory::NonClinical
        }
    }
}

/// A status of a later version is "not decided yet".
fn registration(wire: RegistrationStatus) -> core::RegistrationStatus {
    match wire {
        RegistrationStatus::Valid => core::RegistrationStatus::Valid,
        RegistrationStatus::Expired => core::RegistrationStatus::Expired,
        RegistrationStatus::Suspended => core::RegistrationStatus::Suspended,
        RegistrationStatus::Cancelled => core::RegistrationStatus::Cancelled,
        RegistrationStatus::Revoked => core::RegistrationStatus::Revoked,
        RegistrationStatus::Pending | RegistrationStatus::Unknown => {
            core::RegistrationStatus::Pending
        }
    }
}

fn relation(person: &down::RosterPerson) -> Converted<core::SiteRelation> {
    Ok(match person.site {
        SiteRelation::Primary => core::SiteRelation::Primary,
        SiteRelation::FiledMultiSite => core::SiteRelation::FiledMultiSite,
        SiteRelation::Exempt => {
            let until = match &person.exempt_until {
                Some(until) => time("roster: exempt_until", until)?,
                None => Wall(i64::MAX),
            };
            core::SiteRelation::Exempt { from: Wall(i64::MIN), until }
        }
        SiteRelation::None | SiteRelation::Unknown => core::SiteRelation::None,
    })
}

fn specialty(wire: Specialty) -> Option<core::Specialty> {
    match wire {
        Specialty::CosmeticSurgery => Some(core::Specialty::CosmeticSurgery),
        Specialty::CosmeticDentistry => Some(core::Specialty::CosmeticDentistry),
        Specialty::CosmeticDermatology => Some(core::Specialty::CosmeticDermatology),
        Specialty::CosmeticTcm => Some(core::Specialty::CosmeticTcm),
        Specialty::Unknown => None,
    }
}

fn pass(number: u32, wire: &down::Pass) -> Converted<core::Pass> {
    let kind = match (wire.purpose.as_str(), &wire.supervisor) {
        ("trainee", Some(supervisor)) => {
            core::PassKind::Trainee { supervisor: core::PersonId::new(supervisor.as_str()) }
        }
        ("trainee", None) => {
            return unusable(format!(
                "roster: the trainee's pass {} names no supervisor",
                wire.pass_id
            ));
        }
        ("visiting_doctor", _) => core::PassKind::VisitingDoctor,
        ("engineer", _) => core::PassKind::Engineer,
        ("inspector", _) => core::PassKind::Inspector,
        (other, _) => {
            return unusable(format!(
                "roster: the pass {} is for `{other}`, which is unknown",
                wire.pass_id
            ));
        }
    };
    Ok(core::Pass {
        id: core::PassId::new(&wire.pass_id),
        version: number,
        holder: core::PassHolder::Person(core::PersonId::new(wire.person.as_str())),
        kind,
        from: time("roster: a pass's from", &wire.from)?,
        until: time("roster: a pass's to", &wire.to)?,
        stated_at: stated(wire.stated_at.as_deref())?,
    })
}

pub fn catalogue(version: u64, wire: &Catalogue) -> Converted<core::Catalogue> {
    let items = wire.items.iter().map(|item| core::Item {
        id: core::ItemId::new(item.code.as_str()),
        kind: match item.kind {
            ItemKind::Surgery => core::ItemKind::Surgery,
            ItemKind::Injection => core::ItemKind::Injection,
            ItemKind::Thread => core::ItemKind::Thread,
            ItemKind::EnergyDevice => core::ItemKind::EnergyDevice,
            ItemKind::Other => core::ItemKind::Other,
        },
        specialties: item.specialties.iter().filter_map(|s| specialty(*s)).collect(),
        surgery_grade: item.surgery_grade,
        min_operator: match item.min_operator {
            PractitionerCategory::LicensedPhysician | PractitionerCategory::AssistantPhysician => {
                core::MinOperator::Physician
            }
            _ => core::MinOperator::Nurse,
        },
        min_duration_ms: item.min_duration_ms,
        prep_ms: item.prep_ms,
        lead_part_ms: item.lead_part_ms,
        filed_here: item.filed_here,
    });
    Ok(core::Catalogue {
        version,
        items: items.collect(),
        stated_at: stated(wire.stated_at.as_deref())?,
    })
}

/// One session and its emergency flag.
pub fn session(
    room: &core::RoomId,
    wire: &Session,
) -> Converted<(core::SessionRecord, core::EmergencyFlag)> {
    let id = core::SessionId::new(wire.session.as_str());
    // Earlier versions of the agent put cancellations of their own between two revisions.
    let version = wire.revision.saturating_mul(2);
    let stated_at = stated(wire.stated_at.as_deref())?;
    let record = core::SessionRecord {
        id: id.clone(),
        version,
        room: room.clone(),
        item: wire.item.as_ref().map(|item| core::ItemId::new(item.as_str())),
        lead: wire.declared_lead.as_ref().map(|lead| core::PersonId::new(lead.as_str())),
        operators: wire
            .declared_operators
            .iter()
            .map(|p| core::PersonId::new(p.as_str()))
            .collect(),
        start: time("session: start", &wire.start)?,
        end: wire.end.as_ref().map(|end| time("session: end", end)).transpose()?,
        cancelled: wire.cancelled,
        declined_at: wire
            .declined_at
            .as_ref()
            .map(|at| time("session: declined_at", at))
            .transpose()?,
        stated_at,
    };
    Ok((record, core::EmergencyFlag { session: id, version, raised: wire.emergency, stated_at }))
}

/// The facts of a list: each session with its flag, what was said of it before, and the checks. A
/// session that is missing was left out or left by age: nobody said that it was cancelled.
pub fn sessions(room: &core::RoomId, wire: &Sessions) -> Converted<Vec<core::Fact>> {
    let mut facts = Vec::new();
    for declared in wire.sessions.iter().flat_map(|s| s.former.iter().rev().chain([s])) {
        let (record, flag) = session(room, declared)?;
        facts.push(core::Fact::Session(record));
        facts.push(core::Fact::Emergency(flag));
    }
    for check in &wire.checks {
        facts.push(core::Fact::IdentityCheck(self::check(check)?));
    }
    Ok(facts)
}

/// A check by card, PIN and witness (P4). A direction of a later version is taken for "in": it
/// widens who may be there.
pub fn check(wire: &down::WitnessedCheck) -> Converted<core::IdentityCheck> {
    Ok(core::IdentityCheck {
        who: core::CheckSubject::Person(core::PersonId::new(wire.person.as_str())),
        direction: match wire.direction {
            down::CheckDirection::In | down::CheckDirection::Unknown => core::CheckDirection::In,
            down::CheckDirection::Out => core::CheckDirection::Out,
        },
        at: time("identity check: at", &wire.at)?,
        witness: core::PersonId::new(wire.witness.as_str()),
        track: None,
        stated_at: stated(wire.stated_at.as_deref())?,
    })
}

fn stated(text: Option<&str>) -> Converted<Option<Wall>> {
    text.map(|text| time("stated_at", text)).transpose()
}

fn time(what: &str, text: &str) -> Converted<Wall> {
    match text.parse::<Timestamp>() {
        Ok(time) => Ok(Wall(time.as_millisecond())),
        Err(_) => unusable(format!(
            "{what} `{}` is no RFC 3339 time",
            text.chars().take(40).collect::<String>()
        )),
    }
}

#[cfg(test)]
mod tests;
