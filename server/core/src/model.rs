//! The registry's nouns as the API takes them and the store keeps them, each checked at this edge.
//!
//! A [`Name`] is the only type here that holds personal text; it prints as `[redacted]`.

use std::fmt;

use protocol::down::{
    DeploymentMode, Item as WireItem, ItemKind, PractitionerCategory, RegistrationStatus,
    SiteRelation, Specialty, Zones,
};
use protocol::id::{DeviceId, InstitutionId, ItemCode, PersonId, RoomId, SessionId};
use serde::{Deserialize, Serialize};

use crate::clock;
use crate::consent::{EarlierText, Purpose};
use crate::text::{Listed, line, line_or_nothing};

/// A person's name: shown on pages, kept in the store, never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Name(pub String);

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

pub use crate::text::Fault;

/// Characters of an institution's kind, a room's name and other short labels, at most.
const LABEL_CHARS: usize = 100;

impl Listed for PractitionerCategory {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("licensed_physician", Self::LicensedPhysician),
        ("assistant_physician", Self::AssistantPhysician),
        ("nurse", Self::Nurse),
        ("pharmacist", Self::Pharmacist),
        ("technician", Self::Technician),
        ("trainee", Self::Trainee),
        ("non_clinical", Self::NonClinical),
    ];
}

impl Listed for RegistrationStatus {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("valid", Self::Valid),
        ("expired", Self::Expired),
        ("suspended", Self::Suspended),
        ("cancelled", Self::Cancelled),
        ("revoked", Self::Revoked),
        ("pending", Self::Pending),
    ];
}

impl Listed for SiteRelation {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("primary", Self::Primary),
        ("filed_multi_site", Self::FiledMultiSite),
        ("exempt", Self::Exempt),
        ("none", Self::None),
    ];
}

impl Listed for Specialty {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("cosmetic_surgery", Self::CosmeticSurgery),
        ("cosmetic_dentistry", Self::CosmeticDentistry),
        ("cosmetic_dermatology", Self::CosmeticDermatology),
        ("cosmetic_tcm", Self::CosmeticTcm),
    ];
}

impl Listed for ItemKind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("surgery", Self::Surgery),
        ("injection", Self::Injection),
        ("thread", Self::Thread),
        ("energy_device", Self::EnergyDevice),
        ("other", Self::Other),
    ];
}

/// A role at an institution beside that of the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SiteRole {
    Anaesthesia,
}

impl SiteRole {
    /// As the wire calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anaesthesia => "anaesthesia",
        }
    }
}

impl Listed for SiteRole {
    const WORDS: &'static [(&'static str, Self)] = &[("anaesthesia", Self::Anaesthesia)];
}

/// Readers of the fields that hold a word of a list; each names its field.
mod word {
    use serde::Deserializer;

    use super::{
        DeploymentMode, ItemKind, PractitionerCategory, RegistrationStatus, SiteRelation, SiteRole,
        Specialty,
    };
    use crate::text::{Listed, read_many, read_one};

    macro_rules! readers {
        ($($read:ident $field:ident: $type:ty;)*) => {$(
            pub(super) fn $field<'de, D: Deserializer<'de>>(from: D) -> Result<readers!(@ $read $type), D::Error> {
                $read(stringify!($field), from)
            }
        )*};
        (@ read_one $type:ty) => { $type };
        (@ read_many $type:ty) => { Vec<$type> };
    }

    readers! {
        read_one category: PractitionerCategory;
        read_one min_operator: PractitionerCategory;
        read_one registration: RegistrationStatus;
        read_one relation: SiteRelation;
        read_one kind: ItemKind;
        read_one mode: DeploymentMode;
        read_many lead_of: Specialty;
        read_many specialties: Specialty;
        read_many roles: SiteRole;
    }

    impl Listed for DeploymentMode {
        const WORDS: &'static [(&'static str, Self)] =
            &[("in_room", Self::InRoom), ("doorway", Self::Doorway)];
    }
}

