//! The StatefulSet controller: pods by ordinal, one at a time or all at once, and which revision each is made of.
//!
//! Source: `pkg/controller/statefulset/stateful_set_control.go`, updateStatefulSet. MaxUnavailable (alpha) isn't modelled.

mod claims;
mod pod;
mod revisions;
mod status;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::sim::controllers::events::{By, say, warn};
use crate::sim::controllers::{Work, ordinal};
use crate::sim::json::{is_leaving, name, number, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Deletion, Key, Object, Part, REVISION};
use revisions::Revisions;

/// What the controller knows while it looks at a set.
struct Look {
    key: Key,
    set: Object,
    revisions: Revisions,
    pods: BTreeMap<i64, Object>,
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
    let pods: BTreeMap<i64, Object> = plane
        .store
        .all(Kind::Pods, Some(&key.namespace))
        .filter(|pod| *pod.glance().owner == *uid(&set))
        .filter_map(|pod| Some((ordinal(&set, pod)?, pod.clone())))
        .collect();
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
    if let Some(again) = look.next_available() {
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

    /// When the pod counts as available; none where it isn't Ready.
    fn available_at(&self, pod: &Object) -> Option<Timestamp> {
        if !is_ready(pod) {
            return None;
        }
        match pod.glance().ready_changed {
            Some(since) if self.settles > 0 => since.checked_add(SignedDuration::from_secs(self.settles)).ok(),
            _ => Some(self.now),
        }
    }

    fn is_available(&self, pod: &Object) -> bool {
        self.available_at(pod).is_some_and(|at| at <= self.now)
    }

    /// When the next pod that is Ready has been so for long enough.
    fn next_available(&self) -> Option<Timestamp> {
        let times = self.pods.values().filter_map(|pod| self.available_at(pod));
        times.filter(|at| *at > self.now).min()
    }

    fn act(&self, plane: &mut Plane) {
        claims::follow_retention(plane, self);
        let ordered = self.is_ordered();
        for ordinal in self.wanted() {
            match self.pods.get(&ordinal) {
                None => {
                    claims::make(plane, self, ordinal);
                    self.make_pod(plane, ordinal);
                    if ordered {
                        return;
                    }
                }
                Some(pod) if pod.glance().ended => {
                    self.delete(plane, pod);
                    if ordered {
                        return;
                    }
                }
                Some(pod) => {
                    if pod.glance().pending {
                        claims::make(plane, self, ordinal);
                    }
                    if ordered && (pod.glance().leaving || !self.is_available(pod)) {
                        return;
                    }
                }
            }
        }
        let wanted = self.wanted();
        let first_unwell = self.pods.values().find(|pod| !is_ready(pod) || pod.glance().leaving);
        for (_, pod) in self.pods.iter().rev().filter(|(ordinal, _)| !wanted.contains(ordinal)) {
            if self.is_ordered() {
                let is_first = first_unwell.is_some_and(|first| name(first) == name(pod));
                if pod.glance().leaving || (!is_ready(pod) && !is_first) {
                    return;
                }
            }
            self.delete(plane, pod);
            if self.is_ordered() {
                return;
            }
        }
        if !self.rolls() {
            return;
        }
        let from = self.start + self.partition().unwrap_or(0);
        for ordinal in (from..wanted.end).rev() {
            // One that was made just now isn't Ready.
            let Some(pod) = self.pods.get(&ordinal) else { return };
            if pod.glance().leaving {
                return;
            }
            if revision(pod) != self.revisions.update {
                self.delete(plane, pod);
                return;
            }
            if !self.is_available(pod) {
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

    fn delete(&self, plane: &mut Plane, pod: &Object) {
        if pod.glance().leaving {
            return;
        }
        let key = Key::of(Kind::Pods, pod);
        // What is gone meanwhile is what was wanted.
        let _ = plane.store.delete(&key, &Deletion::default(), &by_us(self.now));
    }
}

fn is_ready(pod: &Object) -> bool {
    pod.glance().runs && pod.glance().ready
}

fn revision(pod: &Object) -> &str {
    &pod.glance().revision
}

#[cfg(test)]
mod tests;
