-- Self-inspection (依法执业自查): checklists by version, what a clinic answered, and what it mended. Free text of a clinic
-- lies sealed. Nothing here is published, and no clinic sees what the records say against its answers.

CREATE TABLE checklist (
    sha256       TEXT PRIMARY KEY,            -- of `form`: a version is its bytes
    code         TEXT NOT NULL,
    version      INTEGER NOT NULL,
    jurisdiction TEXT NOT NULL,               -- a prefix; empty for all
    title        TEXT NOT NULL,
    effective_from TEXT NOT NULL,             -- day
    form         TEXT NOT NULL,               -- JSON: self_check::checklist::Checklist
    put_by       TEXT NOT NULL,
    put_at       TEXT NOT NULL,
    UNIQUE (code, jurisdiction, version)
) STRICT, WITHOUT ROWID;

CREATE TABLE self_check (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    institution TEXT NOT NULL REFERENCES institution(id),
    kind        TEXT NOT NULL,
    period      TEXT NOT NULL,                -- 2026Q4, 2026, or the days of a special one
    from_on     TEXT NOT NULL,
    to_on       TEXT NOT NULL,
    due_on      TEXT NOT NULL,
    checklist   TEXT NOT NULL REFERENCES checklist(sha256),   -- pinned for ever
    state       TEXT NOT NULL,
    handling    TEXT NOT NULL,                -- JSON: self_check::Handling
    agreement   TEXT NOT NULL DEFAULT '[]',   -- JSON: what the boxes' records say, for the authority
    not_assessable_ppm INTEGER NOT NULL DEFAULT 0,
    UNIQUE (institution, kind, period)
) STRICT;
CREATE INDEX self_check_by_state ON self_check(state, due_on);

-- Every saved answer; the last one of a question stands.
CREATE TABLE self_check_answer (
    id         INTEGER PRIMARY KEY,
    self_check TEXT NOT NULL REFERENCES self_check(id),
    item       TEXT NOT NULL,
    value      TEXT NOT NULL,
    note       BLOB,                          -- sealed
    by_whom    TEXT NOT NULL,
    at         TEXT NOT NULL
) STRICT;
CREATE INDEX self_check_answer_of ON self_check_answer(self_check, item, id);

CREATE TABLE self_check_revision (
    self_check TEXT NOT NULL REFERENCES self_check(id),
    revision   INTEGER NOT NULL,
    at         TEXT NOT NULL,
    by_whom    TEXT NOT NULL,
    reason     TEXT NOT NULL,
    answers    TEXT NOT NULL,                 -- JSON: code and value
    answers_sha256 TEXT NOT NULL,
    PRIMARY KEY (self_check, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE self_check_step (
    id         INTEGER PRIMARY KEY,
    self_check TEXT NOT NULL REFERENCES self_check(id),
    at TEXT NOT NULL, actor TEXT NOT NULL, step TEXT NOT NULL, note TEXT NOT NULL, state_after TEXT NOT NULL
) STRICT;
CREATE INDEX self_check_step_of ON self_check_step(self_check);

CREATE TABLE correction (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    institution TEXT NOT NULL REFERENCES institution(id),
    source      TEXT NOT NULL,                -- alert, or answer
    object      TEXT NOT NULL,                -- the alert, or self-check and question
    rules       TEXT NOT NULL,                -- JSON list: a repeat of these contradicts it
    opened_at   TEXT NOT NULL,
    due_at      TEXT NOT NULL,
    state       TEXT NOT NULL,
    handling    TEXT NOT NULL,                -- JSON: self_check::correction::Handling
    words       BLOB,                         -- sealed: cause, measure, plan
    UNIQUE (source, object)
) STRICT;
CREATE INDEX correction_by_state ON correction(state, institution);

CREATE TABLE correction_step (
    id         INTEGER PRIMARY KEY,
    correction TEXT NOT NULL REFERENCES correction(id),
    at TEXT NOT NULL, actor TEXT NOT NULL, step TEXT NOT NULL, state_after TEXT NOT NULL
) STRICT;
CREATE INDEX correction_step_of ON correction_step(correction);

-- What reviewers decide changes what a self-check agrees with; an L1 opens a correction.
-- `INSERT OR IGNORE` would follow the conflict rule of the statement that fired the trigger: hence NOT EXISTS.
CREATE TRIGGER self_check_judged_again AFTER UPDATE OF state ON alert WHEN old.state <> new.state BEGIN
    INSERT INTO to_judge SELECT 'i:' || new.institution
        WHERE NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || new.institution); END;
CREATE TRIGGER correction_wanted AFTER INSERT ON alert WHEN new.severity = 1 BEGIN
    INSERT INTO to_judge SELECT 'i:' || new.institution
        WHERE NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || new.institution); END;
CREATE TRIGGER self_check_handed_in AFTER INSERT ON self_check_revision BEGIN
    INSERT INTO to_judge SELECT 'i:' || s.institution FROM self_check s WHERE s.id = new.self_check
        AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || s.institution); END;
CREATE TRIGGER correction_answered AFTER UPDATE OF state ON correction WHEN old.state <> new.state BEGIN
    INSERT INTO to_judge SELECT 'i:' || new.institution
        WHERE NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || new.institution); END;
