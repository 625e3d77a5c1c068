//! The one way to wait in tests: for a condition, with a deadline and words for what was missing.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long a condition may take when nobody says otherwise. Long, because machines under load are slow and a wait
/// ends as soon as the condition holds. Longer than the two minutes for which a budget counts a pod as evicted whose successor
/// was there before the disruption controller had looked (`DeletionTimeout` in pkg/controller/disruption/disruption.go).
pub const DEADLINE: Duration = Duration::from_secs(150);

/// How soon it is looked again, at first and later: what took a while may be seen a moment later, and each look is a request that
/// all other tests share the API server with.
const POLL: (Duration, Duration) = (Duration::from_millis(25), Duration::from_millis(100));

/// The pause after so long a wait.
fn pause(waited: Duration) -> Duration {
    (waited / 10).clamp(POLL.0, POLL.1)
}

/// How often a wait for something of this process looks.
const NEAR: Duration = Duration::from_millis(10);

/// Looks at the cluster until `look` gives a value; `Err` says what is still missing, and is shown when the deadline passes.
#[track_caller]
pub fn wait_for<T, M: Display>(what: &str, deadline: Duration, look: impl FnMut() -> Result<T, M>) -> T {
    wait(what, deadline, pause, look)
}

/// As [`wait_for`], where a look asks nobody: at a process, at what a watch has brought.
#[track_caller]
pub fn wait_near<T, M: Display>(what: &str, deadline: Duration, look: impl FnMut() -> Result<T, M>) -> T {
    wait(what, deadline, |_| NEAR, look)
}

#[track_caller]
fn wait<T, M: Display>(
    what: &str,
    deadline: Duration,
    pause: impl Fn(Duration) -> Duration,
    mut look: impl FnMut() -> Result<T, M>,
) -> T {
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
