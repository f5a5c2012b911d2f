-- A box's own word that it deleted a person's templates (P3): what a withdrawal waits for.
CREATE TABLE template_receipt (
    device      TEXT NOT NULL,
    person      TEXT NOT NULL,
    received_at TEXT NOT NULL,
    PRIMARY KEY (device, person, received_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX template_receipt_of ON template_receipt(person, received_at);
