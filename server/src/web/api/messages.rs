//! A person's own work: what waits (待办), what was done (已办), and whom a
//! step tells. A list holds only what its reader may open.

use std::sync::Arc;

use crate::access::{Right, Role, Who};
use crate::alert::{AlertState, ClinicState, due_at};
use crate::app::App;
use crate::clock::{self, At};
use crate::ids::AccountId;
use crate::message::{NotificationKind, mentioned};
use crate::problem::Problem;
use crate::rules::Numbers;
use crate::store::{Account, Alert, AlertFilter, Message, NewMessage, StoreError};
use crate::web::request::rights::may_open;
use crate::web::request::scope::scoped;

/// Entries of one kind that a list holds at most; of more it says "50+".
pub(in crate::web) const LISTED: u32 = 50;

/// Why something waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum TaskKind {
    Mentioned,
    Assigned,
    SecondReview,
    DueSoon,
    /// A term of a penalty case is over.
    CaseLate,
    /// A term of a clue is over.
    ClueLate,
    Enrolment,
    /// An opening of sealed pictures, to decide or to look at.
    Opening,
    /// A clinic's own alert that it has not answered.
    Answer,
}

/// One thing that waits for a person.
#[derive(Debug, Clone)]
pub(in crate::web) struct Task {
    pub kind: TaskKind,
    pub path: String,
    /// What people call the lead by.
    pub number: Option<i64>,
    /// Of an enrolment: the person.
    pub person: Option<String>,
    /// Who caused it, where a colleague did.
    pub by: String,
    pub at: At,
    /// When the term runs out.
    pub due: Option<jiff::Timestamp>,
    /// The message that the person ends by hand.
    pub message: Option<i64>,
}

impl Task {
    fn of(kind: TaskKind, path: String, at: At) -> Self {
        Self {
            kind,
            path,
            at,
            number: None,
            person: None,
            by: String::new(),
            due: None,
            message: None,
        }
    }

    /// The lead's id, where it is about one.
    pub(in crate::web) fn alert(&self) -> Option<&str> {
        self.path.strip_prefix("/alerts/")
    }

    fn lead(kind: TaskKind, alert: &Alert, numbers: &Numbers) -> Self {
        Self {
            number: Some(alert.number.for_authority()),
            due: due_at(alert.case.state, alert.severity, alert.received_at, numbers),
            ..Self::of(kind, format!("/alerts/{}", alert.id), alert.received_at)
        }
    }
}

/// Whoever is logged in as a person with an account; a program and an open house have no work.
pub(in crate::web) fn has_own_work(who: &Who) -> bool {
    !who.by_token && !who.open_house && !matches!(who.role, Role::Public | Role::Partner)
}

/// All that waits for this person. Blocking.
pub(in crate::web) fn tasks(a: &App, who: &Who) -> Result<Vec<Task>, StoreError> {
    if !has_own_work(who) {
        return Ok(Vec::new());
    }
    let mut tasks = told(a, who)?;
    match who.role {
        Role::Clinic => tasks.extend(to_answer(a, who)?),
        _ if who.may(Right::GiveVerdicts) => tasks.extend(leads(a, who)?),
        _ => {}
    }
    if who.may(Right::DecideEnrolments) {
        tasks.extend(enrolments(a, who)?);
    }
    tasks.extend(openings(a, who)?);
    Ok(tasks)
}

fn numbers(a: &App, who: &Who) -> Result<Numbers, StoreError> {
    let scope = if who.role == Role::Clinic { "" } else { who.scope.as_str() };
    Ok(Numbers::of(&super::policy::values_at(a, scope)?))
}

/// Mentions, late cases and late clues that the person may still open.
fn told(a: &App, who: &Who) -> Result<Vec<Task>, StoreError> {
    let mut found = Vec::new();
    let Some(account) = who.account() else { return Ok(found) };
    for message in a.store.messages_waiting(&account, LISTED)? {
        let (kind, path) = match message.kind {
            NotificationKind::Mention => {
                (TaskKind::Mentioned, format!("/alerts/{}", message.about))
            }
            NotificationKind::CaseLate => {
                (TaskKind::CaseLate, format!("/alerts/{}/case", message.about))
            }
            NotificationKind::ClueLate => (TaskKind::ClueLate, format!("/clues/{}", message.about)),
            _ => continue,
        };
        let is_open = match message.kind {
            NotificationKind::ClueLate => is_late_clue(a, who, &message)?,
            _ => sees(a, who, &message)?,
        };
        if is_open {
            let task = Task::of(kind, path, message.at);
            let (number, by, id) = (message.number, message.by, message.id);
            found.push(Task { number, by, message: Some(id), ..task });
        }
    }
    Ok(found)
}

fn sees(a: &App, who: &Who, message: &Message) -> Result<bool, StoreError> {
    let Ok(about) = message.about.parse() else { return Ok(false) };
    let alert = a.store.alert(&about)?;
    Ok(alert.is_some_and(|alert| who.sees(&alert.institution, &alert.jurisdiction)))
}

