-- The facts on PostgreSQL: what follows from a change, as SQLite's triggers say it.

CREATE FUNCTION session_told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id = new.room
        AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || r.institution);
    RETURN NULL; END $$;
CREATE TRIGGER session_told AFTER INSERT ON session FOR EACH ROW EXECUTE FUNCTION session_told();

CREATE FUNCTION session_amended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id IN
        (old.room, new.room) AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' ||
        r.institution);
    RETURN NULL; END $$;
CREATE TRIGGER session_amended AFTER UPDATE ON session FOR EACH ROW EXECUTE FUNCTION
    session_amended();

CREATE FUNCTION presence_told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT 'p:' || new.person WHERE NOT EXISTS (SELECT 1 FROM to_judge WHERE
        what = 'p:' || new.person);
    RETURN NULL; END $$;
CREATE TRIGGER presence_told AFTER INSERT OR UPDATE ON presence FOR EACH ROW EXECUTE FUNCTION
    presence_told();

CREATE FUNCTION policy_told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT 'i:' || i.id FROM institution i WHERE substr(i.jurisdiction, 1,
        length(new.jurisdiction)) = new.jurisdiction AND NOT EXISTS (SELECT 1 FROM to_judge WHERE
        what = 'i:' || i.id);
    RETURN NULL; END $$;
CREATE TRIGGER policy_told AFTER INSERT ON policy FOR EACH ROW EXECUTE FUNCTION policy_told();

CREATE FUNCTION alert_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO alert_count VALUES (new.jurisdiction, new.state, new.severity, 1) ON CONFLICT
        (jurisdiction, state, severity) DO UPDATE SET n = alert_count.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER alert_counted AFTER INSERT ON alert FOR EACH ROW EXECUTE FUNCTION alert_counted();

CREATE FUNCTION alert_recounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE alert_count SET n = n - 1 WHERE (jurisdiction, state, severity) = (old.jurisdiction,
        old.state, old.severity);
    INSERT INTO alert_count VALUES (new.jurisdiction, new.state, new.severity, 1) ON CONFLICT
        (jurisdiction, state, severity) DO UPDATE SET n = alert_count.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER alert_recounted AFTER UPDATE OF jurisdiction, state, severity ON alert FOR EACH ROW
    WHEN ((old.jurisdiction, old.state, old.severity) IS DISTINCT FROM (new.jurisdiction,
    new.state, new.severity)) EXECUTE FUNCTION alert_recounted();

CREATE FUNCTION alert_totalled() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO alert_total VALUES (new.state, new.severity, 1) ON CONFLICT (state, severity) DO
        UPDATE SET n = alert_total.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER alert_totalled AFTER INSERT ON alert FOR EACH ROW EXECUTE FUNCTION
    alert_totalled();

CREATE FUNCTION alert_retotalled() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE alert_total SET n = n - 1 WHERE (state, severity) = (old.state, old.severity);
    INSERT INTO alert_total VALUES (new.state, new.severity, 1) ON CONFLICT (state, severity) DO
        UPDATE SET n = alert_total.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER alert_retotalled AFTER UPDATE OF state, severity ON alert FOR EACH ROW WHEN
    ((old.state, old.severity) IS DISTINCT FROM (new.state, new.severity)) EXECUTE FUNCTION
    alert_retotalled();

CREATE FUNCTION place_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO place SELECT institution, 1, new.online FROM room WHERE id = new.room ON CONFLICT
        (institution) DO UPDATE SET boxes = place.boxes + 1, online = place.online +
        excluded.online;
    RETURN NULL; END $$;
CREATE TRIGGER place_counted AFTER INSERT ON device FOR EACH ROW WHEN (new.state <> 'revoked')
    EXECUTE FUNCTION place_counted();

CREATE FUNCTION place_recounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE place SET boxes = boxes - 1, online = online - old.online WHERE old.state <> 'revoked'
        AND institution = (SELECT institution FROM room WHERE id = old.room);
    INSERT INTO place SELECT institution, 1, new.online FROM room WHERE id = new.room AND
        new.state <> 'revoked' ON CONFLICT (institution) DO UPDATE SET boxes = place.boxes + 1,
        online = place.online + excluded.online;
    RETURN NULL; END $$;
CREATE TRIGGER place_recounted AFTER UPDATE OF room, state, online ON device FOR EACH ROW WHEN
    ((old.room, old.state, old.online) IS DISTINCT FROM (new.room, new.state, new.online)) EXECUTE
    FUNCTION place_recounted();

