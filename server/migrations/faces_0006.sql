-- The photograph that the authority holds of a practitioner, apart from the clinic's enrolment: each sealed with a key of its own.
CREATE TABLE registry_photo (
    person      TEXT PRIMARY KEY,
    wrapped     BLOB NOT NULL,                -- the photograph's key, sealed with the master key; destroyed with it
    sealed      BLOB NOT NULL,
    uploaded_at TEXT NOT NULL,
    uploaded_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
