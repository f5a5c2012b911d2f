-- Which embedder the templates in use are of. Another one takes its place when everything that can be made anew was made.
CREATE TABLE embedder (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    sha256 TEXT NOT NULL,
    pack   TEXT NOT NULL,
    since  TEXT NOT NULL
) STRICT;

-- Whose confirmed templates are all of an earlier embedder: they must be photographed again.
CREATE TABLE come_again (
    person      TEXT NOT NULL,
    institution TEXT NOT NULL,
    because     TEXT NOT NULL,                -- no_photograph, photograph_refused
    since       TEXT NOT NULL,
    PRIMARY KEY (institution, person)
) STRICT, WITHOUT ROWID;
CREATE INDEX come_again_person ON come_again(person);
CREATE TRIGGER came_again AFTER UPDATE OF state ON enrolment WHEN new.state = 'confirmed'
    AND EXISTS (SELECT 1 FROM template WHERE enrolment = new.id AND embedder_sha256 = (SELECT sha256 FROM embedder)) BEGIN
    DELETE FROM come_again WHERE person = new.person AND institution = new.institution; END;
CREATE TRIGGER need_not_come AFTER DELETE ON person_key BEGIN
    DELETE FROM come_again WHERE person = old.person; END;
