//! The figures of a span of days as charts and as tables; the same numbers as the API and the CSV.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;

use super::frame::{PageFrame, line, render, shown};
use crate::access::Who;
use crate::alert::{AlertState, ClinicState, Reason};
use crate::app::App;
use crate::evidence::opening::SamePerson;
use crate::problem::Problem;
use crate::store::{Cell, Figures, Sight};
use crate::web::api::figures::{FiguresQuery, told};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::SIGHT;
use crate::web::view::chart::{self, SEVERITIES, Stack};
use crate::web::view::names::{Html, Names, Pages};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/figures", page).roles(SIGHT)]
}

/// Below this share nothing is alleged (domain.md §3).
const V_LIMIT_PPM: i64 = 600_000;

/// One chart with its numbers.
struct Chart {
    title: &'static str,
    note: &'static str,
    svg: String,
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    severities: bool,
}

#[derive(Template)]
#[template(path = "figures.html")]
struct FiguresPage {
    f: PageFrame,
    from: String,
    to: String,
    fault: String,
    incidents: i64,
    false_share: String,
    visibility: String,
    abstention: String,
    charts: Vec<Chart>,
    /// Boxes as the tables call them, as links.
    boxes: BTreeMap<String, Html>,
}

impl FiguresPage {
    fn cell(&self, text: &str) -> Html {
        self.boxes.get(text).cloned().unwrap_or_else(|| Html::text(text))
    }
}

async fn page(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Query(query): Query<FiguresQuery>,
) -> Response {
    let made = make(&app, &who, l, &query).await;
    shown(&app, &who, l, made).await
}

async fn make(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    query: &FiguresQuery,
) -> Result<Response, Problem> {
    // A wrong day keeps what was typed and shows the last month.
    let (asked, fault) = match query.read(who) {
        Ok(asked) => (asked, String::new()),
        Err(problem) => (FiguresQuery::default().read(who)?, line(l, problem)),
    };
    let span = asked.span.clone();
    let made = app.blocking(move |a| a.figures.figures(&a.store, &span)).await?;
    let mut found = told(who, &made);
    let ids: Vec<String> = found.devices.iter().map(|d| d.device.clone()).collect();
    let names = app.blocking(move |a| Names::boxes(a, ids.iter().map(String::as_str))).await?;
    let page = Pages::of(who).device;
    let of =
        found.devices.iter().map(|d| &d.device).chain(found.sight_by_device.iter().map(|s| &s.key));
    let boxes = of.map(|id| (names.get(id).to_string(), names.get(id).link(page))).collect();
    for it in &mut found.devices {
        it.device = names.get(&it.device).to_string();
    }
    for it in &mut found.sight_by_device {
        it.key = names.get(&it.key).to_string();
    }
    let typed = |given: &Option<String>, read: String| {
        if fault.is_empty() { read } else { given.clone().unwrap_or(read) }
    };
    let decided: i64 = found.devices.iter().map(|d| d.decided).sum();
    let wrong: i64 = found.devices.iter().map(|d| d.false_alarms).sum();
    let sessions: i64 = found.sight_by_day.iter().map(|s| s.sessions).sum();
    let weighted: i64 = found.sight_by_day.iter().map(|s| s.visibility_a_ppm * s.sessions).sum();
    let silent: i64 = found.sight_by_day.iter().map(|s| s.not_assessable + s.abstained).sum();
    render(&FiguresPage {
        from: typed(&query.from, asked.from.to_string()),
        to: typed(&query.to, asked.to.to_string()),
        incidents: found.by_state.iter().map(|c| c.count).sum(),
        false_share: share(wrong, decided),
        visibility: if sessions == 0 { "—".to_owned() } else { percent(weighted / sessions) },
        abstention: share(silent, sessions),
        charts: charts(l, &found),
        boxes,
        fault,
        f: PageFrame::of(app, who, l, "figures", "/figures").await?,
    })
}

