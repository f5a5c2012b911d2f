-- Who may speak of which place, whose finding is whose, and where a chain is not whole.

-- Registrations of a box, the latest last. A box is believed for the room it was registered for at a message's time.
CREATE TABLE device_place (
    device   TEXT NOT NULL,
    since    TEXT NOT NULL,                   -- server's clock; '' for the first: nothing came before it
    room     TEXT NOT NULL,
    taken_at TEXT,                            -- when the box took it (was provisioned); NULL: not yet
    PRIMARY KEY (device, since)
) STRICT, WITHOUT ROWID;
INSERT INTO device_place SELECT id, '', room, '' FROM device;
CREATE TRIGGER device_placed AFTER INSERT ON device BEGIN
    INSERT INTO device_place VALUES (new.id, '', new.room, NULL)
        ON CONFLICT DO UPDATE SET room = excluded.room, taken_at = NULL; END;

-- Whose a room was from when on.
CREATE TABLE room_owner (
    room        TEXT NOT NULL,
    since       TEXT NOT NULL,                -- '' for the first
    institution TEXT NOT NULL,
    PRIMARY KEY (room, since)
) STRICT, WITHOUT ROWID;
INSERT INTO room_owner SELECT id, '', institution FROM room;
CREATE TRIGGER room_owned AFTER INSERT ON room BEGIN
    INSERT INTO room_owner VALUES (new.id, '', new.institution)
        ON CONFLICT DO UPDATE SET institution = excluded.institution; END;
CREATE TRIGGER room_changed_hands AFTER UPDATE OF institution ON room WHEN old.institution <> new.institution BEGIN
    INSERT INTO room_owner VALUES (new.id, new.updated_at, new.institution)
        ON CONFLICT DO UPDATE SET institution = excluded.institution; END;

-- Findings and incidents belong to whoever said them: a box's id can never be the server's, nor another box's.
CREATE TABLE finding_of (
    origin      TEXT NOT NULL,                -- the box; '' for the server itself
    id          TEXT NOT NULL,                -- stable over all steps, as its origin gave it
    alert       TEXT NOT NULL REFERENCES alert(id),
    rule        TEXT NOT NULL,
    kind        TEXT NOT NULL,
    severity    INTEGER NOT NULL,
    step        TEXT NOT NULL,                -- the last one: opened, strengthened, closed, withdrawn
    revision    INTEGER NOT NULL,             -- of that step; an older one arriving late changes nothing
    raised_at   TEXT NOT NULL,
    received_at TEXT NOT NULL,
    device      TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, -- the message that carries the last step
    report      TEXT NOT NULL,                -- JSON: protocol::up::FindingReport of the last step
    PRIMARY KEY (origin, id)
) STRICT;
INSERT INTO finding_of SELECT CASE WHEN epoch < 0 THEN '' ELSE device END, * FROM finding;
DROP TABLE finding;
ALTER TABLE finding_of RENAME TO finding;
CREATE INDEX finding_by_alert ON finding(alert);
CREATE INDEX finding_by_kind ON finding(kind);
CREATE INDEX finding_by_rule ON finding(rule, received_at);
CREATE INDEX finding_undeclared ON finding(json_extract(report, '$.institution'), received_at)
    WHERE rule = 'HB-3' AND epoch >= 0 AND step <> 'withdrawn';
CREATE TRIGGER undeclared_told AFTER INSERT ON finding WHEN new.rule = 'HB-3' AND new.epoch >= 0 BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id = json_extract(new.report, '$.room')
        AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || r.institution); END;
CREATE TRIGGER undeclared_amended AFTER UPDATE ON finding WHEN new.rule = 'HB-3' AND new.epoch >= 0 BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id = json_extract(new.report, '$.room')
        AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || r.institution); END;
CREATE TRIGGER finding_counted AFTER INSERT ON finding BEGIN
    INSERT INTO finding_count VALUES (new.kind, new.step = 'withdrawn', 1) ON CONFLICT DO UPDATE SET n = n + 1; END;
CREATE TRIGGER finding_recounted AFTER UPDATE OF kind, step ON finding
    WHEN (old.kind, old.step = 'withdrawn') IS NOT (new.kind, new.step = 'withdrawn') BEGIN
    UPDATE finding_count SET n = n - 1 WHERE (kind, withdrawn) = (old.kind, old.step = 'withdrawn');
    INSERT INTO finding_count VALUES (new.kind, new.step = 'withdrawn', 1) ON CONFLICT DO UPDATE SET n = n + 1; END;

CREATE TABLE finding_step_of (
    origin   TEXT NOT NULL,                   -- as finding.origin
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
    PRIMARY KEY (origin, finding, revision)
) STRICT, WITHOUT ROWID;
INSERT INTO finding_step_of SELECT CASE WHEN epoch < 0 THEN '' ELSE device END, * FROM finding_step;
DROP TABLE finding_step;
ALTER TABLE finding_step_of RENAME TO finding_step;
CREATE INDEX finding_step_by_alert ON finding_step(alert);

ALTER TABLE alert ADD COLUMN origin TEXT NOT NULL DEFAULT '';    -- the box whose incident it is; '' for the server's own
ALTER TABLE alert ADD COLUMN incident TEXT NOT NULL DEFAULT '';  -- as its origin names it; the alert's own id may differ
UPDATE alert SET incident = id, origin = CASE WHEN session IS NOT NULL
    OR EXISTS (SELECT 1 FROM finding f WHERE f.alert = alert.id AND f.origin <> '') THEN device ELSE '' END;
CREATE UNIQUE INDEX alert_of_origin ON alert(origin, incident) WHERE incident <> '';

-- With what the ids of the server's own findings are keyed; made at the first start.
CREATE TABLE own_id_key (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    key      BLOB NOT NULL
) STRICT;

-- Where a chain is not whole, by the server's clock: what was said of this time supports nothing across days.
CREATE TABLE chain_fault (
    device  TEXT NOT NULL,
    kind    TEXT NOT NULL,                    -- break, gap, fork
    epoch   INTEGER NOT NULL,
    seq     INTEGER NOT NULL,                 -- the first sequence that is disputed, missing, or the new chain's first
    from_at TEXT NOT NULL,                    -- the last word before it was received; '' where there was none
    to_at   TEXT NOT NULL,                    -- the first word after it was received
    PRIMARY KEY (device, kind, epoch, seq)
) STRICT, WITHOUT ROWID;

-- What a presence rests on; NULL: a bare claim of a box that says no figures.
ALTER TABLE presence ADD COLUMN evidence TEXT;                   -- JSON: protocol::up::PresenceEvidence
-- The person stood in the registry for this institution when the word came: without it a sighting supports nothing.
ALTER TABLE presence ADD COLUMN on_roster INTEGER NOT NULL DEFAULT 1;
