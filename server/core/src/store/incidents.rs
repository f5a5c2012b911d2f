//! Findings become incidents: every step keeps its row, the alert follows its standing findings,
//! the state machine hears of it.
//!
//! What a transaction touches is read once, changed in memory in the order of the steps, and
//! written once at its end.

mod incident;
mod own;
mod written;

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use protocol::id::DeviceId;
use protocol::up::FindingReport;

use super::alerts::{Alert, alert_by_id, alert_of};
use super::news::{Arrival, ClinicNews, FindingNews};
use super::rows::collect;
use super::{Result, count, feed, own_ids};
use crate::clock::{self, At};
use crate::ids::AlertId;
use crate::ingest::place::PlacedStatement;
use incident::{Incident, KnownFinding};
pub(super) use own::{gap_is_filled, raise_integrity, say_own};
use written::{number, open_alert, step_name};

/// The message that carried a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChainPosition<'a> {
    /// Of the server's own about no box there is none.
    pub(super) device: Option<&'a DeviceId>,
    pub(super) epoch: i64,
    pub(super) seq: i64,
    pub(super) received_at: At,
}

impl<'a> ChainPosition<'a> {
    /// As the tables name its box: empty for none.
    pub(super) fn box_name(&self) -> &'a str {
        self.device.map_or("", DeviceId::as_str)
    }
}

/// One step in the life of a finding, and where it came from.
#[derive(Debug)]
pub(super) struct IncidentStep<'a> {
    pub(super) report: Cow<'a, FindingReport>,
    pub(super) place: ChainPosition<'a>,
    /// Whose finding it is: the box that says it, or nobody's but the server's own (empty). No
    /// other ever touches it.
    pub(super) origin: &'a str,
    /// Whose incident it joins: a finding of the server about a session joins that of its box.
    pub(super) incident_origin: &'a str,
    /// What the server made of its place and time.
    pub(super) placed: PlacedStatement,
}

impl<'a> IncidentStep<'a> {
    /// A box's own.
    pub(super) fn of_box(
        report: &'a FindingReport,
        place: ChainPosition<'a>,
        placed: PlacedStatement,
    ) -> Self {
        let report = Cow::Borrowed(report);
        Self { report, place, origin: place.box_name(), incident_origin: place.box_name(), placed }
    }

    /// One of the server's own.
    fn own(
        report: &'a FindingReport,
        device: Option<&'a DeviceId>,
        incident_origin: &'a str,
        now: At,
    ) -> Self {
        let raised_at = clock::ms(&report.raised_at).map_or(now, At::of_ms);
        let placed = PlacedStatement {
            institution: report.institution.to_string(),
            session_known: report.session.is_some(),
            at: raised_at,
            until: raised_at,
        };
        Self {
            report: Cow::Borrowed(report),
            place: ChainPosition { device, epoch: -1, seq: 0, received_at: now },
            origin: "",
            incident_origin,
            placed,
        }
    }
}

/// Whether new incidents of a box that has many open alerts join one.
pub(super) enum Joining<'a> {
    /// Of the rules across days: other alerts name these.
    Never,
    /// Beyond so many open alerts of the device.
    Beyond(HashMap<&'a DeviceId, i64>),
}

/// What the alerts of a transaction have in common, read once.
#[derive(Default)]
struct Around {
    /// By institution.
    jurisdictions: HashMap<String, String>,
    /// Open alerts by device, not counted further than needed.
    open: HashMap<DeviceId, i64>,
    /// The alert in which incidents are joined, by device, institution and room: one that this
    /// transaction has read or opened.
    joined: HashMap<(DeviceId, String, String), AlertId>,
}

/// A step that follows nothing that is known: it has no effect.
#[derive(Debug)]
pub(super) struct Jump<'a> {
    pub(super) step: &'a IncidentStep<'a>,
    /// The last revision that is known.
    known: Option<u32>,
}

