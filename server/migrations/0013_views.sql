-- What each reader of the inbox keeps: filters under a name of his own.

CREATE TABLE view (
    id         INTEGER PRIMARY KEY,
    owner      TEXT NOT NULL,                 -- login name
    name       TEXT NOT NULL,
    query      TEXT NOT NULL,                 -- what stands behind the `?` of the inbox's address
    created_at TEXT NOT NULL,
    UNIQUE (owner, name)
) STRICT;

-- The newest checks first, at any place.
CREATE INDEX identity_check_by_time ON identity_check(at, id);

-- The rules across days ask one institution's undeclared procedures; the partial index holds those alone.
CREATE INDEX finding_undeclared ON finding(json_extract(report, '$.institution'), received_at)
    WHERE rule = 'HB-3' AND epoch >= 0 AND step <> 'withdrawn';
CREATE INDEX device_by_place ON device(room, state);

-- Sums that every page shows, kept as they change, so that no page adds up districts, boxes or institutions.
CREATE TABLE alert_total (
    state TEXT NOT NULL, severity INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (state, severity)
) STRICT, WITHOUT ROWID;
INSERT INTO alert_total SELECT state, severity, sum(n) FROM alert_count GROUP BY 1, 2;
CREATE TRIGGER alert_totalled AFTER INSERT ON alert BEGIN
    INSERT INTO alert_total VALUES (new.state, new.severity, 1) ON CONFLICT DO UPDATE SET n = n + 1; END;
CREATE TRIGGER alert_retotalled AFTER UPDATE OF state, severity ON alert
    WHEN (old.state, old.severity) IS NOT (new.state, new.severity) BEGIN
    UPDATE alert_total SET n = n - 1 WHERE (state, severity) = (old.state, old.severity);
    INSERT INTO alert_total VALUES (new.state, new.severity, 1) ON CONFLICT DO UPDATE SET n = n + 1; END;

-- Boxes that are not revoked, by institution, and those of them that are connected.
CREATE TABLE place (
    institution TEXT PRIMARY KEY,
    boxes INTEGER NOT NULL, online INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX place_silent ON place(online < boxes DESC, institution);
CREATE TABLE box_total (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), boxes INTEGER NOT NULL, online INTEGER NOT NULL) STRICT;
INSERT INTO place SELECT r.institution, count(*), sum(d.online) FROM device d JOIN room r ON r.id = d.room WHERE d.state <> 'revoked' GROUP BY 1;
INSERT INTO box_total SELECT 1, coalesce(sum(boxes), 0), coalesce(sum(online), 0) FROM place;
CREATE TRIGGER place_counted AFTER INSERT ON device WHEN new.state <> 'revoked' BEGIN
    INSERT INTO place SELECT institution, 1, new.online FROM room WHERE id = new.room
        ON CONFLICT DO UPDATE SET boxes = boxes + 1, online = online + excluded.online; END;
CREATE TRIGGER place_recounted AFTER UPDATE OF room, state, online ON device
    WHEN (old.room, old.state, old.online) IS NOT (new.room, new.state, new.online) BEGIN
    UPDATE place SET boxes = boxes - 1, online = online - old.online
        WHERE old.state <> 'revoked' AND institution = (SELECT institution FROM room WHERE id = old.room);
    INSERT INTO place SELECT institution, 1, new.online FROM room WHERE id = new.room AND new.state <> 'revoked'
        ON CONFLICT DO UPDATE SET boxes = boxes + 1, online = online + excluded.online; END;
CREATE TRIGGER place_moved AFTER UPDATE OF institution ON room WHEN old.institution <> new.institution BEGIN
    UPDATE place SET boxes = boxes - (SELECT count(*) FROM device WHERE room = new.id AND state <> 'revoked'),
        online = online - (SELECT coalesce(sum(online), 0) FROM device WHERE room = new.id AND state <> 'revoked')
        WHERE institution = old.institution;
    INSERT INTO place SELECT new.institution, count(*), coalesce(sum(online), 0) FROM device WHERE room = new.id AND state <> 'revoked'
        ON CONFLICT DO UPDATE SET boxes = boxes + excluded.boxes, online = online + excluded.online; END;
CREATE TRIGGER place_entered AFTER INSERT ON place BEGIN
    UPDATE box_total SET boxes = boxes + new.boxes, online = online + new.online; END;
CREATE TRIGGER place_changed AFTER UPDATE ON place BEGIN
    UPDATE box_total SET boxes = boxes + new.boxes - old.boxes, online = online + new.online - old.online; END;

-- Open leads by institution and severity, for the wall and the list of boxes; what one clinic's badge counts.
CREATE TABLE place_alert (
    institution TEXT NOT NULL, severity INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (institution, severity)
) STRICT, WITHOUT ROWID;
INSERT INTO place_alert SELECT institution, severity, count(*) FROM alert WHERE state NOT IN ('dismissed','unfounded','closed') GROUP BY 1, 2;
CREATE TRIGGER place_alerted AFTER INSERT ON alert WHEN new.state NOT IN ('dismissed','unfounded','closed') BEGIN
    INSERT INTO place_alert VALUES (new.institution, new.severity, 1) ON CONFLICT DO UPDATE SET n = n + 1; END;
CREATE TRIGGER place_realerted AFTER UPDATE OF institution, state, severity ON alert
    WHEN (old.institution, old.state, old.severity) IS NOT (new.institution, new.state, new.severity) BEGIN
    UPDATE place_alert SET n = n - 1 WHERE (institution, severity) = (old.institution, old.severity)
        AND old.state NOT IN ('dismissed','unfounded','closed');
    INSERT INTO place_alert SELECT new.institution, new.severity, 1 WHERE new.state NOT IN ('dismissed','unfounded','closed')
        ON CONFLICT DO UPDATE SET n = n + 1; END;
CREATE INDEX alert_at ON alert(institution, state, severity);
