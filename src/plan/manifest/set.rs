//! The StatefulSet: what is the same in both phases, and what each adds.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec, StatefulSetUpdateStrategy,
};
use k8s_openapi::api::core::v1::{
    Affinity, Container, ContainerPort, ExecAction, HTTPGetAction, Lifecycle, LifecycleHandler, NodeAffinity,
    NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    PersistentVolumeClaimStatus, PodSecurityContext, PodSpec, PodTemplateSpec, PreferredSchedulingTerm,
    Probe as PodProbe, ResourceRequirements, SeccompProfile, SecurityContext, TCPSocketAction, Toleration,
    TopologySpreadConstraint, VolumeMount, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::capacity::shards_of_a_zone;
use super::metadata;
use super::names::{Names, POOL_LABEL, RESERVED};
use super::surroundings::{PORT, selector, shards};
use crate::model::node::INSTANCE_TYPE;
use crate::model::pod::DO_NOT_DISRUPT;
use crate::model::report::Phase;
use crate::model::volume::ZONE;
use crate::model::workload::{Probe, Workload};

/// The label of a node that no other has.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// How long a shard may take to stop, in seconds.
const GRACE: i64 = 300;
/// How long a shard goes on serving once it is to stop, in seconds: balancers and name servers learn it meanwhile. The shard counts
/// as down from the first of them.
const STILL_SERVING: &str = "5";
/// How long a shard stays on a node that has gone silent, in seconds; this is Kubernetes' default, written out.
const SILENCE: i64 = 300;
/// A shard that starts is asked every so many seconds, and so many times: 30 minutes for an index of tens of GiB.
const START: (i32, i32) = (5, 360);
/// A shard that has started is asked every so many seconds, and is unready after so many failures.
const READY: (i32, i32) = (5, 3);
/// What the scheduler does where a spread can't be met.
const WISH: &str = "ScheduleAnyway";
const DEMAND: &str = "DoNotSchedule";
/// The volume of a shard, and where it is mounted.
const DATA: (&str, &str) = ("data", "/data");
/// The group that may write on the disk, whoever the image runs as.
const DISK_GROUP: i64 = 1000;

/// The set without what is a phase's own.
pub fn stateful_set(workload: &Workload, names: &Names) -> StatefulSet {
    let retain = || Some("Retain".to_owned());
    StatefulSet {
        metadata: metadata(workload, &names.set, true),
        spec: Some(StatefulSetSpec {
            replicas: Some(shards(workload)),
            service_name: Some(names.headless.clone()),
            // All at once: a part of them serves nobody.
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".to_owned()),
                ..StatefulSetUpdateStrategy::default()
            }),
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: retain(),
                when_scaled: retain(),
            }),
            selector: selector(names),
            template: template(workload, names),
            volume_claim_templates: Some(vec![claim(workload)]),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

/// Adds what is a phase's own: explore would rather have its pool, stable has no other, nor another size.
pub fn for_phase(set: &mut StatefulSet, names: &Names, workload: &Workload, phase: Phase) {
    let Some(spec) = set.spec.as_mut() else { return };
    let template = &mut spec.template;
    let Some(pod) = template.spec.as_mut() else { return };
    let pool = within(POOL_LABEL, vec![names.pool(phase)]);
    let mut affinity = NodeAffinity::default();
    pod.topology_spread_constraints = Some(spreads(names, workload, phase));
    match phase {
        Phase::Explore => {
            affinity.preferred_during_scheduling_ignored_during_execution = Some(vec![PreferredSchedulingTerm {
                preference: term(vec![pool]),
                weight: 100,
            }]);
            // Another zone's nodes would count as places that stay empty, and hold the spread up.
            if !workload.zones.is_empty() {
                affinity.required_during_scheduling_ignored_during_execution = Some(NodeSelector {
                    node_selector_terms: vec![term(vec![within(ZONE, workload.zones.clone())])],
                });
            }
        }
        Phase::Stable => {
            affinity.required_during_scheduling_ignored_during_execution = Some(NodeSelector {
                // The size as well: another one is another template, and moves the shards off the nodes that they have.
                node_selector_terms: vec![term(vec![pool, within(INSTANCE_TYPE, vec![workload.size.clone()])])],
            });
            pod.tolerations.get_or_insert_default().push(Toleration {
                key: Some(workload.name.clone()),
                operator: Some("Equal".to_owned()),
                value: Some(RESERVED.to_owned()),
                effect: Some("NoSchedule".to_owned()),
                ..Toleration::default()
            });
            let annotations = template
                .metadata
                .get_or_insert_default()
                .annotations
                .get_or_insert_default();
            annotations.insert(DO_NOT_DISRUPT.to_owned(), "true".to_owned());
        }
    }
    pod.affinity = Some(Affinity {
        node_affinity: Some(affinity),
        ..Affinity::default()
    });
}

/// What a node has to be.
fn term(all: Vec<NodeSelectorRequirement>) -> NodeSelectorTerm {
    NodeSelectorTerm {
        match_expressions: Some(all),
        match_fields: None,
    }
}

/// What a node's label has to be.
fn within(key: &str, values: Vec<String>) -> NodeSelectorRequirement {
    NodeSelectorRequirement {
        key: key.to_owned(),
        operator: "In".to_owned(),
        values: Some(values),
    }
}

fn template(workload: &Workload, names: &Names) -> PodTemplateSpec {
    let annotations = [(
        "cluster-autoscaler.kubernetes.io/safe-to-evict".to_owned(),
        "false".to_owned(),
    )];
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: selector(names).match_labels,
            annotations: Some(annotations.into()),
            ..ObjectMeta::default()
        }),
        spec: Some(PodSpec {
            containers: vec![container(workload, names)],
            priority_class_name: Some(names.set.clone()),
            security_context: Some(PodSecurityContext {
                fs_group: Some(DISK_GROUP),
                // Without it every start would walk over all files of the disk.
                fs_group_change_policy: Some("OnRootMismatch".to_owned()),
                seccomp_profile: Some(SeccompProfile {
                    type_: "RuntimeDefault".to_owned(),
                    ..SeccompProfile::default()
                }),
                ..PodSecurityContext::default()
            }),
            termination_grace_period_seconds: Some(GRACE),
            tolerations: Some(["not-ready", "unreachable"].map(silence).to_vec()),
            ..PodSpec::default()
        }),
    }
}

