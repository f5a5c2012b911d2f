-- Whether patients undress in a room: the clinic proposes, the authority confirms; every word is kept.
CREATE TABLE room_class (
    id         INTEGER PRIMARY KEY,
    room       TEXT NOT NULL,
    at         TEXT NOT NULL,
    by_whom    TEXT NOT NULL,
    step       TEXT NOT NULL,                 -- proposed, confirmed, refused
    undressing INTEGER NOT NULL,
    note       TEXT NOT NULL
) STRICT;
CREATE INDEX room_class_by_room ON room_class(room, id);

-- The filing of stored faces (人脸办法 15): what happened on which day, and what was done about it.
CREATE TABLE filing_event (
    id      INTEGER PRIMARY KEY,
    at      TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    kind    TEXT NOT NULL,                    -- reached, filed, changed, change_filed, ended, deregistered
    on_day  TEXT NOT NULL,
    note    TEXT NOT NULL
) STRICT;
