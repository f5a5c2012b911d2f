//! `/api/v1/law`: basis and penalty per matter, and what the authority's lawyer decides of them.
//! The table itself is `crates/law`; every decision stands beside it with who, when and why.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use law::{Against, CitationKind, Decision, LawyerVerdict, Legal, Matter};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::access::{Right, Role, Who};
use crate::app::App;
use crate::clock::At;
use crate::legal;
use crate::problem::{JsonBody, Problem, prose};
use crate::web::answer::Created;
use crate::web::endpoint::Endpoint;
use crate::web::request::deed;
use crate::web::request::rights::PERSONS_ALONE;
use crate::web::request::rights::{PEOPLE, POLICY};

pub(in crate::web) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::get("/api/v1/law", get_law)
            .roles(PEOPLE)
            .summary("Basis and penalty per matter, with every decision of a lawyer"),
        Endpoint::post("/api/v1/law", post_decision)
            .roles(POLICY)
            .audited()
            .summary("Confirm, change, strike out or add an article of the law table"),
    ]
}

/// The whole table with its history.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct LawTable {
    /// The shipped version, and how many decisions stand beside it.
    pub version: String,
    pub matters: Vec<Legal>,
    /// Oldest first; none for readers outside the authority.
    pub decisions: Vec<Decision>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::web) struct LawVersion {
    pub version: String,
}

/// One word of a lawyer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct DecisionBody {
    pub matter: Matter,
    pub kind: CitationKind,
    /// The instrument's name, such as 医师法.
    pub law: String,
    /// The article as it stands in the table; of `added`: the new one.
    pub article: String,
    pub verdict: LawyerVerdict,
    /// Of `changed`: the article that stands instead.
    #[serde(default)]
    pub new_article: String,
    /// Of `changed` and `added`.
    #[serde(default)]
    pub edition: String,
    /// Of `changed` and `added`: the article's words in short.
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub against: Option<Against>,
    /// Why, with the source.
    pub note: String,
}

async fn get_law(State(app): State<Arc<App>>, who: Who) -> Result<Json<LawTable>, Problem> {
    Ok(Json(app.blocking(move |a| whole(a, &who)).await?))
}

/// The table as this reader may know it: a clinic and its suppliers learn that the authority
/// confirmed an article, never who of it, nor why. Blocking.
pub(in crate::web) fn whole(a: &App, who: &Who) -> Result<LawTable, Problem> {
    let mut decisions = a.store.law_decisions()?;
    let table = law::Table::shipped().with(decisions.clone());
    let mut matters: Vec<Legal> =
        Matter::ALL.into_iter().filter_map(|m| table.of(m, None)).collect();
    if matches!(who.role, Role::Clinic | Role::Integrator) {
        decisions.clear();
        matters = matters.into_iter().map(Legal::for_outsiders).collect();
    }
    Ok(LawTable { version: table.version(), matters, decisions })
}

async fn post_decision(
    State(app): State<Arc<App>>,
    who: Who,
    JsonBody(it): JsonBody<DecisionBody>,
) -> Result<Created<LawVersion>, Problem> {
    Ok(Created(decide(&app, &who, it).await?))
}

pub(in crate::web) async fn decide(
    app: &Arc<App>,
    who: &Who,
    it: DecisionBody,
) -> Result<LawVersion, Problem> {
    if who.by_token {
        return Err(Problem::new(StatusCode::FORBIDDEN, PERSONS_ALONE));
    }
    if !who.may(Right::DecideForAll) {
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "law: the table holds for every jurisdiction; an account without a scope decides",
        ));
    }
    deed::did(format!("law table: {} {} {} {:?}", it.matter, it.law, it.article, it.verdict));
    let decision = Decision {
        matter: it.matter,
        kind: it.kind,
        law: prose("law", &it.law, 60)?,
        article: prose("article", &it.article, 60)?,
        verdict: it.verdict,
        edition: prose("edition", &it.edition, 120)?,
        new_article: prose("new_article", &it.new_article, 60)?,
        text: prose("text", &it.text, 400)?,
        against: it.against,
        note: prose("note", &it.note, 400)?,
        by: who.name.clone(),
        at: At::now().to_string(),
    };
    app.blocking(move |a| {
        let table = legal::table(&a.store)?;
        let standing = table.of(decision.matter, None).map(|legal| match decision.kind {
            CitationKind::Basis => legal.basis,
            CitationKind::Penalty => legal.penalties,
        });
        decision
            .check(&standing.unwrap_or_default())
            .map_err(|e| Problem::unprocessable(e.to_string()))?;
        a.store.decide_law(&decision)?;
        Ok::<_, Problem>(LawVersion { version: legal::table(&a.store)?.version() })
    })
    .await
}
