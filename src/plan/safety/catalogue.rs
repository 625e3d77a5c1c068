//! Every refusal: what it is called, why it stands in the way, and what `--allow` means where it can be overridden.
//!
//! `shardctl explain` and docs/refusals.md are made from the table, and a [`Refusal`] is only made through it, so that no
//! refusal is without a page, and none that guards data can be overridden by mistake.

mod cleanup;

use std::collections::BTreeSet;

pub use crate::model::refusal::About;
use crate::model::refusal::Refusal;
pub use cleanup::{CLAIMS_GO_TOO, CLAIMS_OF_ANOTHER, MARKS_OUTLIVE, PHASE_IN_USE, POOL_IN_USE};

/// The refusal with this id, in any case of letters.
pub fn find(id: &str) -> Option<&'static About> {
    REFUSALS.iter().copied().find(|about| about.id.eq_ignore_ascii_case(id))
}

/// The refusals that somebody overrides with `--allow`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed(BTreeSet<&'static str>);

/// An id that `--allow` doesn't take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAllowed {
    /// No refusal has this id.
    Unknown {
        /// What was written.
        id: String,
        /// The ids that can be allowed.
        known: Vec<&'static str>,
    },
    /// The refusal guards data, and nothing overrides it.
    GuardsData(&'static About),
    /// The refusal has no override, since going on would make no sense.
    Never(&'static About),
}

impl Allowed {
    /// Reads the values of `--allow`.
    ///
    /// # Errors
    /// [`NotAllowed`] for the first that can't be allowed.
    pub fn parse(ids: &[String]) -> Result<Allowed, NotAllowed> {
        let mut allowed = BTreeSet::new();
        for id in ids {
            let Some(about) = find(id.trim()) else {
                return Err(NotAllowed::Unknown {
                    id: id.clone(),
                    known: Allowed::possible().collect(),
                });
            };
            if about.guards_data {
                return Err(NotAllowed::GuardsData(about));
            }
            if about.allowed.is_none() {
                return Err(NotAllowed::Never(about));
            }
            allowed.insert(about.id);
        }
        Ok(Allowed(allowed))
    }

    /// The ids that can be allowed.
    pub fn possible() -> impl Iterator<Item = &'static str> {
        REFUSALS
            .iter()
            .filter(|about| about.allowed.is_some() && !about.guards_data)
            .map(|about| about.id)
    }

    /// Whether a refusal is overridden. Never one that guards data, whatever was allowed.
    pub fn covers(&self, refusal: &Refusal) -> bool {
        refusal.can_be_allowed && self.0.contains(refusal.id.as_ref())
    }

    /// Those of the refusals that aren't overridden.
    pub fn left(&self, refusals: Vec<Refusal>) -> Vec<Refusal> {
        refusals.into_iter().filter(|refusal| !self.covers(refusal)).collect()
    }
}

/// Every refusal: what an operation needs first, then the shards, their places, and their data.
pub const REFUSALS: &[&About] = &[
    &RIGHTS,
    &UNREADABLE,
    &STRATEGY,
    &REPLICAS,
    &OWNER,
    &GITOPS,
    &MARK,
    &BUDGET_RELAXED,
    &SHARD_DOWN,
    &TERMINATING,
    &NO_HOME,
    &CORDON_TOLERATED,
    &ALSO_UPGRADES,
    &TWO_BUDGETS,
    &BUDGET_UNCLEAR,
    &SURGE,
    &SCALER,
    &NODE_UNREADY,
    &NODE_ANSWERS,
    &NODE_SILENCE,
    &NODE_HOLDS_NOTHING,
    &OWN_NODE,
    &OTHER_PODS,
    &RELEASE,
    &WRITE,
    &TEMPLATE,
    &PRE_PULL,
    &PLACEHOLDER,
    &MOVED_TAG,
    &NO_KARPENTER,
    &NODE_CLASS,
    &STORAGE_CLASS,
    &QUOTA,
    &OLDER_NAME,
    &FIELD_OWNER,
    &MANIFEST,
    &TOO_SMALL,
    &ZONE_LEFT_OUT,
    &POOL_LIMITS,
    &ALSO_SCALES,
    &NAME_TAKEN,
    &SPREAD_LEFT,
    &CLAIMS_GO_TOO,
    &CLAIMS_OF_ANOTHER,
    &MARKS_OUTLIVE,
    &PHASE_IN_USE,
    &POOL_IN_USE,
    &SET_CHANGED,
    &SHARD_CHANGED,
    &CLAIMS_UNREADABLE,
    &CLAIM_MISSING,
    &CLAIM_NOT_BOUND,
    &CLAIM_DELETED,
    &CLAIM_OWNED_BY_POD,
    &VOLUME_DELETED,
];

