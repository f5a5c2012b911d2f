-- Documents of a penalty case as officers edited them: every version stays.

CREATE TABLE case_document (
    id      INTEGER PRIMARY KEY,
    alert   TEXT NOT NULL,
    kind    TEXT NOT NULL,                    -- case_document::Kind
    version INTEGER NOT NULL,
    number  TEXT NOT NULL,                    -- 文号
    year    INTEGER NOT NULL,                 -- of the number
    serial  INTEGER NOT NULL,                 -- of the number within kind and year
    at      TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    body    TEXT NOT NULL,
    UNIQUE (alert, kind, version)
) STRICT;
CREATE INDEX case_document_by_number ON case_document (kind, year, serial);

-- What people asked for over their own page: corrections of the registry, and their word on a case.
CREATE TABLE personal_request (
    id          INTEGER PRIMARY KEY,
    person      TEXT NOT NULL,
    about       TEXT NOT NULL,                -- correction, answer
    alert       TEXT,                         -- of an answer
    at          TEXT NOT NULL,
    text        TEXT NOT NULL,
    answered_at TEXT,
    answered_by TEXT,
    answer      TEXT
) STRICT;
CREATE INDEX personal_request_by_person ON personal_request (person, id);
