//! What the policies say a box may send, remembered for a minute: ingest asks for it in every
//! batch.

use std::collections::HashMap;

use protocol::id::DeviceId;

use super::engine::Connection;

use super::inbox::entry::IncomingMessage;
use super::{Result, column, policies};
use crate::clock::At;
use crate::ingest::budget::BoxLimits;
use crate::rules::Numbers;

/// By device and by jurisdiction.
#[derive(Debug, Default)]
pub(super) struct Budgets {
    /// Since 1970.
    minute: i64,
    by_device: HashMap<DeviceId, BoxLimits>,
    by_jurisdiction: HashMap<String, BoxLimits>,
}

impl Budgets {
    /// What holds for a box at `now`.
    pub(super) fn of(&mut self, c: &Connection, device: &DeviceId, now: At) -> Result<BoxLimits> {
        self.turn_to(now);
        if let Some(limits) = self.by_device.get(device) {
            return Ok(*limits);
        }
        let jurisdiction = jurisdiction_of(c, device)?;
        self.note(c, device, jurisdiction)
    }

    /// Of the boxes of a batch, by a message of each: those that are not known yet are asked about
    /// in one go.
    pub(super) fn ask_ahead(&mut self, c: &Connection, batch: &[&IncomingMessage]) -> Result<()> {
        let Some(first) = batch.first() else { return Ok(()) };
        self.turn_to(first.received_at);
        let devices = batch.iter().map(|it| &it.body.device);
        let unknown: Vec<[&DeviceId; 1]> = devices
            .filter(|device| !self.by_device.contains_key(*device))
            .map(|device| [device])
            .collect();
        let found = c.rows_each(JURISDICTION, unknown.clone(), |r| r.get::<_, String>(0))?;
        for ([device], jurisdiction) in unknown.into_iter().zip(found) {
            self.note(c, device, jurisdiction.into_iter().next().unwrap_or_default())?;
        }
        Ok(())
    }

    fn turn_to(&mut self, now: At) {
        let minute = now.ms() / 60_000;
        if self.minute != minute {
            self.forget();
            self.minute = minute;
        }
    }

    fn note(
        &mut self,
        c: &Connection,
        device: &DeviceId,
        jurisdiction: String,
    ) -> Result<BoxLimits> {
        let limits = match self.by_jurisdiction.get(&jurisdiction) {
            Some(limits) => *limits,
            None => at(c, &jurisdiction)?,
        };
        self.by_jurisdiction.insert(jurisdiction, limits);
        self.by_device.insert(device.clone(), limits);
        Ok(limits)
    }

    /// A policy was set.
    pub(super) fn forget(&mut self) {
        self.by_device.clear();
        self.by_jurisdiction.clear();
    }
}

/// What holds for a box now, asked of the tables.
pub(super) fn of_device(c: &Connection, device: &DeviceId) -> Result<BoxLimits> {
    at(c, &jurisdiction_of(c, device)?)
}

const JURISDICTION: &str = "SELECT i.jurisdiction FROM device d JOIN room r ON r.id = d.room
    JOIN institution i ON i.id = r.institution WHERE d.id = ?1";

fn jurisdiction_of(c: &Connection, device: &DeviceId) -> Result<String> {
    Ok(column(c, JURISDICTION, device)?.unwrap_or_default())
}

fn at(c: &Connection, jurisdiction: &str) -> Result<BoxLimits> {
    let (_, values) = policies::values_for(c, jurisdiction)?;
    Ok(BoxLimits::of(&Numbers::of(&values)))
}
