//! The words of a case's paper: what was found, who reviewed it, which electronic data go along.
//! Reads the case's JSON, so that the paper says nothing that the file beside it does not. What a
//! box took back is named as such and alleges nothing of anybody.

use std::collections::BTreeMap;

use serde_json::Value;

use super::frame::dated;
use super::law::{against, in_force};
use super::names::beside;
use super::words::Lang;
use crate::alert::State;
use crate::paper::Block;
use crate::text::id_replaced;

/// A file of the package with its checksums.
pub(in crate::web) struct Listed {
    pub(in crate::web) name: String,
    pub(in crate::web) bytes: usize,
    pub(in crate::web) sha256: String,
    pub(in crate::web) sm3: String,
}

/// What the paper says beside the case's JSON.
pub(in crate::web) struct About {
    /// The item by its name.
    pub(in crate::web) item: String,
    /// Acts of the penalty case: what and when, and what was entered.
    pub(in crate::web) procedure: Vec<(String, String)>,
    /// Names of whoever took a step, by login.
    pub(in crate::web) signers: BTreeMap<String, String>,
}

pub(in crate::web) fn blocks(
    l: Lang,
    title: &str,
    case: &Value,
    about: &About,
    files: &[Listed],
) -> Vec<Block> {
    let mut out = heading(l, title, case, about);
    out.push(Block::Heading(l.t("一、发现的情况", "1. What was found").to_owned()));
    for finding in list(&case["findings"]) {
        if finding["step"] == "withdrawn" {
            taken_back(l, finding, &mut out);
        } else {
            found(l, case, finding, &mut out);
        }
    }
    course(l, case, &mut out);
    answers(l, case, &mut out);
    out.push(Block::Heading(l.t("二、办理与复核", "2. Steps and reviews").to_owned()));
    steps(l, case, about, &mut out);
    for (act, said) in &about.procedure {
        out.push(Block::Pair(act.clone(), said.clone()));
    }
    disclosed(l, case, &mut out);
    out.push(Block::Heading(l.t("三、物品清单", "3. Items").to_owned()));
    out.push(Block::Text(
        l.t(
            "（由承办人填写）____________________",
            "(filled in by the officer) ____________________",
        )
        .to_owned(),
    ));
    out.push(Block::Heading(l.t("四、电子数据清单", "4. Electronic data").to_owned()));
    electronic(l, files, &mut out);
    out.push(Block::Small(
        l.t(
            "记录链文件可用 zaigang-verify 离线校验；全部文件可用 sha256sum -c SHA256SUMS 核对。",
            "The chain is verified offline by zaigang-verify, all files by sha256sum -c \
            SHA256SUMS.",
        )
        .to_owned(),
    ));
    out.push(Block::Heading(l.t("五、移送", "5. Transfer").to_owned()));
    out.push(Block::Text(
        l.t(
            "移送机关：____________________    接收机关：____________________\n承办人：__________    日期：______年____月____日",
            "From: ____________________    To: ____________________\nOfficer: __________    Date: \
            __________",
        )
        .to_owned(),
    ));
    out
}

/// Every step of the workflow, by whom, and under which law table; the clinic's answers stand
/// elsewhere.
fn steps(l: Lang, case: &Value, about: &About, out: &mut Vec<Block>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    for step in list(&case["steps"]).filter(|step| step["step"] != "answer") {
        let after = State::parse(step["state_after"].as_str().unwrap_or_default())
            .map_or("", |s| l.state(s));
        let note = text(&step["note"]);
        let said = format!(
            "{} → {after}{}{note}",
            l.step(&text(&step["step"])),
            if note.is_empty() { "" } else { l.t("：", ": ") }
        );
        let by = signed(about, &text(&step["by"]));
        let said = match step["law_version"].as_str() {
            Some(version) if !version.is_empty() => {
                let table = l.t("依据与罚则表", "table of basis and penalty");
                format!("{said}（{table} {version}）")
            }
            _ => said,
        };
        out.push(Block::Pair(format!("{} {by}", dated(&text(&step["at"]))), said));
    }
}

/// A login with the name of its account.
fn signed(about: &About, login: &str) -> String {
    match about.signers.get(login) {
        Some(name) if name != login => format!("{name}（{login}）"),
        _ => login.to_owned(),
    }
}

/// 线索经过: when each finding was raised, changed, closed or taken back, by both clocks.
fn course(l: Lang, case: &Value, out: &mut Vec<Block>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    out.push(Block::Text(l.t("线索经过", "Course of the findings").to_owned()));
    let mut rows = vec![
        [
            ("时间（设备）", "Time (box)"),
            ("规则", "Rule"),
            ("级别", "Level"),
            ("经过", "Course"),
            ("服务器接收", "Received"),
        ]
        .map(|(zh, en)| l.t(zh, en).to_owned())
        .to_vec(),
    ];
    for event in list(&case["events"]) {
        rows.push(vec![
            dated(&text(&event["at"])),
            text(&event["rule"]),
            format!("L{}", event["severity"]),
            l.finding_step(&text(&event["step"]), event["seq"] == 0),
            dated(&text(&event["received_at"])),
        ]);
    }
    out.push(Block::Table(rows));
    out.push(Block::Gap);
}

