-- The database of faces: photographs and templates, apart from every name. Each row is sealed with its person's data key.

CREATE TABLE person_key (
    person  TEXT PRIMARY KEY,
    wrapped BLOB NOT NULL                     -- the person's data key, sealed with the master key; destroyed on withdrawal
) STRICT;

CREATE TABLE rotation (
    institution TEXT PRIMARY KEY,
    generation  INTEGER NOT NULL,             -- rises when the rotation is renewed
    wrapped     BLOB NOT NULL                 -- the clinic's secret rotation seed (P10), sealed with the master key
) STRICT;

CREATE TABLE enrolment (
    id          TEXT PRIMARY KEY,
    person      TEXT NOT NULL,
    institution TEXT NOT NULL,
    state       TEXT NOT NULL,                -- proposed, confirmed, refused, withdrawn
    pack        TEXT NOT NULL,
    proposed_at TEXT NOT NULL,
    decided_at  TEXT,
    decided_by  TEXT,
    reason      TEXT,
    outcome     TEXT NOT NULL,                -- JSON: reasons per photograph, duplicates (ids and scores)
    consent     TEXT NOT NULL                 -- JSON: text version and hash, purposes, scope, signature, time (P3)
) STRICT;
CREATE INDEX enrolment_by_person ON enrolment(person);

CREATE TABLE template (
    id          TEXT PRIMARY KEY,
    enrolment   TEXT NOT NULL REFERENCES enrolment(id),
    person      TEXT NOT NULL,
    institution TEXT NOT NULL,                -- whose rotation turned it
    pack        TEXT NOT NULL,
    embedder_sha256 TEXT NOT NULL,
    masked      INTEGER NOT NULL,
    sealed      BLOB NOT NULL                 -- the rotated vector, f32 little-endian, sealed with the person's key
) STRICT;
CREATE INDEX template_by_person ON template(person);
CREATE INDEX template_by_institution ON template(institution);

CREATE TABLE photo (
    id        TEXT PRIMARY KEY,
    enrolment TEXT NOT NULL REFERENCES enrolment(id),
    person    TEXT NOT NULL,
    sealed    BLOB NOT NULL                   -- the file as uploaded, sealed with the person's key; only with keep_photo
) STRICT;

CREATE TABLE tombstone (
    person     TEXT NOT NULL,
    at         TEXT NOT NULL,
    reason     TEXT NOT NULL,
    templates  INTEGER NOT NULL,
    photos     INTEGER NOT NULL,
    PRIMARY KEY (person, at)
) STRICT, WITHOUT ROWID;
