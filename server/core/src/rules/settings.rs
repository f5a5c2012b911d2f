//! The numbers of the server's own rules [D]: named settings with unit, range, default and the
//! rules that read them.
//!
//! Beside them stand the settings of the boxes (`protocol::settings`). A policy may say any of
//! both; a jurisdiction may say another than the one above it, and the longest matching prefix
//! counts. Pure: no store, no clock.

use std::collections::BTreeMap;

/// One setting of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its unit stands last in it.
    pub name: &'static str,
    pub unit: &'static str,
    pub min: i64,
    pub max: i64,
    pub default: i64,
    pub rules: &'static str,
    pub doc: &'static str,
    pub doc_zh: &'static str,
}

macro_rules! settings {
    ($(
        $name:ident = $default:literal $unit:literal [$min:literal, $max:literal] $rules:literal
        $doc:literal $zh:literal;
    )+) => {
        /// Every setting of the server, in the order of the domain.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            name: stringify!($name), unit: $unit, min: $min, max: $max, default: $default,
            rules: $rules, doc: $doc, doc_zh: $zh,
        }),+];

        /// The values in force at one place.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Numbers {
            $(#[doc = $doc] #[doc = ""]
            #[doc = concat!("Unit ", $unit, ", default ", stringify!($default), "; read by ", $rules,
                ".")]
            pub $name: i64,)+
        }

        impl Numbers {
            /// What `values` says; a default for the rest.
            pub fn of(values: &BTreeMap<String, i64>) -> Self {
                Self { $($name: values.get(stringify!($name)).copied().unwrap_or($default),)+ }
            }
        }
    };
}

