//! Small snapshots for unit tests of checks: a healthy set, of which a test changes the one thing that it is about.
//!
//! The objects are JSON as a server gives it, and go through [`Snapshot::derive`] like a saved snapshot's. What needs a
//! controller to come true is tested against a real control plane under tests/it instead.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json, value::RawValue};

use super::policy::{Policy, Said};
use super::{Check, judge_one, seen::Seen};
use crate::model::check::{Judged, Outcome};
use crate::model::dns::{Questions, Vantage};
use crate::model::read::Read;
use crate::model::recording::{EvictionTrial, KIND, Logs, Recording, Taken, VERSION};
use crate::model::redact::redact;
use crate::model::report::Phase;
use crate::model::resource::Resource;
use crate::model::snapshot::Snapshot;

/// The moment of every snapshot made here.
pub const NOW: &str = "2026-03-01T12:00:00Z";
/// When the shards became Ready: a day before.
pub const READY_SINCE: &str = "2026-02-28T12:00:00Z";

/// What a snapshot will be made of: the set `db` in the namespace `shop`, with shards `db-0`…, each on a node of its own
/// (`node-0` in `zone-1`, `node-1` in `zone-2`, …) with a disk of its own; no Karpenter.
pub struct Scene {
    /// The objects.
    pub objects: BTreeMap<Resource, Read<Vec<Value>>>,
    /// Logs by `pod/container`.
    pub logs: BTreeMap<String, Logs>,
    /// The name servers' answers.
    pub dns: Read<Questions>,
    /// How it is judged.
    pub policy: Policy,
}

impl Scene {
    /// A healthy set of this many shards.
    pub fn healthy(shards: usize) -> Scene {
        let mut scene = Scene {
            objects: Resource::ALL
                .into_iter()
                .map(|kind| (kind, Read::Got(Vec::new())))
                .collect(),
            logs: BTreeMap::new(),
            dns: Read::Got(Questions {
                vantage: Vantage::PortForward,
                servers: Vec::new(),
            }),
            policy: Policy::default(),
        };
        for absent in Resource::ALL.into_iter().filter(|kind| kind.place().optional) {
            scene.set(absent, Read::Absent(format!("the cluster serves no {}", absent.noun())));
        }
        scene.add(
            Resource::Namespace,
            json!({"metadata": {"name": "shop", "uid": "uid-shop"}}),
        );
        scene.add(Resource::StatefulSets, set(shards));
        scene.add(Resource::Budgets, budget(shards));
        scene.add(Resource::Services, service());
        scene.add(
            Resource::PriorityClasses,
            json!({"metadata": {"name": "shards"}, "value": 1_000_000}),
        );
        scene.add(
            Resource::StorageClasses,
            json!({
                "metadata": {"name": "disk"}, "provisioner": "disk.csi.azure.com", "reclaimPolicy": "Retain",
                "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": true,
            }),
        );
        for ordinal in 0..shards {
            scene.add(Resource::Nodes, node(ordinal));
            scene.add(Resource::Pods, pod(ordinal));
            scene.add(Resource::Claims, claim(ordinal));
            scene.add(Resource::Volumes, volume(ordinal));
            scene.add(Resource::VolumeAttachments, attachment(ordinal));
        }
        scene.add(Resource::EndpointSlices, slice(shards));
        scene
    }

