-- That a box stands in an institution is public for as long as it does: one that was retired, or went to another
-- institution, is announced no more. (A place may be announced before its box is registered.)
DROP TRIGGER device_published;
DROP VIEW device_public;
CREATE VIEW device_public AS SELECT b.slug AS institution, json_extract(m.record, '$.published.on') AS announced_on,
    '识别诊室内执业的备案人员，核对主诊医师' AS purpose, coalesce(json_extract(m.record, '$.legal.by'), '') AS reviewed_by, r.institution AS place
    FROM monitoring_review m JOIN room r ON r.id = m.room JOIN publication b ON b.institution = r.institution
    LEFT JOIN device d ON d.id = m.device LEFT JOIN room s ON s.id = d.room
    WHERE m.id = (SELECT max(n.id) FROM monitoring_review n WHERE n.device = m.device)
    AND (d.id IS NULL OR d.state <> 'revoked' AND s.institution = r.institution)
    AND json_extract(m.record, '$.published.on') IS NOT NULL;
CREATE TRIGGER device_published AFTER INSERT ON monitoring_review BEGIN
    DELETE FROM pub_device WHERE institution = (SELECT b.slug FROM room r JOIN publication b ON b.institution = r.institution
        WHERE r.id = new.room);
    INSERT INTO pub_device SELECT institution, min(announced_on), purpose, max(reviewed_by) FROM device_public
        WHERE place = (SELECT institution FROM room WHERE id = new.room) GROUP BY institution; END;
CREATE TRIGGER device_unpublished AFTER UPDATE OF state, room ON device
    WHEN old.state <> new.state OR old.room <> new.room BEGIN
    DELETE FROM pub_device WHERE institution IN (SELECT b.slug FROM room r JOIN publication b ON b.institution = r.institution
        WHERE r.id IN (old.room, new.room));
    INSERT INTO pub_device SELECT institution, min(announced_on), purpose, max(reviewed_by) FROM device_public
        WHERE place IN (SELECT institution FROM room WHERE id IN (old.room, new.room)) GROUP BY institution; END;
DELETE FROM pub_device;
INSERT INTO pub_device SELECT institution, min(announced_on), purpose, max(reviewed_by) FROM device_public GROUP BY institution;