fn charts(l: Lang, found: &Figures) -> Vec<Chart> {
    let sev = |title, note, key: &'static str, cells: &[Cell], words: &dyn Fn(&str) -> String| {
        let stacks = stacks(cells, words);
        Chart {
            title,
            note,
            svg: chart::bars(title, &stacks),
            head: vec![key, "L0", "L1", "L2", "L3"],
            rows: rows(&stacks),
            severities: true,
        }
    };
    let plain = |title, note, key: &'static str, cells: &[Cell], words: &dyn Fn(&str) -> String| {
        let stacks: Vec<Stack> = cells
            .iter()
            .map(|c| Stack {
                name: words(&c.key),
                parts: vec![("v2", c.count)],
                label: String::new(),
            })
            .collect();
        let rows = stacks.iter().map(|s| vec![s.name.clone(), s.parts[0].1.to_string()]).collect();
        Chart {
            title,
            note,
            svg: chart::bars(title, &stacks),
            head: vec![key, l.t("次数", "count")],
            rows,
            severities: false,
        }
    };
    let same = |text: &str| text.to_owned();
    let days = stacks(&found.by_day, &same);
    let title = l.t("每日新线索（按严重程度）", "New incidents by day and severity");
    let by_day = Chart {
        title,
        note: "",
        svg: chart::columns(title, &days),
        head: vec![l.t("日期", "day"), "L0", "L1", "L2", "L3"],
        rows: rows(&days),
        severities: true,
    };
    let told_state = |code: &str| ClinicState::parse(code).map(|s| l.clinic_state(s).to_owned());
    let state = |code: &str| told_state(code).unwrap_or_else(|| own_state(l, code));
    let reason = |code: &str| {
        let known = Reason::ALL.into_iter().find(|r| r.as_str() == code);
        l.reason(known.unwrap_or(Reason::Other)).to_owned()
    };
    vec![
        by_day,
        sev(
            l.t("按规则", "By rule"),
            l.t("成立或待核查的发现，不含已撤回", "Standing findings, without withdrawn ones"),
            l.t("规则", "rule"),
            &found.by_rule,
            &|code| l.rule(&code.into()),
        ),
        sev(l.t("按状态", "By state"), "", l.t("状态", "state"), &found.by_state, &state),
        false_alarms(l, found),
        plain(
            l.t("排除原因", "Why dismissed"),
            "",
            l.t("原因", "reason"),
            &found.dismissed_because,
            &reason,
        ),
        plain(
            l.t("画面比对结论", "Pictures compared"),
            l.t(
                "两名查看者对「是否为同一人」的回答",
                "What the two who looked answered: the same person?",
            ),
            l.t("规则与回答", "rule and answer"),
            &found.same_person,
            &|key| same_person(l, key),
        ),
        sight_days(l, &found.sight_by_day),
        sight_boxes(l, &found.sight_by_device),
        plain(
            l.t("不可评估的原因", "Why not assessable"),
            "",
            l.t("原因", "reason"),
            &found.not_assessable_because,
            &|k| l.unjudged(&k.into()).to_owned(),
        ),
        plain(
            l.t("规则未能判定（弃权）", "Rules that could not decide (abstained)"),
            l.t("规则与原因；由此不推出任何结论", "Rule and reason; nothing follows from it"),
            l.t("规则", "rule"),
            &found.undecided,
            &|key| {
                let (rule, reason) = key.split_once(' ').unwrap_or((key, ""));
                l.abstained(&rule.into(), &reason.into())
            },
        ),
    ]
}

fn same_person(l: Lang, key: &str) -> String {
    let (rule, answer) = key.split_once(' ').unwrap_or((key, ""));
    let known = SamePerson::ALL.into_iter().find(|a| a.as_str() == answer);
    known.map_or_else(
        || l.t("其他结论", "another answer").to_owned(),
        |a| format!("{}{}{}", l.rule(&rule.into()), l.t("：", ": "), l.t(a.zh(), a.en())),
    )
}

fn own_state(l: Lang, code: &str) -> String {
    let known = AlertState::parse(code).map(|state| l.state(state));
    known.unwrap_or_else(|| l.t("其他状态", "another state")).to_owned()
}

fn false_alarms(l: Lang, found: &Figures) -> Chart {
    let title = l.t("各设备误报占比", "False-alarm share by box");
    let stacks: Vec<Stack> = found
        .devices
        .iter()
        .filter(|d| d.decided > 0)
        .map(|d| Stack {
            name: d.device.clone(),
            parts: vec![("v3", d.false_alarm_ppm.unwrap_or(0))],
            label: format!(
                "{} ({}/{})",
                percent(d.false_alarm_ppm.unwrap_or(0)),
                d.false_alarms,
                d.decided
            ),
        })
        .collect();
    let rows = found.devices.iter().map(|d| {
        let share = match (d.false_alarm_ppm, d.at_most_ppm) {
            (Some(_), Some(bound)) => format!("0 % (≤ {})", percent(bound)),
            (Some(ppm), None) => percent(ppm),
            (None, _) => "—".to_owned(),
        };
        vec![
            d.device.clone(),
            d.incidents.to_string(),
            d.decided.to_string(),
            d.false_alarms.to_string(),
            share,
            d.withdrawn.to_string(),
        ]
    });
    Chart {
        title,
        note: l.t(
            "按事件计；误报 = 被人排除或现场查否。n 件无误报时，95 % 置信上限为 3/n",
            "Counted by incident; false = dismissed by people or unfounded on site. None in n is \
            bounded by 3/n at 95 %",
        ),
        svg: chart::scaled(title, &stacks, 1_000_000),
        head: vec![
            l.t("设备", "box"),
            l.t("事件", "incidents"),
            l.t("已定", "decided"),
            l.t("误报", "false"),
            l.t("占比", "share"),
            l.t("已撤回", "withdrawn"),
        ],
        rows: rows.collect(),
        severities: false,
    }
}

