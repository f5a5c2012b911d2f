-- Where in its box's chain a sealed picture is named: nobody looks at one that the signed record does not name so. And what people did
-- with an opening, until the box's own chain names it.
ALTER TABLE evidence_item ADD COLUMN epoch INTEGER;
ALTER TABLE evidence_item ADD COLUMN seq INTEGER;
-- Its halves are struck here, and the ledger of deletions names it.
ALTER TABLE evidence_item ADD COLUMN buried INTEGER NOT NULL DEFAULT 0;
UPDATE evidence_item SET
    epoch = (SELECT m.epoch FROM message m WHERE m.device = evidence_item.device AND m.kind = 'evidence_manifest'
        AND instr(m.envelope, evidence_item.id) > 0 ORDER BY m.epoch, m.seq LIMIT 1),
    seq = (SELECT m.seq FROM message m WHERE m.device = evidence_item.device AND m.kind = 'evidence_manifest'
        AND instr(m.envelope, evidence_item.id) > 0 ORDER BY m.epoch, m.seq LIMIT 1);
CREATE INDEX evidence_item_unburied ON evidence_item (device) WHERE gone IS NOT NULL AND buried = 0;

CREATE TABLE evidence_deed (
    opening  TEXT NOT NULL,
    act      TEXT NOT NULL,                   -- requested, approved, refused, looked
    by_role  TEXT NOT NULL,                   -- which of the two
    at       TEXT NOT NULL,
    item     TEXT NOT NULL DEFAULT '',        -- the picture that was looked at
    noted_at TEXT,                            -- when its box's chain had it
    PRIMARY KEY (opening, at, act, by_role, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_deed_waits ON evidence_deed (opening) WHERE noted_at IS NULL;
