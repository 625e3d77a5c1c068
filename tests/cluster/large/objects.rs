//! The objects of a made-up cluster, as text: written fast, so that making them isn't what is measured.

use super::NAMESPACE;
use serde_json::{Value, json};

/// What real objects carry beside what is looked at: the same in each, made once.
pub struct Weight {
    /// Fields of metadata.
    managed: String,
    /// Fields of a container.
    container: String,
    /// Fields of a pod's status.
    status: String,
    /// Labels of a node.
    labels: String,
    /// Fields of a node's status.
    images: String,
}

impl Weight {
    pub fn new(whole: bool) -> Self {
        if !whole {
            let none = String::new;
            return Self {
                managed: none(),
                container: none(),
                status: none(),
                labels: none(),
                images: none(),
            };
        }
        let fields: Value = (0..30)
            .map(|at| (format!("f:field-{at}"), json!({".": {}, "f:name": {}, "f:value": {}})))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let manager = |name: &str| {
            json!({"manager": name, "operation": "Update", "apiVersion": "v1", "time": "2026-01-01T00:00:00Z",
                "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields}})
        };
        let managed = json!([manager("kube-controller-manager"), manager("kubelet")]);
        let environment: Vec<Value> = (0..12)
            .map(|at| json!({"name": format!("SETTING_{at}"), "value": "https://service.example/path?query=1"}))
            .collect();
        let mounts: Vec<Value> = (0..4)
            .map(|at| json!({"name": format!("volume-{at}"), "mountPath": format!("/var/run/secrets/{at}"), "readOnly": true}))
            .collect();
        let probe = json!({"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}, "timeoutSeconds": 1,
            "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3});
        let condition = |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-01-01T00:00:00Z"});
        let kinds = [
            "PodReadyToStartContainers",
            "Initialized",
            "Ready",
            "ContainersReady",
            "PodScheduled",
        ];
        let statuses = json!([{"name": "main", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "lastState": {},
            "ready": true, "restartCount": 0, "image": "registry.example/service:1.0", "started": true,
            "imageID": format!("registry.example/service@sha256:{}", "0".repeat(64)),
            "containerID": format!("containerd://{}", "0".repeat(64))}]);
        let labels: String = (0..25)
            .map(|at| format!(r#","kubernetes.azure.com/label-{at}":"some value of it""#))
            .collect();
        let images: Vec<Value> = (0..40)
            .map(|at| {
                let repository = format!("mcr.microsoft.com/oss/kubernetes/image-{at}");
                json!({"names": [format!("{repository}@sha256:{}", "0".repeat(64)), format!("{repository}:v1.0.{at}")],
                    "sizeBytes": 123_456_789})
            })
            .collect();
        Self {
            managed: format!(r#","managedFields":{managed}"#),
            container: format!(
                r#","image":"registry.example/service:1.0","env":{},"volumeMounts":{},"readinessProbe":{probe},"livenessProbe":{probe}"#,
                Value::from(environment),
                Value::from(mounts)
            ),
            status: format!(
                r#","conditions":{},"hostIP":"10.0.0.1","podIP":"10.244.0.1","qosClass":"Burstable","containerStatuses":{statuses}"#,
                Value::from(kinds.map(condition).to_vec())
            ),
            labels,
            images: format!(r#","images":{}"#, Value::from(images)),
        }
    }
}

pub fn node(zone: usize, pool: &str, at: usize, weight: &Weight) -> String {
    let Weight {
        managed,
        labels,
        images,
        ..
    } = weight;
    format!(
        r#"{{"metadata":{{"name":"node-{at}","uid":"node-uid-{at}","labels":{{"kubernetes.io/arch":"amd64","kubernetes.io/hostname":"node-{at}","topology.kubernetes.io/region":"eastus","topology.kubernetes.io/zone":"eastus-{zone}","node.kubernetes.io/instance-type":"Standard_E16s_v5","karpenter.sh/nodepool":"{pool}","karpenter.sh/capacity-type":"on-demand"{labels}}}{managed}}},"spec":{{"providerID":"azure:///subscriptions/s/{at}"}},"status":{{"capacity":{{"cpu":"16","memory":"131898432Ki","pods":"110"}},"allocatable":{{"cpu":"15740m","memory":"127500000Ki","pods":"110"}},"conditions":[{{"type":"MemoryPressure","status":"False"}},{{"type":"Ready","status":"True"}}],"nodeInfo":{{"architecture":"amd64"}}{images}}}}}"#
    )
}

pub fn csi_node(at: usize) -> String {
    format!(
        r#"{{"metadata":{{"name":"node-{at}"}},"spec":{{"drivers":[{{"name":"disk.csi.azure.com","nodeID":"node-{at}","topologyKeys":["topology.disk.csi.azure.com/zone"],"allocatable":{{"count":32}}}}]}}}}"#
    )
}

fn a_pod(name: &str, namespace: &str, at: usize, owner: &str, node: usize, asks: [&str; 2], weight: &Weight) -> String {
    let Weight {
        managed,
        container,
        status,
        ..
    } = weight;
    let [cpu, memory] = asks;
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"{namespace}","uid":"pod-uid-{at}","labels":{{"app":"{namespace}"}},"ownerReferences":[{owner}]{managed}}},"spec":{{"nodeName":"node-{node}","containers":[{{"name":"main","resources":{{"requests":{{"cpu":"{cpu}","memory":"{memory}"}}}}{container}}}]}},"status":{{"phase":"Running"{status}}}}}"#
    )
}

/// Somebody else's pod.
pub fn pod(at: usize, node: usize, owner: &str, weight: &Weight) -> String {
    let owner =
        format!(r#"{{"apiVersion":"apps/v1","kind":"{owner}","name":"web","uid":"{owner}-uid","controller":true}}"#);
    a_pod(&format!("web-{at}"), "web", at, &owner, node, ["100m", "256Mi"], weight)
}

pub fn shard(at: usize, node: usize, weight: &Weight) -> String {
    let owner = r#"{"apiVersion":"apps/v1","kind":"StatefulSet","name":"db","uid":"set-uid","controller":true}"#;
    a_pod(&format!("db-{at}"), NAMESPACE, at, owner, node, ["2", "32Gi"], weight)
}

pub fn claim(at: usize) -> String {
    format!(
        r#"{{"metadata":{{"name":"data-db-{at}","namespace":"{NAMESPACE}","labels":{{"app":"db"}}}},"spec":{{"accessModes":["ReadWriteOnce"],"volumeName":"pv-{at}"}},"status":{{"phase":"Bound"}}}}"#
    )
}

pub fn volume(at: usize, zone: usize) -> String {
    format!(
        r#"{{"metadata":{{"name":"pv-{at}"}},"spec":{{"claimRef":{{"namespace":"{NAMESPACE}","name":"data-db-{at}"}},"csi":{{"driver":"disk.csi.azure.com","volumeHandle":"disk-{at}"}},"nodeAffinity":{{"required":{{"nodeSelectorTerms":[{{"matchExpressions":[{{"key":"topology.disk.csi.azure.com/zone","operator":"In","values":["eastus-{zone}"]}}]}}]}}}}}},"status":{{"phase":"Bound"}}}}"#
    )
}

pub fn set(shards: usize) -> Value {
    json!({
        "metadata": {"name": "db", "namespace": NAMESPACE, "uid": "set-uid"},
        "spec": {
            "replicas": shards, "serviceName": "db", "selector": {"matchLabels": {"app": NAMESPACE}},
            "template": {
                "metadata": {"labels": {"app": NAMESPACE}},
                "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "2", "memory": "32Gi"}}}]},
            },
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}],
        },
    })
}

pub fn pool(name: &str) -> Value {
    json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodePool", "metadata": {"name": name},
        "spec": {"template": {"spec": {"requirements": [
            {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["on-demand"]},
        ]}}},
    })
}