/// A right that the operation needs is missing.
pub const RIGHTS: About = About {
    id: "rights",
    title: "a right that the operation needs is missing",
    why: "An operation that may not finish what it begins leaves a shard down, or a change that nobody undoes. So every right is \
          asked for before anything is changed.",
    guards_data: false,
    allowed: Some(
        "The operation begins without the right. Where the server refuses a request later, it stops there, after the shard in \
         hand.",
    ),
};

/// Something that must be known can't be read.
pub const UNREADABLE: About = About {
    id: "unreadable",
    title: "the shards can't be seen",
    why: "Nobody should take a shard down without having seen that all the others are up. What can't be read counts as not \
          being so.",
    guards_data: false,
    allowed: None,
};

/// The set's update strategy isn't OnDelete.
pub const STRATEGY: About = About {
    id: "strategy",
    title: "the set's update strategy isn't OnDelete",
    why: "Under RollingUpdate the controller begins to replace shards the moment the template changes, in its own order and \
          without asking the gate. Two programs that both replace shards can take two down at once.",
    guards_data: false,
    allowed: None,
};

/// `spec.replicas` isn't the number of shards that there should be.
pub const REPLICAS: About = About {
    id: "replicas",
    title: "the set doesn't have as many replicas as there should be shards",
    why: "Either a shard is missing, and the system is down already, or somebody scaled the set and the expected number is \
          wrong. Both need a person: the operation can't tell which.",
    guards_data: false,
    allowed: Some(
        "The set is taken as it is: all ordinals that `spec.replicas` or the expected number gives must be Ready.",
    ),
};

/// The set belongs to another object.
pub const OWNER: About = About {
    id: "owner",
    title: "another object controls the set",
    why: "An operator that made the set writes it anew from its own resource. It would take a change of the template back, in \
          the middle of the operation or later.",
    guards_data: false,
    allowed: Some(
        "The set is changed all the same. If its owner takes the change back, the operation stops with `set-changed`.",
    ),
};

/// A GitOps tool writes the fields that the operation would write.
pub const GITOPS: About = About {
    id: "gitops",
    title: "a GitOps tool or Helm writes the fields that would be changed",
    why: "The tool would take the change back at its next sync, while shards are being replaced: some would come up with the old \
          template, some with the new. Change the source instead and let the tool write the template; `shardctl upgrade` without \
          an image then rolls what is pending. Or suspend the tool for the time.",
    guards_data: false,
    allowed: Some(
        "The template is changed all the same. If the tool takes the change back, the operation stops with `set-changed`.",
    ),
};

/// Another operation's mark is on something that the operation would change.
pub const MARK: About = About {
    id: "mark",
    title: "another operation of shardctl's has left a mark",
    why: "A mark says that something was changed for a while and hasn't been put back: a budget relaxed, a node cordoned, a shard \
          more. Either that operation is still running, or it was cut off. What it changed is not the state to begin from.",
    guards_data: false,
    allowed: Some(
        "An upgrade begins with the mark in place, and leaves it there: `shardctl recover` still puts it back. A drain can't: it \
         writes marks of its own on the same objects.",
    ),
};

/// The budget would let a shard be evicted.
pub const BUDGET_RELAXED: About = About {
    id: "budget-relaxed",
    title: "the disruption budget lets a shard be evicted",
    why: "While a shard is being replaced, the budget is all that keeps a drain, an autoscaler or Karpenter from taking a second \
          one. It has to forbid every eviction: `minAvailable` as large as the number of shards.",
    guards_data: false,
    allowed: Some("Shards are replaced one at a time all the same; anybody else may evict one more in the meantime."),
};

