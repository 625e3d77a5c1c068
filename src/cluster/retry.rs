//! When a read is asked again, and after how long. Never for a write: an eviction's 429 is an answer, not an accident.

use std::time::Duration;

use crate::cluster::failure::Failure;

/// How often a read is tried at most.
pub const TRIES: u32 = 3;
/// The pause after the first try; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest that a server's `Retry-After` is obeyed: a person is waiting.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How long to wait before try number `next` (2, 3 …) after `failure`, or `None` if another try is of no use.
/// Without jitter: a handful of requests of one process need none, and the same run then takes the same time.
pub fn pause_before(next: u32, failure: &Failure) -> Option<Duration> {
    if next > TRIES {
        return None;
    }
    let backoff = FIRST_PAUSE * 2u32.saturating_pow(next.saturating_sub(2));
    match failure {
        Failure::CutOff { .. } => Some(backoff),
        Failure::Server {
            code,
            message,
            retry_after,
            ..
        } => {
            let away = match code {
                429 | 502 | 503 | 504 => true,
                // "etcdserver: leader changed", "etcdserver: request timed out": over within a moment
                500 => message.contains("etcdserver:") || message.contains("etcd leader"),
                _ => false,
            };
            away.then(|| retry_after.unwrap_or(backoff).min(LONGEST_PAUSE))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(code: u16, message: &str, retry_after: Option<u64>) -> Failure {
        Failure::Server {
            code,
            reason: String::new(),
            message: message.to_owned(),
            causes: Vec::new(),
            kind: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn pauses_double_and_end() {
        let cut = Failure::CutOff { why: String::new() };
        assert_eq!(pause_before(2, &cut), Some(Duration::from_millis(50)));
        assert_eq!(pause_before(3, &cut), Some(Duration::from_millis(100)));
        assert_eq!(pause_before(4, &cut), None);
    }

    #[test]
    fn retry_after_is_obeyed_up_to_two_seconds() {
        assert_eq!(pause_before(2, &server(429, "", Some(1))), Some(Duration::from_secs(1)));
        assert_eq!(
            pause_before(2, &server(429, "", Some(60))),
            Some(Duration::from_secs(2))
        );
        assert_eq!(pause_before(2, &server(503, "", None)), Some(Duration::from_millis(50)));
    }

    #[test]
    fn what_would_fail_again_is_not_asked_again() {
        assert_eq!(pause_before(2, &server(500, "boom", None)), None);
        assert!(pause_before(2, &server(500, "etcdserver: leader changed", None)).is_some());
        assert_eq!(pause_before(2, &server(409, "", Some(1))), None);
        assert_eq!(pause_before(2, &Failure::Refused), None);
        assert_eq!(pause_before(2, &Failure::TimedOut { after: None }), None);
    }
}
