-- As ../0046_clue_lists.sql.
CREATE INDEX clue_open ON clue(number) WHERE stage NOT IN ('not_ours','merged','rejected','dismissed','unfounded','closed');
CREATE INDEX clue_by_source ON clue(source, number);
CREATE INDEX clue_by_allegation ON clue(allegation, number);
CREATE INDEX clue_by_province ON clue(substr(jurisdiction, 1, 2), number);
CREATE INDEX clue_by_city ON clue(substr(jurisdiction, 1, 4), number);
CREATE INDEX clue_by_district ON clue(substr(jurisdiction, 1, 6), number);
CREATE INDEX clue_with_words ON clue(received_on) WHERE gone_on IS NULL;
