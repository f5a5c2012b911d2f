-- As ../0047_device_publication.sql, which says why.
CREATE OR REPLACE VIEW device_public AS SELECT b.slug AS institution, json_extract(m.record, '$.published.on') AS announced_on,
    '识别诊室内执业的备案人员，核对主诊医师' AS purpose, coalesce(json_extract(m.record, '$.legal.by'), '') AS reviewed_by, r.institution AS place
    FROM monitoring_review m JOIN room r ON r.id = m.room JOIN publication b ON b.institution = r.institution
    LEFT JOIN device d ON d.id = m.device LEFT JOIN room s ON s.id = d.room
    WHERE m.id = (SELECT max(n.id) FROM monitoring_review n WHERE n.device = m.device)
    AND (d.id IS NULL OR d.state <> 'revoked' AND s.institution = r.institution)
    AND json_extract(m.record, '$.published.on') IS NOT NULL;
CREATE OR REPLACE FUNCTION device_unpublished() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM pub_device WHERE institution IN (SELECT b.slug FROM room r JOIN publication b ON
        b.institution = r.institution WHERE r.id IN (old.room, new.room));
    INSERT INTO pub_device SELECT institution, min(announced_on), purpose, max(reviewed_by) FROM
        device_public WHERE place IN (SELECT institution FROM room WHERE id IN (old.room, new.room))
        GROUP BY institution, purpose;
    RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER device_unpublished AFTER UPDATE OF state, room ON device FOR EACH ROW
    WHEN (old.state <> new.state OR old.room <> new.room) EXECUTE FUNCTION device_unpublished();
DELETE FROM pub_device;
INSERT INTO pub_device SELECT institution, min(announced_on), purpose, max(reviewed_by) FROM device_public
    GROUP BY institution, purpose;
