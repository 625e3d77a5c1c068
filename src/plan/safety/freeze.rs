//! Which nodes must be kept from Karpenter and Cluster Autoscaler while shards are replaced.
//!
//! Annotations on pods go with each pod that is made anew, so the nodes are annotated. Neither annotation stops expiry or the
//! repair of a node.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::model::actors::{Actor, is_known_actor, is_scaled_up};
use crate::model::{node, pod};
use crate::plan::verify::seen::Seen;

/// The annotation by which a node is kept from Cluster Autoscaler.
pub const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";

/// The nodes that hold shards and may be taken away, in the order of their names, each with the annotations that stop it.
///
/// A node that has them already needs nothing, and isn't named. Where nodes or pods can't be read, none is.
pub fn freeze(seen: &Seen<'_>) -> Vec<(String, BTreeMap<String, String>)> {
    let autoscaled = cluster_autoscaler_runs(seen);
    let missing = |found: &Node| {
        let key = if node::label(found, node::NODE_POOL).is_some() {
            pod::DO_NOT_DISRUPT
        } else if autoscaled {
            SCALE_DOWN_DISABLED
        } else {
            return None;
        };
        // Karpenter takes durations as well: a hold that runs out by itself isn't ours to trust.
        let held = found.metadata.annotations.as_ref().and_then(|all| all.get(key));
        held.is_none_or(|value| value != "true").then_some(key)
    };
    // As a rule all have it, and which of them hold shards needn't be known.
    if !seen
        .snapshot
        .nodes
        .got()
        .into_iter()
        .flatten()
        .any(|found| missing(found).is_some())
    {
        return Vec::new();
    }
    let nodes = seen.nodes_with_shards().unwrap_or_default().into_iter();
    nodes
        .filter_map(|(found, _)| {
            let annotations = BTreeMap::from([(missing(found)?.to_owned(), "true".to_owned())]);
            Some((node::name(found).to_owned(), annotations))
        })
        .collect()
}

/// Whether Cluster Autoscaler was seen: its workload, or its status where a managed cluster hides the workload.
pub fn cluster_autoscaler_runs(seen: &Seen<'_>) -> bool {
    let is_it = |meta: &ObjectMeta| {
        let name = meta.name.as_deref().unwrap_or_default();
        is_known_actor(name, meta.labels.as_ref()) == Some(Actor::ClusterAutoscaler)
    };
    let snapshot = seen.snapshot;
    snapshot
        .deployments
        .got()
        .into_iter()
        .flatten()
        .any(|found| is_scaled_up(found) && is_it(&found.metadata))
        || snapshot
            .daemon_sets
            .got()
            .into_iter()
            .flatten()
            .any(|found| is_it(&found.metadata))
        || snapshot
            .cluster_autoscaler
            .got()
            .is_some_and(|status| !status.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Resource;
    use crate::plan::verify::testing::Scene;
    use serde_json::json;

    fn frozen(scene: &Scene) -> Vec<(String, String)> {
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        let flat = |(node, annotations): (String, BTreeMap<String, String>)| {
            (node, annotations.into_keys().collect::<Vec<_>>().join(" "))
        };
        freeze(&seen).into_iter().map(flat).collect()
    }

    #[test]
    fn nodes_of_karpenter_are_frozen_unless_they_are_already() {
        let mut scene = Scene::healthy(3);
        assert_eq!(frozen(&scene), []);
        for name in ["node-0", "node-1", "node-2"] {
            scene.merge(
                Resource::Nodes,
                name,
                json!({"metadata": {"labels": {node::NODE_POOL: "stable"}}}),
            );
        }
        let held = |value: &str| json!({"metadata": {"annotations": {pod::DO_NOT_DISRUPT: value}}});
        scene.merge(Resource::Nodes, "node-1", held("true"));
        scene.merge(Resource::Nodes, "node-2", held("1h"));
        let wanted = |name: &str| (name.to_owned(), pod::DO_NOT_DISRUPT.to_owned());
        assert_eq!(frozen(&scene), [wanted("node-0"), wanted("node-2")]);
    }

    #[test]
    fn other_nodes_are_frozen_where_cluster_autoscaler_runs() {
        let wanted = [("node-0".to_owned(), SCALE_DOWN_DISABLED.to_owned())];
        let mut scene = Scene::healthy(1);
        scene.add(
            Resource::Deployments,
            json!({"metadata": {"name": "prod-cluster-autoscaler", "namespace": "kube-system"}}),
        );
        assert_eq!(frozen(&scene), wanted);
        let mut scene = Scene::healthy(1);
        scene.add(
            Resource::ClusterAutoscalerStatus,
            json!({"metadata": {"name": "cluster-autoscaler-status"}}),
        );
        assert_eq!(frozen(&scene), wanted);
        scene.merge(
            Resource::Nodes,
            "node-0",
            json!({"metadata": {"annotations": {SCALE_DOWN_DISABLED: "true"}}}),
        );
        assert_eq!(frozen(&scene), []);
    }
}
