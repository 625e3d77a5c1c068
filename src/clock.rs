//! The only reader of wall time. Deadlines and pauses use tokio's `Instant`; the cluster's times come from the cluster.
//!
//! A rehearsal has a time of its own, on the thread that it runs on: it began at a moment that was said, and goes on as tokio's
//! clock does, which is paused there.

use std::cell::Cell;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

thread_local! {
    /// What time it was when, where this thread rehearses.
    static REHEARSED: Cell<Option<(Timestamp, Instant)>> = const { Cell::new(None) };
}

/// The machine's own time, for where the server didn't tell its time; in a rehearsal, the rehearsal's.
#[allow(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    match REHEARSED.get() {
        Some((at, since)) => {
            let since = SignedDuration::try_from(since.elapsed()).unwrap_or(SignedDuration::MAX);
            at.checked_add(since).unwrap_or(Timestamp::MAX)
        }
        None => Timestamp::now(),
    }
}

/// A number that tells this process from others of the same moment. A rehearsal has no others: the same one gives the same names.
pub fn process() -> u32 {
    match REHEARSED.get() {
        Some(_) => 0,
        None => std::process::id(),
    }
}

/// A rehearsal's time on this thread, until it is dropped.
#[derive(Debug)]
pub struct Rehearsed(());

/// Lets it be `at` now on this thread, and go on as tokio's clock does.
pub fn rehearse(at: Timestamp) -> Rehearsed {
    REHEARSED.set(Some((at, Instant::now())));
    Rehearsed(())
}

impl Drop for Rehearsed {
    fn drop(&mut self) {
        REHEARSED.set(None);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_rehearsals_time_begins_when_it_was_told_and_goes_on_with_tokios_clock() {
        let began: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let rehearsed = rehearse(began);
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(now(), "2026-03-01T12:01:30Z".parse().unwrap());
        assert_eq!(process(), 0);
        drop(rehearsed);
        assert_ne!(process(), 0);
        assert!(now() > began);
    }
}
