//! What the cluster's own parts say of what they do: Events, counted up where the same is said again.
//!
//! Source: `k8s.io/client-go/tools/record`, events_cache.go; the scheduler writes the newer form (`tools/events`).

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Work;
use crate::sim::json::{list, name, namespace, number, set, stamp, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::{Plane, by_us};
use crate::sim::store::{Deletion, Key, Object};

/// Events go together whose time is over within the same minute: etcd gives them one lease.
///
/// Source: `staging/src/k8s.io/apiserver/pkg/storage/etcd3/lease_manager.go`.
const TOGETHER: SignedDuration = SignedDuration::from_mins(1);

/// Who speaks.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    /// The scheduler.
    Scheduler,
    /// The kubelet of a node.
    Kubelet(&'a str),
    /// Whoever attaches disks.
    Attacher,
    /// The controller of StatefulSets.
    Sets,
    /// Whoever makes nodes.
    Karpenter,
    /// Whoever gives services their addresses.
    Cloud,
}

impl By<'_> {
    fn component(self) -> &'static str {
        match self {
            By::Scheduler => "default-scheduler",
            By::Kubelet(_) => "kubelet",
            By::Attacher => "attachdetach-controller",
            By::Sets => "statefulset-controller",
            By::Karpenter => "karpenter",
            By::Cloud => "service-controller",
        }
    }
}

/// Says something ordinary of an object.
pub(super) fn say(plane: &mut Plane, by: By<'_>, about: (Kind, &Value), reason: &str, message: &str, now: Timestamp) {
    post(plane, by, about, "Normal", reason, message, now);
}

/// Warns of something about an object.
pub(super) fn warn(plane: &mut Plane, by: By<'_>, about: (Kind, &Value), reason: &str, message: &str, now: Timestamp) {
    post(plane, by, about, "Warning", reason, message, now);
}

fn post(plane: &mut Plane, by: By<'_>, about: (Kind, &Value), kind: &str, reason: &str, message: &str, now: Timestamp) {
    let (of, object) = about;
    let space = match namespace(object) {
        "" => "default",
        space => space,
    };
    let told = [uid(object), by.component(), reason, message].join("\n");
    let digest = Sha256::digest(told.as_bytes());
    let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let key = Key::new(Kind::Events, space, &format!("{}.{digits}", name(object)));
    if plane.store.get(&key).is_some() {
        plane.change(&key, now, |event| {
            let count = number(event, "/count").unwrap_or(1) + 1;
            set(event, &["count"], json!(count));
            set(event, &["lastTimestamp"], stamp(now));
        });
        return;
    }
    let mut source = json!({"component": by.component()});
    if let By::Kubelet(node) = by {
        source["host"] = json!(node);
    }
    let mut involved = json!({"apiVersion": of.api_version(), "kind": of.served().name, "name": name(object),
        "uid": uid(object), "resourceVersion": text(object, "/metadata/resourceVersion")});
    if !namespace(object).is_empty() {
        involved["namespace"] = json!(namespace(object));
    }
    let containers = list(object, "/spec/containers");
    if let (By::Kubelet(_), [first, ..]) = (by, containers) {
        involved["fieldPath"] = json!(format!("spec.containers{{{}}}", text(first, "/name")));
    }
    let event = json!({"metadata": {"name": key.name}, "involvedObject": involved, "reason": reason, "message": message,
        "type": kind, "source": source, "reportingComponent": by.component(), "reportingInstance": "",
        "firstTimestamp": stamp(now), "lastTimestamp": stamp(now), "count": 1});
    plane.make(Kind::Events, space, event, now);
    plane.plan(Work::OldEvents, end_of(plane, now));
}

/// When an Event goes that was last written at a moment.
fn end_of(plane: &Plane, written: Timestamp) -> Timestamp {
    written
        .checked_add(plane.event_ttl + TOGETHER)
        .unwrap_or(Timestamp::MAX)
}

/// When an Event was last written, as far as it says so.
fn written(event: &Object) -> Option<Timestamp> {
    event.glance().written
}

/// Deletes the Events that have had their time.
pub(super) fn forget(plane: &mut Plane, now: Timestamp) {
    let mut old: Vec<Key> = Vec::new();
    let mut first: Option<Timestamp> = None;
    for event in plane.store.all(Kind::Events, None) {
        match written(event) {
            Some(at) if now.duration_since(at) >= plane.event_ttl => old.push(Key::of(Kind::Events, event)),
            Some(at) => first = Some(first.map_or(at, |first| first.min(at))),
            None => {}
        }
    }
    for key in &old {
        let _ = plane.store.delete(key, &Deletion::default(), &by_us(now));
    }
    let stay = old.iter().filter_map(|key| written(plane.store.get(key)?));
    if let Some(first) = stay.chain(first).min() {
        // One that something else keeps is asked for again.
        let again = now.checked_add(TOGETHER).unwrap_or(Timestamp::MAX);
        plane.plan(Work::OldEvents, end_of(plane, first).max(again));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::controllers::testing::{at, plane};

    #[test]
    fn an_event_is_kept_for_an_hour_from_when_it_was_last_said() {
        let mut plane = plane();
        let set = json!({"metadata": {"name": "db", "namespace": "shop", "uid": "set"}});
        let about = (Kind::StatefulSets, &set);
        say(&mut plane, By::Sets, about, "One", "said once", at(0));
        say(&mut plane, By::Sets, about, "Two", "said again", at(1));
        plane.run_until(at(3000));
        say(&mut plane, By::Sets, about, "Two", "said again", at(3000));
        let reasons = |plane: &Plane| -> Vec<String> {
            let all = plane.store.all(Kind::Events, Some("shop"));
            all.map(|event| text(event, "/reason").to_owned()).collect()
        };
        plane.run_until(at(3599));
        assert_eq!(reasons(&plane).len(), 2);
        plane.run_until(at(3700));
        assert_eq!(reasons(&plane), ["Two"]);
        plane.run_until(at(6700));
        assert!(reasons(&plane).is_empty() && plane.next().is_none());
    }
}
