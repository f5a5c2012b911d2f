-- A penalty case has parties: 0 the institution, else the number of the entry that named a person.
ALTER TABLE case_entry ADD COLUMN party INTEGER NOT NULL DEFAULT 0;

-- A document is of one party (its versions count within the kind, whoever it is of), and of a version of its template
-- (0: as shipped).
ALTER TABLE case_document ADD COLUMN party INTEGER NOT NULL DEFAULT 0;
ALTER TABLE case_document ADD COLUMN template INTEGER NOT NULL DEFAULT 0;

-- Templates of the documents as the authority wrote them: every version stays.
CREATE TABLE case_template (
    kind    TEXT NOT NULL,                    -- case_document::Kind
    version INTEGER NOT NULL,                 -- from 1
    at      TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    body    TEXT NOT NULL,
    PRIMARY KEY (kind, version)
) STRICT, WITHOUT ROWID;