impl Jump<'_> {
    pub(super) fn detail(&self) -> String {
        let report = &self.step.report;
        format!(
            "revision {} of finding {} follows revision {}",
            report.revision,
            report.finding_id,
            self.known.unwrap_or(0)
        )
    }
}

/// Takes steps of findings into their incidents, in this order.
pub(super) fn take_in<'a>(
    tx: &Transaction<'_>,
    steps: &'a [IncidentStep<'a>],
    joining: &Joining<'_>,
) -> Result<Vec<Jump<'a>>> {
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let mut incidents: BTreeMap<AlertId, Incident<'_>> = BTreeMap::new();
    // The alert of each incident, by whose it is and what that calls it.
    let mut alerts: HashMap<(&str, &str), AlertId> = HashMap::new();
    let mut around = Around::default();
    let mut jumps = Vec::new();
    let (mut late, mut joined) = (0, 0);
    // A step that was overtaken on its way is asked again behind those that came with it.
    let mut queue: VecDeque<(&'a IncidentStep<'a>, bool)> =
        steps.iter().map(|step| (step, false)).collect();
    let mut overtaken: Vec<&'a IncidentStep<'a>> = Vec::new();
    loop {
        let Some((step, again)) = queue.pop_front() else {
            if overtaken.is_empty() {
                break;
            }
            overtaken.sort_by_key(|step| step.report.revision);
            queue.extend(overtaken.drain(..).map(|step| (step, true)));
            continue;
        };
        let key = (step.incident_origin, step.report.incident_id.as_str());
        let known = revision_of(tx, alerts.get(&key).and_then(|alert| incidents.get(alert)), step)?;
        if !follows(tx, known, step)? {
            if again {
                jumps.push(Jump { step, known });
            } else {
                overtaken.push(step);
            }
            continue;
        }
        let alert: &AlertId = match alerts.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => match load(tx, step, known, joining, &mut around)? {
                Loaded::Before(id) => new.insert(id),
                Loaded::Now(incident) => {
                    let id = new.insert(incident.alert.id.clone());
                    incidents.entry(id.clone()).or_insert(*incident);
                    id
                }
            },
        };
        let Some(incident) = incidents.get_mut(alert) else { continue };
        keep_step(tx, &incident.alert.id, step)?;
        joined += i64::from(incident.is_joined());
        if known.is_some_and(|revision| revision >= step.report.revision) {
            late += 1;
            continue;
        }
        let news = incident.take(tx, step)?;
        let told = incident.told(tx)?;
        let alert = &incident.alert;
        let arrival = Arrival { report: &step.report, received_at: step.place.received_at, news };
        feed::append_alert(
            tx,
            (&alert.institution, &alert.jurisdiction),
            &FindingNews::of(alert.as_news(), arrival),
            Some(ClinicNews::of(alert.as_news(), told, Some(arrival))),
        )?;
    }
    for incident in incidents.values_mut() {
        incident.write(tx)?;
    }
    count(tx, "finding_steps", (steps.len() - jumps.len()) as i64)?;
    for (name, by) in [("late_steps", late), ("joined_steps", joined)] {
        if by > 0 {
            count(tx, name, by)?;
        }
    }
    Ok(jumps)
}

/// A step follows the one before it. One that is missing may be on its way, may wait for its
/// incident or was declared lost: as many messages must then be missing or waiting below this one.
fn follows(
    tx: &Connection,
    known: Option<u32>,
    IncidentStep { report, place, origin, .. }: &IncidentStep<'_>,
) -> Result<bool> {
    let expected = known.map_or(1, |revision| revision.saturating_add(1));
    if origin.is_empty() || report.revision <= expected {
        return Ok(report.revision > 0);
    }
    let sql = "SELECT count(*) FROM message WHERE device=?1 AND epoch=?2 AND seq<?3";
    let there: i64 = tx
        .prepare_cached(sql)?
        .query_row(params![place.box_name(), place.epoch, place.seq], |r| r.get(0))?;
    let sql = "SELECT count(*) FROM finding_due WHERE device=?1 AND epoch=?2 AND seq<?3";
    let waiting: i64 = tx
        .prepare_cached(sql)?
        .query_row(params![place.box_name(), place.epoch, place.seq], |r| r.get(0))?;
    Ok(i64::from(report.revision - expected) < place.seq - there + waiting)
}

