-- Counts that every page shows, kept as they change, and indexes for the lists: a million findings cost a page no more than a thousand.

CREATE TABLE alert_count (
    jurisdiction TEXT NOT NULL, state TEXT NOT NULL, severity INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (jurisdiction, state, severity)
) STRICT, WITHOUT ROWID;
INSERT INTO alert_count SELECT jurisdiction, state, severity, count(*) FROM alert GROUP BY 1, 2, 3;
CREATE TRIGGER alert_counted AFTER INSERT ON alert BEGIN
    INSERT INTO alert_count VALUES (new.jurisdiction, new.state, new.severity, 1)
        ON CONFLICT DO UPDATE SET n = n + 1; END;
CREATE TRIGGER alert_recounted AFTER UPDATE OF jurisdiction, state, severity ON alert
    WHEN (old.jurisdiction, old.state, old.severity) IS NOT (new.jurisdiction, new.state, new.severity) BEGIN
    UPDATE alert_count SET n = n - 1 WHERE (jurisdiction, state, severity) = (old.jurisdiction, old.state, old.severity);
    INSERT INTO alert_count VALUES (new.jurisdiction, new.state, new.severity, 1)
        ON CONFLICT DO UPDATE SET n = n + 1; END;

CREATE TABLE finding_count (
    kind TEXT NOT NULL, withdrawn INTEGER NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (kind, withdrawn)
) STRICT, WITHOUT ROWID;
INSERT INTO finding_count SELECT kind, step = 'withdrawn', count(*) FROM finding GROUP BY 1, 2;
CREATE TRIGGER finding_counted AFTER INSERT ON finding BEGIN
    INSERT INTO finding_count VALUES (new.kind, new.step = 'withdrawn', 1) ON CONFLICT DO UPDATE SET n = n + 1; END;
CREATE TRIGGER finding_recounted AFTER UPDATE OF kind, step ON finding
    WHEN (old.kind, old.step = 'withdrawn') IS NOT (new.kind, new.step = 'withdrawn') BEGIN
    UPDATE finding_count SET n = n - 1 WHERE (kind, withdrawn) = (old.kind, old.step = 'withdrawn');
    INSERT INTO finding_count VALUES (new.kind, new.step = 'withdrawn', 1) ON CONFLICT DO UPDATE SET n = n + 1; END;

CREATE INDEX alert_waived ON alert(liveness_waived) WHERE liveness_waived;
CREATE INDEX alert_open ON alert(number, severity, jurisdiction) WHERE state NOT IN ('dismissed','unfounded','closed');
CREATE INDEX alert_by_institution ON alert(institution, number);
CREATE INDEX alert_by_device ON alert(device, number);
CREATE INDEX session_by_start ON session(start_at, id);
CREATE INDEX summary_by_session ON summary(session);
CREATE INDEX institution_by_jurisdiction ON institution(jurisdiction, id);
