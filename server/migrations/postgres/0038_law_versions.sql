-- As ../0038_law_versions.sql.
ALTER TABLE alert_step ADD COLUMN law_version TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE case_document ADD COLUMN law_version TEXT COLLATE "C" NOT NULL DEFAULT '';
