-- The procedure of a penalty case, entry by entry. Nothing is overwritten: a wrong entry is struck by a later one.

CREATE TABLE case_entry (
    id      INTEGER PRIMARY KEY,
    alert   TEXT NOT NULL,
    at      TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    on_day  TEXT NOT NULL,                    -- RFC 3339 full-date: when it was done
    entry   TEXT NOT NULL                     -- JSON: penalty_case::Entry
) STRICT;
CREATE INDEX case_entry_by_alert ON case_entry (alert, id);
