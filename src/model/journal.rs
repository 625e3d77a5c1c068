//! What an upgrade writes on the set in the same request as the new template: what the template was, and how far it came.
//!
//! It stays when the upgrade is over, so that `upgrade undo` works from any machine, also where `revisionHistoryLimit` is 0.
//! It is history and no mark: nothing needs undoing because of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The annotation that holds a [`Journal`] as JSON.
pub const JOURNAL: &str = "shardctl.dev/journal";
/// The annotation of the pod template that `--restart` stamps.
pub const RESTARTED_AT: &str = "shardctl.dev/restarted-at";

/// One change of the set's template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Journal {
    /// The run that wrote it, for example `upgrade/4f2a`.
    pub run: String,
    /// Who ran it: user and host.
    pub by: String,
    /// When it was written, in the server's time.
    pub at: Timestamp,
    /// What was changed, in words: `image of shard: 1.0 → 2.0`.
    pub what: String,
    /// The name of the revision before. An undo goes by this, never by a number.
    pub from: String,
    /// The whole template before, as the server gave it.
    pub previous: Value,
    /// The stamp of a restart, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart: Option<String>,
    /// Whether this change is an undo of another.
    #[serde(default)]
    pub undo: bool,
    /// When every shard had come over; none while some haven't.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
}

impl Journal {
    /// The journal on a set with these annotations: none, or the journal, or the words that couldn't be understood.
    pub fn of(annotations: Option<&BTreeMap<String, String>>) -> Option<Result<Journal, String>> {
        let written = annotations?.get(JOURNAL)?;
        Some(serde_json::from_str(written).map_err(|_| written.clone()))
    }
}
