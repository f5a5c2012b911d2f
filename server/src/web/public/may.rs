//! May this person do this here, as registered? The law's own sentence (办法 11, 12): a lead is
//! filed for one of the item's specialties. Pure; NL-1 asks the same on the box, where the types
//! are its own, and a test holds the two answers equal for every filing.

use protocol::down::{PractitionerCategory, RegistrationStatus, Specialty};

/// What the register says of a person and an item at an institution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// 本机构备案主诊.
    Lead,
    /// 须在主诊医师指导下.
    UnderALead,
    /// The registration does not hold.
    NotValid,
    /// The page that was asked about belongs to another institution: whether the same person is
    /// registered here as well, it does not say.
    OtherPlace,
}

impl May {
    pub(super) fn zh(self) -> &'static str {
        match self {
            Self::Lead => "按登记信息：本机构备案主诊医师，可独立开展该项目",
            Self::UnderALead => "按登记信息：须在本机构备案主诊医师指导下进行",
            Self::NotValid => "按登记信息：执业注册当前无效",
            Self::OtherPlace => {
                "所选医师的页面属于另一家机构：请打开这家机构的页面，从其中选择医师；其中没有，即\
                未在此登记"
            }
        }
    }

    pub(super) fn en(self) -> &'static str {
        match self {
            Self::Lead => "as registered: filed here as lead physician for this item",
            Self::UnderALead => "as registered: only under a lead physician filed here",
            Self::NotValid => "as registered: the registration does not hold now",
            Self::OtherPlace => {
                "this physician was chosen on another institution's page: choose from this \
                 institution's own page; who is not on it is not registered here"
            }
        }
    }
}

/// `lead_of ∩ specialties`, for a licensed physician.
pub(super) fn leads(
    category: PractitionerCategory,
    lead_of: &[Specialty],
    specialties: &[Specialty],
) -> bool {
    category == PractitionerCategory::LicensedPhysician
        // Two words that this program does not know are not one word.
        && lead_of.iter().any(|it| *it != Specialty::Unknown && specialties.contains(it))
}

/// Of somebody who is registered here.
pub(super) fn may(
    category: PractitionerCategory,
    status: RegistrationStatus,
    lead_of: &[Specialty],
    specialties: &[Specialty],
) -> May {
    if status != RegistrationStatus::Valid {
        May::NotValid
    } else if leads(category, lead_of, specialties) {
        May::Lead
    } else {
        May::UnderALead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each subset of the specialties.
    fn subsets<T: Copy>(all: [T; 4]) -> Vec<Vec<T>> {
        let of = |bits: usize| (0..4).filter(|n| (bits >> n) & 1 == 1).map(|n| all[n]).collect();
        (0..16).map(of).collect()
    }

    #[test]
    fn the_public_reads_what_nl_1_asks_of_every_filing() {
        use PractitionerCategory as Here;
        use Specialty as S;
        use presence::{PractitionerCategory as There, Specialty as T};
        let categories = [
            (Here::LicensedPhysician, There::LicensedPhysician),
            (Here::AssistantPhysician, There::AssistantPhysician),
            (Here::Nurse, There::Nurse),
            (Here::Pharmacist, There::Pharmacist),
            (Here::Technician, There::Technician),
            (Here::Trainee, There::Trainee),
            (Here::NonClinical, There::NonClinical),
        ];
        let here = subsets([
            S::CosmeticSurgery,
            S::CosmeticDentistry,
            S::CosmeticDermatology,
            S::CosmeticTcm,
        ]);
        let there = subsets([
            T::CosmeticSurgery,
            T::CosmeticDentistry,
            T::CosmeticDermatology,
            T::CosmeticTcm,
        ]);
        let mut led = 0;
        for (category, on_the_box) in categories {
            for (filed, filed_there) in here.iter().zip(&there) {
                for (item, item_there) in here.iter().zip(&there) {
                    let said = leads(category, filed, item);
                    let box_said = presence::may_lead(on_the_box, filed_there, item_there);
                    assert_eq!(said, box_said, "{category:?} {filed:?} {item:?}");
                    led += usize::from(said);
                }
            }
        }
        assert_eq!(led, 256 - 81, "pairs of subsets that share a specialty");
    }

    #[test]
    fn two_unknown_specialties_make_no_lead() {
        let unknown = [Specialty::Unknown];
        assert!(!leads(PractitionerCategory::LicensedPhysician, &unknown, &unknown));
    }

    #[test]
    fn a_lead_is_one_for_the_items_specialty_alone() {
        use PractitionerCategory::{AssistantPhysician, LicensedPhysician};
        use Specialty::{CosmeticDermatology, CosmeticSurgery};
        let valid = RegistrationStatus::Valid;
        let skin = [CosmeticDermatology];
        assert_eq!(may(LicensedPhysician, valid, &skin, &skin), May::Lead);
        assert_eq!(may(LicensedPhysician, valid, &[CosmeticSurgery], &skin), May::UnderALead);
        assert_eq!(may(AssistantPhysician, valid, &skin, &skin), May::UnderALead);
        let expired = RegistrationStatus::Expired;
        assert_eq!(may(LicensedPhysician, expired, &skin, &skin), May::NotValid);
    }
}
