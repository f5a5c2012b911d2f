-- The register as the public reads it (pub_*), what comes in through the public door (clue_in), and the clues (线索)
-- that people work on. No clue has a row in `feed`, and none is counted anywhere that a clinic reads.

CREATE TABLE institution_licence (
    institution TEXT PRIMARY KEY REFERENCES institution(id),
    spec        TEXT NOT NULL                 -- JSON: model::Licence
) STRICT, WITHOUT ROWID;
CREATE TABLE practitioner_practice (
    practitioner TEXT PRIMARY KEY REFERENCES practitioner(id),
    spec         TEXT NOT NULL                -- JSON: model::Practice; its number is never published
) STRICT, WITHOUT ROWID;
CREATE TABLE site_filing (
    practitioner TEXT NOT NULL,
    institution  TEXT NOT NULL,
    spec         TEXT NOT NULL,               -- JSON: model::Filing
    PRIMARY KEY (practitioner, institution)
) STRICT, WITHOUT ROWID;

-- Which random address stands for whom: the public connection reads none of these.
CREATE TABLE publication (
    institution TEXT PRIMARY KEY,
    slug        TEXT NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;
CREATE TABLE publication_person (
    practitioner TEXT NOT NULL,
    institution  TEXT NOT NULL,
    slug         TEXT NOT NULL UNIQUE,
    PRIMARY KEY (practitioner, institution)
) STRICT, WITHOUT ROWID;
CREATE TABLE publication_room (
    room TEXT PRIMARY KEY,
    code TEXT NOT NULL UNIQUE                 -- in the QR code of the room's sign
) STRICT, WITHOUT ROWID;

CREATE TABLE pub_institution (
    slug TEXT PRIMARY KEY,
    name TEXT NOT NULL, kind TEXT NOT NULL, code TEXT NOT NULL, licence_no TEXT NOT NULL,
    address TEXT NOT NULL, licence_until TEXT NOT NULL, pledge_on TEXT NOT NULL,
    subjects TEXT NOT NULL, filed_items TEXT NOT NULL,    -- JSON lists
    grade_ceiling INTEGER NOT NULL,
    jurisdiction TEXT NOT NULL,
    nurses INTEGER NOT NULL DEFAULT 0,        -- a number, never who
    as_of TEXT NOT NULL                       -- day
) STRICT, WITHOUT ROWID;
CREATE INDEX pub_institution_by_name ON pub_institution(name);
CREATE TABLE pub_practitioner (
    slug TEXT PRIMARY KEY,
    institution TEXT NOT NULL,                -- slug
    name TEXT NOT NULL, category TEXT NOT NULL, status TEXT NOT NULL, scope TEXT NOT NULL,
    relation TEXT NOT NULL,
    lead_of TEXT NOT NULL,                    -- JSON list
    filed_on TEXT NOT NULL,
    as_of TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pub_practitioner_by_place ON pub_practitioner(institution);
CREATE TABLE pub_item (
    code TEXT PRIMARY KEY,
    name_zh TEXT NOT NULL, name_en TEXT NOT NULL, jurisdiction TEXT NOT NULL,
    specialties TEXT NOT NULL,                -- JSON list
    min_operator TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE pub_device (                     -- 行政处罚法 41: that one stands there, never in which room
    institution TEXT PRIMARY KEY,             -- slug
    announced_on TEXT NOT NULL, purpose TEXT NOT NULL, reviewed_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE pub_room (
    code TEXT PRIMARY KEY,
    institution TEXT NOT NULL                 -- slug; the room is known to the server alone
) STRICT, WITHOUT ROWID;
CREATE TABLE pub_clue_status (
    mac TEXT PRIMARY KEY,                     -- keyed hash of the receipt
    state TEXT NOT NULL,
    question TEXT NOT NULL,
    as_of TEXT NOT NULL,                      -- day
    visited_on TEXT NOT NULL                  -- day of the last look, or of the report
) STRICT, WITHOUT ROWID;

-- Publishing is these triggers: in the transaction that changed the fact, whoever changed it.
CREATE VIEW institution_public AS SELECT p.slug, i.id, i.name, i.kind, coalesce(i.code, '') AS code,
    coalesce(json_extract(l.spec, '$.licence_no'), '') AS licence_no, coalesce(json_extract(l.spec, '$.address'), '') AS address,
    coalesce(json_extract(l.spec, '$.licence_until'), '') AS licence_until, coalesce(json_extract(l.spec, '$.pledge_on'), '') AS pledge_on,
    coalesce(json_extract(l.spec, '$.subjects'), '[]') AS subjects, i.filed_items, i.grade_ceiling, i.jurisdiction,
    substr(i.updated_at, 1, 10) AS as_of
    FROM institution i JOIN publication p ON p.institution = i.id LEFT JOIN institution_licence l ON l.institution = i.id;
CREATE TRIGGER institution_published AFTER INSERT ON institution BEGIN
    INSERT INTO publication VALUES (new.id, lower(hex(randomblob(12))));
    INSERT INTO pub_institution SELECT slug, name, kind, code, licence_no, address, licence_until, pledge_on, subjects,
        filed_items, grade_ceiling, jurisdiction, 0, as_of FROM institution_public WHERE id = new.id; END;
CREATE TRIGGER institution_republished AFTER UPDATE ON institution BEGIN
    UPDATE pub_institution SET (name, kind, code, filed_items, grade_ceiling, jurisdiction, as_of) =
        (SELECT name, kind, code, filed_items, grade_ceiling, jurisdiction, as_of FROM institution_public WHERE id = new.id)
        WHERE slug = (SELECT slug FROM publication WHERE institution = new.id); END;
CREATE TRIGGER licence_published AFTER INSERT ON institution_licence BEGIN
    UPDATE pub_institution SET (licence_no, address, licence_until, pledge_on, subjects) =
        (SELECT licence_no, address, licence_until, pledge_on, subjects FROM institution_public WHERE id = new.institution)
        WHERE slug = (SELECT slug FROM publication WHERE institution = new.institution); END;
CREATE TRIGGER licence_unpublished AFTER DELETE ON institution_licence BEGIN
    UPDATE pub_institution SET licence_no = '', address = '', licence_until = '', pledge_on = '', subjects = '[]'
        WHERE slug = (SELECT slug FROM publication WHERE institution = old.institution); END;

-- Physicians and assistant physicians (医师法 21) alone, and only where they are registered.
CREATE VIEW practitioner_public AS SELECT x.slug, s.practitioner, s.institution AS place, b.slug AS institution, p.name, p.category,
    p.registration AS status, coalesce(json_extract(t.spec, '$.scope'), '') AS scope, s.relation, s.lead_of,
    coalesce(json_extract(f.spec, '$.filed_on'), '') AS filed_on, substr(p.updated_at, 1, 10) AS as_of
    FROM site s JOIN practitioner p ON p.id = s.practitioner JOIN publication b ON b.institution = s.institution
    JOIN publication_person x ON x.practitioner = s.practitioner AND x.institution = s.institution
    LEFT JOIN practitioner_practice t ON t.practitioner = s.practitioner
    LEFT JOIN site_filing f ON f.practitioner = s.practitioner AND f.institution = s.institution
    WHERE s.relation <> 'none' AND p.category IN ('licensed_physician', 'assistant_physician');
CREATE TRIGGER site_published AFTER INSERT ON site BEGIN
    INSERT INTO publication_person SELECT new.practitioner, new.institution, lower(hex(randomblob(12)))
        WHERE NOT EXISTS (SELECT 1 FROM publication_person WHERE practitioner = new.practitioner AND institution = new.institution);
    INSERT INTO pub_practitioner SELECT slug, institution, name, category, status, scope, relation, lead_of, filed_on, as_of
        FROM practitioner_public WHERE practitioner = new.practitioner AND place = new.institution;
    UPDATE pub_institution SET nurses = nurses + 1 WHERE new.relation <> 'none'
        AND EXISTS (SELECT 1 FROM practitioner WHERE id = new.practitioner AND category = 'nurse')
        AND slug = (SELECT slug FROM publication WHERE institution = new.institution); END;
CREATE TRIGGER site_unpublished AFTER DELETE ON site BEGIN
    DELETE FROM pub_practitioner WHERE slug = (SELECT slug FROM publication_person
        WHERE practitioner = old.practitioner AND institution = old.institution);
    UPDATE pub_institution SET nurses = (SELECT count(*) FROM site s JOIN practitioner p ON p.id = s.practitioner
        WHERE s.institution = old.institution AND s.relation <> 'none' AND p.category = 'nurse')
        WHERE slug = (SELECT slug FROM publication WHERE institution = old.institution); END;
CREATE TRIGGER filing_published AFTER INSERT ON site_filing BEGIN
    UPDATE pub_practitioner SET filed_on = coalesce(json_extract(new.spec, '$.filed_on'), '') WHERE slug = (SELECT slug
        FROM publication_person WHERE practitioner = new.practitioner AND institution = new.institution); END;
CREATE TRIGGER practice_published AFTER INSERT ON practitioner_practice BEGIN
    UPDATE pub_practitioner SET scope = coalesce(json_extract(new.spec, '$.scope'), '') WHERE slug IN (SELECT slug
        FROM publication_person WHERE practitioner = new.practitioner); END;
CREATE TRIGGER practice_unpublished AFTER DELETE ON practitioner_practice BEGIN
    UPDATE pub_practitioner SET scope = '' WHERE slug IN (SELECT slug
        FROM publication_person WHERE practitioner = old.practitioner); END;

CREATE VIEW item_public AS SELECT code, name_zh, name_en, jurisdiction, json_extract(spec, '$.specialties') AS specialties,
    json_extract(spec, '$.min_operator') AS min_operator FROM item;
CREATE TRIGGER item_published AFTER INSERT ON item BEGIN
    INSERT INTO pub_item SELECT * FROM item_public WHERE code = new.code; END;
CREATE TRIGGER item_republished AFTER UPDATE ON item BEGIN
    DELETE FROM pub_item WHERE code = new.code;
    INSERT INTO pub_item SELECT * FROM item_public WHERE code = new.code; END;

CREATE VIEW device_public AS SELECT b.slug AS institution, json_extract(m.record, '$.published.on') AS announced_on,
    '识别诊室内执业的备案人员,核对主诊医师' AS purpose, coalesce(json_extract(m.record, '$.legal.by'), '') AS reviewed_by, r.institution AS place
    FROM monitoring_review m JOIN room r ON r.id = m.room JOIN publication b ON b.institution = r.institution
    WHERE m.id = (SELECT max(n.id) FROM monitoring_review n WHERE n.device = m.device)
    AND json_extract(m.record, '$.published.on') IS NOT NULL;
CREATE TRIGGER device_published AFTER INSERT ON monitoring_review BEGIN
    DELETE FROM pub_device WHERE institution = (SELECT b.slug FROM room r JOIN publication b ON b.institution = r.institution
        WHERE r.id = new.room);
    INSERT INTO pub_device SELECT institution, min(announced_on), purpose, max(reviewed_by) FROM device_public
        WHERE place = (SELECT institution FROM room WHERE id = new.room) GROUP BY institution; END;

CREATE TRIGGER room_published AFTER INSERT ON room BEGIN
    INSERT INTO publication_room VALUES (new.id, lower(hex(randomblob(8))));
    INSERT INTO pub_room SELECT c.code, b.slug FROM publication_room c, publication b WHERE c.room = new.id
        AND b.institution = new.institution; END;
CREATE TRIGGER room_republished AFTER UPDATE OF institution ON room WHEN old.institution <> new.institution BEGIN
    UPDATE pub_room SET institution = (SELECT slug FROM publication WHERE institution = new.institution)
        WHERE code = (SELECT code FROM publication_room WHERE room = new.id); END;

-- What stood before.
INSERT INTO publication SELECT id, lower(hex(randomblob(12))) FROM institution;
INSERT INTO pub_institution SELECT slug, name, kind, code, licence_no, address, licence_until, pledge_on, subjects,
    filed_items, grade_ceiling, jurisdiction, (SELECT count(*) FROM site s JOIN practitioner p ON p.id = s.practitioner
    WHERE s.institution = v.id AND s.relation <> 'none' AND p.category = 'nurse'), as_of FROM institution_public v;
INSERT INTO publication_person SELECT practitioner, institution, lower(hex(randomblob(12))) FROM site;
INSERT INTO pub_practitioner SELECT slug, institution, name, category, status, scope, relation, lead_of, filed_on, as_of
    FROM practitioner_public;
INSERT INTO pub_item SELECT * FROM item_public;
INSERT INTO publication_room SELECT id, lower(hex(randomblob(8))) FROM room;
INSERT INTO pub_room SELECT c.code, b.slug FROM publication_room c JOIN room r ON r.id = c.room
    JOIN publication b ON b.institution = r.institution;
INSERT INTO pub_device SELECT institution, min(announced_on), purpose, max(reviewed_by) FROM device_public GROUP BY institution;

-- Whatever came through the door, sealed; the door inserts and never reads here. The day alone is known.
CREATE TABLE clue_in (
    ticket      TEXT PRIMARY KEY,             -- of the form: spent once
    received_on TEXT NOT NULL,
    sealed      BLOB                          -- NULL once it was taken in
) STRICT;
CREATE INDEX clue_in_waiting ON clue_in(received_on) WHERE sealed IS NOT NULL;

CREATE TABLE clue (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT NOT NULL UNIQUE,        -- 128 random bits, hex
    source       TEXT NOT NULL,
    external_no  TEXT,                        -- 来源单号
    posted_by    TEXT NOT NULL DEFAULT '',    -- login or token; empty for the public door
    received_on  TEXT NOT NULL,
    jurisdiction TEXT NOT NULL,
    institution  TEXT,
    room         TEXT,
    stage        TEXT NOT NULL,               -- clue::Handling::stage
    allegation   TEXT NOT NULL,
    due_on       TEXT,
    spec         TEXT NOT NULL,               -- JSON: clue::About
    handling     TEXT NOT NULL,               -- JSON: clue::Handling
    merged_into  TEXT,
    fold         TEXT NOT NULL,               -- keyed hash of the normalised text: near-duplicates are found by it
    receipt_mac  TEXT,
    sealed_key   BLOB NOT NULL,               -- of this clue, wrapped by the master key
    contact      BLOB                         -- sealed
) STRICT;
CREATE UNIQUE INDEX clue_by_external ON clue(source, external_no) WHERE external_no IS NOT NULL;
CREATE INDEX clue_by_stage ON clue(stage, number);
CREATE INDEX clue_by_place ON clue(institution, number);
CREATE INDEX clue_by_fold ON clue(fold);
CREATE INDEX clue_by_receipt ON clue(receipt_mac) WHERE receipt_mac IS NOT NULL;
CREATE INDEX clue_merged ON clue(merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE clue_text (
    clue TEXT NOT NULL REFERENCES clue(id),
    n    INTEGER NOT NULL,                    -- 0: the report; then the answers to questions
    at   TEXT NOT NULL,                       -- day
    sealed BLOB NOT NULL,
    PRIMARY KEY (clue, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE clue_file (
    clue TEXT NOT NULL REFERENCES clue(id),
    n    INTEGER NOT NULL,
    sha256 TEXT NOT NULL,                     -- of the re-encoded picture
    sealed BLOB NOT NULL,
    PRIMARY KEY (clue, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE clue_step (                      -- the clues' own feed
    id    INTEGER PRIMARY KEY,
    clue  TEXT NOT NULL REFERENCES clue(id),
    at    TEXT NOT NULL,
    actor TEXT NOT NULL,
    step  TEXT NOT NULL,
    note  TEXT NOT NULL,
    state_after TEXT NOT NULL
) STRICT;
CREATE INDEX clue_step_by_clue ON clue_step(clue);
CREATE TABLE clue_link (
    clue  TEXT NOT NULL REFERENCES clue(id),
    alert TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    at    TEXT NOT NULL,
    PRIMARY KEY (clue, alert)
) STRICT, WITHOUT ROWID;
CREATE TABLE clue_contact_ask (               -- who asked to read the contact, why, and who agreed
    id      INTEGER PRIMARY KEY,
    clue    TEXT NOT NULL REFERENCES clue(id),
    asked_by TEXT NOT NULL, reason TEXT NOT NULL, asked_at TEXT NOT NULL,
    decided_by TEXT, agreed INTEGER, decided_at TEXT
) STRICT;
CREATE INDEX clue_contact_by_clue ON clue_contact_ask(clue);
