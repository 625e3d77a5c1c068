//! Programs that run in the cluster and evict pods or empty nodes, known by the names of their workloads.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::{Roll, got};
use crate::model::actors::{Actor, is_known_actor, is_scaled_up};
use crate::model::{node, pod, set};
use crate::plan::verify::seen::Seen;

/// The annotation by which a node is kept from Cluster Autoscaler.
const SCALE_DOWN_DISABLED: &str = "cluster-autoscaler.kubernetes.io/scale-down-disabled";
/// The annotations by which kube-downscaler leaves a set alone.
const DOWNSCALER_EXCLUDE: &str = "downscaler/exclude";

/// Adds the programs that were found, each judged by what stops it.
pub fn judge(seen: &Seen<'_>, roll: &mut Roll) {
    let mut actors: BTreeMap<Actor, String> = BTreeMap::new();
    let mut add = |kind: &str, meta: &ObjectMeta| {
        let name = meta.name.as_deref().unwrap_or_default();
        if let Some(actor) = is_known_actor(name, meta.labels.as_ref()) {
            let place = meta.namespace.as_deref().unwrap_or_default();
            actors
                .entry(actor)
                .or_insert_with(|| format!("{kind}/{name} in namespace {place}"));
        }
    };
    for workload in got(&seen.snapshot.daemon_sets, roll) {
        add("daemonset", &workload.metadata);
    }
    for workload in got(&seen.snapshot.deployments, roll)
        .iter()
        .filter(|found| is_scaled_up(found))
    {
        add("deployment", &workload.metadata);
    }
    // Managed clusters hide Cluster Autoscaler's pod, but not its status.
    if let Some(status) = got(&seen.snapshot.cluster_autoscaler, roll).first() {
        let name = status.metadata.name.as_deref().unwrap_or_default();
        actors
            .entry(Actor::ClusterAutoscaler)
            .or_insert_with(|| format!("configmap/{name} in namespace kube-system"));
    }
    for (actor, object) in &actors {
        judge_actor(seen, *actor, object, roll);
    }
}

fn judge_actor(seen: &Seen<'_>, actor: Actor, object: &str, roll: &mut Roll) {
    let who = actor.noun();
    match actor {
        Actor::ClusterAutoscaler => {
            let told = keeps_cluster_autoscaler_off(seen);
            roll.evictor(object, who, told);
        }
        Actor::Descheduler | Actor::Kured | Actor::SystemUpgrade | Actor::Draino | Actor::Evictor => {
            roll.evictor(object, who, None);
        }
        Actor::TerminationHandler => {
            roll.stopped(
                who,
                "acts only on a notice about a node; taints and conditions of the shards' nodes show none or are named",
            );
        }
        // Judged by the autoscalers that exist, not by the program.
        Actor::VpaUpdater => {}
        Actor::Downscaler => judge_downscaler(seen, object, roll),
        Actor::EvictionAutoscaler => {
            roll.perhaps(
                object,
                "the eviction autoscaler adds replicas where a budget blocks an eviction, and one more replica opens the budget; \
                 whether it looks after this set can't be seen here",
            )
            .remedy(seen.kubectl("get evictionautoscalers"));
        }
        Actor::Chaos => {
            roll.perhaps(
                object,
                "a chaos tool deletes pods, and no budget stops a deletion; what it aims at can't be seen here",
            )
            .remedy("see its configuration: the shards' namespace must not be among its targets");
        }
    }
}

/// What keeps Cluster Autoscaler off every node that holds shards; none where it is free on at least one.
fn keeps_cluster_autoscaler_off(seen: &Seen<'_>) -> Option<String> {
    let nodes = seen.nodes_with_shards().ok()?;
    if nodes.is_empty() {
        return None;
    }
    let mut reasons = Vec::new();
    for (found, pods) in &nodes {
        let annotations = found.metadata.annotations.as_ref();
        let reason = if node::label(found, node::NODE_POOL).is_some() {
            "the shards' nodes are Karpenter's"
        } else if annotations
            .and_then(|all| all.get(SCALE_DOWN_DISABLED))
            .map(String::as_str)
            == Some("true")
        {
            "scale-down-disabled on the nodes"
        } else if pods
            .iter()
            .any(|shard| pod::annotation(shard, pod::SAFE_TO_EVICT) == Some("false"))
        {
            "safe-to-evict \"false\" on the shards"
        } else {
            return None;
        };
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    Some(reasons.join(", "))
}

fn judge_downscaler(seen: &Seen<'_>, object: &str, roll: &mut Roll) {
    let Ok(found) = seen.set() else { return };
    let excluded = |meta: &ObjectMeta| {
        let value = meta
            .annotations
            .as_ref()
            .and_then(|annotations| annotations.get(DOWNSCALER_EXCLUDE));
        value.is_some_and(|value| value == "true")
    };
    let namespace = seen.snapshot.namespace.got().and_then(|found| found.first());
    if excluded(&found.metadata) || namespace.is_some_and(|found| excluded(&found.metadata)) {
        roll.stopped(Actor::Downscaler.noun(), "downscaler/exclude");
    } else {
        roll.open(
            object,
            "kube-downscaler scales StatefulSets down by the clock, and no budget stops scaling",
        )
        .remedy(seen.kubectl(&format!(
            "annotate statefulset {} {DOWNSCALER_EXCLUDE}=true",
            set::name(found)
        )));
    }
}
