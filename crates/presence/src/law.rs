//! The articles that a reviewer may look at, per rule: candidates, never a verdict. One place for all of them.
//!
//! The edition says how far a citation was checked. Named with their number in the domain are 医疗美容服务管理办法 11 (who may
//! lead) and 医师法 18 (who may practise elsewhere): of those the edition alone is to be verified (版次待核). The laws stand by
//! name in the source documents; numbers beyond those two were not held against an official print, and each says so
//! (条号及版次待核). `docs/decisions/0028` has the table.

use crate::finding::Basis;

const fn measures(article: &'static str) -> Basis {
    Basis { law: "医疗美容服务管理办法", article, edition: "2016年修正（条号及版次待核）" }
}

const fn physicians(article: &'static str) -> Basis {
    Basis { law: "医师法", article, edition: "2022年3月1日施行（条号及版次待核）" }
}

const fn institutions(article: &'static str) -> Basis {
    Basis { law: "医疗机构管理条例", article, edition: "2022年修订（条号及版次待核）" }
}

/// 办法 11: who may lead.
const LEADS: Basis = Basis {
    law: "医疗美容服务管理办法", article: "第十一条", edition: "2016年修正（版次待核）"
};
/// 医师法 18: who may practise elsewhere (consultation, further training, free clinics).
const ELSEWHERE: Basis =
    Basis { law: "医师法", article: "第十八条", edition: "2022年3月1日施行（版次待核）" };
/// 办法: the lead answers for the item, and performs or guides it.
const LEAD_ANSWERS: Basis = measures("第十八条");

/// LL-1, LL-5 (and the server's LL-2, LL-3): a certificate lent; the lead answers for the item.
pub const LENDING: &[Basis] = &[physicians("第五十四条"), LEAD_ANSWERS];
/// LL-4: registration, place, category and scope of practice.
pub const STATUS: &[Basis] = &[physicians("第十三条"), physicians("第十四条"), ELSEWHERE, physicians("第五十七条")];
/// NL-1: who may lead, and whom he may guide.
pub const NON_LEAD: &[Basis] = &[LEADS, measures("第十二条"), LEAD_ANSWERS];
/// NL-2: what nursing staff may do.
pub const NURSES: &[Basis] = &[measures("第十三条"), LEAD_ANSWERS];
/// NL-3: an assistant physician works under a physician's guidance.
pub const ASSISTANTS: &[Basis] = &[physicians("第三十四条"), LEAD_ANSWERS];
/// NL-4: items are filed, and graded (医疗美容项目分级管理和备案制度, named in the Chengdu document).
pub const GRADE: &[Basis] = &[
    measures("第十六条"),
    Basis { law: "医疗美容项目分级管理目录", article: "全文", edition: "2009年版（版次待核）" },
];
/// UQ-1, UQ-2: no non-health staff at health work; practice without a physician's licence.
pub const UNLICENSED: &[Basis] = &[institutions("第二十七条"), physicians("第五十九条"), measures("第十四条")];
/// UQ-3: as UQ-1, but a pharmacist is health staff.
pub const OUT_OF_SCOPE: &[Basis] = &[physicians("第五十九条"), measures("第十四条")];
/// HB-2, HB-4, HB-6 (and the server's HB-1 of an empty room, HB-2, HB-5): operate as laws and standards ask.
pub const DUTY: &[Basis] = &[institutions("第二十四条")];
/// HB-3 (and the server's HB-1, HB-3): medical records of what was done.
pub const RECORDS: &[Basis] = &[physicians("第二十四条")];
