-- As ../0036_servers.sql, which says what each column is.
CREATE TABLE leadership (id BIGINT PRIMARY KEY CHECK (id = 1), epoch BIGINT NOT NULL,
    holder TEXT COLLATE "C" NOT NULL, since TEXT COLLATE "C" NOT NULL);
CREATE TABLE server_instance (id TEXT COLLATE "C" PRIMARY KEY, version TEXT COLLATE "C" NOT NULL,
    since TEXT COLLATE "C" NOT NULL, signing_key TEXT COLLATE "C" NOT NULL, seen_ms BIGINT NOT NULL);
CREATE TABLE throttle (name TEXT COLLATE "C" PRIMARY KEY, failures BIGINT NOT NULL,
    last_ms BIGINT NOT NULL);
CREATE INDEX throttle_by_age ON throttle(last_ms);
