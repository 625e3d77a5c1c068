//! The only reader of wall time. Deadlines and pauses use tokio's `Instant`; the cluster's times come from the cluster.

use jiff::Timestamp;

/// The machine's own time, for where the server didn't tell its time.
#[allow(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Timestamp {
    Timestamp::now()
}
