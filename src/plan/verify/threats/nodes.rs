//! What is under way on the nodes that hold shards: taints that evict, notices of maintenance, upgrades of node images.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Node, Pod, Taint, Toleration};

use super::Roll;
use crate::model::read::{Read, Skip};
use crate::model::{node, pod};
use crate::plan::verify::karpenter::lifetime::from_now;
use crate::plan::verify::seen::{Seen, event_time};

/// How long after its last event an upgrade of node images counts as under way.
const UPGRADING: SignedDuration = SignedDuration::from_mins(30);

/// Taints by which somebody says that a node is about to go: the beginning of the key, and who says it.
const NOTICES: [(&str, &str); 6] = [
    ("ToBeDeletedByClusterAutoscaler", "Cluster Autoscaler is emptying it"),
    ("karpenter.sh/disrupt", "Karpenter is emptying it"),
    ("aws-node-termination-handler/", "a termination notice of AWS"),
    ("remediator.kubernetes.azure.com/", "AKS is repairing it"),
    (
        "cloud.google.com/impending-node-termination",
        "a termination notice of Google Cloud",
    ),
    ("node.cloudprovider.kubernetes.io/shutdown", "its machine is shut down"),
];

/// Adds what is under way on the shards' nodes.
pub fn judge(seen: &Seen<'_>, roll: &mut Roll) {
    let nodes = match seen.nodes_with_shards() {
        Ok(nodes) => nodes,
        Err(Skip::Unknown(why) | Skip::NotApplicable(why)) => return roll.unsure(why),
    };
    for (found, pods) in &nodes {
        let name = format!("node/{}", node::name(found));
        for taint in node::taints(found) {
            if taint.effect == "NoExecute" {
                judge_taint(seen, &name, taint, pods, roll);
            }
            if let Some((_, notice)) = NOTICES.iter().find(|(key, _)| taint.key.starts_with(key)) {
                let names: Vec<&str> = pods.iter().map(|shard| pod::name(shard)).collect();
                roll.evictor(&name, &format!("{name} with {}: {notice}", names.join(", ")), None);
            }
        }
        judge_conditions(seen, &name, found, roll);
    }
    judge_upgrade(seen, roll);
}

/// A NoExecute taint deletes the pods that don't tolerate it, at once or when their toleration runs out, past any budget.
fn judge_taint(seen: &Seen<'_>, name: &str, taint: &Taint, pods: &[&Pod], roll: &mut Roll) {
    for shard in pods.iter().filter(|shard| !pod::is_terminating(shard)) {
        let since = taint.time_added.as_ref().map(|time| time.0);
        let message = match tolerated(taint, shard) {
            Tolerated::Always => continue,
            Tolerated::Not => format!(
                "the taint {} deletes {} now, past the budget",
                taint.key,
                pod::name(shard)
            ),
            Tolerated::For(seconds) => format!(
                "the taint {} deletes {} after {seconds}s{}, past the budget",
                taint.key,
                pod::name(shard),
                ending(since, seconds, seen.now())
            ),
        };
        roll.open(name, message).remedy("see NODE-01");
    }
}

fn ending(since: Option<Timestamp>, seconds: i64, now: Timestamp) -> String {
    since
        .and_then(|since| since.checked_add(SignedDuration::from_secs(seconds)).ok())
        .map(|end| format!(" ({})", from_now(end, now)))
        .unwrap_or_default()
}

#[derive(Debug, PartialEq, Eq)]
enum Tolerated {
    Always,
    For(i64),
    Not,
}

