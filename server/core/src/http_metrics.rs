//! Counts of HTTP for `/metrics`: how many requests were answered, how, and how fast.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds in milliseconds; the last bucket of the histogram has none.
const BUCKETS_MS: [u64; 7] = [5, 20, 50, 100, 500, 2000, 10_000];

/// How many requests were answered, how, and how fast.
#[derive(Debug, Default)]
pub struct HttpMetrics {
    /// By the first digit of the status, 1 to 5.
    by_class: [AtomicU64; 5],
    buckets: [AtomicU64; BUCKETS_MS.len()],
    count: AtomicU64,
    sum_us: AtomicU64,
    logins_throttled: AtomicU64,
    proposals_refused: AtomicU64,
}

impl HttpMetrics {
    pub fn note(&self, status: u16, us: u64) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        self.by_class[class].fetch_add(1, Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        for (bucket, limit) in self.buckets.iter().zip(BUCKETS_MS) {
            if us <= limit * 1000 {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    pub fn login_throttled(&self) {
        self.logins_throttled.fetch_add(1, Ordering::Relaxed);
    }

    /// Logins that had to wait after failures, since the start.
    pub fn logins_throttled(&self) -> u64 {
        self.logins_throttled.load(Ordering::Relaxed)
    }

    pub fn proposal_refused(&self) {
        self.proposals_refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Enrolment proposals of institutions with too many open ones, since the start.
    pub fn proposals_refused(&self) -> u64 {
        self.proposals_refused.load(Ordering::Relaxed)
    }

    /// As Prometheus reads it.
    pub fn text(&self) -> String {
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let mut text = "# HELP zaigang_http_requests_total Requests answered, by class of \
            status.\n# TYPE zaigang_http_requests_total counter\n"
            .to_owned();
        for (class, n) in (1..).zip(&self.by_class) {
            let _ =
                writeln!(text, "zaigang_http_requests_total{{status=\"{class}xx\"}} {}", get(n));
        }
        text.push_str(
            "# HELP zaigang_http_seconds Time until the answer's head.\n# TYPE \
            zaigang_http_seconds histogram\n",
        );
        for (limit, n) in BUCKETS_MS.iter().zip(&self.buckets) {
            let _ = writeln!(
                text,
                "zaigang_http_seconds_bucket{{le=\"{}\"}} {}",
                *limit as f64 / 1000.0,
                get(n)
            );
        }
        let count = get(&self.count);
        let _ = writeln!(
            text,
            "zaigang_http_seconds_bucket{{le=\"+Inf\"}} {count}\nzaigang_http_seconds_count {count}"
        );
        let _ = writeln!(text, "zaigang_http_seconds_sum {}", get(&self.sum_us) as f64 / 1e6);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_is_counted_once_and_in_every_bucket_above_it() {
        let meter = HttpMetrics::default();
        meter.note(200, 1_000);
        meter.note(404, 30_000);
        let text = meter.text();
        for line in [
            "{status=\"2xx\"} 1",
            "{status=\"4xx\"} 1",
            "{le=\"0.005\"} 1",
            "{le=\"0.05\"} 2",
            "{le=\"+Inf\"} 2",
            "count 2",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
    }
}
