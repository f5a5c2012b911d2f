//! What a practitioner agrees to: the purposes, each by a tick of its own, and the text that is
//! signed (人脸识别技术应用安全管理办法 5, 8; 个人信息保护法 14, 17, 23, 29, 30). Pure words:
//! nothing is stored here.
//!
//! The record of a consent holds the hash of the text as it was shown, with the names in it.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// A change of the words below is a new version.
pub const VERSION: &str = "2026-2";

/// The day that a policy says as `yyyymmdd`; `None`: 0, or no day of the calendar.
pub fn renewal_day(yyyymmdd: i64) -> Option<Date> {
    let part = |n: i64| i8::try_from(n % 100).ok();
    let year = i16::try_from(yyyymmdd / 10_000).ok()?;
    Date::new(year, part(yyyymmdd / 100)?, part(yyyymmdd)?).ok()
}

/// Whether a consent to this text holds on a day. An earlier text holds until the day that the
/// authority sets, and for ever where it sets none.
pub fn holds(text_version: &str, renewal: Option<Date>, today: Date) -> bool {
    text_version == VERSION || renewal.is_none_or(|day| today < day)
}

/// An earlier text that the same person signed for the same templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EarlierText {
    pub text_version: String,
    pub text_sha256: String,
    pub purposes: Vec<ConsentPurpose>,
    pub signed_at: String,
}

/// What is agreed to, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Purpose")]
pub enum ConsentPurpose {
    /// A template is made and compared.
    Recognition,
    /// It rests on the authority's server and travels to the boxes (人脸办法 8: otherwise face
    /// information stays in the device).
    ServerStorage,
    /// The photograph is kept, too.
    KeepPhoto,
}

/// Who is named in the text.
#[derive(Debug, Clone, Copy)]
pub struct Parties<'a> {
    /// `None`: the institution that the proposal names.
    pub institution: Option<&'a str>,
    /// The authority that runs this server, and how to reach it; `None`: not configured.
    pub authority: Option<&'a str>,
}

impl Parties<'_> {
    /// As it is signed in Chinese.
    pub fn zh(self) -> Text {
        let institution = self.institution.unwrap_or("本人所在医疗机构");
        let authority = self.authority.unwrap_or("【监督机关名称、联系方式】");
        Text {
            recognition: format!(
                "处理者：{institution}（采集、设备所有者）；{authority}（服务器运行者、监督机关）。\
                     目的：核验在治疗室操作的人员身份，供卫生健康监督发现挂证、非主诊医师独立执\
                     业、非卫技人员开展诊疗活动的线索；线索经两名监督人员复核，可能成为调查和行政\
                     处罚的起点；不用于考勤或其他目的。处理的信息：本人面部照片、由其生成的面部特\
                     征模板、在岗的时段和房间。必要性和影响：人工巡查不能持续核验；误认由复核纠\
                     正，本人可陈述。可以拒绝：拒绝或撤回不影响执业，改用证件、PIN 和见证人核验。"
            ),
            storage: format!(
                "单独同意：模板（以及本人另行同意留存的照片）加密存储于{authority}的服务器，并经加\
                     密连接发送到本人执业机构的设备。期限：至撤回同意或不再在该机构执业。撤回后 \
                     24 小时内从服务器和所有设备删除，并留有删除回执。本人可向上述处理者查阅、复\
                     制、更正、删除、撤回和要求解释。"
            ),
            photo: "单独同意：留存照片，供核对及更换模型时重新生成模板；期限同上。".to_owned(),
        }
    }

    /// As it is signed in English.
    pub fn en(self) -> Text {
        let institution = self.institution.unwrap_or("the institution that I work at");
        let authority = self.authority.unwrap_or("【name and contact of the authority】");
        Text {
            recognition: format!(
                "Controllers: {institution} (takes the picture, owns the box); {authority} (runs \
                     the server, supervises). Purpose: to verify who works in a treatment room, so \
                     that the health authority finds leads to lent licences, to physicians who are \
                     no lead and work alone, and to unlicensed operators; two officers review each \
                     lead, and it may begin an investigation and a penalty. No attendance, nothing \
                     else. Processed: photographs of my face, templates made of them, when and in \
                     which room I was. Why, and what it may do to me: inspections can not verify \
                     all the time; a wrong match is corrected by review, and I am heard. I may \
                     refuse or withdraw without harm to my practice: card, PIN and witness instead."
            ),
            storage: format!(
                "Separately: the templates (and photographs, where I agree to that, too) rest \
                     encrypted on the server of {authority} and travel encrypted to the boxes of \
                     the institutions where I work, until I withdraw or leave. Within 24 h of a \
                     withdrawal they are deleted from the server and every box, with receipts. I \
                     may ask both controllers for access, a copy, correction, deletion, withdrawal \
                     and an explanation."
            ),
            photo: "Separately: the photograph is kept, for checking and for new templates when \
                        the model changes; for the same time."
                .to_owned(),
        }
    }
}

/// The paragraphs that the person ticks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Text {
    pub recognition: String,
    pub storage: String,
    pub photo: String,
}

impl Text {
    /// Whether somebody who read the text with this hash read this one: the words, a name in them
    /// or the language may have changed since it was shown.
    pub fn is_what_was_shown(&self, sha256: &str) -> bool {
        self.sha256() == sha256
    }

    /// What the record of the consent holds.
    pub fn sha256(&self) -> String {
        trust::sha256_hex([&*self.recognition, &self.storage, &self.photo].join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTIES: Parties<'static> = Parties {
        institution: Some("甲门诊部"),
        authority: Some("某市卫生监督所 028-1"),
    };

    #[test]
    fn each_text_names_both_controllers_and_24_hours() {
        for text in [PARTIES.zh(), PARTIES.en()] {
            assert!(text.recognition.contains("甲门诊部"));
            assert!(
                [&text.recognition, &text.storage]
                    .iter()
                    .all(|t| t.contains("某市卫生监督所 028-1"))
            );
            assert!(text.storage.contains("24") && !text.recognition.contains("立即"));
        }
    }

    #[test]
    fn an_earlier_text_holds_until_its_day() {
        let day = renewal_day(20_270_101);
        assert_eq!(day, Some(jiff::civil::date(2027, 1, 1)));
        let (before, on) = (jiff::civil::date(2026, 12, 31), jiff::civil::date(2027, 1, 1));
        assert!(holds("2026-1", day, before) && !holds("2026-1", day, on));
        assert!(holds(VERSION, day, on) && holds("2026-1", None, on));
        assert_eq!([0, 20_261_301, -1, 99_999_999].map(renewal_day), [None; 4]);
    }

    #[test]
    fn another_name_is_another_text() {
        let other = Parties { institution: Some("乙门诊部"), ..PARTIES };
        assert_ne!(PARTIES.zh().sha256(), other.zh().sha256());
    }
}
