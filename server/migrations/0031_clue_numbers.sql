-- A number is its sender's own: nobody takes another's, and two servers at once keep one clue of it.
DROP INDEX clue_by_external;
CREATE UNIQUE INDEX clue_by_sender ON clue(posted_by, source, external_no) WHERE external_no IS NOT NULL;

-- What is published of institutions is made into a table once per change.
CREATE TABLE pub_version (n INTEGER NOT NULL) STRICT;
INSERT INTO pub_version VALUES (0);
CREATE TRIGGER pub_institution_new AFTER INSERT ON pub_institution BEGIN UPDATE pub_version SET n = n + 1; END;
CREATE TRIGGER pub_institution_other AFTER UPDATE ON pub_institution BEGIN UPDATE pub_version SET n = n + 1; END;
CREATE TRIGGER pub_institution_gone AFTER DELETE ON pub_institution BEGIN UPDATE pub_version SET n = n + 1; END;

-- How many clues stand where, kept as they change: a list of a hundred thousand counts none.
CREATE TABLE clue_count (
    jurisdiction TEXT NOT NULL,
    stage        TEXT NOT NULL,
    n            INTEGER NOT NULL,
    PRIMARY KEY (jurisdiction, stage)
) STRICT, WITHOUT ROWID;
INSERT INTO clue_count SELECT jurisdiction, stage, count(*) FROM clue GROUP BY jurisdiction, stage;
CREATE TRIGGER clue_counted AFTER INSERT ON clue BEGIN
    INSERT INTO clue_count VALUES (new.jurisdiction, new.stage, 1)
        ON CONFLICT(jurisdiction, stage) DO UPDATE SET n = n + 1; END;
CREATE TRIGGER clue_counted_again AFTER UPDATE OF stage, jurisdiction ON clue
    WHEN old.stage <> new.stage OR old.jurisdiction <> new.jurisdiction BEGIN
    UPDATE clue_count SET n = n - 1 WHERE jurisdiction = old.jurisdiction AND stage = old.stage;
    INSERT INTO clue_count VALUES (new.jurisdiction, new.stage, 1)
        ON CONFLICT(jurisdiction, stage) DO UPDATE SET n = n + 1; END;
CREATE TRIGGER clue_uncounted AFTER DELETE ON clue BEGIN
    UPDATE clue_count SET n = n - 1 WHERE jurisdiction = old.jurisdiction AND stage = old.stage; END;
