-- Whose observation log a box keeps: found by the box of an open lead, and by the room of an accepted clue.
CREATE INDEX alert_held ON alert(device, number) WHERE state IN ('review2', 'lead', 'on_site', 'case');
CREATE INDEX clue_held ON clue(room)
    WHERE room IS NOT NULL AND stage IN ('accepted', 'review1', 'review2', 'lead', 'on_site', 'case', 'merged');
-- Who was seen in a room in some days: a clue's hour, and what another number of LL-3 would have said.
CREATE INDEX presence_by_room ON presence(room, from_at);
