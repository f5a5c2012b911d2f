//! The named states of the outbox and the link in which a fault test may kill the process
//! ([`fail_point`]).

/// Every state, for tests that go through them all. The order is the one in which a message lives
/// through them.
pub const STATES: &[&str] = &[
    "boot.counted",
    "counters.before_write",
    "counters.after_write",
    "append.before_tx",
    "append.row_written",
    "append.committed",
    "mqtt.handed_over",
    "mqtt.receipt_verified",
    "receipt.rows_deleted",
    "receipt.committed",
    "drop.rows_deleted",
    "drop.committed",
    "reserve.released",
    "aside.renamed",
    "aside.new_database",
    "aside.rows_moved",
];
