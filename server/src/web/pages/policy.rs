//! The policy by page: every [D] number with what it does, its unit, range, default and the rules
//! that read it; by jurisdiction; with its history; and the values behind the hash that a finding
//! carries.

mod by_hash;

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::forms::Given;
use super::frame::{PageFrame, local, render, said, shown};
use super::place_choice::{self, DivisionChoice};
use super::policy_form::{in_words, read, said_value, unit};
use super::policy_trial_line::TrialLine;
use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::rules::settings::{self, SettingDescription};
use crate::store::{OwnPolicy, PolicyRow, StoreError, TrialRow};
use crate::web::api::policy::{PolicyBody, history, own_place, put, values_at};
use crate::web::api::policy_preview::{CHANGES, Change, INSTITUTIONS, Preview, preview};
use crate::web::api::policy_trials::LISTED;
use crate::web::endpoint::Endpoint;
use crate::web::request::actor::AUTHORITY;
use crate::web::request::rights::{PEOPLE, POLICY};
use crate::web::view::policy_words::{read_by, title, with_titles};
use crate::web::view::words::Lang;
use by_hash::by_hash;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/policy", page).roles(PEOPLE),
        Endpoint::form("/policy", submit).roles(POLICY).audited(),
        Endpoint::page("/policy/{sha256}", by_hash).roles(PEOPLE),
    ]
}

#[derive(Template)]
#[template(path = "policy.html")]
struct PolicyPage {
    f: PageFrame,
    place: String,
    /// `place` in words.
    place_words: String,
    /// The field in which another place is chosen.
    places: String,
    version: u64,
    hash_box: String,
    hash_server: String,
    /// Not empty: the page shows the values behind this hash, and changes nothing.
    of_hash: String,
    first_used: String,
    groups: Vec<Group>,
    history: Vec<[String; 6]>,
    may_change: bool,
    saved: bool,
    fault: String,
    /// What typed numbers would have changed: name, value, rule, now, then.
    preview: Vec<[String; 5]>,
    /// What those figures leave out; empty where they are of everything.
    preview_of: String,
    /// What boxes were asked.
    trials: Vec<TrialLine>,
}

/// What the page shows beside the policy itself.
#[derive(Default)]
struct Shown {
    given: Option<Given>,
    fault: String,
    saved: bool,
    preview: Preview,
}

struct Group {
    name: String,
    rows: Vec<Row>,
}

