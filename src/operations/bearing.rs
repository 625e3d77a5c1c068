//! What a wait bears that has no loop of its own: requests that fail for a while, and Ctrl-C, which is heard once and obeyed at once
//! the second time.

use std::pin::pin;

use tokio::time::Instant;

use super::emit::Emitter;
use super::lock::interrupted;
use super::run::{PATIENCE, Stop};
use crate::cluster::failure::Failure;
use crate::event::Fact;

/// Requests that fail while something is waited for.
pub(super) struct Bearing<'a> {
    events: &'a Emitter,
    answered: Instant,
    said: Option<String>,
}

impl<'a> Bearing<'a> {
    /// Nothing failed yet.
    pub fn new(events: &'a Emitter) -> Self {
        Bearing {
            events,
            answered: Instant::now(),
            said: None,
        }
    }

    /// The server gave an answer.
    pub fn answered(&mut self) {
        self.answered = Instant::now();
        self.said = None;
    }

    /// Says that a request failed, the same thing once.
    ///
    /// # Errors
    /// The failure, where it can't get better or has gone on for too long.
    pub fn bear(&mut self, failure: Failure) -> Result<(), Failure> {
        if failure.is_forbidden() || failure.is_for_good() || self.answered.elapsed() >= PATIENCE {
            return Err(failure);
        }
        let message = format!("{}; going on", failure.reason());
        if self.said.as_ref() != Some(&message) {
            self.said = Some(message.clone());
            self.events.emit(Fact::Trouble { message });
        }
        Ok(())
    }
}

/// What comes of some work; none where Ctrl-C was pressed twice before it was done. The first time is said, and left to the work.
pub(super) async fn unless_pressed_twice<T>(events: &Emitter, stop: &Stop, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    tokio::select! {
        done = &mut work => return Some(done),
        () = interrupted(stop, 1) => events.emit(Fact::Stopping { shard: None }),
    }
    tokio::select! {
        done = work => Some(done),
        () = interrupted(stop, 2) => None,
    }
}
