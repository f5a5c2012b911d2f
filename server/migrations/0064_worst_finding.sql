-- The worst finding of an alert stands first: a list shows one of each, and an alert in which a flood was joined holds thousands.
DROP INDEX finding_by_alert;
CREATE INDEX finding_by_alert ON finding(alert, severity DESC, raised_at, id);
