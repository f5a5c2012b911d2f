//! The margin of a lead's page: where and when it was, and what the law wants next.

use law::Matter;

use super::law_words::in_force;
use super::names::{Label, Names, Pages};
use super::times::local;
use super::words::Lang;
use crate::app::App;
use crate::clock;
use crate::legal;
use crate::penalty_case::{CaseClock, Provision};
use crate::problem::encoded;
use crate::self_check::disclosure::Disclosure;
use crate::store::{Alert, JOINED, StoreError};

/// One fact of a page's margin; where it has a page of its own, a link.
pub(in crate::web) struct MarginFact {
    pub(in crate::web) name: &'static str,
    pub(in crate::web) value: String,
    /// Small beside it; empty where the value is all.
    pub(in crate::web) id: String,
    pub(in crate::web) href: String,
}

impl MarginFact {
    pub(in crate::web) fn new(name: &'static str, value: String) -> Self {
        Self { name, value, id: String::new(), href: String::new() }
    }

    /// A thing or a person by name.
    pub(in crate::web) fn named(name: &'static str, it: Label) -> Self {
        Self { id: it.id, ..Self::new(name, it.name) }
    }

    pub(in crate::web) fn at(self, href: String) -> Self {
        Self { href, ..self }
    }

    /// Its page among these; empty where the reader opens none of them.
    pub(in crate::web) fn within(self, pages: &str) -> Self {
        let id = if self.id.is_empty() { &self.value } else { &self.id };
        let href = if pages.is_empty() { String::new() } else { format!("{pages}{}", encoded(id)) };
        Self { href, ..self }
    }
}

/// Institution, room and session, each with its page.
pub(in crate::web) fn where_it_was(
    l: Lang,
    (institution, room, session): (&str, &str, &str),
    place: &AlertPlace,
) -> Vec<MarginFact> {
    let institution_name = Label::new(&place.institution, institution);
    vec![
        MarginFact::named(l.t("机构", "Institution"), institution_name)
            .at(format!("/institutions/{institution}")),
        MarginFact::named(l.t("诊室", "Room"), place.room.clone()).at(format!("/rooms/{room}")),
        MarginFact::new(l.t("诊疗活动", "Session"), session.to_owned())
            .at(format!("/sessions/{session}")),
    ]
}

/// `assignee`: whoever works on it; empty for nobody.
pub(in crate::web) fn facts(
    (l, pages): (Lang, Pages),
    alert: &Alert,
    place: &AlertPlace,
    assignee: Label,
) -> Vec<MarginFact> {
    let text = |it: &Option<String>| it.clone().unwrap_or_default();
    let session = text(&alert.session);
    let mut facts = where_it_was(l, (&alert.institution, &alert.room, &session), place);
    let zh =
        format!("该设备未结线索已达上限，后续线索合并于此，共 {} 条，以下列出最重的", place.joined);
    let en = format!(
        "the box has too many open leads: further ones join here, {} findings; the worst are shown",
        place.joined
    );
    let joined = if place.joined > 0 { l.t(&zh, &en).to_owned() } else { String::new() };
    facts.extend([
        place.item_fact(l, pages),
        MarginFact::named(l.t("设备", "Device"), place.device.clone()).within(pages.device),
        MarginFact::new(l.t("合并", "Joined"), joined),
        MarginFact::new(l.t("发生", "Raised (box)"), local(&alert.raised_at)),
        MarginFact::new(l.t("接收", "Received (server)"), local(&alert.received_at)),
        MarginFact::named(l.t("负责人", "Assignee"), assignee),
        MarginFact::new(l.t("案号", "Case number"), text(&alert.case.case_number)),
    ]);
    facts.retain(|fact| !fact.value.is_empty());
    facts
}

/// Where an alert lies, in the words of the registry.
pub(in crate::web) struct AlertPlace {
    pub(in crate::web) institution: String,
    pub(in crate::web) room: Label,
    /// The box.
    pub(in crate::web) device: Label,
    /// The item's name in each language; many have none in English.
    item: (String, String),
    /// Empty where none was declared.
    item_code: String,
    /// How many findings it holds, where it is one that a box's incidents were joined in; else 0.
    pub(in crate::web) joined: i64,
}

