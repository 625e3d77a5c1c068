//! The scenes: small clusters with the reference workload at rest, every shard Ready on a disk of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use shardctl::sim::controllers::Pace;
use shardctl::sim::kind::Kind;
use shardctl::sim::plane::Plane;
use shardctl::sim::store::Key;

use super::workload;

/// The namespace.
pub const SPACE: &str = "shop";
/// The workload that `deploy`, `promote` and `cleanup` are about.
pub const NAME: &str = "db";
/// The set, as that workload's is called.
pub const SET: &str = "db-shard";
/// Its budget.
pub const BUDGET: &str = "db-shard-pdb";
/// The node that is drained: it holds the shards with even numbers.
pub const NODE: &str = "node-a";
/// The image that the shards run.
pub const OLD: &str = "registry.example/db:1";
/// The image that they are to run.
pub const NEW: &str = "registry.example/db:2";
/// An image whose containers end as soon as they start.
pub const BAD: &str = "registry.example/db:bad";
/// The zone of every disk.
pub const ZONE: &str = "zone-1";
const POOL: &str = "shards";
/// A node whose machine is off for good: nobody mends it.
const OFF: &str = "scene/off";

/// What is particular about a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scene {
    /// How many shards there are.
    pub shards: i64,
    /// Whether pods are made one after the other (OrderedReady).
    pub ordered: bool,
    /// Whether Karpenter made the nodes.
    pub karpenter: bool,
    /// Whether a pod of another application is on the drained node.
    pub neighbour: bool,
    /// Whether the machine of [`NODE`] is off, so long that its pods are to go.
    pub off: bool,
    /// What it is made of.
    pub ground: Ground,
}

/// What a scene is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// Nodes and shards as they are written here.
    Written,
    /// A cloud, and no shard.
    Cloud,
    /// A cloud in which so many shards were deployed, and where others have their things.
    Deployed(u32),
    /// As that, with one of the workload's names taken by somebody else.
    Taken(u32),
}

impl Scene {
    /// Three shards, made in parallel, on nodes that nobody else minds.
    pub const PLAIN: Scene = Scene {
        shards: 3,
        ordered: false,
        karpenter: false,
        neighbour: false,
        off: false,
        ground: Ground::Written,
    };

    /// The cluster at rest, and its time; before anything was deployed where it is a cloud.
    pub fn at_rest(self) -> (Plane, Timestamp) {
        if self.ground != Ground::Written {
            return workload::cloud();
        }
        let began: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
        let mut plane = Plane::new(pace());
        plane.crashing_images.insert(BAD.to_owned());
        let mut load = |kind: Kind, object: Value| drop(plane.store.load(kind, object));
        load(Kind::Namespaces, json!({"metadata": {"name": SPACE}}));
        load(Kind::Namespaces, json!({"metadata": {"name": "default"}}));
        load(
            Kind::StorageClasses,
            json!({"metadata": {"name": "disk"}, "provisioner": "disk.example", "reclaimPolicy": "Retain",
                "volumeBindingMode": "WaitForFirstConsumer"}),
        );
        load(
            Kind::PriorityClasses,
            json!({"metadata": {"name": "shards"}, "value": 1_000_000, "preemptionPolicy": "PreemptLowerPriority"}),
        );
        load(
            Kind::ServiceAccounts,
            json!({"metadata": {"name": "default", "namespace": SPACE}}),
        );
        for name in [NODE, "node-b"] {
            load(Kind::Nodes, self.node(name, ZONE));
        }
        load(
            Kind::Services,
            json!({"metadata": {"name": SET, "namespace": SPACE}, "spec": {"clusterIP": "None", "selector": {"app": SET},
                "ports": [{"name": "http", "port": 8080}]}}),
        );
        load(Kind::Budgets, self.budget());
        load(Kind::StatefulSets, self.set());
        if self.karpenter {
            plane.extensions.insert("karpenter.sh".to_owned());
        }
        plane.take_note(began);
        // Orders of magnitude more than it takes, and nothing that happens meanwhile costs anything.
        let rested = "2026-03-01T13:00:00Z".parse().unwrap();
        plane.run_until(rested);
        let mut load = |kind: Kind, object: Value| drop(plane.store.load(kind, object));
        for (name, zone) in [("node-c", ZONE), ("node-d", ZONE), ("node-e", "zone-2")] {
            load(Kind::Nodes, self.node(name, zone));
        }
        if self.neighbour {
            load(Kind::Pods, neighbour());
        }
        if self.karpenter {
            load(Kind::NodePools, node_pool());
            for name in [NODE, "node-b", "node-c", "node-d", "node-e"] {
                load(Kind::NodeClaims, node_claim(name));
            }
        }
        plane.take_note(rested);
        let rested = "2026-03-01T13:01:00Z".parse().unwrap();
        plane.run_until(rested);
        let ready = plane.store.all(Kind::Pods, Some(SPACE)).filter(|pod| is_ready(pod));
        let wanted = self.shards + i64::from(self.neighbour);
        assert_eq!(
            ready.count(),
            usize::try_from(wanted).unwrap(),
            "{self:?}: at rest every pod is Ready"
        );
        if !self.off {
            return (plane, rested);
        }
        switch_off(&mut plane, rested);
        let rested = "2026-03-01T13:15:00Z".parse().unwrap();
        plane.run_until(rested);
        (plane, rested)
    }

    /// The name of a shard's pod.
    pub fn pod(ordinal: i64) -> String {
        format!("{SET}-{ordinal}")
    }

