//! What an alert's page shows of its sealed pictures: never one of them.

use askama::Template;
use protocol::evidence::CustodianRole;
use protocol::id::DeviceId;

use super::opening::{PictureView, picture, unreal};
use super::{OpeningView, people};
use crate::access::{Role, Who};
use crate::app::App;
use crate::evidence::{ItemSeen, Roll};
use crate::store::{Alert, StoreError};
use crate::web::api::evidence::OpeningSeen;
use crate::web::view::law_words::MatterView;
use crate::web::view::words::Lang;

/// The card of an alert's page.
#[derive(Template)]
#[template(path = "evidence_card.html")]
pub(in crate::web::pages) struct EvidenceCard {
    l: Lang,
    alert: String,
    number: i64,
    sets: Vec<SetView>,
    openings: Vec<OpeningView>,
    reviewers: Vec<String>,
    /// Articles of the rule that may be named as the basis.
    bases: Vec<String>,
    /// Why nobody can ask here, or not this reader; empty where they can.
    cannot: String,
    unreal: &'static str,
}

/// Pictures of one finding.
struct SetView {
    device: DeviceId,
    finding: String,
    rule: String,
    ids: String,
    pictures: Vec<PictureView>,
    /// Some are still on the box.
    there: bool,
    /// An opening of them lives: one at a time.
    asked: bool,
}

impl EvidenceCard {
    /// Blocking. Nothing where no picture was ever taken.
    pub(in crate::web::pages) fn find(
        a: &App,
        l: Lang,
        who: &Who,
        alert: &Alert,
        findings: &[crate::alert_view::FindingSeen],
    ) -> Result<String, StoreError> {
        let items = a.store.evidence_of_alert(&alert.id)?;
        if items.is_empty() {
            return Ok(String::new());
        }
        let roll = a.store.roll_for(&alert.jurisdiction)?.unwrap_or_default();
        let openings = a.store.openings_of_alert(&alert.id)?;
        let live: Vec<(DeviceId, String)> = openings
            .iter()
            .filter(|it| it.opening.state.is_live())
            .map(|it| (it.device.clone(), it.finding.clone()))
            .collect();
        let people = people(a, who, openings.iter().map(|it| &it.opening))?;
        let view = |it| OpeningView::of(l, who, &OpeningSeen::that_it_is(it), &people);
        let openings = openings.into_iter().map(view).collect();
        let card = Self {
            l,
            number: alert.number.for_authority(),
            alert: alert.id.to_string(),
            unreal: unreal(l, &items),
            sets: sets(l, &items, findings, &live),
            cannot: cannot(l, who, &roll),
            reviewers: roll
                .custodians
                .iter()
                .filter(|c| c.role == CustodianRole::Reviewer && c.stands())
                .map(|c| c.account.clone())
                .collect(),
            bases: bases(l, findings),
            openings,
        };
        Ok(card.render().unwrap_or_default())
    }
}

fn sets(
    l: Lang,
    items: &[ItemSeen],
    findings: &[crate::alert_view::FindingSeen],
    live: &[(DeviceId, String)],
) -> Vec<SetView> {
    let mut sets: Vec<SetView> = Vec::new();
    for seen in items {
        if sets.last().is_none_or(|s| s.finding != seen.finding || s.device != seen.device) {
            let rule = findings.iter().find(|f| f.report.finding_id == seen.finding);
            sets.push(SetView {
                device: seen.device.clone(),
                finding: seen.finding.clone(),
                rule: rule.map(|f| l.rule(&f.report.rule)).unwrap_or_default(),
                ids: String::new(),
                pictures: Vec::new(),
                there: false,
                asked: live.iter().any(|(d, f)| *d == seen.device && *f == seen.finding),
            });
        }
        let Some(set) = sets.last_mut() else { continue };
        if seen.gone.is_none() {
            set.there = true;
            let space = if set.ids.is_empty() { "" } else { " " };
            set.ids = format!("{}{space}{}", set.ids, seen.item.id);
        }
        set.pictures.push(picture(l, seen, None));
    }
    sets
}

fn cannot(l: Lang, who: &Who, roll: &Roll) -> String {
    let words = match who.role {
        _ if who.open_house => l.t(
            "须启用账户：封存画面由两人打开",
            "accounts are needed: two people open sealed pictures",
        ),
        Role::Supervisor if !roll.is_complete() => {
            l.t("本辖区尚未设置两方保管人", "this jurisdiction has no custodians of both roles yet")
        }
        Role::Supervisor if roll.standing(&who.name, CustodianRole::Supervisor).is_none() => l.t(
            "您不是卫生监督员保管人，不能申请",
            "you are no custodian of the supervisors: you can not ask",
        ),
        Role::Supervisor => "",
        _ => l.t("由卫生监督员保管人申请", "a custodian of the supervisors asks"),
    };
    words.to_owned()
}

/// The articles of the rules, as the law table has them.
fn bases(l: Lang, findings: &[crate::alert_view::FindingSeen]) -> Vec<String> {
    let mut bases = Vec::new();
    for legal in findings.iter().filter_map(|f| f.legal.as_ref()) {
        for cited in MatterView::of(l, legal).basis {
            let text = format!("{}{}", cited.law, cited.article);
            if !bases.contains(&text) {
                bases.push(text);
            }
        }
    }
    bases
}
