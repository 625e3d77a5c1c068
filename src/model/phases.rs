//! How the reference workload's two phases stand: what `quickstart` shows before it asks what to do next.

use super::read::Read;
use super::report::Phase;
use super::status::Status;

/// Both phases of a workload, and where its shards are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phases {
    /// The namespace.
    pub namespace: String,
    /// The set that was looked for.
    pub wanted: String,
    /// The set that is there; why that isn't known.
    pub set: Read<Option<String>>,
    /// Up or down; only where there is a set.
    pub status: Option<Status>,
    /// How many shards there should be; none where there is no set.
    pub expected: usize,
    /// Explore, then stable.
    pub phases: Vec<Stand>,
    /// The shards on nodes of neither pool.
    pub elsewhere: Held,
    /// Whether it is known which shard is on which node; why not.
    pub counted: Read<()>,
    /// The shards that no node has.
    pub homeless: usize,
    /// The nodes that hold shards, in the order of their names; why they aren't known.
    pub nodes: Read<Vec<Holder>>,
    /// The sizes that the explore pool may buy; empty where that isn't known.
    pub sizes: Vec<String>,
    /// The zones that nodes are in.
    pub zones: Vec<String>,
}

/// How a phase stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stand {
    /// Which.
    pub phase: Phase,
    /// Whether the set's template is this phase's.
    pub is_current: bool,
    /// The name of its NodePool.
    pub pool: String,
    /// Whether the pool is there; why that isn't known.
    pub is_there: Read<bool>,
    /// How many nodes the pool has; why that isn't known.
    pub nodes: Read<usize>,
    /// The shards on those nodes.
    pub held: Held,
}

/// Shards on some nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// How many.
    pub shards: usize,
    /// How many of them are Ready.
    pub ready: usize,
    /// On how many nodes.
    pub nodes: usize,
}

/// A node that holds shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its name.
    pub name: String,
    /// Its size, where it says one.
    pub size: Option<String>,
    /// Its zone, where it says one.
    pub zone: Option<String>,
    /// Whether it takes no new pods.
    pub is_cordoned: bool,
    /// The names of its shards.
    pub shards: Vec<String>,
}

impl Phases {
    /// The name of the set that is there.
    pub fn found(&self) -> Option<&str> {
        self.set.got()?.as_deref()
    }

    /// How one phase stands.
    pub fn of(&self, phase: Phase) -> Option<&Stand> {
        self.phases.iter().find(|stand| stand.phase == phase)
    }
}
