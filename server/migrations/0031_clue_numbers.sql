-- A number is its sender's own: nobody takes another's, and two servers at once keep one clue of it.
DROP INDEX clue_by_external;
CREATE UNIQUE INDEX clue_by_sender ON clue(posted_by, source, external_no) WHERE external_no IS NOT NULL;

-- What is published of institutions is made into a table once per change.
CREATE TABLE pub_version (n INTEGER NOT NULL) STRICT;
INSERT INTO pub_version VALUES (0);
CREATE TRIGGER pub_institution_new AFTER INSERT ON pub_institution BEGIN UPDATE pub_version SET n = n + 1; END;
CREATE TRIGGER pub_institution_other AFTER UPDATE ON pub_institution BEGIN UPDATE pub_version SET n = n + 1; END;
CREATE TRIGGER pub_institution_gone AFTER DELETE ON pub_institution BEGIN UPDATE pub_version SET n = n + 1; END;
