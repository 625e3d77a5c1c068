//! What the user wants of an upgrade: the goal, which shards, in what order, how patiently.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::model::set::Ordinal;
use crate::model::when::When;
use crate::plan::image::Wanted;
use crate::plan::safety::catalogue::Allowed;

/// Where the template comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Goal {
    /// `--image`: these images.
    Images(Vec<Wanted>),
    /// The template that is there already.
    Pending,
    /// `--restart`: the same template, new pods.
    Restart,
    /// `undo`: the template before, or that of a revision by its name.
    Undo {
        /// `--to-revision`.
        to: Option<String>,
    },
}

/// What to do when a shard can't come up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnFailure {
    /// Stop, and leave it as it is.
    Halt,
    /// Restore the template before, and delete the stuck pod so that it heals.
    Undo,
}

/// How an upgrade is to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Where the template comes from.
    pub goal: Goal,
    /// `--only`: these shards and no other; all where it is empty.
    pub only: BTreeSet<Ordinal>,
    /// `--last`: these come last.
    pub last: BTreeSet<Ordinal>,
    /// `--canary`: stop after so many, and ask.
    pub canary: Option<usize>,
    /// `--pause`: so long between two shards.
    pub pause: SignedDuration,
    /// Whether there is a gate to pass between shards.
    pub gate: bool,
    /// Whether a command runs before each shard.
    pub before: bool,
    /// Whether a command runs after each shard.
    pub after: bool,
    /// `--deadline`: no shard is started that can't finish by then.
    pub deadline: Option<When>,
    /// `--min-ready`: how long a shard must be Ready, where that is more than `minReadySeconds`.
    pub min_ready: Option<SignedDuration>,
    /// `--shard-timeout`: how long a shard may be down beyond its grace period.
    pub shard_timeout: SignedDuration,
    /// `--on-failure`.
    pub on_failure: OnFailure,
    /// Whether images are fetched before a shard is touched; not with `--no-prepull`.
    pub pre_pull: bool,
    /// Whether it goes on with a promotion that was cut off: a shard that is down by then is that run's doing, and is waited for.
    pub goes_on: bool,
    /// The image that holds room on new nodes for shards before they are taken down; none where that is not done.
    pub room: Option<String>,
    /// `--max-restarts`: how often a container may restart before its shard counts as failed.
    pub max_restarts: i32,
    /// `--allow`.
    pub allowed: Allowed,
}

impl Policy {
    /// Fixes what was said as a length: it counts from `began`, in the server's time.
    pub fn pin(&mut self, began: Timestamp) {
        self.deadline = self.deadline.map(|when| when.pinned(began));
    }
}
