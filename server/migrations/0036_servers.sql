-- Several servers over one store: who leads the work that must be done once, who lives, and who has guessed too often.
CREATE TABLE leadership (
    id     INTEGER PRIMARY KEY CHECK (id = 1),
    epoch  INTEGER NOT NULL,                  -- raised on each take-over; what was begun under an earlier one is refused
    holder TEXT NOT NULL,                     -- server_instance.id
    since  TEXT NOT NULL
) STRICT;
CREATE TABLE server_instance (
    id          TEXT PRIMARY KEY,             -- host and port
    version     TEXT NOT NULL,
    since       TEXT NOT NULL,
    signing_key TEXT NOT NULL,                -- its public half: all servers of a store have one and the same
    seen_ms     INTEGER NOT NULL              -- by the clock of the database
) STRICT;
CREATE TABLE throttle (
    name     TEXT PRIMARY KEY,                -- access::throttle
    failures INTEGER NOT NULL,
    last_ms  INTEGER NOT NULL                 -- by the clock of the database
) STRICT;
CREATE INDEX throttle_by_age ON throttle(last_ms);
