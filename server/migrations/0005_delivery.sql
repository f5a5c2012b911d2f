-- What delivery must remember beside the messages: whose key signed which part of a chain, and which certificates stand.

CREATE TABLE device_key (
    device      TEXT NOT NULL,
    from_epoch  INTEGER NOT NULL,             -- this key signed from this epoch on, up to the next row's
    signing_key TEXT NOT NULL,                -- Ed25519 public key, base64
    since       TEXT NOT NULL,                -- when the box was provisioned with it; '' where that was not written down
    PRIMARY KEY (device, from_epoch)
) STRICT, WITHOUT ROWID;
INSERT INTO device_key SELECT id, 0, signing_key, '' FROM device WHERE signing_key IS NOT NULL;

CREATE TABLE certificate (
    serial     TEXT PRIMARY KEY,              -- hex, 40 digits
    device     TEXT NOT NULL,                 -- the CN
    issued_at  TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT                           -- NULL while it stands; revoked ones go into the list that the broker reads
) STRICT, WITHOUT ROWID;
CREATE INDEX certificate_by_device ON certificate(device);

-- The connection that stands, as the box named it: the last will of an earlier one changes nothing.
ALTER TABLE device ADD COLUMN connected_at TEXT NOT NULL DEFAULT '';
-- The start of the box that said so: a box that started anew is told everything again.
ALTER TABLE device ADD COLUMN status_boot INTEGER NOT NULL DEFAULT 0;
