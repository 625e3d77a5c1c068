//! What an operation that is refused must leave as it was, looked at before and after.

use crate::cluster::Scene;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

/// Everything of a scene that an upgrade could touch or leave behind.
#[derive(Debug, PartialEq)]
pub struct Untouched {
    set: Value,
    budget: Value,
    nodes: Vec<Value>,
    pods: Vec<Value>,
    leases: Vec<String>,
}

impl Untouched {
    /// How a scene is now.
    pub fn of(scene: &Scene<'_>) -> Untouched {
        let set = scene.set();
        let version = |metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| {
            json!({
                "version": metadata.resource_version, "generation": metadata.generation,
                "annotations": metadata.annotations,
            })
        };
        let pods: Vec<Pod> = scene.list("");
        let leases: Vec<Lease> = scene.list("");
        Untouched {
            set: version(&set.metadata),
            budget: version(&scene.budget().metadata),
            // A node's status changes with its heartbeat.
            nodes: scene
                .nodes()
                .into_iter()
                .map(|node| {
                    let meta = node.metadata;
                    json!({"name": meta.name, "labels": meta.labels, "annotations": meta.annotations, "spec": node.spec})
                })
                .collect(),
            pods: pods
                .into_iter()
                .map(|pod| json!({"name": pod.metadata.name, "uid": pod.metadata.uid}))
                .collect(),
            leases: leases.into_iter().filter_map(|lease| lease.metadata.name).collect(),
        }
    }

    /// Holds it against how the scene is now.
    #[track_caller]
    pub fn still_holds(&self, scene: &Scene<'_>) {
        assert_eq!(&Untouched::of(scene), self);
    }
}
