//! The closed lists of a clue, each word with its Chinese and English: strict where people and
//! partners write them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::Listed;

macro_rules! closed_lists {
    ($($(#[$doc:meta])* $name:ident {
        $($variant:ident $word:literal $zh:literal $en:literal,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($variant,)* }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            pub fn zh(self) -> &'static str {
                match self { $(Self::$variant => $zh,)* }
            }

            pub fn en(self) -> &'static str {
                match self { $(Self::$variant => $en,)* }
            }
        }

        impl Listed for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant),)*];
        }
    )*};
}
pub(crate) use closed_lists;

closed_lists! {
    /// 来源: where a clue comes from.
    Source {
        PublicReport "public_report" "公众举报" "report by the public",
        Hotline "hotline" "热线" "hotline",
        Grid "grid" "网格" "grid worker",
        Monitor "monitor" "监测预警" "monitoring",
        Agency "agency" "部门移送" "another agency",
        SelfCheck "self_check" "自查不一致" "self-check that differs",
        Draw "draw" "抽查" "random inspection",
    }

    /// 反映事项: what is alleged.
    Allegation {
        UnlicensedOperator "unlicensed_operator" "非卫技人员操作" "operator without a licence",
        NonLead "non_lead" "非主诊医师独立执业" "treated without a lead physician",
        Lending "lending" "挂证" "licence lending",
        BeyondScope "beyond_scope" "超范围或超等级" "beyond scope or grade",
        NoLicence "no_licence" "无证场所" "place without a licence",
        Injury "injury" "造成伤害" "injury",
        EvadingDevice "evading_device" "遮挡或规避设备" "box covered or evaded",
        Advertising "advertising" "广告" "advertising",
        Product "product" "药械" "drug or device",
        Dispute "dispute" "费用纠纷" "dispute about money",
        RegisterError "register_error" "登记信息有误" "error in the register",
        Other "other" "其他" "other",
    }

    /// 署名方式.
    Anonymity {
        Anonymous "anonymous" "匿名" "anonymous",
        Confidential "confidential" "保密实名" "named, kept confidential",
        Named "named" "实名" "named",
    }

    /// 场所类型, where it is no registered institution.
    PlaceKind {
        BeautySalon "beauty_salon" "生活美容场所" "beauty salon",
        Residence "residence" "居民住宅" "residence",
        Hotel "hotel" "酒店" "hotel",
        Club "club" "会所" "club",
        Other "other" "其他" "other",
    }

    /// 协同单位: an agency that hands clues over, or to which one belongs.
    Agency {
        Police "police" "公安" "police",
        Prosecutor "prosecutor" "检察" "prosecutor",
        Market "market" "市场监管" "market supervision",
        Drug "drug" "药监" "drug administration",
        Net "net" "网信" "internet authority",
        Insurance "insurance" "医保" "medical insurance",
        Hotline "hotline" "热线" "hotline 12345",
        Grid "grid" "网格" "grid centre",
    }

    /// 不予受理原因.
    RejectReason {
        NothingConcrete "nothing_concrete" "无具体内容" "nothing concrete",
        NotHealth "not_health" "不属卫生健康事项" "no matter of health",
        Settled "settled" "已处理过的同一事项" "the same matter is settled",
        TakenBack "taken_back" "反映人撤回" "taken back by the reporter",
        Malicious "malicious" "明显虚假" "plainly false",
        Other "other" "其他" "other",
    }
}

impl Agency {
    /// As what its clues are filed.
    pub fn source(self) -> Source {
        match self {
            Self::Hotline => Source::Hotline,
            Self::Grid => Source::Grid,
            _ => Source::Agency,
        }
    }
}