/// Every step keeps its own row, whatever came after it: the page shows a finding's whole life.
fn keep_step(
    tx: &Connection,
    alert: &AlertId,
    IncidentStep { report, place, origin, placed, .. }: &IncidentStep<'_>,
) -> Result<()> {
    let sql = "INSERT INTO finding_step VALUES \
        (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14) ON CONFLICT DO NOTHING";
    let values = params![
        origin,
        report.finding_id,
        report.revision,
        alert,
        report.rule.as_str(),
        step_name(report.step),
        number(report.severity),
        placed.at,
        place.received_at,
        place.box_name(),
        place.epoch,
        place.seq,
        report.explanation.zh,
        report.explanation.en
    ];
    Ok(tx.send(sql, values)?)
}

/// Begins the id of an alert in which incidents of one box were joined.
pub const JOINED: &str = "joined-";

/// Where the incident of a step is found.
enum Loaded<'a> {
    /// Among those that this transaction has already, by the id of its alert.
    Before(AlertId),
    Now(Box<Incident<'a>>),
}

/// The incident as it stands, or a new one that begins with this step; `revision` is what is known
/// of its finding.
fn load<'a>(
    tx: &Connection,
    step: &IncidentStep<'_>,
    revision: Option<u32>,
    joining: &Joining<'_>,
    around: &mut Around,
) -> Result<Loaded<'a>> {
    let Some(alert) = alert_for(tx, step, revision)? else {
        return Ok(match joined_alert(tx, step, joining, around)? {
            Some(Joined::Before(id)) => Loaded::Before(id),
            Some(Joined::Open(alert)) => Loaded::Now(Box::new(Incident::of(*alert))),
            Some(Joined::New(id)) => {
                let opened = open_alert(tx, step, Some(id), around)?;
                Loaded::Now(Box::new(Incident::opened(opened)))
            }
            None => Loaded::Now(Box::new(Incident::opened(open_alert(tx, step, None, around)?))),
        });
    };
    if alert.id.starts_with(JOINED) {
        return Ok(Loaded::Now(Box::new(Incident::of(alert))));
    }
    let sql = "SELECT origin, id, revision, kind, severity, step = 'withdrawn' FROM finding WHERE \
        alert = ?1";
    let findings = collect(tx, sql, [&alert.id], |r| {
        let known = KnownFinding {
            revision: r.get(2)?,
            kind: r.get(3)?,
            severity: r.get(4)?,
            withdrawn: r.get(5)?,
            first: None,
            changed: None,
        };
        Ok(((r.get(0)?, r.get(1)?), known))
    })?;
    let mut incident = Incident::of(alert);
    incident.findings = findings.into_iter().collect();
    Ok(Loaded::Now(Box::new(incident)))
}

/// The alert of the incident, or the joined one that holds the finding.
fn alert_for(
    tx: &Connection,
    step: &IncidentStep<'_>,
    revision: Option<u32>,
) -> Result<Option<Alert>> {
    if let Some(alert) = alert_of(tx, step.incident_origin, &step.report.incident_id)? {
        return Ok(Some(alert));
    }
    if revision.is_none() {
        return Ok(None);
    }
    let sql = "SELECT alert FROM finding WHERE origin = ?1 AND id = ?2";
    let key = [step.origin, step.report.finding_id.as_str()];
    let held: Option<AlertId> = tx.prepare_cached(sql)?.query_row(key, |r| r.get(0)).optional()?;
    match held.filter(|alert| alert.starts_with(JOINED)) {
        Some(alert) => alert_by_id(tx, &alert),
        None => Ok(None),
    }
}

