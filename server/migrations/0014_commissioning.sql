-- Installers at the boxes: the lock that ends a box's commissioning, who opened it again, and the zones drawn at the box.

CREATE TABLE commissioning (
    device         TEXT PRIMARY KEY REFERENCES device(id),
    said_at        TEXT NOT NULL DEFAULT '',  -- the box's time of its newest statement: an earlier one is a replay
    lock           TEXT,                      -- the lock that stands on the box; NULL while it is open
    locked_at      TEXT,                      -- server's clock
    zones_sha256   TEXT,                      -- of the zones that were locked
    unlocked_until TEXT,                      -- the box may fetch its unlock until then; NULL: nobody unlocked it
    unlocked_by    TEXT
) STRICT, WITHOUT ROWID;

-- Zones that came from a box and not from the registry's pages.
CREATE TABLE zones_drawn (
    id           INTEGER PRIMARY KEY,
    room         TEXT NOT NULL,
    device       TEXT NOT NULL,
    at           TEXT NOT NULL,
    zones_sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX zones_drawn_in ON zones_drawn(room, id);
