//! A recording of a large cluster at rest, as a look at it would give: shards with a disk each, over nodes in three zones.

use jiff::Timestamp;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use shardctl::model::read::Read;
use shardctl::model::recording::{KIND, Recording, Taken, VERSION};
use shardctl::model::resource::Resource;

/// When it was read.
const NOW: &str = "2026-03-01T12:00:00Z";

/// A cluster of `shards` over `nodes`, whose pods took `start` seconds from their start until they were Ready.
pub fn recording(shards: usize, nodes: usize, start: i64) -> Recording {
    // One after the other, so that no more of them is in memory than a look at a cluster would leave there.
    let raw = |object: Value| RawValue::from_string(object.to_string()).unwrap();
    let all = |count: usize, make: &dyn Fn(usize) -> Value| (0..count).map(|at| raw(make(at))).collect::<Vec<_>>();
    let one = |object: Value| vec![raw(object)];
    let claimed = |ordinal: usize| ordinal % nodes;
    let objects = [
        (
            Resource::Namespace,
            one(json!({"metadata": {"name": "shop", "uid": "uid-shop"}, "status": {"phase": "Active"}})),
        ),
        (Resource::StatefulSets, one(set(shards))),
        (Resource::ControllerRevisions, Vec::new()),
        (Resource::Budgets, one(budget(shards))),
        (Resource::AllBudgets, Vec::new()),
        (Resource::Services, one(service())),
        (Resource::EndpointSlices, Vec::new()),
        (
            Resource::PriorityClasses,
            one(json!({"metadata": {"name": "shards"}, "value": 1_000_000})),
        ),
        (Resource::StorageClasses, one(class())),
        (Resource::Nodes, all(nodes, &node)),
        (Resource::CsiNodes, Vec::new()),
        (
            Resource::Pods,
            all(shards, &|ordinal| pod(ordinal, claimed(ordinal), start)),
        ),
        (Resource::NodePods, Vec::new()),
        (Resource::Claims, all(shards, &claim)),
        (
            Resource::Volumes,
            all(shards, &|ordinal| volume(ordinal, claimed(ordinal))),
        ),
        (
            Resource::VolumeAttachments,
            all(shards, &|ordinal| attachment(ordinal, claimed(ordinal))),
        ),
        (Resource::Events, Vec::new()),
        (Resource::ClusterEvents, Vec::new()),
        (Resource::Leases, Vec::new()),
        (Resource::Autoscalers, Vec::new()),
        (Resource::DaemonSets, Vec::new()),
        (Resource::Deployments, Vec::new()),
    ];
    Recording {
        kind: KIND.to_owned(),
        version: VERSION,
        taken: Taken {
            at: NOW.parse::<Timestamp>().unwrap(),
            by: "a bench".to_owned(),
            context: None,
            server: Read::Got("v1.36.3".to_owned()),
            namespace: "shop".to_owned(),
            statefulset: Some("db".to_owned()),
            redacted: false,
        },
        rights: Read::Got(Vec::new()),
        objects: objects
            .into_iter()
            .map(|(resource, objects)| (resource, Read::Got(objects)))
            .collect(),
        logs: std::collections::BTreeMap::new(),
        domain: Read::Absent("not asked".to_owned()),
        dns: Read::Absent("not asked".to_owned()),
        protection: Read::Absent("not tried".to_owned()),
    }
}

fn zone(node: usize) -> String {
    format!("zone-{}", node % 3 + 1)
}

fn template() -> Value {
    let size = json!({"cpu": "2", "memory": "16Gi"});
    json!({
        "metadata": {"labels": {"app": "db"}, "annotations": {"karpenter.sh/do-not-disrupt": "true"}},
        "spec": {
            "terminationGracePeriodSeconds": 60, "priorityClassName": "shards", "restartPolicy": "Always",
            "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "securityContext": {},
            "containers": [{
                "name": "db", "image": "registry.example/db:1.0", "imagePullPolicy": "IfNotPresent",
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080, "scheme": "HTTP"}, "periodSeconds": 1,
                    "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3},
                "resources": {"requests": size, "limits": size},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
            }],
        },
    })
}

fn set(shards: usize) -> Value {
    json!({
        "metadata": {"name": "db", "namespace": "shop", "uid": "uid-db", "generation": 1,
            "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {
            "replicas": shards, "serviceName": "db", "podManagementPolicy": "Parallel", "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "OnDelete"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": {"app": "db"}}, "template": template(),
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                "storageClassName": "disk", "resources": {"requests": {"storage": "64Gi"}}}}],
        },
        "status": {"replicas": shards, "readyReplicas": shards, "availableReplicas": shards, "currentReplicas": shards,
            "updatedReplicas": shards, "observedGeneration": 1, "collisionCount": 0, "currentRevision": "db-1",
            "updateRevision": "db-1"},
    })
}