/// How long a pod tolerates a NoExecute taint: the shortest of its tolerations that match.
///
/// Source: `getMinTolerationTime` in `pkg/controller/tainteviction`; `ToleratesTaint` in core/v1.
fn tolerated(taint: &Taint, shard: &Pod) -> Tolerated {
    let tolerations = shard.spec.as_ref().and_then(|spec| spec.tolerations.as_deref());
    let matching: Vec<&Toleration> = tolerations
        .unwrap_or_default()
        .iter()
        .filter(|toleration| {
            let effect = toleration.effect.as_deref().unwrap_or_default();
            let key = toleration.key.as_deref().unwrap_or_default();
            let exists = toleration.operator.as_deref() == Some("Exists");
            let value = toleration.value.as_deref().unwrap_or_default();
            (effect.is_empty() || effect == taint.effect)
                && (key == taint.key || (key.is_empty() && exists))
                && (exists || value == taint.value.as_deref().unwrap_or_default())
        })
        .collect();
    if matching.is_empty() {
        return Tolerated::Not;
    }
    match matching
        .iter()
        .filter_map(|toleration| toleration.toleration_seconds)
        .min()
    {
        Some(seconds) => Tolerated::For(seconds.max(0)),
        None => Tolerated::Always,
    }
}

/// Announced events of the machine, and a reboot by kured.
fn judge_conditions(seen: &Seen<'_>, name: &str, found: &Node, roll: &mut Roll) {
    if let Some(event) = node::condition(found, "VMEventScheduled").filter(|event| event.status == "True") {
        let reason = event.reason.as_deref().unwrap_or("no reason given");
        let message = event.message.as_deref().unwrap_or_default();
        roll.open(
            name,
            format!("an event of the machine is announced ({reason}), which nothing in the cluster stops: {message}"),
        )
        .remedy(seen.shardctl(&format!("drain {}", node::name(found))));
    }
    let annotations = found.metadata.annotations.iter().flatten();
    if annotations
        .into_iter()
        .any(|(key, _)| key.ends_with("/kured-reboot-in-progress"))
    {
        roll.evictor(name, &format!("kured, which is rebooting {name}"), None);
    }
}

/// AKS writes Surge, Drain and Upgrade events about nodes while it replaces their images.
fn judge_upgrade(seen: &Seen<'_>, roll: &mut Roll) {
    let events = &seen.snapshot.cluster_events;
    if let Read::Unreadable(why) = events {
        roll.unsure(why.clone());
    }
    let latest = events
        .got()
        .into_iter()
        .flatten()
        .filter(|event| {
            event.involved_object.kind.as_deref() == Some("Node")
                && matches!(event.reason.as_deref(), Some("Surge" | "Drain" | "Upgrade"))
        })
        .filter_map(|event| Some((event_time(event)?, event)))
        .filter(|(time, _)| seen.now().duration_since(*time) < UPGRADING)
        .max_by_key(|(time, _)| *time);
    if let Some((time, event)) = latest {
        let about = event.involved_object.name.as_deref().unwrap_or_default();
        roll.evictor(
            &format!("node/{about}"),
            &format!(
                "an upgrade of node images ({} of node/{about}, {})",
                event.reason.as_deref().unwrap_or_default(),
                from_now(time, seen.now())
            ),
            None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn the_shortest_matching_toleration_counts() {
        let taint: Taint =
            serde_json::from_value(json!({"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"})).unwrap();
        let shard = |tolerations: Value| -> Pod {
            serde_json::from_value(json!({"spec": {"containers": [], "tolerations": tolerations}})).unwrap()
        };
        let exists = |seconds: Value| json!({"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds});
        assert_eq!(tolerated(&taint, &shard(json!([]))), Tolerated::Not);
        assert_eq!(
            tolerated(&taint, &shard(json!([exists(json!(300))]))),
            Tolerated::For(300)
        );
        assert_eq!(
            tolerated(&taint, &shard(json!([{"operator": "Exists"}]))),
            Tolerated::Always
        );
        let both = json!([{"operator": "Exists"}, exists(json!(5))]);
        assert_eq!(tolerated(&taint, &shard(both)), Tolerated::For(5));
        let other = json!([{"key": "dedicated", "operator": "Exists"}]);
        assert_eq!(tolerated(&taint, &shard(other)), Tolerated::Not);
        let scheduling = json!([{"operator": "Exists", "effect": "NoSchedule"}]);
        assert_eq!(tolerated(&taint, &shard(scheduling)), Tolerated::Not);
    }
}
