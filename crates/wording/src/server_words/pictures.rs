//! Sealed pictures that a box should have, and has not.

use protocol::up::Explanation;

use crate::said;

pub(super) fn gone(day: &str, told: bool) -> Explanation {
    if told {
        return said(
            format!("{day} 该设备称：已通知其保全（或已立案）的封存画面已不在设备上，原因待查"),
            format!(
                "On {day} the box said that it no longer has sealed pictures which it was told to \
                keep, or which are of a case: why is to be found out"
            ),
        );
    }
    said(
        format!("{day} 该设备称：应保全的封存画面已不在设备上；保全通知此前可能尚未送达设备"),
        format!(
            "On {day} the box said that it no longer has sealed pictures which are held, or of a \
            case; word of that may not have reached it before"
        ),
    )
}

pub(super) fn early(day: &str) -> Explanation {
    said(
        format!("{day} 该设备删除了尚未审结线索的封存画面，早于保存期限：其时钟可能被拨快"),
        format!(
            "On {day} the box deleted sealed pictures of what nobody has decided, before their \
            time: its clock may have been set forward"
        ),
    )
}

pub(super) fn missing(day: &str, missing: u64, replaced: bool) -> Explanation {
    let (zh, en) = if replaced {
        ("其中有更换设备之前的画面", "some of them are of the box that stood there before")
    } else {
        ("记录链中没有其删除记录，疑似被人取走", "its chain ends none of them: suspected removal")
    };
    said(
        format!("{day} 该设备持有的封存画面比其记录链所列少 {missing} 幅；{zh}"),
        format!(
            "On {day} the box holds {missing} sealed pictures fewer than its chain names; {en}"
        ),
    )
}

pub(super) fn room(mib: u64) -> Explanation {
    let needed = protocol::evidence::QUOTA_BYTES >> 20;
    said(
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
