-- The faces on PostgreSQL, as SQLite's migrations leave them: what each column means stands there.
-- Text is compared byte by byte, as in SQLite.

CREATE TABLE person_key (person TEXT COLLATE "C" PRIMARY KEY, wrapped BYTEA NOT NULL);

CREATE TABLE rotation (institution TEXT COLLATE "C" PRIMARY KEY, generation BIGINT NOT NULL,
    wrapped BYTEA NOT NULL);

CREATE TABLE enrolment (id TEXT COLLATE "C" PRIMARY KEY, person TEXT COLLATE "C" NOT NULL,
    institution TEXT COLLATE "C" NOT NULL, state TEXT COLLATE "C" NOT NULL,
    pack TEXT COLLATE "C" NOT NULL, proposed_at TEXT COLLATE "C" NOT NULL,
    decided_at TEXT COLLATE "C", decided_by TEXT COLLATE "C", reason TEXT COLLATE "C",
    outcome TEXT COLLATE "C" NOT NULL, consent TEXT COLLATE "C" NOT NULL,
    proposed_by TEXT COLLATE "C");

CREATE TABLE template (id TEXT COLLATE "C" PRIMARY KEY,
    enrolment TEXT COLLATE "C" NOT NULL REFERENCES enrolment(id),
    person TEXT COLLATE "C" NOT NULL, institution TEXT COLLATE "C" NOT NULL,
    pack TEXT COLLATE "C" NOT NULL, embedder_sha256 TEXT COLLATE "C" NOT NULL,
    masked BIGINT NOT NULL, sealed BYTEA NOT NULL);

CREATE TABLE photo (id TEXT COLLATE "C" PRIMARY KEY,
    enrolment TEXT COLLATE "C" NOT NULL REFERENCES enrolment(id),
    person TEXT COLLATE "C" NOT NULL, sealed BYTEA NOT NULL);

CREATE TABLE tombstone (person TEXT COLLATE "C" NOT NULL, at TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL, templates BIGINT NOT NULL, photos BIGINT NOT NULL,
    institution TEXT COLLATE "C", PRIMARY KEY (person, at));

CREATE TABLE face_count (name TEXT COLLATE "C" PRIMARY KEY, n BIGINT NOT NULL);

CREATE TABLE embedder (one BIGINT PRIMARY KEY CHECK (one = 1), sha256 TEXT COLLATE "C" NOT NULL,
    pack TEXT COLLATE "C" NOT NULL, since TEXT COLLATE "C" NOT NULL);

CREATE TABLE come_again (person TEXT COLLATE "C" NOT NULL, institution TEXT COLLATE "C" NOT NULL,
    because TEXT COLLATE "C" NOT NULL, since TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (institution, person));

CREATE TABLE registry_photo (person TEXT COLLATE "C" PRIMARY KEY, wrapped BYTEA NOT NULL,
    sealed BYTEA NOT NULL, uploaded_at TEXT COLLATE "C" NOT NULL,
    uploaded_by TEXT COLLATE "C" NOT NULL);

CREATE INDEX enrolment_by_person ON enrolment(person);
CREATE INDEX template_by_person ON template(person);
CREATE INDEX template_by_institution ON template(institution);
CREATE INDEX template_by_enrolment ON template(enrolment);
CREATE INDEX photo_by_enrolment ON photo(enrolment);
CREATE INDEX enrolment_by_state ON enrolment(state, proposed_at);
CREATE INDEX come_again_person ON come_again(person);

INSERT INTO face_count VALUES ('persons', 0);
