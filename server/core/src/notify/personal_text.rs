//! What a person's messages say in a mail and on a phone. Sends nothing.

use serde::{Deserialize, Serialize};

use crate::message::NotificationKind;

/// What a delivery tells: which kinds, of which leads.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PersonalText {
    pub(super) lines: Vec<PersonalLine>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PersonalLine {
    pub(super) kind: NotificationKind,
    pub(super) number: Option<i64>,
    /// Where it stands on the pages; empty where the server does not know its own address.
    pub(super) address: String,
}

/// What it is called in a list of mails.
pub(super) fn subject(body: &str) -> String {
    let n = read(body).len();
    format!("在岗：{n} 条消息 / Zaigang: {n} messages")
}

/// In both languages: nobody knows which one the reader of a phone has chosen here.
pub(super) fn text(body: &str) -> String {
    let lines = read(body).into_iter().map(|line| {
        let (zh, en) = line.kind.words(line.number);
        let address = if line.address.is_empty() { String::new() } else { line.address + "\n" };
        format!("{zh}\n{en}\n{address}")
    });
    let lines: Vec<String> = lines.collect();
    format!("【在岗】\n{}", lines.join("\n"))
}

fn read(body: &str) -> Vec<PersonalLine> {
    serde_json::from_str::<PersonalText>(body).map(|body| body.lines).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_messages_make_one_text() {
        let line = |kind, number| PersonalLine { kind, number, address: "https://h/x".to_owned() };
        let lines = vec![
            line(NotificationKind::Mention, Some(12)),
            line(NotificationKind::Enrolment, None),
        ];
        let body = serde_json::to_string(&PersonalText { lines }).unwrap();
        let text = text(&body);
        assert!(text.contains("#12") && text.contains("待您确认"), "{text}");
        assert!(subject(&body).contains('2'));
    }
}
