-- The boxes, what each was told, and everything they said: raw envelopes exactly as signed.

CREATE TABLE device (
    id               TEXT PRIMARY KEY,        -- equals the CN of its certificate and its MQTT user name
    room             TEXT NOT NULL REFERENCES room(id),
    state            TEXT NOT NULL,           -- registered, provisioned, revoked
    token_hash       TEXT,                    -- SHA-256 of the provisioning token; NULL once used
    token_expires_at TEXT,
    signing_key      TEXT,                    -- Ed25519 public key, base64
    sealing_key      TEXT,                    -- X25519 public key, base64
    mqtt_secret_hash TEXT,                    -- SHA-256 of the broker password (256 random bits, so no stretching)
    firmware         TEXT NOT NULL DEFAULT '',
    online           INTEGER NOT NULL DEFAULT 0,
    last_seen        TEXT,                    -- server's clock
    clock_offset_ms  INTEGER,                 -- box minus server, from the last health report
    boot_count       INTEGER NOT NULL DEFAULT 0,
    health           TEXT,                    -- JSON: the last protocol::up::HealthReport
    epoch            INTEGER NOT NULL DEFAULT 0,  -- counts the declared breaks of its chain
    contiguous_seq   INTEGER NOT NULL DEFAULT 0,  -- everything up to here is stored or declared dropped
    contiguous_hash  TEXT NOT NULL DEFAULT '',    -- hash of that message; '' before the first
    chain            TEXT NOT NULL DEFAULT 'intact' -- intact, gap, forked, restarted
) STRICT;
CREATE INDEX device_by_room ON device(room);

CREATE TABLE message (
    device      TEXT NOT NULL,
    epoch       INTEGER NOT NULL,
    seq         INTEGER NOT NULL,
    event_id    TEXT NOT NULL UNIQUE,         -- UUIDv7 made by the box: the idempotency key
    hash        TEXT NOT NULL,                -- SHA-256("zaigang/v1" ‖ body), hex
    prev        TEXT NOT NULL,                -- the hash that this message names as its predecessor's
    kind        TEXT NOT NULL,                -- the payload's type
    received_at TEXT NOT NULL,
    envelope    TEXT NOT NULL,                -- the exact JSON text that arrived; unknown fields survive
    PRIMARY KEY (device, epoch, seq)
) STRICT;

CREATE TABLE dropped (
    device TEXT NOT NULL,
    epoch  INTEGER NOT NULL,
    seq    INTEGER NOT NULL,
    hash   TEXT NOT NULL,                     -- of the row given up, so that the chain still verifies
    PRIMARY KEY (device, epoch, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE presence (
    device TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
    room        TEXT NOT NULL,
    session     TEXT,
    person      TEXT NOT NULL,                -- a registered practitioner; strangers and patients never reach the server
    role        TEXT NOT NULL,
    from_at     TEXT NOT NULL,
    to_at       TEXT NOT NULL,
    verified_by TEXT NOT NULL,                -- face, card_pin_witness
    uncertainty_ms INTEGER NOT NULL,          -- of the box's clock: LL-3 widens by it
    synchronised   INTEGER NOT NULL,          -- an unsynchronised clock supports no LL-3
    PRIMARY KEY (device, epoch, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX presence_by_person ON presence(person, from_at);
CREATE INDEX presence_by_session ON presence(session);

CREATE TABLE knowledge (
    device     TEXT NOT NULL,
    kind       TEXT NOT NULL,                 -- protocol::down::Down::kind
    version    INTEGER NOT NULL,              -- last one issued; only ever rises per device and kind
    content    TEXT NOT NULL,                 -- SHA-256 of the payload: what has not changed is not issued again
    issued_at  TEXT NOT NULL,
    ack_version INTEGER,                      -- last version the box answered
    applied    INTEGER,                       -- 1 applied, 0 refused
    refused_because TEXT,
    PRIMARY KEY (device, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
    id          INTEGER PRIMARY KEY,
    received_at TEXT NOT NULL,
    topic       TEXT NOT NULL,
    reason      TEXT NOT NULL,                -- malformed, oversized, bad_signature, unknown_device, wrong_device, fork, …
    detail      TEXT NOT NULL,                -- one line for a person
    bytes       INTEGER NOT NULL,             -- as it arrived
    payload     BLOB NOT NULL                 -- at most the first 64 KiB
) STRICT;

CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
