//! One session by page: what was declared and changed, what the box saw of it, the leads that came
//! of it, and its steps.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use protocol::up::{PresenceEvidence, PresenceSummary};

use super::forms::{Given, moment};
use super::frame::{PageFrame, line, local, render, shown};
use super::session_form::{declare, make_form};
use super::sessions::{SessionRow, known, row};
use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::problem::Problem;
use crate::store::{AlertFilter, SessionChange, StoreError};
use crate::web::api::sessions::{SessionStep, find, take};
use crate::web::endpoint::Endpoint;
use crate::web::request::actor::told_of;
use crate::web::request::rights::SIGHT;
use crate::web::request::scope::scoped;
use crate::web::view::names::{Label, Names};
use crate::web::view::statements::change_words;
use crate::web::view::words::Lang;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::page("/sessions/{id}", detail).roles(SIGHT).audited(),
        Endpoint::form("/sessions/{id}", submit).roles(&[Role::Clinic]).audited(),
    ]
}

#[derive(Template)]
#[template(path = "session.html")]
#[expect(clippy::struct_excessive_bools, reason = "what the page shows, each by itself")]
struct SessionPage {
    f: PageFrame,
    s: SessionRow,
    summary: Vec<(&'static str, String)>,
    /// Of those who were declared: who was verified, and what that rests on.
    verified: Vec<(Label, String)>,
    alerts: Vec<(String, i64, u8, String)>,
    /// Time, by whom, what, why.
    changes: Vec<(String, Label, String, String)>,
    fault: String,
    may_change: bool,
    emergency: bool,
    declined: bool,
    closed: bool,
}

#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct DetailQuery {
    #[serde(default)]
    edit: String,
    /// A room's QR code leads to the form with the room chosen.
    #[serde(default)]
    room: String,
}

async fn detail(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
    Query(query): Query<DetailQuery>,
) -> Response {
    let declares = id == "new" || !query.edit.is_empty();
    let made = if declares && !may_change(&who) {
        Err(not_declared_by_readers())
    } else if declares {
        let chosen = (!query.room.is_empty()).then(|| {
            let mut given = Given::default();
            given.set("room", vec![query.room]);
            given
        });
        make_form(&app, &who, l, &id, chosen, None).await
    } else {
        make_detail(&app, &who, l, &id, String::new()).await
    };
    shown(&app, &who, l, made).await
}

/// Whoever reads sessions is not shown a form that they can not send.
fn not_declared_by_readers() -> Problem {
    Problem {
        zh: Some("诊疗活动由机构登记和更改，您只能查看".into()),
        ..Problem::new(
            StatusCode::FORBIDDEN,
            "sessions are declared by their clinic: you may read them",
        )
    }
}

