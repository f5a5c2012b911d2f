-- Who may work where, with what, in which room: the facts that the authority confirms. No face data stands here.

CREATE TABLE institution (
    id             TEXT PRIMARY KEY,          -- protocol::id, chosen by whoever registers it
    name           TEXT NOT NULL,
    code           TEXT,                      -- 统一社会信用代码 or 医疗机构执业许可证登记号
    kind           TEXT NOT NULL DEFAULT '',  -- 门诊部, 诊所, 医院 …
    grade_ceiling  INTEGER NOT NULL,          -- highest surgery grade it may perform, 0-4
    filed_items    TEXT NOT NULL,             -- JSON list of item codes filed here
    jurisdiction   TEXT NOT NULL,             -- administrative division code; scopes what a supervisor sees
    updated_at     TEXT NOT NULL
) STRICT;

CREATE TABLE practitioner (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,               -- stands here and on pages alone; never in a log, never on the wire
    category     TEXT NOT NULL,               -- protocol::down::PractitionerCategory
    registration TEXT NOT NULL,               -- protocol::down::RegistrationStatus
    updated_at   TEXT NOT NULL
) STRICT;

CREATE TABLE site (
    practitioner TEXT NOT NULL REFERENCES practitioner(id),
    institution  TEXT NOT NULL REFERENCES institution(id),
    relation     TEXT NOT NULL,               -- protocol::down::SiteRelation
    exempt_until TEXT,                        -- end of an exemption (医师法 18), RFC 3339 UTC
    lead_of      TEXT NOT NULL,               -- JSON list of specialties with a lead filing 主诊医师备案 here
    roles        TEXT NOT NULL,               -- JSON list of enrolled roles that are not the operator
    PRIMARY KEY (practitioner, institution)
) STRICT, WITHOUT ROWID;
CREATE INDEX site_by_institution ON site(institution);

CREATE TABLE room (
    id          TEXT PRIMARY KEY,
    institution TEXT NOT NULL REFERENCES institution(id),
    name        TEXT NOT NULL,
    spec        TEXT NOT NULL,                -- JSON: mode, intimate, time_zone, zones, opening_min (protocol::down::Room's fields)
    updated_at  TEXT NOT NULL
) STRICT;
CREATE INDEX room_by_institution ON room(institution);

CREATE TABLE item (
    code         TEXT PRIMARY KEY,
    jurisdiction TEXT NOT NULL,               -- whose catalogue it belongs to
    name_zh      TEXT NOT NULL,
    name_en      TEXT NOT NULL,
    spec         TEXT NOT NULL,               -- JSON: kind, specialties, surgery_grade, min_operator, min_duration_ms, prep_ms
    updated_at   TEXT NOT NULL
) STRICT;

CREATE TABLE session (
    id          TEXT PRIMARY KEY,
    room        TEXT NOT NULL REFERENCES room(id),
    revision    INTEGER NOT NULL,             -- counts the amendments from 1
    start_at    TEXT NOT NULL,                -- RFC 3339 UTC ms, as declared
    end_at      TEXT,                         -- NULL while open
    cancelled   INTEGER NOT NULL,
    spec        TEXT NOT NULL,                -- JSON: item, declared_lead, declared_operators, emergency, patient_ref (a pseudonym)
    declared_at TEXT NOT NULL,                -- when the server first heard of it: late declaration shows
    updated_at  TEXT NOT NULL
) STRICT;
CREATE INDEX session_by_room ON session(room, start_at);

CREATE TABLE pass (
    id          TEXT PRIMARY KEY,
    person      TEXT NOT NULL REFERENCES practitioner(id),
    institution TEXT NOT NULL REFERENCES institution(id),
    spec        TEXT NOT NULL,                -- JSON: purpose, supervisor, from, to
    updated_at  TEXT NOT NULL
) STRICT;

CREATE TABLE policy (
    version  INTEGER PRIMARY KEY,             -- rises by one with each change; the whole history stays
    settings TEXT NOT NULL,                   -- JSON object of integers
    set_at   TEXT NOT NULL
) STRICT;
