//! What is shown in the place of words and names that nobody is to read any more. Knows no finding.

use protocol::up::Explanation;

use crate::said;

/// Of an alert that was dismissed, when its words have had their time.
pub fn struck() -> Explanation {
    said(
        "已驳回，内容已按留存期限删除".to_owned(),
        "dismissed; struck when its retention ran out".to_owned(),
    )
}

/// Somebody whom the institution has nothing to do with, in the place of an id.
pub fn of_another_institution() -> Explanation {
    said("非本机构人员".to_owned(), "somebody of another institution".to_owned())
}
