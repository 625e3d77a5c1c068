//! What pods ask for on each node beside the shards, summed.

use std::collections::BTreeMap;

use super::quantity::Amount;
use super::room::Take;

/// A pod as far as it counts for what runs on its node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placed {
    /// Its node; none where it has none yet.
    pub node: Option<String>,
    /// The uid of its controller; none for a bare one.
    pub controller: Option<String>,
    /// Whether every such node has one: it is of a DaemonSet, or stands for one in the kubelet's own folder.
    pub is_daemon: bool,
    /// Whether it has ended and takes no room any more.
    pub is_finished: bool,
    /// What it asks for of memory.
    pub memory: Amount,
    /// What it asks for of CPU.
    pub cpu: Amount,
}

/// What runs on a node beside the shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Beside {
    /// Pods that every such node has: those of DaemonSets, and those of the kubelet's own folder.
    pub daemons: Take,
    /// All others.
    pub others: Take,
}

/// What runs beside the shards, by the node's name; a node that isn't there has nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load(BTreeMap<String, Beside>);

impl Load {
    /// What runs on a node.
    pub fn on(&self, node: &str) -> Beside {
        self.0.get(node).copied().unwrap_or_default()
    }

    /// What runs on a node, to add to it.
    pub fn on_mut(&mut self, node: String) -> &mut Beside {
        self.0.entry(node).or_default()
    }
}
