//! What a box states, phrased; by the families of its rules.

mod integrity;
mod licence_lending;
mod non_lead;
mod unlicensed;

use protocol::up::Explanation;
use statement::Statement as S;

use crate::said;

/// The sentence of a box's statement, in both languages.
pub fn of_box(statement: &S) -> Explanation {
    match statement {
        S::LeadNeverCame {
            lead,
            operator,
            sign,
            operating_ms,
            operator_ms,
            visibility_ppm,
            perhaps_stayed,
        } => licence_lending::never_came(
            (lead, operator.as_ref(), *sign),
            (*operating_ms, *operator_ms, *visibility_ppm),
            *perhaps_stayed,
        ),
        S::RegistrationDoubtful { person, fault, operator_ms, registry_old } => {
            licence_lending::registration(person, *fault, *operator_ms, *registry_old)
        }
        S::LeadShortAtDoor { lead, inside_ms, least_ms, perhaps_again } => {
            licence_lending::short_at_door(lead, *inside_ms, *least_ms, *perhaps_again)
        }
        S::LeadTooShort { lead, operating_ms, present_ms, present_ppm } => {
            licence_lending::too_short(lead, *operating_ms, *present_ms, *present_ppm)
        }
        S::NonLeadUnled { person, operator_ms, before_ms, after_ms } => {
            non_lead::unled(person, *operator_ms, *before_ms, *after_ms)
        }
        S::NonLeadLittleLed { person, operator_ms, lead_ppm, gap_ms } => {
            non_lead::little_led(person, *operator_ms, *lead_ppm, *gap_ms)
        }
        S::NotAPhysician { person, operator_ms, lead_there } => {
            non_lead::not_a_physician(person, *operator_ms, *lead_there)
        }
        S::Unsupervised { person, operator_ms, looked_in } => {
            non_lead::unsupervised(person, *operator_ms, *looked_in)
        }
        S::AboveGrade { item, grade, ceiling } => non_lead::above_grade(item, *grade, *ceiling),
        S::NotFiled { item } => non_lead::not_filed(item),
        S::UnlicensedStranger { operator_ms, densest_ms, window_ms } => {
            unlicensed::stranger(*operator_ms, *densest_ms, *window_ms)
        }
        S::RosterLacks { sessions } => unlicensed::roster_lacks(*sessions),
        S::NonClinicalOperator { person, operator_ms, alone_ms } => {
            unlicensed::non_clinical(person, *operator_ms, *alone_ms)
        }
        S::PharmacistAlone { person, operator_ms } => unlicensed::pharmacist(person, *operator_ms),
        S::CameraFault { fault, lasted_ms } => integrity::camera_fault(*fault, *lasted_ms),
        S::DarkInSession { total_ms, longest_ms, today_ms } => {
            integrity::dark_in_session(*total_ms, *longest_ms, *today_ms)
        }
        S::DarkAtBed { total_ms, today_ms } => integrity::dark_at_bed(*total_ms, *today_ms),
        S::UndeclaredProcedure { operator_ms } => integrity::undeclared(*operator_ms),
        S::PresentationAttack { assessed, not_live } => integrity::attack(*assessed, *not_live),
        S::ZonesChanged => integrity::zones_changed(),
        S::ZonesMisfit { beside_ms } => integrity::zones_misfit(*beside_ms),
        S::InstallersTest => installers_test(),
    }
}

fn installers_test() -> Explanation {
    said(
        "安装测试：安装人员在设备上发出的测试线索，不涉及任何人，收到后自动撤回。".to_owned(),
        "Installer's test: sent from the box by its installer to try the way to the server. It \
        concerns nobody and is withdrawn at once."
            .to_owned(),
    )
}