impl AlertPlace {
    /// What was declared to be done, by name, with its entry where the reader may open it.
    pub(in crate::web) fn item_fact(&self, l: Lang, pages: Pages) -> MarginFact {
        let label = Label::new(l.t(&self.item.0, &self.item.1), &self.item_code);
        MarginFact::named(l.t("项目", "Item"), label).within(pages.item)
    }
}

/// The item's name in Chinese, else its code.
pub(in crate::web) fn item_name(a: &App, alert: &Alert) -> Result<String, StoreError> {
    Ok(item_names(a, alert)?.0)
}

fn item_names(a: &App, alert: &Alert) -> Result<(String, String), StoreError> {
    let Some(code) = alert.item.clone() else { return Ok((String::new(), String::new())) };
    let found = a.store.items()?.into_iter().find(|i| i.code.as_str() == code);
    Ok(found.map_or((code.clone(), code), |i| {
        let english = if i.name_en.is_empty() { i.name_zh.clone() } else { i.name_en };
        (i.name_zh, english)
    }))
}

pub(in crate::web) fn place(a: &App, alert: &Alert) -> Result<AlertPlace, StoreError> {
    let item = item_names(a, alert)?;
    let institution = a.store.institution(&alert.institution)?.map(|i| i.name).unwrap_or_default();
    let joined = if alert.id.starts_with(JOINED) { a.store.finding_count(&alert.id)? } else { 0 };
    let room = Names::rooms(a, [alert.room.as_str()])?.get(&alert.room);
    let device = Names::boxes(a, [alert.box_name()])?.get(alert.box_name());
    let item_code = alert.item.clone().unwrap_or_default();
    Ok(AlertPlace { institution, room, device, item, item_code, joined })
}

/// A party of a case who is a person, by the name that the case has.
pub(in crate::web) fn party_called(name: &str, person: Option<&str>, people: &Names) -> Label {
    match person {
        Some(id) => Label { closed: people.get(id).closed, ..Label::new(name, id) },
        None => Label::words(name),
    }
}

/// What the law wants next.
pub(in crate::web) struct ClockView {
    pub(in crate::web) title: &'static str,
    /// The person whose part of the case it is of; empty: the institution, or the whole.
    pub(in crate::web) of: Label,
    pub(in crate::web) on: String,
    pub(in crate::web) late: bool,
    pub(in crate::web) article: String,
    pub(in crate::web) estimated: &'static str,
}

impl ClockView {
    /// `people`: those of the case whom the registry knows.
    pub(in crate::web) fn of(l: Lang, it: &CaseClock, people: &Names) -> Self {
        Self {
            title: l.t(it.due.zh(), it.due.en()),
            of: party_called(&it.party_name, it.party_person.as_deref(), people),
            on: it.deadline.on.to_string(),
            late: it.late,
            article: cited(l, &it.provision),
            estimated: if it.deadline.year_without_table {
                l.t(
                    "该年尚无节假日表，只扣除周末",
                    "no table of holidays for that year: weekends alone are left out",
                )
            } else {
                ""
            },
        }
    }
}

/// The articles of a step, each with how far it was read or who confirmed it, and its term.
pub(in crate::web) fn cited(l: Lang, it: &Provision) -> String {
    let one = |c: &law::Cited| {
        let mark = l.t(&c.mark.zh(), &c.mark.en()).to_owned();
        format!("{}{}（{}；{}；{mark}）", c.law, c.article, c.edition, in_force(l, &c.in_force))
    };
    let articles: Vec<String> = it.basis.iter().map(one).collect();
    let parts = [
        articles.join("；"),
        l.t(&it.none_zh, &it.none_en).to_owned(),
        l.t(&it.term_zh, &it.term_en).to_owned(),
        l.t(&it.caution_zh, &it.caution_en).to_owned(),
    ];
    let said: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    said.join("。")
}

/// The articles of a duty as the law table has them today, for whoever reads; who confirmed one is
/// not said. Blocking.
pub(in crate::web) fn by_law(a: &App, l: Lang, matter: Matter) -> Result<String, StoreError> {
    let table = legal::table(&a.store)?;
    Ok(cited(l, &Provision::of(&table, matter, None, clock::today()).for_outsiders()))
}

/// What a clinic disclosed before it was found: when, and of which question.
pub(in crate::web) fn disclosed(it: &Disclosure) -> (String, String) {
    (local(&it.disclosed_at), format!("{} {}", it.item, it.requirement))
}
