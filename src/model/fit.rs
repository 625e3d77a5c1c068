//! Typed objects in no more memory than they need: a list that is read gets room for four items at first, and a pod's have one or two,
//! each of them up to three kilobytes. What is kept for the whole of an operation is fitted once. A pod loses its projected volumes,
//! which hold tokens and no data, so that nobody looks at them.

use k8s_openapi::api::apps::v1::{ControllerRevision, StatefulSet};
use k8s_openapi::api::core::v1::{Container, Event, Node, PersistentVolumeClaim, Pod, PodSpec, PodStatus};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::api::storage::v1::CSINode;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::storage::{PersistentVolume, VolumeAttachment};

/// A kind whose objects can give back the room that their lists don't use.
pub trait Fit {
    /// Gives it back.
    fn fit(&mut self) {}
}

fn list<T>(items: &mut Option<Vec<T>>) {
    if let Some(items) = items {
        items.shrink_to_fit();
    }
}

fn meta(meta: &mut ObjectMeta) {
    list(&mut meta.owner_references);
    list(&mut meta.finalizers);
}

fn container(container: &mut Container) {
    list(&mut container.args);
    list(&mut container.command);
    list(&mut container.env);
    list(&mut container.env_from);
    list(&mut container.ports);
    list(&mut container.volume_mounts);
}

fn spec(spec: &mut PodSpec) {
    spec.containers.shrink_to_fit();
    list(&mut spec.init_containers);
    // Tokens and the like: no data, and every pod's largest volume.
    spec.volumes
        .iter_mut()
        .for_each(|volumes| volumes.retain(|volume| volume.projected.is_none()));
    list(&mut spec.volumes);
    list(&mut spec.tolerations);
    list(&mut spec.image_pull_secrets);
    list(&mut spec.topology_spread_constraints);
    let containers = spec
        .containers
        .iter_mut()
        .chain(spec.init_containers.iter_mut().flatten());
    containers.for_each(container);
}

fn status(status: &mut PodStatus) {
    list(&mut status.conditions);
    list(&mut status.container_statuses);
    list(&mut status.init_container_statuses);
    list(&mut status.pod_ips);
    list(&mut status.host_ips);
}

impl Fit for Pod {
    fn fit(&mut self) {
        meta(&mut self.metadata);
        self.spec.iter_mut().for_each(spec);
        self.status.iter_mut().for_each(status);
    }
}

impl Fit for Node {
    fn fit(&mut self) {
        meta(&mut self.metadata);
        if let Some(status) = &mut self.status {
            list(&mut status.addresses);
            list(&mut status.conditions);
            list(&mut status.volumes_attached);
            list(&mut status.volumes_in_use);
        }
    }
}

impl Fit for PersistentVolumeClaim {
    fn fit(&mut self) {
        meta(&mut self.metadata);
        if let Some(spec) = &mut self.spec {
            list(&mut spec.access_modes);
        }
        if let Some(status) = &mut self.status {
            list(&mut status.access_modes);
        }
    }
}

impl Fit for PersistentVolume {
    fn fit(&mut self) {
        meta(&mut self.metadata);
        let Some(spec) = &mut self.spec else { return };
        list(&mut spec.access_modes);
        let required = spec.node_affinity.as_mut().and_then(|near| near.required.as_mut());
        for term in required.into_iter().flat_map(|near| &mut near.node_selector_terms) {
            list(&mut term.match_expressions);
        }
    }
}

impl Fit for VolumeAttachment {
    fn fit(&mut self) {
        meta(&mut self.metadata);
    }
}

impl Fit for Event {}
impl Fit for StatefulSet {}
impl Fit for ControllerRevision {}
impl Fit for PodDisruptionBudget {}
impl Fit for EndpointSlice {}
impl Fit for CSINode {}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_that_was_fitted_has_no_room_to_spare_and_is_the_same_but_for_its_token() {
        let read: Pod = serde_json::from_value(json!({
            "metadata": {"name": "db-0", "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "u"}]},
            "spec": {"containers": [{"name": "db", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
                "volumes": [{"name": "data"}, {"name": "token", "projected": {}}]},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]},
        }))
        .unwrap();
        let mut fitted = read.clone();
        let status = fitted.status.as_mut().unwrap();
        status.conditions.as_mut().unwrap().reserve(9);
        fitted.spec.as_mut().unwrap().containers.reserve(9);
        fitted.fit();
        let mut expected = read;
        expected.spec.as_mut().unwrap().volumes.as_mut().unwrap().pop();
        assert_eq!(fitted, expected);
        let (spec, status) = (fitted.spec.unwrap(), fitted.status.unwrap());
        assert_eq!(
            (spec.containers.capacity(), status.conditions.unwrap().capacity()),
            (1, 1)
        );
    }
}
