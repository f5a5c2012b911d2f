//! A person's own page, and the supervisors' page of what people asked for on it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use law::Matter;

use super::forms::Given;
use super::frame::{PageFrame, dated, line, local, render_as, shown};
use crate::access::Who;
use crate::app::App;
use crate::consent::{self, ConsentPurpose};
use crate::problem::Problem;
use crate::store::{PersonalRequest, RequestSubject};
use crate::web::api::consents::TextToSign;
use crate::web::api::own_data::{
    OwnCase, OwnData, Reader, RequestAnswerBody, answer, read, visible,
};
use crate::web::endpoint::Endpoint;
use crate::web::request::rights::AUTHORITY;
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::alert_facts::by_law;
use crate::web::view::case_words::penalties;
use crate::web::view::law_words::MatterView;
use crate::web::view::names::{Label, Names};
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/requests", requests).roles(AUTHORITY).audited(),
        Endpoint::form("/requests", submit).roles(AUTHORITY).audited(),
    ]
}

#[derive(Template)]
#[template(path = "own_data.html")]
struct OwnPage {
    f: PageFrame,
    /// The articles of the law table.
    law: String,
    token: String,
    registered: Vec<(&'static str, String)>,
    consents: Vec<[String; 4]>,
    to_sign: Vec<SignView>,
    enrolments: Vec<[String; 5]>,
    readings: Vec<[String; 4]>,
    cases: Vec<CaseView>,
    requests: Vec<RequestView>,
    fault: String,
    done: bool,
}

/// A newer consent text in the reader's language.
struct SignView {
    institution: String,
    name: String,
    text: consent::Text,
    text_sha256: String,
}

fn sign_view(l: Lang, it: &TextToSign) -> SignView {
    let (text, text_sha256) = match l {
        Lang::Zh => (it.zh.clone(), it.zh_sha256.clone()),
        Lang::En => (it.en.clone(), it.en_sha256.clone()),
    };
    let (institution, name) = (it.institution.clone(), it.institution_name.clone());
    SignView { institution, name, text, text_sha256 }
}

struct CaseView {
    alert: String,
    number: i64,
    institution: String,
    raised: String,
    told_on: String,
    stage: &'static str,
    /// The sentence of 行政处罚法 41, where it is due.
    notice: String,
    alleged: Vec<AllegedView>,
    is_party: bool,
    penalties: String,
}

struct AllegedView {
    kind: String,
    said: String,
    legal: Option<MatterView>,
}

struct RequestView {
    id: i64,
    about: &'static str,
    alert: String,
    at: String,
    text: String,
    answer: String,
    answered: String,
}

fn request(l: Lang, it: PersonalRequest) -> RequestView {
    let answered = match (&it.answered_by, &it.answered_at) {
        (Some(by), Some(at)) => format!("{by} {}", local(at)),
        (None, Some(at)) => format!("{} {}", reader(l, Reader::Authority), local(at)),
        _ => String::new(),
    };
    RequestView {
        about: match it.about {
            RequestSubject::Correction => l.t("更正登记信息", "correction of the registry"),
            RequestSubject::Answer => l.t("对案件的说明", "answer to a case"),
        },
        id: it.id,
        alert: it.alert.unwrap_or_default(),
        at: local(&it.at),
        text: it.text,
        answer: it.answer.unwrap_or_default(),
        answered,
    }
}

fn reader(l: Lang, it: Reader) -> &'static str {
    match it {
        Reader::Authority => l.t("主管机关", "the authority"),
        Reader::Institution => l.t("机构", "the institution"),
        Reader::Yourself => l.t("本人", "yourself"),
    }
}

fn purpose(l: Lang, it: ConsentPurpose) -> &'static str {
    match it {
        ConsentPurpose::Recognition => l.t("识别", "recognition"),
        ConsentPurpose::ServerStorage => {
            l.t("服务器存储与传输", "storage on the server, transmission")
        }
        ConsentPurpose::KeepPhoto => l.t("留存照片", "photograph kept"),
    }
}

fn registered(l: Lang, own: &OwnData) -> Vec<(&'static str, String)> {
    let it = &own.registered;
    let name = |id: &str| own.site_names.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let sites: Vec<String> = it.sites.iter().map(|s| name(s.institution.as_str())).collect();
    let unset = || l.t("未设置", "not set").to_owned();
    let card = own.card_set_at.as_ref().map_or_else(unset, dated);
    vec![
        (l.t("姓名", "Name"), it.name.0.clone()),
        (l.t("编号", "Id"), it.id.to_string()),
        (l.t("类别", "Category"), l.category(it.category)),
        (l.t("注册状态", "Registration"), l.registration(it.registration)),
        (l.t("执业机构", "Institutions"), sites.join("、")),
        (l.t("卡与 PIN 设置于", "Card and PIN set"), card),
    ]
}

