//! The server's own Integrity findings about a box's chain: why, how severe, and what they state.
//! Pure.

use super::budget::BudgetKind;
use protocol::id::{DeviceId, InstitutionId, RoomId};
use protocol::names::{FigureName, RuleCode};
use protocol::up::{Confidence, Count, FindingKind, FindingReport, Manifest, Severity, Step};
use wording::{MessageKind, RefusalReason, ServerStatement};

use crate::clock::At;
use crate::own_id::OwnIds;

/// What is wrong with a chain. The same cause twice is the same finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChainFault {
    /// Sequences that did not come in good time.
    Gap { epoch: i64, from_seq: i64, to_seq: i64 },
    /// A stored link names another predecessor.
    BadLink { seq: u64 },
    /// Messages in this device's name were refused; one finding a day and reason.
    Refused { reason: RefusalReason, day: String },
    /// What the box itself said was set aside: of a foreign place, of an impossible time; one
    /// finding a day and reason.
    SetAside { reason: RefusalReason, day: String },
    /// The box declared that its database was lost, for the n-th time in [`BREAK_DAYS`] days.
    Break { epoch: i64, reason: String, times: i64 },
    /// The box sent more than its budget; one finding a day.
    OverBudget { kind: BudgetKind, day: String },
    /// The box has sealed pictures no longer that are held, or of a case; `told`: it knew of the
    /// hold. One finding a day.
    EvidenceGone { told: bool, day: String },
    /// The box deleted pictures of what nobody has decided before their time. One finding a day.
    EvidenceEarly { day: String },
    /// The box holds fewer pictures than its chain names and never ended; `replaced`: some are of
    /// an earlier box of this name. One finding a day.
    EvidenceMissing { missing: u64, replaced: bool, day: String },
    /// The box keeps less room for sealed pictures than the undecided ones need. One finding a
    /// size.
    EvidenceRoom { mib: u64 },
    /// The box ended its own service; `unlocked`: the authority had let an installer in.
    Retired { unlocked: bool, undelivered: u64, at: At },
}

/// Declared breaks are counted over so many days [D].
pub const BREAK_DAYS: i64 = 30;
/// From so many on they are the supervisors' [D].
const BREAKS_REPEATED: i64 = 2;

/// Where the finding belongs.
#[derive(Debug, Clone)]
pub struct Where {
    pub device: DeviceId,
    pub room: RoomId,
    pub institution: InstitutionId,
}

impl ChainFault {
    fn rule(&self) -> RuleCode {
        match self {
            Self::Gap { .. } => RuleCode::ChainGap,
            Self::BadLink { .. } | Self::Refused { reason: RefusalReason::Fork, .. } => {
                RuleCode::ChainFork
            }
            Self::Refused { .. } | Self::SetAside { .. } => RuleCode::ChainRefused,
            Self::Break { .. } => RuleCode::ChainBreak,
            Self::OverBudget { .. } => RuleCode::BoxBudget,
            Self::EvidenceGone { .. }
            | Self::EvidenceEarly { .. }
            | Self::EvidenceMissing { .. } => RuleCode::EvidenceGone,
            Self::EvidenceRoom { .. } => RuleCode::EvidenceRoom,
            Self::Retired { .. } => RuleCode::BoxRetired,
        }
    }

    fn severity(&self) -> Severity {
        match self {
            Self::Break { times, .. } if *times >= BREAKS_REPEATED => Severity::L2,
            Self::Gap { .. }
            | Self::Break { .. }
            | Self::EvidenceGone { told: false, .. }
            | Self::EvidenceEarly { .. }
            | Self::EvidenceRoom { .. }
            | Self::Retired { unlocked: true, .. }
            | Self::EvidenceMissing { replaced: true, .. } => Severity::L1,
            Self::BadLink { .. }
            | Self::EvidenceGone { .. }
            | Self::EvidenceMissing { .. }
            | Self::Refused { .. }
            | Self::SetAside { .. }
            | Self::Retired { .. }
            | Self::OverBudget { .. } => Severity::L2,
        }
    }

    fn key(&self) -> String {
        match self {
            // As it was named before epochs were: what was raised once stays the same finding.
            Self::Gap { epoch: 0, from_seq, .. } => format!("gap {from_seq}"),
            Self::Gap { epoch, from_seq, .. } => format!("gap {epoch} {from_seq}"),
            Self::BadLink { seq } => format!("link {seq}"),
            Self::Refused { reason, day } | Self::SetAside { reason, day } => {
                format!("refused {} {day}", reason.name())
            }
            Self::Break { epoch, .. } => format!("break {epoch}"),
            Self::OverBudget { day, .. } => format!("budget {day}"),
            Self::EvidenceGone { told, day } => format!("evidence gone {told} {day}"),
            Self::EvidenceEarly { day } => format!("evidence early {day}"),
            Self::EvidenceMissing { replaced, day, .. } => {
                format!("evidence missing {replaced} {day}")
            }
            Self::EvidenceRoom { mib } => format!("evidence room {mib}"),
            Self::Retired { at, .. } => format!("retired {at}"),
        }
    }