/// A shard is down that the operation won't replace, or another than the one that it is about to replace.
pub const SHARD_DOWN: About = About {
    id: "shard-down",
    title: "a shard is down",
    why: "The system is down while any shard is down. To take another one down makes the outage longer, and hides what is wrong \
          with the first. Find out why it is down before anything is changed.",
    guards_data: false,
    allowed: Some("Shards are replaced though another one is down: more than one is down at a time."),
};

/// A shard is on its way out.
pub const TERMINATING: About = About {
    id: "terminating",
    title: "a shard is being deleted",
    why: "A shard that is terminating is down, whatever its conditions and the budget's count say, and somebody is at work on it: \
          a drain, an autoscaler, a person. Wait until it is Ready again.",
    guards_data: false,
    allowed: Some("Shards are replaced though another one is terminating: more than one is down at a time."),
};

/// No node would take the shard.
pub const NO_HOME: About = About {
    id: "no-home",
    title: "no node would take the shard again",
    why: "A shard that is deleted has to find a node: with room for its requests, in its disk's zone, with a free attach slot, \
          with taints that it tolerates, and allowed by its affinity and topology spread. Where there is none, and no pool makes \
          one, it stays Pending, and the system stays down.",
    guards_data: false,
    allowed: Some("The shard is deleted all the same. It may stay Pending until somebody makes a place for it."),
};

/// The shards tolerate a cordon.
pub const CORDON_TOLERATED: About = About {
    id: "cordon-tolerated",
    title: "the shards go to cordoned nodes",
    why: "A cordon is a taint that a pod may tolerate. A shard whose template tolerates it, or every taint, is put back on the very \
          node that is to be emptied, as often as it is taken off.",
    guards_data: false,
    allowed: None,
};

/// A new template waits for the shards that would be moved.
pub const ALSO_UPGRADES: About = About {
    id: "also-upgrades",
    title: "a drain would upgrade the shards that it moves",
    why: "A shard that is made anew is made of the set's newest template. Where that is pending, moving a shard also changes what \
          it runs, without the trial, the fetching of images and the undo that `shardctl upgrade` has for it.",
    guards_data: false,
    allowed: Some("The shards are moved, and come back with the new template; the others keep the old one."),
};

/// More than one budget selects a shard.
pub const TWO_BUDGETS: About = About {
    id: "two-budgets",
    title: "more than one disruption budget selects the shards",
    why: "The eviction API answers 500 to every eviction of a pod that two budgets select, whatever they allow and however long \
          somebody waits. Lowering one of them changes nothing.",
    guards_data: false,
    allowed: None,
};

/// What the budget lets go isn't a matter of the shards alone.
pub const BUDGET_UNCLEAR: About = About {
    id: "budget-unclear",
    title: "the disruption budget can't be opened for exactly one shard",
    why: "A budget that selects other pods as well counts them in: nobody can say which value lets exactly one shard go, and a \
          shard more may not be the one that is spared. The same where its value can't be understood.",
    guards_data: false,
    allowed: None,
};

/// The strategy can't work with this budget.
pub const SURGE: About = About {
    id: "surge",
    title: "one more shard wouldn't make the budget let one go",
    why: "A surge adds a shard so that the budget has one to spare. That takes a budget that names a number of shards \
          (`minAvailable: 10`): under `minAvailable: 100%` or `maxUnavailable: 0` the new shard is counted in and none can be \
          spared, however many there are.",
    guards_data: false,
    allowed: None,
};

/// An autoscaler would take the change of replicas back.
pub const SCALER: About = About {
    id: "scaler",
    title: "an autoscaler writes the number of replicas",
    why: "A surge scales the set up and down again. An autoscaler of the set would scale it back in between, and take a shard \
          away while another one is moving. Hold it for the time, or use another strategy.",
    guards_data: false,
    allowed: Some(
        "The set is scaled all the same. If the autoscaler scales it back, the operation stops with `set-changed`.",
    ),
};

/// The node to be emptied is silent.
pub const NODE_UNREADY: About = About {
    id: "node-unready",
    title: "the node to be emptied isn't Ready",
    why: "A pod is gone when its kubelet says so. On a node that is silent it stays Terminating, keeps its name and its disk, and \
          no other pod can take its place. Whether it still runs and writes can't be seen: that has to be proven first.",
    guards_data: false,
    allowed: Some(
        "The shards are taken down all the same; each comes back when the kubelet answers or the node is proven off.",
    ),
};

