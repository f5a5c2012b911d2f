//! Tells each person of the own work beyond the pages, by mailbox or chat robot, within the hours
//! that the person set; and notices terms that run out. A message goes out once by each way.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::personal_text::{PersonalLine, PersonalText, text};
use super::{DeliveryRefused, mail, robot};
use crate::access::Role;
use crate::alert::{AlertState, due_at};
use crate::app::App;
use crate::clock::At;
use crate::ids::AccountId;
use crate::message::{NotificationKind, SOON};
use crate::rules::Numbers;
use crate::store::{
    Account, Alert, AlertFilter, DeliveryEvent, HookDelivery, Message, MessageSetting, NewDelivery,
    NewMessage, StoreError,
};

/// A person's way stands in a delivery's `hook`, where no hook's id can: `@email LOGIN`.
const MARK: char = '@';

/// One person's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    kind: WayKind,
    account: AccountId,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WayKind {
    Email,
    Robot,
}

impl Way {
    pub fn email(account: &AccountId) -> Self {
        Self { kind: WayKind::Email, account: account.clone() }
    }

    pub fn robot(account: &AccountId) -> Self {
        Self { kind: WayKind::Robot, account: account.clone() }
    }

    pub(super) fn parse(hook: &str) -> Option<Self> {
        let (kind, account) = hook.strip_prefix(MARK)?.split_once(' ')?;
        let kind = match kind {
            "email" => WayKind::Email,
            "robot" => WayKind::Robot,
            _ => return None,
        };
        Some(Self { kind, account: account.parse().ok()? })
    }

    /// As the log of deliveries holds it.
    pub fn hook(&self) -> String {
        let kind = match self.kind {
            WayKind::Email => "email",
            WayKind::Robot => "robot",
        };
        format!("{MARK}{kind} {}", self.account)
    }
}

/// Under which a person's robot is sealed: its address, or its secret.
pub fn sealed_label(account: &AccountId, what: &str) -> String {
    format!("robot {what} {account}")
}

/// Plans what may go out now: of each person all that waits, as one message a way.
pub(super) fn plan_messages(app: &App, now: Timestamp, zone: &TimeZone) -> Result<(), StoreError> {
    let mut of: BTreeMap<AccountId, Vec<Message>> = BTreeMap::new();
    for message in app.store.messages_untold()? {
        of.entry(message.account.clone()).or_default().push(message);
    }
    for (account, mut messages) in of {
        let Some(setting) = app.store.message_setting(&account)? else { continue };
        messages.retain(|m| setting.hours.may_tell(m.at.time(), now, zone));
        if messages.is_empty() {
            continue;
        }
        let lines = messages.iter().map(|m| line(app, m.kind, m.number, &m.about)).collect();
        let ids: Vec<i64> = messages.iter().map(|m| m.id).collect();
        let at = At::from(now);
        app.store.told(&ids, &deliveries(&account, &setting, &PersonalText { lines }, at)?, at)?;
    }
    Ok(())
}

/// A message by each way of the setting, at once: the person asked for it.
pub fn test(app: &App, account: &AccountId, setting: &MessageSetting) -> Result<usize, StoreError> {
    let now = At::now();
    let planned = deliveries(account, setting, &trial(app), now)?;
    app.store.told(&[], &planned, now)?;
    Ok(planned.len())
}

fn trial(app: &App) -> PersonalText {
    PersonalText { lines: vec![line(app, NotificationKind::Test, None, "")] }
}

/// Trials of the own ways within an hour [D].
pub const TRIALS: usize = 5;

/// Whether this person may try the own ways once more: whoever has a login types any mailbox there,
/// and could make this server send to strangers without end.
pub fn may_test(app: &App, account: &AccountId, now: Timestamp) -> Result<bool, StoreError> {
    let body = serde_json::to_string(&trial(app))?;
    let now = At::from(now);
    let hour = now - jiff::SignedDuration::from_hours(1)..=now;
    for way in [Way::email(account), Way::robot(account)] {
        let log = app.store.deliveries(Some(&way.hook()), None, 100)?;
        let tried = log.iter().filter(|it| it.body == body && hour.contains(&it.made_at));
        if tried.count() >= TRIALS {
            return Ok(false);
        }
    }
    Ok(true)
}

fn line(app: &App, kind: NotificationKind, number: Option<i64>, about: &str) -> PersonalLine {
    let path = match kind {
        NotificationKind::Mention | NotificationKind::Assigned | NotificationKind::DueSoon => {
            format!("/alerts/{about}")
        }
        NotificationKind::CaseLate => format!("/alerts/{about}/case"),
        NotificationKind::ClueLate => format!("/clues/{about}"),
        NotificationKind::Enrolment => format!("/enrolments/{about}"),
        NotificationKind::Test => "/messages".to_owned(),
    };
    let address = app.config.public_url.as_ref().map(|url| format!("{url}{path}"));
    PersonalLine { kind, number, address: address.unwrap_or_default() }
}