    fn node(self, name: &str, zone: &str) -> Value {
        let mut labels = BTreeMap::from([
            ("topology.kubernetes.io/zone", zone),
            ("kubernetes.io/hostname", name),
            ("kubernetes.io/os", "linux"),
        ]);
        if self.karpenter {
            labels.insert("karpenter.sh/nodepool", POOL);
        }
        // Two shards, and a little beside them.
        let room = json!({"cpu": "16", "memory": "70Gi", "pods": "110"});
        let finalizers: &[&str] = if self.karpenter {
            &["karpenter.sh/termination"]
        } else {
            &[]
        };
        json!({"metadata": {"name": name, "labels": labels, "creationTimestamp": "2026-03-01T11:00:00Z",
                "finalizers": finalizers},
            "spec": {"providerID": format!("example://{name}")},
            "status": {"allocatable": room, "capacity": room, "conditions": [{"type": "Ready", "status": "True"}]}})
    }

    fn budget(self) -> Value {
        json!({"metadata": {"name": BUDGET, "namespace": SPACE, "generation": 1},
            "spec": {"minAvailable": self.shards, "selector": {"matchLabels": {"app": SET}},
                "unhealthyPodEvictionPolicy": "AlwaysAllow"}})
    }

    fn set(self) -> Value {
        let policy = if self.ordered { "OrderedReady" } else { "Parallel" };
        let container = json!({"name": "shard", "image": OLD,
            "resources": {"requests": {"cpu": "2", "memory": "32Gi"}, "limits": {"memory": "32Gi"}},
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}]});
        json!({"metadata": {"name": SET, "namespace": SPACE, "generation": 1, "creationTimestamp": "2026-03-01T11:00:00Z"},
            "spec": {"replicas": self.shards, "serviceName": SET, "podManagementPolicy": policy,
                "selector": {"matchLabels": {"app": SET}}, "updateStrategy": {"type": "OnDelete"},
                "revisionHistoryLimit": 10,
                "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Retain", "whenDeleted": "Retain"},
                "template": {"metadata": {"labels": {"app": SET}}, "spec": {"terminationGracePeriodSeconds": 30,
                    "priorityClassName": "shards", "containers": [container]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "10Gi"}}, "storageClassName": "disk"}}]}})
    }
}

/// How long things take: seconds rather than minutes, since what is waited for costs looks, and the order is the same.
pub fn pace() -> Pace {
    Pace {
        lag: Duration::from_millis(5),
        retry: Duration::from_secs(2),
        pull: Duration::from_secs(3),
        attach: Duration::from_secs(1),
        detach: Duration::from_secs(1),
        launch: Duration::from_secs(3),
        initialize: Duration::from_secs(1),
        ready: Duration::from_secs(2),
        stop: Duration::from_secs(1),
        provision: Duration::from_secs(1),
    }
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let mut ready = conditions.filter(|condition| condition["type"] == "Ready");
    ready.any(|condition| condition["status"] == "True")
}

/// A pod of a Deployment's on the drained node.
fn neighbour() -> Value {
    json!({"metadata": {"name": "web-1", "namespace": SPACE, "labels": {"app": "web"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "web", "controller": true}]},
        "spec": {"nodeName": NODE, "terminationGracePeriodSeconds": 30,
            "containers": [{"name": "web", "image": "registry.example/web:1", "resources": {"requests": {"cpu": "1", "memory": "1Gi"}}}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn node_pool() -> Value {
    json!({"metadata": {"name": POOL}, "spec": {"disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "Never",
            "budgets": [{"nodes": "0"}]},
        "template": {"spec": {"nodeClassRef": {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"},
            "expireAfter": "Never", "requirements": []}}}})
}

fn node_claim(node: &str) -> Value {
    let conditions: Vec<Value> = ["Launched", "Registered", "Initialized", "Ready"]
        .map(|kind| json!({"type": kind, "status": "True", "reason": kind, "message": ""}))
        .into();
    json!({"metadata": {"name": format!("{POOL}-{node}"), "labels": {"karpenter.sh/nodepool": POOL},
            "finalizers": ["karpenter.sh/termination"]},
        "spec": {"nodeClassRef": {"group": "karpenter.kwok.sh", "kind": "KWOKNodeClass", "name": "default"},
            "expireAfter": "Never", "requirements": []},
        "status": {"nodeName": node, "providerID": format!("example://{node}"), "conditions": conditions}})
}

fn switch_off(plane: &mut Plane, now: Timestamp) {
    let mut node = Value::clone(plane.store.get(&Key::wide(Kind::Nodes, NODE)).unwrap());
    node["metadata"]["labels"][OFF] = json!("true");
    node["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.", "lastTransitionTime": now.to_string()}]);
    plane.store.load(Kind::Nodes, node);
    plane.take_note(now);
}

/// Mends whatever faults have broken: nodes answer again, zones have room, registries have every image.
pub fn mend(plane: &mut Plane) {
    plane.missing_images.clear();
    let nodes: Vec<Value> = plane
        .store
        .all(Kind::Nodes, None)
        .map(|node| Value::clone(node))
        .collect();
    for mut node in nodes {
        let before = node.clone();
        if node["metadata"]["labels"].get(OFF).is_some() {
            continue;
        }
        node["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
        node["status"]["allocatable"]["pods"] = json!("110");
        if node != before {
            plane.store.load(Kind::Nodes, node);
        }
    }
}

/// The key of one of the namespace's objects.
pub fn key(kind: Kind, name: &str) -> Key {
    Key::new(kind, SPACE, name)
}