fn pod(ordinal: usize, node: usize, start: i64) -> Value {
    let ready: Timestamp = "2026-02-28T12:00:00Z".parse().unwrap();
    let started = ready - jiff::SignedDuration::from_secs(start);
    let condition =
        |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": ready, "lastProbeTime": null});
    let mut spec = template()["spec"].clone();
    spec["nodeName"] = json!(format!("node-{node}"));
    spec["priority"] = json!(1_000_000);
    spec["hostname"] = json!(format!("db-{ordinal}"));
    spec["subdomain"] = json!("db");
    spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": format!("data-db-{ordinal}")}}]);
    json!({
        "metadata": {
            "name": format!("db-{ordinal}"), "generateName": "db-", "namespace": "shop", "uid": format!("uid-db-{ordinal}"),
            "creationTimestamp": "2026-02-28T11:00:00Z",
            "labels": {"app": "db", "controller-revision-hash": "db-1", "apps.kubernetes.io/pod-index": ordinal.to_string(),
                "statefulset.kubernetes.io/pod-name": format!("db-{ordinal}")},
            "annotations": {"karpenter.sh/do-not-disrupt": "true"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "uid-db",
                "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": spec,
        "status": {
            "phase": "Running", "qosClass": "Guaranteed", "podIP": format!("10.{}.{}.{}", ordinal >> 16, (ordinal >> 8) & 255, ordinal & 255),
            "startTime": "2026-02-28T11:00:00Z",
            "conditions": [condition("PodScheduled"), condition("Initialized"), condition("ContainersReady"), condition("Ready")],
            "containerStatuses": [{"name": "db", "ready": true, "started": true, "restartCount": 0,
                "image": "registry.example/db:1.0", "imageID": "registry.example/db@sha256:1",
                "state": {"running": {"startedAt": started.to_string()}}, "lastState": {}}],
        },
    })
}

fn node(ordinal: usize) -> Value {
    let name = format!("node-{ordinal}");
    let room = json!({"cpu": "16", "memory": "120Gi", "pods": "110", "ephemeral-storage": "100Gi"});
    let condition = |kind: &str, status: &str| {
        json!({"type": kind, "status": status, "lastTransitionTime": "2026-01-01T00:00:00Z",
        "lastHeartbeatTime": NOW, "reason": "Kubelet", "message": "kubelet is posting ready status"})
    };
    json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone(ordinal),
                "node.kubernetes.io/instance-type": "Standard_E16s_v5"}},
        "spec": {"providerID": format!("azure://{name}")},
        "status": {"allocatable": room, "capacity": room,
            "conditions": [condition("Ready", "True"), condition("MemoryPressure", "False"), condition("DiskPressure", "False")],
            "nodeInfo": {"kubeletVersion": "v1.36.3", "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "",
                "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "linux", "osImage": "",
                "systemUUID": ""}},
    })
}

fn claim(ordinal: usize) -> Value {
    json!({
        "metadata": {"name": format!("data-db-{ordinal}"), "namespace": "shop", "uid": format!("uid-claim-{ordinal}"),
            "labels": {"app": "db"}, "finalizers": ["kubernetes.io/pvc-protection"]},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "volumeName": format!("pv-{ordinal}"),
            "volumeMode": "Filesystem", "resources": {"requests": {"storage": "64Gi"}}},
        "status": {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "64Gi"}},
    })
}

fn volume(ordinal: usize, node: usize) -> Value {
    json!({
        "metadata": {"name": format!("pv-{ordinal}"), "uid": format!("uid-pv-{ordinal}")},
        "spec": {
            "capacity": {"storage": "64Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "disk",
            "persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem",
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": "shop",
                "name": format!("data-db-{ordinal}"), "uid": format!("uid-claim-{ordinal}")},
            "csi": {"driver": "disk.csi.azure.com", "volumeHandle": format!("disk-{ordinal}")},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone(node)]}]}]}},
        },
        "status": {"phase": "Bound"},
    })
}

fn attachment(ordinal: usize, node: usize) -> Value {
    json!({
        "metadata": {"name": format!("va-{ordinal}"), "uid": format!("uid-va-{ordinal}")},
        "spec": {"attacher": "disk.csi.azure.com", "nodeName": format!("node-{node}"),
            "source": {"persistentVolumeName": format!("pv-{ordinal}")}},
        "status": {"attached": true},
    })
}

fn class() -> Value {
    json!({"metadata": {"name": "disk"}, "provisioner": "disk.csi.azure.com", "reclaimPolicy": "Retain",
        "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true})
}

fn service() -> Value {
    json!({"metadata": {"name": "db", "namespace": "shop", "uid": "uid-service"},
        "spec": {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}})
}

fn budget(shards: usize) -> Value {
    json!({"metadata": {"name": "db", "namespace": "shop", "uid": "uid-budget", "generation": 1},
        "spec": {"minAvailable": shards, "selector": {"matchLabels": {"app": "db"}}, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
        "status": {"observedGeneration": 1, "currentHealthy": shards, "desiredHealthy": shards, "expectedPods": shards,
            "disruptionsAllowed": 0}})
}
