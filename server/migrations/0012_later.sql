-- Findings that are stored and receipted, and whose incident is still to be made. A note goes in the transaction that makes it.

CREATE TABLE finding_due (
    note   INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order of their coming
    device TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL -- the message that carries it
) STRICT;
