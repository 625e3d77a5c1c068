//! What the cluster's own parts say of what they do: Events, counted up where the same is said again.
//!
//! Source: `k8s.io/client-go/tools/record`, events_cache.go; the scheduler writes the newer form (`tools/events`).

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::sim::json::{list, name, namespace, number, set, stamp, text, uid};
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;
use crate::sim::store::Key;

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
}