settings! {
    ll2_days = 30 "days" [7, 180] "LL-2" "The rolling window." "滚动统计天数。";
    ll2_sessions_min = 5 "count" [3, 100] "LL-2" "Least assessable sessions declared under a \
        lead." "以其名义登记且可判定的诊疗活动最少次数。";
    ll2_share_ppm = 200_000 "ppm" [0, 1_000_000] "LL-2" "Verified in a smaller share of them: \
        L2." "到场核实比例低于此值为 L2。";
    ll2_never_min = 10 "count" [5, 100] "LL-2" "Never verified in so many: L3."
        "达到此次数且从未核实到场为 L3。";
    ll2_idle_level = 0 "level" [0, 1] "LL-2" "1: who is registered, unseen and undeclared is \
        listed for the clinic; 0: logged." "在册但未见且无登记者：0 记录，1 提示机构。";
    ll3_same_place_m = 1_000 "m" [0, 20_000] "LL-3" "Taken off every distance: two clinics in one \
        place." "距离扣除值（同址或邻近）。";
    ll3_near_m = 50_000 "m" [1_000, 200_000] "LL-3" "Up to this distance `ll3_near_kmh` \
        holds." "近程距离上限。";
    ll3_far_m = 300_000 "m" [50_000, 2_000_000] "LL-3" "Up to this distance `ll3_mid_kmh` holds, \
        beyond it `ll3_far_kmh`." "中程距离上限，超过按远程。";
    ll3_near_kmh = 120 "km/h" [40, 300] "LL-3" "Faster than this is impossible: near."
        "近程时速上限。";
    ll3_mid_kmh = 250 "km/h" [80, 500] "LL-3" "Faster than this is impossible: middle \
        distance." "中程时速上限。";
    ll3_far_kmh = 600 "km/h" [200, 1_200] "LL-3" "Faster than this is impossible: far."
        "远程时速上限。";
    ll3_overlap_ms = 120_000 "ms" [0, 3_600_000] "LL-3" "An overlap longer than this and the \
        clocks' uncertainty: L3." "两地同时在场超过此时长（另加时钟不确定度）为 L3。";
    ll3_days = 30 "days" [7, 90] "LL-3" "Presences older than this are compared no \
        more." "超过此天数的在场记录不再比对。";
    hb1_visible_min_ppm = 600_000 "ppm" [300_000, 1_000_000] "HB-1" "Least V over the declared \
        time." "登记时段画面可见度下限。";
    hb1_days = 30 "days" [7, 180] "HB-1" "The rolling window of repeats." "重复统计天数。";
    hb1_repeats = 3 "count" [2, 20] "HB-1" "So many in the window: L2." "窗口内达到此次数为 L2。";
    hb1_empty_days = 5 "days" [2, 30] "HB-1" "So many open days in a row with nobody seen: \
        L2." "连续营业日无人出现达到此天数为 L2。";
    hb2_outage_ms = 1_800_000 "ms" [300_000, 86_400_000] "HB-2" "A box unheard for longer in \
        opening hours: L1." "营业时间内设备失联超过此时长为 L1。";
    hb2_days = 30 "days" [7, 180] "HB-2" "The rolling window of repeats." "重复统计天数。";
    hb2_repeats = 2 "count" [2, 20] "HB-2" "So many in the window: L2." "窗口内达到此次数为 L2。";
    hb3_days = 30 "days" [7, 180] "HB-3" "The rolling window of repeats." "重复统计天数。";
    hb3_repeats = 3 "count" [2, 20] "HB-3" "So many in the window: L2." "窗口内达到此次数为 L2。";
    hb5_days = 14 "days" [7, 90] "HB-5" "The rolling window." "滚动统计天数。";
    hb5_sessions_min = 10 "count" [5, 200] "HB-5" "Least declared sessions in it."
        "登记诊疗活动最少次数。";
    hb5_share_ppm = 300_000 "ppm" [0, 1_000_000] "HB-5" "A larger share NotAssessable or undecided, \
        of the clinic, a room, a lead or an operator: L1 to the clinic."
        "机构、诊室、主诊医师或操作者不可判定（含规则未决）比例高于此值为 L1（通知机构）。";
    hb5_cure_days = 14 "days" [1, 90] "HB-5" "Not cured so long after notice: \
        L2." "通知后超过此天数仍未改善为 L2。";
    hb5_settle_ms = 86_400_000 "ms" [3_600_000, 604_800_000] "HB-5" "So long after a session's \
        end its silence counts as NotAssessable."
        "诊疗活动结束后超过此时长仍无设备报告，视为不可判定。";
    hb7_days = 14 "days" [7, 180] "HB-7" "The rolling window of repeats." "重复统计天数。";
    hb7_repeats = 3 "count" [2, 20] "HB-7" "So many in the window: L2." "窗口内达到此次数为 L2。";
    hb8_days = 30 "days" [7, 180] "HB-8" "The rolling window of emergency flags." "滚动统计天数。";
    hb8_repeats = 3 "count" [2, 20] "HB-8" "So many emergency flags at one clinic in the window: \
        L2." "同一机构窗口内急救标记达到此次数为 L2。";
    publication_wait_days = 0 "days" [0, 180] "monitoring" "So long the place of a box has been \
        public before anybody is looked at (Guangdong: 30); 0: no wait."
        "设置地点须先公布满此天数，设备方可识别（广东：30）；0 为不设等待。";
    publish_persons_level = 0 "level" [0, 1] "publication" "1: published decisions may name natural \
        persons; 0: they name none." "处罚决定公示：0 不公示自然人，1 可公示自然人。";
    consent_renewal_yyyymmdd = 0 "yyyymmdd" [0, 99_991_231] "consents" "From this day on templates \
        under an earlier consent text are used no more; 0: no day is set."
        "自此日起，按旧版同意书采集的模板不再使用（如 20270101）；0 为未设定。";
    late_declared_ms = 1_800_000 "ms" [0, 86_400_000] "sessions" "Declared or closed later than \
        this after the fact: shown as late." "登记或结束晚于实际超过此时长，标为迟报。";
    never_closed_ms = 43_200_000 "ms" [3_600_000, 86_400_000] "sessions" "Open for longer: shown \
        as never closed." "超过此时长未结束，标为未关闭。";
    due_l1_h = 72 "h" [1, 720] "alerts" "Hours in which an L1 is to be acted on."
        "L1 处理时限（小时）。";
    due_l2_h = 120 "h" [1, 720] "alerts" "Hours in which an L2 is to be acted on."
        "L2 处理时限（小时）。";
    budget_finding_per_day = 5_000 "messages" [100, 100_000_000] "budget" "Findings that a box \
        may send in a day; beyond it they wait." "每台设备每日线索报文上限，超出暂缓接收。";
    budget_finding_kib_per_day = 32_768 "KiB" [1_024, 1_073_741_824] "budget" "The same in KiB."
        "每台设备每日线索报文总量上限（KiB）。";
    budget_presence_per_day = 10_000 "messages" [100, 100_000_000] "budget"
        "Presences and summaries that a box may send in a day."
        "每台设备每日在场记录与汇总上限。";
    budget_presence_kib_per_day = 32_768 "KiB" [1_024, 1_073_741_824] "budget" "The same in KiB."
        "每台设备每日在场记录总量上限（KiB）。";
    budget_health_per_day = 50_000 "messages" [100, 100_000_000] "budget" "Heartbeats that a box \
        may send in a day: a month of them after an outage."
        "每台设备每日心跳上限（可补传约一月）。";
    budget_health_kib_per_day = 65_536 "KiB" [1_024, 1_073_741_824] "budget" "The same in KiB."
        "每台设备每日心跳总量上限（KiB）。";
    budget_other_per_day = 10_000 "messages" [100, 100_000_000] "budget"
        "Answers and declarations that a box may send in a day."
        "每台设备每日应答与声明上限。";
    budget_other_kib_per_day = 16_384 "KiB" [1_024, 1_073_741_824] "budget" "The same in KiB."
        "每台设备每日应答与声明总量上限（KiB）。";
    open_alerts_per_box = 20 "count" [5, 200] "alerts" "Open alerts of one box; further ones join \
        one incident." "每台设备未结线索上限，超出的合并为一条。";
    due_l3_h = 24 "h" [1, 240] "alerts" "Hours in which an L3 is to be acted on."
        "L3 处理时限（小时）。";
}

