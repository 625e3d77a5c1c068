//! What has changed between two looks at the packing: nodes that came and went, shards that moved, and what it costs since.

use serde::Serialize;

use super::money::Money;

/// A node, as far as its coming and going is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Passing {
    /// Its name.
    pub node: String,
    /// Its size; none where it doesn't say.
    pub size: Option<String>,
    /// Its zone.
    pub zone: Option<String>,
    /// How it is paid for, in the cluster's own word.
    pub capacity_type: Option<String>,
    /// What an hour of it costs; none where that isn't known.
    pub hourly: Option<Money>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "change", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Movement {
    /// A node has joined the cluster.
    NodeCame(Passing),
    /// A node has left the cluster.
    NodeWent(Passing),
    /// A node that was there already is in view now: its first shard has come.
    NodeInView(Passing),
    /// A node is still there and out of view: its last shard has gone, and it is of no pool that counts.
    NodeOutOfView(Passing),
    /// A node has become Ready, or isn't any more.
    NodeReady {
        /// The node.
        node: String,
        /// What it is now.
        ready: bool,
    },
    /// A node was cordoned, or takes pods again.
    NodeCordoned {
        /// The node.
        node: String,
        /// What it is now.
        cordoned: bool,
    },
    /// A shard is somewhere else, or on no node.
    ShardMoved {
        /// The shard.
        shard: String,
        /// Where it was; none where it was on no node.
        from: Option<String>,
        /// Where it is; none where it is on no node.
        to: Option<String>,
    },
    /// A pod of a shard is there that wasn't.
    ShardCame {
        /// The shard.
        shard: String,
        /// Where it is; none where it is on no node yet.
        to: Option<String>,
    },
    /// A shard's pod is gone.
    ShardWent {
        /// The shard.
        shard: String,
        /// Where it was.
        from: Option<String>,
    },
    /// What an hour costs of all nodes in view whose price is known.
    CostChanged {
        /// Before.
        from: Money,
        /// Now.
        to: Money,
    },
}
