//! The marks that shardctl leaves on objects while something of theirs is changed, and the names of its own helpers.
//!
//! A mark is an annotation written in the same request as the change that it describes, so that whoever finds it can undo
//! that change. Every key of ours begins with `shardctl.dev/`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The annotation that holds a [`Mark`] as JSON.
pub const MARK: &str = "shardctl.dev/mark";
/// The label that every helper pod (pre-pull, placeholder) carries; its value says which kind.
pub const HELPER: &str = "shardctl.dev/helper";
/// What the name of our Lease begins with; the set's name follows.
pub const LEASE_PREFIX: &str = "shardctl-";

/// What was changed on an object, by whom, and what it was before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The operation and its run, for example `drain/4f2a`.
    pub operation: String,
    /// Who ran it: user and host.
    pub by: String,
    /// Since when, in the server's time.
    pub since: Timestamp,
    /// Until when the change is meant to last, in the server's time; past it anybody may undo it.
    pub until: Timestamp,
    /// What the changed fields were, by their path (`spec.minAvailable`), with their types kept.
    pub was: serde_json::Value,
}

impl Mark {
    /// The mark on an object with these annotations: none, or the mark, or the words that couldn't be understood.
    pub fn of(annotations: Option<&std::collections::BTreeMap<String, String>>) -> Option<Result<Mark, String>> {
        let written = annotations?.get(MARK)?;
        Some(serde_json::from_str(written).map_err(|_| written.clone()))
    }
}
