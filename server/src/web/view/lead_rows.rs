//! Leads as the pages of a person, a clinic and a room list them: a line each, with its session, as
//! the reader is told of it.

use std::collections::BTreeSet;

use super::names::{Label, Names};
use super::times::local;
use super::words::Lang;
use crate::access::{Role, Who};
use crate::alert::ClinicState;
use crate::app::App;
use crate::clock::At;
use crate::legal::Standings;
use crate::store::{Alert, StoreError};

/// How far back such a list goes, in days.
pub(in crate::web) const DAYS: i64 = 90;

/// When what such a list shows begins.
pub(in crate::web) fn since() -> At {
    At::now() - jiff::SignedDuration::from_hours(24 * DAYS)
}

pub(in crate::web) struct LeadRow {
    pub id: String,
    pub number: i64,
    pub severity: u8,
    pub level: &'static str,
    pub kinds: String,
    pub room: Label,
    pub room_id: String,
    /// Empty where it is of none.
    pub session: String,
    pub at: String,
    pub state: &'static str,
    pub state_code: &'static str,
    /// Its record is a lead alone by 行政处罚法 41.
    pub lead_only: bool,
}

/// Blocking: which of them a clinic has answered is asked of the store.
pub(in crate::web) fn rows(
    a: &App,
    who: &Who,
    l: Lang,
    alerts: &[Alert],
) -> Result<Vec<LeadRow>, StoreError> {
    crate::web::request::sight::note(a, alerts)?;
    let clinic = who.role == Role::Clinic;
    let ids = alerts.iter().map(|alert| &alert.id);
    let answered = if clinic { a.store.answered(ids)? } else { BTreeSet::new() };
    let rooms = Names::rooms(a, alerts.iter().map(|alert| alert.room.as_str()))?;
    let mut standings = Standings::default();
    let row = |alert: &Alert| {
        let worth = standings.of(&a.store, alert)?;
        let told =
            clinic.then(|| alert.case.state.for_clinic(answered.contains(alert.id.as_str())));
        Ok(LeadRow {
            lead_only: !worth.notice_zh.is_empty(),
            id: alert.id.to_string(),
            number: alert.number.of(who),
            severity: alert.severity,
            level: l.severity(alert.severity),
            kinds: alert.kinds.iter().map(|k| l.kind(k)).collect::<Vec<_>>().join(" · "),
            room: rooms.get(&alert.room),
            room_id: alert.room.clone(),
            session: alert.session.clone().unwrap_or_default(),
            at: local(&alert.raised_at),
            state: told.map_or_else(|| l.state(alert.case.state), |told| l.clinic_state(told)),
            state_code: told.map_or_else(|| alert.case.state.as_str(), ClinicState::as_str),
        })
    };
    alerts.iter().map(row).collect()
}
