//! A supervisor asks for pictures of one finding: what is checked before a request is kept.

use protocol::id::DeviceId;
use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use protocol::evidence::CustodianRole;
use schemars::JsonSchema;
use serde::Deserialize;

use super::keys::is_signed;
use super::opening_text::{roll_of, text_of};
use super::openings::{OpeningSeen, opening_seen};
use super::{Shared, custodian_role, not_a_custodian, now_or_so};
use crate::access::Who;
use crate::clock::{self, clip};
use crate::evidence::opening::{Ask, Opening, OpeningRefusal};
use crate::evidence::{ItemSeen, OpeningKept, Roll, SealedBytes};
use crate::knowledge::Nudge;
use crate::path_id::known;
use crate::problem::{JsonBody, Problem};
use crate::web::answer::Created;
use crate::web::api::alerts::seen;
use crate::web::request::deed;

/// A supervisor's request, signed in their browser over the text that the box will check.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct RequestBody {
    /// 32 random hex digits: the order's id, used once.
    order: String,
    alert: String,
    device: String,
    finding: String,
    items: Vec<String>,
    /// A custodian of the reviewers: another person.
    reviewer: String,
    case_number: String,
    basis: String,
    purpose: String,
    requested_at: String,
    expires_at: String,
    /// Ed25519 by the supervisor, base64.
    sig: String,
    /// Half `a` of each picture's key, sealed to the reviewer.
    halves: BTreeMap<String, SealedBytes>,
}

pub(in crate::web) async fn post_request(
    State(app): Shared,
    who: Who,
    JsonBody(it): JsonBody<RequestBody>,
) -> Result<Created<OpeningSeen>, Problem> {
    if custodian_role(&who)? != CustodianRole::Supervisor {
        return Err(Problem::new(StatusCode::FORBIDDEN, "a supervisor asks, a reviewer decides"));
    }
    check_request(&it)?;
    deed::did(format!(
        "asks for {} sealed pictures of alert {}, case {}, to {}",
        it.items.len(),
        clip(&it.alert, 64),
        clip(&it.case_number, 60),
        clip(&it.reviewer, 64)
    ));
    let (room, made) = app
        .blocking(move |a| {
            let alert = seen(a.store.alert(&known(&it.alert)?)?, &who, &it.alert)?;
            let roll = roll_of(a, &alert)?;
            both_are_custodians(&roll, &who.name, &it.reviewer)?;
            let device: DeviceId = known(&it.device)?;
            let items = a.store.evidence_of_finding(&device, &it.finding)?;
            let of_alert = a.store.evidence_of_alert(&alert.id)?;
            pictures_are_there(&it, &items, &of_alert)?;
            let ask = Ask {
                by: who.name.clone(),
                reviewer: it.reviewer.clone(),
                case_number: it.case_number.clone(),
                basis: it.basis.clone(),
                purpose: it.purpose.clone(),
                items: it.items.clone(),
            };
            let kept = OpeningKept {
                id: it.order.parse().map_err(|e| Problem::unprocessable(format!("order: {e}")))?,
                alert: alert.id.clone(),
                device,
                finding: it.finding.clone(),
                opening: Opening::request(ask, clock::now())?,
                requested_at: it.requested_at.clone(),
                expires_at: it.expires_at.clone(),
                supervisor_sig: it.sig.clone(),
                reviewer_sig: None,
                for_reviewer: it.halves.clone(),
                for_supervisor: BTreeMap::new(),
            };
            signed(&kept, &roll, CustodianRole::Supervisor)?;
            a.store.ask_opening(&kept, clock::now())?;
            Ok::<_, Problem>((alert.room, opening_seen(a, &who, &kept.id)?))
        })
        .await?;
    // From now on its box keeps what was asked for.
    app.tell(Nudge::Room(room));
    app.touch();
    Ok(Created(made))
}

fn check_request(it: &RequestBody) -> Result<(), Problem> {
    let order = it.order.len() == 32 && it.order.bytes().all(|b| b.is_ascii_hexdigit());
    if !order {
        return Err(Problem::unprocessable("order: 32 hex digits"));
    }
    let at = now_or_so("requested_at", &it.requested_at)?;
    let until = clock::parse("expires_at", &it.expires_at).map_err(Problem::unprocessable)?;
    if until <= at || until.duration_since(at) > evidence::order::LONGEST {
        return Err(Problem::unprocessable("expires_at: at most 24 h after requested_at"));
    }
    if it.items.len() > evidence::order::MOST_ITEMS
        || it.items.windows(2).any(|pair| pair[0] >= pair[1])
    {
        let most = evidence::order::MOST_ITEMS;
        return Err(Problem::unprocessable(format!("items: 1 to {most}, rising, each once")));
    }
    Ok(())
}

fn both_are_custodians(roll: &Roll, supervisor: &str, reviewer: &str) -> Result<(), Problem> {
    if supervisor == reviewer {
        return Err(OpeningRefusal::SamePerson.into());
    }
    roll.standing(supervisor, CustodianRole::Supervisor).ok_or_else(not_a_custodian)?;
    if roll.standing(reviewer, CustodianRole::Reviewer).is_none() {
        let name = clip(reviewer, 64);
        return Err(Problem {
            zh: Some(format!("「{name}」不是本辖区核查员一方的保管人").into()),
            ..Problem::unprocessable(format!(
                "reviewer: `{name}` is no custodian of the reviewers here"
            ))
        });
    }
    Ok(())
}

/// Every picture is one of this alert's, still on its box, with its half sealed.
fn pictures_are_there(
    it: &RequestBody,
    items: &[ItemSeen],
    of_alert: &[ItemSeen],
) -> Result<(), Problem> {
    for id in &it.items {
        let found = items.iter().find(|seen| seen.item.id.as_str() == id.as_str());
        let ours = of_alert.iter().any(|seen| {
            seen.device == it.device && seen.finding == it.finding && seen.item.id.as_str() == *id
        });
        let found = found.filter(|_| ours).ok_or_else(|| Problem::unknown("picture", id))?;
        if let Some(gone) = &found.gone {
            let why = found.gone_because.as_deref().unwrap_or("");
            return Err(Problem {
                zh: Some(format!("画面 {id} 已不在设备上：{why}").into()),
                ..Problem::new(
                    StatusCode::CONFLICT,
                    format!("picture {id} is {gone} on its box: {why}"),
                )
            });
        }
        if !it.halves.contains_key(id) {
            return Err(Problem::unprocessable(format!("halves: none for picture {id}")));
        }
    }
    Ok(())
}

/// Whether a custodian's signature stands under the text of this opening.
fn signed(it: &OpeningKept, roll: &Roll, role: CustodianRole) -> Result<(), Problem> {
    let ask = &it.opening.ask;
    let (account, sig) = match role {
        CustodianRole::Supervisor => (&ask.by, it.supervisor_sig.as_str()),
        _ => (&ask.reviewer, it.reviewer_sig.as_deref().unwrap_or_default()),
    };
    let wrong = || {
        let zh = "签名与申请内容不符，未受理：请刷新页面后重试";
        Problem {
            zh: Some(zh.into()),
            ..Problem::unprocessable(format!(
                "sig: `{account}` did not sign this very text; nothing was kept"
            ))
        }
    };
    let key = roll.standing(account, role).ok_or_else(wrong)?;
    if is_signed(&key.verification_key, &text_of(it)?, sig) { Ok(()) } else { Err(wrong()) }
}
