-- What each reader may learn: the clinic's side of an event, and which part of the country an entry of the audit log is about.

-- Of an event of an alert: whose it is, and what the clinic hears of it (NULL: nothing that it is told has changed).
ALTER TABLE feed ADD COLUMN institution TEXT;
ALTER TABLE feed ADD COLUMN jurisdiction TEXT;
ALTER TABLE feed ADD COLUMN for_clinic TEXT;

-- Where an entry belongs, for an auditor of a part of the country. Not part of the chain: it only narrows a list.
CREATE TABLE audit_place (
    entry        INTEGER NOT NULL,            -- audit.id
    jurisdiction TEXT NOT NULL,
    PRIMARY KEY (entry, jurisdiction)
) STRICT, WITHOUT ROWID;

-- Sightings whose content is still here: `envelope` is '' where its time was over, hash and place in the chain stay.
CREATE INDEX message_sighting ON message(received_at) WHERE kind = 'presence' AND envelope <> '';
