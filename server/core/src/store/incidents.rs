//! Findings become incidents: every step keeps its row, the alert follows its standing findings,
//! the state machine hears of it.
//!
//! What a transaction touches is read once, changed in memory in the order of the steps, and
//! written once at its end.

mod written;

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::engine::{Connection, OptionalExtension as _, Transaction, params};
use protocol::id::DeviceId;
use protocol::names::RuleCode;
use protocol::up::Step as FindingStep;
use protocol::up::{FindingReport, WithdrawalCause};

use super::alerts::{Alert, alert_by_id, alert_of, record};
use super::rows::collect;
use super::{Result, StoreError, budgets, count, feed, named, own_ids, sight, statements};
use crate::alert::Step as CaseStep;
use crate::alert::{AlertState, ClinicState};
use crate::alert_view::{Arrival, ClinicNews, FindingNews};
use crate::clock::{self, At};
use crate::ids::AlertId;
use crate::ingest::integrity;
use crate::ingest::place::Placed;
use crate::own_id::is_own;
use written::{kind_name, number, open_alert, put_finding, step_name};

/// The rule of the finding by which an installer tries the way to the server.
const INSTALLERS_TEST: RuleCode = RuleCode::InstallersTest;

/// The message that carried a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    /// Of the server's own about no box there is none.
    pub(super) device: Option<&'a DeviceId>,
    pub(super) epoch: i64,
    pub(super) seq: i64,
    pub(super) received_at: At,
}

impl<'a> Place<'a> {
    /// As the tables name its box: empty for none.
    pub(super) fn box_name(&self) -> &'a str {
        self.device.map_or("", DeviceId::as_str)
    }
}

/// One step in the life of a finding, and where it came from.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) report: Cow<'a, FindingReport>,
    pub(super) place: Place<'a>,
    /// Whose finding it is: the box that says it, or nobody's but the server's own (empty). No
    /// other ever touches it.
    pub(super) origin: &'a str,
    /// Whose incident it joins: a finding of the server about a session joins that of its box.
    pub(super) incident_origin: &'a str,
    /// What the server made of its place and time.
    pub(super) placed: Placed,
}

impl<'a> Step<'a> {
    /// A box's own.
    pub(super) fn of_box(report: &'a FindingReport, place: Place<'a>, placed: Placed) -> Self {
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
        let placed = Placed {
            institution: report.institution.to_string(),
            session_known: report.session.is_some(),
            at: raised_at,
            until: raised_at,
        };
        Self {
            report: Cow::Borrowed(report),
            place: Place { device, epoch: -1, seq: 0, received_at: now },
            origin: "",
            incident_origin,
            placed,
        }
    }
}

/// What an incident's alert remembers of one finding.
struct Known<'a> {
    revision: u32,
    kind: String,
    severity: u8,
    withdrawn: bool,
    /// The step that it began with, where this transaction brings it: when it was raised and
    /// received stays for ever.
    first: Option<&'a Step<'a>>,
    /// The step that is to be written; `None` where nothing changed.
    changed: Option<&'a Step<'a>>,
}

/// An incident of this transaction.
struct Incident<'a> {
    alert: Alert,
    /// Differs from what stands in the table.
    dirty: bool,
    /// By origin and id.
    findings: BTreeMap<(String, String), Known<'a>>,
    /// Whether anybody outside the box has seen it; asked once, where it matters.
    seen: Option<bool>,
    /// Whether its clinic has answered; asked once.
    answered: Option<bool>,
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
    pub(super) step: &'a Step<'a>,
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
    steps: &'a [Step<'a>],
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
    let mut queue: VecDeque<(&'a Step<'a>, bool)> =
        steps.iter().map(|step| (step, false)).collect();
    let mut overtaken: Vec<&'a Step<'a>> = Vec::new();
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
            &FindingNews::of(alert, arrival),
            Some(ClinicNews::of(alert, told, Some(arrival))),
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
    Step { report, place, origin, .. }: &Step<'_>,
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

