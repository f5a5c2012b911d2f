//! A consent as it was signed: its words, whether they are what was shown, who signed and what was
//! agreed to. The record holds the hash of its text alone, so the words are made anew of today's
//! names and compared with it; where they differ, that is said.

use super::times::dated;
use super::words::Lang;
use crate::clock::clip;
use crate::consent::{self, ConsentPurpose, Parties, Text};
use crate::model::Consent;

/// The consent as it was signed.
pub(in crate::web) struct Signed {
    pub(in crate::web) version: String,
    pub(in crate::web) at: String,
    /// A name that was typed; empty where it was drawn.
    pub(in crate::web) name: String,
    /// The drawn signature, as an address of its picture.
    pub(in crate::web) drawn: String,
    pub(in crate::web) guardian: String,
    pub(in crate::web) purposes: Vec<&'static str>,
    /// The paragraphs of the text.
    pub(in crate::web) text: Vec<String>,
    /// They are what was signed.
    pub(in crate::web) agrees: bool,
    /// Whether they are, in words.
    pub(in crate::web) verdict: String,
    pub(in crate::web) sha256: String,
}

impl Signed {
    pub(in crate::web) fn of(l: Lang, it: Consent, parties: Parties<'_>) -> Self {
        // What the pad draws is a PNG in base64, whose first bytes are always these letters.
        let png = it.signature.strip_prefix("data:image/png;base64,").unwrap_or(&it.signature);
        let drawn = png.starts_with("iVBORw0KGgo").then(|| format!("data:image/png;base64,{png}"));
        let (text, agrees) = text(l, &it, parties);
        Self {
            verdict: verdict(l, &it, agrees),
            text: vec![text.recognition, text.storage, text.photo],
            agrees,
            version: it.text_version,
            at: dated(&it.signed_at),
            name: if drawn.is_some() { String::new() } else { clip(&it.signature, 100) },
            drawn: drawn.unwrap_or_default(),
            guardian: it.guardian.unwrap_or_default(),
            purposes: it.purposes.iter().map(|purpose| purpose_words(l, *purpose)).collect(),
            sha256: it.text_sha256,
        }
    }
}

pub(in crate::web) fn purpose_words(l: Lang, purpose: ConsentPurpose) -> &'static str {
    match purpose {
        ConsentPurpose::Recognition => l.t("身份核验和监督", "verification for supervision"),
        ConsentPurpose::ServerStorage => {
            l.t("存储于服务器并发送到设备", "storage and transmission")
        }
        ConsentPurpose::KeepPhoto => l.t("留存照片", "keeping the photographs"),
    }
}

/// The text with the hash that was signed, in either language, with the institution's name or
/// without; where there is none, today's.
fn text(l: Lang, it: &Consent, parties: Parties<'_>) -> (Text, bool) {
    let signed = it.text_sha256.to_ascii_lowercase();
    let unnamed = Parties { institution: None, ..parties };
    let mut all = [parties.zh(), parties.en(), unnamed.zh(), unnamed.en()].into_iter();
    match all.find(|text| text.is_what_was_shown(&signed)) {
        Some(text) => (text, true),
        None if l == Lang::Zh => (parties.zh(), false),
        None => (parties.en(), false),
    }
}

fn verdict(l: Lang, it: &Consent, agrees: bool) -> String {
    let today = consent::VERSION;
    if agrees {
        return l
            .t("与签署时的文本一致（哈希值相符）", "as it was signed (the hash agrees)")
            .to_owned();
    }
    if it.text_version == today {
        let zh = "哈希值与现行文本不符：签署后机构或机关的名称可能已变更，以下为现行文本";
        let en = "the hash differs from today's text: a name in it may have changed since; below \
            is today's";
        return l.t(zh, en).to_owned();
    }
    let zh = format!("签署的是旧版本 {}，以下为现行版本 {today}，供参照", it.text_version);
    let en = format!("version {} was signed; below is today's, {today}", it.text_version);
    l.t(&zh, &en).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTIES: Parties<'static> = Parties {
        institution: Some("甲门诊部"),
        authority: Some("某市卫生监督所 028-1"),
    };

    fn signed(version: &str, sha256: String) -> Signed {
        let it = Consent {
            text_version: version.to_owned(),
            text_sha256: sha256,
            purposes: vec![ConsentPurpose::Recognition, ConsentPurpose::ServerStorage],
            scope: "clinic-1".to_owned(),
            signature: "王主诊".to_owned(),
            signed_at: "2026-03-02T01:00:00.000Z".to_owned(),
            guardian: None,
            earlier: Vec::new(),
        };
        Signed::of(Lang::Zh, it, PARTIES)
    }

    #[test]
    fn the_text_of_the_hash_agrees_where_it_is_shown() {
        let same = signed(consent::VERSION, PARTIES.zh().sha256());
        assert!(same.agrees && same.verdict.contains("一致"), "{}", same.verdict);
        assert!(same.text[0].contains("甲门诊部"), "{}", same.text[0]);
        let english = signed(consent::VERSION, PARTIES.en().sha256());
        assert!(english.agrees && english.text[0].starts_with("Controllers"));
        let unnamed = Parties { institution: None, ..PARTIES };
        assert!(signed(consent::VERSION, unnamed.zh().sha256()).agrees);
    }

    #[test]
    fn another_hash_is_never_called_the_signed_text() {
        let other = signed(consent::VERSION, "a".repeat(64));
        assert!(!other.agrees && other.verdict.contains("不符"), "{}", other.verdict);
        let earlier = signed("2025-1", "a".repeat(64));
        assert!(!earlier.agrees && earlier.verdict.contains("旧版本 2025-1"));
    }
}
