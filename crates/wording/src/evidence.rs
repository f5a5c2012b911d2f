//! What a presence rests on, and why something could not be judged. Pages show these alone, too.

use protocol::names::AbstentionReason;
use protocol::up::{Explanation, LivenessEvidence, PresenceEvidence};

use crate::said;

/// A calibrated cosine × 10⁶ with three places.
fn score(ppm: i32) -> String {
    format!("{:.3}", f64::from(ppm) / 1e6)
}

/// What a presence rests on; `None`: a bare claim.
pub fn evidence(evidence: Option<&PresenceEvidence>) -> Explanation {
    let Some(it) = evidence else {
        return said(
            "未附依据，仅为设备陈述".to_owned(),
            "a bare claim: the box said no figures".to_owned(),
        );
    };
    let (live_zh, live_en) = match it.liveness {
        LivenessEvidence::Live => ("均判定为活体", "each judged live"),
        LivenessEvidence::Waived => ("活体检测已豁免", "liveness waived"),
        LivenessEvidence::NoLook => {
            return said("未经人脸识别".to_owned(), "not by the face".to_owned());
        }
        LivenessEvidence::Unknown => ("活体情况不明", "liveness not told"),
    };
    let (looks, min, max) = (it.looks, score(it.score_min_ppm), score(it.score_max_ppm));
    said(
        format!("{looks} 次识别，相似度 {min} 至 {max}，{live_zh}"),
        format!("{looks} looks, score {min} to {max}, {live_en}"),
    )
}

/// Why a session could not be judged, or a rule could not decide in one: zh and en.
pub fn reason(why: &AbstentionReason) -> (&'static str, &'static str) {
    use AbstentionReason as Why;
    match why {
        Why::Declined => ("就诊者拒绝", "the patient declined"),
        Why::Withheld => ("未作识别", "nobody was looked at"),
        Why::Visibility => ("画面不可判", "out of sight"),
        Why::Clock => ("时钟不可靠", "clock not reliable"),
        Why::NoActivity => ("未见操作", "no activity"),
        Why::NeverClosed => ("未关闭登记", "never closed"),
        Why::History => ("登记过迟", "declared too late"),
        Why::NoReport => ("无设备报告", "no report of the box"),
        Why::Chain => ("记录链不完整", "the box's chain is not whole"),
        Why::Undecided => ("规则未决", "a rule abstained"),
        Why::Operator => ("操作人身份未定", "who operated is not known"),
        Why::Absence => ("不能断定不在场", "an absence can not be told"),
        Why::Door => ("门区不可见", "the door was out of sight"),
        Why::Roster => ("名册不全或过期", "the roster is old or incomplete"),
        Why::Other(_) => ("其他原因", "another reason"),
    }
}