/// A step of a finding of the server's rules; gives its alert. One that is known stays in its
/// incident; a new one about a session joins that of the box.
pub(super) fn say_own(
    tx: &Transaction<'_>,
    report: &FindingReport,
    device: Option<&DeviceId>,
    now: At,
) -> Result<AlertId> {
    let known: Option<(String, Option<DeviceId>)> = tx
        .prepare_cached(
            "SELECT a.origin, a.device FROM finding f JOIN alert a ON a.id = f.alert WHERE \
            f.origin = '' AND f.id = ?1",
        )?
        .query_row([&report.finding_id], |r| Ok((r.get(0)?, r.id_or_none(1)?)))
        .optional()?;
    let said = || device.cloned();
    let (origin, device) = match known {
        Some((origin, of_alert)) => (origin, said().or(of_alert)),
        None if is_own(&report.incident_id) => (String::new(), said()),
        None => (device.map(DeviceId::to_string).unwrap_or_default(), said()),
    };
    take_in(tx, &[Step::own(report, device.as_ref(), &origin, now)], &Joining::Never)?;
    let sql = "SELECT id FROM alert WHERE origin = ?1 AND incident = ?2 AND incident <> ''";
    Ok(tx.prepare_cached(sql)?.query_row([origin.as_str(), &report.incident_id], |r| r.get(0))?)
}

/// Raises one of the server's own Integrity findings, once per cause, where the box is registered.
pub(super) fn raise_integrity(
    tx: &Transaction<'_>,
    device: &DeviceId,
    cause: &integrity::Cause,
    now: At,
) -> Result<()> {
    let Some(place) = stands_in(tx, device)? else { return Ok(()) };
    let report = cause.report(&place, &own_ids(tx)?, now);
    if last_step(tx, &report.finding_id)?.is_some() {
        return Ok(());
    }
    // A box can give cause as often as it likes.
    let max = HashMap::from([(device, budgets::of_device(tx, device)?.open_alerts_max)]);
    take_in(tx, &[Step::own(&report, Some(device), "", now)], &Joining::Beyond(max)).map(drop)
}

/// What was missing of a chain came after all. Where it had been held against the box, the finding
/// says so; what people make of it is theirs.
pub(super) fn gap_is_filled(
    tx: &Transaction<'_>,
    device: &DeviceId,
    gap: &integrity::Cause,
    now: At,
) -> Result<()> {
    let Some(place) = stands_in(tx, device)? else { return Ok(()) };
    let report = gap.came_after_all(&place, &own_ids(tx)?, now);
    if last_step(tx, &report.finding_id)?.as_deref() != Some("opened") {
        return Ok(());
    }
    take_in(tx, &[Step::own(&report, Some(device), "", now)], &Joining::Never).map(drop)
}

/// The last step of a finding of the server's own.
fn last_step(tx: &Connection, finding: &str) -> Result<Option<String>> {
    let sql = "SELECT step FROM finding WHERE origin = '' AND id = ?1";
    Ok(tx.prepare_cached(sql)?.query_row([finding], |r| r.get(0)).optional()?)
}

/// Where a box stands, or stood last; nowhere where it was never registered.
fn stands_in(tx: &Connection, device: &DeviceId) -> Result<Option<integrity::Where>> {
    let sql = "SELECT p.room, r.institution FROM device_place p JOIN room r ON r.id = p.room
        WHERE p.device = ?1 ORDER BY p.taken_at IS NULL, p.since DESC LIMIT 1";
    let found: Option<(String, String)> =
        tx.query_row(sql, [device], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let Some((room, institution)) = found else { return Ok(None) };
    Ok(Some(integrity::Where {
        device: device.clone(),
        room: named(room)?,
        institution: named(institution)?,
    }))
}

/// Every step keeps its own row, whatever came after it: the page shows a finding's whole life.
fn keep_step(
    tx: &Connection,
    alert: &AlertId,
    Step { report, place, origin, placed, .. }: &Step<'_>,
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
    step: &Step<'_>,
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
        let known = Known {
            revision: r.get(2)?,
            kind: r.get(3)?,
            severity: r.get(4)?,
            withdrawn: r.get(5)?,
            first: None,
            changed: None,
        };
        Ok(((r.get(0)?, r.get(1)?), known))
    })?;
    let findings = findings.into_iter().collect();
    Ok(Loaded::Now(Box::new(Incident { findings, ..Incident::of(alert) })))
}