enum Joined {
    Before(AlertId),
    Open(Box<Alert>),
    New(AlertId),
}

/// The one alert that a box's further incidents in a room join, where it has as many open ones as
/// it may have. It is named as the server's own ids are, so that no message can carry its id.
fn joined_alert(
    tx: &Connection,
    step: &IncidentStep<'_>,
    joining: &Joining<'_>,
    around: &mut Around,
) -> Result<Option<Joined>> {
    let Joining::Beyond(max) = joining else { return Ok(None) };
    let Some(device) = step.place.device else { return Ok(None) };
    let Some(max) = max.get(device).copied() else { return Ok(None) };
    let open = if let Some(open) = around.open.get_mut(device) {
        open
    } else {
        let sql = "SELECT count(*) FROM (SELECT 1 FROM alert WHERE device = ?1
            AND state NOT IN ('dismissed','unfounded','closed') LIMIT ?2) open";
        let open: i64 = tx.prepare_cached(sql)?.query_row((device, max), |r| r.get(0))?;
        around.open.entry(device.to_owned()).or_insert(open)
    };
    if *open < max {
        *open += 1;
        return Ok(None);
    }
    let place = (device.to_owned(), step.placed.institution.clone(), step.report.room.to_string());
    if let Some(id) = around.joined.get(&place) {
        return Ok(Some(Joined::Before(id.clone())));
    }
    let sql =
        "SELECT id FROM alert WHERE device = ?1 AND id >= ?2 AND id < ?2 || '~' AND institution =
        ?3 AND room = ?4
        AND state NOT IN ('dismissed','unfounded','closed') LIMIT 1";
    let key = (device, JOINED, place.1.as_str(), place.2.as_str());
    let known: Option<AlertId> = tx.prepare_cached(sql)?.query_row(key, |r| r.get(0)).optional()?;
    if let Some(id) = known {
        let alert = alert_by_id(tx, &id)?.map(|alert| Joined::Open(Box::new(alert)));
        around.joined.insert(place, id);
        return Ok(alert);
    }
    let (incident, began) = (&step.report.incident_id, step.place.received_at.to_string());
    let id = own_ids(tx)?.id(&["joined", device, step.incident_origin, incident, &began]);
    let id: AlertId = format!("{JOINED}{id}").parse()?;
    around.joined.insert(place, id.clone());
    Ok(Some(Joined::New(id)))
}

/// The revision of the finding that is known; also where another incident holds it.
fn revision_of(
    tx: &Connection,
    incident: Option<&Incident<'_>>,
    step: &IncidentStep<'_>,
) -> Result<Option<u32>> {
    let key = (step.origin.to_owned(), step.report.finding_id.clone());
    if let Some(known) = incident.and_then(|incident| incident.findings.get(&key)) {
        return Ok(Some(known.revision));
    }
    let sql = "SELECT revision FROM finding WHERE origin = ?1 AND id = ?2";
    Ok(tx.prepare_cached(sql)?.query_row([&key.0, &key.1], |r| r.get(0)).optional()?)
}

/// The step as it says, with what its finding said before and may not take back any more.
fn kept<'a>(
    tx: &Connection,
    origin: &str,
    report: Cow<'a, FindingReport>,
) -> Result<Cow<'a, FindingReport>> {
    let sql = "SELECT report FROM finding WHERE origin = ?1 AND id = ?2";
    let key = [origin, report.finding_id.as_str()];
    let before: Option<String> = tx.prepare_cached(sql)?.query_row(key, |r| r.get(0)).optional()?;
    let Some(before) = before else { return Ok(report) };
    let before: FindingReport = serde_json::from_str(&before)?;
    let mut report = report.into_owned();
    report.severity = report.severity.max(before.severity);
    report.kind = before.kind;
    let left_out = before.persons.into_iter().filter(|was| !report.persons.contains(was));
    let left_out: Vec<_> = left_out.collect();
    report.persons.extend(left_out);
    Ok(Cow::Owned(report))
}
