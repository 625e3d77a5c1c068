//! The StatefulSet controller: pods by ordinal, one at a time or all at once, and which revision each is made of.
//!
//! Source: `pkg/controller/statefulset/stateful_set_control.go`, updateStatefulSet. MaxUnavailable (alpha) isn't modelled.

mod claims;
mod pod;
mod revisions;
mod status;

use jiff::{SignedDuration, Timestamp};

use crate::sim::controllers::Work;
use crate::sim::controllers::events::{By, say, warn};
use crate::sim::json::{is_leaving, name, number, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Common, Deletion, Key, Marks, Object, Part, REVISION, Store};
use revisions::Revisions;

/// What the controller knows while it looks at a set.
struct Look {
    key: Key,
    set: Object,
    revisions: Revisions,
    /// The pods that the set owns and that have a name which it gives, by ordinal.
    pods: Vec<(i64, Marks)>,
    start: i64,
    replicas: i64,
    /// How long a pod must be Ready until it counts as available, in seconds.
    settles: i64,
    now: Timestamp,
}

/// Looks at a set, and does what comes next.
pub(super) fn reconcile(plane: &mut Plane, key: &Key, now: Timestamp) {
    let Some(set) = plane.store.get(key).cloned() else {
        return;
    };
    if is_leaving(&set) {
        return;
    }
    let stem = plane.store.word(&key.name);
    let own = plane.store.sharing(Common::Owner, uid(&set)).map(|(_, marks)| marks);
    let named = own.filter(|marks| stem == Some(marks.stem));
    let mut pods: Vec<(i64, Marks)> = named
        .filter_map(|marks| Some((marks.ordinal?.into(), *marks)))
        .collect();
    pods.sort_unstable_by_key(|(ordinal, _)| *ordinal);
    let Some(revisions) = revisions::find(plane, &set, now) else {
        return;
    };
    let look = Look {
        key: key.clone(),
        start: number(&set, "/spec/ordinals/start").unwrap_or(0),
        replicas: number(&set, "/spec/replicas").unwrap_or(1),
        settles: number(&set, "/spec/minReadySeconds").unwrap_or(0),
        set,
        revisions,
        pods,
        now,
    };
    look.act(plane);
    if let Some(again) = look.next_available(&plane.store) {
        plane.plan(Work::Set(key.clone()), again);
    }
    status::write(plane, &look);
    revisions::forget(plane, &look);
}

impl Look {
    fn wanted(&self) -> std::ops::Range<i64> {
        self.start..self.start + self.replicas
    }

    fn is_ordered(&self) -> bool {
        text(&self.set, "/spec/podManagementPolicy") != "Parallel"
    }

    fn rolls(&self) -> bool {
        text(&self.set, "/spec/updateStrategy/type") != "OnDelete"
    }

    fn partition(&self) -> Option<i64> {
        number(&self.set, "/spec/updateStrategy/rollingUpdate/partition")
    }

    /// The pod with an ordinal.
    fn at(&self, ordinal: i64) -> Option<&Marks> {
        let place = self.pods.binary_search_by_key(&ordinal, |(ordinal, _)| *ordinal).ok()?;
        Some(&self.pods[place].1)
    }

    fn key_of(&self, ordinal: i64) -> Key {
        Key::new(Kind::Pods, &self.key.namespace, &format!("{}-{ordinal}", self.key.name))
    }

    /// When a pod counts as available that has changed last when `since` says; none where it isn't Ready.
    fn available_at(&self, marks: &Marks, since: impl FnOnce() -> Option<Timestamp>) -> Option<Timestamp> {
        if !is_ready(marks) {
            return None;
        }
        match Some(self.settles).filter(|settles| *settles > 0).and_then(|_| since()) {
            Some(since) => since.checked_add(SignedDuration::from_secs(self.settles)).ok(),
            None => Some(self.now),
        }
    }

    fn is_available(&self, store: &Store, ordinal: i64, marks: &Marks) -> bool {
        let since = || store.get(&self.key_of(ordinal))?.glance().ready_changed;
        self.available_at(marks, since).is_some_and(|at| at <= self.now)
    }

