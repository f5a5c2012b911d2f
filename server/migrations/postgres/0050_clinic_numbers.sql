-- As ../0050_clinic_numbers.sql, which says why.
ALTER TABLE alert ADD COLUMN clinic_number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE correction ADD COLUMN clinic_number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE self_check ADD COLUMN clinic_number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE view ADD COLUMN own_number BIGINT NOT NULL DEFAULT 0;
UPDATE alert SET clinic_number = o.n FROM (SELECT number, row_number() OVER (PARTITION BY institution ORDER BY number) AS n
    FROM alert) AS o WHERE o.number = alert.number;
UPDATE correction SET clinic_number = o.n FROM (SELECT number, row_number() OVER (PARTITION BY institution ORDER BY number) AS n
    FROM correction) AS o WHERE o.number = correction.number;
UPDATE self_check SET clinic_number = o.n FROM (SELECT number, row_number() OVER (PARTITION BY institution ORDER BY number) AS n
    FROM self_check) AS o WHERE o.number = self_check.number;
UPDATE view SET own_number = o.n FROM (SELECT id, row_number() OVER (PARTITION BY owner ORDER BY id) AS n
    FROM view) AS o WHERE o.id = view.id;
CREATE UNIQUE INDEX view_by_own_number ON view(owner, own_number);
CREATE TABLE clinic_count (institution TEXT COLLATE "C" NOT NULL, noun TEXT COLLATE "C" NOT NULL,
    n BIGINT NOT NULL, PRIMARY KEY (institution, noun));
INSERT INTO clinic_count SELECT institution, 'alert', max(clinic_number) FROM alert GROUP BY institution;
INSERT INTO clinic_count SELECT institution, 'correction', max(clinic_number) FROM correction GROUP BY institution;
INSERT INTO clinic_count SELECT institution, 'self_check', max(clinic_number) FROM self_check GROUP BY institution;
CREATE FUNCTION clinic_numbered() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE last BIGINT; BEGIN
    INSERT INTO clinic_count VALUES (new.institution, TG_TABLE_NAME, 1) ON CONFLICT (institution,
        noun) DO UPDATE SET n = clinic_count.n + 1 RETURNING n INTO last;
    EXECUTE format('UPDATE %I SET clinic_number = $1 WHERE number = $2', TG_TABLE_NAME)
        USING last, new.number;
    RETURN NULL; END $$;
CREATE TRIGGER alert_numbered AFTER INSERT ON alert FOR EACH ROW WHEN (new.clinic_number = 0)
    EXECUTE FUNCTION clinic_numbered();
CREATE TRIGGER correction_numbered AFTER INSERT ON correction FOR EACH ROW WHEN (new.clinic_number = 0)
    EXECUTE FUNCTION clinic_numbered();
CREATE TRIGGER self_check_numbered AFTER INSERT ON self_check FOR EACH ROW WHEN (new.clinic_number = 0)
    EXECUTE FUNCTION clinic_numbered();
CREATE FUNCTION view_numbered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE view SET own_number = (SELECT max(own_number) + 1 FROM view WHERE owner = new.owner)
        WHERE id = new.id;
    RETURN NULL; END $$;
CREATE TRIGGER view_numbered AFTER INSERT ON view FOR EACH ROW WHEN (new.own_number = 0)
    EXECUTE FUNCTION view_numbered();
