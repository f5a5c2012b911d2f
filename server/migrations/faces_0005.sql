-- A withdrawal at one institution deletes what was enrolled for it; NULL: everywhere.
ALTER TABLE tombstone ADD COLUMN institution TEXT;
