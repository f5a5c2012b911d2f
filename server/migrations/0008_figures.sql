-- Figures and lists ask by the server's time.
CREATE INDEX alert_by_time ON alert(received_at);
CREATE INDEX summary_by_time ON summary(received_at);
