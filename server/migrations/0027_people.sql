-- The life of accounts and boxes as pages show it: what an account may and how that changed, invitations that wait,
-- codes for whoever lost the second factor, and what a box is called and when it is to be put up.

-- Role and scope of an account before and after: who changed it, when, and why.
CREATE TABLE account_change (
    id           INTEGER PRIMARY KEY,
    account      TEXT NOT NULL REFERENCES account(id),
    at           TEXT NOT NULL,
    by           TEXT NOT NULL,
    why          TEXT NOT NULL,
    role_before  TEXT NOT NULL,
    scope_before TEXT NOT NULL,
    role_after   TEXT NOT NULL,
    scope_after  TEXT NOT NULL
) STRICT;
CREATE INDEX account_change_of ON account_change(account, id);

-- Each code works once in place of the second factor; the code itself is nowhere.
CREATE TABLE recovery_code (
    account   TEXT NOT NULL REFERENCES account(id),
    code_hash TEXT NOT NULL,
    made_at   TEXT NOT NULL,
    PRIMARY KEY (account, code_hash)
) STRICT, WITHOUT ROWID;

-- Who invited, and the link of a new account sealed with the master key, so that it can be shown while it waits.
ALTER TABLE invitation ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
ALTER TABLE invitation ADD COLUMN made_at TEXT NOT NULL DEFAULT '';
ALTER TABLE invitation ADD COLUMN sealed_link BLOB;

ALTER TABLE device ADD COLUMN name TEXT NOT NULL DEFAULT '';
ALTER TABLE device ADD COLUMN planned_on TEXT;
