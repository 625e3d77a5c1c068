//! The next step of an operation, as `plan` decides it and `operations` carries it out: one effect, or a wait, or the end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::finding::Finding;
use super::outcome::End;
use super::set::Ordinal;

/// One pod, exactly: a name alone could be its successor's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodRef {
    /// Its name.
    pub name: String,
    /// The shard's number.
    pub ordinal: Ordinal,
    /// Its uid.
    pub uid: String,
    /// The version it was judged at.
    pub resource_version: String,
    /// The node it is on.
    pub node: Option<String>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// One effect; then look again.
    Act(Act),
    /// Nothing, until something changes.
    Wait(Wait),
    /// Nothing more: the run is over, its marks put back first.
    End {
        /// How it ended.
        end: End,
        /// In words, a sentence without a full stop.
        summary: String,
        /// What is in the way.
        findings: Vec<Finding>,
    },
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wait {
    /// A clause.
    pub words: String,
    /// When to look again though nothing has changed, in the server's time.
    pub until: Option<Timestamp>,
}

/// One effect on the cluster, or a question, or a command of the user's.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Keep Karpenter and Cluster Autoscaler off a node, and new pods where it is to be emptied; with the mark that says so.
    Freeze {
        /// The node.
        node: String,
        /// The annotations that do it.
        annotations: BTreeMap<String, String>,
        /// Whether it is cordoned as well.
        cordon: bool,
    },
    /// A node is empty: take our freeze and our mark off it, and let its cordon stay or go.
    LeaveNode {
        /// The node.
        node: String,
        /// Whether it takes pods again, where it was us who cordoned it.
        uncordon: bool,
    },
    /// Delete the NodeClaim of a node that is empty.
    ReleaseNode {
        /// The node.
        node: String,
        /// Its NodeClaim.
        claim: String,
        /// The NodeClaim's uid.
        uid: String,
    },
    /// Evict a pod that isn't a shard, by its budget as that is.
    EvictPod(OtherPod),
    /// Make a pod that holds room for a shard, and has a node made for it where there is none.
    MakePlaceholder {
        /// The shard.
        shard: String,
        /// The pod.
        pod: Box<Pod>,
    },
    /// Write another number of replicas, with the mark that undoes it.
    Scale {
        /// How many there are to be.
        to: i32,
        /// The claims that the new shards will make, by name: they aren't there yet, and go with the mark.
        made: Vec<String>,
    },
    /// Put the replicas back that the set's mark names; the mark stays until what came of them is gone.
    ScaleBack,
    /// Delete a claim that a shard of ours made, which is gone.
    RemoveClaim {
        /// Its name.
        claim: String,
        /// Its uid.
        uid: String,
        /// The version at which nothing used it.
        resource_version: String,
    },
    /// Declare a node off whose machine was proven to be, so that its pods and disks are let go without asking its kubelet; with
    /// the mark that says so.
    DeclareOff {
        /// The node.
        node: String,
    },
    /// Write this run's name on the mark that an earlier run of the same operation left on an object, and change nothing else.
    OwnMark {
        /// The object, as `kind/name`.
        object: String,
        /// Where the server has it.
        path: String,
    },
    /// Put back what the mark on an object says, where that is still ours, and take the mark away.
    UndoMark {
        /// The object, as `kind/name`.
        object: String,
        /// Where the server has it.
        path: String,
        /// The mark as it is written: another one by then is another matter.
        written: String,
    },
    /// Take our freeze off a node again.
    Unfreeze {
        /// The node.
        node: String,
    },
    /// Let the server try the new template: the set's patch and a pod made of it, with what it refers to.
    TryTemplate,
    /// Make a helper pod that fetches the new images onto a node.
    PrePull {
        /// The node.
        node: String,
    },
    /// Delete a helper pod of ours.
    RemoveHelper {
        /// Its name.
        pod: String,
        /// Its uid.
        uid: String,
    },
    /// Write the new template, with the journal of the old one.
    ChangeTemplate(Box<TemplateChange>),
    /// Ask the gate, then delete a shard's pod.
    DeleteShard {
        /// The pod.
        pod: PodRef,
        /// Whether it is down anyway, so that it may go while others are down too.
        already_down: bool,
    },
    /// Ask the gate, then evict a shard's pod by way of its budget.
    EvictShard {
        /// The pod.
        pod: PodRef,
        /// Whether it is down anyway, so that it may go while others are down too.
        already_down: bool,
        /// Whether the budget is opened for the moment that it takes.
        relax: bool,
    },
    /// Run a command or check of the user's.
    Task(Task),
    /// Ask the user whether to go on after the canary.
    AskToGoOn {
        /// How many shards are done.
        done: usize,
    },
    /// Write into the journal that every shard has come over.
    FinishJournal,
}

impl Act {
    /// The shard's pod that it takes down, and whether that is down anyway; none for what takes none down.
    pub fn takes_down(&self) -> Option<(&PodRef, bool)> {
        match self {
            Act::DeleteShard { pod, already_down } => Some((pod, *already_down)),
            Act::EvictShard { pod, already_down, .. } => Some((pod, *already_down)),
            _ => None,
        }
    }
}

/// A pod of the node that isn't a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherPod {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

impl OtherPod {
    /// `namespace/name`.
    pub fn title(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// A new template for the set.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateChange {
    /// In words: `image of shard: 1.0 → 2.0`.
    pub what: String,
    /// The whole new template.
    pub template: Value,
    /// The whole template that it replaces, as the server gave it.
    pub previous: Value,
    /// The name of the revision that it replaces.
    pub from: String,
    /// The stamp, where it is a restart.
    pub restart: Option<String>,
    /// Whether it undoes another change.
    pub undo: bool,
}

/// When a command of the user's runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    /// Before a shard is deleted.
    Before(Ordinal),
    /// After a shard is Ready again.
    After(Ordinal),
    /// Between two shards, and after the last.
    Gate,
}

/// A command or check of the user's that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// When, and about which shard.
    pub when: When,
}
