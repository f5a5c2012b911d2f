-- Files beside a lead, each sealed with a key of its own that goes with it; and what a step made of a case, so that
-- whoever took it can take it back.

CREATE TABLE attachment (
    id      INTEGER PRIMARY KEY,
    alert   TEXT NOT NULL REFERENCES alert(id),
    name    TEXT NOT NULL,                    -- as its sender called it; shown, never a path
    kind    TEXT NOT NULL,                    -- attachment::Kind
    bytes   INTEGER NOT NULL,
    sha256  TEXT NOT NULL,                    -- of the file as it is given out
    by      TEXT NOT NULL,
    at      TEXT NOT NULL,
    wrapped BLOB NOT NULL,                    -- the file's key, sealed with the master key
    sealed  BLOB NOT NULL
) STRICT;
CREATE INDEX attachment_of ON attachment(alert, id);

ALTER TABLE alert_step ADD COLUMN kept TEXT;  -- JSON: alert::StepKept, of the last step that can be taken back
