//! Practitioners of the registry: put in by whoever has a say over all of their sites, and listed
//! to each reader as far as they are their business.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use schemars::JsonSchema;
use serde::Serialize;

use super::{LISTED, Made, Shared, made};
use crate::access::Who;
use crate::app::App;
use crate::clock::At;
use crate::knowledge::Nudge;
use crate::model::Practitioner;
use crate::problem::{JsonBody, Problem};
use crate::store::{RegisterTable, Stated, StoreError, Upsert};
use crate::web::answer::Stored;
use crate::web::request::deed;
use crate::web::request::part::{PartQuery, cut};
use crate::web::request::scope::VisibleInstitutions;

pub(super) async fn post_practitioner(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<Practitioner>,
) -> Result<Stored<Made>, Problem> {
    let id = it.id.to_string();
    made(&app, &who, RegisterTable::Practitioner, put_practitioner(&app, &who, it).await?, id).await
}

pub(in crate::web) const WORKS_ELSEWHERE_TOO: &str = "this person also works where you have no say: only an authority over all of the person's \
     sites changes this";

/// What somebody would change for another's part of the country too: the box there judges by it.
pub(in crate::web) fn not_theirs_to_change(
    seen: &VisibleInstitutions,
    before: &Practitioner,
    after: &Practitioner,
) -> Option<&'static str> {
    if before.sites.iter().all(|site| seen.has(site.institution.as_str())) {
        return None;
    }
    let changed = [
        ("name", before.name != after.name),
        ("category", before.category != after.category),
        ("registration", before.registration != after.registration),
    ];
    changed.into_iter().find(|(_, changed)| *changed).map(|(column, _)| column)
}

/// Sites in another's part of the country are neither added, changed nor taken away.
fn sites_within(
    seen: &VisibleInstitutions,
    before: Option<&Practitioner>,
    it: &mut Practitioner,
) -> Result<(), Problem> {
    let stood = before.map_or(&[][..], |p| &p.sites);
    if before.is_some_and(|p| !p.sites.is_empty() && !seen.person(p)) {
        return Err(Problem::unprocessable(format!("id: `{}` is taken: choose another", it.id)));
    }
    if let Some(column) = before.and_then(|before| not_theirs_to_change(seen, before, it)) {
        return Err(Problem::unprocessable(format!("{column}: {WORKS_ELSEWHERE_TOO}")));
    }
    for site in &it.sites {
        if !seen.has(site.institution.as_str()) && !stood.contains(site) {
            return Err(Problem::unprocessable(format!(
                "sites: institution `{}` is unknown: register it first",
                site.institution
            )));
        }
    }
    for site in stood.iter().filter(|s| !seen.has(s.institution.as_str())) {
        if !it.sites.contains(site) {
            it.sites.push(site.clone());
        }
    }
    Ok(())
}

pub(in crate::web) async fn put_practitioner(
    app: &Arc<App>,
    who: &Who,
    mut it: Practitioner,
) -> Result<Upsert, Problem> {
    it.check().map_err(Problem::unprocessable)?;
    let (sites, who) = (it.sites.clone(), who.clone());
    let (upsert, before) = app
        .blocking(move |a| {
            let before = a.store.practitioner(it.id.as_str())?;
            sites_within(&VisibleInstitutions::of(a, &who)?, before.as_ref(), &mut it)?;
            for site in &it.sites {
                deed::at(site.institution.as_str());
            }
            deed::persons([it.id.as_str()]);
            deed::did(format!("practitioner {}: {}", it.id, deed::changes(before.as_ref(), &it)));
            let upsert = a.store.put_practitioner(&it, At::now())?;
            if before.as_ref() != Some(&it) {
                for site in &it.sites {
                    let said =
                        Stated::practitioner(&who, site.institution.as_str(), it.id.as_str());
                    a.store.state_now(&said, At::now())?;
                }
            }
            Ok::<_, Problem>((upsert, before))
        })
        .await?;
    // A site that they left must hear of it too.
    for site in sites.iter().chain(before.iter().flat_map(|p| &p.sites)) {
        app.tell(Nudge::Institution(site.institution.to_string()));
    }
    Ok(upsert)
}

#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct Practitioners {
    practitioners: Vec<Practitioner>,
    next: Option<String>,
}

pub(super) async fn get_practitioners(
    State(app): Shared,
    who: Who,
    Query(query): Query<PartQuery>,
) -> Result<Json<Practitioners>, Problem> {
    let part = query.part(&who, LISTED);
    let asked = part.clone();
    let mut found = app
        .blocking(move |a| {
            let seen = VisibleInstitutions::of(a, &who)?;
            let mut found = a.store.practitioners_part(&asked)?;
            for it in &mut found {
                seen.narrow(&who, it);
            }
            Ok::<_, StoreError>(found)
        })
        .await?;
    let next = cut(&mut found, &part, |it| it.id.to_string());
    deed::persons(found.iter().map(|it| it.id.as_str()));
    Ok(Json(Practitioners { practitioners: found, next }))
}
