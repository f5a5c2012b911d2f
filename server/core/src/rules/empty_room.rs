//! HB-1 on whole days: ≥5 open days in a row on which a healthy box saw nobody at all [D] → L2.

use protocol::names::{FigureName, IntervalName, RuleCode};
use protocol::up::{FindingKind, Severity};
use wording::ServerStatement;

use super::draft::{count, span};
use super::{Draft, Numbers};

/// One local day of one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySeen {
    /// First and last instant, ms since the epoch.
    pub span: (i64, i64),
    pub open: bool,
    /// Share of the open hours in which the box reported a live camera, ppm.
    pub healthy_ppm: i64,
    pub anybody: bool,
    /// The box's chain is whole over that day.
    pub chain_whole: bool,
}

impl DaySeen {
    fn counts(&self, p: &Numbers) -> bool {
        self.open && self.chain_whole && self.healthy_ppm >= p.hb1_visible_min_ppm
    }
}

/// One room's days, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Days {
    pub institution: String,
    pub room: String,
    pub device: String,
    pub days: Vec<DaySeen>,
}

/// The run of empty days that reaches to the end, if it is long enough. Closed days, days that the
/// box did not see and days with a break in its chain neither count nor end it.
pub fn judge(it: &Days, p: &Numbers) -> Option<Draft> {
    let mut empty = Vec::new();
    for day in it.days.iter().rev().filter(|d| d.counts(p)) {
        if day.anybody {
            break;
        }
        empty.push(day);
    }
    let first = empty.last()?;
    if (empty.len() as i64) < p.hb1_empty_days {
        return None;
    }
    let worst = empty.iter().map(|d| d.healthy_ppm).min().unwrap_or(0);
    Some(Draft {
        rule: RuleCode::Hb1,
        kind: FindingKind::Integrity,
        severity: Severity::L2,
        subject: format!("empty {}", it.room),
        institution: it.institution.clone(),
        room: it.room.clone(),
        device: it.device.clone(),
        session: None,
        persons: Vec::new(),
        basis: protocol::law::duty(),
        intervals: vec![span(IntervalName::NobodySeen, first.span.0, empty[0].span.1)],
        counts: vec![
            count(FigureName::EmptyDays, empty.len() as i64),
            count(FigureName::EmptyDaysNeeded, p.hb1_empty_days),
            count(FigureName::CameraLivePpm, worst),
        ],
        statement: ServerStatement::EmptyDays { days: empty.len() },
        related: Vec::new(),
        incidents: Vec::new(),
        visibility_ppm: u32::try_from(worst).unwrap_or(0),
        liveness_waived: false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::DAY_MS;
    use super::*;

    const EMPTY: DaySeen = DaySeen {
        span: (0, DAY_MS),
        open: true,
        healthy_ppm: 600_000,
        anybody: false,
        chain_whole: true,
    };

    fn said(days: &[DaySeen]) -> bool {
        let days = days.to_vec();
        let it =
            Days { institution: "c-1".into(), room: "r-1".into(), device: "box-1".into(), days };
        judge(&it, &Numbers::default()).is_some()
    }

    #[test]
    fn four_open_days_without_anybody_are_nothing_and_five_are() {
        assert!(!said(&[EMPTY; 4]));
        assert!(said(&[EMPTY; 5]));
    }

    #[test]
    fn closed_and_dark_days_neither_count_nor_end_the_run() {
        let closed = DaySeen { open: false, ..EMPTY };
        let dark = DaySeen { healthy_ppm: 599_999, ..EMPTY };
        assert!(!said(&[EMPTY, EMPTY, closed.clone(), dark.clone(), EMPTY, EMPTY]));
        assert!(said(&[EMPTY, EMPTY, closed, dark, EMPTY, EMPTY, EMPTY]));
    }

    #[test]
    fn a_day_with_somebody_there_ends_the_run() {
        let busy = DaySeen { anybody: true, ..EMPTY };
        assert!(!said(&[EMPTY, EMPTY, EMPTY, EMPTY, EMPTY, busy.clone()]));
        assert!(!said(&[EMPTY, EMPTY, EMPTY, busy, EMPTY, EMPTY]));
    }
}