impl Default for Numbers {
    fn default() -> Self {
        Self::of(&BTreeMap::new())
    }
}

/// What is known of any setting, the server's or the box's.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[schemars(rename = "About")]
pub struct SettingDescription {
    pub name: &'static str,
    pub unit: &'static str,
    pub min: i64,
    pub max: i64,
    pub default: i64,
    pub rules: &'static str,
    pub doc: &'static str,
    #[serde(skip)]
    pub doc_zh: &'static str,
    /// `box` or `server`: who reads it.
    pub read_by: &'static str,
}

/// Every setting there is: the box's first.
pub fn all() -> Vec<SettingDescription> {
    let of_the_box = protocol::settings::of_the_box().iter().map(|s| SettingDescription {
        name: &s.name,
        unit: &s.unit,
        min: s.min,
        max: s.max,
        default: s.default,
        rules: &s.rules,
        doc: &s.doc,
        doc_zh: super::box_setting_words::said_in_chinese(&s.name),
        read_by: "box",
    });
    let own = SETTINGS.iter().map(|s| SettingDescription {
        name: s.name,
        unit: s.unit,
        min: s.min,
        max: s.max,
        default: s.default,
        rules: s.rules,
        doc: s.doc,
        doc_zh: s.doc_zh,
        read_by: "server",
    });
    of_the_box.chain(own).collect()
}

/// Refuses an unknown name or a value out of range, in one line that names the range.
pub fn check(name: &str, value: i64) -> Result<(), String> {
    let all = all();
    let Some(setting) = all.iter().find(|s| s.name == name) else {
        let shown: String = name.chars().take(80).collect();
        return Err(format!(
            "settings: `{shown}` is no setting's name; GET /api/v1/policy lists them"
        ));
    };
    if (setting.min..=setting.max).contains(&value) {
        return Ok(());
    }
    Err(format!(
        "settings: `{name}` = {value} is out of range: give {} to {} {}",
        setting.min, setting.max, setting.unit
    ))
}

