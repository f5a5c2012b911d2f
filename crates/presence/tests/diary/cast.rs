//! Who and what every diary begins with: the room, the staff, the items, the thresholds. It plays
//! nothing.

use presence::*;

use crate::script::wall;

pub(crate) fn zones() -> Zones {
    let polygon = |x, y, w, h| vec![Polygon::from_box(BoxPx { x, y, w, h })];
    Zones {
        operator: polygon(300, 200, 600, 300),
        bed: polygon(400, 520, 400, 180),
        companion: polygon(0, 400, 200, 300),
        door: polygon(1100, 0, 180, 400),
        head_end: polygon(920, 400, 150, 200),
        privacy_mask: Vec::new(),
    }
}

pub(crate) fn person(
    id: &str,
    category: PractitionerCategory,
    lead_for: &[Specialty],
) -> Practitioner {
    Practitioner {
        id: id.into(),
        category,
        registration: RegistrationStatus::Valid,
        relation: SiteRelation::Primary,
        lead_for: lead_for.to_vec(),
        anaesthesia: id == "ma",
        confirmed: id != "new",
        has_template: id != "cardonly",
    }
}

/// The staff: `lin`, `hao` lead dermatology; `zhao` leads surgery; `cardonly` leads dermatology and
/// has no template.
pub(crate) fn roster() -> Roster {
    use PractitionerCategory as C;
    let derm = [Specialty::CosmeticDermatology];
    let mut people = vec![
        person("lin", C::LicensedPhysician, &derm),
        person("hao", C::LicensedPhysician, &derm),
        person("cardonly", C::LicensedPhysician, &derm),
        person("zhao", C::LicensedPhysician, &[Specialty::CosmeticSurgery]),
        person("qian", C::LicensedPhysician, &[]),
        person("ma", C::LicensedPhysician, &[]),
        person("new", C::LicensedPhysician, &[]),
        person("gone", C::LicensedPhysician, &[]),
        person("away", C::LicensedPhysician, &[]),
        person("li", C::AssistantPhysician, &[]),
        person("sun", C::Nurse, &[]),
        person("tan", C::Technician, &[]),
        person("zhou", C::Pharmacist, &[]),
        person("zheng", C::Trainee, &[]),
        person("wu", C::NonClinical, &[]),
    ];
    for p in &mut people {
        match p.id.as_str() {
            "gone" => p.registration = RegistrationStatus::Cancelled,
            "away" => p.relation = SiteRelation::None,
            _ => {}
        }
    }
    // Without a template cardonly would block every absence; scripts that want them say `with
    // cardonly`.
    people.retain(|p| p.id.as_str() != "cardonly");
    Roster { version: 1, made_at: wall("06:00"), registry_at: wall("06:00"), people }
}

fn item(id: &str, kind: ItemKind, specialty: Specialty) -> Item {
    Item {
        id: id.into(),
        kind,
        specialties: vec![specialty],
        surgery_grade: None,
        min_operator: MinOperator::Physician,
        min_duration_ms: 600_000,
        prep_ms: 0,
        lead_part_ms: None,
        filed_here: true,
    }
}

pub(crate) fn catalogue() -> Catalogue {
    use Specialty::{CosmeticDermatology as Derm, CosmeticSurgery as Surg};
    let surgery = Item { surgery_grade: Some(2), ..item("lift", ItemKind::Surgery, Surg) };
    let grade4 = Item { surgery_grade: Some(4), ..item("grade4", ItemKind::Surgery, Surg) };
    let grade3 = Item { surgery_grade: Some(3), ..item("grade3", ItemKind::Surgery, Surg) };
    let unfiled = Item { filed_here: false, ..item("unfiled", ItemKind::Injection, Derm) };
    let cream = Item { prep_ms: 1_200_000, ..item("numbed", ItemKind::Injection, Derm) };
    let peel = Item { min_operator: MinOperator::Nurse, ..item("peel", ItemKind::Other, Derm) };
    let items = vec![
        item("filler", ItemKind::Injection, Derm),
        item("laser", ItemKind::EnergyDevice, Derm),
        surgery,
        grade3,
        grade4,
        unfiled,
        cream,
        peel,
    ];
    Catalogue { version: 1, items, stated_at: None }
}

pub(crate) fn room() -> Room {
    let day = || vec![(8 * 60, 20 * 60)];
    Room {
        version: 1,
        id: "room-1".into(),
        institution: Institution { id: "clinic".into(), ceiling: GradeCeiling(3) },
        mode: DeploymentMode::InRoom,
        zones: zones(),
        hours: Some(OpeningHours {
            utc_offset_min: 0,
            week: [day(), day(), day(), day(), day(), day(), Vec::new()],
        }),
    }
}

pub(crate) fn thresholds() -> Thresholds {
    Thresholds {
        t_match_ppm: 500_000,
        t_reject_ppm: 300_000,
        margin_ppm: 50_000,
        masked_t_match_ppm: 450_000,
        masked_t_reject_ppm: 200_000,
        masked_margin_ppm: 50_000,
        curves: EvidenceCurves::ASSUMED,
    }
}
