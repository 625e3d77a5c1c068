//! What only the process that runs an upgrade knows. A rerun begins without it: whatever matters then is read from the cluster.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::finding::Finding;
use crate::model::refusal::Refusal;
use crate::model::set::Ordinal;
use crate::model::step::TemplateChange;
use crate::plan::pre_pull::Known;
use crate::plan::safety::gate::Pinned;

/// What only this process knows, beside what it saw of the shards.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The set as it is to stay, from the moment that the revision is known.
    pub pinned: Option<Pinned>,
    /// The server accepted the new template in a dry run.
    pub tried: bool,
    /// The nodes that fetch the images.
    pub targets: Option<Known>,
    /// The images were everywhere where a shard may land.
    pub pulled: bool,
    /// Nodes where the server refuses the pod that would fetch them, and `--allow` says to go on.
    pub passed_over: BTreeSet<String>,
    /// Nodes that have, or may have, the mark of this upgrade: what is put back where nodes can't be seen any more.
    pub marked: BTreeSet<String>,
    /// Objects whose mark keeps an earlier run's name: the server doesn't let us change it.
    pub not_owned: BTreeSet<String>,
    /// How often a placeholder was made for a shard.
    pub placed: BTreeMap<String, u32>,
    /// Shards that go without a placeholder, since `--allow` says so.
    pub without_room: BTreeSet<String>,
    /// A template of ours was written in this run.
    pub wrote: bool,
    /// A template or a shard was touched in this run.
    pub touched: bool,
    pub went_on: bool,
    pub refused: Vec<Refusal>,
    pub failed: Option<Finding>,
    pub declined: bool,
    pub undoing: Option<Undoing>,
    pub finished: bool,
}

/// A failed shard for which the template is put back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Undoing {
    pub ordinal: Ordinal,
    pub why: Finding,
    pub change: TemplateChange,
    pub wrote: bool,
}
