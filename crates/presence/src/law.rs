//! The articles that a reviewer may look at, per rule: candidates, never a verdict. One place for
//! all of them.
//!
//! The server's table (`crates/law`) says basis *and* penalty, in the edition that the authority's
//! lawyer confirmed; what a box carries is for whoever reads its findings without a server. The
//! edition says how far a citation was checked (decision 0104); `e2e law` holds every article here
//! against that table.

use crate::StatusFault;
use crate::fact::PractitionerCategory;
use crate::finding::Basis;

const READ: &str = "条号已据公开文本核对，待法制审核";

const fn measures(article: &'static str) -> Basis {
    Basis {
        law: "医疗美容服务管理办法",
        article,
        edition: "2016年修正（条号据2016年决定推定，待法制审核）",
    }
}

const fn measures_read(article: &'static str) -> Basis {
    Basis {
        law: "医疗美容服务管理办法",
        article,
        edition: "2016年修正（条号据公开节录核对，待法制审核）",
    }
}

const fn physicians(article: &'static str) -> Basis {
    Basis { law: "医师法", article, edition: READ }
}

const fn institutions(article: &'static str) -> Basis {
    Basis { law: "医疗机构管理条例", article, edition: READ }
}

const fn nurses(article: &'static str) -> Basis {
    Basis { law: "护士条例", article, edition: READ }
}

/// 细则 81(2): health staff outside their own profession are treated as non-health staff.
const OTHER_PROFESSION: Basis =
    Basis {
        law: "医疗机构管理条例实施细则", article: "第八十一条第二款", edition: READ
    };
/// 办法: the lead answers for the item, and performs or guides it.
const LEAD_ANSWERS: Basis = measures("第十八条");

/// LL-1 (and the server's LL-2): the lead answers for the item; treat in person; a certificate
/// lent, where shown.
pub const LENDING: &[Basis] =
    &[LEAD_ANSWERS, physicians("第二十四条第一款"), physicians("第五十四条第三款")];
/// LL-5: the lead answers for the item. The lead was there, so nothing is said of lending.
pub const CLOCK_AND_GO: &[Basis] = &[LEAD_ANSWERS];
/// LL-4 of a physician: another place of practice than registered, with the exemptions of 18(2).
const SITE: &[Basis] =
    &[physicians("第十四条第一款"), physicians("第十五条"), physicians("第十八条")];
/// LL-4 of a physician: not registered, cancelled or revoked.
const UNREGISTERED: &[Basis] = &[physicians("第十三条第四款")];
/// LL-4 of a nurse: 医师法 is not about nurses.
const NURSE_REGISTRATION: &[Basis] =
    &[nurses("第八条"), nurses("第九条"), nurses("第十条"), nurses("第二十一条第一款")];
/// NL-1: who may lead, and whom a lead may guide.
pub const NON_LEAD: &[Basis] =
    &[measures_read("第十一条"), measures_read("第十二条"), LEAD_ANSWERS];
/// NL-2: a nurse or technician at a physician's work.
pub const NURSES: &[Basis] =
    &[institutions("第二十七条"), OTHER_PROFESSION, measures_read("第十三条"), LEAD_ANSWERS];
/// NL-3: an assistant physician works under a physician's guidance.
const ASSISTANTS: &[Basis] =
    &[physicians("第三十四条第一款"), measures_read("第十二条"), LEAD_ANSWERS];
/// NL-3: a trainee takes part under a physician's supervision.
const TRAINEES: &[Basis] = &[physicians("第三十五条"), physicians("第十三条第四款")];
/// NL-4: items are filed, and graded (医疗美容项目分级管理和备案制度, named in the Chengdu
/// document).
pub const GRADE: &[Basis] = &[
    institutions("第二十六条"),
    measures("第十六条第二款"),
    Basis {
        law: "医疗美容项目分级管理目录",
        article: "全文",
        edition: "2009年版（条号及版次待核）",
    },
];
/// UQ-1, UQ-2: no non-health staff at health work; practice without a physician's licence.
pub const UNLICENSED: &[Basis] = &[institutions("第二十七条"), physicians("第十三条第四款")];
/// UQ-3: as UQ-1, by way of another profession.
pub const OUT_OF_SCOPE: &[Basis] =
    &[institutions("第二十七条"), OTHER_PROFESSION, physicians("第十三条第四款")];
/// HB-2, HB-4, HB-6, HB-7 (and the server's HB-1 of an empty room, HB-2, HB-5): no law read obliges
/// a clinic to keep a camera running; the agreement with it does.
pub const DUTY: &[Basis] =
    &[Basis {
        law: "无法定依据", article: "依试点协议", edition: "条款见机构登记"
    }];
/// HB-3 (and the server's HB-1, HB-3): medical records of what was done, where there are none. LL-1
/// and LL-5 where another lead of the specialty stood in the declared one's place: where the record
/// names the absent one.
pub const RECORDS: &[Basis] = &[
    Basis { law: "医疗纠纷预防和处理条例", article: "第十五条", edition: READ },
    physicians("第二十四条第一款"),
];

/// An old roster or register (LL-4, UQ-1): it is renewed before anything is alleged.
pub const STALE: &[Basis] = &[];

/// Every list, for a check of the whole.
pub const ALL: &[&[Basis]] = &[
    LENDING,
    CLOCK_AND_GO,
    SITE,
    UNREGISTERED,
    NURSE_REGISTRATION,
    NON_LEAD,
    NURSES,
    ASSISTANTS,
    TRAINEES,
    GRADE,
    UNLICENSED,
    OUT_OF_SCOPE,
    DUTY,
    RECORDS,
];

/// LL-4, by whose registration it is and what is wrong with it. For technicians and pharmacists no
/// text read registers a place, so nothing is cited.
pub fn status(category: PractitionerCategory, fault: StatusFault) -> &'static [Basis] {
    match (category, fault) {
        (PractitionerCategory::Nurse, _) => NURSE_REGISTRATION,
        (PractitionerCategory::Technician | PractitionerCategory::Pharmacist, _) => &[],
        (_, StatusFault::Site) => SITE,
        (_, StatusFault::Registration) => UNREGISTERED,
    }
}

/// NL-3, by who worked alone.
pub fn supervised(category: PractitionerCategory) -> &'static [Basis] {
    if category == PractitionerCategory::Trainee { TRAINEES } else { ASSISTANTS }
}
