-- As ../0040_parties_and_templates.sql.
ALTER TABLE case_entry ADD COLUMN party BIGINT NOT NULL DEFAULT 0;
ALTER TABLE case_document ADD COLUMN party BIGINT NOT NULL DEFAULT 0;
ALTER TABLE case_document ADD COLUMN template BIGINT NOT NULL DEFAULT 0;
CREATE TABLE case_template (kind TEXT COLLATE "C" NOT NULL, version BIGINT NOT NULL,
    at TEXT COLLATE "C" NOT NULL, by_whom TEXT COLLATE "C" NOT NULL, body TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (kind, version));
