//! The server's own Integrity findings about a box's chain: why, how severe, and in which words.
//! Pure.

use super::budget::Kind;
use protocol::id::{DeviceId, InstitutionId, RoomId};
use protocol::names::{FigureName, RuleCode};
use protocol::up::{
    Confidence, Count, Explanation, FindingKind, FindingReport, Manifest, Severity, Step,
};

use crate::clock::At;
use crate::own_id::OwnIds;

/// What is wrong with a chain. The same cause twice is the same finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// Sequences that did not come in good time.
    Gap { epoch: i64, from_seq: i64, to_seq: i64 },
    /// A stored link names another predecessor.
    BadLink { seq: u64 },
    /// Messages in this device's name were refused; one finding a day and reason.
    Refused { reason: &'static str, day: String },
    /// What the box itself said was set aside: of a foreign place, of an impossible time; one
    /// finding a day and reason.
    SetAside { reason: &'static str, day: String },
    /// The box declared that its database was lost, for the n-th time in [`BREAK_DAYS`] days.
    Break { epoch: i64, reason: String, times: i64 },
    /// The box sent more than its budget; one finding a day.
    OverBudget { kind: Kind, day: String },
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

impl Cause {
    fn rule(&self) -> RuleCode {
        match self {
            Self::Gap { .. } => RuleCode::ChainGap,
            Self::BadLink { .. } | Self::Refused { reason: "fork", .. } => RuleCode::ChainFork,
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
                format!("refused {reason} {day}")
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

    fn explanation(&self) -> Explanation {
        let (zh, en) = match self {
            Self::Gap { from_seq, to_seq, .. } => (
                format!("设备记录链缺少序号 {from_seq} 至 {to_seq}，疑似记录丢失或被删除"),
                format!(
                    "Sequences {from_seq} to {to_seq} of the box's chain did not come: suspected \
                    loss or removal of records"
                ),
            ),
            Self::BadLink { seq } => (
                format!("设备记录链在序号 {seq} 处与前一条不相接，疑似记录被更改"),
                format!(
                    "The box's chain does not link at sequence {seq}: suspected change of records"
                ),
            ),
            Self::Refused { reason, day } => {
                let (zh, en) = refusal_words(reason);
                (
                    format!("{day} 有以该设备名义发送的消息被拒收（原因：{zh}），原文已隔离保存"),
                    format!(
                        "On {day} messages in this box's name were refused ({en}); they are kept \
                        in quarantine"
                    ),
                )
            }
            Self::SetAside { reason, day } => {
                let (zh, en) = set_aside_words(reason);
                (
                    format!("{day} 该设备签名的消息{zh}，未予采信，原文已保存"),
                    format!(
                        "On {day} the box itself signed messages that {en}: they have no effect \
                        and are kept"
                    ),
                )
            }
            Self::Break { reason, times, .. } => (
                format!(
                    "设备声明其记录数据库损坏并重新开始记录链（近 {BREAK_DAYS} 天第 {times} \
                    次）：{reason}"
                ),
                format!(
                    "The box declared its record database lost and began a new chain (number \
                        {times} within \
                     {BREAK_DAYS} days): {reason}"
                ),
            ),
            Self::OverBudget { kind, day } => (
                format!(
                    "{day} 该设备发送的{}超出每日上限，超出部分暂缓接收，仍留存于设备",
                    kind_word(*kind)
                ),
                format!(
                    "On {day} the box sent more than its budget of messages of kind {}: the rest \
                    is not receipted and stays in the box",
                    kind.as_str()
                ),
            ),
            Self::EvidenceGone { told, day } => gone_words(*told, day),
            Self::EvidenceEarly { day } => (
                format!("{day} 该设备删除了尚未审结线索的封存画面，早于保存期限：其时钟可能被拨快"),
                format!(
                    "On {day} the box deleted sealed pictures of what nobody has decided, before \
                    their time: its clock may have been set forward"
                ),
            ),
            Self::EvidenceMissing { missing, replaced, day } => {
                missing_words(*missing, *replaced, day)
            }
            Self::EvidenceRoom { mib } => room_words(*mib),
            Self::Retired { unlocked, undelivered, .. } => retired_words(*unlocked, *undelivered),
        };
        Explanation { zh, en }
    }

    /// What was missing came at `now`: the step that says so of the same finding. None of it was
    /// removed, since a record fits into its chain unchanged alone.
    pub fn came_after_all(&self, place: &Where, ids: &OwnIds, now: At) -> FindingReport {
        FindingReport {
            step: Step::Withdrawn,
            revision: 2,
            counts: Vec::new(),
            explanation: Explanation {
                zh: "设备记录链此前缺少的记录已补齐，内容与前后记录相接，未见删改".to_owned(),
                en: "What was missing of the box's chain has come and links with what stands \
                    around it: nothing was removed or changed"
                    .to_owned(),
            },
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
            explanation: self.explanation(),
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

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Finding => "线索",
        Kind::Presence => "在场记录",
        Kind::Health => "心跳",
        Kind::Other => "应答与声明",
    }
}

fn gone_words(told: bool, day: &str) -> (String, String) {
    if told {
        return (
            format!("{day} 该设备称：已通知其保全（或已立案）的封存画面已不在设备上，原因待查"),
            format!(
                "On {day} the box said that it no longer has sealed pictures which it was told to \
                keep, or which are of a case: why is to be found out"
            ),
        );
    }
    (
        format!("{day} 该设备称：应保全的封存画面已不在设备上；保全通知此前可能尚未送达设备"),
        format!(
            "On {day} the box said that it no longer has sealed pictures which are held, or of a \
            case; word of that may not have reached it before"
        ),
    )
}

fn missing_words(missing: u64, replaced: bool, day: &str) -> (String, String) {
    let (zh, en) = if replaced {
        ("其中有更换设备之前的画面", "some of them are of the box that stood there before")
    } else {
        ("记录链中没有其删除记录，疑似被人取走", "its chain ends none of them: suspected removal")
    };
    (
        format!("{day} 该设备持有的封存画面比其记录链所列少 {missing} 幅；{zh}"),
        format!(
            "On {day} the box holds {missing} sealed pictures fewer than its chain names; {en}"
        ),
    )
}

fn room_words(mib: u64) -> (String, String) {
    let needed = protocol::evidence::QUOTA_BYTES >> 20;
    (
        format!(
            "设备只为封存画面留出 {mib} MiB，少于保存未审结画面 30 天所需的 {needed} \
             MiB：较早的画面会被提前删除，请核查设备配置由何人更改"
        ),
        format!(
            "The box keeps {mib} MiB for sealed pictures where 30 undecided days need {needed}: \
             earlier ones are given up; ask who set its configuration so"
        ),
    )
}

fn retired_words(unlocked: bool, undelivered: u64) -> (String, String) {
    let (zh, en) = if unlocked {
        ("此前主管机关已批准开锁", "the authority had granted its unlock")
    } else {
        ("此前主管机关未批准开锁", "the authority had granted no unlock")
    };
    (
        format!(
            "设备自行停用并注销密钥（{zh}；设备称尚有 {undelivered} \
             条记录未送达），该诊室自此无设备监测，请核查由何人停用、为何停用"
        ),
        format!(
            "The box ended its own service and its keys ({en}; it says that {undelivered} messages \
            were not delivered): nobody watches this room from here on; ask who ended it, and why"
        ),
    )
}

/// Why a message was not taken in, in words: zh, en.
pub fn refusal_words(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "unknown_topic" => ("主题不存在", "no topic of ours"),
        "oversized" => ("消息过大", "too large"),
        "malformed" => ("格式不符", "not in form"),
        "unknown_device" => ("设备未接入", "the box is not provisioned"),
        "superseded_key" => ("由已更换的密钥签名", "signed by an earlier key of the box"),
        "bad_signature" => ("签名不符", "the signature does not fit"),
        "wrong_device" => ("冒用其他设备名义", "in the name of another box"),
        "wrong_place" => ("涉及其他诊室或机构", "it speaks of another room or institution"),
        "wrong_time" => ("所述时间不可能", "it speaks of a time that can not be"),
        "servers_rule" => ("以服务器规则之名提出线索", "it claims a rule of the server's own"),
        "revision_jump" => ("跳过了线索的中间步骤", "it skips steps of a finding"),
        "fork" => ("与已存的记录链冲突", "another record stands at its place in the chain"),
        "sequence_jump" => ("序号不相接", "no chain reaches its sequence"),
        _ => ("其他原因", "another reason"),
    }
}

fn set_aside_words(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "wrong_place" => {
            ("涉及其他诊室、机构或他室的诊疗活动", "speak of another room, institution or session")
        }
        "wrong_time" => ("所述时间不可能", "speak of a time that can not be"),
        "servers_rule" => ("以服务器规则之名提出线索", "claim a rule of the server's own"),
        "revision_jump" => ("跳过了线索的中间步骤", "skip steps of a finding"),
        _ => ("格式不符", "are not in form"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_to_refuse_a_message_has_words() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for (file, marks) in [
            ("ingest/check.rs", ["refuse(\"", "refuse(\n            \"", "reason: \""]),
            ("ingest/place.rs", ["reason: \"", "SetAside { reason: \"", "aside(\""]),
        ] {
            let text = std::fs::read_to_string(here.join(file)).unwrap();
            let text = text.split("#[cfg(test)]").next().unwrap_or_default();
            for behind in marks.iter().flat_map(|mark| text.split(mark).skip(1)) {
                let reason = behind.split('"').next().unwrap_or_default();
                assert_ne!(refusal_words(reason).0, "其他原因", "{file}: {reason}");
            }
        }
    }

    #[test]
    fn the_same_cause_is_the_same_finding_and_another_is_not() {
        let place = Where {
            device: "box-1".parse().unwrap(),
            room: "r".parse().unwrap(),
            institution: "c".parse().unwrap(),
        };
        let ids = OwnIds::new(vec![7]);
        let gap = |from_seq| {
            Cause::Gap { epoch: 0, from_seq, to_seq: 9 }.report(
                &place,
                &ids,
                "2026-03-02T01:00:00.000Z".parse().unwrap(),
            )
        };
        assert_eq!(gap(4).finding_id, gap(4).finding_id);
        assert_ne!(gap(4).finding_id, gap(5).finding_id);
        let later = Cause::Gap { epoch: 1, from_seq: 4, to_seq: 9 };
        let later = later.report(&place, &ids, "2026-03-02T01:00:00.000Z".parse().unwrap());
        assert_ne!(gap(4).finding_id, later.finding_id, "a chain begun anew has gaps of its own");
        assert_eq!(gap(4).counts[0].value, 6);
        assert!(!gap(4).explanation.zh.contains("违法"));
    }
}
