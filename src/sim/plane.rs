//! The store with its controllers on one timeline: what is to be done next, and when.
//!
//! A change makes work for the controllers that it concerns; each piece of work looks at the store as it is when its time
//! comes, as a real controller's queue does. The order is that of time, then of planning: the same input, the same course.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::sim::api::Access;
use crate::sim::controllers::{Covered, Followed, Led, Ordered, Pace, Stage, Work, concerned, run};
use crate::sim::json::uid;
use crate::sim::kind::Kind;
use crate::sim::store::{Change, Key, Object, Part, Store, What, Write};

/// How often the server has its store forget what was changed before the last time (`--etcd-compaction-interval`, where nobody
/// changed it). Whoever watches from an earlier version lists anew.
const COMPACTION: SignedDuration = SignedDuration::from_mins(5);

/// How long a server keeps Events where nobody said otherwise.
const EVENT_TTL: SignedDuration = SignedDuration::from_hours(1);

/// After how many changes that are noted at once the trees of all objects are given back.
const AT_ONCE: usize = 64;

/// The version of Kubernetes that this was written after.
const VERSION: &str = "v1.36.3";

/// A whole rehearsal cluster, but for time.
#[derive(Clone, Debug)]
pub struct Plane {
    /// The objects.
    pub store: Store,
    /// How long things take.
    pub pace: Pace,
    /// Who asks, and what he may not do.
    pub access: Access,
    /// Requests that a real server would serve and this one doesn't: a run with any of them proves nothing.
    pub strays: Vec<String>,
    /// The server's version.
    pub version: String,
    /// The extensions that are installed, by the group of their kinds.
    pub extensions: BTreeSet<String>,
    /// Images that no registry has.
    pub missing_images: BTreeSet<String>,
    /// Images whose containers end as soon as they start.
    pub crashing_images: BTreeSet<String>,
    /// Keys that one shard keeps for itself, though they are another's.
    pub kept_keys: BTreeSet<String>,
    /// The sizes of machine that can be bought, by name: `labels`, `allocatable` and `capacity` of such a node. Those of the
    /// nodes that are there are known anyway.
    pub machines: BTreeMap<String, Value>,
    /// Whether a cloud gives addresses to services of type LoadBalancer.
    pub gives_addresses: bool,
    /// How long an Event is kept since it was last written (`--event-ttl`).
    pub event_ttl: SignedDuration,
    /// The zones in which no machine is to be had.
    pub sold_out: BTreeSet<String>,
    /// The machines that are on their way, by the name of their NodeClaim.
    pub(in crate::sim) ordered: BTreeMap<String, Ordered>,
    /// When the pods that wait for machines have been collected.
    pub(in crate::sim) batch: Option<Timestamp>,
    /// The images that each node has.
    pub(in crate::sim) pulled: BTreeSet<(String, String)>,
    /// The nodes of pods that wait only for their volumes, by uid.
    pub(in crate::sim) reserved: BTreeMap<String, String>,
    /// What goes on with a pod or a claim, by uid, and until when.
    pub(in crate::sim) stages: BTreeMap<String, (Stage, Timestamp)>,
    /// The services whose slices are written.
    pub(in crate::sim) led: BTreeMap<Key, Led>,
    /// The pods that budgets cover.
    pub(in crate::sim) covered: BTreeMap<Key, Followed<Covered>>,
    queue: BTreeMap<(Timestamp, u64), Work>,
    planned: BTreeMap<Work, (Timestamp, u64)>,
    sequence: u64,
    /// When the store was last compacted, and its version then.
    compacted: Option<(Timestamp, u64)>,
}

impl Plane {
    /// An empty cluster.
    pub fn new(pace: Pace) -> Plane {
        Plane {
            store: Store::default(),
            pace,
            access: Access::default(),
            strays: Vec::new(),
            version: VERSION.to_owned(),
            extensions: BTreeSet::new(),
            missing_images: BTreeSet::new(),
            crashing_images: BTreeSet::new(),
            kept_keys: BTreeSet::new(),
            machines: BTreeMap::new(),
            gives_addresses: false,
            event_ttl: EVENT_TTL,
            sold_out: BTreeSet::new(),
            ordered: BTreeMap::new(),
            batch: None,
            pulled: BTreeSet::new(),
            reserved: BTreeMap::new(),
            stages: BTreeMap::new(),
            led: BTreeMap::new(),
            covered: BTreeMap::new(),
            queue: BTreeMap::new(),
            planned: BTreeMap::new(),
            sequence: 0,
            compacted: None,
        }
    }

