//! The one way to wait in tests: for a condition, with a deadline and words for what was missing.

use std::time::{Duration, Instant};

/// How long a condition may take when nobody says otherwise. Long, because machines under load are slow and a wait
/// ends as soon as the condition holds. Longer than the two minutes for which a budget counts a pod as evicted whose successor
/// was there before the disruption controller had looked (`DeletionTimeout` in pkg/controller/disruption/disruption.go).
pub const DEADLINE: Duration = Duration::from_secs(150);

/// How soon it is looked again, at first and later: what took a while may be seen a moment later, and each look is a request that
/// all other tests share the API server with.
const POLL: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(50));

/// The pause after so long a wait.
fn pause(waited: Duration) -> Duration {
    (waited / 10).clamp(POLL.0, POLL.1)
}

/// Looks until `look` gives a value; `Err` says what is still missing, and is shown when the deadline passes.
#[track_caller]
pub fn wait_for<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(value) => return value,
            Err(missing) if start.elapsed() > deadline => {
                panic!("waited {} s until {what}; last seen: {missing}", deadline.as_secs())
            }
            Err(_) => std::thread::sleep(pause(start.elapsed())),
        }
    }
}

/// As [`wait_for`], for the insides of the test cluster, which are async.
pub async fn until(what: &str, mut look: impl AsyncFnMut() -> Result<(), String>) {
    let start = Instant::now();
    while let Err(missing) = look().await {
        assert!(
            start.elapsed() < DEADLINE,
            "waited {} s until {what}; last seen: {missing}",
            DEADLINE.as_secs()
        );
        tokio::time::sleep(pause(start.elapsed())).await;
    }
}
