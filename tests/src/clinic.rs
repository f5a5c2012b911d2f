//! A clinic to play in: puts the scripted morning's registry, sessions and enrolments onto a
//! running server through its API, as a clinic and a supervisor would. It never reaches into the
//! server's store.

use std::collections::BTreeMap;
use std::io::Cursor;

use anyhow::{Context, Result};
use image::{ImageFormat, RgbImage};
use jiff::{SignedDuration, Timestamp};
use scene::{Morning, ScriptedPerson, room};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::api::Api;

/// The box in the scripted room.
pub const DEVICE: &str = "box-1";

const CONSENT_TEXT: &str =
    "Demonstration consent: an invented person, or a photograph used only on this machine.";

/// Who enrolled, and what the server said of it.
#[derive(Debug, Default)]
pub struct EnrolmentTally {
    /// Person → which of the person's pictures was taken.
    pub from_picture: BTreeMap<String, usize>,
    /// Pictures that the quality gate refused before.
    pub refused_pictures: usize,
    pub duplicate_warnings: usize,
}

/// Registers institution, room, items, practitioners and the policy of a demonstration.
pub fn register(api: &Api, morning: &Morning) -> Result<()> {
    api.post(
        "institutions",
        &json!({
            "id": morning.institution, "name": "示范医疗美容门诊部", "kind": "门诊部",
                "grade_ceiling": 2,
            "filed_items": morning.items.iter().map(|i| &i.code).collect::<Vec<_>>(),
                "jurisdiction": "510100",
        }),
    )?;
    api.post(
        "rooms",
        &json!({
            "id": morning.room, "institution": morning.institution, "name": "一号治疗室",
                "mode": "in_room",
            "time_zone": "Asia/Shanghai", "zones": zones(),
        }),
    )?;
    for item in &morning.items {
        api.post(
            "items",
            &json!({
                "code": item.code, "name_zh": item.name_zh, "name_en": item.name_en,
                    "kind": wire_name(&item.kind),
                "specialties": item.specialties.iter().map(|s| wire_name(s)).collect::<Vec<_>>(),
                "surgery_grade": item.grade, "min_operator": wire_name(&item.min_operator),
                "min_duration_ms": item.min_duration_ms, "prep_ms": 0,
            }),
        )?;
    }
    for person in morning.practitioners() {
        register_person(api, morning, person, &person.leads)?;
    }
    // Drawn faces and filed photographs have no liveness: said on every page and in every finding.
    api.post("policy", &json!({"settings": {"liveness_waived": 1}}))?;
    Ok(())
}

/// Registers somebody with these specialties in which they are filed as a lead.
fn register_person(
    api: &Api,
    morning: &Morning,
    person: &ScriptedPerson,
    leads: &[String],
) -> Result<()> {
    api.post(
        "practitioners",
        &json!({
            "id": person.id, "name": person.name_zh, "category": wire_name(&person.category),
            "registration": wire_name(&person.registration),
            "sites": [{
                "institution": morning.institution, "relation": "primary",
                "lead_of": leads.iter().map(|s| wire_name(s)).collect::<Vec<_>>(),
            }],
        }),
    )?;
    Ok(())
}

/// Enrols every practitioner from one picture each, and confirms as the scripted supervisor. A
/// picture that the quality gate refuses is followed by the person's next one, as a clinic would
/// take another; `picture` gives the n-th.
pub fn enrol(
    api: &Api,
    morning: &Morning,
    picture: impl Fn(&str, usize) -> Result<Option<RgbImage>>,
) -> Result<EnrolmentTally> {
    let mut sum = EnrolmentTally::default();
    for person in morning.practitioners() {
        let mut attempt = 0;
        let mut refused = String::new();
        let proposal = loop {
            let photo = picture(&person.id, attempt)?.with_context(|| {
                format!("no picture enrols {}; the last was refused: {refused}", person.id)
            })?;
            let consent = consent(&morning.institution);
            match api.propose_enrolment(&person.id, &morning.institution, &consent, &[png(&photo)?])
            {
                Ok(proposal) => break proposal,
                Err(error) => refused = error.to_string(),
            }
            attempt += 1;
            sum.refused_pictures += 1;
        };
        let id = proposal["id"].as_str().context("the server's proposal has no id")?;
        api.post(
            &format!("enrolments/{id}/confirm"),
            &json!({"by": "demo-supervisor (scripted)"}),
        )?;
        sum.duplicate_warnings += proposal["duplicates"].as_array().map_or(0, Vec::len);
        sum.from_picture.insert(person.id.clone(), attempt);
    }
    Ok(sum)
}

