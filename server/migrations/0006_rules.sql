-- What the rules across days read and remember: summaries of sessions, silence of boxes, steps of findings, policies by place.

ALTER TABLE policy ADD COLUMN jurisdiction TEXT NOT NULL DEFAULT '';  -- whom it holds for: a prefix; '' for all
ALTER TABLE policy ADD COLUMN set_by TEXT NOT NULL DEFAULT '';
ALTER TABLE policy ADD COLUMN reason TEXT NOT NULL DEFAULT '';

CREATE TABLE policy_hash (
    sha256     TEXT PRIMARY KEY,              -- what a finding's manifest names
    settings   TEXT NOT NULL,                 -- JSON: the values in force that differ from their defaults
    first_used TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE institution_place (
    institution TEXT PRIMARY KEY REFERENCES institution(id),
    north_udeg  INTEGER NOT NULL,             -- millionths of a degree (WGS 84): LL-3 asks how far two clinics are apart
    east_udeg   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE session_change (
    session  TEXT NOT NULL,
    revision INTEGER NOT NULL,
    at       TEXT NOT NULL,                   -- server's clock: late declaration and late closing show
    by_whom  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    spec     TEXT NOT NULL,                   -- JSON: the session as it was from then on
    PRIMARY KEY (session, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO session_change SELECT id, revision, declared_at, '', '', spec FROM session;

CREATE TABLE summary (
    device   TEXT NOT NULL,
    session  TEXT NOT NULL,
    revision INTEGER NOT NULL,
    at       TEXT NOT NULL,                   -- the box's clock
    received_at TEXT NOT NULL,
    report   TEXT NOT NULL,                   -- JSON: protocol::up::PresenceSummary; names nobody
    epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (session, device)
) STRICT, WITHOUT ROWID;

CREATE TABLE silence (
    device  TEXT NOT NULL,
    from_at TEXT NOT NULL,                    -- first and last look at which the box was not connected
    to_at   TEXT NOT NULL,
    run     TEXT NOT NULL,                    -- which run of the server looked; a stop of the server ends a silence
    PRIMARY KEY (device, from_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE hour_seen (
    device TEXT NOT NULL,
    hour   INTEGER NOT NULL,                  -- hours since the epoch, UTC
    looks  INTEGER NOT NULL,                  -- of the server
    live   INTEGER NOT NULL,                  -- those at which the box was connected with a live camera
    faces  INTEGER NOT NULL,                  -- detected, of whomever: a count, never who
    last_faces INTEGER NOT NULL,              -- the box's counter at the last look
    PRIMARY KEY (device, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential (
    person    TEXT PRIMARY KEY REFERENCES practitioner(id),
    card_hash TEXT NOT NULL UNIQUE,           -- SHA-256 of the card's number
    pin_hash  TEXT NOT NULL,                  -- argon2id
    set_at    TEXT NOT NULL,
    set_by    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE identity_check (
    id        TEXT PRIMARY KEY,
    room      TEXT NOT NULL REFERENCES room(id),
    person    TEXT NOT NULL,
    witness   TEXT NOT NULL,
    direction TEXT NOT NULL,                  -- in, out
    at        TEXT NOT NULL,                  -- when the person came or went
    made_at   TEXT NOT NULL,
    made_by   TEXT NOT NULL,
    via       TEXT NOT NULL                   -- page, api: card and PIN compared here; system: by the clinic's own
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_check_by_room ON identity_check(room, at);

CREATE TABLE finding_step (
    finding  TEXT NOT NULL,
    revision INTEGER NOT NULL,
    alert    TEXT NOT NULL,
    rule     TEXT NOT NULL,
    step     TEXT NOT NULL,                   -- opened, strengthened, closed, withdrawn
    severity INTEGER NOT NULL,
    at       TEXT NOT NULL,                   -- raised_at of the step: the box's clock, or the server's for its own
    received_at TEXT NOT NULL,
    device   TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
    zh TEXT NOT NULL, en TEXT NOT NULL,       -- the explanation of that step
    PRIMARY KEY (finding, revision)
) STRICT, WITHOUT ROWID;
CREATE INDEX finding_step_by_alert ON finding_step(alert);
INSERT INTO finding_step SELECT id, revision, alert, rule, step, severity, raised_at, received_at, device, epoch, seq,
    coalesce(json_extract(report, '$.explanation.zh'), ''), coalesce(json_extract(report, '$.explanation.en'), '') FROM finding;

CREATE TABLE own_finding (
    rule TEXT NOT NULL, institution TEXT NOT NULL, subject TEXT NOT NULL,
    serial   INTEGER NOT NULL,                -- rises when it comes true again after it was closed
    revision INTEGER NOT NULL,
    step     TEXT NOT NULL,
    severity TEXT NOT NULL,
    weight   INTEGER NOT NULL,                -- how many sessions and incidents it rested on
    raised_at TEXT NOT NULL,                  -- of its serial's first step
    report   TEXT NOT NULL,                   -- JSON: the last FindingReport
    PRIMARY KEY (rule, institution, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX own_finding_by_institution ON own_finding(institution);

CREATE TABLE alert_link (
    alert TEXT NOT NULL,
    other TEXT NOT NULL,                      -- an incident that it rests on
    rule  TEXT NOT NULL,                      -- which rule says so
    PRIMARY KEY (alert, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_link_back ON alert_link(other);

CREATE TABLE to_judge (
    what TEXT PRIMARY KEY                     -- i:INSTITUTION or p:PERSON: facts changed, the rules are asked again
) STRICT, WITHOUT ROWID;
-- `INSERT OR IGNORE` would follow the conflict rule of the statement that fired the trigger: hence NOT EXISTS.
CREATE TRIGGER session_told AFTER INSERT ON session BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id = new.room
        AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || r.institution); END;
CREATE TRIGGER session_amended AFTER UPDATE ON session BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id IN (old.room, new.room)
        AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || r.institution); END;
CREATE TRIGGER presence_told AFTER INSERT ON presence BEGIN
    INSERT INTO to_judge SELECT 'p:' || new.person WHERE NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'p:' || new.person); END;
CREATE TRIGGER undeclared_told AFTER INSERT ON finding WHEN new.rule = 'HB-3' AND new.epoch >= 0 BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id = json_extract(new.report, '$.room')
        AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || r.institution); END;
CREATE TRIGGER undeclared_amended AFTER UPDATE ON finding WHEN new.rule = 'HB-3' AND new.epoch >= 0 BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id = json_extract(new.report, '$.room')
        AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || r.institution); END;
CREATE TRIGGER policy_told AFTER INSERT ON policy BEGIN
    INSERT INTO to_judge SELECT 'i:' || i.id FROM institution i WHERE substr(i.jurisdiction, 1, length(new.jurisdiction)) = new.jurisdiction
        AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || i.id); END;
CREATE INDEX presence_by_time ON presence(from_at);
CREATE INDEX finding_by_rule ON finding(rule, received_at);
