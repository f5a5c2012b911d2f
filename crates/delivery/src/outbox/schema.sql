-- The box's outbox: one row per message that the server has not yet receipted.
CREATE TABLE outbox (
    -- Counts the device's messages; the chain's order.
    seq       INTEGER PRIMARY KEY,
    -- 0 vital (findings and chain records), 1 bulk (presence, health).
    lane      INTEGER NOT NULL,
    -- 0 vital, 1 L0 finding, 2 presence, 3 health: what may be dropped for space.
    class     INTEGER NOT NULL,
    -- 1 for a chain break, which waits for every row before it.
    breaks    INTEGER NOT NULL,
    -- SHA-256("zaigang/v1" || body), hex.
    hash      TEXT NOT NULL,
    -- The topic's last level.
    channel   TEXT NOT NULL,
    -- The signed envelope exactly as it is published.
    envelope  TEXT NOT NULL
) STRICT;
CREATE INDEX outbox_lane ON outbox (lane, seq);
CREATE INDEX outbox_breaks ON outbox (seq) WHERE breaks = 1;

-- Hashes of rows that left before the receipt passed them (receipted above a gap, or dropped): a later receipt is
-- checked against them. Emptied as the receipted sequence rises.
CREATE TABLE gone (
    seq   INTEGER PRIMARY KEY,
    hash  TEXT NOT NULL
) STRICT;

-- Single figures: the chain's tip, boots, heartbeats, the last receipt.
CREATE TABLE meta (
    key    TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