/// What one place is told, and by whom: `layers` are (jurisdiction, settings) in any order; the
/// longest prefix of `jurisdiction` that says a setting counts.
pub fn effective(
    layers: &[(String, BTreeMap<String, i64>)],
    jurisdiction: &str,
) -> BTreeMap<String, (i64, String)> {
    let mut above: Vec<_> =
        layers.iter().filter(|(of, _)| jurisdiction.starts_with(of.as_str())).collect();
    above.sort_by_key(|(of, _)| of.len());
    let mut values = BTreeMap::new();
    for (of, settings) in above {
        values.extend(settings.iter().map(|(name, value)| (name.clone(), (*value, of.clone()))));
    }
    values
}

/// The part that a box takes: it refuses a policy with a name that it does not know.
pub fn for_the_box(values: &BTreeMap<String, i64>) -> BTreeMap<String, i64> {
    let known = |name: &str| protocol::settings::of_the_box().iter().any(|s| s.name == name);
    values
        .iter()
        .filter(|(name, _)| known(name))
        .map(|(name, value)| (name.clone(), *value))
        .collect()
}

/// The text whose SHA-256 the server's own findings carry: every setting of the server,
/// `name=value` per line.
pub fn canonical(values: &BTreeMap<String, i64>) -> String {
    let line =
        |s: &Setting| format!("{}={}\n", s.name, values.get(s.name).copied().unwrap_or(s.default));
    SETTINGS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(of: &str, name: &str, value: i64) -> (String, BTreeMap<String, i64>) {
        (of.to_owned(), BTreeMap::from([(name.to_owned(), value)]))
    }

    #[test]
    fn every_setting_has_both_languages_and_a_default() {
        let mut names = std::collections::BTreeSet::new();
        for s in all() {
            assert!((s.min..=s.max).contains(&s.default), "{}", s.name);
            assert!(names.insert(s.name), "{} twice", s.name);
            assert!(!s.doc.is_empty() && !s.doc_zh.is_empty(), "{} has no words", s.name);
        }
    }

    #[test]
    fn a_value_out_of_its_range_is_refused_with_the_range() {
        check("ll2_days", 7).unwrap();
        check("ll2_days", 180).unwrap();
        for bad in [6, 181] {
            assert!(check("ll2_days", bad).unwrap_err().contains("7 to 180 days"));
        }
        assert!(check("match_frames", 0).unwrap_err().contains("1 to 20 frames"));
        assert!(check("no_such", 1).unwrap_err().contains("no setting's name"));
    }

    #[test]
    fn the_city_overrules_the_province_for_itself_alone() {
        let layers =
            [layer("5101", "ll2_days", 60), layer("", "ll2_days", 20), layer("51", "hb1_days", 40)];
        let at = |place: &str| {
            let values = effective(&layers, place);
            (values.get("ll2_days").cloned(), values.get("hb1_days").map(|v| v.0))
        };
        assert_eq!(at("510104"), (Some((60, "5101".to_owned())), Some(40)));
        assert_eq!(at("510203"), (Some((20, String::new())), Some(40)));
        assert_eq!(at("330100"), (Some((20, String::new())), None));
    }

    #[test]
    fn a_box_is_told_only_what_it_knows() {
        let said = BTreeMap::from([("ll2_days".to_owned(), 60), ("match_frames".to_owned(), 4)]);
        assert_eq!(for_the_box(&said), BTreeMap::from([("match_frames".to_owned(), 4)]));
        assert_eq!(Numbers::of(&said).ll2_days, 60);
        assert_ne!(canonical(&said), canonical(&BTreeMap::new()));
    }
}