    fn statement(&self) -> ServerStatement {
        use ServerStatement as Said;
        match self {
            Self::Gap { from_seq, to_seq, .. } => {
                Said::RecordsMissing { from_seq: *from_seq, to_seq: *to_seq }
            }
            Self::BadLink { seq } => Said::RecordsUnlinked { seq: *seq },
            Self::Refused { reason, day } => {
                Said::MessagesRefused { day: day.clone(), reason: *reason }
            }
            Self::SetAside { reason, day } => {
                Said::MessagesSetAside { day: day.clone(), reason: *reason }
            }
            Self::Break { reason, times, .. } => {
                Said::ChainBegunAnew { reason: reason.clone(), times: *times, days: BREAK_DAYS }
            }
            Self::OverBudget { kind, day } => {
                Said::OverBudget { day: day.clone(), kind: message_kind(*kind) }
            }
            Self::EvidenceGone { told, day } => {
                Said::PicturesGone { day: day.clone(), told: *told }
            }
            Self::EvidenceEarly { day } => Said::PicturesEarly { day: day.clone() },
            Self::EvidenceMissing { missing, replaced, day } => {
                Said::PicturesMissing { day: day.clone(), missing: *missing, replaced: *replaced }
            }
            Self::EvidenceRoom { mib } => Said::PictureRoom { mib: *mib },
            Self::Retired { unlocked, undelivered, .. } => {
                Said::BoxRetired { unlocked: *unlocked, undelivered: *undelivered }
            }
        }
    }

    /// What was missing came at `now`: the step that says so of the same finding. None of it was
    /// removed, since a record fits into its chain unchanged alone.
    pub fn came_after_all(&self, place: &Where, ids: &OwnIds, now: At) -> FindingReport {
        FindingReport {
            step: Step::Withdrawn,
            revision: 2,
            counts: Vec::new(),
            explanation: wording::of_server(&ServerStatement::RecordsCame),
            ..self.report(place, ids, now)
        }
    }

    /// The finding with its incident, made by the server at `now`.
    pub fn report(&self, place: &Where, ids: &OwnIds, now: At) -> FindingReport {
        let id = |purpose: &str| ids.id(&["chain", purpose, place.device.as_str(), &self.key()]);
        FindingReport {
            finding_id: id("finding"),
            incident_id: id("incident"),
            step: Step::Opened,
            revision: 1,
            rule: self.rule(),
            kind: FindingKind::Integrity,
            severity: self.severity(),
            confidence: Confidence {
                identity_ppm: 0,
                role_ppm: 0,
                session_ppm: 0,
                visibility_ppm: 0,
            },
            room: place.room.clone(),
            institution: place.institution.clone(),
            session: None,
            item: None,
            persons: Vec::new(),
            candidate_basis: Vec::new(),
            intervals: Vec::new(),
            counts: self.counts(),
            explanation: wording::of_server(&self.statement()),
            raised_at: now.to_string(),
            withdrawn_because: None,
            manifest: Manifest {
                firmware: concat!("zaigang-server ", env!("CARGO_PKG_VERSION")).to_owned(),
                pack: String::new(),
                pack_sha256: String::new(),
                config_sha256: String::new(),
                policy_sha256: String::new(),
                policy_version: 0,
                roster_version: 0,
                liveness_waived: false,
            },
        }
    }

    fn counts(&self) -> Vec<Count> {
        let one = |name: FigureName, value: i64| Count { name, value };
        match self {
            Self::Gap { from_seq, to_seq, .. } => {
                vec![one(FigureName::MissingMessages, to_seq - from_seq + 1)]
            }
            Self::BadLink { seq } => vec![one(FigureName::Seq, *seq as i64)],
            Self::Break { times, .. } => {
                vec![one(FigureName::Breaks, *times), one(FigureName::WindowDays, BREAK_DAYS)]
            }
            Self::Retired { undelivered, .. } => {
                vec![one(FigureName::Undelivered, i64::try_from(*undelivered).unwrap_or(i64::MAX))]
            }
            Self::Refused { .. }
            | Self::SetAside { .. }
            | Self::OverBudget { .. }
            | Self::EvidenceGone { .. }
            | Self::EvidenceEarly { .. }
            | Self::EvidenceMissing { .. }
            | Self::EvidenceRoom { .. } => Vec::new(),
        }
    }
}

fn message_kind(kind: BudgetKind) -> MessageKind {
    match kind {
        BudgetKind::Finding => MessageKind::Finding,
        BudgetKind::Presence => MessageKind::Presence,
        BudgetKind::Health => MessageKind::Health,
        BudgetKind::Other => MessageKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_cause_is_the_same_finding_and_another_is_not() {
        let place = Where {
            device: "box-1".parse().unwrap(),
            room: "r".parse().unwrap(),
            institution: "c".parse().unwrap(),
        };
        let ids = OwnIds::new(vec![7]);
        let gap = |from_seq| {
            ChainFault::Gap { epoch: 0, from_seq, to_seq: 9 }.report(
                &place,
                &ids,
                "2026-03-02T01:00:00.000Z".parse().unwrap(),
            )
        };
        assert_eq!(gap(4).finding_id, gap(4).finding_id);
        assert_ne!(gap(4).finding_id, gap(5).finding_id);
        let later = ChainFault::Gap { epoch: 1, from_seq: 4, to_seq: 9 };
        let later = later.report(&place, &ids, "2026-03-02T01:00:00.000Z".parse().unwrap());
        assert_ne!(gap(4).finding_id, later.finding_id, "a chain begun anew has gaps of its own");
        assert_eq!(gap(4).counts[0].value, 6);
        assert!(!gap(4).explanation.zh.contains("违法"));
    }
}