/// The alert of the incident, or the joined one that holds the finding.
fn alert_for(tx: &Connection, step: &Step<'_>, revision: Option<u32>) -> Result<Option<Alert>> {
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
    step: &Step<'_>,
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
    step: &Step<'_>,
) -> Result<Option<u32>> {
    let key = (step.origin.to_owned(), step.report.finding_id.clone());
    if let Some(known) = incident.and_then(|incident| incident.findings.get(&key)) {
        return Ok(Some(known.revision));
    }
    let sql = "SELECT revision FROM finding WHERE origin = ?1 AND id = ?2";
    Ok(tx.prepare_cached(sql)?.query_row([&key.0, &key.1], |r| r.get(0)).optional()?)
}

impl<'a> Incident<'a> {
    fn of(alert: Alert) -> Self {
        Self { alert, dirty: false, findings: BTreeMap::new(), seen: None, answered: None }
    }

    /// That this transaction opened: nobody can have seen or answered it.
    fn opened(alert: Alert) -> Self {
        Self { seen: Some(false), answered: Some(false), ..Self::of(alert) }
    }

    fn was_seen(&mut self, tx: &Connection) -> Result<bool> {
        let seen = match self.seen {
            Some(seen) => seen,
            None => sight::was_seen(tx, &self.alert.id)?,
        };
        Ok(*self.seen.insert(seen))
    }

    /// What the clinic is told of where it stands.
    fn told(&mut self, tx: &Connection) -> Result<ClinicState> {
        let answered = match self.answered {
            Some(answered) => answered,
            None => super::alerts::answered(tx, &self.alert.id)?,
        };
        Ok(self.alert.case.state.for_clinic(*self.answered.insert(answered)))
    }

    fn is_joined(&self) -> bool {
        self.alert.id.starts_with(JOINED)
    }

    /// Severity and kinds of the alert follow its standing findings; the state machine hears of it.
    /// False where nobody needs to be told: a further finding of what was joined.
    fn take(&mut self, tx: &Connection, step: &'a Step<'a>) -> Result<bool> {
        if self.is_joined() {
            self.take_joined(step)
        } else {
            self.take_own(tx, step).map(|()| true)
        }
    }

    /// Into a joined incident everything only adds: a box that floods its alerts takes nothing of
    /// them back, and its worst one stays on top until people have judged it.
    fn take_joined(&mut self, step: &'a Step<'a>) -> Result<bool> {
        let (report, now) = (&*step.report, step.place.received_at);
        let withdrawn = matches!(report.step, FindingStep::Withdrawn);
        let (kind, severity) = (kind_name(report.kind), number(report.severity));
        let key = (step.origin.to_owned(), report.finding_id.clone());
        let first = self.findings.get(&key).map_or(Some(step), |known| known.first);
        let known = Known {
            revision: report.revision,
            kind: kind.clone(),
            severity,
            withdrawn,
            first,
            changed: Some(step),
        };
        self.findings.insert(key, known);
        let alert = &mut self.alert;
        let mut news = alert.received_at == now && alert.updated_at == now && !self.dirty;
        if !withdrawn {
            let raises_severity = severity > alert.severity;
            let said = CaseStep::Strengthened { raises_severity };
            let case = alert.case.take(alert.box_name(), &said, now);
            alert.case = case.map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
            news |= raises_severity || !alert.kinds.contains(&kind);
            alert.severity = alert.severity.max(severity);
            if !alert.kinds.contains(&kind) {
                alert.kinds.push(kind);
                alert.kinds.sort();
            }
        }
        alert.liveness_waived |= report.manifest.liveness_waived;
        alert.updated_at = now;
        self.dirty = true;
        Ok(news)
    }