fn case(l: Lang, it: &OwnCase) -> CaseView {
    CaseView {
        alert: it.alert.clone(),
        number: it.number,
        institution: it.institution_name.clone(),
        raised: dated(&it.raised_at),
        told_on: it.told_on.to_string(),
        stage: l.t(it.stage.zh(), it.stage.en()),
        notice: l.t(&it.monitoring.notice_zh, &it.monitoring.notice_en).to_owned(),
        is_party: it.is_party,
        penalties: penalties(l, &it.penalties),
        alleged: it
            .alleged
            .iter()
            .map(|one| AllegedView {
                kind: l.finding_kind(one.kind).to_owned(),
                said: l.t(&one.zh, &one.en).to_owned(),
                legal: one.legal.as_ref().map(|legal| MatterView::of(l, legal)),
            })
            .collect(),
    }
}

/// What a reading did, as the person is told: which record was looked at, never a path of a
/// program.
fn looked_at(l: Lang, action: &str) -> String {
    let (method, path) = action.split_once(' ').unwrap_or(("GET", action));
    let path = path.strip_prefix("/api/v1").unwrap_or(path);
    let what = match path.split('/').nth(1).unwrap_or_default() {
        "people" | "practitioners" => l.t("人员登记", "the registry entry"),
        "registry" | "import" => l.t("登记表", "the registry"),
        "enrolments" | "enrol" => l.t("人脸采集记录", "the enrolment"),
        "checks" => l.t("另行核验记录", "checks by card"),
        "sessions" => l.t("诊疗活动登记", "a declared session"),
        "personal" | "personal-requests" => l.t("本人页面", "the own page"),
        "alerts" | "cases" => l.t("已告知的案件", "a case that was told"),
        _ => l.t("其他记录", "another record"),
    };
    let verb = if method == "GET" {
        l.t("查看", "read")
    } else {
        l.t("登记或更改", "entered or changed")
    };
    format!("{verb}：{what}")
}

/// The page of whoever the link was given to.
pub(super) async fn own_page(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    token: &str,
    outcome: Result<bool, String>,
) -> Result<Response, Problem> {
    let own = read(app, token).await?;
    let law = app.blocking(move |a| by_law(a, l, Matter::OwnData)).await?;
    let (done, fault) = match outcome {
        Ok(done) => (done, String::new()),
        Err(fault) => (false, fault),
    };
    let status = if fault.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let purposes =
        |all: &[ConsentPurpose]| all.iter().map(|p| purpose(l, *p)).collect::<Vec<_>>().join("、");
    let page = OwnPage {
        f: PageFrame::of(app, who, l, "", "/login").await?,
        token: token.to_owned(),
        law,
        registered: registered(l, &own),
        consents: own
            .consents
            .iter()
            .map(|c| {
                let at = dated(&c.signed_at);
                [c.institution_name.clone(), c.text_version.clone(), purposes(&c.purposes), at]
            })
            .collect(),
        to_sign: own.to_sign.iter().map(|it| sign_view(l, it)).collect(),
        enrolments: own
            .enrolments
            .iter()
            .map(|e| {
                let held = format!("{} / {}", e.templates, e.photos);
                let state = l.enrolment(e.state);
                let (name, at) = (e.institution_name.clone(), dated(&e.proposed_at));
                [name, state, at, held, e.boxes.join("、")]
            })
            .collect(),
        readings: own
            .readings
            .iter()
            .map(|r| {
                [dated(&r.at), reader(l, r.by).to_owned(), looked_at(l, &r.action), r.why.clone()]
            })
            .collect(),
        cases: own.cases.iter().map(|c| case(l, c)).collect(),
        requests: own.requests.into_iter().map(|r| request(l, r)).collect(),
        fault,
        done,
    };
    render_as(&page, status)
}

#[derive(Template)]
#[template(path = "requests.html")]
struct RequestsPage {
    f: PageFrame,
    requests: Vec<(Label, RequestView)>,
    named: bool,
    fault: String,
}

async fn requests(State(app): State<Arc<App>>, who: Who, l: Lang) -> Response {
    let made = make(&app, &who, l, String::new()).await;
    shown(&app, &who, l, made).await
}

async fn make(app: &Arc<App>, who: &Who, l: Lang, fault: String) -> Result<Response, Problem> {
    let reader = who.clone();
    let (found, names) = app
        .blocking(move |a| {
            let found = visible(a, &reader)?;
            let persons: Vec<String> = found.iter().map(|r| r.person.clone()).collect();
            let names = Names::people(
                a,
                &VisibleInstitutions::of(a, &reader)?,
                persons.iter().map(String::as_str),
            )?;
            Ok::<_, Problem>((found, names))
        })
        .await?;
    let status = if fault.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = RequestsPage {
        f: PageFrame::of(app, who, l, "people", "/requests").await?,
        requests: found.into_iter().map(|r| (names.get(&r.person), request(l, r))).collect(),
        named: !who.open_house,
        fault,
    };
    render_as(&page, status)
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let id = given.text("id").parse().unwrap_or(0);
    let by = Some(given.text("by").to_owned());
    let body = RequestAnswerBody { by, answer: given.text("answer").to_owned() };
    let made = match answer(&app, &who, id, body).await {
        Ok(()) => Ok(Redirect::to("/requests").into_response()),
        Err(problem) if problem.status == StatusCode::UNPROCESSABLE_ENTITY => {
            make(&app, &who, l, line(l, problem)).await
        }
        Err(problem) => Err(problem),
    };
    shown(&app, &who, l, made).await
}
