//! What a clinic stated, as an alert shows it: who, when, and how long after the alert. A type of
//! its own, for pages and API alike. It explains; nothing here moves an alert.

use std::collections::BTreeMap;

use askama::Template;
use protocol::down::CheckDirection;

use super::names::{Html, Names, Pages, beside};
use super::times::local;
use super::words::Lang;
use crate::access::{Role, Who};
use crate::alert::AlertState;
use crate::alert_view::StatementSeen;
use crate::app::App;
use crate::clock::At;
use crate::store::{Alert, AlertStatement, SessionChange, StatedKind, StatementKind, StoreError};
use crate::web::request::scope::VisibleInstitutions;

/// What was stated of an alert, oldest first. Blocking.
pub(in crate::web) fn of(
    a: &App,
    who: &Who,
    alert: &Alert,
) -> Result<Vec<StatementSeen>, StoreError> {
    // A box whose clock runs ahead raised it no later than it came.
    let raised = alert.raised_at.min(alert.received_at).ms();
    let said = a.store.statements(alert)?;
    let names = names_in(a, who, alert, &said)?;
    let several = alert.session.is_none();
    Ok(said.iter().map(|s| shown(who, s, (raised, several), &names)).collect())
}

/// What people and institutions of these are called, as far as the reader may know. What was
/// dismissed names nobody.
fn names_in(
    a: &App,
    who: &Who,
    alert: &Alert,
    said: &[AlertStatement],
) -> Result<BTreeMap<String, String>, StoreError> {
    if alert.case.state == AlertState::Dismissed {
        return Ok(BTreeMap::new());
    }
    let ids = ids(said);
    let mut names = a.store.institution_names(&ids)?;
    let people = VisibleInstitutions::of(a, who)?.names(a, &ids)?;
    names.extend(people.into_iter().map(|(id, name)| (id, name.0)));
    Ok(names)
}

/// Of people and places that these are about.
fn ids(said: &[AlertStatement]) -> Vec<String> {
    let of = |it: &AlertStatement| match &it.kind {
        StatementKind::Session { .. } => Vec::new(),
        StatementKind::Check { person, .. } => vec![person.clone()],
        StatementKind::Other { person, object, .. } => {
            person.iter().chain([object]).cloned().collect()
        }
    };
    said.iter().flat_map(of).collect()
}

fn shown(
    who: &Who,
    it: &AlertStatement,
    (raised_ms, several): (i64, bool),
    names: &BTreeMap<String, String>,
) -> StatementSeen {
    let called =
        |l: Lang, id: &str| names.get(id).map_or_else(|| id.to_owned(), |name| beside(l, name, id));
    let after = it.at.ms() - raised_ms;
    let both = |words: &dyn Fn(Lang) -> String| (words(Lang::Zh), words(Lang::En));
    let (kind, (zh, en), of_clinic) = match &it.kind {
        StatementKind::Session { before, now } => {
            ("session", both(&|l| session_words(l, before.as_deref(), now, several)), true)
        }
        StatementKind::Check { person, direction, stated } => {
            let words = |l: Lang| check_words(l, *stated, *direction, &called(l, person));
            (if *stated { "stated_check" } else { "check" }, both(&words), true)
        }
        StatementKind::Other { kind, person, object } => {
            let (name, zh, en) = stated_words(*kind);
            let words = |l: Lang| {
                let whom = person.as_ref().filter(|p| *p != object);
                let whom = whom.map(|p| format!(" · {}", called(l, p))).unwrap_or_default();
                format!("{} {}{whom}", l.t(zh, en), called(l, object))
            };
            (name, both(&words), false)
        }
    };
    StatementSeen {
        at: it.at,
        by: (of_clinic || who.role != Role::Clinic)
            .then(|| it.by.clone())
            .filter(|by| !by.is_empty()),
        kind,
        zh,
        en,
        after_ms: (after >= 0).then_some(after),
    }
}

fn session_words(
    l: Lang,
    before: Option<&SessionChange>,
    now: &SessionChange,
    several: bool,
) -> String {
    let what = change_words(l, before, now);
    let mut session = l.t("诊疗活动", "session").to_owned();
    if several {
        session = format!("{session} {}", now.session.id);
    }
    let why = match l {
        _ if now.reason.is_empty() => String::new(),
        Lang::Zh => format!("（{}）", now.reason),
        Lang::En => format!(" ({})", now.reason),
    };
    format!("{session}{}{what}{why}", l.t("：", ": "))
}

fn check_words(l: Lang, stated: bool, direction: CheckDirection, person: &str) -> String {
    let way = match direction {
        CheckDirection::Out => l.t("离开", "out"),
        CheckDirection::In | CheckDirection::Unknown => l.t("进入", "in"),
    };
    let how = if stated {
        l.t("机构系统陈述（不作核验）", "stated by the clinic's system, verifies nobody")
    } else {
        l.t("卡 + PIN + 见证人核验", "check by card, PIN and witness")
    };
    format!("{how}{}{person} {way}", l.t("：", ": "))
}

/// Its name for programs, and what it is called, Chinese and English.
fn stated_words(kind: StatedKind) -> (&'static str, &'static str, &'static str) {
    match kind {
        StatedKind::Pass => ("pass", "签发或更改通行证", "pass issued or changed:"),
        StatedKind::Practitioner => {
            ("practitioner", "更改执业登记或备案", "registration or filing changed:")
        }
        StatedKind::Institution => (
            "institution",
            "更改机构登记或项目备案",
            "institution's record or filed items changed:",
        ),
        StatedKind::ConsentWithdrawn => {
            ("consent_withdrawn", "撤回人脸识别同意", "consent to recognition withdrawn:")
        }
    }
}

