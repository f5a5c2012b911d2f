//! What a handler asks of its request: who sent it, what that role may do and see, which part of a
//! list, and what the audit log is told of it. No route stands here.

pub(super) mod actor;
pub(super) mod bodies;
pub(super) mod carried;
pub(super) mod cookies;
pub(super) mod credential;
pub(super) mod deed;
pub(super) mod landing;
pub(super) mod part;
pub(super) mod rights;
pub(super) mod scope;
pub(super) mod sight;