/// What the authority holds of each practitioner: sealed pictures are compared with it.
pub fn give_registry_photos(
    api: &Api,
    morning: &Morning,
    picture: impl Fn(&str) -> Result<Option<RgbImage>>,
) -> Result<()> {
    for person in morning.practitioners() {
        if let Some(photo) = picture(&person.id)? {
            api.put_registry_photo(&person.id, &png(&photo)?)?;
        }
    }
    Ok(())
}

/// Declares the morning's sessions, each with its start and end. The server takes a lead alone who
/// is filed for the item: whoever is none when they work was one when the session was declared.
pub fn declare_sessions(api: &Api, morning: &Morning) -> Result<()> {
    let start: Timestamp = morning.wall_start.parse().context("the script's wall_start")?;
    let at = |ms: u64| -> Result<String> {
        Ok(rfc3339(start.checked_add(SignedDuration::from_millis(ms as i64))?))
    };
    for session in &morning.sessions {
        let lead = morning.practitioners().find(|p| p.id == session.declared_lead);
        let item = morning.items.iter().find(|i| i.code == session.item);
        let (lead, item) = lead.zip(item).context("a session of no known lead or item")?;
        let is_filed = item.specialties.iter().any(|s| lead.leads.contains(s));
        if !is_filed {
            register_person(api, morning, lead, &item.specialties)?;
        }
        api.post(
            "sessions",
            &json!({
                "id": session.id, "room": morning.room, "item": session.item,
                    "declared_lead": session.declared_lead,
                "declared_operators": session.declared_operators, "start": at(session.start_ms)?,
                    "end": at(session.end_ms)?,
                "patient_ref": session.patient_ref,
            }),
        )?;
        if !is_filed {
            register_person(api, morning, lead, &lead.leads)?;
        }
    }
    Ok(())
}

/// Registers the box and returns its single-use provisioning token.
pub fn register_device(api: &Api, morning: &Morning) -> Result<String> {
    let answer = api.post("devices", &json!({"id": DEVICE, "room": morning.room}))?;
    Ok(answer["provisioning_token"]
        .as_str()
        .context("the server gave no provisioning token")?
        .to_owned())
}

/// A consent record as the clinic's form would make it.
pub fn consent(institution: &str) -> Value {
    json!({
        "text_version": "demo-1", "text_sha256": hex::encode(Sha256::digest(CONSENT_TEXT)),
        "purposes": ["recognition", "server_storage", "keep_photo"], "scope": institution,
            "signature": "demo", "guardian": null,
        "signed_at": "2026-03-01T08:00:00.000Z",
    })
}

/// A picture as a lossless file.
pub fn png(picture: &RgbImage) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png)?;
    Ok(bytes.into_inner())
}

fn rfc3339(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The drawn room's zones, polygons in thousandths of the picture.
pub fn zones() -> Value {
    let of = |kind: room::ZoneKind| -> Vec<Vec<(i32, i32)>> {
        let thousandths =
            |&(x, y): &(i32, i32)| (x * 1000 / room::WIDTH as i32, y * 1000 / room::HEIGHT as i32);
        room::zones()
            .iter()
            .filter(|z| z.kind == kind)
            .map(|z| z.polygon.iter().map(thousandths).collect())
            .collect()
    };
    json!({
        "operator": of(room::ZoneKind::OperatorRing), "bed": of(room::ZoneKind::Bed),
        "companion": of(room::ZoneKind::Companion), "door": of(room::ZoneKind::Door),
            "privacy_mask": [],
    })
}

/// `LicensedPhysician` → `licensed_physician`, as the wire writes it.
fn wire_name(name: &str) -> String {
    let mut out = String::new();
    for (i, c) in name.chars().enumerate() {
        if c.is_ascii_uppercase() && i > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_of_the_script_is_one_of_the_wire() {
        let morning = Morning::bundled().unwrap();
        for person in morning.practitioners() {
            let name = Value::String(wire_name(&person.category));
            let category: protocol::down::PractitionerCategory =
                serde_json::from_value(name).unwrap();
            assert_ne!(
                category,
                protocol::down::PractitionerCategory::Unknown,
                "{}",
                person.category
            );
        }
    }
}
