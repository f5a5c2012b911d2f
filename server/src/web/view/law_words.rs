//! The law table in words: basis and penalties of a matter, with how far each text was read. It
//! decides nothing of the law and reads no store.

use law::{Against, Cited, Legal};

use super::words::Lang;

/// What the page of the law table and the pages of leads show of a matter.
pub(in crate::web) struct MatterView {
    pub(in crate::web) id: String,
    pub(in crate::web) title: String,
    pub(in crate::web) basis: Vec<CitedView>,
    pub(in crate::web) penalties: Vec<CitedView>,
    pub(in crate::web) caution: String,
    /// Where no article stands.
    pub(in crate::web) none: String,
    pub(in crate::web) agreement: &'static str,
}

pub(in crate::web) struct CitedView {
    pub(in crate::web) law: String,
    pub(in crate::web) article: String,
    pub(in crate::web) edition: String,
    pub(in crate::web) text: String,
    pub(in crate::web) against: &'static str,
    pub(in crate::web) mark: String,
    pub(in crate::web) confirmed: bool,
}

/// Since when an instrument is in force, or that nobody read it.
pub(in crate::web) fn in_force(l: Lang, day: &str) -> String {
    match day {
        "" => l.t("施行日期未核", "date in force not verified").to_owned(),
        day => format!("{} {day}", l.t("施行", "in force")),
    }
}

/// Whom a penalty meets.
pub(in crate::web) fn against(l: Lang, whom: Against) -> &'static str {
    match whom {
        Against::Person => l.t("个人", "person"),
        Against::Institution => l.t("机构", "institution"),
        Against::Either => l.t("机构或个人", "either"),
    }
}

impl MatterView {
    pub(in crate::web) fn of(l: Lang, legal: &Legal) -> Self {
        Self {
            id: legal.matter.to_string(),
            title: l.t(&legal.title_zh, &legal.title_en).to_owned(),
            basis: legal.basis.iter().map(|c| CitedView::of(l, c)).collect(),
            penalties: legal.penalties.iter().map(|c| CitedView::of(l, c)).collect(),
            caution: l.t(&legal.caution_zh, &legal.caution_en).to_owned(),
            none: l.t(&legal.none_zh, &legal.none_en).to_owned(),
            agreement: if legal.agreement {
                l.t(
                    "依据与机构签订的协议（条款见机构登记）",
                    "By the agreement with the clinic (its clause: the registry)",
                )
            } else {
                ""
            },
        }
    }
}

impl CitedView {
    fn of(l: Lang, c: &Cited) -> Self {
        let from = if c.from.is_empty() {
            String::new()
        } else {
            format!(" · {} {}", l.t("适用自", "from"), c.from)
        };
        Self {
            law: c.law.clone(),
            article: c.article.clone(),
            edition: format!("{} · {}{from}", c.edition, in_force(l, &c.in_force)),
            text: c.text.clone(),
            against: c.against.map_or("", |whom| against(l, whom)),
            mark: l.t(&c.mark.zh(), &c.mark.en()).to_owned(),
            confirmed: matches!(c.mark, law::Mark::Confirmed { .. }),
        }
    }
}
