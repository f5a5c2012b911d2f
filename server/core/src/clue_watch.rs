//! Tells of clues whose term is over: once per term whoever works on the clues of that district,
//! and some working days later whoever stands above them. By a person's own messages alone: no
//! feed, no hook and no count hears of a clue. It blocks nothing and decides nothing.

use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan as _};

use crate::access::Role;
use crate::app::App;
use crate::calendar::Calendar;
use crate::clock::At;
use crate::message::NotificationKind;
use crate::store::{Account, Clue, NewMessage, StoreError};
use crate::{clock, low_priority};

/// Terms are days: a look each minute tells of a late one soon after midnight.
const ROUND: Duration = Duration::from_mins(1);
/// Working days after a term until those above hear of it [D].
const ABOVE_AFTER: u32 = 3;
/// Clues of one look; the rest comes with the next.
const AT_ONCE: u32 = 500;

/// Runs until the server stops.
pub async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.clone();
    let mut tick = tokio::time::interval(ROUND);
    loop {
        if !low_priority::next_round(&mut tick, &mut stopping).await {
            return;
        }
        if let Err(problem) = app.leading(|a| round(a, clock::now())).await {
            tracing::error!("late clues were not told of: {}", problem.detail);
        }
    }
}

/// To whom a word of a late clue goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ear {
    /// Those of the smallest district that the clue lies in.
    Own,
    /// Those of every larger one.
    Above,
}

impl Ear {
    /// As it stands in the list of what was told.
    fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Above => "above",
        }
    }

    /// Of terms that ended before this day it hears today.
    fn hears_of(self, today: Date, calendar: &Calendar) -> Option<Date> {
        match self {
            Self::Own => Some(today),
            Self::Above => {
                let earlier = (1i64..=31).filter_map(|n| today.checked_sub(n.days()).ok());
                let long_over =
                    |day: &Date| calendar.add_working_days(*day, ABOVE_AFTER).on < today;
                earlier.into_iter().find(long_over).and_then(|day| day.tomorrow().ok())
            }
        }
    }
}

/// One look; gives how many terms were told of for the first time.
pub fn round(app: &App, now: Timestamp) -> Result<usize, StoreError> {
    let (today, at) = (now.to_zoned(clock::zone()).date(), At::from(now));
    let calendar = Calendar::new(app.store.workdays()?);
    let mut told = 0;
    for ear in [Ear::Own, Ear::Above] {
        let Some(before) = ear.hears_of(today, &calendar) else { continue };
        let late = app.store.late_clues(ear.word(), &before.to_string(), AT_ONCE)?;
        if late.is_empty() {
            continue;
        }
        let accounts = app.store.accounts()?;
        for clue in late {
            let messages: Vec<NewMessage> =
                ears(&accounts, &clue, ear).map(|account| message(account, &clue)).collect();
            let new = app.store.tell_of_late_clue(&clue, ear.word(), &messages, at)?;
            told += usize::from(new);
        }
    }
    Ok(told)
}

fn message(account: &Account, clue: &Clue) -> NewMessage {
    NewMessage {
        account: account.id.clone(),
        kind: NotificationKind::ClueLate,
        about: clue.id.to_string(),
        number: Some(clue.number),
        by: String::new(),
    }
}

/// Supervisors and reviewers who see the clue, by how near their district is to it.
fn ears<'a>(
    accounts: &'a [Account],
    clue: &'a Clue,
    ear: Ear,
) -> impl Iterator<Item = &'a Account> {
    let works = move |a: &&Account| {
        !a.disabled
            && matches!(a.role, Role::Supervisor | Role::Reviewer)
            && clue.jurisdiction.starts_with(&a.scope)
    };
    let nearest = accounts.iter().filter(works).map(|a| a.scope.len()).max().unwrap_or(0);
    accounts.iter().filter(works).filter(move |a| (a.scope.len() == nearest) == (ear == Ear::Own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_above_hear_three_working_days_later() {
        let calendar = Calendar::new([]);
        // Of a term that ended on Friday the 27th, or on the weekend behind it, people hear when
        // the third working day after it is over: on Thursday.
        for (today, before) in [("2026-12-02", "2026-11-27"), ("2026-12-03", "2026-11-30")] {
            let heard = Ear::Above.hears_of(today.parse().unwrap(), &calendar);
            assert_eq!(heard, before.parse().ok(), "{today}");
        }
    }
}