    /// Whether the cluster has a kind.
    pub fn serves(&self, kind: Kind) -> bool {
        !kind.is_custom() || self.extensions.contains(kind.served().group)
    }

    /// Notes that a node has fetched an image.
    pub fn has_fetched(&mut self, node: &str, image: &str) {
        self.pulled.insert((node.to_owned(), image.to_owned()));
    }

    /// Plans the work that the changes since the last call make.
    pub fn take_note(&mut self, now: Timestamp) {
        let noted = self.store.noted().unwrap_or_default();
        if noted == self.store.revision() {
            return;
        }
        let mut news: Vec<Change> = Vec::new();
        for kind in Kind::ALL {
            // A log that has forgotten what wasn't noted yet: everything of the kind is news.
            match self.store.since(kind, noted) {
                Ok(changes) => news.extend(changes.cloned()),
                Err(_) => {
                    let all = self.store.all(kind, None);
                    news.extend(all.map(|object| Change {
                        revision: self.store.revision(),
                        kind,
                        what: What::Added,
                        object: object.clone(),
                        before: None,
                    }));
                }
            }
        }
        news.sort_by_key(|change| change.revision);
        self.store.mark_noted();
        for (place, change) in news.into_iter().enumerate() {
            if change.what == What::Deleted {
                self.reserved.remove(uid(&change.object));
                self.stages.remove(uid(&change.object));
            }
            for work in concerned(&self.store, &change) {
                self.plan(work, later(now, self.pace.lag));
            }
            drop(change);
            self.store.looked();
            if place % AT_ONCE == AT_ONCE - 1 {
                // A whole cluster is news: most of it nobody looks into again soon.
                self.store.rest();
            }
        }
        self.compact(now);
    }

    /// Forgets the changes up to where the store was the last time, as a server's compactor does.
    ///
    /// Source: `staging/src/k8s.io/apiserver/pkg/storage/etcd3/compact.go`.
    fn compact(&mut self, now: Timestamp) {
        match self.compacted {
            Some((at, _)) if now.duration_since(at) < COMPACTION => return,
            Some((_, revision)) => self.store.compact(revision),
            None => {}
        }
        self.compacted = Some((now, self.store.revision()));
    }

    /// Plans a piece of work for a moment; where it is planned for an earlier one already, that stands.
    pub fn plan(&mut self, work: Work, at: Timestamp) {
        match self.planned.get(&work) {
            Some((planned, _)) if *planned <= at => return,
            Some(place) => drop(self.queue.remove(&place.clone())),
            None => {}
        }
        self.sequence += 1;
        let place = (at, self.sequence);
        self.queue.insert(place, work.clone());
        self.planned.insert(work, place);
    }

    /// As [`plan`](Self::plan), some time from now.
    pub(in crate::sim) fn plan_in(&mut self, work: Work, now: Timestamp, after: Duration) {
        self.plan(work, later(now, after));
    }

    /// When there is something to do next.
    pub fn next(&self) -> Option<Timestamp> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Does the next piece of work that is due at a moment; false where none is.
    pub fn step(&mut self, now: Timestamp) -> bool {
        match self.queue.first_key_value() {
            Some(((at, _), _)) if *at <= now => {}
            _ => return false,
        }
        self.store.looked();
        let Some((_, work)) = self.queue.pop_first() else {
            return false;
        };
        self.planned.remove(&work);
        run(self, &work, now);
        self.take_note(now);
        true
    }

    /// Does everything up to a moment, each piece of work at its own.
    pub fn run_until(&mut self, until: Timestamp) {
        while let Some(at) = self.next().filter(|at| *at <= until) {
            self.step(at);
        }
    }

