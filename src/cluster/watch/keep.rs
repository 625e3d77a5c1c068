//! What of a watched object is kept: as `read` reduces what it reads, on typed objects.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{Container, Event, Node, PersistentVolumeClaim, Pod, PodSpec, PodStatus};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicObject;

use crate::cluster::read::{LAST_APPLIED, has_cluster_events};
use crate::model::fit::Fit as _;
use crate::model::pod::MIRROR;
use crate::model::storage::VolumeAttachment;

pub(super) fn set(set: &mut StatefulSet) -> bool {
    without_copy(&mut set.metadata)
}

pub(super) fn pod(pod: &mut Pod) -> bool {
    pod.fit();
    bare(&mut pod.metadata)
}

/// A pod of any namespace, cut down as `reduce` cuts down those of all nodes: what it takes, and what a drain does to it.
pub(super) fn node_pod(pod: &mut Pod) -> bool {
    let meta = std::mem::take(&mut pod.metadata);
    pod.metadata = ObjectMeta {
        name: meta.name,
        namespace: meta.namespace,
        uid: meta.uid,
        resource_version: meta.resource_version,
        labels: meta.labels,
        annotations: meta.annotations.and_then(|mut all| {
            all.retain(|key, _| key == MIRROR);
            (!all.is_empty()).then_some(all)
        }),
        owner_references: meta.owner_references,
        deletion_timestamp: meta.deletion_timestamp,
        ..ObjectMeta::default()
    };
    if let Some(spec) = pod.spec.take() {
        let cut = |container: Container| Container {
            name: container.name,
            resources: container.resources,
            restart_policy: container.restart_policy,
            ..Container::default()
        };
        let volumes = spec.volumes.map(|mut all| {
            all.retain(|volume| volume.empty_dir.is_some());
            all
        });
        pod.spec = Some(PodSpec {
            node_name: spec.node_name,
            volumes: volumes.filter(|all| !all.is_empty()),
            containers: spec.containers.into_iter().map(cut).collect(),
            init_containers: spec.init_containers.map(|all| all.into_iter().map(cut).collect()),
            resources: spec.resources,
            overhead: spec.overhead,
            affinity: spec.affinity,
            tolerations: spec.tolerations,
            priority: spec.priority,
            ..PodSpec::default()
        });
    }
    if let Some(status) = pod.status.take() {
        let conditions = status.conditions.map(|mut all| {
            all.retain(|condition| condition.type_ == "Ready");
            all
        });
        pod.status = Some(PodStatus {
            phase: status.phase,
            conditions: conditions.filter(|all| !all.is_empty()),
            ..PodStatus::default()
        });
    }
    pod.fit();
    true
}

pub(super) fn event(event: &mut Event) -> bool {
    bare(&mut event.metadata)
}

/// An event in `default` that is about an object without a namespace.
pub(super) fn cluster_event(event: &mut Event) -> bool {
    let concerns = has_cluster_events(event.involved_object.kind.as_deref());
    concerns && bare(&mut event.metadata)
}

pub(super) fn node(node: &mut Node) -> bool {
    if let Some(status) = &mut node.status {
        status.images = None;
    }
    node.fit();
    bare(&mut node.metadata)
}

pub(super) fn attachment(attachment: &mut VolumeAttachment) -> bool {
    attachment.fit();
    bare(&mut attachment.metadata)
}

pub(super) fn budget(budget: &mut PodDisruptionBudget) -> bool {
    without_copy(&mut budget.metadata)
}

pub(super) fn claim(claim: &mut PersistentVolumeClaim) -> bool {
    claim.fit();
    bare(&mut claim.metadata)
}

pub(super) fn revision(revision: &mut ControllerRevision) -> bool {
    bare(&mut revision.metadata)
}

pub(super) fn dynamic(object: &mut DynamicObject) -> bool {
    bare(&mut object.metadata)
}

fn bare(metadata: &mut ObjectMeta) -> bool {
    metadata.managed_fields = None;
    without_copy(metadata)
}

/// Without kubectl's copy of the whole object. Who set what is kept where it is asked: for the set and budgets.
fn without_copy(metadata: &mut ObjectMeta) -> bool {
    if let Some(annotations) = &mut metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
    true
}
