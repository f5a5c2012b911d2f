//! The register's closed lists in words: categories, registrations, specialties, relations, kinds
//! of items, modes of cameras, states of enrolments. Each match is whole: a value without words
//! does not compile, and no code of the wire reaches a page.

use protocol::down::{
    DeploymentMode, ItemKind, PractitionerCategory, RegistrationStatus, SiteRelation, Specialty,
};
use protocol::up::CameraState;

use super::words::Lang;
use crate::store::EnrolmentState;

impl Lang {
    pub(in crate::web) fn category(self, it: PractitionerCategory) -> String {
        let (zh, en) = match it {
            PractitionerCategory::LicensedPhysician => ("执业医师", "Licensed physician"),
            PractitionerCategory::AssistantPhysician => ("执业助理医师", "Assistant physician"),
            PractitionerCategory::Nurse => ("护士", "Nurse"),
            PractitionerCategory::Pharmacist => ("药师", "Pharmacist"),
            PractitionerCategory::Technician => ("技师", "Technician"),
            PractitionerCategory::Trainee => ("实习/进修/规培", "Trainee"),
            PractitionerCategory::NonClinical => ("非卫技人员", "Non-clinical"),
            PractitionerCategory::Unknown => ("其他类别", "another category"),
        };
        self.t(zh, en).to_owned()
    }

    pub(in crate::web) fn registration(self, it: RegistrationStatus) -> String {
        let (zh, en) = match it {
            RegistrationStatus::Valid => ("有效", "Valid"),
            RegistrationStatus::Expired => ("已过期", "Expired"),
            RegistrationStatus::Suspended => ("暂停执业", "Suspended"),
            RegistrationStatus::Cancelled => ("已注销", "Cancelled"),
            RegistrationStatus::Revoked => ("已吊销", "Revoked"),
            RegistrationStatus::Pending => ("办理中", "Pending"),
            RegistrationStatus::Unknown => ("未知", "unknown"),
        };
        self.t(zh, en).to_owned()
    }

    pub(in crate::web) fn specialty(self, it: Specialty) -> String {
        let (zh, en) = match it {
            Specialty::CosmeticSurgery => ("美容外科", "Cosmetic surgery"),
            Specialty::CosmeticDentistry => ("美容牙科", "Cosmetic dentistry"),
            Specialty::CosmeticDermatology => ("美容皮肤科", "Cosmetic dermatology"),
            Specialty::CosmeticTcm => ("美容中医科", "Cosmetic TCM"),
            Specialty::Unknown => ("其他专业", "another specialty"),
        };
        self.t(zh, en).to_owned()
    }

    pub(in crate::web) fn relation(self, it: SiteRelation) -> String {
        let (zh, en) = match it {
            SiteRelation::Primary => ("主执业机构", "primary"),
            SiteRelation::FiledMultiSite => ("多机构备案", "filed multi-site"),
            SiteRelation::Exempt => {
                ("法定例外（会诊、规培等）", "exempt by law (consultation, training)")
            }
            SiteRelation::None => ("未覆盖本机构", "not covered"),
            SiteRelation::Unknown => ("无关系", "no relation"),
        };
        self.t(zh, en).to_owned()
    }

    pub(in crate::web) fn item_kind(self, it: ItemKind) -> String {
        let (zh, en) = match it {
            ItemKind::Surgery => ("手术", "surgery"),
            ItemKind::Injection => ("注射", "injection"),
            ItemKind::Thread => ("埋线", "thread"),
            ItemKind::EnergyDevice => ("光电", "energy device"),
            ItemKind::Other => ("其他", "other"),
        };
        self.t(zh, en).to_owned()
    }

    pub(in crate::web) fn mode(self, it: DeploymentMode) -> String {
        let (zh, en) = match it {
            DeploymentMode::Doorway => ("门口签到", "doorway"),
            DeploymentMode::InRoom => ("室内连续", "in room"),
        };
        self.t(zh, en).to_owned()
    }

    pub(in crate::web) fn enrolment(self, it: EnrolmentState) -> String {
        let (zh, en) = match it {
            EnrolmentState::Proposed => ("待确认", "Proposed"),
            EnrolmentState::Confirmed => ("已确认", "Confirmed"),
            EnrolmentState::Refused => ("已退回", "Refused"),
            EnrolmentState::Withdrawn => ("已撤回同意", "Withdrawn"),
        };
        self.t(zh, en).to_owned()
    }

    pub(in crate::web) fn camera(self, it: CameraState) -> String {
        let (zh, en) = match it {
            CameraState::Live => ("正常", "Live"),
            CameraState::Covered => ("被遮挡", "Covered"),
            CameraState::Moved => ("被移动", "Moved"),
            CameraState::Frozen => ("画面冻结", "Frozen"),
            CameraState::Absent => ("未接入", "Absent"),
            CameraState::Withheld => ("暂停识别", "Looks at nobody for now"),
            CameraState::Unknown => ("未知", "Unknown"),
        };
        self.t(zh, en).to_owned()
    }
}
