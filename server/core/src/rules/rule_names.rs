//! What each rule finds, in a few words of both languages: the box's rules, the server's, and what
//! the server says of a box's record. Papers cite the codes; people read the words.

use protocol::names::RuleCode;

/// Those of the server that look across boxes and days, and what it says of a box's record.
const OF_THE_SERVER: &[&str] = &["LL-2", "LL-3", "HB-1", "HB-5", "HB-8", "SI-1"];
const OF_ITS_RECORDS: &[&str] = &["CHAIN-", "BOX-", "EVIDENCE-"];

/// Whether this rule is the server's to raise alone; a rule of a later version is not.
pub fn is_the_servers(code: &str) -> bool {
    OF_THE_SERVER.contains(&code) || OF_ITS_RECORDS.iter().any(|begins| code.starts_with(begins))
}

/// The words of a rule, zh and en.
pub fn of(rule: &RuleCode) -> (&'static str, &'static str) {
    match rule {
        RuleCode::Ll1 => ("登记主诊未到场", "declared lead absent"),
        RuleCode::Ll2 => ("以其名义登记而极少到场", "lead hardly ever there"),
        RuleCode::Ll3 => ("同时或先后出现在两地", "one person at two places"),
        RuleCode::Ll4 => ("注册状态或执业地点不符", "registration does not cover it"),
        RuleCode::Ll5 => ("登记主诊在场过短", "declared lead there too briefly"),
        RuleCode::Nl1 => ("非主诊医师独立操作", "physician without a lead"),
        RuleCode::Nl2 => ("护士或技师无主诊操作", "nurse or technician without a lead"),
        RuleCode::Nl3 => ("助理医师或学员无带教操作", "assistant or trainee unsupervised"),
        RuleCode::Nl4 => ("项目超出级别或未备案", "item above the grade or not filed"),
        RuleCode::Uq1 => ("身份不明者操作", "unidentified operator"),
        RuleCode::Uq2 => ("非卫技人员操作", "non-clinical operator"),
        RuleCode::Uq3 => ("超出类别执业范围操作", "operator outside the scope"),
        RuleCode::Hb1 => ("已登记而诊室无人", "nobody seen in the room"),
        RuleCode::Hb2 => ("镜头受扰或设备失联", "camera disturbed or box unheard"),
        RuleCode::Hb3 => ("未登记的诊疗", "undeclared procedure"),
        RuleCode::Hb4 => ("疑似照片或面具冒充", "presentation attack"),
        RuleCode::Hb5 => ("未能判定的诊疗过多", "too many sessions not judged"),
        RuleCode::Hb6 => ("安装后区域被更改", "zones changed after the installation"),
        RuleCode::Hb7 => ("画面区域与诊室不符", "zones that do not fit the room"),
        RuleCode::Hb8 => ("急救标记频繁", "emergency flags again and again"),
        RuleCode::Si1 => ("自查答复与设备记录不一致", "self-check against the records"),
        RuleCode::ChainGap => ("记录链有缺口", "a gap in the box's chain"),
        RuleCode::ChainFork => ("记录链不相接", "the box's chain does not link"),
        RuleCode::ChainRefused => ("消息被拒收", "messages refused"),
        RuleCode::ChainBreak => ("记录链重新开始", "the box's chain began again"),
        RuleCode::BoxBudget => ("消息超出限额", "more messages than allowed"),
        RuleCode::EvidenceGone => ("应保全画面缺失", "held pictures are gone"),
        RuleCode::EvidenceRoom => ("封存画面容量不足", "too little room for sealed pictures"),
        RuleCode::BoxRetired => ("设备自行停用", "box ended its own service"),
        RuleCode::InstallersTest => ("安装测试", "the installer's test"),
        RuleCode::Other(_) => ("其他规则", "another rule"),
    }
}
