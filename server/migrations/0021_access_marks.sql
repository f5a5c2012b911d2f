-- What a command leaves for the running server, whose memory it can not reach; and what was told already.

CREATE TABLE cleared_wait (
    account TEXT PRIMARY KEY,                 -- the login name whose waits end with the next attempt
    at      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE told_once (
    what TEXT PRIMARY KEY,                    -- such as: certificate broker 2028-05-01T00:00:00Z 30
    at   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
