//! The objects of the reference workload, healthy in every respect that shardctl checks: the StatefulSet with its
//! Services, disruption budget, priority class and storage class.

use super::SceneBuilder;
use crate::cluster::api::merge_into;
use crate::cluster::disks::DRIVER;
use serde_json::{Value, json};

/// The label that tells a scene's nodes and volumes, with the namespace as its value.
pub const SCENE: &str = "test.shardctl.dev/scene";

/// The label key of the pool that the stable phase keeps its shards in.
pub const POOL: &str = "workload";

/// The value of [`POOL`] in the stable phase.
pub const STABLE_POOL: &str = "biometric-stable";

/// The taint that keeps others off the stable pool's nodes.
pub fn stable_taint() -> Value {
    json!({"key": "biometric", "value": "reserved", "effect": "NoSchedule"})
}

/// The headless Service's name for a set of this name.
pub fn headless_name(set: &str) -> String {
    format!("{set}-headless")
}

/// The name of the LoadBalancer Service for a set of this name.
pub fn entry_name(set: &str) -> String {
    format!("{set}-entry")
}

/// What goes with the StatefulSet, in the order to create it: cluster-wide objects first.
pub fn surroundings(scene: &SceneBuilder, namespace: &str) -> Vec<Value> {
    let selector = labels(scene);
    let mut objects = vec![
        json!({
            "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
            "metadata": {"name": namespace, "annotations": {"test.shardctl.dev/zone-key": scene.disk_zone_key}},
            "provisioner": DRIVER, "reclaimPolicy": "Retain", "volumeBindingMode": "WaitForFirstConsumer",
            "allowVolumeExpansion": true,
        }),
        json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": {"name": namespace}, "value": 1_000_000, "description": "shards of a test",
        }),
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": headless_name(&scene.name), "labels": selector},
            "spec": {
                "clusterIP": "None", "selector": selector, "publishNotReadyAddresses": scene.publish_not_ready,
                "ports": [{"name": "http", "port": 8080}],
            },
        }),
        json!({
            "apiVersion": "v1", "kind": "Service",
            "metadata": {"name": entry_name(&scene.name), "labels": selector},
            "spec": {
                "type": "LoadBalancer", "selector": selector,
                "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
            },
        }),
    ];
    if let Some(budget) = &scene.budget {
        let mut spec = json!({"selector": {"matchLabels": selector}, "unhealthyPodEvictionPolicy": "AlwaysAllow"});
        merge_into(&mut spec, &budget.fields());
        objects.push(json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": scene.name, "labels": selector}, "spec": spec,
        }));
    }
    objects
}

/// The StatefulSet.
pub fn stateful_set(scene: &SceneBuilder, namespace: &str) -> Value {
    let mut set = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": scene.name, "labels": labels(scene)},
        "spec": {
            "replicas": scene.shards,
            "serviceName": headless_name(&scene.name),
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": labels(scene)},
            "template": template(scene, namespace),
            "volumeClaimTemplates": [{
                "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "storageClassName": namespace,
                    "resources": {"requests": {"storage": "64Gi"}},
                },
            }],
        },
    });
    merge_into(&mut set, &scene.set_patch);
    set
}

fn labels(scene: &SceneBuilder) -> Value {
    json!({"app": scene.name})
}

fn template(scene: &SceneBuilder, namespace: &str) -> Value {
    let selector = json!({"matchLabels": labels(scene)});
    let spread = |key: &str, when: &str| {
        json!({
            "topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": when, "nodeTaintsPolicy": "Honor",
            "labelSelector": selector,
        })
    };
    let mut template = json!({
        "metadata": {
            "labels": labels(scene),
            "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
        },
        "spec": {
            "terminationGracePeriodSeconds": 60,
            "priorityClassName": namespace,
            "nodeSelector": {SCENE: namespace},
            "topologySpreadConstraints": [
                spread("topology.kubernetes.io/zone", "DoNotSchedule"),
                spread("kubernetes.io/hostname", "ScheduleAnyway"),
            ],
            "containers": [{
                "name": "shard",
                "image": scene.image,
                "ports": [{"name": "http", "containerPort": 8080}],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
                "resources": {
                    "requests": {"cpu": scene.cpu, "memory": scene.memory},
                    "limits": {"cpu": scene.cpu, "memory": scene.memory},
                },
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }],
        },
    });
    if scene.stable {
        let stable = json!({
            "metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}},
            "spec": {
                "tolerations": [{"key": "biometric", "operator": "Equal", "value": "reserved", "effect": "NoSchedule"}],
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": POOL, "operator": "In", "values": [STABLE_POOL]}]},
                ]}}},
            },
        });
        merge_into(&mut template, &stable);
    }
    merge_into(&mut template, &scene.template_patch);
    template
}
