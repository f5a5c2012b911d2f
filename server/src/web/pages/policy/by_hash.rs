//! The values behind the hash of a policy that a finding carries. Nothing is changed here.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;

use super::{PolicyPage, groups, row};
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::rules::settings;
use crate::store::HashedPolicy;
use crate::web::api::policy::of_hash;
use crate::web::pages::frame::{PageFrame, local, render, shown};
use crate::web::view::words::Lang;

/// The values behind a finding's hash.
pub(super) async fn by_hash(
    State(app): State<Arc<App>>,
    who: Who,
    l: Lang,
    Path(sha256): Path<String>,
) -> Response {
    let made = make_by_hash(&app, &who, l, sha256).await;
    shown(&app, &who, l, made).await
}

async fn make_by_hash(
    app: &Arc<App>,
    who: &Who,
    l: Lang,
    sha256: String,
) -> Result<Response, Problem> {
    let wanted = sha256.clone();
    let found = app.blocking(move |a| of_hash(a, &wanted)).await?;
    let HashedPolicy { settings: values, first_used } =
        found.ok_or_else(|| Problem::unknown("policy", &sha256))?;
    // One hash covers the box's settings or the server's: the other half says nothing about the
    // finding.
    let of_the_box = trust::sha256_hex(protocol::settings::canonical(&values)) == sha256;
    let reader = if of_the_box { "box" } else { "server" };
    let mut shown_groups =
        groups(l, |about| row(l, about, values.get(about.name).copied().unwrap_or(about.default)));
    let names: Vec<&str> =
        settings::all().iter().filter(|a| a.read_by == reader).map(|a| a.name).collect();
    for group in &mut shown_groups {
        group.rows.retain(|r| names.contains(&r.name));
    }
    shown_groups.retain(|g| !g.rows.is_empty());
    render(&PolicyPage {
        groups: shown_groups,
        place: String::new(),
        place_words: String::new(),
        places: String::new(),
        version: 0,
        hash_box: String::new(),
        hash_server: String::new(),
        first_used: if first_used.is_empty() { String::new() } else { local(&first_used) },
        history: Vec::new(),
        may_change: false,
        saved: false,
        fault: String::new(),
        preview: Vec::new(),
        preview_of: String::new(),
        trials: Vec::new(),
        f: PageFrame::of(app, who, l, "registry", &format!("/policy/{sha256}")).await?,
        of_hash: sha256,
    })
}
