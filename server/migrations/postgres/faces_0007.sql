-- As ../faces_0007.sql.
ALTER TABLE enrolment ADD COLUMN proposed_by TEXT COLLATE "C";
