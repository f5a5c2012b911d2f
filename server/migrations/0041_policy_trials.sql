-- Trials of policy numbers: what boxes were asked, and their own word of what their rules would have said. No rule reads it.
CREATE TABLE policy_trial (
    id           TEXT PRIMARY KEY,             -- 32 random hex digits
    jurisdiction TEXT NOT NULL,
    changes      TEXT NOT NULL,                -- JSON: setting to value
    asked_at     TEXT NOT NULL,
    asked_by     TEXT NOT NULL,
    until        TEXT NOT NULL,                -- a box is not asked after it
    left_out     INTEGER NOT NULL              -- boxes of the jurisdiction beyond the bound
) STRICT;
CREATE INDEX policy_trial_by_age ON policy_trial(asked_at);
-- One box of a trial, as it stood when it was asked: an answer from another room counts nothing.
CREATE TABLE policy_trial_box (
    trial       TEXT NOT NULL,
    device      TEXT NOT NULL,
    room        TEXT NOT NULL,
    institution TEXT NOT NULL,
    from_day    TEXT NOT NULL,                 -- UTC day; '' where every day counts
    answered_at TEXT,
    answer      TEXT,                          -- JSON; NULL in an answered row: it could not be believed
    PRIMARY KEY (trial, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX policy_trial_box_open ON policy_trial_box(device) WHERE answered_at IS NULL;
