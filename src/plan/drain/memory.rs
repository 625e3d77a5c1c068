//! What only the process that runs a drain knows. A rerun begins without it: whatever matters then is read from the cluster.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::finding::Finding;
use crate::model::refusal::Refusal;
use crate::model::set::Ordinal;
use crate::model::step::Step;
use crate::plan::eviction::Blocked;
use crate::plan::replace::Replacing;
use crate::plan::replace::budgets::Budgets;
use crate::plan::replace::tasks::{Asked, Tasks};
use crate::plan::safety::gate::Pinned;

/// What only this process knows.
#[derive(Debug)]
pub(super) struct Memory {
    /// The shards: who is up, in hand and done.
    pub shards: Replacing,
    /// The set as it is to stay, its replicas without an extra shard.
    pub pinned: Option<Pinned>,
    /// What the budgets over the shards wanted when it began.
    pub budgets: Option<Budgets>,
    /// A shard, the budget, the replicas or another pod was touched in this run.
    pub touched: bool,
    /// Nodes that are empty and were left, in this order.
    pub emptied: Vec<String>,
    /// The node that was told to take pods again, as long as no answer has said that it does.
    pub uncordoning: Option<String>,
    /// Nodes whose NodeClaim was deleted.
    pub released: BTreeSet<String>,
    /// Nodes that were seen cordoned since this run began.
    pub cordoned: BTreeSet<String>,
    /// Nodes that have, or may have, the mark of this drain: what is put back where nodes can't be seen any more.
    pub marked: BTreeSet<String>,
    /// Objects whose mark keeps an earlier run's name: the server doesn't let us change it.
    pub not_owned: BTreeSet<String>,
    /// Nodes that were being taken away, or silent, before anything was done.
    pub known_trouble: BTreeSet<String>,
    /// How often a placeholder was made for a shard.
    pub placed: BTreeMap<String, u32>,
    /// Shards that go without a placeholder, since `--allow` says so.
    pub without_room: BTreeSet<String>,
    /// Other pods whose eviction was accepted, by uid.
    pub gone: BTreeSet<String>,
    /// Other pods whose eviction wasn't accepted, by uid, and when that was.
    pub held: BTreeMap<String, (Blocked, Timestamp)>,
    /// The shard's eviction that wasn't accepted, and when that was.
    pub blocked: Option<(Ordinal, Blocked, Timestamp)>,
    /// When the last effect was tried.
    pub tried: Timestamp,
    /// When the extra shard was asked for.
    pub scaled: Option<Timestamp>,
    /// Since when the replicas are being put back.
    pub scaling_back: Option<Timestamp>,
    /// The end that is come to once the extra shard is gone: nothing is begun any more meanwhile.
    pub ending: Option<Step>,
    /// Why what takes the extra shard away can't be done.
    pub extra_stuck: Option<Finding>,
    /// The number of the extra shard, from the moment that it was asked for.
    pub extra: Option<Ordinal>,
    /// The user's commands around shards.
    pub tasks: Tasks,
    pub refused: Vec<Refusal>,
    pub failed: Option<Finding>,
}

impl Memory {
    /// Of a run that begins now.
    pub fn begun(asked: Asked, now: Timestamp) -> Memory {
        Memory {
            shards: Replacing::begun(now),
            pinned: None,
            budgets: None,
            touched: false,
            emptied: Vec::new(),
            uncordoning: None,
            released: BTreeSet::new(),
            cordoned: BTreeSet::new(),
            marked: BTreeSet::new(),
            not_owned: BTreeSet::new(),
            known_trouble: BTreeSet::new(),
            placed: BTreeMap::new(),
            without_room: BTreeSet::new(),
            gone: BTreeSet::new(),
            held: BTreeMap::new(),
            blocked: None,
            tried: now,
            scaled: None,
            scaling_back: None,
            ending: None,
            extra_stuck: None,
            extra: None,
            tasks: Tasks::new(asked),
            refused: Vec::new(),
            failed: None,
        }
    }
}
