-- What is deleted when, and that it was.

CREATE TABLE retention_run (
    job     TEXT NOT NULL,
    at      TEXT NOT NULL,                    -- server's clock
    removed INTEGER NOT NULL,                 -- rows or, for faces, persons
    PRIMARY KEY (job, at)
) STRICT, WITHOUT ROWID;

-- When the names and words of a dismissed alert were struck; an alert that comes back to life gets new ones.
ALTER TABLE alert ADD COLUMN struck_at TEXT;
CREATE INDEX quarantine_by_time ON quarantine(received_at);