/// Digits of an administrative division, or nothing.
fn division(what: &str, digits: &str) -> Result<(), Fault> {
    if digits.len() <= 12 && digits.chars().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    Err(format!("{what}: use the digits of the administrative division, such as 510100"))
}

/// Where an institution is (WGS 84): LL-3 asks how far two are apart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// −90 to 90.
    pub north_deg: f64,
    /// −180 to 180.
    pub east_deg: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Institution {
    pub id: InstitutionId,
    pub name: String,
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub kind: String,
    #[serde(default)]
    pub grade_ceiling: u8,
    #[serde(default)]
    pub filed_items: Vec<ItemCode>,
    #[serde(default)]
    pub jurisdiction: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// 地址.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// 医疗机构执业许可证登记号.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence_no: Option<String>,
    /// 有效期至: day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence_until: Option<String>,
    /// 诊疗科目.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// 承诺书: day on which the legal representative signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pledge_on: Option<String>,
    /// 试点协议或承诺书: name, day and clause by which the clinic keeps the box running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<String>,
}

/// What the register publishes of an institution's licence.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    #[serde(default)]
    pub address: Option<String>,
    #[serde(default)]
    pub licence_no: Option<String>,
    #[serde(default)]
    pub licence_until: Option<String>,
    #[serde(default)]
    pub subjects: Vec<String>,
    #[serde(default)]
    pub pledge_on: Option<String>,
    /// Published nowhere.
    #[serde(default)]
    pub agreement: Option<String>,
}

/// A physician's practice certificate; its number is published nowhere.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Practice {
    #[serde(default)]
    pub number: Option<String>,
    #[serde(default)]
    pub scope: Option<String>,
}

/// A lead's filing at an institution.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filing {
    #[serde(default)]
    pub filing_no: Option<String>,
    #[serde(default)]
    pub filed_on: Option<String>,
}

/// Subjects of one institution, at most.
const MOST_SUBJECTS: usize = 60;

/// A day such as `2028-12-31`.
fn day(what: &str, text: Option<&String>) -> Result<(), Fault> {
    match text {
        Some(text) if text.parse::<jiff::civil::Date>().is_err() || text.len() != 10 => {
            Err(format!("{what}: `{}` is no day such as 2028-12-31", clock::clip(text, 40)))
        }
        _ => Ok(()),
    }
}

impl Institution {
    pub fn check(&self) -> Result<(), Fault> {
        line("name", &self.name, 200)?;
        line_or_nothing("kind", &self.kind, LABEL_CHARS)?;
        if self.place.is_some_and(|p| {
            !(-90.0..=90.0).contains(&p.north_deg) || !(-180.0..=180.0).contains(&p.east_deg)
        }) {
            return Err(
                "place: north_deg is -90 to 90 and east_deg -180 to 180, such as 30.66 and 104.06"
                    .to_owned(),
            );
        }
        if self.grade_ceiling > 4 {
            return Err(format!(
                "grade_ceiling: {} is no surgery grade, use 0 to 4",
                self.grade_ceiling
            ));
        }
        division("jurisdiction", &self.jurisdiction)?;
        self.check_licence()?;
        match &self.code {
            Some(code) => crate::idcheck::institution_code(code),
            None => Ok(()),
        }
    }

    fn check_licence(&self) -> Result<(), Fault> {
        line_or_nothing("address", self.address.as_deref().unwrap_or_default(), 200)?;
        line_or_nothing("agreement", self.agreement.as_deref().unwrap_or_default(), 200)?;
        if let Some(number) = &self.licence_no {
            crate::idcheck::licence_no(number)?;
        }
        day("licence_until", self.licence_until.as_ref())?;
        day("pledge_on", self.pledge_on.as_ref())?;
        if self.subjects.len() > MOST_SUBJECTS {
            return Err(format!("subjects: at most {MOST_SUBJECTS} are taken"));
        }
        self.subjects.iter().try_for_each(|subject| line("subjects", subject, LABEL_CHARS))
    }

