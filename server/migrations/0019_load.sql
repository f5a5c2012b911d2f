-- What a box sent today, when something of it was last withheld, and how often knowledge was sent to it in vain.
ALTER TABLE device ADD COLUMN spent_day TEXT NOT NULL DEFAULT '';   -- the server's day, UTC, such as 2026-03-02
ALTER TABLE device ADD COLUMN spent TEXT NOT NULL DEFAULT '';       -- ingest::budget::Spent: messages and bytes by kind
ALTER TABLE device ADD COLUMN withheld_at TEXT;                     -- a message beyond the budget came and got no receipt
ALTER TABLE knowledge ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;  -- sendings since the box last answered this kind

-- How many open alerts a box has, and the one that further findings join: asked for every new incident.
CREATE INDEX alert_open_by_device ON alert(device, id) WHERE state NOT IN ('dismissed','unfounded','closed');
