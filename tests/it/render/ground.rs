//! A namespace on the plane with Karpenter, for workloads that are rendered or deployed there.

use super::{kubectl_says, rendered};
use crate::cluster::karpenter::region;
use crate::cluster::scene::objects::is_ready;
use crate::cluster::{Plane, Scene, api};
use crate::upgrade::rights::printed_rules;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Somebody with the Roles that `rbac --for PURPOSE` prints, and what its head says isn't in them: the node class may be read.
pub fn limited_to(ground: &Ground, purpose: &str) -> PathBuf {
    let arguments = ["rbac", "--for", purpose, "-n", ground.scene.namespace()];
    let printed = ground.scene.shardctl(arguments).output().expect("rbac");
    let (space, mut cluster) = printed_rules(&String::from_utf8(printed.stdout).expect("UTF-8"));
    let class = json!({"apiGroups": ["karpenter.kwok.sh"], "resources": ["kwoknodeclasses"], "verbs": ["get"]});
    cluster.as_array_mut().expect("rules").push(class);
    ground.scene.limited_user_with(space, cluster)
}

/// Defines AKS's node classes on the plane with Karpenter: nothing runs there that makes nodes of them.
pub fn with_aks_node_classes() {
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
}

/// A namespace with nothing in it but a storage class and a node class, and what is made beside it taken away at the end.
pub struct Ground {
    /// The namespace, and a client.
    pub scene: Scene<'static>,
    zones: [String; 3],
}

impl Ground {
    /// A new one.
    pub fn new() -> Ground {
        // Shards of the explore phase may go to any node of their zones, other scenes' too.
        static REGION: AtomicUsize = AtomicUsize::new(0);
        Ground {
            zones: region(REGION.fetch_add(1, Ordering::Relaxed)),
            scene: Scene::shards(0).on_karpenter("Standard_E16s_v5", "1s").start(),
        }
    }

    /// Its zones.
    pub fn zone_names(&self) -> &[String; 3] {
        &self.zones
    }

    /// `COMMAND` with this ground's names.
    pub fn of_command(&self, command: &str) -> Vec<String> {
        let mut arguments = self.arguments(command, "");
        arguments.remove(1);
        arguments
    }

    /// `COMMAND PHASE` with this ground's names.
    pub fn arguments(&self, command: &str, phase: &str) -> Vec<String> {
        let name = self.scene.namespace();
        let class = format!("karpenter.kwok.sh/KWOKNodeClass/{name}");
        let zones = self.zones.join(",");
        [
            command,
            phase,
            "--name",
            name,
            "-n",
            name,
            "--storage-class",
            name,
            "--node-class",
            &class,
            "--zones",
            &zones,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// What `render PHASE` prints with this ground's names, and `more`.
    pub fn render(&self, phase: &str, more: &[&str]) -> String {
        let own = self.arguments("render", phase);
        let own: Vec<&str> = own.iter().skip(1).map(String::as_str).collect();
        rendered(&[&own, more].concat())
    }

    /// The set's name.
    pub fn set(&self) -> String {
        format!("{}-shard", self.scene.namespace())
    }

    /// Applies manifests as a person does.
    #[track_caller]
    pub fn apply(&self, text: &str) {
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
        self.give_the_balancer_an_address();
    }

    /// What the cloud does.
    pub fn give_the_balancer_an_address(&self) {
        let balancer = format!("{}-lb", self.scene.namespace());
        let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.10"}]}}});
        self.scene.patch_status::<Service>(&balancer, status);
    }

    /// The set's version.
    pub fn version_of_the_set(&self) -> Option<String> {
        let set = self.scene.get::<StatefulSet>(&self.set());
        set.metadata.resource_version
    }

    /// The shards' pods.
    pub fn shards(&self) -> Vec<Pod> {
        self.scene
            .list(&format!("labelSelector=app={}-shard", self.scene.namespace()))
    }

    /// Waits until so many shards are there, all Ready.
    #[track_caller]
    pub fn wait_until_ready(&self, shards: usize) {
        self.scene.wait_until("every shard is Ready", |_| {
            let pods = self.shards();
            pods.len() == shards && pods.iter().all(is_ready)
        });
    }

    /// The nodes of the shards, each with how many it holds.
    pub fn nodes(&self) -> BTreeMap<String, usize> {
        let mut nodes = BTreeMap::new();
        for pod in self.shards() {
            let node = pod.spec.and_then(|spec| spec.node_name).expect("a node");
            *nodes.entry(node).or_default() += 1;
        }
        nodes
    }

    /// The nodes that shards are on; one may have none as yet.
    pub fn nodes_of_shards(&self) -> BTreeSet<String> {
        let pods = self.shards().into_iter();
        pods.filter_map(|pod| pod.spec.and_then(|spec| spec.node_name))
            .collect()
    }

    /// A node's labels.
    pub fn labels(&self, node: &str) -> BTreeMap<String, String> {
        self.scene.get::<Node>(node).metadata.labels.expect("labels")
    }

    /// How many shards each zone has, the fewest first.
    pub fn zones(&self) -> Vec<usize> {
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

    /// Waits until `verify` finds nothing wrong.
    #[track_caller]
    pub fn is_healthy(&self) {
        let set = self.set();
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
