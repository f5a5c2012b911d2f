-- As ../0041_policy_trials.sql.
CREATE TABLE policy_trial (id TEXT COLLATE "C" PRIMARY KEY, jurisdiction TEXT COLLATE "C" NOT NULL,
    changes TEXT COLLATE "C" NOT NULL, asked_at TEXT COLLATE "C" NOT NULL,
    asked_by TEXT COLLATE "C" NOT NULL, until TEXT COLLATE "C" NOT NULL, left_out BIGINT NOT NULL);
CREATE INDEX policy_trial_by_age ON policy_trial(asked_at);
CREATE TABLE policy_trial_box (trial TEXT COLLATE "C" NOT NULL, device TEXT COLLATE "C" NOT NULL,
    room TEXT COLLATE "C" NOT NULL, institution TEXT COLLATE "C" NOT NULL,
    from_day TEXT COLLATE "C" NOT NULL, answered_at TEXT COLLATE "C", answer TEXT COLLATE "C",
    PRIMARY KEY (trial, device));
CREATE INDEX policy_trial_box_open ON policy_trial_box(device) WHERE answered_at IS NULL;