    /// Changes an object as a controller does, both parts at once; what is gone meanwhile stays so.
    pub(in crate::sim) fn change(
        &mut self,
        key: &Key,
        now: Timestamp,
        with: impl FnOnce(&mut Value),
    ) -> Option<Object> {
        let mut object = Value::clone(self.store.get(key)?);
        with(&mut object);
        self.store.update(key, object, Part::Whole, &by_us(now)).ok()
    }

    /// Creates an object as a controller does.
    pub(in crate::sim) fn make(
        &mut self,
        kind: Kind,
        namespace: &str,
        object: Value,
        now: Timestamp,
    ) -> Option<Object> {
        self.store
            .create(kind, namespace, object, Part::Whole, &by_us(now))
            .ok()
    }
}

/// A write of the cluster's own. Such writers aren't named in managedFields: nobody asks about them.
pub(in crate::sim) fn by_us(now: Timestamp) -> Write<'static> {
    Write {
        manager: "",
        now,
        dry_run: false,
    }
}

/// A moment some time after another.
pub(in crate::sim) fn later(now: Timestamp, after: Duration) -> Timestamp {
    SignedDuration::try_from(after)
        .ok()
        .and_then(|after| now.checked_add(after).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn changes_are_told_for_five_minutes_at_least_and_then_forgotten() {
        let mut plane = Plane::new(Pace::default());
        plane.take_note(at(0));
        let made = |plane: &mut Plane, name: &str, now: Timestamp| {
            let lease = serde_json::json!({"metadata": {"name": name, "namespace": "shop"}});
            plane.store.load(Kind::Leases, lease);
            plane.take_note(now);
        };
        made(&mut plane, "a", at(1));
        let first = plane.store.revision();
        made(&mut plane, "b", at(299));
        made(&mut plane, "c", at(301));
        assert_eq!(
            plane.store.since(Kind::Leases, first).map(Iterator::count).ok(),
            Some(2)
        );
        made(&mut plane, "d", at(602));
        assert!(plane.store.since(Kind::Leases, first).is_err());
        assert_eq!(
            plane
                .store
                .since(Kind::Leases, plane.store.revision())
                .map(Iterator::count)
                .ok(),
            Some(0)
        );
    }

    #[test]
    fn nothing_is_forgotten_before_the_controllers_have_noted_it() {
        let mut plane = Plane::new(Pace::default());
        let make = |plane: &mut Plane, name: String| {
            let lease = serde_json::json!({"metadata": {"name": name, "namespace": "shop"}});
            plane.store.load(Kind::Leases, lease);
        };
        make(&mut plane, "first".to_owned());
        plane.take_note(at(0));
        let noted = plane.store.revision();
        (0..300).for_each(|number| make(&mut plane, format!("l-{number}")));
        let told = |plane: &Plane| plane.store.since(Kind::Leases, noted).map(Iterator::count).ok();
        assert_eq!(told(&plane), Some(300));
        plane.take_note(at(1));
        make(&mut plane, "last".to_owned());
        assert_eq!(told(&plane), None);
    }

    fn work(name: &str) -> Work {
        Work::Budget(Key::new(Kind::Budgets, "shop", name))
    }

    #[test]
    fn work_is_done_in_the_order_of_time_and_then_of_planning() {
        let mut plane = Plane::new(Pace::default());
        plane.plan(work("late"), at(9));
        plane.plan(work("one"), at(5));
        plane.plan(work("two"), at(5));
        let order: Vec<Work> = plane.queue.values().cloned().collect();
        assert_eq!(order, [work("one"), work("two"), work("late")]);
        assert!(!plane.step(at(4)));
        assert!(plane.step(at(5)));
        assert_eq!(plane.next(), Some(at(5)));
        plane.run_until(at(9));
        assert_eq!(plane.next(), None);
    }

    #[test]
    fn work_planned_twice_is_done_once_and_at_the_earlier_time() {
        let mut plane = Plane::new(Pace::default());
        plane.plan(work("one"), at(5));
        plane.plan(work("one"), at(3));
        plane.plan(work("one"), at(7));
        assert_eq!((plane.queue.len(), plane.next()), (1, Some(at(3))));
    }
}