    /// A healthy set of this many shards in the stable phase: a tainted pool that the shards tolerate and require.
    pub fn stable(shards: usize) -> Scene {
        let mut scene = Scene::healthy(shards);
        scene.policy.phase = Some(Said {
            value: Phase::Stable,
            origin: "--phase".to_owned(),
        });
        let template = json!({
            "metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}},
            "spec": {
                "tolerations": [{"key": "shop", "operator": "Equal", "value": "reserved", "effect": "NoSchedule"}],
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "workload", "operator": "In", "values": ["shop-stable"]}]},
                ]}}},
            },
        });
        scene.merge(Resource::StatefulSets, "db", json!({"spec": {"template": template}}));
        for ordinal in 0..shards {
            scene.merge(Resource::Pods, &format!("db-{ordinal}"), template.clone());
            scene.merge(
                Resource::Nodes,
                &format!("node-{ordinal}"),
                json!({
                    "metadata": {"labels": {"workload": "shop-stable"}},
                    "spec": {"taints": [{"key": "shop", "value": "reserved", "effect": "NoSchedule"}]},
                }),
            );
        }
        scene
    }

    /// Replaces what was read of a kind of object.
    pub fn set(&mut self, resource: Resource, read: Read<Vec<Value>>) -> &mut Self {
        self.objects.insert(resource, read);
        self
    }

    /// Makes a kind of object unreadable.
    pub fn unreadable(&mut self, resource: Resource) -> &mut Self {
        let why = format!("the user may not list {}", resource.noun());
        self.set(resource, Read::Unreadable(why))
    }

    /// Adds an object.
    pub fn add(&mut self, resource: Resource, object: Value) -> &mut Self {
        match self.objects.get_mut(&resource) {
            Some(Read::Got(objects)) => objects.push(object),
            _ => {
                self.objects.insert(resource, Read::Got(vec![object]));
            }
        }
        self
    }

    /// Takes an object away.
    pub fn remove(&mut self, resource: Resource, name: &str) -> &mut Self {
        let Some(Read::Got(objects)) = self.objects.get_mut(&resource) else {
            panic!("no {resource:?} to remove {name} from");
        };
        let before = objects.len();
        objects.retain(|object| object["metadata"]["name"] != name);
        assert_eq!(objects.len() + 1, before, "there is no {resource:?} {name}");
        self
    }

    /// Changes an object by a JSON merge patch (RFC 7386): null removes, lists are replaced.
    pub fn merge(&mut self, resource: Resource, name: &str, patch: Value) -> &mut Self {
        self.edit(resource, name, |object| merge(object, &patch))
    }

    /// Changes an object.
    pub fn edit(&mut self, resource: Resource, name: &str, change: impl FnOnce(&mut Value)) -> &mut Self {
        let Some(Read::Got(objects)) = self.objects.get_mut(&resource) else {
            panic!("no {resource:?} to find {name} among");
        };
        let found = objects.iter_mut().find(|object| object["metadata"]["name"] == name);
        change(found.unwrap_or_else(|| panic!("there is no {resource:?} {name}")));
        self
    }

    /// Adds an event of the namespace (or, about nodes and the like, of the cluster) that was last seen at `at`.
    pub fn event(&mut self, kind: &str, name: &str, at: &str, rest: Value) -> &mut Self {
        let namespaced = !matches!(kind, "Node" | "NodeClaim" | "NodePool");
        let resource = if namespaced {
            Resource::Events
        } else {
            Resource::ClusterEvents
        };
        let mut event = json!({
            "metadata": {"name": format!("{name}.{at}")},
            "involvedObject": {"kind": kind, "name": name},
            "type": "Warning", "count": 1, "firstTimestamp": at, "lastTimestamp": at,
        });
        merge(&mut event, &rest);
        self.add(resource, event)
    }

    /// The snapshot.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::derive(&self.recording()).unwrap()
    }

    /// The snapshot as it would be saved.
    pub fn recording(&self) -> Recording {
        let raw = |object: &Value| RawValue::from_string(object.to_string()).unwrap();
        let raws = |objects: Vec<Value>| objects.iter().map(raw).collect();
        Recording {
            kind: KIND.to_owned(),
            version: VERSION,
            taken: Taken {
                at: NOW.parse::<Timestamp>().unwrap(),
                by: "shardctl test".to_owned(),
                context: Some("test".to_owned()),
                server: Read::Got("v1.36.3".to_owned()),
                namespace: "shop".to_owned(),
                statefulset: Some("db".to_owned()),
                redacted: false,
            },
            rights: Read::Got(Vec::new()),
            objects: self
                .objects
                .iter()
                .map(|(resource, read)| (*resource, read.clone().map(raws)))
                .collect(),
            logs: self.logs.clone(),
            domain: Read::Got("cluster.local".to_owned()),
            dns: self.dns.clone(),
            protection: Read::<EvictionTrial>::Absent("it wasn't asked for".to_owned()),
        }
    }

    /// How one check judges it, having made sure that it judges the redacted snapshot alike.
    pub fn judge(&self, check: &'static Check) -> Judged {
        let judged = self.judge_recording(check, &self.recording());
        let redacted = self.judge_recording(check, &redact(&self.recording()).unwrap());
        let gist = |judged: &Judged| {
            let mut severities: Vec<_> = judged.findings.iter().map(|finding| finding.severity).collect();
            severities.sort();
            (words(judged).0, severities)
        };
        assert_eq!(
            gist(&judged),
            gist(&redacted),
            "{} judges the redacted snapshot differently: {:?}, {:?}",
            check.about.id,
            words(&judged),
            words(&redacted)
        );
        judged
    }

    fn judge_recording(&self, check: &'static Check, recording: &Recording) -> Judged {
        let snapshot = Snapshot::derive(recording).unwrap();
        judge_one(check, &Seen::of(&snapshot, &self.policy))
    }
}

