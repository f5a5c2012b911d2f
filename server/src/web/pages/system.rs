//! What stands behind the daily work: an overview of the pages that a role may open, and what is
//! deleted when.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use jiff::ToSpan as _;

use super::frame::{PageFrame, dated, local, render, shown};
use super::system_servers::Servers;
use super::withdrawal_receipts;
use crate::access::{Right, Who};
use crate::app::App;
use crate::certificates::{CertificateExpiry, CertificateOwner};
use crate::clock::{self, At};
use crate::mqtt::BrokerLink;
use crate::problem::Problem;
use crate::store::StoreError;
use crate::web::api::calendar::calendar;
use crate::web::api::running::{self, FilingDuty};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::may_open;
use crate::web::request::rights::{KEEPERS, PEOPLE};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/system", page).roles(PEOPLE),
        Endpoint::page("/retention", retention).roles(KEEPERS).audited(),
    ]
}

/// Address, zh, en, and what it is for in both languages.
const PAGES: [(&str, &str, &str, &str, &str); 17] = [
    (
        "/requests",
        "本人请求",
        "People's requests",
        "执业人员对登记的更正要求、对案件的说明",
        "Corrections of the registry and answers to cases by practitioners",
    ),
    (
        "/cases",
        "案件与期限",
        "Cases and terms",
        "在办案件的法定期限、程序与文书",
        "Statutory terms, procedure and documents of running cases",
    ),
    (
        "/checks",
        "替代核验",
        "Checks without a face",
        "刷卡 + PIN + 见证人",
        "Card, PIN and witness",
    ),
    (
        "/import",
        "表格导入导出",
        "Tables in and out",
        "CSV：机构、人员、诊室、项目、诊疗活动",
        "CSV: institutions, practitioners, rooms, items, sessions",
    ),
    (
        "/law",
        "依据与罚则",
        "Basis and penalty",
        "条文、核对程度、法制审核",
        "Articles, how far they were read, legal review",
    ),
    (
        "/case-templates/opening_report",
        "文书模板",
        "Templates of documents",
        "案件文书的正文、填写项与历次版本",
        "Texts of case documents, what fills them in, every version",
    ),
    (
        "/room-classes",
        "诊室隐私级别",
        "Privacy class of rooms",
        "机构提出、主管机关确认；脱衣诊室仅门口签到",
        "Proposed by the clinic, confirmed by the authority",
    ),
    (
        "/filing",
        "人脸信息备案",
        "Filing of stored faces",
        "满 10 万人、变更、终止：期限与材料",
        "100,000 people, a change, the end: terms and papers",
    ),
    (
        "/impact-assessments",
        "影响评估",
        "Impact assessment",
        "法定四项：填写、打印、历次版本",
        "The four items of the law: written, printed, every version",
    ),
    (
        "/calendar",
        "工作日历",
        "Working days",
        "办案期限所用的节假日",
        "Holidays that the case's deadlines count",
    ),
    (
        "/policy",
        "判定策略",
        "Policy",
        "每个数值、来源与历史",
        "Every number, its source and history",
    ),
    (
        "/retention",
        "留存与删除",
        "Retention",
        "何时删除什么；已签名的删除记录",
        "What is deleted when, and the signed deletions",
    ),
    (
        "/evidence",
        "封存画面",
        "Sealed pictures",
        "保管人、申请、何处采集",
        "Custodians, requests, where pictures are taken",
    ),
    (
        "/hooks",
        "通知",
        "Notifications",
        "Webhook 与邮件、免打扰、升级",
        "Webhooks and e-mail, quiet hours, escalation",
    ),
    (
        "/tokens",
        "接口令牌",
        "API tokens",
        "按角色与范围；可吊销",
        "By role and scope; can be revoked",
    ),
    ("/accounts", "账户", "Accounts", "邀请、停用", "Invite and disable"),
    ("/audit", "审计日志", "Audit log", "谁在何时看过什么", "Who looked at what, and when"),
];

