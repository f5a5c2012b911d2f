-- Whose observation log a box keeps: accepted clues by their institution, and those that nobody has accepted yet by room and day
-- of receipt, so that a flood of reports costs a box's orders nothing.
DROP INDEX clue_held;
CREATE INDEX clue_accepted ON clue(institution)
    WHERE stage IN ('accepted', 'review1', 'review2', 'lead', 'on_site', 'case');
CREATE INDEX clue_unread ON clue(room, received_on) WHERE stage IN ('received', 'asked_back');
