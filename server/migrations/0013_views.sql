-- What each reader of the inbox keeps: filters under a name of his own.

CREATE TABLE view (
    id         INTEGER PRIMARY KEY,
    owner      TEXT NOT NULL,                 -- login name
    name       TEXT NOT NULL,
    query      TEXT NOT NULL,                 -- what stands behind the `?` of the inbox's address
    created_at TEXT NOT NULL,
    UNIQUE (owner, name)
) STRICT;

-- The newest checks first, at any place.
CREATE INDEX identity_check_by_time ON identity_check(at, id);

-- The rules across days ask one institution's undeclared procedures; the partial index holds those alone.
CREATE INDEX finding_undeclared ON finding(json_extract(report, '$.institution'), received_at)
    WHERE rule = 'HB-3' AND epoch >= 0 AND step <> 'withdrawn';
CREATE INDEX device_by_place ON device(room, state);
