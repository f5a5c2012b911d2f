-- As ../0039_template_receipts.sql.
CREATE TABLE template_receipt (device TEXT COLLATE "C" NOT NULL, person TEXT COLLATE "C" NOT NULL,
    received_at TEXT COLLATE "C" NOT NULL, PRIMARY KEY (device, person, received_at));
CREATE INDEX template_receipt_of ON template_receipt(person, received_at);
