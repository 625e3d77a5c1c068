//! What is known of a node that somebody says is off, and what the cluster can't know of it.

use serde::Serialize;

use super::finding::Finding;

/// What is to be believed when somebody says that a node is off.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// The node.
    pub node: String,
    /// What the cluster knows of its silence.
    pub seen: Vec<String>,
    /// What the cluster can't know and somebody has to see: a command where the cloud is known.
    pub to_see: Vec<String>,
    /// What would be better, and what is worth knowing before it.
    pub notes: Vec<Finding>,
    /// The shards of the set that are there.
    pub shards: Vec<String>,
    /// Whether it is declared off already.
    pub declared: bool,
}