#[derive(Template)]
#[template(path = "system.html")]
struct SystemPage {
    f: PageFrame,
    pages: Vec<(&'static str, &'static str, &'static str)>,
    /// Years of terms that run now and have no table of working days.
    years_without_table: Vec<i16>,
    certificates: Vec<CertificateRow>,
    brokers: Vec<BrokerRow>,
    /// Where there may be several.
    servers: Option<Servers>,
}

/// The longest term of a clue, of an answer or of a decision ends within so many days.
const TERMS_REACH_DAYS: i64 = 90;

/// A year whose notice nobody imported: its terms count weekends alone, and people are told.
fn years_without_table(a: &App) -> Result<Vec<i16>, StoreError> {
    let today = clock::today();
    let ahead = today.checked_add(TERMS_REACH_DAYS.days()).unwrap_or(today);
    let calendar = calendar(a)?;
    let mut years = vec![today.year(), ahead.year()];
    years.dedup();
    years.retain(|year| !calendar.knows(*year));
    Ok(years)
}

/// Where, since when it is connected (or what ails it), and what it carried since the start.
struct BrokerRow {
    name: String,
    connected: bool,
    since: String,
    received: u64,
    sent: u64,
    unsent: u64,
}

fn broker_rows(app: &App, l: Lang) -> Vec<BrokerRow> {
    let row = |link: &Arc<BrokerLink>| {
        let (standing, traffic) = (link.standing(), link.traffic());
        // The fault is the library's English.
        let why = match l {
            Lang::Zh => "未连接（原因见服务器日志）".to_owned(),
            Lang::En if standing.fault.is_empty() => "not connected yet".to_owned(),
            Lang::En => format!("not connected: {}", standing.fault),
        };
        BrokerRow {
            name: link.name.clone(),
            connected: standing.since.is_some(),
            since: standing.since.map_or(why, |at| local(&At::from(at))),
            received: traffic.received,
            sent: traffic.sent,
            unsent: traffic.unsent,
        }
    };
    app.brokers.links.iter().map(row).collect()
}

/// Whose, when it runs out (or why that is not known), and whether that is soon.
struct CertificateRow {
    whose: String,
    ends: String,
    soon: bool,
}

fn certificate_rows(app: &App, l: Lang) -> Vec<CertificateRow> {
    let now = clock::now();
    let due = app.certificates.due(now);
    let row = |(whose, at, known): (CertificateOwner, String, CertificateExpiry)| CertificateRow {
        whose: format!("{} {at}", l.t(whose.zh(), whose.en())).trim_end().to_owned(),
        soon: due.iter().any(|due| due.whose == whose && due.at == at)
            || matches!(known, CertificateExpiry::Fault(_)),
        ends: match known {
            CertificateExpiry::ExpiresAt(at) => dated(&At::from(at)),
            CertificateExpiry::Fault(why) => format!("{}: {why}", l.t("未能检查", "not seen")),
        },
    };
    app.certificates.all().into_iter().map(row).collect()
}

async fn page(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let open = |path: &str| may_open(&who, path);
    let pages =
        PAGES.iter().filter(|p| open(p.0)).map(|p| (p.0, l.t(p.1, p.2), l.t(p.3, p.4))).collect();
    let made = async {
        let (certificates, brokers, servers) = if who.may(Right::SeeCertificates) {
            let servers = if app.config.may_be_several() {
                Some(app.blocking(|a| Servers::of(a, l)).await?)
            } else {
                None
            };
            (certificate_rows(&app, l), broker_rows(&app, l), servers)
        } else {
            (Vec::new(), Vec::new(), None)
        };
        let years_without_table = app.blocking(years_without_table).await?;
        let f = PageFrame::of(&app, &who, l, "system", "/system").await?;
        render(&SystemPage { f, pages, years_without_table, certificates, brokers, servers })
    };
    let made = made.await;
    shown(&app, &who, l, made).await
}

#[derive(Template)]
#[template(path = "retention.html")]
struct RetentionPage {
    f: PageFrame,
    jobs: Vec<JobRow>,
    audit_since: String,
    audit_entries: i64,
    persons: i64,
    filing: FilingDuty,
    tombstones: Vec<(String, String, String)>,
    in_all: usize,
    holds: bool,
    fault: String,
}

struct JobRow {
    what: &'static str,
    kept: String,
    basis: String,
    setting: &'static str,
    last: String,
    next: String,
    removed: i64,
    in_all: i64,
}

/// The principles of a job by what they ask.
fn basis(l: Lang, codes: &str) -> String {
    let said = codes.split(", ").map(|code| match code {
        "P7" => l.t("画面封存", "pictures stay sealed"),
        "P8" => l.t("限期保存", "kept for a time only"),
        "P9" => l.t("删除留痕", "deletions on record"),
        "P15" => l.t("不作考勤绩效", "no attendance, no performance"),
        _ => l.t("隐私要求", "a privacy rule"),
    });
    said.collect::<Vec<_>>().join(l.t("、", ", "))
}

async fn retention(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make_retention(&app, &who, l).await;
    shown(&app, &who, l, made).await
}

async fn make_retention(app: &Arc<App>, who: &Who, l: Lang) -> Result<Response, Problem> {
    let reader = who.clone();
    let seen = app.blocking(move |a| running::retention(a, &reader)).await?;
    let time = |at: &Option<At>| at.as_ref().map_or_else(|| "—".to_owned(), local);
    let jobs = seen.jobs.iter().map(|j| JobRow {
        what: l.t(j.zh, j.en),
        kept: duration(l, j.kept_h),
        basis: basis(l, j.basis),
        setting: j.setting,
        last: time(&j.last_at),
        next: time(&j.next_at),
        removed: j.last_removed,
        in_all: j.removed_in_all,
    });
    render(&RetentionPage {
        jobs: jobs.collect(),
        audit_since: time(&seen.audit_since),
        audit_entries: seen.audit_entries,
        persons: seen.persons_with_templates,
        filing: seen.filing,
        tombstones: seen
            .tombstones
            .into_iter()
            .map(|t| (local(&t.at), t.person, withdrawal_receipts::reason(l, &t.reason)))
            .collect(),
        in_all: seen.tombstones_in_all,
        holds: seen.ledger_holds,
        fault: seen.ledger_fault,
        f: PageFrame::of(app, who, l, "system", "/retention").await?,
    })
}

fn duration(l: Lang, hours: i64) -> String {
    if hours % 24 == 0 && hours > 24 {
        format!("{} {}", hours / 24, l.t("天", "days"))
    } else {
        format!("{hours} {}", l.t("小时", "h"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P14: the page says it, not only a number for machines.
    #[test]
    fn the_page_warns_of_the_filing_duty_from_80_000_persons() {
        let page = |persons| {
            let page = RetentionPage {
                f: PageFrame::for_test(Lang::Zh),
                jobs: Vec::new(),
                audit_since: String::new(),
                audit_entries: 0,
                persons,
                filing: FilingDuty::at(persons),
                tombstones: Vec::new(),
                in_all: 0,
                holds: true,
                fault: String::new(),
            };
            page.render().unwrap()
        };
        assert!(!page(79_999).contains("请准备备案"), "too early");
        assert!(page(80_000).contains("请准备备案"));
        assert!(page(100_000).contains("30 个工作日内"));
    }
}
