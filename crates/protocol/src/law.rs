//! The candidate articles that findings of the server share with those of a box, word for word: a test of the agent holds
//! them against the core's table. It alleges nothing; a reviewer decides whether an article fits.

use crate::up::LegalBasis;

fn article(law: &str, article: &str, edition: &str) -> LegalBasis {
    LegalBasis { law: law.to_owned(), article: article.to_owned(), edition: edition.to_owned() }
}

/// LL-2, LL-3, as the box's LL-1: a certificate lent; the lead answers for the item.
pub fn lending() -> Vec<LegalBasis> {
    vec![
        article("医师法", "第五十四条", "2022年3月1日施行（条号及版次待核）"),
        article("医疗美容服务管理办法", "第十八条", "2016年修正（条号及版次待核）"),
    ]
}

/// HB-1 of an empty room, HB-2, HB-5, as the box's HB-2: operate as laws and standards ask.
pub fn duty() -> Vec<LegalBasis> {
    vec![article("医疗机构管理条例", "第二十四条", "2022年修订（条号及版次待核）")]
}

/// HB-1 and HB-3, as the box's HB-3: medical records of what was done.
pub fn records() -> Vec<LegalBasis> {
    vec![article("医师法", "第二十四条", "2022年3月1日施行（条号及版次待核）")]
}
