//! What the user wants of a drain: how the shards go, what becomes of the nodes, in what order, how patiently.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::placeholder::Prewarm;
use super::{Afterwards, Flags, OwnPod, Strategy};
use crate::model::set::Ordinal;
use crate::model::when::When;
use crate::plan::replace::tasks::Asked;
use crate::plan::safety::catalogue::Allowed;

/// How a drain is to go.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The nodes that were named; none where a selector picks them.
    pub nodes: Vec<String>,
    /// `-l`: the label selector that picks the nodes.
    pub selector: Option<String>,
    /// `--strategy`.
    pub strategy: Strategy,
    /// `--then-uncordon`, `--then-release`.
    pub then: Afterwards,
    /// kubectl's flags about the other pods.
    pub flags: Flags,
    /// `--prewarm`.
    pub prewarm: Prewarm,
    /// The image of the container that holds room.
    pub pause_image: String,
    /// `--grace-period`: seconds for each pod that goes; its own where it isn't given.
    pub grace: Option<i64>,
    /// `--timeout`: when the whole drain gives up; never where it isn't given.
    pub until: Option<When>,
    /// `--last`: these shards come last on their node.
    pub last: BTreeSet<Ordinal>,
    /// `--pause`: so long between two shards.
    pub pause: SignedDuration,
    /// Which commands of the user's there are.
    pub tasks: Asked,
    /// `--deadline`: no shard is started that can't finish by then.
    pub deadline: Option<When>,
    /// `--min-ready`: how long a shard must be Ready, where that is more than `minReadySeconds`.
    pub min_ready: Option<SignedDuration>,
    /// `--shard-timeout`: how long a shard may be down beyond its grace period, and a node take to be made.
    pub shard_timeout: SignedDuration,
    /// `--max-restarts`: how often a container may restart before its shard counts as failed.
    pub max_restarts: i32,
    /// `--allow`.
    pub allowed: Allowed,
    /// The pod that shardctl runs in, where it does.
    pub own: Option<OwnPod>,
}

impl Policy {
    /// Fixes what was said as a length: it counts from `began`, in the server's time.
    pub fn pin(&mut self, began: Timestamp) {
        self.until = self.until.map(|when| when.pinned(began));
        self.deadline = self.deadline.map(|when| when.pinned(began));
    }
}
