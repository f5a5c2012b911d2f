//! The words of a case's paper: what was found, who reviewed it, which electronic data go along.
//! Reads the case as its JSON has it, so that the paper says nothing that the file beside it does
//! not. What a box took back is named as such and alleges nothing of anybody.

mod finding;

use std::collections::BTreeMap;

use protocol::down::{PractitionerCategory, RegistrationStatus};
use protocol::id::PersonId;
use protocol::up::{FindingReport, Step, WithdrawalCause};
use serde::Serialize;

use super::names::beside;
use super::times::dated;
use super::words::Lang;
use crate::alert::AlertState;
use crate::alert_view::WholeForAuthority;
use crate::clock::At;
use crate::model::{Institution, Name, Practitioner};
use crate::paper::Block;
use finding::found;

/// What `case.json` holds, and the paper says.
#[derive(Debug, Serialize)]
pub(in crate::web) struct CaseFile {
    #[serde(flatten)]
    pub(in crate::web) whole: WholeForAuthority,
    /// Whom its findings name; nobody else.
    pub(in crate::web) persons: Vec<NamedPerson>,
    pub(in crate::web) institution_registered: Option<Institution>,
    pub(in crate::web) package: PackageMade,
}

/// A person as the register has it.
#[derive(Debug, Serialize)]
pub(in crate::web) struct NamedPerson {
    id: PersonId,
    name: Name,
    category: PractitionerCategory,
    registration: RegistrationStatus,
}

impl From<Practitioner> for NamedPerson {
    fn from(it: Practitioner) -> Self {
        let Practitioner { id, name, category, registration, .. } = it;
        Self { id, name, category, registration }
    }
}

/// Who took the package, when, and why.
#[derive(Debug, Serialize)]
pub(in crate::web) struct PackageMade {
    pub(in crate::web) made_at: At,
    pub(in crate::web) by: String,
    pub(in crate::web) why: String,
    pub(in crate::web) format: &'static str,
}

/// A file of the package with its checksums.
pub(in crate::web) struct ListedFile {
    pub(in crate::web) name: String,
    pub(in crate::web) bytes: usize,
    pub(in crate::web) sha256: String,
    pub(in crate::web) sm3: String,
}

/// What the paper says beside that.
pub(in crate::web) struct CasePaperContext {
    /// The item by its name.
    pub(in crate::web) item: String,
    /// Acts of the penalty case: what and when, and what was entered.
    pub(in crate::web) procedure: Vec<(String, String)>,
    /// Names of whoever took a step, by login.
    pub(in crate::web) signers: BTreeMap<String, String>,
}

pub(in crate::web) fn blocks(
    l: Lang,
    title: &str,
    case: &CaseFile,
    about: &CasePaperContext,
    files: &[ListedFile],
) -> Vec<Block> {
    let mut out = heading(l, title, case, about);
    out.push(Block::Heading(l.t("一、发现的情况", "1. What was found").to_owned()));
    for finding in &case.whole.alert.findings {
        if finding.report.step == Step::Withdrawn {
            taken_back(l, &finding.report, &mut out);
        } else {
            found(l, case, finding, &mut out);
        }
    }
    course(l, case, &mut out);
    answers(l, case, &mut out);
    out.push(Block::Heading(l.t("二、办理与复核", "2. Steps and reviews").to_owned()));
    steps(l, case, about, &mut out);
    for (act, said) in &about.procedure {
        out.push(Block::Pair(act.clone(), said.clone()));
    }
    disclosed(l, case, &mut out);
    out.push(Block::Heading(l.t("三、物品清单", "3. Items").to_owned()));
    out.push(Block::Text(
        l.t(
            "（由承办人填写）____________________",
            "(filled in by the officer) ____________________",
        )
        .to_owned(),
    ));
    out.push(Block::Heading(l.t("四、电子数据清单", "4. Electronic data").to_owned()));
    electronic(l, files, &mut out);
    out.push(Block::Small(
        l.t(
            "记录链文件可用 zaigang-verify 离线校验；全部文件可用 sha256sum -c SHA256SUMS 核对。",
            "The chain is verified offline by zaigang-verify, all files by sha256sum -c \
            SHA256SUMS.",
        )
        .to_owned(),
    ));
    out.push(Block::Heading(l.t("五、移送", "5. Transfer").to_owned()));
    out.push(Block::Text(
        l.t(
            "移送机关：____________________    接收机关：____________________\n承办人：\
            __________    日期：______年____月____日",
            "From: ____________________    To: ____________________\nOfficer: __________    Date: \
            __________",
        )
        .to_owned(),
    ));
    out
}