/// What changed in a session against the version before, in words.
pub(in crate::web) fn change_words(
    l: Lang,
    before: Option<&SessionChange>,
    c: &SessionChange,
) -> String {
    let mut what = Vec::new();
    let (now, old) = (&c.session, before.map(|b| &b.session));
    match old {
        None if now.declined => {
            what.push(l.t("登记（就诊者拒绝）", "declared, the patient declines").to_owned());
        }
        None => what.push(l.t("登记", "declared").to_owned()),
        Some(old) => {
            let mut said = |is: bool, zh: &str, en: &str| {
                if is {
                    what.push(l.t(zh, en).to_owned());
                }
            };
            said(now.cancelled && !old.cancelled, "取消", "cancelled");
            said(!now.cancelled && old.cancelled, "恢复", "restored");
            said(now.emergency && !old.emergency, "标记急救", "flagged as an emergency");
            said(!now.emergency && old.emergency, "撤销急救标记", "flag taken back");
            said(now.declined && !old.declined, "登记就诊者拒绝", "the patient declines");
            said(!now.declined && old.declined, "撤销就诊者拒绝", "the refusal taken back");
            said(now.end.is_some() && old.end.is_none(), "结束", "closed");
            said(now.end.is_none() && old.end.is_some(), "重新打开", "opened again");
            said(
                now.end.is_some() && old.end.is_some() && now.end != old.end,
                "更改结束时间",
                "other end",
            );
            said(now.start != old.start, "更改开始时间", "other start");
            said(now.declared_lead != old.declared_lead, "更改主诊", "other lead");
            said(now.declared_operators != old.declared_operators, "更改操作人", "other operators");
            said(now.item != old.item, "更改项目", "other item");
            said(now.room != old.room, "更改诊室", "other room");
        }
    }
    what.join("、")
}

/// People and places that were spoken of, whose names are links on a page.
#[derive(Default)]
pub(in crate::web) struct StatedOf {
    people: Names,
    institutions: Names,
}

impl StatedOf {
    /// Blocking.
    pub(in crate::web) fn of(a: &App, who: &Who, alert: &Alert) -> Result<Self, StoreError> {
        let ids = ids(&a.store.statements(alert)?);
        let ids = || ids.iter().map(String::as_str);
        let people = Names::people(a, &VisibleInstitutions::of(a, who)?, ids())?;
        Ok(Self { people, institutions: Names::institutions(a, ids())? })
    }

    fn linked(&self, pages: Pages, said: &str) -> Html {
        let with_people = self.people.linked(pages.person, said);
        self.institutions.linked_in(pages.institution, with_people)
    }
}

/// The block of an alert's page.
#[derive(Template)]
#[template(path = "statements.html")]
pub(in crate::web) struct StatementBlock {
    l: Lang,
    rows: Vec<Row>,
    /// When the box took everything back, where two people are still to decide.
    withdrawn: String,
}

struct Row {
    at: String,
    by: String,
    text: Html,
    after: String,
}

impl StatementBlock {
    /// `withdrawn_at`: when the box took everything back, where people have still to decide.
    pub(in crate::web) fn new(
        (l, pages): (Lang, Pages),
        withdrawn_at: Option<At>,
        said: &[StatementSeen],
        of: &StatedOf,
    ) -> Self {
        let withdrawn = withdrawn_at;
        Self {
            l,
            rows: said.iter().map(|s| row((l, pages), s, of)).collect(),
            withdrawn: withdrawn.map(|at| local(&at)).unwrap_or_default(),
        }
    }

    /// The block as HTML; every value in it is escaped by the template.
    pub(in crate::web) fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

fn row((l, pages): (Lang, Pages), s: &StatementSeen, of: &StatedOf) -> Row {
    let after = match s.after_ms {
        None => l.t("线索产生前", "before the alert").to_owned(),
        Some(ms) => match l {
            Lang::Zh => format!("线索产生后 {}", long(l, ms)),
            Lang::En => format!("{} after the alert", long(l, ms)),
        },
    };
    Row {
        at: local(&s.at),
        by: s.by.clone().unwrap_or_default(),
        text: of.linked(pages, l.t(&s.zh, &s.en)),
        after,
    }
}

/// Whole minutes as every length of time is said; days from two days on.
fn long(l: Lang, ms: i64) -> String {
    let days = ms / 86_400_000;
    match days {
        0 | 1 => l.duration(ms - ms % 60_000),
        days => format!("{days} {}", l.t("天", "days")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_says_how_long_after_the_alert_it_came() {
        let said = |after_ms| {
            let s = StatementSeen {
                at: At::of_s(1_772_413_200),
                by: None,
                kind: "session",
                zh: "取消".into(),
                en: "cancelled".into(),
                after_ms,
            };
            let after = |l: Lang| row((l, Pages::default()), &s, &StatedOf::default()).after;
            (after(Lang::Zh), after(Lang::En))
        };
        assert_eq!(
            said(Some(6 * 60_000)),
            ("线索产生后 6 分".to_owned(), "6 min after the alert".to_owned())
        );
        assert_eq!(said(Some(30 * 3_600_000)).1, "30 h after the alert");
        assert_eq!(said(Some(72 * 3_600_000)).0, "线索产生后 3 天");
        assert_eq!(said(None).1, "before the alert");
    }
}
