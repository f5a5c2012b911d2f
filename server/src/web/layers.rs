//! What every request passes before its handler, and every answer after it. Each is a layer of the
//! router in `web.rs`; none knows a noun.

pub(super) mod auth;
pub(super) mod fault_page;
pub(super) mod host;
pub(super) mod outer;
pub(super) mod query_fold;
