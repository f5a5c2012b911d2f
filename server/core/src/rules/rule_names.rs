//! What each rule finds, in a few words of both languages: the box's rules, the server's, and what
//! the server says of a box's record. Papers cite the codes; people read the words.

/// Code, zh, en.
const RULES: &[(&str, &str, &str)] = &[
    ("LL-1", "登记主诊未到场", "declared lead absent"),
    ("LL-2", "以其名义登记而极少到场", "lead hardly ever there"),
    ("LL-3", "同时或先后出现在两地", "one person at two places"),
    ("LL-4", "注册状态或执业地点不符", "registration does not cover it"),
    ("LL-5", "登记主诊在场过短", "declared lead there too briefly"),
    ("NL-1", "非主诊医师独立操作", "physician without a lead"),
    ("NL-2", "护士或技师无主诊操作", "nurse or technician without a lead"),
    ("NL-3", "助理医师或学员无带教操作", "assistant or trainee unsupervised"),
    ("NL-4", "项目超出级别或未备案", "item above the grade or not filed"),
    ("UQ-1", "身份不明者操作", "unidentified operator"),
    ("UQ-2", "非卫技人员操作", "non-clinical operator"),
    ("UQ-3", "超出类别执业范围操作", "operator outside the scope"),
    ("HB-1", "已登记而诊室无人", "nobody seen in the room"),
    ("HB-2", "镜头受扰或设备失联", "camera disturbed or box unheard"),
    ("HB-3", "未登记的诊疗", "undeclared procedure"),
    ("HB-4", "疑似照片或面具冒充", "presentation attack"),
    ("HB-5", "未能判定的诊疗过多", "too many sessions not judged"),
    ("HB-6", "安装后区域被更改", "zones changed after the installation"),
    ("HB-7", "画面区域与诊室不符", "zones that do not fit the room"),
    ("HB-8", "急救标记频繁", "emergency flags again and again"),
    ("SI-1", "自查答复与设备记录不一致", "self-check against the records"),
    ("CHAIN-GAP", "记录链有缺口", "a gap in the box's chain"),
    ("CHAIN-FORK", "记录链不相接", "the box's chain does not link"),
    ("CHAIN-REFUSED", "消息被拒收", "messages refused"),
    ("CHAIN-BREAK", "记录链重新开始", "the box's chain began again"),
    ("BOX-BUDGET", "消息超出限额", "more messages than allowed"),
    ("EVIDENCE-GONE", "应保全画面缺失", "held pictures are gone"),
    ("EVIDENCE-ROOM", "封存画面容量不足", "too little room for sealed pictures"),
    ("BOX-RETIRED", "设备自行停用", "box ended its own service"),
];

/// One that a later version may have.
pub const OTHER: (&str, &str) = ("其他规则", "another rule");

/// Those of the server that look across boxes and days, and what it says of a box's record.
const OF_THE_SERVER: &[&str] = &["LL-2", "LL-3", "HB-1", "HB-5", "HB-8", "SI-1"];
const OF_ITS_RECORDS: &[&str] = &["CHAIN-", "BOX-", "EVIDENCE-"];

/// Whether this rule is the server's to raise alone; a rule of a later version is not.
pub fn is_the_servers(code: &str) -> bool {
    OF_THE_SERVER.contains(&code) || OF_ITS_RECORDS.iter().any(|begins| code.starts_with(begins))
}

/// The words of a rule, zh and en.
pub fn of(code: &str) -> (&'static str, &'static str) {
    RULES.iter().find(|rule| rule.0 == code).map_or(OTHER, |rule| (rule.1, rule.2))
}
