//! The supervisors server.
