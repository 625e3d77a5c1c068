//! What only the process that runs an upgrade knows. A rerun begins without it: whatever matters then is read from the cluster.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::finding::Finding;
use crate::model::refusal::Refusal;
use crate::model::set::Ordinal;
use crate::model::step::TemplateChange;
use crate::plan::course::Course;
use crate::plan::operation::Disks;
use crate::plan::safety::gate::Pinned;

/// What only this process knows.
#[derive(Debug)]
pub(super) struct Memory {
    /// When it began.
    pub began: Timestamp,
    /// Whether anything was looked at yet.
    pub looked: bool,
    /// The set as it is to stay, from the moment that the revision is known.
    pub pinned: Option<Pinned>,
    /// The server accepted the new template in a dry run.
    pub tried: bool,
    /// The images were everywhere where a shard may land.
    pub pulled: bool,
    /// Nodes where the server refuses the pod that would fetch them, and `--allow` says to go on.
    pub passed_over: BTreeSet<String>,
    /// A template of ours was written in this run.
    pub wrote: bool,
    /// A template or a shard was touched in this run.
    pub touched: bool,
    /// A command of the user's ran, and may have touched anything.
    pub ran_a_task: bool,
    /// Shards that were seen Ready and aren't in hand.
    pub up: BTreeSet<Ordinal>,
    /// Since when a pod is Ready without a break, by uid.
    pub ready_since: BTreeMap<String, Timestamp>,
    /// Shards that were taken down and aren't done.
    pub taken: BTreeMap<Ordinal, Taken>,
    /// Shards that are done, in this order.
    pub done: Vec<Ordinal>,
    pub last_done: Option<Timestamp>,
    pub before: BTreeSet<Ordinal>,
    pub after: BTreeSet<Ordinal>,
    pub gate_passed: bool,
    pub went_on: bool,
    pub refused: Vec<Refusal>,
    pub failed: Option<Finding>,
    pub declined: bool,
    pub undoing: Option<Undoing>,
    /// The disks as they were at first.
    pub disks: BTreeMap<Ordinal, Disks>,
    /// Shards whose disks were proven the same after they were replaced.
    pub proven: BTreeSet<Ordinal>,
    pub courses: BTreeMap<Ordinal, Course>,
    /// How long a shard was expected to take when it was taken down, in seconds.
    pub expected: BTreeMap<Ordinal, f64>,
    pub finished: bool,
}

/// A shard that was taken down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// The pod that went; empty where an earlier run took it.
    pub uid: String,
    pub at: Timestamp,
}

/// A failed shard for which the template is put back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Undoing {
    pub ordinal: Ordinal,
    pub why: Finding,
    pub at: Timestamp,
    pub change: TemplateChange,
    pub wrote: bool,
}

impl Memory {
    /// Of a run that begins now.
    pub fn begun(now: Timestamp) -> Memory {
        Memory {
            began: now,
            looked: false,
            pinned: None,
            tried: false,
            pulled: false,
            passed_over: BTreeSet::new(),
            wrote: false,
            touched: false,
            ran_a_task: false,
            up: BTreeSet::new(),
            ready_since: BTreeMap::new(),
            taken: BTreeMap::new(),
            done: Vec::new(),
            last_done: None,
            before: BTreeSet::new(),
            after: BTreeSet::new(),
            gate_passed: false,
            went_on: false,
            refused: Vec::new(),
            failed: None,
            declined: false,
            undoing: None,
            disks: BTreeMap::new(),
            proven: BTreeSet::new(),
            courses: BTreeMap::new(),
            expected: BTreeMap::new(),
            finished: false,
        }
    }
}
