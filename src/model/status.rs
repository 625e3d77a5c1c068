//! Whether the system is up: every shard Ready and none terminating, or not, or not known.

use jiff::Timestamp;
use serde::Serialize;

use super::report::Expected;

/// Up, down, or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    /// Every shard is Ready and none is terminating.
    Up,
    /// At least one shard is down.
    Down,
    /// It couldn't be judged.
    Unknown,
}

/// A shard that is down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DownShard {
    /// Its pod's name.
    pub name: String,
    /// Why, in a word or two: `terminating`, `no pod`, `CrashLoopBackOff`.
    pub why: String,
    /// Since when; unknown for a pod that doesn't exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Up, down or unknown.
    pub state: State,
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub statefulset: Option<String>,
    /// When it was looked at, in the server's time.
    pub at: Timestamp,
    /// How many shards there should be.
    pub expected: Option<Expected>,
    /// How many of them are Ready and not terminating.
    pub ready: usize,
    /// Those that aren't.
    pub down: Vec<DownShard>,
    /// Since when the state holds: the latest start of a shard that is Ready, or the earliest of those that are down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// What shardctl left behind, or is at: `pdb/db: drain by anna@laptop since …`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<String>,
    /// Why it couldn't be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}
