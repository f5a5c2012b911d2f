//! The named states of the ingest in which a fault test may kill the process ([`fail_point`]).

/// Every state, in the order in which a message lives through them.
pub const STATES: &[&str] = &[
    "ingest.received",
    "ingest.checked",
    "store.row_written",
    "store.before_commit",
    "store.committed",
    "ingest.told",
    "receipt.signed",
    "receipt.handed_over",
    "quarantine.committed",
    "incidents.before_commit",
    "incidents.committed",
];
