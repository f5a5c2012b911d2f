//! The words of a case's paper: what was found, who reviewed it, which electronic data go along.
//! Reads the case's JSON, so that the paper says nothing that the file beside it does not.

use serde_json::Value;

use super::frame::dated;
use super::words::Lang;
use crate::alert::State;
use crate::paper::Block;

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
}

pub(in crate::web) fn blocks(
    l: Lang,
    title: &str,
    case: &Value,
    about: &About,
    files: &[Listed],
) -> Vec<Block> {
    let mut out = heading(l, title, case, about);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    out.push(Block::Heading(l.t("一、发现的情况", "1. What was found").to_owned()));
    for finding in list(&case["findings"]) {
        found(l, case, finding, &mut out);
    }
    out.push(Block::Heading(l.t("二、办理与复核", "2. Steps and reviews").to_owned()));
    for step in list(&case["steps"]) {
        let after = State::parse(step["state_after"].as_str().unwrap_or_default())
            .map_or("", |s| l.state(s));
        let note = text(&step["note"]);
        let said = format!(
            "{} → {after}{}{note}",
            l.step(&text(&step["step"])),
            if note.is_empty() { "" } else { ":" }
        );
        out.push(Block::Pair(format!("{} {}", dated(&text(&step["at"])), text(&step["by"])), said));
    }
    for (act, said) in &about.procedure {
        out.push(Block::Pair(act.clone(), said.clone()));
    }
    disclosed(l, case, &mut out);
    out.push(Block::Heading(l.t("三、物品清单", "3. Items").to_owned()));
    out.push(Block::Text(
        l.t(
            "(由承办人填写)____________________",
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
            "移送机关:____________________    接收机关:____________________\n承办人:__________    日期:______年____月____日",
            "From: ____________________    To: ____________________\nOfficer: __________    Date: \
            __________",
        )
        .to_owned(),
    ));
    out
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
        let head = l
            .t("自查先于发现（行政处罚法第三十二条、第三十三条）", "Disclosed before it was found");
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
            format!("{} ({})", text(&institution["name"]), text(&case["institution"])),
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
    out.push(Block::Text(text(&finding["explanation"][l.t("zh", "en")])));
    for person in list(&finding["persons"]) {
        let id = text(&person["person"]);
        let name =
            list(&case["persons"]).find(|p| p["id"] == person["person"]).map(|p| text(&p["name"]));
        let part = l.part(&text(&person["part"]));
        out.push(Block::Pair(part, format!("{} ({id})", name.unwrap_or_default())));
    }
    law(l, case, &finding["legal"], out);
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
            let said = format!(
                "{} {} {} ({}; {})",
                text(&cited["law"]),
                text(&cited["article"]),
                text(&cited["text"]),
                text(&cited["edition"]),
                l.t(&mark.zh(), &mark.en())
            );
            out.push(Block::Pair(title.to_owned(), said));
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