    /// The findings that were not taken back.
    fn standing(&self) -> impl Iterator<Item = &Known<'a>> {
        self.findings.values().filter(|known| !known.withdrawn)
    }

    fn take_own(&mut self, tx: &Connection, step: &'a Step<'a>) -> Result<()> {
        let (report, now) = (&*step.report, step.place.received_at);
        let before = (!self.findings.is_empty()).then_some(self.alert.severity);
        let key = (step.origin.to_owned(), report.finding_id.clone());
        let held = self.is_held(tx, step)?;
        let was = self.findings.get(&key);
        let stays = was.filter(|_| held);
        let said = number(report.severity);
        let known = Known {
            revision: report.revision,
            kind: stays.map_or_else(|| kind_name(report.kind), |was| was.kind.clone()),
            severity: stays.map_or(said, |was| said.max(was.severity)),
            withdrawn: matches!(report.step, FindingStep::Withdrawn),
            first: was.map_or(Some(step), |known| known.first),
            changed: Some(step),
        };
        self.findings.insert(key, known);
        let worst = self.standing().map(|known| known.severity).max();
        let (said, severity) = match worst {
            None => (
                CaseStep::AllWithdrawn { unseen: self.corrects_itself_unseen(tx, step)? },
                self.alert.severity,
            ),
            Some(severity) => (
                CaseStep::Strengthened { raises_severity: before.is_some_and(|b| severity > b) },
                severity,
            ),
        };
        let case = self.alert.case.take(self.alert.box_name(), &said, now);
        let case = case.map_err(|refusal| StoreError::Conflict(refusal.to_string()))?;
        let kinds: BTreeSet<&String> = self.standing().map(|known| &known.kind).collect();
        let mut kinds: Vec<String> = kinds.into_iter().cloned().collect();
        let alert = &mut self.alert;
        let mut severity = severity;
        if held {
            severity = severity.max(alert.severity);
            kinds.extend(
                alert
                    .kinds
                    .iter()
                    .filter(|kind| !kinds.contains(kind))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
            kinds.sort();
        }
        let waived = alert.liveness_waived || report.manifest.liveness_waived;
        self.dirty |= (&case, severity, waived)
            != (&alert.case, alert.severity, alert.liveness_waived)
            || (!kinds.is_empty() && kinds != alert.kinds)
            || alert.updated_at != now;
        if !kinds.is_empty() {
            alert.kinds = kinds;
        }
        if case != alert.case || matches!(report.step, FindingStep::Withdrawn) {
            record(
                tx,
                &alert.id,
                alert.box_name(),
                step_name(report.step),
                report.rule.as_str(),
                case.state,
                now,
            )?;
        }
        alert.severity = severity;
        alert.liveness_waived = waived;
        alert.updated_at = now;
        alert.case = case;
        Ok(())
    }

    /// Whether the box gave a ground of its own, and nobody outside it has seen the alert yet. The
    /// server's own findings and those of boxes that name no ground (older ones) are people's to
    /// judge; so is what a box calls stated before, where this server heard a word after.
    fn corrects_itself_unseen(&mut self, tx: &Connection, step: &Step<'_>) -> Result<bool> {
        let cause = step.report.withdrawn_because;
        let own = match cause {
            Some(WithdrawalCause::OwnCorrection) => true,
            Some(WithdrawalCause::StatedBefore) => !statements::said_after(tx, &self.alert)?,
            Some(WithdrawalCause::Unknown) | None => false,
        };
        // The installer's test concerns nobody, whoever looked at it.
        let test = step.report.rule == INSTALLERS_TEST
            && self.findings.values().all(|known| known.severity == 0);
        Ok(own && step.place.epoch >= 0 && (test || !self.was_seen(tx)?))
    }

    /// From the first look on a box takes nothing of its alert back: neither how grave it is, nor
    /// its kinds, nor whom it names.
    fn is_held(&mut self, tx: &Connection, step: &Step<'_>) -> Result<bool> {
        Ok(step.place.epoch >= 0
            && (self.alert.case.state != AlertState::Raised || self.was_seen(tx)?))
    }

    fn write(&mut self, tx: &Connection) -> Result<()> {
        let changed = |known: &Known<'a>| known.changed.map(|step| (known.first, step));
        let changed: Vec<_> = self.findings.values().filter_map(changed).collect();
        for (first, step) in changed {
            let held = self.is_held(tx, step)?;
            put_finding(tx, &self.alert.id, first.unwrap_or(step), step, held)?;
        }
        if !self.dirty {
            return Ok(());
        }
        let it = &self.alert;
        let sql = "UPDATE alert SET state=?2, severity=?3, kinds=?4, liveness_waived=?5, \
            case_file=?6, updated_at=?7 WHERE id=?1";
        let values = params![
            it.id,
            it.case.state.as_str(),
            it.severity,
            serde_json::to_string(&it.kinds)?,
            it.liveness_waived,
            serde_json::to_string(&it.case)?,
            it.updated_at
        ];
        Ok(tx.send(sql, values)?)
    }
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
