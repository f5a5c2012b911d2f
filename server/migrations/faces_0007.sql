-- Who proposed an enrolment; NULL for those of before.
ALTER TABLE enrolment ADD COLUMN proposed_by TEXT;
