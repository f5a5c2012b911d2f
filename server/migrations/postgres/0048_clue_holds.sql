-- As ../0048_clue_holds.sql, which says why.
DROP INDEX IF EXISTS clue_held;
CREATE INDEX clue_accepted ON clue(institution)
    WHERE stage IN ('accepted', 'review1', 'review2', 'lead', 'on_site', 'case');
CREATE INDEX clue_unread ON clue(room, received_on) WHERE stage IN ('received', 'asked_back');
