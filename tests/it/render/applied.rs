//! What is rendered, on a real cluster: every object is accepted with strict validation, Karpenter buys nodes for it, `verify` finds
//! it healthy.

use super::{kubectl_says, rendered};
use crate::cluster::{Plane, Scene, api};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A namespace with nothing in it but a storage class and a node class, and what is made beside it taken away at the end.
struct Ground {
    scene: Scene<'static>,
}

impl Ground {
    fn new() -> Ground {
        Ground {
            scene: Scene::shards(0).on_karpenter("Standard_E16s_v5", "1s").start(),
        }
    }

    /// `render PHASE` with this ground's names, and `more`.
    fn render(&self, phase: &str, more: &[&str]) -> String {
        let name = self.scene.namespace();
        let class = format!("karpenter.kwok.sh/KWOKNodeClass/{name}");
        let own = [
            phase,
            "--name",
            name,
            "-n",
            name,
            "--storage-class",
            name,
            "--node-class",
            &class,
        ];
        let zones = ["--zones", "eastus-1,eastus-2,eastus-3"];
        rendered(&[&own, zones.as_slice(), more].concat())
    }

    fn apply(&self, text: &str) {
        let kubeconfig = self.scene.kubeconfig().to_str().expect("UTF-8");
        let how = [
            "apply",
            "--server-side",
            "--validate=strict",
            "-f",
            "-",
            "--kubeconfig",
            kubeconfig,
        ];
        kubectl_says(&how, text);
        // The cloud gives the balancer an address.
        let balancer = format!("{}-lb", self.scene.namespace());
        let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}}});
        self.scene.patch_status::<Service>(&balancer, status);
    }

    fn shards(&self) -> Vec<Pod> {
        self.scene
            .list(&format!("labelSelector=app={}-shard", self.scene.namespace()))
    }

    #[track_caller]
    fn wait_until_ready(&self, shards: usize) {
        self.scene.wait_until("every shard is Ready", |_| {
            let pods = self.shards();
            pods.len() == shards && pods.iter().all(crate::cluster::scene::objects::is_ready)
        });
    }

    /// The nodes of the shards, each with how many it holds.
    fn nodes(&self) -> BTreeMap<String, usize> {
        let mut nodes = BTreeMap::new();
        for pod in self.shards() {
            let node = pod.spec.and_then(|spec| spec.node_name).expect("a node");
            *nodes.entry(node).or_default() += 1;
        }
        nodes
    }

    fn labels(&self, node: &str) -> BTreeMap<String, String> {
        self.scene.get::<Node>(node).metadata.labels.expect("labels")
    }

    /// How many shards each zone has, the fewest first.
    fn zones(&self) -> Vec<usize> {
        let mut zones: BTreeMap<String, usize> = BTreeMap::new();
        for (node, shards) in self.nodes() {
            *zones
                .entry(self.labels(&node)["topology.kubernetes.io/zone"].clone())
                .or_default() += shards;
        }
        let mut counts: Vec<usize> = zones.into_values().collect();
        counts.sort_unstable();
        counts
    }

    #[track_caller]
    fn is_healthy(&self) {
        let set = format!("{}-shard", self.scene.namespace());
        self.scene.wait_until("verify finds it healthy", |scene| {
            let verified = scene
                .shardctl(["verify", "-o", "short", "--statefulset", &set])
                .output()
                .expect("verify");
            verified.status.success()
        });
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let name = self.scene.namespace();
        let plane = self.scene.plane();
        let now = json!({"gracePeriodSeconds": 0});
        plane.run(async {
            let client = plane.client();
            for path in [
                format!("/apis/karpenter.sh/v1/nodepools/{name}-explore"),
                format!("/apis/karpenter.sh/v1/nodepools/{name}-stable"),
                format!("/apis/scheduling.k8s.io/v1/priorityclasses/{name}-shard"),
            ] {
                let _ = api::delete(client, &path, &now).await;
            }
        });
    }
}

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
    let definition = include_str!("../../cluster/aks-node-class.yaml");
    let kubeconfig = plane.kubeconfig();
    let kubeconfig = kubeconfig.to_str().expect("UTF-8");
    kubectl_says(
        &["apply", "--server-side", "-f", "-", "--kubeconfig", kubeconfig],
        definition,
    );
    let established = [
        "wait",
        "--for=condition=Established",
        "crd/aksnodeclasses.karpenter.azure.com",
        "--kubeconfig",
        kubeconfig,
    ];
    kubectl_says(&established, "");
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