struct Row {
    /// What people call it; its key stands small beside it.
    title: &'static str,
    name: &'static str,
    doc: String,
    rules: String,
    /// As people say it, as every number of the row: minutes, percent.
    unit: &'static str,
    value: String,
    /// What this jurisdiction itself says, or what was typed.
    own: String,
    said_by: String,
    min: String,
    max: String,
    default: String,
    changed: bool,
    wrong: bool,
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct PolicyPageQuery {
    #[serde(default)]
    jurisdiction: String,
    #[serde(default)]
    saved: String,
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<PolicyPageQuery>,
) -> Response {
    let place = if query.jurisdiction.is_empty() && who.role == Role::Supervisor {
        who.scope.clone()
    } else {
        query.jurisdiction
    };
    let it = Shown { saved: !query.saved.is_empty(), ..Shown::default() };
    let made = make(&app, &who, l, place, it).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    place: String,
    it: Shown,
) -> Result<Response, Problem> {
    let Shown { given, fault, saved, preview } = it;
    let asked = place.chars().filter(char::is_ascii_digit).take(12).collect();
    let found = app.blocking(|a| look(a, who, asked)).await?;
    let FoundPolicy { place, may_change, own, set, values, history, places, trials } = found;
    let row = |about: &SettingDescription| {
        let value = set.get(about.name).map_or(about.default, |v| v.0);
        let typed = given.as_ref().map(|g| g.text(about.name).to_owned());
        let own_value =
            own.settings.get(about.name).map(|v| in_words(l, about, *v)).unwrap_or_default();
        Row {
            said_by: set
                .get(about.name)
                .map_or(String::new(), |(_, by)| place_or(by, l.t("全部", "all"))),
            changed: value != about.default,
            wrong: !fault.is_empty() && fault.contains(&format!("`{}`", about.name)),
            own: typed.unwrap_or(own_value),
            ..row(l, about, value)
        }
    };
    let page = PolicyPage {
        groups: groups(l, row),
        version: own.version,
        hash_box: trust::sha256_hex(protocol::settings::canonical(&values)),
        hash_server: trust::sha256_hex(settings::canonical(&values)),
        history: history.iter().map(|h| history_row(l, h)).collect(),
        places: place_field(l, who, &place, &places),
        place_words: place_or(&place, l.t("全部区域", "everywhere")),
        of_hash: String::new(),
        first_used: String::new(),
        may_change,
        saved,
        preview: preview.changes.iter().map(|change| change_row(l, change)).collect(),
        preview_of: left_out(l, &preview),
        trials: trials.iter().map(|trial| TrialLine::of(l, trial)).collect(),
        fault: with_titles(l, said(l, fault)),
        f: PageFrame::of(app, who, l, "registry", "/policy").await?,
        place,
    };
    let refused = !page.fault.is_empty();
    let mut response = render(&page)?;
    if refused {
        *response.status_mut() = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// The policy of a place, and what the reader may see beside it.
struct FoundPolicy {
    /// A clinic's own, whatever was asked.
    place: String,
    may_change: bool,
    own: OwnPolicy,
    /// Each value, and the place that says it.
    set: BTreeMap<String, (i64, String)>,
    values: BTreeMap<String, i64>,
    history: Vec<PolicyRow>,
    places: Vec<String>,
    trials: Vec<TrialRow>,
}

fn look(a: &App, who: &Who, asked: String) -> Result<FoundPolicy, StoreError> {
    let may_change = who.may(Right::SetPolicy) && asked.starts_with(&who.scope);
    let mut places = a.store.policy_places()?;
    let mut place = asked;
    if let Some(own) = own_place(a, who)? {
        places.retain(|place| own.starts_with(place));
        if place.is_empty() || !own.starts_with(&place) {
            place = own;
        }
    }
    Ok(FoundPolicy {
        may_change,
        own: a.store.policy(&place)?,
        set: a.store.policy_at(&place)?,
        values: values_at(a, &place)?,
        history: history(a, who, &place)?,
        trials: if may_change { a.store.policy_trials(&place, LISTED)? } else { Vec::new() },
        places,
        place,
    })
}

fn place_or(place: &str, everywhere: &str) -> String {
    if place.is_empty() { everywhere.to_owned() } else { crate::divisions::words(place) }
}

/// The field in which another place is chosen.
fn place_field(l: Lang, who: &Who, place: &str, places: &[String]) -> String {
    place_choice::division(
        l,
        &everywhere(who),
        &DivisionChoice {
            name: "jurisdiction",
            label: l.t("行政区划", "Jurisdiction"),
            everywhere: l.t("全部区域", "Everywhere"),
            chosen: place,
            fault: "",
        },
        places,
    )
}

/// Whoever reads a policy reads it for every place; it is set in the own one alone.
fn everywhere(who: &Who) -> Who {
    Who { scope: String::new(), ..who.clone() }
}

fn row(l: Lang, about: &SettingDescription, value: i64) -> Row {
    let say = |value| in_words(l, about, value);
    Row {
        title: title(l, about.name),
        name: about.name,
        doc: l.t(about.doc_zh, about.doc).to_owned(),
        rules: read_by(l, about.rules),
        unit: unit(l, about),
        value: say(value),
        own: String::new(),
        said_by: String::new(),
        min: say(about.min),
        max: say(about.max),
        default: say(about.default),
        changed: value != about.default,
        wrong: false,
    }
}

/// By the family of the rules that read it.
fn groups(l: Lang, row: impl Fn(&SettingDescription) -> Row) -> Vec<Group> {
    let families: [(&str, &[&str]); 7] = [
        (l.t("疑似挂证", "Licence lending"), &["LL-"]),
        (l.t("疑似非主诊医师独立执业", "Non-lead operating"), &["NL-"]),
        (l.t("疑似非卫技人员诊疗", "Unlicensed operator"), &["UQ-"]),
        (l.t("数据完整性", "Integrity"), &["HB-"]),
        (l.t("诊疗活动", "Sessions"), &["sessions", "all with a session"]),
        (l.t("线索办理", "Leads"), &["alerts"]),
        (l.t("识别、角色与隐私", "Identity, roles and privacy"), &[""]),
    ];
    let mut groups: Vec<Group> = families
        .iter()
        .map(|(name, _)| Group { name: (*name).to_owned(), rows: Vec::new() })
        .collect();
    for about in settings::all() {
        let family =
            families.iter().position(|(_, marks)| marks.iter().any(|m| about.rules.starts_with(m)));
        if let Some(group) = family.and_then(|n| groups.get_mut(n)) {
            group.rows.push(row(&about));
        }
    }
    groups.retain(|g| !g.rows.is_empty());
    groups
}

fn history_row(l: Lang, h: &PolicyRow) -> [String; 6] {
    let settings: Vec<String> = h
        .settings
        .iter()
        .map(|(name, value)| format!("{} = {}", title(l, name), said_value(l, name, *value)))
        .collect();
    let place = place_or(&h.jurisdiction, l.t("全部", "all"));
    [
        h.version.to_string(),
        local(&h.set_at),
        place,
        if h.set_by == AUTHORITY {
            l.t("主管部门", "the authority").to_owned()
        } else {
            h.set_by.clone()
        },
        h.reason.clone(),
        settings.join(l.t("；", "; ")),
    ]
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let place = given.text("jurisdiction").to_owned();
    if given.text("act") == "preview" {
        let made = match read(l, &given).map_err(Problem::unprocessable) {
            Ok(typed) => preview(&app, &who, &place, &typed).await,
            Err(problem) => Err(problem),
        };
        let made = again(&app, &who, l, place, given, made).await;
        return shown(&app, &who, l, made).await;
    }
    let stored = match read(l, &given) {
        // A misspelt word must not put in force what somebody only wanted to see.
        Ok(_) if !given.text("act").is_empty() => {
            Err(Problem::unprocessable("act: use preview, or leave it out"))
        }
        Ok(settings) => {
            let body = PolicyBody {
                settings,
                jurisdiction: place.clone(),
                reason: given.text("reason").to_owned(),
            };
            put(&app, &who, body).await
        }
        Err(fault) => Err(Problem::unprocessable(fault)),
    };
    let made = match stored {
        Ok(_) => Ok(Redirect::to(&format!("/policy?jurisdiction={place}&saved=1")).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => again(&app, &who, l, place, given, Err(problem)).await,
    };
    shown(&app, &who, l, made).await
}

/// The form as it was typed, with the fault of what boxes were to be asked.
pub(super) async fn refused(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    place: String,
    given: Given,
    problem: Problem,
) -> Result<Response, Problem> {
    again(app, who, l, place, given, Err(problem)).await
}

/// The form as it was typed, with its fault or with what it would have changed.
async fn again(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    place: String,
    given: Given,
    made: Result<Preview, Problem>,
) -> Result<Response, Problem> {
    let (preview, fault) = match made {
        Ok(preview) => (preview, String::new()),
        Err(problem) if problem.status.is_server_error() => return Err(problem),
        // A fault in English still names its fields by their keys; `make` says it in words.
        Err(problem) => match (l, problem.zh) {
            (Lang::Zh, Some(zh)) => (Preview::default(), zh.into_owned()),
            (_, _) => (Preview::default(), problem.detail),
        },
    };
    let it = Shown { given: Some(given), fault, preview, ..Shown::default() };
    make(app, who, l, place, it).await
}

/// A count that is of a part alone says so.
fn left_out(l: Lang, it: &Preview) -> String {
    let institutions = match l {
        Lang::Zh => format!("机构较多，仅统计前 {INSTITUTIONS} 家。"),
        Lang::En => format!("The first {INSTITUTIONS} institutions alone are counted."),
    };
    let changes = match l {
        Lang::Zh => format!("更改较多，仅显示前 {CHANGES} 项。"),
        Lang::En => format!("The first {CHANGES} changes alone are shown."),
    };
    let left_out = [(it.more_institutions, institutions), (it.more_changes, changes)];
    let said: Vec<String> =
        left_out.into_iter().filter(|(is, _)| *is).map(|(_, said)| said).collect();
    said.join(" ")
}

fn change_row(l: Lang, it: &Change) -> [String; 5] {
    let same = || l.t("服务器规则结果不变", "the server's rules say the same").to_owned();
    let rule = it.rule.as_ref().map_or_else(same, |rule| l.rule(rule));
    let value = said_value(l, &it.setting, it.value);
    [title(l, &it.setting).to_owned(), value, rule, it.now.to_string(), it.then.to_string()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_of_a_part_says_so() {
        assert_eq!(left_out(Lang::Zh, &Preview::default()), "");
        let part = Preview { more_institutions: true, more_changes: true, ..Preview::default() };
        let said = "机构较多，仅统计前 200 家。 更改较多，仅显示前 10 项。";
        assert_eq!(left_out(Lang::Zh, &part), said);
    }
}
