-- The two counts of boxes that every page shows, out of an index instead of out of everything that is known of each.
CREATE INDEX device_counts ON device(state, online);
