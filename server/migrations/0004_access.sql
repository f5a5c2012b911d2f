-- Who may come in, and what each did: accounts, sessions, API tokens, one-time links, and the hash-chained audit log.

CREATE TABLE account (
    id            TEXT PRIMARY KEY,           -- the login name
    display       TEXT NOT NULL,
    role          TEXT NOT NULL,              -- access::Role
    scope         TEXT NOT NULL,              -- supervisors and reviewers: a jurisdiction prefix; clinics: an institution; '' for all
    password_hash TEXT NOT NULL,              -- argon2id, PHC string
    totp          BLOB,                       -- RFC 6238 secret, sealed with the master key; NULL until enrolled
    totp_last     INTEGER NOT NULL DEFAULT 0, -- last time step used: a code works once
    disabled      INTEGER NOT NULL DEFAULT 0,
    created_at    TEXT NOT NULL
) STRICT;

CREATE TABLE login (
    token_hash TEXT PRIMARY KEY,              -- SHA-256 of the cookie; the cookie itself is nowhere
    account    TEXT NOT NULL REFERENCES account(id),
    csrf       TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;
CREATE INDEX login_by_account ON login(account);

CREATE TABLE api_token (
    token_hash TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE invitation (
    token_hash TEXT PRIMARY KEY,              -- a one-time link; used once and then gone
    role       TEXT NOT NULL,
    scope      TEXT NOT NULL,
    expires_at TEXT NOT NULL
) STRICT;

CREATE TABLE audit (
    id     INTEGER PRIMARY KEY,               -- without a gap
    at     TEXT NOT NULL,
    actor  TEXT NOT NULL,
    action TEXT NOT NULL,                     -- method and route
    object TEXT NOT NULL,                     -- what it was done to: ids only
    why    TEXT NOT NULL,                     -- case number or reason, where one was asked for
    status INTEGER NOT NULL,                  -- HTTP status of the answer
    prev   TEXT NOT NULL,
    hash   TEXT NOT NULL                      -- SHA-256 over the other columns and prev
) STRICT;
CREATE INDEX audit_by_actor ON audit(actor, id);
