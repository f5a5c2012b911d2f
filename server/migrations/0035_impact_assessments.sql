-- 个人信息保护影响评估 (个人信息保护法 55, 56; 人脸办法 9): each assessment whole, appended, never overwritten and never deleted.
CREATE TABLE impact_assessment (
    id           INTEGER PRIMARY KEY,
    jurisdiction TEXT NOT NULL,               -- whose authority assessed; empty: of the whole server
    at           TEXT NOT NULL,
    by_whom      TEXT NOT NULL,
    spec         TEXT NOT NULL                -- JSON: impact_assessment::Assessment
) STRICT;
CREATE INDEX impact_assessment_by_place ON impact_assessment(jurisdiction, id);
