//! The charts of the page of figures, each with its numbers as a table. It asks no store.

use std::collections::BTreeMap;

use crate::alert::{AlertState, ClinicState, Reason};
use crate::evidence::opening::SamePerson;
use crate::store::{Cell, Figures, Sight};
use crate::web::view::chart::{self, SEVERITIES, Stack};
use crate::web::view::words::Lang;

/// Below this share nothing is alleged (domain.md §3).
const V_LIMIT_PPM: i64 = 600_000;

/// One chart with its numbers.
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) note: &'static str,
    pub(super) svg: String,
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    pub(super) severities: bool,
}

pub(super) fn charts(l: Lang, found: &Figures) -> Vec<Chart> {
    vec![
        by_day(l, found),
        by_severity(
            l.t("按规则", "By rule"),
            l.t("成立或待核查的发现，不含已撤回", "Standing findings, without withdrawn ones"),
            l.t("规则", "rule"),
            &found.by_rule,
            &|code| l.rule(&code.into()),
        ),
        by_severity(
            l.t("按状态", "By state"),
            "",
            l.t("状态", "state"),
            &found.by_state,
            &|code| {
                let of_clinic = ClinicState::parse(code).map(|s| l.clinic_state(s).to_owned());
                of_clinic.unwrap_or_else(|| own_state(l, code))
            },
        ),
        false_alarms(l, found),
        dismissed(l, found),
        compared(l, found),
        sight_days(l, &found.sight_by_day),
        sight_boxes(l, &found.sight_by_device),
        not_assessable(l, found),
        undecided(l, found),
    ]
}

fn by_day(l: Lang, found: &Figures) -> Chart {
    let days = stacks(&found.by_day, &str::to_owned);
    let title = l.t("每日新线索（按严重程度）", "New incidents by day and severity");
    Chart {
        title,
        note: "",
        svg: chart::columns(title, &days),
        head: vec![l.t("日期", "day"), "L0", "L1", "L2", "L3"],
        rows: rows(&days),
        severities: true,
    }
}

/// Bars of four severities, one for each key.
fn by_severity(
    title: &'static str,
    note: &'static str,
    key: &'static str,
    cells: &[Cell],
    words: &dyn Fn(&str) -> String,
) -> Chart {
    let stacks = stacks(cells, words);
    Chart {
        title,
        note,
        svg: chart::bars(title, &stacks),
        head: vec![key, "L0", "L1", "L2", "L3"],
        rows: rows(&stacks),
        severities: true,
    }
}

/// A bar and a number, one for each key.
fn counted(
    l: Lang,
    (title, note): (&'static str, &'static str),
    key: &'static str,
    cells: &[Cell],
    words: &dyn Fn(&str) -> String,
) -> Chart {
    let of = |c: &Cell| Stack {
        name: words(&c.key),
        parts: vec![("v2", c.count)],
        label: String::new(),
    };
    let stacks: Vec<Stack> = cells.iter().map(of).collect();
    let rows = stacks.iter().map(|s| vec![s.name.clone(), s.parts[0].1.to_string()]).collect();
    Chart {
        title,
        note,
        svg: chart::bars(title, &stacks),
        head: vec![key, l.t("次数", "count")],
        rows,
        severities: false,
    }
}

fn dismissed(l: Lang, found: &Figures) -> Chart {
    let title = (l.t("排除原因", "Why dismissed"), "");
    counted(l, title, l.t("原因", "reason"), &found.dismissed_because, &|code| {
        let known = Reason::ALL.into_iter().find(|r| r.as_str() == code);
        l.reason(known.unwrap_or(Reason::Other)).to_owned()
    })
}

fn compared(l: Lang, found: &Figures) -> Chart {
    let note = l.t(
        "两名查看者对「是否为同一人」的回答",
        "What the two who looked answered: the same person?",
    );
    let title = (l.t("画面比对结论", "Pictures compared"), note);
    let key = l.t("规则与回答", "rule and answer");
    counted(l, title, key, &found.same_person, &|key| same_person(l, key))
}

fn not_assessable(l: Lang, found: &Figures) -> Chart {
    let title = (l.t("不可评估的原因", "Why not assessable"), "");
    let words = |reason: &str| l.unjudged(&reason.into()).to_owned();
    counted(l, title, l.t("原因", "reason"), &found.not_assessable_because, &words)
}

fn undecided(l: Lang, found: &Figures) -> Chart {
    let title = l.t("规则未能判定（弃权）", "Rules that could not decide (abstained)");
    let note = l.t("规则与原因；由此不推出任何结论", "Rule and reason; nothing follows from it");
    counted(l, (title, note), l.t("规则", "rule"), &found.undecided, &|key| {
        let (rule, reason) = key.split_once(' ').unwrap_or((key, ""));
        l.abstained(&rule.into(), &reason.into())
    })
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

pub(super) fn percent(ppm: i64) -> String {
    format!("{}.{} %", ppm / 10_000, ppm % 10_000 / 1000)
}

pub(super) fn share(part: i64, of: i64) -> String {
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
