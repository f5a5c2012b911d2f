-- How many persons have a template (P14), kept as it changes: every list of people shows it.
CREATE TABLE face_count (
    name TEXT PRIMARY KEY,
    n    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO face_count SELECT 'persons', count(DISTINCT person) FROM template;
CREATE TRIGGER person_counted AFTER INSERT ON template
    WHEN (SELECT count(*) FROM (SELECT 1 FROM template WHERE person = new.person LIMIT 2)) = 1 BEGIN
    UPDATE face_count SET n = n + 1 WHERE name = 'persons'; END;
CREATE TRIGGER person_uncounted AFTER DELETE ON template
    WHEN NOT EXISTS (SELECT 1 FROM template WHERE person = old.person) BEGIN
    UPDATE face_count SET n = n - 1 WHERE name = 'persons'; END;
