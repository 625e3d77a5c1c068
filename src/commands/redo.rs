//! Taking whole new snapshots again and again: until healthy (`--wait`), or until interrupted (`--watch`).

use std::time::Duration;

use tokio::time::Instant;

use crate::config::{duration, not_a_duration};
use crate::error::{Error, Result};

/// How a command repeats itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redo {
    /// It doesn't.
    Once,
    /// Until healthy or past the deadline.
    Until(Instant),
    /// Until interrupted.
    Forever,
}

impl Redo {
    /// What `--wait` and `--watch` say.
    ///
    /// # Errors
    /// A usage error for words that aren't a duration.
    pub fn from_flags(wait: Option<&str>, watch: bool) -> Result<Redo> {
        match wait {
            Some(text) => {
                let length = duration(text).ok_or_else(|| not_a_duration(text, "--wait"))?;
                Ok(Redo::Until(Instant::now() + length))
            }
            None if watch => Ok(Redo::Forever),
            None => Ok(Redo::Once),
        }
    }
}

/// What `--interval` says.
///
/// # Errors
/// A usage error for words that aren't a duration, and for none at all: that would be a storm of requests.
pub fn interval(text: &str) -> Result<Duration> {
    let length = duration(text).ok_or_else(|| not_a_duration(text, "--interval"))?;
    if length < Duration::from_millis(100) {
        return Err(Error::usage(format!(
            "an interval of {text} would ask the API server without a pause"
        ))
        .hint("give --interval at least 100ms"));
    }
    Ok(length)
}