/// A check's outcome in one word and its findings as `Severity object: message`, for comparing.
pub fn words(judged: &Judged) -> (&'static str, Vec<String>) {
    let outcome = match &judged.outcome {
        Outcome::Pass => "pass",
        Outcome::Fail => "fail",
        Outcome::Unknown { .. } => "unknown",
        Outcome::NotApplicable { .. } => "not applicable",
        Outcome::Skipped => "skipped",
    };
    let findings = judged
        .findings
        .iter()
        .map(|finding| format!("{:?} {}: {}", finding.severity, finding.object, finding.message));
    (outcome, findings.collect())
}

/// Applies a JSON merge patch (RFC 7386).
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            target.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut target[key], value);
        }
    }
}

fn template_spec() -> Value {
    let size = json!({"cpu": "4", "memory": "32Gi"});
    let spread = |key: &str, when: &str| {
        json!({
            "topologyKey": key, "maxSkew": 1, "whenUnsatisfiable": when, "nodeTaintsPolicy": "Honor",
            "labelSelector": {"matchLabels": {"app": "db"}},
        })
    };
    json!({
        "terminationGracePeriodSeconds": 60,
        "priorityClassName": "shards",
        "topologySpreadConstraints": [
            spread("topology.kubernetes.io/zone", "DoNotSchedule"),
            spread("kubernetes.io/hostname", "ScheduleAnyway"),
        ],
        "containers": [{
            "name": "db", "image": "registry.example/db:1.0",
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
            "resources": {"requests": size, "limits": size},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }],
    })
}

fn set(shards: usize) -> Value {
    json!({
        "metadata": {"name": "db", "uid": "uid-db", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"},
        "spec": {
            "replicas": shards, "serviceName": "db-headless", "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "OnDelete"},
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
            "selector": {"matchLabels": {"app": "db"}},
            "template": {
                "metadata": {
                    "labels": {"app": "db"},
                    "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
                },
                "spec": template_spec(),
            },
            "volumeClaimTemplates": [{
                "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"], "storageClassName": "disk",
                    "resources": {"requests": {"storage": "64Gi"}},
                },
            }],
        },
        "status": {
            "replicas": shards, "readyReplicas": shards, "availableReplicas": shards, "observedGeneration": 1,
            "currentRevision": "db-1", "updateRevision": "db-1",
        },
    })
}

fn pod(ordinal: usize) -> Value {
    let mut spec = template_spec();
    merge(
        &mut spec,
        &json!({
            "nodeName": format!("node-{ordinal}"), "priority": 1_000_000,
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": format!("data-db-{ordinal}")}}],
        }),
    );
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastTransitionTime": READY_SINCE});
    json!({
        "metadata": {
            "name": format!("db-{ordinal}"), "uid": format!("uid-db-{ordinal}"), "namespace": "shop",
            "creationTimestamp": "2026-02-28T11:59:00Z",
            "labels": {
                "app": "db", "controller-revision-hash": "db-1",
                "statefulset.kubernetes.io/pod-name": format!("db-{ordinal}"),
            },
            "annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"},
            "ownerReferences": [
                {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "uid-db", "controller": true},
            ],
        },
        "spec": spec,
        "status": {
            "phase": "Running", "qosClass": "Guaranteed", "podIP": format!("10.0.0.{}", ordinal + 10),
            "startTime": "2026-02-28T11:59:00Z",
            "conditions": [condition("PodScheduled"), condition("ContainersReady"), condition("Ready")],
            "containerStatuses": [{
                "name": "db", "ready": true, "restartCount": 0, "image": "registry.example/db:1.0",
                "imageID": "registry.example/db@sha256:1", "state": {"running": {"startedAt": READY_SINCE}},
            }],
        },
    })
}

