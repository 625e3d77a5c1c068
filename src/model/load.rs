//! What pods ask for on each node beside the shards, summed.

use std::collections::BTreeMap;

use super::room::Take;

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
    pub fn on_mut(&mut self, node: &str) -> &mut Beside {
        self.0.entry(node.to_owned()).or_default()
    }
}