CREATE FUNCTION place_moved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE place SET boxes = boxes - (SELECT count(*) FROM device WHERE room = new.id AND state <>
        'revoked'), online = online - (SELECT coalesce(sum(online), 0) FROM device WHERE room =
        new.id AND state <> 'revoked') WHERE institution = old.institution;
    INSERT INTO place SELECT new.institution, count(*), coalesce(sum(online), 0) FROM device WHERE
        room = new.id AND state <> 'revoked' ON CONFLICT (institution) DO UPDATE SET boxes =
        place.boxes + excluded.boxes, online = place.online + excluded.online;
    RETURN NULL; END $$;
CREATE TRIGGER place_moved AFTER UPDATE OF institution ON room FOR EACH ROW WHEN (old.institution
    <> new.institution) EXECUTE FUNCTION place_moved();

CREATE FUNCTION place_entered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE box_total SET boxes = boxes + new.boxes, online = online + new.online;
    RETURN NULL; END $$;
CREATE TRIGGER place_entered AFTER INSERT ON place FOR EACH ROW EXECUTE FUNCTION place_entered();

CREATE FUNCTION place_changed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE box_total SET boxes = boxes + new.boxes - old.boxes, online = online + new.online -
        old.online;
    RETURN NULL; END $$;
CREATE TRIGGER place_changed AFTER UPDATE ON place FOR EACH ROW EXECUTE FUNCTION place_changed();

CREATE FUNCTION place_alerted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO place_alert VALUES (new.institution, new.severity, 1) ON CONFLICT (institution,
        severity) DO UPDATE SET n = place_alert.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER place_alerted AFTER INSERT ON alert FOR EACH ROW WHEN (new.state NOT IN
    ('dismissed','unfounded','closed')) EXECUTE FUNCTION place_alerted();

CREATE FUNCTION place_realerted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE place_alert SET n = n - 1 WHERE (institution, severity) = (old.institution,
        old.severity) AND old.state NOT IN ('dismissed','unfounded','closed');
    INSERT INTO place_alert SELECT new.institution, new.severity, 1 WHERE new.state NOT IN
        ('dismissed','unfounded','closed') ON CONFLICT (institution, severity) DO UPDATE SET n =
        place_alert.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER place_realerted AFTER UPDATE OF institution, state, severity ON alert FOR EACH ROW
    WHEN ((old.institution, old.state, old.severity) IS DISTINCT FROM (new.institution, new.state,
    new.severity)) EXECUTE FUNCTION place_realerted();

CREATE FUNCTION device_placed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO device_place VALUES (new.id, '', new.room, NULL) ON CONFLICT (device, since) DO
        UPDATE SET room = excluded.room, taken_at = NULL;
    RETURN NULL; END $$;
CREATE TRIGGER device_placed AFTER INSERT ON device FOR EACH ROW EXECUTE FUNCTION device_placed();

CREATE FUNCTION room_owned() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO room_owner VALUES (new.id, '', new.institution) ON CONFLICT (room, since) DO
        UPDATE SET institution = excluded.institution;
    RETURN NULL; END $$;
CREATE TRIGGER room_owned AFTER INSERT ON room FOR EACH ROW EXECUTE FUNCTION room_owned();

CREATE FUNCTION room_changed_hands() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO room_owner VALUES (new.id, new.updated_at, new.institution) ON CONFLICT (room,
        since) DO UPDATE SET institution = excluded.institution;
    RETURN NULL; END $$;
CREATE TRIGGER room_changed_hands AFTER UPDATE OF institution ON room FOR EACH ROW WHEN
    (old.institution <> new.institution) EXECUTE FUNCTION room_changed_hands();

CREATE FUNCTION undeclared_told() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id =
        json_extract(new.report, '$.room') AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what =
        'i:' || r.institution);
    RETURN NULL; END $$;
CREATE TRIGGER undeclared_told AFTER INSERT ON finding FOR EACH ROW WHEN (new.rule = 'HB-3' AND
    new.epoch >= 0) EXECUTE FUNCTION undeclared_told();

CREATE FUNCTION undeclared_amended() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT DISTINCT 'i:' || r.institution FROM room r WHERE r.id =
        json_extract(new.report, '$.room') AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what =
        'i:' || r.institution);
    RETURN NULL; END $$;
CREATE TRIGGER undeclared_amended AFTER UPDATE ON finding FOR EACH ROW WHEN (new.rule = 'HB-3' AND
    new.epoch >= 0) EXECUTE FUNCTION undeclared_amended();