/// A node is said to be off, and its kubelet answers.
pub const NODE_ANSWERS: About = About {
    id: "node-answers",
    title: "the node that is said to be off answers",
    why: "Declared off, a node's pods are deleted without asking its kubelet and their disks are attached elsewhere, while its \
          containers still run and write. A kubelet that answers is a machine that runs: its pods can be drained.",
    guards_data: true,
    allowed: None,
};

/// A node is said to be off, and hasn't been silent for long.
pub const NODE_SILENCE: About = About {
    id: "node-silence",
    title: "the node that is said to be off was heard of a moment ago",
    why: "A machine that restarts, or whose network is cut for a moment, looks like one that is off. It comes back with its \
          containers and disks, and what was let go meanwhile then runs twice. Silence alone never proves that a machine is off; \
          without silence there is nothing to prove.",
    guards_data: true,
    allowed: None,
};

/// A node is said to be off, and holds nothing of the set's.
pub const NODE_HOLDS_NOTHING: About = About {
    id: "node-holds-nothing",
    title: "the node that is said to be off holds nothing of the set's",
    why: "A node is declared off so that its shards and disks are let go. Where it has none, nothing would come of it, and the \
          taint would stay in the way of whatever comes there next.",
    guards_data: false,
    allowed: None,
};

/// shardctl runs on the node to be emptied.
pub const OWN_NODE: About = About {
    id: "own-node",
    title: "shardctl runs on the node that it is to empty",
    why: "It would evict its own pod, or be stopped with the machine, in the middle of the operation: with a budget lowered, a \
          shard down, and nobody to put them right.",
    guards_data: false,
    allowed: None,
};

/// A pod on the node can't be moved, or would lose something.
pub const OTHER_PODS: About = About {
    id: "other-pods",
    title: "a pod on the node can't go, or would lose something",
    why: "As `kubectl drain` refuses: a pod without a controller doesn't come back, an emptyDir's data is lost, a pod that a \
          budget always keeps holds the node for ever. It is said before the cordon, since a drain that stops half-way leaves a \
          cordoned node and shards that have moved for nothing. `--force`, `--delete-emptydir-data` and `--ignore-daemonsets` \
          mean what they mean to kubectl.",
    guards_data: false,
    allowed: Some(
        "The shards and the pods that can go are moved; the others stay on the node, which isn't empty at the end.",
    ),
};

/// The node can't be released.
pub const RELEASE: About = About {
    id: "release",
    title: "the node can't be given back when it is empty",
    why: "`--then-release` deletes the NodeClaim of an emptied node. A node that Karpenter didn't make has none.",
    guards_data: false,
    allowed: None,
};

/// The server says no to a write that was only tried.
pub const WRITE: About = About {
    id: "write",
    title: "the server would refuse a change that the operation makes",
    why: "`--dry-run=server` has the server try each kind of write, past admission and every check of its own, without keeping any. \
          What it refuses now it would refuse half-way through.",
    guards_data: false,
    allowed: None,
};

/// The server, or something that it would need, says no to the new template.
pub const TEMPLATE: About = About {
    id: "template",
    title: "the new template can't make a pod: the server refuses it, or something that it refers to isn't there",
    why: "Under OnDelete a template is only tried when a shard is already down. So the server is asked beforehand: the patch and a \
          pod made of it go through validation, admission, quota and Pod Security as a dry run, and every ConfigMap, Secret, \
          account and class that it names is looked for.",
    guards_data: false,
    allowed: Some("the template is written all the same, and the first shard shows whether it comes up"),
};

/// A node can't get the new images.
pub const PRE_PULL: About = About {
    id: "pre-pull",
    title: "a node where a shard may land can't get the new images",
    why: "A tag that doesn't exist, a registry that refuses, a disk that is full: with the shard already deleted it would stay \
          down. The images are fetched by a helper pod on every such node before a shard is touched.",
    guards_data: false,
    allowed: Some("the nodes that failed are passed over; a shard that lands there may not come up"),
};

/// The pod that would make a shard's node can't be made.
pub const PLACEHOLDER: About = About {
    id: "placeholder",
    title: "a shard's node can't be made beforehand",
    why: "A shard that needs a new node is down until that is there: minutes, not seconds. So a pod with the shard's own requests \
          has the node made and the images fetched while the shard still runs. A quota, Pod Security or an admission policy may \
          refuse that pod.",
    guards_data: false,
    allowed: Some("the shard is moved without it, and is down for as long as its node takes to come."),
};

