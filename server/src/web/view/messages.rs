//! The Chinese of what the server says in English to programs: a catalogue by the English line, as
//! gettext has it. `{}` stands for what differs from one time to the next.
//!
//! It knows no page; a line of the server that it lacks is shown as it is.

use std::sync::LazyLock;

use super::words::Lang;
use crate::problem::Problem;

/// English, tab, Chinese; one message a line, the first that fits counts.
const CATALOGUE: &str = include_str!("messages.tsv");

struct Message {
    english: Vec<&'static str>,
    chinese: &'static str,
}

/// What a box says of itself, in the same form.
const OF_BOXES: &str = include_str!("box_messages.tsv");

static MESSAGES: LazyLock<Vec<Message>> = LazyLock::new(|| read(CATALOGUE));
static BOX_MESSAGES: LazyLock<Vec<Message>> = LazyLock::new(|| read(OF_BOXES));

fn read(catalogue: &'static str) -> Vec<Message> {
    let pairs = catalogue.lines().filter_map(|line| line.split_once('\t'));
    pairs
        .map(|(english, chinese)| Message { english: english.split("{}").collect(), chinese })
        .collect()
}

/// A problem's one line in the reader's language, where there is one.
pub(in crate::web) fn line(l: Lang, problem: Problem) -> String {
    match (l, problem.zh) {
        (Lang::Zh, Some(zh)) => zh.into_owned(),
        _ => said(l, problem.detail),
    }
}

/// A line that the server says in English to programs, in the reader's language.
pub(in crate::web) fn said(l: Lang, line: String) -> String {
    if l == Lang::Zh { chinese(&line).unwrap_or(line) } else { line }
}

/// The line in Chinese, where the catalogue has it.
pub(in crate::web) fn chinese(line: &str) -> Option<String> {
    translated(&MESSAGES, line)
}

/// A box's line in Chinese; of one that no catalogue knows, only that there is one.
pub(in crate::web) fn of_a_box(l: Lang, line: &str) -> String {
    match l {
        Lang::En => line.to_owned(),
        Lang::Zh => translated(&BOX_MESSAGES, line)
            .unwrap_or_else(|| "设备报告了一项异常，原文见英文页面".to_owned()),
    }
}