CREATE FUNCTION finding_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO finding_count VALUES (new.kind, (new.step = 'withdrawn')::int, 1) ON
        CONFLICT (kind, withdrawn) DO UPDATE SET n = finding_count.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER finding_counted AFTER INSERT ON finding FOR EACH ROW EXECUTE FUNCTION
    finding_counted();

CREATE FUNCTION finding_recounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE finding_count SET n = n - 1 WHERE (kind, withdrawn) = (old.kind, (old.step = 'withdrawn')::int);
    INSERT INTO finding_count VALUES (new.kind, (new.step = 'withdrawn')::int, 1) ON
        CONFLICT (kind, withdrawn) DO UPDATE SET n = finding_count.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER finding_recounted AFTER UPDATE OF kind, step ON finding FOR EACH ROW WHEN
    ((old.kind, old.step = 'withdrawn') IS DISTINCT FROM (new.kind, new.step = 'withdrawn'))
    EXECUTE FUNCTION finding_recounted();

CREATE FUNCTION institution_published() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO publication VALUES (new.id, random_hex(12));
    INSERT INTO pub_institution SELECT slug, name, kind, code, licence_no, address, licence_until,
        pledge_on, subjects, filed_items, grade_ceiling, jurisdiction, 0, as_of FROM
        institution_public WHERE id = new.id;
    RETURN NULL; END $$;
CREATE TRIGGER institution_published AFTER INSERT ON institution FOR EACH ROW EXECUTE FUNCTION
    institution_published();

CREATE FUNCTION institution_republished() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_institution SET (name, kind, code, filed_items, grade_ceiling, jurisdiction, as_of)
        = (SELECT name, kind, code, filed_items, grade_ceiling, jurisdiction, as_of FROM
        institution_public WHERE id = new.id) WHERE slug = (SELECT slug FROM publication WHERE
        institution = new.id);
    RETURN NULL; END $$;
CREATE TRIGGER institution_republished AFTER UPDATE ON institution FOR EACH ROW EXECUTE FUNCTION
    institution_republished();

CREATE FUNCTION licence_published() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_institution SET (licence_no, address, licence_until, pledge_on, subjects) = (SELECT
        licence_no, address, licence_until, pledge_on, subjects FROM institution_public WHERE id =
        new.institution) WHERE slug = (SELECT slug FROM publication WHERE institution =
        new.institution);
    RETURN NULL; END $$;
CREATE TRIGGER licence_published AFTER INSERT ON institution_licence FOR EACH ROW EXECUTE FUNCTION
    licence_published();

CREATE FUNCTION licence_unpublished() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_institution SET licence_no = '', address = '', licence_until = '', pledge_on = '',
        subjects = '[]' WHERE slug = (SELECT slug FROM publication WHERE institution =
        old.institution);
    RETURN NULL; END $$;
CREATE TRIGGER licence_unpublished AFTER DELETE ON institution_licence FOR EACH ROW EXECUTE
    FUNCTION licence_unpublished();

CREATE FUNCTION site_published() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO publication_person SELECT new.practitioner, new.institution, random_hex(12) WHERE
        NOT EXISTS (SELECT 1 FROM publication_person WHERE practitioner = new.practitioner AND
        institution = new.institution);
    INSERT INTO pub_practitioner SELECT slug, institution, name, category, status, scope,
        relation, lead_of, filed_on, as_of, exempt_until FROM practitioner_public WHERE
        practitioner = new.practitioner AND place = new.institution;
    UPDATE pub_institution SET nurses = nurses + 1 WHERE new.relation <> 'none' AND EXISTS (SELECT
        1 FROM practitioner WHERE id = new.practitioner AND category = 'nurse') AND slug = (SELECT
        slug FROM publication WHERE institution = new.institution);
    RETURN NULL; END $$;
CREATE TRIGGER site_published AFTER INSERT ON site FOR EACH ROW EXECUTE FUNCTION site_published();

CREATE FUNCTION site_unpublished() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM pub_practitioner WHERE slug = (SELECT slug FROM publication_person WHERE
        practitioner = old.practitioner AND institution = old.institution);
    UPDATE pub_institution SET nurses = (SELECT count(*) FROM site s JOIN practitioner p ON p.id =
        s.practitioner WHERE s.institution = old.institution AND s.relation <> 'none' AND
        p.category = 'nurse') WHERE slug = (SELECT slug FROM publication WHERE institution =
        old.institution);
    RETURN NULL; END $$;
CREATE TRIGGER site_unpublished AFTER DELETE ON site FOR EACH ROW EXECUTE FUNCTION
    site_unpublished();

