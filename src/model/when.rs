//! A moment that the user named: a time, or so long from the beginning.

use jiff::{SignedDuration, Timestamp};

/// When something is to be over (`--deadline`, `--timeout`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// At this time, whichever clock is asked.
    At(Timestamp),
    /// So long from when the operation begins. That moment is the server's to tell, and it hasn't told it before its first
    /// answer: this machine's clock is another one.
    After(SignedDuration),
}

impl When {
    /// The time that it is, of an operation that began at that moment; the last of all times where there is none so late.
    pub fn since(self, began: Timestamp) -> Timestamp {
        match self {
            When::At(time) => time,
            When::After(length) => began.checked_add(length).unwrap_or(Timestamp::MAX),
        }
    }

    /// The same as a time, which stays what it is however often the operation is prepared again.
    #[must_use]
    pub fn pinned(self, began: Timestamp) -> When {
        When::At(self.since(began))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_counts_from_when_it_was_pinned_and_a_time_stays() {
        let began: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-03-01T12:05:00Z".parse().unwrap();
        let length = When::After(SignedDuration::from_mins(90));
        assert_eq!(length.since(began).to_string(), "2026-03-01T13:30:00Z");
        assert_eq!(length.pinned(began).since(later), length.since(began));
        assert_eq!(When::At(later).since(began), later);
        assert_eq!(When::After(SignedDuration::MAX).since(began), Timestamp::MAX);
    }
}
