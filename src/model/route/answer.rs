//! What came of one request: an answer or a failure, how long each part took, and whether the way had to be opened anew.

use std::time::Duration;

use super::failure::Failure;

/// An answer, as much of it as telling who gave it needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The status; for a command inside a pod its exit code, 0 for a connection that was taken.
    pub status: u16,
    /// The headers that [`super::wire::Request::keep`] names, as they came, names in lower case. Not to be trusted.
    pub headers: Vec<(String, String)>,
    /// The body, or what a command wrote, as far as [`super::wire::Manner::body_limit`]. Not to be trusted.
    pub body: Vec<u8>,
}

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Which class.
    pub class: Failure,
    /// What was seen, a clause without a full stop: the cause's own words.
    pub words: String,
}

impl Failed {
    /// A failure of `class` in `words`.
    pub fn new(class: Failure, words: impl Into<String>) -> Self {
        Self {
            class,
            words: words.into(),
        }
    }
}

/// How long the parts of one request took; what wasn't reached or isn't known stays empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Until the name had an address.
    pub dns: Option<Duration>,
    /// From there until there was a connection (for a port-forward: until the API server had opened it).
    pub connect: Option<Duration>,
    /// From there until TLS was agreed on.
    pub tls: Option<Duration>,
    /// From there until the first byte of the answer.
    pub first_byte: Option<Duration>,
    /// All of it, until the answer was whole; for a failure until it was known.
    pub total: Duration,
}

/// What came of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The answer (of any status), or why there is none.
    pub result: Result<Answer, Failed>,
    /// How long it took.
    pub timing: Timing,
    /// Why the way in had to be opened a second time for this request, which was sent once more; none mostly.
    pub reopened: Option<String>,
}