/// What became of a held picture, as the alert's record keeps it: the picture, `deleted` or `lost`,
/// and its box's line.
pub(in crate::web) fn of_a_picture(l: Lang, note: &str) -> String {
    let mut parts = note.splitn(3, " · ");
    let (Some(picture), Some(gone), Some(why)) = (parts.next(), parts.next(), parts.next()) else {
        return note.to_owned();
    };
    let gone = match gone {
        "deleted" => l.t("已删除", "deleted"),
        _ => l.t("已丢失", "lost"),
    };
    let why = if why.is_empty() { String::new() } else { of_a_box(l, why) };
    [picture, gone, &why]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Why its box ended an opening, as the alert's record keeps it: the case, and the box's line.
pub(in crate::web) fn of_an_opening(l: Lang, note: &str) -> String {
    match note.split_once(": ") {
        Some((case, why)) => format!("{case}{}{}", l.t("：", ": "), of_a_box(l, why)),
        None => note.to_owned(),
    }
}

fn translated(messages: &[Message], line: &str) -> Option<String> {
    messages.iter().find_map(|message| {
        let found = holes(&message.english, line)?;
        let mut found = found.into_iter();
        let mut text = String::new();
        for (n, part) in message.chinese.split("{}").enumerate() {
            if n > 0 {
                text.push_str(found.next().unwrap_or_default());
            }
            text.push_str(part);
        }
        Some(text)
    })
}

/// What stands where a pattern has its holes; `None` where it does not fit.
fn holes<'a>(pattern: &[&str], line: &'a str) -> Option<Vec<&'a str>> {
    let (first, rest) = pattern.split_first()?;
    let mut left = line.strip_prefix(first)?;
    let mut found = Vec::with_capacity(rest.len());
    for (n, part) in rest.iter().enumerate() {
        let at = if n + 1 == rest.len() {
            left.len().checked_sub(part.len()).filter(|at| left.get(*at..) == Some(*part))?
        } else {
            left.find(part)?
        };
        found.push(&left[..at]);
        left = &left[at + part.len()..];
    }
    left.is_empty().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_line_is_said_in_chinese() {
        for (english, wanted) in [
            ("the password needs at least 12 characters", "口令至少需要 12 个字符"),
            ("the login name `wang` is taken: choose another", "登录名“wang”已被使用，请另选"),
            (
                "settings: `a_min` = 7 is out of range: give 1 to 5 minutes",
                "“a_min”= 7 超出范围：应为 1 至 5 minutes",
            ),
        ] {
            assert_eq!(chinese(english).as_deref(), Some(wanted));
        }
        assert_eq!(chinese("nobody ever said this"), None);
    }

    #[test]
    fn both_sides_of_a_message_have_the_same_holes() {
        for line in CATALOGUE.lines().chain(OF_BOXES.lines()) {
            let (english, chinese) = line.split_once('\t').expect(line);
            assert!(
                chinese.matches("{}").count() <= english.matches("{}").count(),
                "more holes in Chinese: {line}"
            );
            let half = |c: char| matches!(c, ',' | ';' | '?' | '!');
            let han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
            let signs: Vec<char> = chinese.chars().collect();
            let mixed = signs.windows(2).any(|two| han(two[0]) && half(two[1]));
            assert!(!mixed, "half-width punctuation after Chinese: {line}");
        }
    }

    /// What programs alone are told (a box, a configuration, another engine), or what is made of
    /// lines that stand here themselves.
    const NOT_OF_PAGES: [&str; 13] = [
        "web/public/",
        "web/api/commission.rs",
        "web/api/provision.rs",
        "web/api/devices.rs",
        "web/api/evidence/delivery.rs",
        "web/clue_upload.rs",
        "store/aside.rs",
        "store/copy.rs",
        "store/connect.rs",
        "store/schema.rs",
        "store/inbox/",
        "store/own_findings.rs",
        "web/api/bulk/",
    ];

    fn sources(folder: &std::path::Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }

    /// The text that begins a call's first argument, with an `x` for whatever is put into it; none
    /// where that is no text, or only names what another line says.
    fn literal(behind: &str) -> Option<String> {
        let behind = behind.trim_start();
        let behind = behind.strip_prefix("format!(").unwrap_or(behind).trim_start();
        let mut rest = behind.strip_prefix('"')?.chars().peekable();
        let mut text = String::new();
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => match rest.next()? {
                    '\n' => while rest.next_if(|c| c.is_whitespace()).is_some() {},
                    c => text.push(c),
                },
                '{' => {
                    while rest.next()? != '}' {}
                    text.push('x');
                }
                c => text.push(c),
            }
        }
        let words = text.split(|c: char| !c.is_ascii_alphabetic());
        (words.filter(|w| w.len() > 1).count() > 1).then_some(text)
    }

    #[test]
    fn whatever_a_page_refuses_is_said_in_chinese() {
        let server = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let (src, core) = (server.join("src"), server.join("core/src"));
        let mut files = Vec::new();
        sources(&src.join("web"), &mut files);
        sources(&core.join("store"), &mut files);
        let (mut seen, mut without) = (0, Vec::new());
        for file in files {
            let name = file.strip_prefix(&src).or_else(|_| file.strip_prefix(&core)).unwrap();
            let name = name.to_string_lossy().into_owned();
            if NOT_OF_PAGES.iter().any(|part| name.starts_with(part)) {
                continue;
            }
            let text = std::fs::read_to_string(&file).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for call in ["Problem::unprocessable(", "Problem::bad(", "Refused(", "Conflict("] {
                for (at, _) in text.match_indices(call) {
                    let before: String = text[..at].chars().rev().take(260).collect();
                    let Some(line) = literal(&text[at + call.len()..]) else { continue };
                    seen += 1;
                    if chinese(&line).is_none() && !before.contains(":hz") {
                        without.push(format!("{name}: {line}"));
                    }
                }
            }
        }
        assert!(seen > 150, "{seen} lines were read");
        assert!(without.is_empty(), "{} of {seen}:\n{}", without.len(), without.join("\n"));
    }

    #[test]
    fn whatever_a_box_says_of_itself_is_said_in_chinese() {
        let edge = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../edge-agent/src");
        let (mut seen, mut without) = (0, Vec::new());
        for (file, call) in [
            ("agent/health.rs", "degraded.push("),
            ("agent/clock.rs", "unsynchronised.then(|| {"),
            ("storage.rs", "said.push("),
            ("camera/plausible.rs", "=> {"),
            ("facts.rs", "unusable("),
        ] {
            let text = std::fs::read_to_string(edge.join(file)).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for behind in text.split(call).skip(1) {
                let Some(line) = literal(behind) else { continue };
                seen += 1;
                if translated(&BOX_MESSAGES, &line).is_none() {
                    without.push(format!("{file}: {line}"));
                }
            }
        }
        assert!(seen > 18, "{seen} lines were read");
        assert!(without.is_empty(), "{}", without.join("\n"));
        assert_eq!(of_a_box(Lang::Zh, "only 3 MiB of disk are free"), "磁盘仅剩 3 MiB");
        assert!(!of_a_box(Lang::Zh, "a line of a later version").contains("later"));
        assert_eq!(of_a_box(Lang::En, "a line of a later version"), "a line of a later version");
    }

    /// Why a box refuses an order or a roll, and why a picture is gone: read from where each is
    /// said, both roles put in.
    #[test]
    fn whatever_a_box_says_of_its_pictures_is_said_in_chinese() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (mut seen, mut without) = (0, Vec::new());
        for (file, calls) in [
            ("crates/evidence/src/order.rs", &["#[error("][..]),
            ("crates/evidence/src/custodian_roll.rs", &["#[error("]),
            ("crates/evidence/src/signed_text.rs", &["#[error("]),
            ("edge-agent/src/evidence/retention.rs", &["then_some(", "=> Some("]),
            (
                "edge-agent/src/evidence/keeper.rs",
                &["None, Some(", "end(&held, ", "None => Err(", "Some(format!(", "map_err(|why| "],
            ),
            ("edge-agent/src/evidence/upload.rs", &["lost("]),
            ("server/core/src/store/evidence_record.rs", &["let why = if", "} else {"]),
        ] {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for behind in calls.iter().flat_map(|call| text.split(call).skip(1)) {
                let behind = behind.trim_start();
                let role = |name| literal(&behind.replacen("{role}", name, 1));
                for line in [role("supervisor"), role("reviewer")].into_iter().flatten() {
                    seen += 1;
                    if translated(&BOX_MESSAGES, &line).is_none() {
                        without.push(format!("{file}: {line}"));
                    }
                }
            }
        }
        assert!(seen > 60, "{seen} lines were read");
        assert!(without.is_empty(), "{}", without.join("\n"));
        let gone = of_a_picture(Lang::Zh, "1a2b3c4d · deleted · given up for the quota");
        assert_eq!(gone, "1a2b3c4d · 已删除 · 设备容量已满而删除");
        let declined = of_an_opening(Lang::Zh, "2026-17: the order is valid for more than 24 h");
        assert_eq!(declined, "2026-17：该放行令的有效期超过 24 小时");
        let errno = std::io::Error::from_raw_os_error(2).to_string();
        assert_eq!(of_a_box(Lang::Zh, &errno), "设备读取密文失败");
    }

    proptest::proptest! {
        #[test]
        fn any_line_is_answered(line in "\\PC{0,60}") {
            let _ = chinese(&line);
        }

        #[test]
        fn what_was_put_in_comes_out(name in "[a-zé王]{1,12}", s in 0u32..9999) {
            let said = chinese(&format!("alert `{name}` is unknown")).unwrap();
            proptest::prop_assert!(said.contains(&name));
            let said = chinese(&format!("too many attempts: wait {s} s")).unwrap();
            proptest::prop_assert!(said.contains(&s.to_string()));
        }
    }
}
