//! How far an upgrade is: each shard's template against the set's, who is at it, how to go on and back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::finding::Finding;

/// What it comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Conclusion {
    /// Every shard is Ready with the set's template.
    Complete,
    /// Some shards aren't, and nothing is known that keeps them from it.
    Unfinished,
    /// A shard is down and won't come up by itself.
    Stuck,
    /// It couldn't be judged.
    Unknown,
}

/// The set's template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// The name of its revision; none while the controller hasn't seen the template.
    pub revision: Option<String>,
    /// Its images, by container.
    pub images: BTreeMap<String, String>,
}

/// A shard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShardProgress {
    /// Its pod's name.
    pub name: String,
    /// The name of the revision that its pod was made from.
    pub revision: Option<String>,
    /// Whether that is the set's template; none where it can't be known yet.
    pub current: Option<bool>,
    /// Its images, by container.
    pub images: BTreeMap<String, String>,
    /// Whether it is Ready and not on its way out.
    pub ready: bool,
    /// What it waits for, or why it is down; for one that is Ready, that it isn't for long enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Since when it is Ready, or isn't; unknown without a pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// The last change of the template that shardctl made, by what it wrote down with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastChange {
    /// What was changed, in words.
    pub what: String,
    /// The run, for example `upgrade/shop/db/4f2a`.
    pub run: String,
    /// Who ran it.
    pub by: String,
    /// When, in the server's time.
    pub at: Timestamp,
    /// The name of the revision before.
    pub from: String,
    /// Whether it took another change back.
    pub undo: bool,
    /// When every shard had come over; none while that isn't written down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
}

/// Who holds the lock on the set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", rename_all_fields = "camelCase", tag = "state")]
pub enum Lock {
    /// Nobody.
    Free,
    /// Somebody.
    Held {
        /// Who.
        holder: String,
        /// Which run, where it says.
        #[serde(skip_serializing_if = "Option::is_none")]
        run: Option<String>,
        /// When it was renewed last, by the holder's own clock.
        #[serde(skip_serializing_if = "Option::is_none")]
        renewed: Option<Timestamp>,
        /// For how long it is held without being renewed.
        seconds: i32,
        /// Whether it was renewed within that time, its holder's clock held against the server's.
        looks_alive: bool,
    },
    /// It couldn't be read.
    Unknown {
        /// Why not, a clause.
        why: String,
    },
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// What it comes to.
    pub conclusion: Conclusion,
    /// The same as a sentence.
    pub summary: String,
    /// The namespace.
    pub namespace: String,
    /// The set.
    pub statefulset: Option<String>,
    /// When it was looked at, in the server's time.
    pub at: Timestamp,
    /// The set's template; none where the set can't be seen.
    pub template: Option<Template>,
    /// How many shards are Ready with the set's template.
    pub done: usize,
    /// Every shard, the highest ordinal first: the order in which they are taken.
    pub shards: Vec<ShardProgress>,
    /// The last change that shardctl made.
    pub last_change: Option<LastChange>,
    /// Who holds the lock.
    pub lock: Lock,
    /// The names of helper pods that are there.
    pub helpers: Vec<String>,
    /// Why shards won't come up, and what couldn't be read.
    pub findings: Vec<Finding>,
    /// How to go on; a line that begins with `$ ` is a command.
    pub how_to_resume: Vec<String>,
    /// How to go back.
    pub how_to_undo: Vec<String>,
}