CREATE FUNCTION filing_published() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_practitioner SET filed_on = coalesce(json_extract(new.spec, '$.filed_on'), '')
        WHERE slug = (SELECT slug FROM publication_person WHERE practitioner = new.practitioner
        AND institution = new.institution);
    RETURN NULL; END $$;
CREATE TRIGGER filing_published AFTER INSERT ON site_filing FOR EACH ROW EXECUTE FUNCTION
    filing_published();

CREATE FUNCTION practice_published() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_practitioner SET scope = coalesce(json_extract(new.spec, '$.scope'), '') WHERE slug
        IN (SELECT slug FROM publication_person WHERE practitioner = new.practitioner);
    RETURN NULL; END $$;
CREATE TRIGGER practice_published AFTER INSERT ON practitioner_practice FOR EACH ROW EXECUTE
    FUNCTION practice_published();

CREATE FUNCTION practice_unpublished() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_practitioner SET scope = '' WHERE slug IN (SELECT slug FROM publication_person
        WHERE practitioner = old.practitioner);
    RETURN NULL; END $$;
CREATE TRIGGER practice_unpublished AFTER DELETE ON practitioner_practice FOR EACH ROW EXECUTE
    FUNCTION practice_unpublished();

CREATE FUNCTION item_published() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO pub_item SELECT * FROM item_public WHERE code = new.code;
    RETURN NULL; END $$;
CREATE TRIGGER item_published AFTER INSERT ON item FOR EACH ROW EXECUTE FUNCTION item_published();

CREATE FUNCTION item_republished() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM pub_item WHERE code = new.code;
    INSERT INTO pub_item SELECT * FROM item_public WHERE code = new.code;
    RETURN NULL; END $$;
CREATE TRIGGER item_republished AFTER UPDATE ON item FOR EACH ROW EXECUTE FUNCTION
    item_republished();

CREATE FUNCTION device_published() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM pub_device WHERE institution = (SELECT b.slug FROM room r JOIN publication b ON
        b.institution = r.institution WHERE r.id = new.room);
    INSERT INTO pub_device SELECT institution, min(announced_on), purpose, max(reviewed_by) FROM
        device_public WHERE place = (SELECT institution FROM room WHERE id = new.room) GROUP BY
        institution, purpose;
    RETURN NULL; END $$;
CREATE TRIGGER device_published AFTER INSERT ON monitoring_review FOR EACH ROW EXECUTE FUNCTION
    device_published();

CREATE FUNCTION device_unpublished() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    DELETE FROM pub_device WHERE institution IN (SELECT b.slug FROM room r JOIN publication b ON
        b.institution = r.institution WHERE r.id IN (old.room, new.room));
    INSERT INTO pub_device SELECT institution, min(announced_on), purpose, max(reviewed_by) FROM
        device_public WHERE place IN (SELECT institution FROM room WHERE id IN (old.room, new.room))
        GROUP BY institution, purpose;
    RETURN NULL; END $$;
CREATE TRIGGER device_unpublished AFTER UPDATE OF state, room ON device FOR EACH ROW
    WHEN (old.state <> new.state OR old.room <> new.room) EXECUTE FUNCTION device_unpublished();

CREATE FUNCTION room_published() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO publication_room VALUES (new.id, random_hex(8));
    INSERT INTO pub_room SELECT c.code, b.slug FROM publication_room c, publication b WHERE c.room
        = new.id AND b.institution = new.institution;
    RETURN NULL; END $$;
CREATE TRIGGER room_published AFTER INSERT ON room FOR EACH ROW EXECUTE FUNCTION room_published();

CREATE FUNCTION room_republished() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_room SET institution = (SELECT slug FROM publication WHERE institution =
        new.institution) WHERE code = (SELECT code FROM publication_room WHERE room = new.id);
    RETURN NULL; END $$;
CREATE TRIGGER room_republished AFTER UPDATE OF institution ON room FOR EACH ROW WHEN
    (old.institution <> new.institution) EXECUTE FUNCTION room_republished();

CREATE FUNCTION self_check_judged_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT 'i:' || new.institution WHERE NOT EXISTS (SELECT 1 FROM to_judge
        WHERE what = 'i:' || new.institution);
    RETURN NULL; END $$;
CREATE TRIGGER self_check_judged_again AFTER UPDATE OF state ON alert FOR EACH ROW WHEN (old.state
    <> new.state) EXECUTE FUNCTION self_check_judged_again();

CREATE FUNCTION correction_wanted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT 'i:' || new.institution WHERE NOT EXISTS (SELECT 1 FROM to_judge
        WHERE what = 'i:' || new.institution);
    RETURN NULL; END $$;