fn sight_head(l: Lang, key: &'static str) -> Vec<&'static str> {
    vec![
        key,
        l.t("诊疗活动", "sessions"),
        l.t("操作时段可见度", "visibility while operating"),
        l.t("全时段可见度", "visibility over the session"),
        l.t("不可评估", "not assessable"),
        l.t("有规则未能判定（弃权）", "a rule could not decide (abstained)"),
    ]
}

fn sight_rows(sights: &[Sight]) -> Vec<Vec<String>> {
    let row = |s: &Sight| {
        vec![
            s.key.clone(),
            s.sessions.to_string(),
            percent(s.visibility_a_ppm),
            percent(s.visibility_i_ppm),
            share(s.not_assessable, s.sessions),
            share(s.abstained, s.sessions),
        ]
    };
    sights.iter().map(row).collect()
}

fn sight_days(l: Lang, sights: &[Sight]) -> Chart {
    let title = l.t("画面可见度（每日平均）", "Visibility, mean by day");
    let points: Vec<(String, i64)> =
        sights.iter().map(|s| (s.key.clone(), s.visibility_a_ppm)).collect();
    let svg = if points.is_empty() {
        chart::bars(title, &[])
    } else {
        chart::line(title, &points, V_LIMIT_PPM)
    };
    let note = l.t("低于 60 % 时不作任何指认", "Below 60 % nothing is alleged");
    Chart {
        title,
        note,
        svg,
        head: sight_head(l, l.t("日期", "day")),
        rows: sight_rows(sights),
        severities: false,
    }
}

fn sight_boxes(l: Lang, sights: &[Sight]) -> Chart {
    let title = l.t("各设备未能判定（弃权）占比", "Share not decided (abstained) by box");
    let stack = |s: &Sight| Stack {
        name: s.key.clone(),
        parts: vec![
            ("v1", ppm(s.not_assessable, s.sessions)),
            ("v0", ppm(s.abstained, s.sessions)),
        ],
        label: share(s.not_assessable + s.abstained, s.sessions),
    };
    let stacks: Vec<Stack> = sights.iter().map(stack).collect();
    Chart {
        title,
        note: l.t(
            "不可评估与有规则未能判定的诊疗活动",
            "Sessions not assessable, and with a rule that could not decide",
        ),
        svg: chart::scaled(title, &stacks, 1_000_000),
        head: sight_head(l, l.t("设备", "box")),
        rows: sight_rows(sights),
        severities: false,
    }
}

fn ppm(part: i64, of: i64) -> i64 {
    if of == 0 { 0 } else { part * 1_000_000 / of }
}

fn percent(ppm: i64) -> String {
    format!("{}.{} %", ppm / 10_000, ppm % 10_000 / 1000)
}

fn share(part: i64, of: i64) -> String {
    if of == 0 { "—".to_owned() } else { format!("{} ({part}/{of})", percent(ppm(part, of))) }
}

/// Cells with severities as one stack per key, in the order of their coming.
fn stacks(cells: &[Cell], words: &dyn Fn(&str) -> String) -> Vec<Stack> {
    let mut order: Vec<&str> = Vec::new();
    let mut by_key: BTreeMap<&str, [i64; 4]> = BTreeMap::new();
    for cell in cells {
        let counts = by_key.entry(&cell.key).or_insert_with(|| {
            order.push(&cell.key);
            [0; 4]
        });
        let level = cell.severity.trim_start_matches('L').parse::<usize>().unwrap_or(0).min(3);
        counts[level] += cell.count;
    }
    let one = |key: &&str| Stack {
        name: words(key),
        parts: SEVERITIES.into_iter().zip(by_key[key]).collect(),
        label: String::new(),
    };
    order.iter().map(one).collect()
}

fn rows(stacks: &[Stack]) -> Vec<Vec<String>> {
    let row = |s: &Stack| {
        std::iter::once(s.name.clone()).chain(s.parts.iter().map(|p| p.1.to_string())).collect()
    };
    stacks.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_later_version_is_shown_in_words() {
        for l in [Lang::Zh, Lang::En] {
            for said in [own_state(l, "later_state"), same_person(l, "LL-1 later_answer")] {
                assert!(!said.contains("later"), "{said}");
            }
        }
    }
}
