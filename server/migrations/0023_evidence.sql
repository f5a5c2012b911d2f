-- Sealed pictures: who may open them, what boxes hold, and each opening for a case. No key that opens anything stands here: private
-- halves were wrapped in a browser under a passphrase that the server never sees. A ciphertext stands here while two people may look.

CREATE TABLE evidence_custodian (
    id               INTEGER PRIMARY KEY,
    account          TEXT NOT NULL,
    jurisdiction     TEXT NOT NULL,
    role             TEXT NOT NULL,           -- 'supervisor' or 'reviewer'
    verification_key TEXT NOT NULL,           -- Ed25519, base64
    sealing_key      TEXT NOT NULL,           -- X25519, base64
    wrapped          TEXT NOT NULL,           -- JSON: the private halves under the passphrase
    recovery         TEXT NOT NULL,           -- JSON: the same under the code of the recovery sheet
    entered_at       TEXT NOT NULL,
    from_at          TEXT,                    -- none: waits until another custodian lets him in
    vouched_by       TEXT,
    vouch_sig        TEXT,
    until_at         TEXT,
    removed_by       TEXT,
    tries            INTEGER NOT NULL DEFAULT 0,  -- wrapped halves given out since the last that opened
    tried_at         TEXT
) STRICT;
CREATE UNIQUE INDEX evidence_custodian_once ON evidence_custodian (account) WHERE until_at IS NULL;
CREATE INDEX evidence_custodian_by_place ON evidence_custodian (jurisdiction, role, id);

CREATE TABLE evidence_role_key (
    jurisdiction TEXT NOT NULL,
    role         TEXT NOT NULL,
    version      INTEGER NOT NULL,            -- from 1, rising by one; pictures are sealed to the newest
    public_key   TEXT NOT NULL,               -- X25519, base64
    from_at      TEXT NOT NULL,
    vouched_by   TEXT NOT NULL,
    vouch_sig    TEXT NOT NULL,
    PRIMARY KEY (jurisdiction, role, version)
) STRICT, WITHOUT ROWID;

-- A role's private key, sealed by a browser to one custodian.
CREATE TABLE evidence_share (
    custodian INTEGER NOT NULL REFERENCES evidence_custodian(id),
    version   INTEGER NOT NULL,
    sealed    TEXT NOT NULL,                  -- JSON: enc, ct
    PRIMARY KEY (custodian, version)
) STRICT, WITHOUT ROWID;

-- Whether pictures are taken, and on which recorded basis: appended, the last word of the nearest place holds.
CREATE TABLE evidence_policy (
    id       INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,                   -- 'jurisdiction' or 'institution'
    place    TEXT NOT NULL,
    enabled  INTEGER NOT NULL,
    basis    TEXT NOT NULL,
    document TEXT NOT NULL,
    by_whom  TEXT NOT NULL,
    at       TEXT NOT NULL
) STRICT;
CREATE INDEX evidence_policy_by_place ON evidence_policy (kind, place, id);

CREATE TABLE evidence_item (
    device       TEXT NOT NULL,
    id           TEXT NOT NULL,
    finding      TEXT NOT NULL,
    item         TEXT NOT NULL,               -- JSON: protocol::evidence::EvidenceItem
    source       TEXT NOT NULL,
    pack         TEXT NOT NULL,
    received_at  TEXT NOT NULL,
    gone         TEXT,                        -- 'deleted' or 'lost', as the box's chain says
    gone_because TEXT,
    gone_at      TEXT,
    PRIMARY KEY (device, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_item_by_finding ON evidence_item (finding, device);

CREATE TABLE evidence_opening (
    id             TEXT PRIMARY KEY,          -- the order's id
    alert          TEXT NOT NULL,
    device         TEXT NOT NULL,
    finding        TEXT NOT NULL,
    state          TEXT NOT NULL,
    requester      TEXT NOT NULL,
    reviewer       TEXT NOT NULL,
    asked_at       TEXT NOT NULL,
    until_at       TEXT NOT NULL,
    opening        TEXT NOT NULL,             -- JSON: evidence::opening::Opening
    requested_at   TEXT NOT NULL,             -- as both signed it
    expires_at     TEXT NOT NULL,
    supervisor_sig TEXT NOT NULL,
    reviewer_sig   TEXT,
    for_reviewer   TEXT NOT NULL,             -- JSON by item: half a, sealed to the named reviewer; emptied with its end
    for_supervisor TEXT NOT NULL DEFAULT '{}' -- JSON by item: half b, sealed to whoever asked
) STRICT;
CREATE INDEX evidence_opening_by_alert ON evidence_opening (alert, asked_at);
CREATE INDEX evidence_opening_by_state ON evidence_opening (state, until_at);
CREATE UNIQUE INDEX evidence_opening_one_live ON evidence_opening (device, finding)
    WHERE state IN ('requested', 'approved', 'released', 'delivered', 'open');

CREATE TABLE evidence_part (
    opening     TEXT NOT NULL REFERENCES evidence_opening(id),
    item        TEXT NOT NULL,
    begins_at   INTEGER NOT NULL,             -- where in the ciphertext it begins
    bytes       BLOB NOT NULL,
    PRIMARY KEY (opening, item, begins_at)
) STRICT;