/// One tag stands for several images.
pub const MOVED_TAG: About = About {
    id: "moved-tag",
    title: "an image's tag means different images on different nodes",
    why: "A tag that was pushed again gives each node whatever it meant when that node fetched it: the shards would run a mix of \
          versions under one name. The digest names one image for certain.",
    guards_data: false,
    allowed: Some("the shards run whatever their nodes fetch"),
};

/// The set isn't the one that the operation began with.
pub const SET_CHANGED: About = About {
    id: "set-changed",
    title: "the set isn't what it was when the operation began",
    why: "Somebody replaced the set, changed its template or scaled it while shards were being replaced. A shard that is deleted \
          now would come back as something that nobody has looked at. Begin again: the operation then looks at what there is.",
    guards_data: false,
    allowed: None,
};

/// The shard's pod isn't the one that was judged.
pub const SHARD_CHANGED: About = About {
    id: "shard-changed",
    title: "the shard's pod isn't the one that was looked at",
    why: "The pod has gone, or a new one has its name. Whatever was decided about the old one doesn't hold for it. The operation \
          looks again and decides anew.",
    guards_data: false,
    allowed: None,
};

/// The shard's claims or volumes can't be read.
pub const CLAIMS_UNREADABLE: About = About {
    id: "claims-unreadable",
    title: "the shard's claims or volumes can't be read",
    why: "A claim that is being deleted waits only for its pod. If that pod is deleted, the claim goes with it, and two seconds \
          later the shard is Ready on a new, empty volume. So the claims and volumes must be seen before each deletion; checking \
          afterwards is too late.",
    guards_data: true,
    allowed: None,
};

/// A claim of the shard doesn't exist.
pub const CLAIM_MISSING: About = About {
    id: "claim-missing",
    title: "a claim of the shard doesn't exist",
    why: "The controller makes a missing claim anew when it makes the pod, and the shard comes up on a new, empty volume. The data \
          is on a volume that no claim holds any more: bind it to a claim of the right name first.",
    guards_data: true,
    allowed: None,
};

/// A claim of the shard isn't bound.
pub const CLAIM_NOT_BOUND: About = About {
    id: "claim-not-bound",
    title: "a claim of the shard isn't bound to its volume",
    why: "A claim that is Pending is bound to whatever volume comes next, which is an empty one; one that is Lost has no volume any \
          more. A shard that is deleted now comes back without its data, or not at all.",
    guards_data: true,
    allowed: None,
};

/// A claim of the shard is being deleted.
pub const CLAIM_DELETED: About = About {
    id: "claim-deleted",
    title: "a claim of the shard is being deleted",
    why: "The deletion waits for the pod, and nothing else. When the pod goes, the claim goes, and the shard comes back on a new, \
          empty volume. A deletion can't be taken back: set the volume to Retain and copy the data away while the pod runs.",
    guards_data: true,
    allowed: None,
};

/// A claim of the shard is owned by its pod.
pub const CLAIM_OWNED_BY_POD: About = About {
    id: "claim-owned-by-pod",
    title: "a claim of the shard is owned by its pod",
    why: "What belongs to a pod is deleted with it. Retention `whenScaled: Delete` makes the pod the owner of its claims while it \
          is being scaled away.",
    guards_data: true,
    allowed: None,
};

/// A volume of the shard is being deleted.
pub const VOLUME_DELETED: About = About {
    id: "volume-deleted",
    title: "a volume of the shard is being deleted",
    why: "The deletion waits for the claim. As soon as that is gone the disk goes too, if its reclaim policy is Delete. Copy the \
          data away while the pod runs.",
    guards_data: true,
    allowed: None,
};

/// There is no Karpenter, or an older one.
pub const NO_KARPENTER: About = About {
    id: "no-karpenter",
    title: "Karpenter doesn't serve karpenter.sh/v1",
    why: "Nobody would buy nodes for the shards, which would stay Pending.",
    guards_data: false,
    allowed: None,
};

