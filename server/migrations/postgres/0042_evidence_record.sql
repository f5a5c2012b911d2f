-- As ../0042_evidence_record.sql.
ALTER TABLE evidence_item ADD COLUMN epoch BIGINT;
ALTER TABLE evidence_item ADD COLUMN seq BIGINT;
ALTER TABLE evidence_item ADD COLUMN buried BIGINT NOT NULL DEFAULT 0;
UPDATE evidence_item SET
    epoch = (SELECT m.epoch FROM message m WHERE m.device = evidence_item.device AND m.kind = 'evidence_manifest'
        AND position(evidence_item.id IN m.envelope) > 0 ORDER BY m.epoch, m.seq LIMIT 1),
    seq = (SELECT m.seq FROM message m WHERE m.device = evidence_item.device AND m.kind = 'evidence_manifest'
        AND position(evidence_item.id IN m.envelope) > 0 ORDER BY m.epoch, m.seq LIMIT 1);
CREATE INDEX evidence_item_unburied ON evidence_item (device) WHERE gone IS NOT NULL AND buried = 0;
CREATE TABLE evidence_deed (opening TEXT COLLATE "C" NOT NULL, act TEXT COLLATE "C" NOT NULL,
    by_role TEXT COLLATE "C" NOT NULL, at TEXT COLLATE "C" NOT NULL,
    item TEXT COLLATE "C" NOT NULL DEFAULT '', noted_at TEXT COLLATE "C",
    PRIMARY KEY (opening, at, act, by_role, item));
CREATE INDEX evidence_deed_waits ON evidence_deed (opening) WHERE noted_at IS NULL;