/// 机构说明: what the clinic itself said.
fn answers(l: Lang, case: &Value, out: &mut Vec<Block>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut said = list(&case["steps"]).filter(|step| step["step"] == "answer").peekable();
    out.push(Block::Text(l.t("机构说明", "The clinic's answer").to_owned()));
    if said.peek().is_none() {
        out.push(Block::Small(l.t("机构尚未说明。", "The clinic has not answered.").to_owned()));
    }
    for answer in said {
        out.push(Block::Pair(dated(&text(&answer["at"])), text(&answer["note"])));
    }
    out.push(Block::Gap);
}

/// A finding that was taken back: named, so that the record is whole; without persons, words,
/// basis or penalty.
fn taken_back(l: Lang, finding: &Value, out: &mut Vec<Block>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    out.push(Block::Text(format!(
        "{} · {}",
        text(&finding["rule"]),
        l.t("已撤回，不作为线索", "taken back: no lead"),
    )));
    let cause = match finding["withdrawn_because"].as_str() {
        Some("own_correction") => l.t("设备自行更正", "the box corrected itself"),
        Some("stated_before") => {
            l.t("此前已登记的事实后到", "a fact that had been stated before reached the box later")
        }
        _ => "",
    };
    if !cause.is_empty() {
        out.push(Block::Pair(l.t("撤回原因", "Because").to_owned(), cause.to_owned()));
    }
    out.push(Block::Gap);
}

/// 自查先于发现: a fact for 行政处罚法 32 and 33; what it is worth, people decide.
fn disclosed(l: Lang, case: &Value, out: &mut Vec<Block>) {
    for it in list(&case["disclosed_before"]) {
        let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
        let said = format!(
            "{} {}（{} {} · {} {}）",
            text("item"),
            text("requirement"),
            l.t("行为发生", "deed"),
            dated(&text("event_at")),
            l.t("系统发现", "found"),
            dated(&text("found_at")),
        );
        let mark = law::Mark::Unconfirmed { grade: law::Grade::FullText };
        let head = format!(
            "{}（{}）",
            l.t(
                "自查先于发现（行政处罚法第三十二条、第三十三条）",
                "Disclosed before it was found (行政处罚法 32, 33)",
            ),
            l.t(&mark.zh(), &mark.en()),
        );
        out.push(Block::Pair(format!("{head} {}", dated(&text("disclosed_at"))), said));
    }
}

/// Whose case it is, where and when, and the sentence of 行政处罚法 41 while it is due.
fn heading(l: Lang, title: &str, case: &Value, about: &About) -> Vec<Block> {
    let mut out = vec![Block::Title(title.to_owned())];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let pair = |zh: &str, en: &str, value: String| Block::Pair(l.t(zh, en).to_owned(), value);
    let state = State::parse(case["state"].as_str().unwrap_or_default()).map_or("", |s| l.state(s));
    let institution = &case["institution_registered"];
    out.extend([
        pair(
            "机构",
            "Institution",
            beside(l, &text(&institution["name"]), &text(&case["institution"])),
        ),
        pair("统一社会信用代码 / 登记号", "Registration code", text(&institution["code"])),
        pair("地址", "Address", text(&institution["address"])),
        pair("诊室", "Room", text(&case["room"])),
        pair("项目", "Item", about.item.clone()),
        pair("设备", "Box", text(&case["device"])),
        pair("诊疗活动", "Session", text(&case["session"])),
        pair("级别", "Severity", text(&case["severity"])),
        pair("状态", "State", state.to_owned()),
        pair("案号", "Case number", text(&case["case_number"])),
        pair("发生（设备时钟）", "Raised (box's clock)", dated(&text(&case["raised_at"]))),
        pair("接收（服务器时钟）", "Received (server's clock)", dated(&text(&case["received_at"]))),
        pair(
            "导出",
            "Exported",
            format!(
                "{} · {}",
                dated(&text(&case["package"]["made_at"])),
                text(&case["package"]["by"])
            ),
        ),
        pair("事由", "Reason", text(&case["package"]["why"])),
    ]);
    out.retain(|block| !matches!(block, Block::Pair(_, value) if value.is_empty()));
    let notice = text(&case["law"]["monitoring"][l.t("notice_zh", "notice_en")]);
    if !notice.is_empty() {
        out.push(Block::Text(notice));
    }
    out
}