fn node(ordinal: usize) -> Value {
    let name = format!("node-{ordinal}");
    let zone = format!("zone-{}", ordinal % 3 + 1);
    let room = json!({"cpu": "16", "memory": "120Gi", "pods": "110"});
    json!({
        "metadata": {
            "name": name, "uid": format!("uid-{name}"),
            "labels": {
                "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone,
                "node.kubernetes.io/instance-type": "Standard_E16s_v5",
            },
        },
        "spec": {"providerID": format!("azure://{name}")},
        "status": {
            "allocatable": room, "capacity": room,
            "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": READY_SINCE},
                {"type": "MemoryPressure", "status": "False", "lastTransitionTime": READY_SINCE},
                {"type": "DiskPressure", "status": "False", "lastTransitionTime": READY_SINCE},
                {"type": "PIDPressure", "status": "False", "lastTransitionTime": READY_SINCE},
            ],
            "nodeInfo": {
                "kubeletVersion": "v1.36.3", "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "",
                "kernelVersion": "", "kubeProxyVersion": "", "machineID": "", "operatingSystem": "linux",
                "osImage": "", "systemUUID": "",
            },
        },
    })
}

fn claim(ordinal: usize) -> Value {
    json!({
        "metadata": {"name": format!("data-db-{ordinal}"), "uid": format!("uid-claim-{ordinal}"), "namespace": "shop"},
        "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "disk", "volumeName": format!("pv-{ordinal}"),
            "resources": {"requests": {"storage": "64Gi"}},
        },
        "status": {"phase": "Bound", "capacity": {"storage": "64Gi"}},
    })
}

fn volume(ordinal: usize) -> Value {
    json!({
        "metadata": {"name": format!("pv-{ordinal}"), "uid": format!("uid-pv-{ordinal}")},
        "spec": {
            "capacity": {"storage": "64Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "disk",
            "persistentVolumeReclaimPolicy": "Retain",
            "claimRef": {"namespace": "shop", "name": format!("data-db-{ordinal}"), "uid": format!("uid-claim-{ordinal}")},
            "csi": {"driver": "disk.csi.azure.com", "volumeHandle": format!("disk-{ordinal}")},
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{
                "key": "topology.kubernetes.io/zone", "operator": "In", "values": [format!("zone-{}", ordinal % 3 + 1)],
            }]}]}},
        },
        "status": {"phase": "Bound"},
    })
}

fn attachment(ordinal: usize) -> Value {
    json!({
        "metadata": {"name": format!("va-{ordinal}")},
        "spec": {
            "attacher": "disk.csi.azure.com", "nodeName": format!("node-{ordinal}"),
            "source": {"persistentVolumeName": format!("pv-{ordinal}")},
        },
        "status": {"attached": true},
    })
}

fn service() -> Value {
    json!({
        "metadata": {"name": "db-headless"},
        "spec": {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"name": "http", "port": 8080}]},
    })
}

fn slice(shards: usize) -> Value {
    let endpoint = |ordinal: usize| {
        json!({
            "addresses": [format!("10.0.0.{}", ordinal + 10)], "hostname": format!("db-{ordinal}"),
            "conditions": {"ready": true, "serving": true, "terminating": false},
            "targetRef": {"kind": "Pod", "name": format!("db-{ordinal}"), "uid": format!("uid-db-{ordinal}")},
        })
    };
    json!({
        "metadata": {"name": "db-headless-x", "labels": {"kubernetes.io/service-name": "db-headless"}},
        "addressType": "IPv4",
        "endpoints": (0..shards).map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    })
}

fn budget(shards: usize) -> Value {
    json!({
        "metadata": {"name": "db", "generation": 1},
        "spec": {
            "minAvailable": shards, "selector": {"matchLabels": {"app": "db"}},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
        "status": {
            "observedGeneration": 1, "currentHealthy": shards, "desiredHealthy": shards, "expectedPods": shards,
            "disruptionsAllowed": 0,
        },
    })
}

#[test]
fn every_check_finds_the_builders_set_in_order() {
    for scene in [Scene::healthy(3), Scene::stable(3)] {
        for check in super::CHECKS.iter().filter(|check| !check.about.id.starts_with("DNS")) {
            let judged = scene.judge(check);
            assert!(judged.findings.is_empty(), "{}: {:?}", check.about.id, words(&judged));
        }
    }
}