/// Whether the clue is still late, and this person's to read.
fn is_late_clue(a: &App, who: &Who, message: &Message) -> Result<bool, StoreError> {
    if !may_open(who, "/clues/{id}") {
        return Ok(false);
    }
    let Ok(about) = message.about.parse() else { return Ok(false) };
    let clue = a.store.clue(&about)?.filter(|clue| super::clues::seen::sees(who, clue));
    let told_on = crate::clock::day_of(&message.at);
    Ok(clue.and_then(|clue| clue.due_on).is_some_and(|due| due <= told_on))
}

/// Leads that the person has, that run out soon, and those whose second verdict is open.
fn leads(a: &App, who: &Who) -> Result<Vec<Task>, StoreError> {
    let numbers = numbers(a, who)?;
    let of =
        |filter: AlertFilter| a.store.alerts(&scoped(AlertFilter { limit: LISTED, ..filter }, who));
    let mine = of(AlertFilter {
        assignee: Some(who.name.clone()),
        open_only: true,
        ..AlertFilter::default()
    })?;
    let second = of(AlertFilter { state: Some(AlertState::Review2), ..AlertFilter::default() })?;
    let raised = of(AlertFilter { state: Some(AlertState::Raised), ..AlertFilter::default() })?;
    let spoke = |alert: &Alert| alert.case.reviews.iter().any(|r| r.by == who.name);
    let is_mine = |alert: &Alert| alert.assignee.as_deref() == Some(who.name.as_str());
    // A lead that somebody has said their word on waits for others.
    let waits = |alert: &&Alert| alert.case.state != AlertState::Review2 || !spoke(alert);
    let soon = |alert: &&Alert| {
        let due = due_at(alert.case.state, alert.severity, alert.received_at, &numbers);
        alert.assignee.is_none()
            && due.is_some_and(|due| due - crate::message::SOON <= clock::now())
    };
    let assigned = mine.iter().filter(waits).map(|x| (TaskKind::Assigned, x));
    let second = second.iter().filter(|x| !spoke(x) && !is_mine(x));
    let second = second.map(|x| (TaskKind::SecondReview, x));
    let soon = raised.iter().filter(soon).map(|x| (TaskKind::DueSoon, x));
    Ok(assigned.chain(second).chain(soon).map(|(k, x)| Task::lead(k, x, &numbers)).collect())
}

/// A clinic's own alerts that it has not answered; their terms are the authority's business.
fn to_answer(a: &App, who: &Who) -> Result<Vec<Task>, StoreError> {
    let filter = AlertFilter {
        clinic_state: Some(ClinicState::Open),
        limit: LISTED,
        ..AlertFilter::default()
    };
    let one = |alert: Alert| Task {
        number: Some(alert.number.for_clinic()),
        ..Task::of(TaskKind::Answer, format!("/alerts/{}", alert.id), alert.received_at)
    };
    Ok(a.store.alerts(&scoped(filter, who))?.into_iter().map(one).collect())
}

fn enrolments(a: &App, who: &Who) -> Result<Vec<Task>, StoreError> {
    let mut found = Vec::new();
    for it in a.faces.proposals(LISTED)? {
        let place = a.store.institution(&it.institution)?;
        if place.is_some_and(|place| who.sees(place.id.as_str(), &place.jurisdiction)) {
            let path = format!("/enrolments/{}", it.id);
            let task = Task::of(TaskKind::Enrolment, path, it.proposed_at);
            found.push(Task { person: Some(it.person), ..task });
        }
    }
    Ok(found)
}

/// Openings of sealed pictures: for the reviewer to decide, for both to look at.
fn openings(a: &App, who: &Who) -> Result<Vec<Task>, StoreError> {
    if !may_open(who, "/evidence/{id}") || crate::evidence::role_of(who.role).is_none() {
        return Ok(Vec::new());
    }
    let now = clock::now();
    let mine = a.store.openings_of_person(&who.name)?.into_iter().filter(|it| {
        let state = it.opening.state;
        let decide = state.as_str() == "requested" && it.opening.ask.reviewer == who.name;
        !it.opening.is_over(now) && (decide || state.is_visible())
    });
    let one = |it: crate::evidence::OpeningKept| {
        let asked_at = At::from(it.opening.asked_at);
        Task::of(TaskKind::Opening, format!("/evidence/{}", it.id), asked_at)
    };
    Ok(mine.map(one).collect())
}

/// What a person has done lately.
#[derive(Debug, Clone)]
pub(in crate::web) enum Done {
    Step { alert: String, number: i64, step: String, at: At },
    Decided { enrolment: String, person: String, confirmed: bool, at: At },
    Read { alert: String, number: i64, by: String, at: At },
}

