-- The faces on PostgreSQL: what follows from a change, as SQLite's triggers say it.

CREATE FUNCTION person_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (SELECT count(*) FROM (SELECT 1 FROM template WHERE person = new.person LIMIT 2) two) = 1
        THEN
        UPDATE face_count SET n = n + 1 WHERE name = 'persons';
    END IF;
    RETURN NULL; END $$;
CREATE TRIGGER person_counted AFTER INSERT ON template FOR EACH ROW EXECUTE FUNCTION
    person_counted();

CREATE FUNCTION person_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM template WHERE person = old.person) THEN
        UPDATE face_count SET n = n - 1 WHERE name = 'persons';
    END IF;
    RETURN NULL; END $$;
CREATE TRIGGER person_uncounted AFTER DELETE ON template FOR EACH ROW EXECUTE FUNCTION
    person_uncounted();

CREATE FUNCTION came_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF new.state = 'confirmed' AND EXISTS (SELECT 1 FROM template WHERE enrolment = new.id AND
        embedder_sha256 = (SELECT sha256 FROM embedder)) THEN
        DELETE FROM come_again WHERE person = new.person AND institution = new.institution;
    END IF;
    RETURN NULL; END $$;
CREATE TRIGGER came_again AFTER UPDATE OF state ON enrolment FOR EACH ROW EXECUTE FUNCTION
    came_again();

CREATE FUNCTION need_not_come() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM come_again WHERE person = old.person;
    RETURN NULL; END $$;
CREATE TRIGGER need_not_come AFTER DELETE ON person_key FOR EACH ROW EXECUTE FUNCTION
    need_not_come();
