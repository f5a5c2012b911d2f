//! Words of the pages: full-width punctuation in every Chinese text of the sources, one name for a
//! page and a role, rules and times in words, and the explanation of a lead once.

use std::path::{Path, PathBuf};

use serde_json::json;
use server::access::Role;
use trust::SigningKey;

use crate::access::{ask, login};
use crate::boxes::{TestBox, health};
use crate::house::House;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs" || e == "html" || e == "js") {
            found.push(path);
        }
    }
}

/// Papers with lines to write on, what a test types, and a program's own name.
const AS_THEY_ARE: [&str; 4] =
    ["view/case_paper.rs", "/tests.rs", "store/seeded", "edge-agent/src/cli.rs"];

/// Half-width punctuation between Chinese characters, with what stands around it.
fn half_width(line: &str) -> Option<String> {
    let han = |c: char| ('\u{3400}'..='\u{9fff}').contains(&c);
    let closes = |c: char| matches!(c, '）' | '”' | '」' | '》');
    let signs: Vec<char> = line.chars().collect();
    let at = (1..signs.len()).find(|at| {
        let (before, sign, after) = (signs[at - 1], signs[*at], signs.get(at + 1).copied());
        if !matches!(sign, ',' | ';' | ':' | '?' | '!') {
            return false;
        }
        let then_chinese = after.is_some_and(|c| han(c) || matches!(c, '「' | '“' | '《'))
            && (han(before) || closes(before) || before.is_alphanumeric() || before == '}');
        let after_chinese =
            (han(before) || closes(before)) && after.is_none_or(|c| !c.is_whitespace());
        then_chinese || after_chinese
    })?;
    let from = at.saturating_sub(8);
    Some(signs[from..(at + 6).min(signs.len())].iter().collect())
}

#[test]
fn chinese_text_has_full_width_punctuation() {
    let mut files = Vec::new();
    for part in ["server/templates", "server/assets", "server/src", "edge-agent/src"] {
        sources(&root().join(part), &mut files);
    }
    assert!(files.len() > 300, "{} files", files.len());
    let mut found = Vec::new();
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        if AS_THEY_ARE.iter().any(|part| name.contains(part)) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let lines = text.lines().map(str::trim_start).filter(|l| !l.starts_with("//"));
        found.extend(lines.filter_map(half_width).map(|what| format!("{name}: {what}")));
    }
    assert!(found.is_empty(), "{}:\n{}", found.len(), found.join("\n"));
    assert_eq!(half_width("请重试,谢谢").as_deref(), Some("请重试,谢谢"));
    assert!(half_width("（如上）:请").is_some() && half_width("\"原因:\"").is_some());
    assert!(half_width("请重试，谢谢").is_none() && half_width("t(\"请\", \"a\")").is_none());
}

#[test]
fn the_policy_page_and_the_roles_have_one_name() {
    let house = crate::inbox::house();
    let admin = login(&house, "adm", Role::Admin, "");
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let get = |path: &str, who: &str| ask(&house, "GET", path, who, "").body;
    assert!(get("/policy", &admin).contains("<h1>判定策略"));
    assert!(get("/system", &admin).contains("<a href=\"/policy\">判定策略</a>"));
    assert!(get("/guide", &admin).contains("判定策略的每次更改"));
    for page in ["/policy", "/system", "/guide", "/audit"] {
        assert!(!get(page, &admin).contains("规则参数"), "{page}: another name");
    }
    // The head of each page and the guide call a role alike.
    let guide = get("/guide", &boss);
    assert!(guide.contains("使用指南 <small>卫生监督员</small>"), "{guide}");
    for (name, role, word) in [
        ("rev", Role::Reviewer, "核查员"),
        ("aud", Role::Auditor, "审计员"),
        ("int", Role::Integrator, "集成方"),
    ] {
        let reader = login(&house, name, role, "5101");
        let guide = get("/guide", &reader);
        assert!(guide.contains(&format!("使用指南 <small>{word}</small>")), "{role:?}: {guide}");
    }
}

#[test]
fn a_setting_is_shown_by_its_name_and_its_rules() {
    let house = crate::inbox::house();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let page = ask(&house, "GET", "/policy?jurisdiction=5101", &boss, "").body;
    assert!(page.contains("<b>极少到场：最少诊疗次数</b>"), "{page}");
    assert!(page.contains("用于 以其名义登记而极少到场（LL-2）"), "{page}");
    assert!(!page.contains("NL-1 to NL-3") && !page.contains("privacy P2"), "raw readers");
    let english = ask(&house, "GET", "/policy?jurisdiction=5101&lang=en", &boss, "").body;
    assert!(english.contains("<b>Lead hardly there: least sessions</b>"), "{english}");
    let cookie = format!("zaigang={boss}");
    let body = "jurisdiction=5101&reason=r&ll2_sessions_min=0";
    let refused = crate::accounts::form(&house, "/policy", &cookie, body);
    assert!(refused.body.contains("“极少到场：最少诊疗次数”= 0 超出范围"), "{}", refused.body);
}

