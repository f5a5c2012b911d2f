-- What a clinic calls its alerts, corrections, self-checks and views by: numbers of its own. Those of the server count
-- what happens at others, too, and a gap between two of them told how much.
ALTER TABLE alert ADD COLUMN clinic_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE correction ADD COLUMN clinic_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE self_check ADD COLUMN clinic_number INTEGER NOT NULL DEFAULT 0;
ALTER TABLE view ADD COLUMN own_number INTEGER NOT NULL DEFAULT 0;
UPDATE alert SET clinic_number = o.n FROM (SELECT number, row_number() OVER (PARTITION BY institution ORDER BY number) AS n
    FROM alert) AS o WHERE o.number = alert.number;
UPDATE correction SET clinic_number = o.n FROM (SELECT number, row_number() OVER (PARTITION BY institution ORDER BY number) AS n
    FROM correction) AS o WHERE o.number = correction.number;
UPDATE self_check SET clinic_number = o.n FROM (SELECT number, row_number() OVER (PARTITION BY institution ORDER BY number) AS n
    FROM self_check) AS o WHERE o.number = self_check.number;
UPDATE view SET own_number = o.n FROM (SELECT id, row_number() OVER (PARTITION BY owner ORDER BY id) AS n
    FROM view) AS o WHERE o.id = view.id;
CREATE UNIQUE INDEX view_by_own_number ON view(owner, own_number);

-- The last number that was given to an institution's.
CREATE TABLE clinic_count (
    institution TEXT NOT NULL,
    noun        TEXT NOT NULL,                -- alert, correction, self_check
    n           INTEGER NOT NULL,
    PRIMARY KEY (institution, noun)
) STRICT, WITHOUT ROWID;
INSERT INTO clinic_count SELECT institution, 'alert', max(clinic_number) FROM alert GROUP BY institution;
INSERT INTO clinic_count SELECT institution, 'correction', max(clinic_number) FROM correction GROUP BY institution;
INSERT INTO clinic_count SELECT institution, 'self_check', max(clinic_number) FROM self_check GROUP BY institution;
-- Whoever gave no number himself, an earlier version that still runs among them, gets the next one.
CREATE TRIGGER alert_numbered AFTER INSERT ON alert WHEN new.clinic_number = 0 BEGIN
    INSERT INTO clinic_count VALUES (new.institution, 'alert', 1) ON CONFLICT (institution, noun) DO UPDATE SET n = n + 1;
    UPDATE alert SET clinic_number = (SELECT n FROM clinic_count WHERE institution = new.institution AND noun = 'alert')
        WHERE number = new.number; END;
CREATE TRIGGER correction_numbered AFTER INSERT ON correction WHEN new.clinic_number = 0 BEGIN
    INSERT INTO clinic_count VALUES (new.institution, 'correction', 1) ON CONFLICT (institution, noun) DO UPDATE SET n = n + 1;
    UPDATE correction SET clinic_number = (SELECT n FROM clinic_count WHERE institution = new.institution AND noun = 'correction')
        WHERE number = new.number; END;
CREATE TRIGGER self_check_numbered AFTER INSERT ON self_check WHEN new.clinic_number = 0 BEGIN
    INSERT INTO clinic_count VALUES (new.institution, 'self_check', 1) ON CONFLICT (institution, noun) DO UPDATE SET n = n + 1;
    UPDATE self_check SET clinic_number = (SELECT n FROM clinic_count WHERE institution = new.institution AND noun = 'self_check')
        WHERE number = new.number; END;
CREATE TRIGGER view_numbered AFTER INSERT ON view WHEN new.own_number = 0 BEGIN
    UPDATE view SET own_number = (SELECT max(own_number) + 1 FROM view WHERE owner = new.owner) WHERE id = new.id; END;
