//! The agent and its trials of policy numbers: which are begun, and that their answers go out. What
//! is in force, and the engine that judges the room, no trial touches.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::civil::Date;
use protocol::down;
use protocol::trial::{MOST_TRIED, PolicyTrial, PolicyTrialAnswer};
use protocol::up::Up;

use super::Agent;
use crate::facts::{self, Unusable};
use crate::record::Recorder;
use crate::trial::Order;

impl Agent {
    /// Begins what was asked for, or refuses it whole.
    pub(super) fn begin_trial(&mut self, asked: &PolicyTrial) -> Result<(), Unusable> {
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
        // Today belongs to it, up to now.
        if let Some(record) = &mut self.record {
            record.flush();
        }
        let held = self.record.as_ref().map(Recorder::held_logs).unwrap_or_default();
        let (trial, from) = (asked.trial.clone(), asked.from.clone());
        let order = Order { trial, in_force, tried, from, held };
        self.trials.begin(order, Instant::now()).map_err(|why| Unusable(why.to_string()))?;
        tracing::info!(trial = %asked.trial, numbers, "policy numbers are tried on the log");
        Ok(())
    }

    /// The answer of a trial goes into the chain like everything that this box says.
    pub(super) fn tried(&mut self, answer: PolicyTrialAnswer) {
        tracing::info!(trial = %answer.trial, days = answer.days.len(), "policy numbers were tried");
        self.append(Up::PolicyTrialAnswer(answer));
    }
}
