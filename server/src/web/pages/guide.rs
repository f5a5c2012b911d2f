//! The one-page guide behind "?": what a role does on a day, the keys, and where the rest stands.
//! Text only, by role.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::frame::{PageFrame, render, shown};
use crate::access::{Role, Who};
use crate::app::App;
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::PEOPLE;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::page("/guide", page).roles(PEOPLE)]
}

/// A step of a role's day: heading and text in zh, then in en, and the page it happens on.
type Step = (&'static str, &'static str, &'static str, &'static str, &'static str);

const SUPERVISOR: &[Step] = &[
    (
        "看线索",
        "收件箱按事件排列：左侧色条为级别，L3 须优先处理；逾期以红字标出。点开可见时间轴、说明、依\
        据与记录链。",
        "Read the leads",
        "The inbox lists incidents: the bar is the severity, L3 comes first, overdue stands in \
        red. A lead's page shows the timeline, the explanation, the basis and the chain.",
        "/",
    ),
    (
        "两人复核",
        "受理后给出「认为成立」或「认为应排除」（须选原因）。两名不同人员意见一致才成为线索成立或\
        排除；同一人不能复核两次。",
        "Two reviews",
        "Take a lead, then uphold it or dismiss it with a reason. Two different people must \
        agree; nobody reviews twice.",
        "/",
    ),
    (
        "现场与立案",
        "线索成立后转现场核查，再立案（填案号）或查无实据；移送材料用「案件材料包」导出，内含校验\
        和与记录链。",
        "On site and case",
        "An upheld lead goes on site, then to a case with its number, or to nothing found. The \
        case package holds checksums and the chain.",
        "/",
    ),
    (
        "确认采集",
        "机构提交的人脸采集须与注册照片比对后确认；未确认前不会据此认定任何人。退回须写原因。",
        "Confirm enrolments",
        "Compare a clinic's proposal with the registry photograph and confirm it; before that it \
        identifies nobody. A refusal needs a reason.",
        "/people",
    ),
    (
        "维护登记",
        "机构、人员、主诊备案、诊室、项目与通行证；可表格导入，先试运行逐行列出问题。",
        "Keep the registry",
        "Institutions, people, lead filings, rooms, items and passes; tables can be imported, a \
        dry run lists every row's fault.",
        "/registry",
    ),
];

const REVIEWER: &[Step] = &[
    SUPERVISOR[0],
    SUPERVISOR[1],
    (
        "批量与视图",
        "勾选多条后可一起受理、指派或给出同一意见；常用筛选可保存为我的视图。",
        "Bulk and views",
        "Tick several leads to take, assign or judge them alike; a filter that you often use can \
        be kept as a view.",
        "/",
    ),
];

const CLINIC: &[Step] = &[
    (
        "登记诊疗活动",
        "用手机扫诊室二维码，选项目与主诊，一分钟完成；结束时点「结束」。迟报与迟关闭会被标出。",
        "Declare a session",
        "Scan the room's QR code, choose item and lead: one minute. Close it at its end. What is \
        told late is marked so.",
        "/sessions",
    ),
    (
        "采集人脸",
        "上传或用摄像头拍摄三张以上正面照片，阅读同意书并签名；由卫生监督员确认后生效。",
        "Enrol a face",
        "Upload or take three or more frontal photographs, read the consent and sign it; it \
        counts once a supervisor confirmed it.",
        "/enrol",
    ),
    (
        "替代核验",
        "识别不出或不愿采集时，刷卡 + PIN + 见证人核验。",
        "Check without a face",
        "Whoever is not recognised or does not enrol is checked by card, PIN and a witness.",
        "/checks",
    ),
    (
        "说明情况",
        "线索的每个阶段都可以填写机构说明；L1 请在 72 小时内自查整改。",
        "Answer",
        "You may answer a lead at every stage; an L1 is yours to correct within 72 hours.",
        "/",
    ),
];

const AUDITOR: &[Step] = &[
    (
        "审计日志",
        "谁在何时看过什么、为哪一案；可检索、可导出，记录以哈希相连，可用 zaigang-verify 校验。",
        "The audit log",
        "Who read what, when and for which case; searchable, exportable, hash-chained, verified \
        by zaigang-verify.",
        "/audit",
    ),
    (
        "留存与删除",
        "每项数据保存多久、何时删除、已签名的删除记录。",
        "Retention",
        "How long each kind of data is kept, when it goes, and the signed deletions.",
        "/retention",
    ),
    SUPERVISOR[0],
];

const ADMIN: &[Step] = &[
    (
        "账户与令牌",
        "邀请链接只能用一次；接口令牌按角色与范围发放，可吊销。",
        "Accounts and tokens",
        "An invitation works once; API tokens have a role and a scope and can be revoked.",
        "/accounts",
    ),
    (
        "设备",
        "登记设备得到一次性令牌，设备接入后在此查看状态、版本、时钟与记录链。",
        "Boxes",
        "Registering a box gives a single-use token; its state, versions, clock and chain stand \
        here.",
        "/devices",
    ),
    (
        "判定策略与通知",
        "判定策略的每次更改都留下原因；通知只发往配置文件允许的地址。",
        "Policy and notifications",
        "Each change of a number keeps its reason; notifications go only where the configuration \
        allows.",
        "/policy",
    ),
];

const INTEGRATOR: &[Step] = &[(
    "接口",
    "以令牌调用 /api/v1；说明见 /api/v1/openapi.json。登记表也可在此导入导出。",
    "The API",
    "Call /api/v1 with a token; /api/v1/openapi.json describes it. Tables can be imported and \
    exported here too.",
    "/import",
)];

const KEYS: [(&str, &str, &str); 7] = [
    ("j / k", "下一条 / 上一条", "next / previous lead"),
    ("Enter", "打开", "open"),
    ("x", "勾选", "tick"),
    ("u", "返回收件箱", "back to the inbox"),
    ("/", "到筛选", "to the filter"),
    ("?", "本页", "this page"),
    ("Tab", "依次到达每个控件", "reaches every control in turn"),
];

#[derive(Template)]
#[template(path = "guide.html")]
struct GuidePage {
    f: PageFrame,
    role: &'static str,
    steps: Vec<(&'static str, &'static str, &'static str)>,
    keys: Vec<(&'static str, &'static str)>,
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    // With accounts switched off the demonstration's visitor is shown the supervisor's day.
    let role = if who.open_house { Role::Supervisor } else { who.role };
    let steps = match role {
        Role::Supervisor => SUPERVISOR,
        Role::Reviewer => REVIEWER,
        Role::Clinic => CLINIC,
        Role::Auditor => AUDITOR,
        Role::Integrator => INTEGRATOR,
        Role::Admin | Role::Public | Role::Partner => ADMIN,
    };
    let made = match PageFrame::of(&app, &who, l, "guide", "/guide").await {
        Ok(f) => render(&GuidePage {
            f,
            role: l.role(role),
            steps: steps.iter().map(|s| (l.t(s.0, s.2), l.t(s.1, s.3), s.4)).collect(),
            keys: KEYS.iter().map(|k| (k.0, l.t(k.1, k.2))).collect(),
        }),
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}
