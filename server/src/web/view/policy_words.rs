//! What the policy's page calls settings, and what reads them.

use super::words::Lang;
use crate::rules::setting_names;
use crate::rules::settings::{self, SettingDescription};

/// What people call a setting.
pub(in crate::web) fn title(l: Lang, key: &str) -> &str {
    let (zh, en) = setting_names::of(key);
    l.t(zh, en)
}

/// A fault that names settings, by what people call them.
pub(in crate::web) fn with_titles(l: Lang, fault: String) -> String {
    let named = |fault: String, about: &SettingDescription| {
        let title = title(l, about.name);
        let quoted = |key: &str| l.t(&format!("“{key}”"), &format!("`{key}`")).to_owned();
        fault.replace(&quoted(about.name), &quoted(title))
    };
    if fault.is_empty() { fault } else { settings::all().iter().fold(fault, named) }
}

/// What reads a setting, in words: `LL-1, NL-1 to NL-3` and what is no rule.
pub(in crate::web) fn read_by(l: Lang, rules: &str) -> String {
    let said = rules.split(", ").flat_map(|part| -> Vec<String> {
        match part.split_once(" to ") {
            Some((from, to)) => {
                between(from, to).iter().map(|code| l.rule(&code.as_str().into())).collect()
            }
            None => vec![reader(l, part)],
        }
    });
    said.collect::<Vec<_>>().join(l.t("、", ", "))
}

/// The codes of a family from one to another.
fn between(from: &str, to: &str) -> Vec<String> {
    let number = |code: &str| code.rsplit('-').next().and_then(|n| n.parse::<u8>().ok());
    let family = from.split('-').next().unwrap_or_default();
    let (first, last) = (number(from).unwrap_or(1), number(to).unwrap_or(1));
    (first..=last).map(|n| format!("{family}-{n}")).collect()
}

fn reader(l: Lang, part: &str) -> String {
    let words = match part {
        "all" => l.t("所有规则", "all rules"),
        "all with a session" => l.t("所有涉及诊疗活动的规则", "all rules of a session"),
        "sessions" => l.t("诊疗活动", "sessions"),
        "alerts" => l.t("线索办理", "the work on leads"),
        "budget" => l.t("消息限额", "how much a box may send"),
        "roles" => l.t("角色判断", "who is patient or operator"),
        "tracker" => l.t("轨迹跟踪", "the tracking of people"),
        "identity" => l.t("身份识别", "recognition"),
        "monitoring" => l.t("设备告示与公布", "notices and publication"),
        "publication" => l.t("处罚决定公示", "publication of decisions"),
        "consents" => l.t("知情同意", "consents"),
        "privacy P2" => l.t("隐私保护", "privacy"),
        code => return l.rule(&code.into()),
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_reads_a_setting_is_said_in_words() {
        for about in settings::all() {
            for l in [Lang::Zh, Lang::En] {
                let said = read_by(l, about.rules);
                let unknown = l.t("其他规则", "another rule");
                assert!(!said.contains(unknown), "{}: {said}", about.rules);
            }
        }
        let said = read_by(Lang::Zh, "LL-1, NL-1 to NL-3");
        assert!(
            said.starts_with("登记主诊未到场（LL-1）、") && said.contains("（NL-2）"),
            "{said}"
        );
    }
}
