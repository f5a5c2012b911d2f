-- The life of an account: whom the login provider may vouch for, who needs a second factor, and a way back in.

-- An account's identity at a login provider. `iss` and `sub` together never change and are never given to another
-- (OpenID Connect Core 5.7); a name may. It comes to be by its owner's word, who is logged in here.
CREATE TABLE provider_identity (
    issuer    TEXT NOT NULL,
    subject   TEXT NOT NULL,
    account   TEXT NOT NULL REFERENCES account(id),
    linked_at TEXT NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (account, issuer)
) STRICT;

-- Roles whose people need a one-time code beside the password.
CREATE TABLE second_factor_role (
    role TEXT PRIMARY KEY
) STRICT;

-- A one-time link that gives an account that stands a new password; NULL: it makes a new account.
ALTER TABLE invitation ADD COLUMN account TEXT REFERENCES account(id);
