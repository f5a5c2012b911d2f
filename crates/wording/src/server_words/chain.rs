//! What is wrong with a box's chain, its messages or its service.

use protocol::up::Explanation;

use crate::{MessageKind, RefusalReason, said};

pub(super) fn missing(from_seq: i64, to_seq: i64) -> Explanation {
    said(
        format!("设备记录链缺少序号 {from_seq} 至 {to_seq}，疑似记录丢失或被删除"),
        format!(
            "Sequences {from_seq} to {to_seq} of the box's chain did not come: suspected loss or \
            removal of records"
        ),
    )
}

pub(super) fn came() -> Explanation {
    said(
        "设备记录链此前缺少的记录已补齐，内容与前后记录相接，未见删改".to_owned(),
        "What was missing of the box's chain has come and links with what stands around it: \
        nothing was removed or changed"
            .to_owned(),
    )
}

pub(super) fn unlinked(seq: u64) -> Explanation {
    said(
        format!("设备记录链在序号 {seq} 处与前一条不相接，疑似记录被更改"),
        format!("The box's chain does not link at sequence {seq}: suspected change of records"),
    )
}

pub(super) fn refused(day: &str, reason: RefusalReason) -> Explanation {
    let (zh, en) = refusal(reason);
    said(
        format!("{day} 有以该设备名义发送的消息被拒收（原因：{zh}），原文已隔离保存"),
        format!(
            "On {day} messages in this box's name were refused ({en}); they are kept in quarantine"
        ),
    )
}

pub(super) fn set_aside(day: &str, reason: RefusalReason) -> Explanation {
    let (zh, en) = match reason {
        RefusalReason::WrongPlace => {
            ("涉及其他诊室、机构或他室的诊疗活动", "speak of another room, institution or session")
        }
        RefusalReason::WrongTime => ("所述时间不可能", "speak of a time that can not be"),
        RefusalReason::ServersRule => {
            ("以服务器规则之名提出线索", "claim a rule of the server's own")
        }
        RefusalReason::RevisionJump => ("跳过了线索的中间步骤", "skip steps of a finding"),
        _ => ("格式不符", "are not in form"),
    };
    said(
        format!("{day} 该设备签名的消息{zh}，未予采信，原文已保存"),
        format!(
            "On {day} the box itself signed messages that {en}: they have no effect and are kept"
        ),
    )
}

pub(super) fn begun_anew(reason: &str, times: i64, days: i64) -> Explanation {
    said(
        format!("设备声明其记录数据库损坏并重新开始记录链（近 {days} 天第 {times} 次）：{reason}"),
        format!(
            "The box declared its record database lost and began a new chain (number {times} \
            within {days} days): {reason}"
        ),
    )
}

pub(super) fn over_budget(day: &str, kind: MessageKind) -> Explanation {
    let (zh, en) = match kind {
        MessageKind::Finding => ("线索", "finding"),
        MessageKind::Presence => ("在场记录", "presence"),
        MessageKind::Health => ("心跳", "health"),
        MessageKind::Other => ("应答与声明", "other"),
    };
    said(
        format!("{day} 该设备发送的{zh}超出每日上限，超出部分暂缓接收，仍留存于设备"),
        format!(
            "On {day} the box sent more than its budget of messages of kind {en}: the rest is not \
            receipted and stays in the box"
        ),
    )
}

pub(super) fn retired(unlocked: bool, undelivered: u64) -> Explanation {
    let (zh, en) = if unlocked {
        ("此前主管机关已批准开锁", "the authority had granted its unlock")
    } else {
        ("此前主管机关未批准开锁", "the authority had granted no unlock")
    };
    said(
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

/// Why a message was not taken in: zh, en.
pub fn refusal(reason: RefusalReason) -> (&'static str, &'static str) {
    use RefusalReason as Why;
    match reason {
        Why::UnknownTopic => ("主题不存在", "no topic of ours"),
        Why::Oversized => ("消息过大", "too large"),
        Why::Malformed => ("格式不符", "not in form"),
        Why::UnknownDevice => ("设备未接入", "the box is not provisioned"),
        Why::SupersededKey => ("由已更换的密钥签名", "signed by an earlier key of the box"),
        Why::BadSignature => ("签名不符", "the signature does not fit"),
        Why::WrongDevice => ("冒用其他设备名义", "in the name of another box"),
        Why::WrongPlace => ("涉及其他诊室或机构", "it speaks of another room or institution"),
        Why::WrongTime => ("所述时间不可能", "it speaks of a time that can not be"),
        Why::ServersRule => ("以服务器规则之名提出线索", "it claims a rule of the server's own"),
        Why::RevisionJump => ("跳过了线索的中间步骤", "it skips steps of a finding"),
        Why::Fork => ("与已存的记录链冲突", "another record stands at its place in the chain"),
        Why::SequenceJump => ("序号不相接", "no chain reaches its sequence"),
        Why::Other => ("其他原因", "another reason"),
    }
}
