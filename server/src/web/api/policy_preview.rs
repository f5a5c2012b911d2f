//! What other numbers of the policy would have changed: the server's rules asked once more over the
//! facts of the last 30 days, each changed number by itself. It stores nothing, and names nobody.
//! What a box would have said differently, only the box knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use protocol::names::RuleCode;

use crate::access::{Right, Who};
use crate::app::App;
use crate::clock::{self, At};
use crate::config::Mode;
use crate::problem::Problem;
use crate::rules::settings;
use crate::store::ListPart;
use crate::supervise::compared;
use crate::web::request::part::{PartQuery, cut};

/// Days whose facts are asked.
pub(in crate::web) const DAYS: i64 = 30;
/// Institutions and changed numbers of one preview.
pub(in crate::web) const INSTITUTIONS: u32 = 200;
pub(in crate::web) const CHANGES: usize = 10;

/// What would have changed, and what was left out of the count.
#[derive(Debug, Default)]
pub(in crate::web) struct Preview {
    pub changes: Vec<Change>,
    /// There are more institutions, or more changed numbers, than are asked.
    pub more_institutions: bool,
    pub more_changes: bool,
}

/// One rule under one changed number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct Change {
    pub setting: String,
    pub value: i64,
    /// None where no rule of the server says anything else.
    pub rule: Option<RuleCode>,
    pub now: usize,
    pub then: usize,
}

/// What each number that differs from the one in force would have changed in this part of the
/// country.
pub(in crate::web) async fn preview(
    app: &Arc<App>,
    who: &Who,
    place: &str,
    typed: &BTreeMap<String, i64>,
) -> Result<Preview, Problem> {
    if !who.may(Right::SetPolicy) || !place.starts_with(&who.scope) {
        let why = "jurisdiction: a policy may be set for your own jurisdiction or a part of it";
        return Err(Problem::new(axum::http::StatusCode::FORBIDDEN, why));
    }
    for (name, value) in typed {
        settings::check(name, *value).map_err(Problem::unprocessable)?;
    }
    let part = PartQuery::default().part(who, INSTITUTIONS);
    let part = ListPart { jurisdiction: place.to_owned(), institution: String::new(), ..part };
    let (typed, place) = (typed.clone(), place.to_owned());
    app.blocking(move |a| {
        let set = a.store.policy_at(&place)?;
        let in_force = |name: &str| {
            let default = settings::all().into_iter().find(|s| s.name == name).map(|s| s.default);
            set.get(name).map(|v| v.0).or(default)
        };
        let changed = typed.iter().filter(|(name, value)| in_force(name) != Some(**value));
        let changed: Vec<_> = changed.collect();
        let more_changes = changed.len() > CHANGES;
        let mut institutions = a.store.institutions_part(&part)?;
        let more_institutions = cut(&mut institutions, &part, |i| i.id.to_string()).is_some();
        let now = now(a)?;
        let from = now - jiff::SignedDuration::from_hours(24 * DAYS);
        let mut changes = Vec::new();
        for (setting, value) in changed.into_iter().take(CHANGES) {
            let other = BTreeMap::from([(setting.clone(), *value)]);
            let mut counts: BTreeMap<RuleCode, (usize, usize)> = BTreeMap::new();
            for place in &institutions {
                for (rule, (now, then)) in compared(&a.store, place.id.as_str(), from, now, &other)?
                {
                    let count = counts.entry(rule).or_default();
                    *count = (count.0 + now, count.1 + then);
                }
            }
            let change = |rule, (now, then)| Change {
                setting: setting.clone(),
                value: *value,
                rule,
                now,
                then,
            };
            counts.retain(|_, (now, then)| now != then);
            if counts.is_empty() {
                changes.push(change(None, (0, 0)));
            }
            changes.extend(counts.into_iter().map(|(rule, n)| change(Some(rule), n)));
        }
        Ok::<_, Problem>(Preview { changes, more_institutions, more_changes })
    })
    .await
}

/// A demonstration plays on a day of its own.
fn now(a: &App) -> Result<jiff::Timestamp, Problem> {
    let now = clock::now();
    if a.config.mode != Mode::Demonstration {
        return Ok(now);
    }
    Ok(a.store.last_summary()?.map_or(now, At::time))
}
