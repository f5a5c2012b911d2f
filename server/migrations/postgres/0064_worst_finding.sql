-- As ../0064_worst_finding.sql, which says why.
DROP INDEX IF EXISTS finding_by_alert;
CREATE INDEX finding_by_alert ON finding(alert, severity DESC, raised_at, id);
