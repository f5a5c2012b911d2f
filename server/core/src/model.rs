//! The registry's nouns as the API takes them and the store keeps them, each checked at this edge.
//!
//! A [`Name`] is the only type here that holds personal text; it prints as `[redacted]`.

mod consent;
mod institution;
mod room;

use std::fmt;

use protocol::down::Item as WireItem;
use protocol::down::{
    DeploymentMode, ItemKind, PractitionerCategory, RegistrationStatus, SiteRelation, Specialty,
};
use protocol::id::{DeviceId, InstitutionId, ItemCode, PersonId, RoomId, SessionId};
use serde::{Deserialize, Serialize};

pub use self::consent::Consent;
use crate::clock;
use crate::ids::PassId;
use crate::text::{Listed, line, line_or_nothing};
pub use institution::{Coordinates, Filing, Institution, Licence, Practice};
use institution::{day, division};
pub use room::Room;

/// A person's name: shown on pages, kept in the store, never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Name(pub String);

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

pub use crate::text::FoldFault;

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
            pub(super) fn $field<'de,
                D: Deserializer<'de>>(from: D) -> Result<readers!(@ $read $type), D::Error> {
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
    pub fn check(&mut self) -> Result<(), FoldFault> {
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
    fn check(&mut self) -> Result<(), FoldFault> {
        if let Some(until) = &mut self.exempt_until {
            *until = clock::normal("exempt_until", until)?;
        }
        line_or_nothing("filing_no", self.filing_no.as_deref().unwrap_or_default(), 60)?;
        day("filed_on", self.filed_on.as_ref())
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
    pub fn check(&self) -> Result<(), FoldFault> {
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
    pub fn check(&mut self) -> Result<(), FoldFault> {
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
    pub id: PassId,
    pub person: PersonId,
    pub institution: InstitutionId,
    pub purpose: String,
    #[serde(default)]
    pub supervisor: Option<PersonId>,
    pub from: String,
    pub to: String,
}

impl Pass {
    pub fn check(&mut self) -> Result<(), FoldFault> {
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
            pass_id: self.id.to_string(),
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

#[cfg(test)]
mod tests;