    pub fn licence(&self) -> Licence {
        Licence {
            address: self.address.clone(),
            licence_no: self.licence_no.clone(),
            licence_until: self.licence_until.clone(),
            subjects: self.subjects.clone(),
            pledge_on: self.pledge_on.clone(),
            agreement: self.agreement.clone(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Practitioner {
    pub id: PersonId,
    pub name: Name,
    #[serde(deserialize_with = "word::category")]
    pub category: PractitionerCategory,
    #[serde(deserialize_with = "word::registration")]
    pub registration: RegistrationStatus,
    /// 医师执业证书编号; published nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub practice_no: Option<String>,
    /// 执业范围.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub practice_scope: Option<String>,
    #[serde(default)]
    pub sites: Vec<Site>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    pub institution: InstitutionId,
    #[serde(deserialize_with = "word::relation")]
    pub relation: SiteRelation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exempt_until: Option<String>,
    #[serde(default, deserialize_with = "word::lead_of")]
    pub lead_of: Vec<Specialty>,
    #[serde(default, deserialize_with = "word::roles")]
    pub roles: Vec<SiteRole>,
    /// 主诊备案编号.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filing_no: Option<String>,
    /// 备案日期: day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed_on: Option<String>,
}

impl Practitioner {
    pub fn check(&mut self) -> Result<(), Fault> {
        line("name", &self.name.0, 100)?;
        if let Some(number) = &self.practice_no {
            match self.category {
                PractitionerCategory::LicensedPhysician
                | PractitionerCategory::AssistantPhysician => {
                    crate::idcheck::physician_practice(number)
                        .map_err(|why| format!("practice_no: {why}"))?;
                }
                _ => line("practice_no", number, 40)?,
            }
        }
        line_or_nothing("practice_scope", self.practice_scope.as_deref().unwrap_or(""), 200)?;
        for site in &mut self.sites {
            site.check()?;
            if !site.lead_of.is_empty() && self.category != PractitionerCategory::LicensedPhysician
            {
                return Err(
                    "lead_of: only a licensed_physician can be filed as lead (医疗美容服务管理办法 \
                    11: \
                    checked with an excerpt; legal review to come)".to_owned()
                );
            }
        }
        Ok(())
    }
}

impl Site {
    fn check(&mut self) -> Result<(), Fault> {
        if let Some(until) = &mut self.exempt_until {
            *until = clock::normal("exempt_until", until)?;
        }
        line_or_nothing("filing_no", self.filing_no.as_deref().unwrap_or_default(), 60)?;
        day("filed_on", self.filed_on.as_ref())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Room {
    pub id: RoomId,
    pub institution: InstitutionId,
    #[serde(default)]
    pub name: String,
    /// Left out: at the door. Nobody has said yet that a camera may look into the room.
    #[serde(default = "at_the_door", deserialize_with = "word::mode")]
    pub mode: DeploymentMode,
    #[serde(default)]
    pub intimate: bool,
    /// Of a new room: whether patients undress there. It becomes the first proposal of its privacy
    /// class, which the authority confirms; where they do, the room begins intimate, with its camera
    /// at the door. It is kept there, not with the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undressing: Option<bool>,
    #[serde(default = "shanghai")]
    pub time_zone: String,
    #[serde(default)]
    pub zones: Zones,
    #[serde(default = "always_open")]
    pub opening_min: Vec<Vec<(u16, u16)>>,
}

fn shanghai() -> String {
    "Asia/Shanghai".to_owned()
}

fn at_the_door() -> DeploymentMode {
    DeploymentMode::Doorway
}

fn always_open() -> Vec<Vec<(u16, u16)>> {
    vec![vec![(0, 1440)]; 7]
}

impl Room {
    pub fn check(&self) -> Result<(), Fault> {
        line_or_nothing("name", &self.name, LABEL_CHARS)?;
        if self.intimate && self.mode == DeploymentMode::InRoom {
            return Err("mode: an intimate room refuses in_room, use doorway".to_owned());
        }
        if self.undressing == Some(true) && self.mode == DeploymentMode::InRoom {
            return Err("mode: where patients undress the camera stands at the door: use doorway"
                .to_owned());
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return Err(format!(
                "time_zone: `{}` is no IANA zone such as Asia/Shanghai",
                clock::clip(&self.time_zone, 40)
            ));
        }
        let good = |&(from, to): &(u16, u16)| from < to && to <= 1440;
        if self.opening_min.len() != 7 || !self.opening_min.iter().flatten().all(good) {
            return Err(
                "opening_min: seven lists (from Monday) of [from, to] in minutes, 0 to 1440, from \
                < to"
                    .to_owned(),
            );
        }
        let zones = &self.zones;
        for (what, polygons) in [
            ("operator", &zones.operator),
            ("bed", &zones.bed),
            ("companion", &zones.companion),
            ("door", &zones.door),
            ("privacy_mask", &zones.privacy_mask),
        ] {
            let inside = |&(x, y): &(i32, i32)| (0..=1000).contains(&x) && (0..=1000).contains(&y);
            if !polygons.iter().all(|p| (3..=64).contains(&p.len()) && p.iter().all(inside)) {
                return Err(format!(
                    "zones.{what}: each polygon needs 3 to 64 corners, each 0 to 1000 \
                    (thousandths of the picture)"
                ));
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub code: ItemCode,
    pub name_zh: String,
    #[serde(default)]
    pub name_en: String,
    #[serde(deserialize_with = "word::kind")]
    pub kind: ItemKind,
    #[serde(deserialize_with = "word::specialties")]
    pub specialties: Vec<Specialty>,
    #[serde(default)]
    pub surgery_grade: Option<u8>,
    #[serde(deserialize_with = "word::min_operator")]
    pub min_operator: PractitionerCategory,
    #[serde(default)]
    pub min_duration_ms: u64,
    #[serde(default)]
    pub prep_ms: u64,
    /// The lead's own part, at least (LL-5); left out: by the kind, as the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead_part_ms: Option<u64>,
    #[serde(default)]
    pub jurisdiction: String,
}

impl Item {
    pub fn check(&self) -> Result<(), Fault> {
        line("name_zh", &self.name_zh, 200)?;
        line_or_nothing("name_en", &self.name_en, 200)?;
        division("jurisdiction", &self.jurisdiction)?;
        if self.specialties.is_empty() {
            return Err("specialties: name at least one of cosmetic_surgery, cosmetic_dentistry, \
                cosmetic_dermatology, cosmetic_tcm"
                .to_owned());
        }
        if self.surgery_grade.is_some_and(|g| !(1..=4).contains(&g)) {
            return Err("surgery_grade: use 1 to 4, or leave it out".to_owned());
        }
        Ok(())
    }

    pub fn wire(&self, filed_here: bool) -> WireItem {
        WireItem {
            code: self.code.clone(),
            kind: self.kind,
            specialties: self.specialties.clone(),
            surgery_grade: self.surgery_grade,
            min_operator: self.min_operator,
            min_duration_ms: self.min_duration_ms,
            prep_ms: self.prep_ms,
            lead_part_ms: self.lead_part_ms,
            filed_here,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    pub id: SessionId,
    pub room: RoomId,
    #[serde(default)]
    pub revision: Option<u32>,
    #[serde(default)]
    pub item: Option<ItemCode>,
    #[serde(default)]
    pub declared_lead: Option<PersonId>,
    #[serde(default)]
    pub declared_operators: Vec<PersonId>,
    pub start: String,
    #[serde(default)]
    pub end: Option<String>,
    #[serde(default)]
    pub cancelled: bool,
    #[serde(default)]
    pub emergency: bool,
    /// The patient declined to be looked at: the box in the room looks at nobody (人脸办法 10).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declined: bool,
    /// A pseudonym; never a name.
    #[serde(default)]
    pub patient_ref: Option<String>,
}

/// Operators that one session may declare.
pub const MOST_OPERATORS: usize = 20;
/// Sessions of a room that may be open at a time.
pub const MOST_OPEN_SESSIONS: usize = 50;

impl Session {
    pub fn check(&mut self) -> Result<(), Fault> {
        self.start = clock::normal("start", &self.start)?;
        let operators = self.declared_operators.len();
        if operators > MOST_OPERATORS {
            return Err(format!(
                "declared_operators: {operators} are named, at most {MOST_OPERATORS} are taken"
            ));
        }
        if let Some(end) = &mut self.end {
            *end = clock::normal("end", end)?;
            if *end < self.start {
                return Err(format!("end: {end} is before start {}", self.start));
            }
        }
        let pseudonym = |p: &String| {
            !p.is_empty()
                && p.len() <= 64
                && p.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        if self.patient_ref.as_ref().is_some_and(|p| !pseudonym(p)) {
            return Err(
                "patient_ref: a pseudonym of 1 to 64 ASCII letters, digits and -, never a name"
                    .to_owned(),
            );
        }
        Ok(())
    }

    pub fn wire(&self) -> protocol::down::Session {
        protocol::down::Session {
            session: self.id.clone(),
            revision: self.revision.unwrap_or(1),
            item: self.item.clone(),
            declared_lead: self.declared_lead.clone(),
            declared_operators: self.declared_operators.clone(),
            start: self.start.clone(),
            end: self.end.clone(),
            cancelled: self.cancelled,
            emergency: self.emergency,
            declined_at: None,
            stated_at: None,
            former: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pass {
    pub id: String,
    pub person: PersonId,
    pub institution: InstitutionId,
    pub purpose: String,
    #[serde(default)]
    pub supervisor: Option<PersonId>,
    pub from: String,
    pub to: String,
}

impl Pass {
    pub fn check(&mut self) -> Result<(), Fault> {
        self.id.parse::<PersonId>().map_err(|e| format!("id: {e}"))?;
        self.from = clock::normal("from", &self.from)?;
        self.to = clock::normal("to", &self.to)?;
        if self.to <= self.from {
            return Err(format!("to: {} is not after from {}", self.to, self.from));
        }
        if !["trainee", "visiting_doctor", "engineer", "inspector"].contains(&self.purpose.as_str())
        {
            return Err("purpose: use trainee, visiting_doctor, engineer or inspector".to_owned());
        }
        if self.purpose == "trainee" && self.supervisor.is_none() {
            return Err("supervisor: a trainee's pass names the supervisor".to_owned());
        }
        Ok(())
    }

    pub fn wire(&self) -> protocol::down::Pass {
        protocol::down::Pass {
            pass_id: self.id.clone(),
            person: self.person.clone(),
            purpose: self.purpose.clone(),
            supervisor: self.supervisor.clone(),
            from: self.from.clone(),
            to: self.to.clone(),
            stated_at: None,
        }
    }
}

/// A box and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DevicePlace {
    pub id: DeviceId,
    pub room: RoomId,
}

/// The consent record (P3): without one no template is made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    pub text_version: String,
    pub text_sha256: String,
    pub purposes: Vec<Purpose>,
    pub scope: String,
    pub signature: String,
    pub signed_at: String,
    /// A minor's guardian signs (P13).
    #[serde(default)]
    pub guardian: Option<String>,
    /// Earlier texts that this one took the place of, oldest first; the server keeps them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(skip)]
    pub earlier: Vec<EarlierText>,
}

impl fmt::Debug for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consent").field("text_version", &self.text_version).finish_non_exhaustive()
    }
}

impl Consent {
    pub fn check(&mut self) -> Result<(), Fault> {
        let hex =
            self.text_sha256.len() == 64 && self.text_sha256.chars().all(|c| c.is_ascii_hexdigit());
        if !hex {
            return Err(
                "consent.text_sha256: the SHA-256 of the text that was signed, 64 hex digits"
                    .to_owned(),
            );
        }
        if !self.purposes.contains(&Purpose::Recognition) {
            return Err(
                "consent.purposes: without `recognition` no template may be made".to_owned()
            );
        }
        if !self.purposes.contains(&Purpose::ServerStorage) {
            return Err("consent.purposes: without `server_storage`, agreed to separately, face \
                information may not leave the device (人脸识别技术应用安全管理办法 8: checked with a \
                public text; legal review to come)"
                .to_owned());
        }
        if !self.earlier.is_empty() {
            return Err("consent.earlier: the server keeps what was signed before".to_owned());
        }
        line("consent.text_version", &self.text_version, 40)?;
        line("consent.scope", &self.scope, 200)?;
        if let Some(guardian) = &self.guardian {
            line_or_nothing("consent.guardian", guardian, LABEL_CHARS)?;
        }
        if self.signature.trim().is_empty() || self.signature.len() > 200_000 {
            return Err(
                "consent.signature: who signed, or the drawn signature as base64 of at most \
                200,000 characters"
                    .to_owned(),
            );
        }
        self.signed_at = clock::normal("consent.signed_at", &self.signed_at)?;
        Ok(())
    }

    pub fn keeps_photo(&self) -> bool {
        self.purposes.contains(&Purpose::KeepPhoto)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_prints() {
        let text = r#"{"id":"p-1","name":"王小明","category":"nurse","registration":"valid"}"#;
        let person: Practitioner = serde_json::from_str(text).unwrap();
        assert!(!format!("{person:?}").contains('王'));
        assert!(serde_json::to_string(&person).unwrap().contains("王小明"));
    }

    #[test]
    fn a_nurse_can_not_be_filed_as_lead() {
        let text = r#"{"id":"p-1","name":"x","category":"nurse","registration":"valid",
            "sites":[{"institution":"c-1","relation":"primary","lead_of":["cosmetic_surgery"]}]}"#;
        let mut person: Practitioner = serde_json::from_str(text).unwrap();
        assert!(person.check().unwrap_err().contains("licensed_physician"));
    }

    #[test]
    fn an_intimate_room_refuses_a_camera_inside() {
        let text = r#"{"id":"r-1","institution":"c-1","mode":"in_room","intimate":true}"#;
        let room: Room = serde_json::from_str(text).unwrap();
        assert!(room.check().unwrap_err().contains("intimate room"));
    }

    #[test]
    fn a_room_of_which_nothing_is_said_is_watched_at_the_door() {
        let room: Room = serde_json::from_str(r#"{"id":"r-1","institution":"c-1"}"#).unwrap();
        room.check().unwrap();
        assert_eq!(room.mode, DeploymentMode::Doorway);
        let undressed = Room { undressing: Some(true), mode: DeploymentMode::InRoom, ..room };
        assert!(undressed.check().unwrap_err().starts_with("mode: "));
    }

    #[test]
    fn a_session_that_ends_before_it_starts_is_refused() {
        let text = r#"{"id":"s-1","room":"r-1","start":"2026-03-02T10:00:00+08:00","end":"2026-03-02T01:00:00Z"}"#;
        let mut session: Session = serde_json::from_str(text).unwrap();
        assert!(session.check().unwrap_err().starts_with("end: "));
        session.end = None;
        session.check().unwrap();
        assert_eq!(session.start, "2026-03-02T02:00:00.000Z");
        session.patient_ref = Some("张三".into());
        assert!(session.check().is_err());
    }

    #[test]
    fn no_consent_without_its_parts() {
        let good = Consent {
            text_version: "1".into(),
            text_sha256: "a".repeat(64),
            purposes: vec![Purpose::Recognition, Purpose::ServerStorage],
            scope: "c-1".into(),
            signature: "signed".into(),
            signed_at: "2026-03-02T01:00:00Z".into(),
            guardian: None,
            earlier: Vec::new(),
        };
        good.clone().check().unwrap();
        for purposes in [
            vec![Purpose::KeepPhoto, Purpose::ServerStorage],
            vec![Purpose::Recognition, Purpose::KeepPhoto],
        ] {
            assert!(Consent { purposes, ..good.clone() }.check().is_err());
        }
        assert!(Consent { text_sha256: "short".into(), ..good.clone() }.check().is_err());
        assert!(Consent { signature: " ".into(), ..good }.check().is_err());
    }
}