impl Done {
    /// The lead's id, where it was about one.
    pub(in crate::web) fn alert(&self) -> Option<&str> {
        match self {
            Self::Step { alert, .. } | Self::Read { alert, .. } => Some(alert),
            Self::Decided { .. } => None,
        }
    }

    /// The colleague who wrote it, where one did.
    pub(in crate::web) fn by(&self) -> Option<&str> {
        match self {
            Self::Read { by, .. } => Some(by),
            Self::Step { .. } | Self::Decided { .. } => None,
        }
    }

    pub(in crate::web) fn at(&self) -> At {
        match self {
            Self::Step { at, .. } | Self::Decided { at, .. } | Self::Read { at, .. } => *at,
        }
    }
}

/// Newest first; of what the person may still open. Blocking.
pub(in crate::web) fn done(a: &App, who: &Who) -> Result<Vec<Done>, StoreError> {
    if !has_own_work(who) {
        return Ok(Vec::new());
    }
    let mut all = Vec::new();
    for it in a.store.steps_of(&who.name, LISTED)? {
        if who.sees(&it.institution, &it.jurisdiction) {
            all.push(Done::Step {
                alert: it.alert.to_string(),
                number: it.number.of(who),
                step: it.step,
                at: it.at,
            });
        }
    }
    let read = who.account().map(|account| a.store.messages_done(&account, LISTED)).transpose()?;
    for it in read.into_iter().flatten() {
        if it.kind == NotificationKind::Mention && sees(a, who, &it)? {
            let number = it.number.unwrap_or_default();
            let at = it.done_at.unwrap_or(it.at);
            all.push(Done::Read { alert: it.about, number, by: it.by, at });
        }
    }
    if who.may(Right::DecideEnrolments) {
        for it in a.faces.decided_by(&who.name, LISTED)? {
            let confirmed = it.state == crate::store::EnrolmentState::Confirmed;
            let at = it.decided_at.unwrap_or(it.proposed_at);
            all.push(Done::Decided {
                enrolment: it.id.to_string(),
                person: it.person,
                confirmed,
                at,
            });
        }
    }
    all.sort_by_key(|one| std::cmp::Reverse(one.at()));
    all.truncate(LISTED as usize);
    Ok(all)
}

/// The person has dealt with a mention.
pub(in crate::web) async fn end(app: &Arc<App>, who: &Who, id: i64) -> Result<(), Problem> {
    let account = super::account::id_of(who)?;
    app.blocking(move |a| a.store.message_done(&account, id, At::now())).await?;
    Ok(())
}

/// Accounts that may give verdicts on what lies in this jurisdiction.
fn judges(accounts: &[Account], jurisdiction: &str) -> Vec<(AccountId, String)> {
    let may = |x: &&Account| {
        !x.disabled
            && matches!(x.role, Role::Supervisor | Role::Reviewer)
            && jurisdiction.starts_with(&x.scope)
    };
    accounts.iter().filter(may).map(|x| (x.id.clone(), x.display.clone())).collect()
}

/// Tells whomever a step concerns: colleagues whom its note names, and whoever was given the lead.
/// A clinic names nobody. Blocking.
pub(in crate::web) fn step_taken(
    a: &App,
    who: &Who,
    alert: &Alert,
    (by, note, given_to): (&str, &str, Option<&str>),
) -> Result<(), StoreError> {
    if who.role == Role::Clinic || !(note.contains(['@', '＠']) || given_to.is_some()) {
        return Ok(());
    }
    let colleagues = judges(&a.store.accounts()?, &alert.jurisdiction);
    let named = mentioned(note, &colleagues).into_iter().map(|to| (NotificationKind::Mention, to));
    let given = colleagues.iter().find(|c| given_to.is_some_and(|to| c.0 == *to));
    let given = given.map(|to| (NotificationKind::Assigned, to.0.clone()));
    let told = named.chain(given).filter(|(_, to)| *to != *by);
    let message = |(kind, account): (NotificationKind, AccountId)| NewMessage {
        account,
        kind,
        about: alert.id.to_string(),
        number: Some(alert.number.for_authority()),
        by: by.to_owned(),
    };
    a.store.tell(&told.map(message).collect::<Vec<_>>(), At::now())
}

/// Tells the supervisors of an institution that an enrolment waits. Blocking.
pub(in crate::web) fn enrolment_waits(
    a: &App,
    who: &Who,
    enrolment: &str,
    institution: &str,
) -> Result<(), StoreError> {
    let Some(place) = a.store.institution(institution)? else { return Ok(()) };
    let accounts = a.store.accounts()?;
    let told = accounts.iter().filter(|x| {
        !x.disabled
            && x.role == Role::Supervisor
            && place.jurisdiction.starts_with(&x.scope)
            && x.id != who.name
    });
    let message = |x: &Account| NewMessage {
        account: x.id.clone(),
        kind: NotificationKind::Enrolment,
        about: enrolment.to_owned(),
        number: None,
        by: String::new(),
    };
    a.store.tell(&told.map(message).collect::<Vec<_>>(), At::now())
}
