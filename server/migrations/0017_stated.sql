-- What a clinic states and when, and which alerts somebody outside their box has seen: from then on two people decide.
CREATE TABLE alert_seen (
    alert TEXT PRIMARY KEY,
    at    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO alert_seen SELECT id, received_at FROM alert;

-- What is stated beside a session's own revisions: passes, filings, consent. Kept for ever, shown on the alerts it touches.
CREATE TABLE statement (
    id          INTEGER PRIMARY KEY,
    at          TEXT NOT NULL,                -- when it reached the server
    by_whom     TEXT NOT NULL,
    by_role     TEXT NOT NULL,
    kind        TEXT NOT NULL,                -- pass, practitioner, institution, consent_withdrawn
    institution TEXT NOT NULL,
    person      TEXT,
    object      TEXT NOT NULL                 -- the pass, the person or the institution
) STRICT;
CREATE INDEX statement_by_place ON statement(institution, at);

-- A box of a room that a session left must hear of it: absence is no cancellation.
CREATE INDEX session_change_by_room ON session_change(json_extract(spec, '$.room'), at);

-- One-time links from the authority to a person: card and PIN, or the withdrawal of consent everywhere.
CREATE TABLE personal_link (
    token_hash TEXT PRIMARY KEY,
    person     TEXT NOT NULL,
    purpose    TEXT NOT NULL,                 -- card, withdrawal
    made_by    TEXT NOT NULL,
    made_at    TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- Cards and PINs that a clinic could set prove nothing: each person sets his own anew.
DELETE FROM credential;