/// How the shards are to lie. As many as a zone has may share a node, or Karpenter would buy a node for each shard.
///
/// Over zones it is a demand where a shard gets its disk, and with it its zone for good: a wish isn't enough then, since the first
/// node that is ready would be filled before the others are there. That takes their names, to wait for the zones that have no node
/// yet. In the stable phase the disks hold each shard where it is, and a demand could only keep one Pending, while others are down or
/// have gone ahead from another pool.
fn spreads(names: &Names, workload: &Workload, phase: Phase) -> Vec<TopologySpreadConstraint> {
    let mut over_zones = spread(names, ZONE, 1);
    if phase == Phase::Explore && !workload.zones.is_empty() {
        DEMAND.clone_into(&mut over_zones.when_unsatisfiable);
        over_zones.min_domains = i32::try_from(workload.zones.len()).ok();
    }
    vec![over_zones, spread(names, HOSTNAME, shards_of_a_zone(workload))]
}

/// A wish. Karpenter takes it for a demand as long as it can.
fn spread(names: &Names, key: &str, max_skew: i32) -> TopologySpreadConstraint {
    TopologySpreadConstraint {
        label_selector: Some(selector(names)),
        max_skew,
        // A cordoned node is no place to count with.
        node_taints_policy: Some("Honor".to_owned()),
        topology_key: key.to_owned(),
        when_unsatisfiable: WISH.to_owned(),
        ..TopologySpreadConstraint::default()
    }
}

fn silence(of: &str) -> Toleration {
    Toleration {
        key: Some(format!("node.kubernetes.io/{of}")),
        operator: Some("Exists".to_owned()),
        effect: Some("NoExecute".to_owned()),
        toleration_seconds: Some(SILENCE),
        ..Toleration::default()
    }
}

fn container(workload: &Workload, names: &Names) -> Container {
    // Requests and limits alike: Guaranteed, the last to go when a node runs out of memory.
    let resources: BTreeMap<String, Quantity> = [("cpu", &workload.cpu), ("memory", &workload.memory)]
        .map(|(resource, amount)| (resource.to_owned(), Quantity(amount.clone())))
        .into();
    Container {
        name: names.container.clone(),
        image: Some(workload.image.clone()),
        ports: Some(vec![ContainerPort {
            name: Some(PORT.to_owned()),
            container_port: i32::from(workload.port),
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        resources: Some(ResourceRequirements {
            limits: Some(resources.clone()),
            requests: Some(resources),
            ..ResourceRequirements::default()
        }),
        // No liveness probe: it would restart a shard that is busy, and with it the system.
        startup_probe: Some(probe(&workload.probe, START)),
        readiness_probe: Some(probe(&workload.probe, READY)),
        lifecycle: Some(Lifecycle {
            pre_stop: Some(LifecycleHandler {
                exec: Some(ExecAction {
                    command: Some(vec!["sleep".to_owned(), STILL_SERVING.to_owned()]),
                }),
                ..LifecycleHandler::default()
            }),
            ..Lifecycle::default()
        }),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            ..SecurityContext::default()
        }),
        volume_mounts: Some(vec![VolumeMount {
            name: DATA.0.to_owned(),
            mount_path: DATA.1.to_owned(),
            ..VolumeMount::default()
        }]),
        ..Container::default()
    }
}

fn probe(how: &Probe, (every, failures): (i32, i32)) -> PodProbe {
    let port = IntOrString::String(PORT.to_owned());
    let mut probe = PodProbe {
        period_seconds: Some(every),
        failure_threshold: Some(failures),
        timeout_seconds: Some(3),
        ..PodProbe::default()
    };
    match how {
        Probe::Http(path) => {
            probe.http_get = Some(HTTPGetAction {
                path: Some(path.clone()),
                port,
                ..HTTPGetAction::default()
            });
        }
        Probe::Tcp => probe.tcp_socket = Some(TCPSocketAction { port, host: None }),
    }
    probe
}

/// The template of a shard's claim, with all that the server would add: this list belongs to one writer as a whole, and two who apply
/// the same (kubectl and shardctl) would else each find the other's changed.
fn claim(workload: &Workload) -> PersistentVolumeClaim {
    let requests = [("storage".to_owned(), Quantity(workload.storage.clone()))];
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA.0.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            resources: Some(VolumeResourceRequirements {
                requests: Some(requests.into()),
                ..VolumeResourceRequirements::default()
            }),
            storage_class_name: Some(workload.storage_class.clone()),
            volume_mode: Some("Filesystem".to_owned()),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: Some(PersistentVolumeClaimStatus {
            phase: Some("Pending".to_owned()),
            ..PersistentVolumeClaimStatus::default()
        }),
    }
}
