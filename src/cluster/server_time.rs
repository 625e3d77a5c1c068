//! The server's clock: learnt from its answers' `Date` headers, and carried on by ours in between.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::clock;

/// What time it is at the server. A cheap clone; all clones learn together.
#[derive(Clone, Debug, Default)]
pub struct ServerTime {
    learnt: Arc<Mutex<Option<Learnt>>>,
}

/// The server's time was at least `at` when our clock showed `here`.
#[derive(Clone, Copy, Debug)]
struct Learnt {
    at: Timestamp,
    here: Instant,
}

impl Learnt {
    fn now(self) -> Timestamp {
        let since = SignedDuration::try_from(self.here.elapsed()).unwrap_or(SignedDuration::MAX);
        self.at.checked_add(since).unwrap_or(Timestamp::MAX)
    }
}

impl ServerTime {
    /// Takes in the `Date` of an answer that just came.
    ///
    /// A header tells whole seconds of the past, so that the server's clock shows that time or a later one: of two
    /// answers the one that says more counts. So time never goes back, not even behind one server of several whose clock
    /// is slow, and the more answers, the nearer it comes to the truth.
    pub fn learn(&self, date: Timestamp) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        if learnt.is_none_or(|learnt| learnt.now() < date) {
            *learnt = Some(Learnt {
                at: date,
                here: Instant::now(),
            });
        }
    }

    /// The server's time now, never behind what was said before; this machine's where no answer has come yet.
    pub fn now(&self) -> Timestamp {
        let learnt = *self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        learnt.map_or_else(clock::now, Learnt::now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_servers_time_goes_on_between_its_answers() {
        let server = ServerTime::default();
        server.learn(time("1994-11-15T08:12:31Z"));
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(server.now(), time("1994-11-15T08:12:32.5Z"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_puts_time_forward_and_never_back() {
        let server = ServerTime::default();
        let clone = server.clone();
        server.learn(time("1994-11-15T08:12:31Z"));
        tokio::time::advance(Duration::from_millis(1500)).await;
        clone.learn(time("1994-11-15T08:12:32Z"));
        assert_eq!(
            server.now(),
            time("1994-11-15T08:12:32.5Z"),
            "a header has no fractions"
        );
        clone.learn(time("1994-11-15T08:20:00Z"));
        assert_eq!(server.now(), time("1994-11-15T08:20:00Z"));
    }
}
