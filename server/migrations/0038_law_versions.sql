-- Under which table of basis and penalty a step was taken and a document was made: the shipped version, and how many decisions
-- of a lawyer stood beside it. Empty: before this was kept.
ALTER TABLE alert_step ADD COLUMN law_version TEXT NOT NULL DEFAULT '';
ALTER TABLE case_document ADD COLUMN law_version TEXT NOT NULL DEFAULT '';
