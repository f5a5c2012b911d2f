-- As ../0037_clue_terms.sql, which says what each column is.
ALTER TABLE clue ADD COLUMN due_rule TEXT COLLATE "C";
ALTER TABLE clue ADD COLUMN gone_on TEXT COLLATE "C";
ALTER TABLE clue_step ADD COLUMN said TEXT COLLATE "C" NOT NULL DEFAULT '';
UPDATE clue SET due_rule = CASE WHEN stage NOT IN ('received', 'asked_back') THEN 'verify'
    WHEN source = 'hotline' THEN 'hotline_answer' ELSE 'accept' END WHERE due_on IS NOT NULL;
CREATE INDEX clue_due ON clue(due_on) WHERE due_on IS NOT NULL;

ALTER TABLE pub_practitioner ADD COLUMN exempt_until TEXT COLLATE "C" NOT NULL DEFAULT '';
CREATE OR REPLACE VIEW practitioner_public AS SELECT x.slug, s.practitioner, s.institution AS place, b.slug AS institution, p.name, p.category,
    p.registration AS status, coalesce(json_extract(t.spec, '$.scope'), '') AS scope, s.relation, s.lead_of,
    coalesce(json_extract(f.spec, '$.filed_on'), '') AS filed_on, substr(p.updated_at, 1, 10) AS as_of,
    CASE WHEN s.relation = 'exempt' THEN coalesce(s.exempt_until, '') ELSE '' END AS exempt_until
    FROM site s JOIN practitioner p ON p.id = s.practitioner JOIN publication b ON b.institution = s.institution
    JOIN publication_person x ON x.practitioner = s.practitioner AND x.institution = s.institution
    LEFT JOIN practitioner_practice t ON t.practitioner = s.practitioner
    LEFT JOIN site_filing f ON f.practitioner = s.practitioner AND f.institution = s.institution
    WHERE s.relation <> 'none' AND p.category IN ('licensed_physician', 'assistant_physician');
CREATE OR REPLACE FUNCTION site_published() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
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
UPDATE pub_practitioner SET exempt_until = (SELECT v.exempt_until FROM practitioner_public v
    WHERE v.slug = pub_practitioner.slug) WHERE relation = 'exempt';
