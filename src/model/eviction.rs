//! What the API server answered to an eviction that it didn't accept, raw enough to judge it.

use std::time::Duration;

/// An answer other than "accepted". Its words are the server's, or those of whatever admission policy spoke for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub code: u16,
    /// The `reason` of the Status, possibly empty.
    pub reason: String,
    /// The message.
    pub message: String,
    /// The causes' messages: the budget's arithmetic is there, not in the message.
    pub causes: Vec<String>,
    /// What the Status is about, as its details name it: `pods`, `poddisruptionbudgets`; possibly empty.
    pub kind: String,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
}

/// What became of the pod that an eviction aimed at, as a look after the answer shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Afterwards {
    /// It couldn't be looked at.
    Unseen,
    /// There is no pod of that name.
    Gone,
    /// It is the one that was aimed at, still there.
    Same,
    /// It is the one that was aimed at, being deleted.
    Leaving,
    /// It is another one of the same name.
    Another,
}