#[test]
fn a_lead_says_its_rule_in_words_and_itself_once() {
    let house = crate::inbox::house();
    let boss = login(&house, "boss", Role::Supervisor, "5101");
    let get = |path: &str| ask(&house, "GET", path, &boss, "").body;
    let lead = get(&format!("/alerts/{}", crate::boxes::alert_of('1')));
    assert!(lead.contains("登记主诊未到场（LL-1）"), "{lead}");
    assert!(lead.contains("<dt>操作时段总长</dt><dd>30 分</dd>"), "{lead}");
    assert!(lead.contains("2026-03-02 09:00:00</text>"), "a time line without its day: {lead}");
    let said = lead.split("class=\"explanation\">").nth(1).unwrap();
    let said = said.split("</p>").next().unwrap();
    assert_eq!(lead.matches(said).count(), 1, "{said} stands twice");
    let english = get(&format!("/alerts/{}?lang=en", crate::boxes::alert_of('1')));
    assert!(english.contains("declared lead absent (LL-1)"), "{english}");
    let figures = get("/figures");
    assert!(figures.contains("登记主诊未到场（LL-1）") && figures.contains("平均可见度"));
    let csv = get("/leads/csv?state=all");
    let head = csv.lines().next().unwrap();
    assert!(head.contains("发现时间（UTC+8）") && head.contains("负责人"), "{head}");
    let css = std::fs::read_to_string(root().join("server/assets/style.css")).unwrap();
    let hidden = css.split("@media print").skip(1).any(|rule| {
        let rule = rule.split("display: none").next().unwrap_or_default();
        rule.contains("footer")
    });
    assert!(!hidden, "a print hides the line that names the zone");
    assert!(lead.contains("时间均为北京时间（UTC+8）"), "{lead}");
}

#[test]
fn a_box_that_ails_is_told_of_in_chinese() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let mut ailing = health();
    ailing["degraded"] = json!(["only 3 MiB of disk are free", "a line of a later version"]);
    b.publish(&b.topic("health"), b"{ not an envelope");
    let good = std::mem::replace(&mut b.signing, SigningKey::generate().unwrap());
    let forged = b.link(&ailing);
    b.publish(&b.topic("health"), &forged);
    b.signing = good;
    (b.seq, b.prev) = (0, trust::ZERO_HASH.to_owned());
    b.say(&ailing);
    b.receipted(1);
    house.until("summary", |s| s["quarantined"] == 2);
    let house = house.restart_with("[access]\naccounts = true\n");
    let admin = login(&house, "adm", Role::Admin, "");
    let page = ask(&house, "GET", "/devices", &admin, "").body;
    for said in ["磁盘仅剩 3 MiB", "设备报告了一项异常", "<td>签名不符</td>", "<td>格式不符</td>"]
    {
        assert!(page.contains(said), "{said}: {page}");
    }
    for english in ["of disk are free", "later version", "bad_signature", "no envelope"] {
        assert!(!page.contains(english), "{english}: {page}");
    }
    let page = ask(&house, "GET", "/devices?lang=en", &admin, "").body;
    assert!(page.contains("only 3 MiB of disk are free"), "{page}");
    assert!(page.contains("the signature does not fit"), "{page}");
}

#[test]
fn a_finding_of_the_record_says_why_in_words() {
    let house = House::new();
    let mut b = TestBox::provision(&house, &house.furnish());
    b.connect();
    let good = std::mem::replace(&mut b.signing, SigningKey::generate().unwrap());
    let forged = b.link(&health());
    b.publish(&b.topic("health"), &forged);
    b.signing = good;
    (b.seq, b.prev) = (0, trust::ZERO_HASH.to_owned());
    b.say(&health());
    b.receipted(1);
    house.until("summary", |s| s["findings_by_kind"]["Integrity"] == 1);
    let inbox = house.send_with("GET", "/?state=all", "", b"").body;
    assert!(inbox.contains("被拒收（原因：签名不符）"), "{inbox}");
    assert!(!inbox.contains("bad_signature"), "{inbox}");
}
