//! What is rendered, on a real cluster: every object is accepted with strict validation, Karpenter buys nodes for it, `verify` finds
//! it healthy.

use super::ground::{Ground, with_aks_node_classes};
use super::{kubectl_says, rendered};
use crate::cluster::{Plane, api};
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};

#[test]
fn karpenter_buys_nodes_for_explore_and_packs_them() {
    let ground = Ground::new();
    ground.apply(&ground.render("explore", &["--shards", "6"]));
    ground.wait_until_ready(6);
    let nodes = ground.nodes();
    assert!(nodes.len() < 6, "several shards share a node: {nodes:?}");
    for node in nodes.keys() {
        let labels = ground.labels(node);
        let pool = format!("{}-explore", ground.scene.namespace());
        assert_eq!((&labels["workload"], &labels["karpenter.sh/nodepool"]), (&pool, &pool));
        assert!(labels["node.kubernetes.io/instance-type"].starts_with("Standard_E"));
    }
    assert_eq!(ground.zones(), [2, 2, 2]);
    ground.is_healthy();
}

#[test]
fn karpenter_buys_the_pinned_size_for_stable_and_keeps_others_off() {
    let ground = Ground::new();
    ground.apply(&ground.render("stable", &["--shards", "5", "--size", "Standard_E20s_v5"]));
    ground.wait_until_ready(5);
    for node in ground.nodes().keys() {
        let labels = ground.labels(node);
        assert_eq!(labels["node.kubernetes.io/instance-type"], "Standard_E20s_v5");
        assert_eq!(labels["workload"], format!("{}-stable", ground.scene.namespace()));
        let spec = ground.scene.get::<Node>(node).spec.expect("a spec");
        let taints = spec.taints.unwrap_or_default();
        assert!(
            taints
                .iter()
                .any(|taint| taint.key == ground.scene.namespace() && taint.effect == "NoSchedule")
        );
    }
    ground.is_healthy();
}

#[test]
fn every_object_is_accepted_with_strict_validation_on_aks_too() {
    let plane = Plane::with_karpenter();
    with_aks_node_classes();
    let kubeconfig = plane.kubeconfig();
    let kubeconfig = kubeconfig.to_str().expect("UTF-8");
    let ground = Ground::new();
    let name = ground.scene.namespace();
    for phase in ["explore", "stable"] {
        let text = rendered(&[phase, "--name", name, "-n", name, "--shards", "1"]);
        let how = [
            "apply",
            "--server-side",
            "--validate=strict",
            "-f",
            "-",
            "-o",
            "json",
            "--kubeconfig",
            kubeconfig,
        ];
        let applied = kubectl_says(&how, &text);
        let made: Value = serde_json::from_str(&applied).expect("JSON");
        let made = made["items"].as_array().expect("a list");
        let kinds: Vec<&str> = made.iter().filter_map(|of| of["kind"].as_str()).collect();
        assert_eq!(kinds.len(), 8, "{kinds:?}");
        let class = made.iter().find(|of| of["kind"] == "AKSNodeClass").expect("a class");
        assert_eq!(class["spec"], json!({"imageFamily": "Ubuntu", "osDiskSizeGB": 128}));
        let path = format!("/apis/karpenter.azure.com/v1beta1/aksnodeclasses/{name}-{phase}");
        plane
            .run(api::delete(plane.client(), &path, &json!({})))
            .expect("delete the class");
    }
}
