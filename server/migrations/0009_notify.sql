-- Who is told of alerts beyond the pages, and every attempt to tell him.

CREATE TABLE hook (
    id           TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,               -- webhook, email
    target       TEXT NOT NULL,               -- an address whose origin, or a mailbox whose server, the configuration names
    secret       BLOB,                        -- webhooks: the HMAC key, sealed with the master key
    min_severity INTEGER NOT NULL,
    jurisdiction TEXT NOT NULL,               -- a prefix; '' for all
    states       INTEGER NOT NULL,            -- 1: also when people move an alert on
    quiet_from_min INTEGER, quiet_to_min INTEGER, -- minutes of the pages' day; NULL: none
    quiet_below  INTEGER NOT NULL,            -- severities below this wait until the quiet hours are over
    escalate_after_min INTEGER,               -- still raised that long after it was told: tell `escalate_to` too
    escalate_to  TEXT,
    enabled      INTEGER NOT NULL,
    created_at   TEXT NOT NULL,
    created_by   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
    id         INTEGER PRIMARY KEY,
    hook       TEXT NOT NULL,
    event      TEXT NOT NULL,                 -- alert.opened, alert.updated, alert.state, alert.escalated, test
    alert      TEXT,
    body       TEXT NOT NULL,                 -- JSON; ids and figures only
    state      TEXT NOT NULL,                 -- waiting, delivered, failed
    attempts   INTEGER NOT NULL,
    next_at    TEXT NOT NULL,
    made_at    TEXT NOT NULL,
    done_at    TEXT,
    answer     TEXT NOT NULL,                 -- the last answer or fault, one line
    escalated  INTEGER NOT NULL
) STRICT;
CREATE INDEX delivery_due ON delivery(state, next_at);
CREATE INDEX delivery_by_alert ON delivery(alert);
