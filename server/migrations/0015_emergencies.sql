-- The page of sessions counts a month's emergency flags: found by their time, not by reading every session's text.
CREATE INDEX session_emergency ON session (start_at) WHERE json_extract(spec, '$.emergency');
