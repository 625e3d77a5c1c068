//! Karpenter on its own shared plane.

use crate::cluster::Scene;
use k8s_openapi::api::core::v1::Node;

#[test]
fn karpenter_buys_nodes_for_a_scene() {
    let scene = Scene::shards(3)
        .stable()
        .shard_size("4", "64Gi")
        .on_karpenter("Standard_E16s_v5", "1s")
        .start();
    let query = format!("labelSelector=test.shardctl.dev/scene={}", scene.namespace());
    let claims = scene.list_any("karpenter.sh/v1", "NodeClaim", &query);
    assert!(!claims.is_empty());
    for ordinal in 0..3 {
        let node: Node = scene.get(&scene.node_of(ordinal));
        let labels = node.metadata.labels.expect("labels");
        assert_eq!(labels["node.kubernetes.io/instance-type"], "Standard_E16s_v5");
        assert_eq!(labels["karpenter.sh/nodepool"], scene.namespace());
        assert!(
            claims
                .iter()
                .any(|claim| claim["status"]["nodeName"].as_str() == node.metadata.name.as_deref())
        );
    }
}
