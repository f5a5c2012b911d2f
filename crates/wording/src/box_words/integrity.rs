//! 规避监管或设备异常: HB-2 to HB-7, as far as a box sees them.

use protocol::up::Explanation;
use statement::CameraFault;

use crate::figures::{en_ms, zh_ms};
use crate::said;

pub(super) fn undeclared(operator_ms: u64) -> Explanation {
    said(
        format!("疑似未登记诊疗活动：床位有人且操作位有人{}，无对应登记。", zh_ms(operator_ms)),
        format!(
            "Suspected undeclared procedure: the bed was occupied and somebody operated for {}, \
            with no session declared.",
            en_ms(operator_ms)
        ),
    )
}

pub(super) fn dark_in_session(total_ms: u64, longest_ms: u64, today_ms: u64) -> Explanation {
    said(
        format!(
            "疑似设备异常：诊疗期间无画面共{}，最长一次{}，当日各次诊疗合计{}。",
            zh_ms(total_ms),
            zh_ms(longest_ms),
            zh_ms(today_ms)
        ),
        format!(
            "Suspected camera fault: no picture for {} of the session, {} of it at once; {} in \
            the day's sessions so far.",
            en_ms(total_ms),
            en_ms(longest_ms),
            en_ms(today_ms)
        ),
    )
}

pub(super) fn dark_at_bed(total_ms: u64, today_ms: u64) -> Explanation {
    said(
        format!(
            "疑似设备异常：床位有人且无登记时无画面共{}，当日合计{}。",
            zh_ms(total_ms),
            zh_ms(today_ms)
        ),
        format!(
            "Suspected camera fault: no picture for {} while the bed was occupied with no session \
            declared; {} in the day so far.",
            en_ms(total_ms),
            en_ms(today_ms)
        ),
    )
}

pub(super) fn camera_fault(fault: CameraFault, lasted_ms: u64) -> Explanation {
    let (zh, en) = match fault {
        CameraFault::Covered => ("镜头被遮挡", "the lens was covered"),
        CameraFault::Moved => ("镜头被移动", "the view was moved"),
        CameraFault::Frozen => ("画面静止", "the picture was frozen"),
        CameraFault::Other => ("画面异常", "the picture was at fault"),
    };
    said(
        format!("疑似设备异常：营业时间内{zh}{}。", zh_ms(lasted_ms)),
        format!("Suspected camera fault: {en} for {} in opening hours.", en_ms(lasted_ms)),
    )
}

pub(super) fn attack(assessed: u32, not_live: u32) -> Explanation {
    said(
        format!("疑似呈现攻击：{assessed}帧中有{not_live}帧判定为非活体。"),
        format!(
            "Suspected presentation attack: {not_live} of {assessed} assessed frames were not a \
            living face."
        ),
    )
}

pub(super) fn zones_changed() -> Explanation {
    said(
        "疑似安装后区域被更改：当前生效的区域与安装锁定时不同，请核对画面区域与隐私遮蔽。"
            .to_owned(),
        "Suspected change of zones after installation: the zones in force differ from those that \
        were locked; check the zones and privacy masks."
            .to_owned(),
    )
}

pub(super) fn zones_misfit(beside_ms: u64) -> Explanation {
    said(
        format!(
            "疑似区域设置与实际不符：床位有人且操作位无人{}，期间另有人在床旁，请核对画面区域。",
            zh_ms(beside_ms)
        ),
        format!(
            "Suspected zones that do not fit: the bed was occupied with nobody in the operator \
            zone for {} while somebody stayed beside it; check the zones.",
            en_ms(beside_ms)
        ),
    )
}
