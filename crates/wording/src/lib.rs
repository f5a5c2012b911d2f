//! The sentences of findings, in Chinese and English: the one place that phrases what a box or the
//! server states. Box and server share it; the decision core can not reach it.
//!
//! A finding is a lead 线索, never a verdict: "疑似…", and never "违法". Typed figures and ids come
//! in, sentences go out; it decides nothing, reads no clock and does no I/O. Ids stand in a
//! sentence as they are: whoever shows it puts the names.

mod box_words;
mod evidence;
mod figures;
mod placeholders;
mod server_statement;
mod server_words;

pub use box_words::of_box;
pub use evidence::{evidence, reason};
pub use placeholders::{of_another_institution, struck};
pub use server_statement::{
    ChainStanding, MessageKind, Question, RefusalReason, SeenAt, ServerStatement, WhoseSessions,
};
pub use server_words::{of_server, refusal};

use protocol::up::Explanation;

fn said(zh: String, en: String) -> Explanation {
    Explanation { zh, en }
}
