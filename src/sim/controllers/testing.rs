//! Small clusters for the controllers' tests.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::sim::controllers::Pace;
use crate::sim::kind::Kind;
use crate::sim::plane::Plane;

/// A moment, in seconds of the tests' time.
pub(in crate::sim) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

/// A cluster with nothing but a namespace.
pub(in crate::sim) fn plane() -> Plane {
    let mut plane = Plane::new(Pace::default());
    plane
        .store
        .load(Kind::Namespaces, json!({"metadata": {"name": "shop"}}));
    plane
}

/// A node of a zone with room for `memory` gibibytes.
pub(in crate::sim) fn node(name: &str, zone: &str, memory: u32) -> Value {
    let room = json!({"cpu": "16", "memory": format!("{memory}Gi"), "pods": "110"});
    json!({"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": name}},
        "spec": {}, "status": {"allocatable": room, "conditions": [{"type": "Ready", "status": "True"}]}})
}

/// A pod of a set, on a node.
pub(in crate::sim) fn pod_of(set: &str, uid: &str, name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "labels": {"app": set},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": set, "uid": uid, "controller": true}]},
        "spec": {"nodeName": "n1", "containers": [{"name": "db", "image": "db:1"}]}, "status": {"phase": "Running"}})
}

/// The same, Ready or not.
pub(in crate::sim) fn ready(mut pod: Value, is_ready: bool) -> Value {
    let status = if is_ready { "True" } else { "False" };
    pod["status"]["conditions"] = json!([{"type": "Ready", "status": status}]);
    pod
}

/// A set with a disk for each pod.
pub(in crate::sim) fn set(replicas: i64, policy: &str, strategy: &str) -> Value {
    json!({"metadata": {"name": "db", "namespace": "shop", "uid": "set", "generation": 1},
        "spec": {"replicas": replicas, "serviceName": "db", "podManagementPolicy": policy,
            "selector": {"matchLabels": {"app": "db"}}, "updateStrategy": {"type": strategy}, "revisionHistoryLimit": 10,
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain", "whenDeleted": "Retain"},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"terminationGracePeriodSeconds": 30,
                "containers": [{"name": "db", "image": "db:1", "resources": {"requests": {"cpu": "1", "memory": "32Gi"}}}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "10Gi"}}, "storageClassName": "disk"}}]}})
}
