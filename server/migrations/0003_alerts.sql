-- What supervisors work with: one alert per incident, its findings, every step, and the feed that pages follow.

CREATE TABLE alert (
    number      INTEGER PRIMARY KEY,          -- what people call it by
    id          TEXT NOT NULL UNIQUE,         -- incident id, 32 hex digits
    state       TEXT NOT NULL,                -- alert::State
    severity    INTEGER NOT NULL,             -- 0-3, the highest of its standing findings
    kinds       TEXT NOT NULL,                -- JSON list, sorted
    institution TEXT NOT NULL,
    jurisdiction TEXT NOT NULL,
    room        TEXT NOT NULL,
    session     TEXT,
    device      TEXT NOT NULL,
    item        TEXT,
    assignee    TEXT,
    raised_at   TEXT NOT NULL,                -- the box's clock, first finding
    received_at TEXT NOT NULL,                -- the server's clock, first finding
    updated_at  TEXT NOT NULL,
    liveness_waived INTEGER NOT NULL,
    case_file   TEXT NOT NULL                 -- JSON: alert::Case, what the state machine remembers
) STRICT;
CREATE INDEX alert_by_state ON alert(state, number);
CREATE INDEX alert_by_jurisdiction ON alert(jurisdiction, number);
CREATE INDEX alert_by_severity ON alert(severity, number);
CREATE INDEX alert_by_session ON alert(session);

CREATE TABLE finding (
    id          TEXT PRIMARY KEY,             -- stable over all steps, 32 hex digits
    alert       TEXT NOT NULL REFERENCES alert(id),
    rule        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    step        TEXT NOT NULL,                -- the last one: opened, strengthened, closed, withdrawn
    revision    INTEGER NOT NULL,             -- of that step; an older one arriving late changes nothing
    raised_at   TEXT NOT NULL,
    received_at TEXT NOT NULL,
    device      TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, -- the message that carries the last step
    report      TEXT NOT NULL                 -- JSON: protocol::up::FindingReport of the last step
) STRICT;
CREATE INDEX finding_by_alert ON finding(alert);
CREATE INDEX finding_by_kind ON finding(kind);

CREATE TABLE alert_step (
    id      INTEGER PRIMARY KEY,
    alert   TEXT NOT NULL REFERENCES alert(id),
    at      TEXT NOT NULL,
    actor   TEXT NOT NULL,                    -- account, or the name the API was given before accounts existed
    step    TEXT NOT NULL,                    -- alert::Step's name, or comment, assign
    note    TEXT NOT NULL,
    state_after TEXT NOT NULL
) STRICT;
CREATE INDEX alert_step_by_alert ON alert_step(alert);

CREATE TABLE feed (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,  -- the SSE event id
    event TEXT NOT NULL,                      -- alert, device, enrolment, session
    data  TEXT NOT NULL                       -- JSON; ids and figures only
) STRICT;
