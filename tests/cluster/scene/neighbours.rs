//! Other people's pods on a scene's nodes: what a node carries besides shards.

use super::Scene;
use super::objects::is_ready;
use super::workload::SCENE;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

impl Scene<'_> {
    /// A Deployment of so many pods, which begin on `node` and may go to any other node of the scene.
    #[track_caller]
    pub fn deployment(&self, name: &str, pods: u32, node: &str) {
        self.workload("Deployment", name, json!({"nodeAffinity": rather(node)}), json!(pods));
        self.wait_until("the neighbours are on the node", |scene| {
            scene.neighbours_on(name, node) == pods as usize
        });
    }

    /// Another StatefulSet, of so many pods, which begin on `node` and may go to any other node of the scene.
    #[track_caller]
    pub fn another_set(&self, name: &str, pods: u32, node: &str) {
        self.workload("StatefulSet", name, json!({"nodeAffinity": rather(node)}), json!(pods));
        self.wait_until("the other set's pods are on the node", |scene| {
            scene.neighbours_on(name, node) == pods as usize
        });
    }

    /// A DaemonSet over the scene's nodes.
    #[track_caller]
    pub fn daemon_set(&self, name: &str, node: &str) {
        self.workload("DaemonSet", name, Value::Null, Value::Null);
        self.wait_until("the daemon is on the node", |scene| {
            scene.neighbours_on(name, node) == 1
        });
    }

    /// A pod without a controller, with these volumes (`[{"name": "scratch", "emptyDir": {}}]`), on `node`.
    #[track_caller]
    pub fn bare_pod(&self, name: &str, node: &str, volumes: Value) {
        self.apply(json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"neighbour": name}},
            "spec": {"nodeName": node, "volumes": volumes, "containers": [container()]},
        }));
        self.wait_until("the pod runs", |scene| scene.neighbours_on(name, node) == 1);
    }

    /// A budget over a neighbour's pods.
    #[track_caller]
    pub fn neighbours_budget(&self, name: &str, least: Value) {
        self.apply(json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
            "spec": {"minAvailable": least, "selector": {"matchLabels": {"neighbour": name}}},
        }));
        self.wait_until("the neighbour's budget is counted", |scene| {
            let budget: PodDisruptionBudget = scene.get(name);
            let status = budget.status.unwrap_or_default();
            status.observed_generation == budget.metadata.generation && status.current_healthy > Some(0)
        });
    }

    /// How many Ready pods of a neighbour are on a node.
    pub fn neighbours_on(&self, name: &str, node: &str) -> usize {
        let pods: Vec<Pod> = self.list(&format!("labelSelector=neighbour={name}"));
        let here = |pod: &&Pod| {
            let on = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            on == Some(node) && is_ready(pod)
        };
        pods.iter().filter(here).count()
    }

    fn workload(&self, kind: &str, name: &str, affinity: Value, pods: Value) {
        let labels = json!({"neighbour": name});
        let mut object = json!({
            "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "nodeSelector": {SCENE: self.namespace}, "affinity": affinity,
                    "tolerations": [{"key": "biometric", "operator": "Exists"}], "containers": [container()],
                },
            }},
        });
        if !pods.is_null() {
            object["spec"]["replicas"] = pods;
        }
        self.apply(object);
    }
}

/// An affinity to a node that isn't insisted on.
fn rather(node: &str) -> Value {
    json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference":
        {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}}]})
}

fn container() -> Value {
    json!({"name": "main", "image": "registry.example/neighbour:1"})
}
