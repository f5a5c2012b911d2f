//! The agent and its trials of policy numbers: which are begun, and that their answers go out. What
//! is in force, and the engine that judges the room, no trial touches.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use protocol::down;
use protocol::trial::{MOST_TRIED, PolicyTrial, PolicyTrialAnswer};
use protocol::up::Up;

use super::{Agent, disk::ChainMessage};
use crate::facts::{self, Unusable};
use crate::trial::TrialOrder;

impl Agent {
    /// What is to be tried, or why it is refused whole. The thread that writes the log begins it,
    /// and knows which days are held.
    pub(super) fn trial(&self, asked: &PolicyTrial) -> Result<TrialOrder, Unusable> {
        let numbers = asked.changes.len();
        if !(1..=MOST_TRIED).contains(&numbers) {
            let why = format!("{numbers} numbers at once: a trial takes 1 to {MOST_TRIED}");
            return Err(Unusable(why));
        }
        if let Some(from) = &asked.from {
            let day = from.parse::<Date>().ok().filter(|day| day.to_string() == *from);
            day.ok_or_else(|| Unusable("the day from which a trial reads is none".to_owned()))?;
        }
        let in_force = self.engine.policy().clone();
        let mut tried = Vec::with_capacity(numbers);
        for (name, value) in &asked.changes {
            // A policy that this box would refuse is not tried either.
            let settings = BTreeMap::from([(name.clone(), *value)]);
            facts::policy(u32::MAX, &down::Policy { settings }, self.settings.production)?;
            let mut policy = in_force.clone().with_version(u32::MAX);
            policy.set(name, *value).map_err(|why| Unusable(why.to_string()))?;
            tried.push((name.clone(), policy));
        }
        let (trial, from) = (asked.trial.clone(), asked.from.clone());
        Ok(TrialOrder { trial, in_force, tried, from, held: BTreeSet::new() })
    }

    /// The answer of a trial goes into the chain like everything that this box says.
    pub(super) fn tried(&self, answer: PolicyTrialAnswer) {
        tracing::info!(trial = %answer.trial, days = answer.days.len(),
            "policy numbers were tried");
        self.append(ChainMessage {
            up: Up::PolicyTrialAnswer(answer),
            pictures: false,
            lock: None,
        });
    }
}
