-- What a person is told: mentions, leads given to him, terms that run out, enrolments that wait; and by which way
-- beyond the pages.

CREATE TABLE own_message (
    id      INTEGER PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account(id),
    kind    TEXT NOT NULL,                    -- message::Kind
    about   TEXT NOT NULL,                    -- the alert's or enrolment's id
    number  INTEGER,                          -- what people call the alert by
    by      TEXT NOT NULL,                    -- whose step it was; '' for the server
    at      TEXT NOT NULL,
    done_at TEXT,                             -- the person has dealt with it
    told_at TEXT                              -- it went out by the person's own ways, or need not
) STRICT;
CREATE INDEX own_message_of ON own_message(account, id);
CREATE INDEX own_message_untold ON own_message(account) WHERE told_at IS NULL AND done_at IS NULL;
-- Of a term and of an enrolment a person is told once.
CREATE UNIQUE INDEX own_message_once ON own_message(account, kind, about) WHERE kind IN ('due_soon', 'enrolment');

-- Ways beyond the pages. The address of a chat robot holds its key: both are sealed with the master key.
CREATE TABLE message_setting (
    account        TEXT PRIMARY KEY REFERENCES account(id),
    email          TEXT NOT NULL,             -- '' for none
    robot_kind     TEXT,                      -- wecom, dingtalk; NULL for none
    robot_target   BLOB,
    robot_secret   BLOB,                      -- dingtalk: its signing secret, where it has one
    digest_at_min  INTEGER,                   -- once a day at this minute; NULL: at once
    quiet_from_min INTEGER, quiet_to_min INTEGER, -- minutes of the pages' day; NULL: none
    updated_at     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX alert_by_assignee ON alert(assignee, number) WHERE assignee IS NOT NULL;
CREATE INDEX alert_step_by_actor ON alert_step(actor, id);
