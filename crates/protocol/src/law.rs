//! The candidate articles that findings of the server share with those of a box, word for word: a
//! test of the agent holds them against the core's table. It alleges nothing; a reviewer decides
//! whether an article fits.

use crate::up::LegalBasis;

const READ: &str = "条号已据公开文本核对，待法制审核";

fn article(law: &str, article: &str, edition: &str) -> LegalBasis {
    LegalBasis { law: law.to_owned(), article: article.to_owned(), edition: edition.to_owned() }
}

/// LL-2, as the box's LL-1: the lead answers for the item; a certificate lent, where shown.
pub fn lending() -> Vec<LegalBasis> {
    vec![
        article(
            "医疗美容服务管理办法",
            "第十八条",
            "2016年修正（条号据2016年决定推定，待法制审核）",
        ),
        article("医师法", "第二十四条第一款", READ),
        article("医师法", "第五十四条第三款", READ),
    ]
}

/// LL-3: two places at once.
pub fn impossible_presence() -> Vec<LegalBasis> {
    vec![
        article("医师法", "第十四条第一款", READ),
        article("医师法", "第十五条第一款", READ),
        article(
            "医师执业注册管理办法",
            "第十条第一款",
            "2026年6月5日修改（条号据公开节录核对，待法制审核）",
        ),
    ]
}

/// HB-1 of an empty room, HB-2, HB-5, as the box's HB-2: the agreement with the clinic alone.
pub fn duty() -> Vec<LegalBasis> {
    vec![article("无法定依据", "依试点协议", "条款见机构登记")]
}

/// HB-1 and HB-3, as the box's HB-3: medical records of what was done.
pub fn records() -> Vec<LegalBasis> {
    vec![
        article("医疗纠纷预防和处理条例", "第十五条", READ),
        article("医师法", "第二十四条第一款", READ),
    ]
}