async fn submit(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(id): Path<String>,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Response {
    let given = Given::of(pairs);
    let made = if given.text("step").is_empty() {
        declare(&app, &who, l, id, given).await
    } else {
        step(&app, &who, l, &id, &given).await
    };
    shown(&app, &who, l, made).await
}

async fn step(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: &str,
    given: &Given,
) -> Result<Response, Problem> {
    let reason = Some(given.text("reason").to_owned());
    let step = match given.text("step") {
        "close" => moment("end", given.text("end")).map(|end| SessionStep::Close { end, reason }),
        "cancel" => Ok(SessionStep::Cancel { reason }),
        "emergency" => Ok(SessionStep::Emergency { raised: true, reason }),
        "no_emergency" => Ok(SessionStep::Emergency { raised: false, reason }),
        "decline" => Ok(SessionStep::Decline { declined: true, reason: None }),
        "no_decline" => Ok(SessionStep::Decline { declined: false, reason }),
        "reopen" => Ok(SessionStep::Reopen { reason }),
        other => Err(format!("step: `{}` is none", super::forms::clip(other))),
    };
    let taken = match step {
        Ok(step) => take(app, who, id, step).await,
        Err(fault) => Err(Problem::unprocessable(fault)),
    };
    match taken {
        Ok(_) => Ok(Redirect::to(&format!("/sessions/{id}")).into_response()),
        Err(problem) if problem.status.is_server_error() => Err(problem),
        Err(problem) => make_detail(app, who, l, id, line(l, problem)).await,
    }
}

async fn make_detail(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    id: &str,
    fault: String,
) -> Result<Response, Problem> {
    let session = find(app, who, id).await?;
    let (wanted, one) = (id.to_owned(), session.clone());
    let (known, (changes, people), (alerts, lead_only), verified) = app
        .blocking(move |a| {
            let filter =
                AlertFilter { session: Some(wanted.clone()), limit: 20, ..AlertFilter::default() };
            let filter = scoped(filter, who);
            let declared = one.declared_lead.iter().chain(&one.declared_operators);
            let declared: Vec<String> = declared.map(ToString::to_string).collect();
            let changes =
                told_of(a, who, a.store.session_changes(&wanted)?, |change| &mut change.by)?;
            let people = Names::colleagues(a, who, changes.iter().map(|c| c.by.as_str()))?;
            Ok::<_, StoreError>((
                known(a, who, std::slice::from_ref(&one))?,
                (changes, people),
                seen_alerts(a, &filter)?,
                a.store.verified_in(&wanted, &declared)?,
            ))
        })
        .await?;
    let kinds = |kinds: &[String]| kinds.iter().map(|k| l.kind(k)).collect::<Vec<_>>().join(" · ");
    let page = SessionPage {
        verified: verified
            .iter()
            .map(|(person, evidence)| (known.person(person), rests_on(l, evidence.as_ref())))
            .collect(),
        summary: known.summaries.get(id).map(|s| summary(l, s)).unwrap_or_default(),
        alerts: alerts
            .iter()
            .map(|a| (a.id.to_string(), a.number.of(who), a.severity, kinds(&a.kinds)))
            .collect(),
        changes: changes
            .iter()
            .enumerate()
            .map(|(n, c)| {
                let before = n.checked_sub(1).and_then(|n| changes.get(n));
                change(l, before, c, people.person(l, &c.by))
            })
            .collect(),
        fault,
        may_change: may_change(who),
        emergency: session.emergency,
        declined: session.declined,
        closed: session.end.is_some() || session.cancelled,
        s: row(l, &session, &known),
        f: PageFrame::of(app, who, l, "sessions", &format!("/sessions/{id}"))
            .await?
            .lead_only(lead_only),
    };
    let refused = !page.fault.is_empty();
    let mut response = render(&page)?;
    if refused {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// What a verification rests on, in the reader's language.
fn rests_on(l: Lang, evidence: Option<&PresenceEvidence>) -> String {
    let said = wording::evidence(evidence);
    if l == Lang::Zh { said.zh } else { said.en }
}

/// The leads of a session, and whether one of them is a lead alone.
fn seen_alerts(
    a: &App,
    filter: &AlertFilter,
) -> Result<(Vec<crate::store::Alert>, bool), StoreError> {
    let alerts = a.store.alerts(filter)?;
    crate::web::request::sight::note(a, &alerts)?;
    let lead_only = crate::legal::Standings::any_is_lead_only(&a.store, &alerts)?;
    Ok((alerts, lead_only))
}

fn may_change(who: &Who) -> bool {
    who.may(Right::DeclareSessions)
}

fn summary(l: Lang, s: &PresenceSummary) -> Vec<(&'static str, String)> {
    let percent = |ppm: u32| format!("{}.{} %", ppm / 10_000, ppm / 1000 % 10);
    let yes = |is: bool| if is { l.t("是", "yes") } else { l.t("否", "no") }.to_owned();
    let because = s.not_assessable_because.iter().map(|w| l.unjudged(w));
    let mut rows = vec![
        (l.t("可判定", "Assessable"), yes(s.assessable)),
        (l.t("原因", "Because of"), because.collect::<Vec<_>>().join(l.t("、", ", "))),
        (l.t("操作时段可见度", "Visibility while operating"), percent(s.visibility_over_a_ppm)),
        (l.t("全时段可见度", "Visibility over the session"), percent(s.visibility_over_i_ppm)),
        (l.t("核实登记主诊到场", "Declared lead verified"), yes(s.lead_verified)),
        (l.t("见到就诊者以外的面部", "A face other than a patient's was seen"), yes(s.face_seen)),
        (l.t("身份未定的轨迹", "Undecided tracks"), s.indeterminate_tracks.to_string()),
        (l.t("非在册的轨迹", "Tracks of nobody registered"), s.unmatched_tracks.to_string()),
        (
            l.t("未能判定（弃权）的规则", "Rules that could not decide (abstained)"),
            s.undecided
                .iter()
                .map(|u| l.abstained(&u.rule, &u.reason))
                .collect::<Vec<_>>()
                .join(l.t("；", "; ")),
        ),
    ];
    rows.retain(|(_, value)| !value.is_empty());
    if s.liveness_waived {
        rows.push((
            l.t("活体检测", "Liveness"),
            l.t("已豁免（演示）", "waived (not production)").to_owned(),
        ));
    }
    rows
}

/// When, who, what changed against the version before, and why.
fn change(
    l: Lang,
    before: Option<&SessionChange>,
    c: &SessionChange,
    by: Label,
) -> (String, Label, String, String) {
    let by = if by.is_empty() { Label::new("—", "") } else { by };
    (local(&c.at), by, change_words(l, before, c), c.reason.clone())
}