/// Every step of the workflow, by whom, and under which law table; the clinic's answers stand
/// elsewhere.
fn steps(l: Lang, case: &CaseFile, about: &CasePaperContext, out: &mut Vec<Block>) {
    for step in case.whole.steps.iter().filter(|step| step.step != "answer") {
        let after = AlertState::parse(&step.state_after).map_or("", |s| l.state(s));
        let note = &step.note;
        let said = format!(
            "{} → {after}{}{note}",
            l.step(&step.step),
            if note.is_empty() { "" } else { l.t("：", ": ") }
        );
        let by = signed(about, &step.by);
        let said = if step.law_version.is_empty() {
            said
        } else {
            match l {
                Lang::Zh => format!("{said}（依据与罚则表 {}）", step.law_version),
                Lang::En => format!("{said} (table of basis and penalty {})", step.law_version),
            }
        };
        out.push(Block::Pair(format!("{} {by}", dated(&step.at)), said));
    }
}

/// A login with the name of its account.
fn signed(about: &CasePaperContext, login: &str) -> String {
    match about.signers.get(login) {
        Some(name) if name != login => format!("{name}（{login}）"),
        _ => login.to_owned(),
    }
}

/// 线索经过: when each finding was raised, changed, closed or taken back, by both clocks.
fn course(l: Lang, case: &CaseFile, out: &mut Vec<Block>) {
    out.push(Block::Text(l.t("线索经过", "Course of the findings").to_owned()));
    let mut rows = vec![
        [
            ("时间（设备）", "Time (box)"),
            ("规则", "Rule"),
            ("级别", "Level"),
            ("经过", "Course"),
            ("服务器接收", "Received"),
        ]
        .map(|(zh, en)| l.t(zh, en).to_owned())
        .to_vec(),
    ];
    for event in &case.whole.events {
        rows.push(vec![
            dated(&event.at),
            event.rule.to_string(),
            format!("L{}", event.severity),
            l.finding_step(&event.step, event.seq == 0),
            dated(&event.received_at),
        ]);
    }
    out.push(Block::Table(rows));
    out.push(Block::Gap);
}

/// 机构说明: what the clinic itself said.
fn answers(l: Lang, case: &CaseFile, out: &mut Vec<Block>) {
    let mut said = case.whole.steps.iter().filter(|step| step.step == "answer").peekable();
    out.push(Block::Text(l.t("机构说明", "The clinic's answer").to_owned()));
    if said.peek().is_none() {
        out.push(Block::Small(l.t("机构尚未说明。", "The clinic has not answered.").to_owned()));
    }
    for answer in said {
        out.push(Block::Pair(dated(&answer.at), answer.note.clone()));
    }
    out.push(Block::Gap);
}

/// A finding that was taken back: named, so that the record is whole; without persons, words,
/// basis or penalty.
fn taken_back(l: Lang, report: &FindingReport, out: &mut Vec<Block>) {
    out.push(Block::Text(format!(
        "{} · {}",
        report.rule,
        l.t("已撤回，不作为线索", "taken back: no lead"),
    )));
    let cause = match report.withdrawn_because {
        Some(WithdrawalCause::OwnCorrection) => l.t("设备自行更正", "the box corrected itself"),
        Some(WithdrawalCause::StatedBefore) => {
            l.t("此前已登记的事实后到", "a fact that had been stated before reached the box later")
        }
        Some(WithdrawalCause::Unknown) | None => "",
    };
    if !cause.is_empty() {
        out.push(Block::Pair(l.t("撤回原因", "Because").to_owned(), cause.to_owned()));
    }
    out.push(Block::Gap);
}