CREATE TRIGGER correction_wanted AFTER INSERT ON alert FOR EACH ROW WHEN (new.severity = 1)
    EXECUTE FUNCTION correction_wanted();

CREATE FUNCTION self_check_handed_in() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT 'i:' || s.institution FROM self_check s WHERE s.id =
        new.self_check AND NOT EXISTS (SELECT 1 FROM to_judge WHERE what = 'i:' || s.institution);
    RETURN NULL; END $$;
CREATE TRIGGER self_check_handed_in AFTER INSERT ON self_check_revision FOR EACH ROW EXECUTE
    FUNCTION self_check_handed_in();

CREATE FUNCTION correction_answered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO to_judge SELECT 'i:' || new.institution WHERE NOT EXISTS (SELECT 1 FROM to_judge
        WHERE what = 'i:' || new.institution);
    RETURN NULL; END $$;
CREATE TRIGGER correction_answered AFTER UPDATE OF state ON correction FOR EACH ROW WHEN
    (old.state <> new.state) EXECUTE FUNCTION correction_answered();

CREATE FUNCTION pub_institution_new() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_version SET n = n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER pub_institution_new AFTER INSERT ON pub_institution FOR EACH ROW EXECUTE FUNCTION
    pub_institution_new();

CREATE FUNCTION pub_institution_other() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_version SET n = n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER pub_institution_other AFTER UPDATE ON pub_institution FOR EACH ROW EXECUTE FUNCTION
    pub_institution_other();

CREATE FUNCTION pub_institution_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE pub_version SET n = n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER pub_institution_gone AFTER DELETE ON pub_institution FOR EACH ROW EXECUTE FUNCTION
    pub_institution_gone();

CREATE FUNCTION clue_counted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO clue_count VALUES (new.jurisdiction, new.stage, 1) ON CONFLICT (jurisdiction,
        stage) DO UPDATE SET n = clue_count.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER clue_counted AFTER INSERT ON clue FOR EACH ROW EXECUTE FUNCTION clue_counted();

CREATE FUNCTION clue_counted_again() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE clue_count SET n = n - 1 WHERE jurisdiction = old.jurisdiction AND stage = old.stage;
    INSERT INTO clue_count VALUES (new.jurisdiction, new.stage, 1) ON CONFLICT (jurisdiction,
        stage) DO UPDATE SET n = clue_count.n + 1;
    RETURN NULL; END $$;
CREATE TRIGGER clue_counted_again AFTER UPDATE OF stage, jurisdiction ON clue FOR EACH ROW WHEN
    (old.stage <> new.stage OR old.jurisdiction <> new.jurisdiction) EXECUTE FUNCTION
    clue_counted_again();

CREATE FUNCTION clue_uncounted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE clue_count SET n = n - 1 WHERE jurisdiction = old.jurisdiction AND stage = old.stage;
    RETURN NULL; END $$;
CREATE TRIGGER clue_uncounted AFTER DELETE ON clue FOR EACH ROW EXECUTE FUNCTION clue_uncounted();

CREATE FUNCTION clinic_numbered() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE last BIGINT; BEGIN
    INSERT INTO clinic_count VALUES (new.institution, TG_TABLE_NAME, 1) ON CONFLICT (institution,
        noun) DO UPDATE SET n = clinic_count.n + 1 RETURNING n INTO last;
    EXECUTE format('UPDATE %I SET clinic_number = $1 WHERE number = $2', TG_TABLE_NAME)
        USING last, new.number;
    RETURN NULL; END $$;
CREATE TRIGGER alert_numbered AFTER INSERT ON alert FOR EACH ROW WHEN (new.clinic_number = 0)
    EXECUTE FUNCTION clinic_numbered();
CREATE TRIGGER correction_numbered AFTER INSERT ON correction FOR EACH ROW WHEN (new.clinic_number = 0)
    EXECUTE FUNCTION clinic_numbered();
CREATE TRIGGER self_check_numbered AFTER INSERT ON self_check FOR EACH ROW WHEN (new.clinic_number = 0)
    EXECUTE FUNCTION clinic_numbered();
CREATE FUNCTION view_numbered() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE view SET own_number = (SELECT max(own_number) + 1 FROM view WHERE owner = new.owner)
        WHERE id = new.id;
    RETURN NULL; END $$;
CREATE TRIGGER view_numbered AFTER INSERT ON view FOR EACH ROW WHEN (new.own_number = 0)
    EXECUTE FUNCTION view_numbered();