/// Each file with its size and checksums.
fn electronic(l: Lang, files: &[Listed], out: &mut Vec<Block>) {
    for file in files {
        let size = format!("{} {}", file.bytes, l.t("字节", "bytes"));
        out.push(Block::Pair(file.name.clone(), size));
        out.push(Block::Small(format!("SHA-256 {}", file.sha256)));
        out.push(Block::Small(format!("SM3 {}", file.sm3)));
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// One finding: its words, whom it names, the basis, the manifest and the place in the chain.
fn found(l: Lang, case: &Value, finding: &Value, out: &mut Vec<Block>) {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let kind = l.kind(&text(&finding["kind"]));
    out.push(Block::Text(format!(
        "{} · {} · {}",
        text(&finding["rule"]),
        kind,
        text(&finding["severity"])
    )));
    let words = text(&finding["explanation"][l.t("zh", "en")]);
    let words = list(&case["persons"]).fold(words, |words, known| {
        let id = text(&known["id"]);
        id_replaced(&words, &id, &beside(l, &text(&known["name"]), &id))
    });
    out.push(Block::Text(words));
    for person in list(&finding["persons"]) {
        let id = text(&person["person"]);
        let known = list(&case["persons"]).find(|p| p["id"] == person["person"]);
        let part = l.part(&text(&person["part"]));
        let said = match known {
            Some(known) => {
                let category = l.category(&text(&known["category"]));
                let category_and_id = format!("{category}{}{id}", l.t("，", ", "));
                beside(l, &text(&known["name"]), &category_and_id)
            }
            None => id,
        };
        out.push(Block::Pair(part, said));
    }
    law(l, case, &finding["legal"], out);
    figures(l, finding, out);
    for interval in list(&finding["intervals"]) {
        let span =
            format!("{} – {}", dated(&text(&interval["from"])), dated(&text(&interval["to"])));
        out.push(Block::Pair(l.interval(&text(&interval["what"])), span));
    }
    let (manifest, chain) = (&finding["manifest"], &finding["chain"]);
    let mut small = |name: &str, value: &Value| {
        if let Some(said) = value.as_str().filter(|v| !v.is_empty()) {
            out.push(Block::Small(format!("{name} {said}")));
        }
    };
    small(l.t("固件", "Firmware"), &manifest["firmware"]);
    small(l.t("模型包 SHA-256", "Pack SHA-256"), &manifest["pack_sha256"]);
    small(l.t("配置 SHA-256", "Configuration SHA-256"), &manifest["config_sha256"]);
    small(l.t("策略 SHA-256", "Policy SHA-256"), &manifest["policy_sha256"]);
    small(l.t("记录链哈希", "Chain hash"), &chain["hash"]);
    small(l.t("前一条", "Previous"), &chain["prev"]);
    small(l.t("签名密钥", "Signing key"), &chain["key_id"]);
    out.push(Block::Gap);
}

/// The figures that the finding rests on, and how sure its box was.
fn figures(l: Lang, finding: &Value, out: &mut Vec<Block>) {
    let counts: Vec<String> = list(&finding["counts"])
        .filter_map(|count| {
            let (name, value) = (count["name"].as_str()?, count["value"].as_i64()?);
            Some(format!("{} {}", l.figure(name), l.figure_value(name, value)))
        })
        .collect();
    if !counts.is_empty() {
        let name = l.t("依据数据", "Figures used").to_owned();
        out.push(Block::Pair(name, counts.join(l.t("；", "; "))));
    }
    let sure = &finding["confidence"];
    let sure: Vec<String> = [
        ("identity_ppm", l.t("身份", "identity")),
        ("role_ppm", l.t("角色", "role")),
        ("session_ppm", l.t("诊疗活动", "session")),
        ("visibility_ppm", l.t("画面可见度", "visibility")),
    ]
    .into_iter()
    .filter_map(|(name, word)| {
        Some(format!("{word} {}", l.figure_value(name, sure[name].as_i64()?)))
    })
    .collect();
    if !sure.is_empty() {
        out.push(Block::Pair(l.t("置信度", "Confidence").to_owned(), sure.join(l.t("；", "; "))));
    }
}

/// Basis and penalty with how far each was read; never an article without its mark.
fn law(l: Lang, case: &Value, legal: &Value, out: &mut Vec<Block>) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lists = [
        ("basis", l.t("可能涉及的依据", "Candidate basis")),
        ("penalties", l.t("罚则", "Penalty")),
    ];
    for (list_name, title) in lists {
        for cited in list(&legal[list_name]) {
            let Ok(mark) = serde_json::from_value::<law::Mark>(cited["mark"].clone()) else {
                continue;
            };
            let read = [
                text(&cited["edition"]),
                in_force(l, &text(&cited["in_force"])),
                l.t(&mark.zh(), &mark.en()).to_owned(),
            ];
            let words = ["law", "article", "text"].map(|name| text(&cited[name]));
            let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
            let said = match l {
                Lang::Zh => format!("{}（{}）", words.join(" "), read.join("；")),
                Lang::En => format!("{} ({})", words.join(" "), read.join("; ")),
            };
            let whom = serde_json::from_value::<law::Against>(cited["against"].clone()).ok();
            let whom = whom.map_or_else(String::new, |whom| match l {
                Lang::Zh => format!("（对{}）", against(l, whom)),
                Lang::En => format!(" (against {})", against(l, whom)),
            });
            out.push(Block::Pair(format!("{title}{whom}"), said));
        }
    }
    for word in ["none", "caution"] {
        let said = text(&legal[format!("{word}_{}", l.t("zh", "en"))]);
        if !said.is_empty() {
            out.push(Block::Small(said));
        }
    }
    let version = text(&case["law"]["table_version"]);
    out.push(Block::Small(format!(
        "{} {version}",
        l.t("依据与罚则表", "Table of basis and penalty")
    )));
}
