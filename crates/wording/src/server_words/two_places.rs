//! LL-3: one person in two places.

use protocol::up::Explanation;

use crate::figures::minutes;
use crate::{ChainStanding, SeenAt, evidence, said};

pub(super) fn at_once(
    (first, second): (&SeenAt, &SeenAt),
    overlap_ms: i64,
    distance_m: Option<i64>,
) -> Explanation {
    let (a, b, minutes) = (&first.institution, &second.institution, minutes(overlap_ms));
    let (far, rests) = (far(distance_m), rests(first, second));
    said(
        format!(
            "疑似挂证或冒用身份：同一执业人员在机构 {a} 与机构 {b} \
            同时核实在场 {minutes} 分钟{}。{}",
            far.zh, rests.zh
        ),
        format!(
            "Suspected licence lending or borrowed identity: the same practitioner was verified \
            at {a} and at {b} at the same time for {minutes} min{}. {}",
            far.en, rests.en
        ),
    )
}

pub(super) fn too_soon(
    (first, second): (&SeenAt, &SeenAt),
    between_ms: i64,
    distance_m: Option<i64>,
    speed_kmh: i64,
) -> Explanation {
    let (a, b, gap) = (&first.institution, &second.institution, minutes(between_ms));
    let (far, rests) = (far(distance_m), rests(first, second));
    said(
        format!(
            "疑似挂证或冒用身份：同一执业人员离开机构 {a} 后 {gap} 分钟即在机构 {b} \
            核实在场{}，折合时速约 {speed_kmh} 公里。{}",
            far.zh, rests.zh
        ),
        format!(
            "Suspected licence lending or borrowed identity: the same practitioner was verified \
            at {b} {gap} min after {a}{}, which takes about {speed_kmh} km/h. {}",
            far.en, rests.en
        ),
    )
}

/// What a clinic reads: words, times and distances tell of another clinic.
pub(super) fn also_elsewhere() -> Explanation {
    said(
        "疑似挂证或冒用身份：该执业人员在本机构核实在场的时间，\
        与其另一次核实在场的记录不能同时成立。"
            .to_owned(),
        "Suspected licence lending or borrowed identity: the practitioner's verified presence at \
        this institution can not be reconciled with another verified presence."
            .to_owned(),
    )
}

fn far(distance_m: Option<i64>) -> Explanation {
    let Some(km) = distance_m.map(|d| d / 1000) else {
        return said(String::new(), String::new());
    };
    said(format!("，两地相距约 {km} 公里"), format!(", about {km} km apart"))
}

/// Which boxes say so, how their chains stand, and on what each claim rests.
fn rests(first: &SeenAt, second: &SeenAt) -> Explanation {
    let (a, b) = (rests_on(first), rests_on(second));
    said(format!("依据：{}、{}。", a.zh, b.zh), format!("By {} and {}.", a.en, b.en))
}

fn rests_on(seen: &SeenAt) -> Explanation {
    let (zh, en) = match seen.chain {
        ChainStanding::Intact => ("记录链完整", "chain intact"),
        ChainStanding::Gap => {
            ("该时段记录链完整，现有缺口", "chain whole over this time, a gap now")
        }
        ChainStanding::Forked => {
            ("该时段记录链完整，另有分叉", "chain whole over this time, forked elsewhere")
        }
        ChainStanding::Restarted => {
            ("该时段记录链完整，曾重新开始", "chain whole over this time, restarted once")
        }
    };
    let (device, on) = (&seen.device, evidence(seen.evidence.as_ref()));
    said(format!("设备 {device}（{zh}；{}）", on.zh), format!("box {device} ({en}; {})", on.en))
}