    /// When the next pod that is Ready has been so for long enough.
    fn next_available(&self, store: &Store) -> Option<Timestamp> {
        let times = self.pods.iter().filter_map(|(ordinal, marks)| {
            let since = || store.get(&self.key_of(*ordinal))?.glance().ready_changed;
            self.available_at(marks, since)
        });
        times.filter(|at| *at > self.now).min()
    }

    fn act(&self, plane: &mut Plane) {
        claims::follow_retention(plane, self);
        let ordered = self.is_ordered();
        for ordinal in self.wanted() {
            match self.at(ordinal) {
                None => {
                    claims::make(plane, self, ordinal);
                    self.make_pod(plane, ordinal);
                    if ordered {
                        return;
                    }
                }
                Some(pod) if pod.ended => {
                    self.delete(plane, ordinal, pod);
                    if ordered {
                        return;
                    }
                }
                Some(pod) => {
                    if pod.pending {
                        claims::make(plane, self, ordinal);
                    }
                    if ordered && (pod.leaving || !self.is_available(&plane.store, ordinal, pod)) {
                        return;
                    }
                }
            }
        }
        let wanted = self.wanted();
        let first_unwell = self.pods.iter().find(|(_, pod)| !is_ready(pod) || pod.leaving);
        for (ordinal, pod) in self.pods.iter().rev().filter(|(ordinal, _)| !wanted.contains(ordinal)) {
            if self.is_ordered() {
                let is_first = first_unwell.is_some_and(|(first, _)| first == ordinal);
                if pod.leaving || (!is_ready(pod) && !is_first) {
                    return;
                }
            }
            self.delete(plane, *ordinal, pod);
            if self.is_ordered() {
                return;
            }
        }
        if !self.rolls() {
            return;
        }
        let update = plane.store.word(&self.revisions.update);
        let from = self.start + self.partition().unwrap_or(0);
        for ordinal in (from..wanted.end).rev() {
            // One that was made just now isn't Ready.
            let Some(pod) = self.at(ordinal) else { return };
            if pod.leaving {
                return;
            }
            if update != Some(pod.revision) {
                self.delete(plane, ordinal, pod);
                return;
            }
            if !self.is_available(&plane.store, ordinal, pod) {
                return;
            }
        }
    }

    /// Whether a new pod is made of the revision before the update.
    fn is_of_current(&self, ordinal: i64) -> bool {
        let before = match self.partition() {
            Some(partition) => partition,
            None => number(&self.set, "/status/currentReplicas").unwrap_or(0),
        };
        self.rolls() && self.revisions.current != self.revisions.update && ordinal < self.start + before
    }

    fn make_pod(&self, plane: &mut Plane, ordinal: i64) {
        let revision = if self.is_of_current(ordinal) {
            &self.revisions.current
        } else {
            &self.revisions.update
        };
        let Some(template) = self.revisions.template(plane, &self.key.namespace, revision, &self.set) else {
            return;
        };
        let pod = pod::from_template(&self.set, &template, ordinal, revision);
        let called = name(&pod).to_owned();
        let (what, set) = (
            format!("create Pod {called} in StatefulSet {}", self.key.name),
            (Kind::StatefulSets, &*self.set),
        );
        let space = &self.key.namespace;
        let made = plane
            .store
            .create(Kind::Pods, space, pod, Part::Whole, &by_us(self.now));
        if let Err(refused) = made {
            let message = format!("{what} failed error: {}", refused.message);
            warn(plane, By::Sets, set, "FailedCreate", &message, self.now);
            plane.plan_in(Work::Set(self.key.clone()), self.now, plane.pace.retry);
        } else {
            say(
                plane,
                By::Sets,
                set,
                "SuccessfulCreate",
                &format!("{what} successful"),
                self.now,
            );
        }
    }

    fn delete(&self, plane: &mut Plane, ordinal: i64, pod: &Marks) {
        if pod.leaving {
            return;
        }
        // What is gone meanwhile is what was wanted.
        let key = self.key_of(ordinal);
        let _ = plane.store.delete(&key, &Deletion::default(), &by_us(self.now));
    }
}

fn is_ready(pod: &Marks) -> bool {
    pod.runs && pod.ready
}

#[cfg(test)]
mod tests;
