//! `shardctl drain` on the real control plane, judged by independent watchers of the shards and of the budget.

mod declined;
pub mod disks;
mod dry_run;
mod interrupt;
pub mod kill;
mod lock;
mod others;
mod prewarm;
mod refused;
mod rights;
mod rivals;
mod several;
mod slow;
mod strategies;
mod stuck;
mod surge;

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim};
use serde_json::{Value, json};

use crate::cluster::scene::running::Output;
use crate::cluster::{BudgetWitness, Scene, SceneBuilder, Witness, api};
use crate::upgrade::left_behind;

/// A zone, so that disks can go wherever there is room.
const ZONE: &str = "eastus-1";

/// Shards in one zone, of which the lowest `together` share the first of so many nodes.
pub fn packed(shards: u32, together: u32, nodes: u32) -> SceneBuilder {
    Scene::shards(shards)
        .zones([ZONE])
        .nodes_per_zone(nodes)
        .together(together)
}

/// Shards on nodes that Karpenter has bought, `together` on each, with room for no more: another one takes a new node.
pub fn packed_by_karpenter(shards: u32, together: u32) -> SceneBuilder {
    let (cpu, memory) = [("5", "40Gi"), ("3", "30Gi"), ("2", "20Gi")][together as usize - 1];
    Scene::shards(shards)
        .zones([ZONE])
        .shard_size(cpu, memory)
        .on_karpenter("Standard_E8s_v5", "1s")
        // Karpenter buys a node a pod where hosts are to differ, were it only preferred.
        .template(json!({"spec": {"topologySpreadConstraints": []}}))
}

/// The arguments of a drain that asks nothing and whose lock doesn't outlive it for long.
pub fn drain<'a>(node: &'a str, further: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["drain", node, "--yes", "--lease-duration", "2s"];
    arguments.extend_from_slice(further);
    arguments
}

/// Runs a drain to its end.
pub fn drained(scene: &Scene<'_>, node: &str, further: &[&str]) -> Output {
    scene.shardctl_process(scene.kubeconfig(), drain(node, further)).wait()
}

/// What was said, for messages.
pub fn said(ran: &Output) -> String {
    format!("{}{}", ran.stderr, ran.stdout)
}

/// What a drain leaves as it was: the budget, the set, the claims and the nodes.
#[derive(Debug)]
pub struct AsItWas {
    budget: Value,
    set: Value,
    claims: BTreeMap<String, Value>,
    nodes: BTreeMap<String, Value>,
}

impl AsItWas {
    /// As it is now.
    pub fn of(scene: &Scene<'_>) -> Self {
        let read = |path: String| scene.plane().get(&path).unwrap_or_else(|error| panic!("{error}"));
        let written = |object: &Value| {
            let metadata = &object["metadata"];
            json!({"spec": object["spec"], "annotations": metadata["annotations"], "labels": metadata["labels"]})
        };
        let (space, name) = (scene.namespace(), scene.name());
        let budget = read(format!(
            "/apis/policy/v1/namespaces/{space}/poddisruptionbudgets/{name}"
        ));
        let set = read(format!("/apis/apps/v1/namespaces/{space}/statefulsets/{name}"));
        let by_name = |list: Value, keep: &dyn Fn(&Value) -> Value| {
            let items = list["items"].as_array().cloned().unwrap_or_default();
            let named = items.into_iter().map(|item| {
                let name = item["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                (name, keep(&item))
            });
            named.collect::<BTreeMap<String, Value>>()
        };
        let claims = read(api::path_of::<PersistentVolumeClaim>(space));
        let claims = by_name(claims, &|claim| {
            let metadata = &claim["metadata"];
            json!({"uid": metadata["uid"], "annotations": metadata["annotations"], "volume": claim["spec"]["volumeName"]})
        });
        let nodes = read(format!(
            "{}?labelSelector=test.shardctl.dev/scene={space}",
            api::path_of::<Node>(space)
        ));
        let nodes = by_name(
            nodes,
            &|node| json!({"annotations": node["metadata"]["annotations"], "cordoned": node["spec"]["unschedulable"] == true}),
        );
        Self {
            budget: written(&budget),
            set: written(&set),
            claims,
            nodes,
        }
    }

    /// Holds the scene to it, but for these nodes, which are cordoned now, and new nodes, which have nothing of ours.
    #[track_caller]
    pub fn but_cordoned(mut self, scene: &Scene<'_>, cordoned: &[&str], said: &str) {
        let mut now = Self::of(scene);
        now.nodes.retain(|name, _| self.nodes.contains_key(name));
        for name in cordoned {
            self.nodes.get_mut(*name).unwrap_or_else(|| panic!("no node {name}"))["cordoned"] = true.into();
        }
        assert_eq!(now.budget, self.budget, "the budget: {said}");
        assert_eq!(now.set, self.set, "the set: {said}");
        assert_eq!(now.claims, self.claims, "the claims: {said}");
        assert_eq!(now.nodes, self.nodes, "the nodes: {said}");
        assert_eq!(left_behind(scene), Vec::<String>::new(), "{said}");
    }
}

/// The two watchers of a run.
pub struct Watched {
    /// Of the shards.
    pub shards: Witness,
    /// Of the budget.
    pub budget: BudgetWitness,
}

impl Watched {
    /// Begins to watch.
    #[track_caller]
    pub fn of(scene: &Scene<'_>) -> Self {
        Self {
            shards: Witness::of(scene),
            budget: BudgetWitness::of(scene),
        }
    }

    /// Never two shards down, the budget never lower than for one, and never without a mark that says so.
    #[track_caller]
    pub fn was_careful(&self, scene: &Scene<'_>, said: &str) {
        assert!(self.shards.most_down_at_once() <= 1, "{said}");
        self.budget_was_guarded(scene, said);
    }

    /// The budget was never lower than for one shard, and never without a mark that says so.
    #[track_caller]
    pub fn budget_was_guarded(&self, scene: &Scene<'_>, said: &str) {
        assert_eq!(self.budget.unmarked(), Vec::<Value>::new(), "{said}");
        for stand in self.budget.stands() {
            let least = stand.spec["minAvailable"].as_i64().unwrap_or_default();
            assert!(least >= i64::from(scene.shard_count()) - 1, "{stand:?}: {said}");
        }
    }
}