/// 自查先于发现: a fact for 行政处罚法 32 and 33; what it is worth, people decide.
fn disclosed(l: Lang, case: &CaseFile, out: &mut Vec<Block>) {
    for it in &case.whole.disclosed_before {
        let said = format!(
            "{} {}（{} {} · {} {}）",
            it.item,
            it.requirement,
            l.t("行为发生", "deed"),
            dated(&it.event_at),
            l.t("系统发现", "found"),
            dated(&it.found_at),
        );
        let mark = ::law::Mark::Unconfirmed { grade: ::law::Grade::FullText };
        let head = format!(
            "{}（{}）",
            l.t(
                "自查先于发现（行政处罚法第三十二条、第三十三条）",
                "Disclosed before it was found (行政处罚法 32, 33)",
            ),
            l.t(&mark.zh(), &mark.en()),
        );
        out.push(Block::Pair(format!("{head} {}", dated(&it.disclosed_at)), said));
    }
}

/// Whose case it is, where and when, and the sentence of 行政处罚法 41 while it is due.
fn heading(l: Lang, title: &str, case: &CaseFile, about: &CasePaperContext) -> Vec<Block> {
    let CaseFile { whole, package, .. } = case;
    let (alert, registered) = (&whole.alert, case.institution_registered.as_ref());
    let mut out = vec![Block::Title(title.to_owned())];
    let or_nothing = |text: Option<&String>| text.cloned().unwrap_or_default();
    let pair = |zh: &str, en: &str, value: String| Block::Pair(l.t(zh, en).to_owned(), value);
    let name = registered.map_or("", |it| it.name.as_str());
    out.extend([
        pair("机构", "Institution", beside(l, name, &alert.institution)),
        pair(
            "统一社会信用代码 / 登记号",
            "Registration code",
            or_nothing(registered.and_then(|it| it.code.as_ref())),
        ),
        pair("地址", "Address", or_nothing(registered.and_then(|it| it.address.as_ref()))),
        pair("诊室", "Room", alert.room.clone()),
        pair("项目", "Item", about.item.clone()),
        pair("设备", "Box", alert.device.clone()),
        pair("诊疗活动", "Session", or_nothing(alert.session.as_ref())),
        pair("级别", "Severity", alert.severity.clone()),
        pair("状态", "State", l.state(alert.state).to_owned()),
        pair("案号", "Case number", or_nothing(alert.case_number.as_ref())),
        pair("发生（设备时钟）", "Raised (box's clock)", dated(&alert.raised_at)),
        pair("接收（服务器时钟）", "Received (server's clock)", dated(&alert.received_at)),
        pair("导出", "Exported", format!("{} · {}", dated(&package.made_at), package.by)),
        pair("事由", "Reason", package.why.clone()),
    ]);
    out.retain(|block| !matches!(block, Block::Pair(_, value) if value.is_empty()));
    let notice = l.t(&whole.law.monitoring.notice_zh, &whole.law.monitoring.notice_en);
    if !notice.is_empty() {
        out.push(Block::Text(notice.to_owned()));
    }
    out
}

/// Each file with its size and checksums.
fn electronic(l: Lang, files: &[ListedFile], out: &mut Vec<Block>) {
    for file in files {
        let size = format!("{} {}", file.bytes, l.t("字节", "bytes"));
        out.push(Block::Pair(file.name.clone(), size));
        out.push(Block::Small(format!("SHA-256 {}", file.sha256)));
        out.push(Block::Small(format!("SM3 {}", file.sm3)));
    }
}
