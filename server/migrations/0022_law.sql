-- What the authority's lawyer decided of the law table's articles, and what stands for each box by 行政处罚法 41. Nothing is
-- overwritten: the last word holds, and every earlier one stays.

CREATE TABLE law_decision (
    id       INTEGER PRIMARY KEY,
    at       TEXT NOT NULL,
    decision TEXT NOT NULL                    -- JSON: law::Decision
) STRICT;

CREATE TABLE monitoring_review (
    id      INTEGER PRIMARY KEY,
    device  TEXT NOT NULL,
    room    TEXT NOT NULL,
    at      TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    record  TEXT NOT NULL                     -- JSON: monitoring_review::MonitoringReview
) STRICT;
CREATE INDEX monitoring_review_by_place ON monitoring_review (device, room, id);

-- The State Council's yearly notice, as it was imported: holidays and the weekend days worked instead.
CREATE TABLE workday (
    day  TEXT PRIMARY KEY,                    -- RFC 3339 full-date
    kind TEXT NOT NULL                        -- 'holiday' or 'working'
) STRICT, WITHOUT ROWID;