/// What the pools refer to isn't there.
pub const NODE_CLASS: About = About {
    id: "node-class",
    title: "the node class of the pools isn't there",
    why: "A pool whose node class is missing isn't Ready, and Karpenter buys nothing for it.",
    guards_data: false,
    allowed: None,
};

/// The disks can't be made, or are made too early.
pub const STORAGE_CLASS: About = About {
    id: "storage-class",
    title: "the storage class isn't there, or makes disks before the shards have nodes",
    why: "A disk is in one zone for good. Made before its shard has a node, it is in a zone where there may be no room, and the zones \
          aren't filled alike.",
    guards_data: false,
    allowed: Some(
        "The objects are written all the same; the shards go where their disks are, or stay Pending without one.",
    ),
};

/// The namespace may not use as much as the shards take.
pub const QUOTA: About = About {
    id: "quota",
    title: "the namespace's quota has too little left for all shards",
    why: "The pods beyond it are never made, and the system is down as long as one is missing.",
    guards_data: false,
    allowed: Some("The objects are written all the same; the shards that the quota has no room for don't come."),
};

/// The shards are there under an older name.
pub const OLDER_NAME: About = About {
    id: "older-name",
    title: "the shards are there under an older name",
    why: "Claims are named by their set. A set of another name begins with empty disks, beside the one that has the data.",
    guards_data: false,
    allowed: None,
};

/// The size that is to be pinned holds no shard.
pub const TOO_SMALL: About = About {
    id: "size-too-small",
    title: "a machine of the size has no room for a shard",
    why: "The nodes say what is left of a size, and DaemonSets take their part of it. A shard that fits on no machine stays Pending, and \
          the system is down.",
    guards_data: false,
    allowed: None,
};

/// A disk is where the pool may buy nothing.
pub const ZONE_LEFT_OUT: About = About {
    id: "zone-left-out",
    title: "a shard's disk is in a zone where the pool may buy no machine",
    why: "A disk stays in its zone for good, and its shard with it.",
    guards_data: false,
    allowed: None,
};

/// The pool may not buy enough.
pub const POOL_LIMITS: About = About {
    id: "pool-limits",
    title: "the shards take more machines than the pool's limits have room for",
    why: "Karpenter buys nothing past the limits of a pool: shards would stay Pending in the middle of the way. The limits are reckoned \
          for shards that are spread evenly over the zones; the disks may lie otherwise.",
    guards_data: false,
    allowed: None,
};

/// The number of shards would change.
pub const ALSO_SCALES: About = About {
    id: "also-scales",
    title: "the number of shards would change as well",
    why: "A promotion moves the shards that there are. One that goes away takes its part of the keys with it, one that comes begins with \
          an empty disk.",
    guards_data: true,
    allowed: None,
};

/// A workload of another namespace has the name.
pub const NAME_TAKEN: About = About {
    id: "name-taken",
    title: "a workload of another namespace has the name",
    why: "Pools, node classes and the priority class are the whole cluster's, and named after the workload. Two of one name would buy each \
          other's nodes, and the cleanup of one would take the other's away.",
    guards_data: false,
    allowed: None,
};

/// Somebody else's demand over zones stays in the template.
pub const SPREAD_LEFT: About = About {
    id: "spread-left",
    title: "a demand over zones stays in the template",
    why: "Constraints are told apart by their topology and by what happens where they can't be met: the demand that explore's manifests make \
          stays beside the wish that is written, as long as whoever applied it (kubectl) owns it. The disks hold each shard in its zone; \
          with the demand one stays Pending while others are down or have gone ahead.",
    guards_data: false,
    allowed: None,
};

/// Somebody else writes a field that would change.
pub const FIELD_OWNER: About = About {
    id: "field-owner",
    title: "somebody else writes a field that would change",
    why: "Two who write one field undo each other's work, for ever where one of them is a controller (GitOps, an autoscaler).",
    guards_data: false,
    allowed: Some("The fields are taken over: the server makes shardctl their only writer."),
};

/// The API server refuses an object.
pub const MANIFEST: About = About {
    id: "manifest",
    title: "the API server refuses an object",
    why: "It was asked for every object before anything was written. An admission policy, a field that can't be changed afterwards or \
          one that an older server doesn't know can be the reason; asking again doesn't change that.",
    guards_data: false,
    allowed: None,
};

#[cfg(test)]
mod tests;