fn deliveries(
    account: &AccountId,
    setting: &MessageSetting,
    body: &PersonalText,
    now: At,
) -> Result<Vec<NewDelivery>, StoreError> {
    let body = serde_json::to_string(body)?;
    let email = (!setting.email.is_empty()).then(|| Way::email(account));
    let robot = setting.robot.as_ref().map(|_| Way::robot(account));
    let one = |way: Way| NewDelivery {
        hook: way.hook(),
        event: DeliveryEvent::Messages,
        alert: None,
        body: body.clone(),
        next_at: now,
    };
    Ok(email.into_iter().chain(robot).map(one).collect())
}

/// Sends by the way as the person has it now.
pub(super) fn send(
    app: &App,
    way: &Way,
    delivery: &HookDelivery,
) -> Result<String, DeliveryRefused> {
    let gone = || DeliveryRefused::ForGood("this way is set up no longer".to_owned());
    let setting = app.store.message_setting(&way.account).map_err(|e| e.to_string())?;
    let setting = setting.ok_or_else(gone)?;
    if way.kind == WayKind::Email {
        if setting.email.is_empty() {
            return Err(gone());
        }
        return mail::send(&app.config, &setting.email, delivery);
    }
    let robot = setting.robot.ok_or_else(gone)?;
    let open = |what: &str, sealed: &[u8]| {
        app.master.open(&sealed_label(&way.account, what), sealed).map_err(|e| e.to_string())
    };
    let target = open("target", &robot.target)?;
    let target = std::str::from_utf8(&target).map_err(|e| e.to_string())?;
    let secret = robot.secret.map(|sealed| open("secret", &sealed)).transpose()?;
    app.config.outgoing.allows(target)?;
    let ca_file = app.config.outgoing.ca_file.as_deref();
    let secret = secret.as_ref().map(|secret| &secret[..]);
    robot::send(ca_file, (target, secret), &text(&delivery.body))
}

/// Who is told of a term: whoever has the lead, else whoever may judge it.
pub fn told_of_term(accounts: &[Account], alert: &Alert) -> Vec<AccountId> {
    let may = |a: &&Account| {
        !a.disabled
            && matches!(a.role, Role::Supervisor | Role::Reviewer)
            && alert.jurisdiction.starts_with(&a.scope)
            && alert.assignee.as_ref().is_none_or(|assignee| *assignee == a.id)
    };
    accounts.iter().filter(may).map(|a| a.id.clone()).collect()
}

/// In which a term runs.
const STATES: [AlertState; 5] = [
    AlertState::Raised,
    AlertState::Review1,
    AlertState::Review2,
    AlertState::Lead,
    AlertState::OnSite,
];

/// Tells of leads whose term runs out soon, each person once.
pub fn tell_terms(app: &App, now: Timestamp) -> Result<(), StoreError> {
    let accounts = app.store.accounts()?;
    let mut numbers: BTreeMap<String, Numbers> = BTreeMap::new();
    let mut messages = Vec::new();
    for state in STATES {
        let filter = AlertFilter { state: Some(state), limit: 500, ..AlertFilter::default() };
        for alert in app.store.alerts(&filter)? {
            let numbers = match numbers.entry(alert.jurisdiction.clone()) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => {
                    let said = app.store.policy_at(&alert.jurisdiction)?.into_iter();
                    let values = said.map(|(name, (value, _))| (name, value)).collect();
                    new.insert(Numbers::of(&values))
                }
            };
            let due = due_at(state, alert.severity, alert.received_at, numbers);
            if due.is_none_or(|due| due < now || due - SOON > now) {
                continue;
            }
            let message = |account: AccountId| NewMessage {
                account,
                kind: NotificationKind::DueSoon,
                about: alert.id.to_string(),
                number: Some(alert.number.for_authority()),
                by: String::new(),
            };
            messages.extend(told_of_term(&accounts, &alert).into_iter().map(message));
        }
    }
    app.store.tell(&messages, now.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_way_is_no_hooks_id() {
        for way in [Way::email(&"li".parse().unwrap()), Way::robot(&"li.wang".parse().unwrap())] {
            assert_eq!(Way::parse(&way.hook()), Some(way.clone()));
            assert!(way.hook().parse::<protocol::id::DeviceId>().is_err());
        }
        assert_eq!(Way::parse("duty"), None);
        assert_eq!(Way::parse("@fax li"), None);
    }
}
