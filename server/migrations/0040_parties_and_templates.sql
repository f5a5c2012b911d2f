-- A penalty case has parties: 0 the institution, else the number of the entry that named a person.
ALTER TABLE case_entry ADD COLUMN party INTEGER NOT NULL DEFAULT 0;

-- A document is of one party, and of a version of its template (0: as shipped).
CREATE TABLE case_document_of_party (
    id          INTEGER PRIMARY KEY,
    alert       TEXT NOT NULL,
    kind        TEXT NOT NULL,                -- case_document::Kind
    version     INTEGER NOT NULL,
    number      TEXT NOT NULL,                -- 文号
    year        INTEGER NOT NULL,             -- of the number
    serial      INTEGER NOT NULL,             -- of the number within kind and year
    at          TEXT NOT NULL,
    by_whom     TEXT NOT NULL,
    body        TEXT NOT NULL,
    law_version TEXT NOT NULL DEFAULT '',
    party       INTEGER NOT NULL DEFAULT 0,
    template    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (alert, kind, party, version)
) STRICT;
INSERT INTO case_document_of_party (id, alert, kind, version, number, year, serial, at, by_whom, body, law_version)
    SELECT id, alert, kind, version, number, year, serial, at, by_whom, body, law_version FROM case_document;
DROP TABLE case_document;
ALTER TABLE case_document_of_party RENAME TO case_document;
CREATE INDEX case_document_by_number ON case_document (kind, year, serial);

-- Templates of the documents as the authority wrote them: every version stays.
CREATE TABLE case_template (
    kind    TEXT NOT NULL,                    -- case_document::Kind
    version INTEGER NOT NULL,                 -- from 1
    at      TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (kind, version)
) STRICT, WITHOUT ROWID;
