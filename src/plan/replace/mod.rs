//! What every operation shares that replaces shards' pods: who is due, who is in hand, who is done, and when one takes too long.
//!
//! An operation says which pods are due (another revision's, those on a node that is to be emptied) and how patient it is; what
//! this room remembers is only what its process saw. A rerun begins without it.

mod another;
pub mod budgets;
mod disks;
pub mod hand;
mod noting;
pub mod pace;
pub mod report;
pub mod stand;
pub mod tasks;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;

use super::course::Course;
use super::operation::Disks;
use super::verify::seen::{Seen, Shard};
use crate::model::objects::Objects;
use crate::model::pod;
use crate::model::set::Ordinal;
use crate::model::step::PodRef;

use disks::DisksLooked;
use noting::Noted;

pub use another::{Unseen, another_set, observed_revision, unseen};

/// Whether the pod of a shard that has one has still to be replaced.
pub type Due<'a> = &'a dyn Fn(&Shard<'_>) -> bool;

/// How patient a run is with a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The set's name.
    pub set_name: String,
    /// How long a shard may be down beyond its grace period.
    pub shard_timeout: SignedDuration,
    /// How long a shard must be Ready before it is done.
    pub min_ready: SignedDuration,
    /// The grace period of the shards' pods.
    pub grace: SignedDuration,
    /// How often a container may restart before its shard counts as failed.
    pub max_restarts: i32,
}

/// What a run that replaces pods remembers of the shards.
#[derive(Debug)]
pub struct Replacing {
    /// When the run began.
    pub began: Timestamp,
    /// Shards that were seen Ready and aren't in hand.
    pub up: BTreeSet<Ordinal>,
    /// Since when a pod is Ready without a break, by uid.
    pub ready_since: BTreeMap<String, Timestamp>,
    /// Shards that were taken down and aren't done.
    pub taken: BTreeMap<Ordinal, Taken>,
    /// Shards that are done, in this order.
    pub done: Vec<Ordinal>,
    /// When the last of them was.
    pub last_done: Option<Timestamp>,
    /// The way down and up again of each shard that was taken down.
    pub courses: BTreeMap<Ordinal, Course>,
    /// How long a shard was expected to take when it was taken down, in seconds.
    pub expected: BTreeMap<Ordinal, f64>,
    /// The disks as they were at first.
    pub disks: BTreeMap<Ordinal, Disks>,
    /// Shards whose disks were proven the same after they were replaced.
    pub proven: BTreeSet<Ordinal>,
    /// Whether the pods were looked at yet.
    looked: bool,
    /// The pods that were looked at last.
    pods: Option<Objects<Pod>>,
    /// Where the shards stood when they were noted last.
    noted: Noted,
    /// What the disks were looked at in last.
    disks_looked: Option<DisksLooked>,
    /// The last of these looks that saw all volumes, where it found nothing and no shard was new to it.
    all_disks: Option<DisksLooked>,
}

/// A shard that was taken down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The pod that went; empty where an earlier run took it.
    pub uid: String,
    /// When it was taken down.
    pub at: Timestamp,
    /// From when on its time counts: later than `at` where it was given as long again.
    pub patient_from: Timestamp,
}

impl Replacing {
    /// Of a run that begins now.
    pub fn begun(now: Timestamp) -> Replacing {
        Replacing {
            began: now,
            up: BTreeSet::new(),
            ready_since: BTreeMap::new(),
            taken: BTreeMap::new(),
            done: Vec::new(),
            last_done: None,
            courses: BTreeMap::new(),
            expected: BTreeMap::new(),
            disks: BTreeMap::new(),
            proven: BTreeSet::new(),
            looked: false,
            pods: None,
            noted: Noted::default(),
            disks_looked: None,
            all_disks: None,
        }
    }

    /// Remembers that a shard's pod is about to be taken down: from here on the shard is in hand, whatever the answer.
    pub fn begin(&mut self, seen: &Seen<'_>, target: &PodRef, terms: &Terms, now: Timestamp) {
        let is_it = |found: &&Pod| pod::uid(found) == target.uid;
        let its_own = seen.own_pod(target.ordinal).ok().flatten().filter(is_it);
        let among_all = || seen.own_pods().unwrap_or_default().into_iter().find(is_it);
        let Some(old) = its_own.or_else(among_all) else {
            return;
        };
        if let Some(estimate) = self.estimate(seen, terms) {
            self.expected.insert(target.ordinal, estimate.seconds);
        }
        let mut course = Course::begun(target.ordinal, old, terms.min_ready, now);
        // A shard that is deleted once more before it was done has been down since it was deleted first.
        if self.taken.contains_key(&target.ordinal)
            && let Some(earlier) = self.courses.get(&target.ordinal)
        {
            course = course.going_on_from(earlier, now);
        }
        self.take(target.ordinal, target.uid.clone(), now, course);
    }

    /// A shard's pod wasn't taken down for certain: the shard is as it was.
    pub fn forget(&mut self, ordinal: Ordinal) {
        self.taken.remove(&ordinal);
        self.courses.remove(&ordinal);
    }

    /// Gives a shard in hand as long again: what kept it down was changed just now.
    pub fn be_patient_anew(&mut self, ordinal: Ordinal, now: Timestamp) {
        if let Some(taken) = self.taken.get_mut(&ordinal) {
            taken.patient_from = now;
        }
    }

    /// The shards that this run took down, done or not.
    pub fn touched(&self) -> Vec<Ordinal> {
        self.done.iter().chain(self.taken.keys()).copied().collect()
    }

    fn take(&mut self, ordinal: Ordinal, uid: String, at: Timestamp, course: Course) {
        let taken = Taken {
            uid,
            at,
            patient_from: at,
        };
        self.noted.forget(ordinal);
        self.up.remove(&ordinal);
        self.taken.insert(ordinal, taken);
        self.courses.insert(ordinal, course);
    }
}

/// How long a shard must be Ready: `minReadySeconds`, or what was asked for (`--min-ready`) where that is more.
pub fn min_ready(seen: &Seen<'_>, asked: Option<SignedDuration>) -> SignedDuration {
    let seconds = seen
        .set()
        .ok()
        .and_then(|set| set.spec.as_ref()?.min_ready_seconds)
        .unwrap_or(0);
    asked.unwrap_or_default().max(SignedDuration::from_secs(seconds.into()))
}

/// The shard that a pod is.
pub fn shard_of<'a>(seen: &Seen<'a>, target: &PodRef) -> Option<Shard<'a>> {
    seen.shard(target.ordinal).ok()?
}

/// A shard's pod as it was seen, to act on.
pub fn pod_ref(found: &Pod, ordinal: Ordinal) -> PodRef {
    PodRef {
        name: pod::name(found).to_owned(),
        ordinal,
        uid: pod::uid(found).to_owned(),
        resource_version: found.metadata.resource_version.clone().unwrap_or_default(),
        node: pod::node(found).map(str::to_owned),
    }
}
