//! Whether the nodes under the shards are in good health, and theirs to keep.

use k8s_openapi::api::core::v1::{Node, Pod};

use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::mark::Mark;
use crate::model::read::Skip;
use crate::model::resource::Resource;
use crate::model::{node, pod};
use crate::plan::affinity::taint_words;
use crate::plan::verify::Check;
use crate::plan::verify::pods::running::duration;
use crate::plan::verify::seen::Seen;

/// Conditions that say a node is short of something, or cut off.
const PRESSURE: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];
/// Conditions of the node problem detector, as AKS, EKS and GKE install it, that say something on the node is broken.
const TROUBLE: [&str; 7] = [
    "KernelDeadlock",
    "ReadonlyFilesystem",
    "FilesystemCorruptionProblem",
    "KubeletProblem",
    "ContainerRuntimeProblem",
    "FrequentKubeletRestart",
    "FrequentContainerdRestart",
];
/// Taints by which somebody says that the node is about to go, and who that is.
pub const LEAVING: [(&str, &str); 7] = [
    ("karpenter.sh/disrupted", "Karpenter is replacing it"),
    ("ToBeDeletedByClusterAutoscaler", "Cluster Autoscaler is removing it"),
    (
        "DeletionCandidateOfClusterAutoscaler",
        "Cluster Autoscaler means to remove it",
    ),
    ("aws-node-termination-handler/", "AWS announced an interruption"),
    (
        "remediator.kubernetes.azure.com/unschedulable",
        "AKS drains it for a scheduled event",
    ),
    (
        "cloud.google.com/impending-node-termination",
        "Google Cloud is about to end it",
    ),
    ("node.kubernetes.io/out-of-service", "it was declared out of service"),
];
/// Labels by which a node says that its cloud may take it back at any time.
const SPOT: [(&str, &str); 6] = [
    ("karpenter.sh/capacity-type", "spot"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("cloud.google.com/gke-spot", "true"),
    ("cloud.google.com/gke-preemptible", "true"),
    ("node.kubernetes.io/lifecycle", "spot"),
];

/// NODE-01.
pub const NODE_01: Check = Check {
    about: Description {
        id: "NODE-01",
        category: Category::Nodes,
        severity: Severity::Error,
        title: "every node that holds a shard is Ready, not cordoned, under no pressure, and isn't about to go",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Nodes],
        also: "",
        why: "A shard is only as well as its node. On a cordoned node it runs on, but when it stops it can't come back there, \
              and its disk may keep it from going elsewhere. A node under pressure evicts. A scheduled event of the cloud \
              (a freeze, a reboot, a move to other hardware) is a warning: there is time to move the shard first.",
        mend: "Bring the node back, or move its shards off, one at a time.\n$ shardctl drain NODE\n$ shardctl uncordon \
               NODE\n$ kubectl describe node NODE",
        source: "core/v1 NodeCondition; AKS node auto-drain (VMEventScheduled); node problem detector",
        entails: &[
            "POD-01", "POD-03", "POD-04", "STS-03", "NODE-02", "PV-02", "VA-01", "EPS-01", "DNS-02", "DNS-03", "LB-02",
            "PDB-03", "EVT-01", "RES-01", "THR-01",
        ],
    },
    judge: node_01,
};

fn node_01(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let mut verdict = Verdict::new();
    let nodes = seen.nodes_with_shards()?;
    for (found, pods) in &nodes {
        judge_node(seen, found, &names(pods), &mut verdict);
    }
    for found in seen.own_pods()? {
        if let Some(on) = pod::node(found)
            && seen.node(on)?.is_none()
        {
            verdict
                .fail(
                    format!("node/{on}"),
                    format!("the node of {} doesn't exist any more", pod::name(found)),
                )
                .remedy(seen.kubectl(&format!("get pod {} -o wide", pod::name(found))));
        }
    }
    Ok(verdict.seen(format!("{} nodes with shards, all Ready", nodes.len())))
}

fn names(pods: &[&Pod]) -> String {
    let names: Vec<&str> = pods.iter().map(|found| pod::name(found)).collect();
    names.join(", ")
}

fn judge_node(seen: &Seen<'_>, found: &Node, shards: &str, verdict: &mut Verdict) {
    let name = node::name(found);
    let object = format!("node/{name}");
    let describe = seen.kubectl_cluster(&format!("describe node {name}"));
    if !node::is_ready(found) {
        let message = match node::condition(found, "Ready") {
            Some(ready) => {
                let state = if ready.status == "Unknown" {
                    "silent (Ready is Unknown: its kubelet doesn't report)"
                } else {
                    "not Ready"
                };
                let since = ready.last_transition_time.as_ref();
                let since = since.map(|at| format!(" for {}", duration(seen.now().duration_since(at.0))));
                format!("{state}{}; it holds {shards}", since.unwrap_or_default())
            }
            None => format!("it has no Ready condition; it holds {shards}"),
        };
        let finding = verdict.fail(object.clone(), message);
        if let Some(words) = node::condition(found, "Ready").and_then(|ready| ready.message.as_deref()) {
            finding.evidence(words);
        }
        finding.remedy(describe.clone());
    }
    if node::is_cordoned(found) {
        let mark = Mark::of(found.metadata.annotations.as_ref()).and_then(Result::ok);
        let by = match &mark {
            Some(mark) => format!(" (by {}, {}, until {})", mark.operation, mark.by, mark.until),
            None => String::new(),
        };
        verdict
            .fail(
                object.clone(),
                format!("cordoned{by}: {shards} can't come back here once stopped"),
            )
            .remedy(seen.shardctl(&format!("uncordon {name}")))
            .remedy(seen.shardctl(&format!("drain {name}")));
    }
    for kind in PRESSURE {
        if let Some(condition) = node::condition(found, kind).filter(|condition| condition.status == "True") {
            let finding = verdict.fail(object.clone(), format!("{kind}; it holds {shards}"));
            if let Some(words) = &condition.message {
                finding.evidence(words.clone());
            }
            finding.remedy(describe.clone());
        }
    }
    let conditions = found.status.as_ref().and_then(|status| status.conditions.as_ref());
    for condition in conditions
        .into_iter()
        .flatten()
        .filter(|condition| condition.status == "True")
    {
        // VMEventScheduled, FreezeScheduled, RebootScheduled, RedeployScheduled, PreemptScheduled, TerminateScheduled.
        let scheduled = condition.type_.ends_with("Scheduled");
        if !scheduled && !TROUBLE.contains(&condition.type_.as_str()) {
            continue;
        }
        let words = condition.message.as_deref().filter(|words| !words.is_empty());
        let words = words.map(|words| format!(": {words}")).unwrap_or_default();
        let finding = verdict.warn(object.clone(), format!("{}{words}; it holds {shards}", condition.type_));
        finding.remedy(if scheduled {
            seen.shardctl(&format!("drain {name}"))
        } else {
            describe.clone()
        });
    }
    for taint in node::taints(found) {
        if let Some((_, who)) = LEAVING.iter().find(|(key, _)| is_key(&taint.key, key)) {
            verdict
                .warn(
                    object.clone(),
                    format!("{who} (taint {}); it holds {shards}", taint_words(taint)),
                )
                .remedy(seen.shardctl(&format!("drain {name}")));
        }
    }
}

/// Whether a taint's key is this one; one that ends in a slash stands for every key that begins with it.
pub fn is_key(key: &str, known: &str) -> bool {
    key == known || known.ends_with('/') && key.starts_with(known)
}

/// NODE-04.
pub const NODE_04: Check = Check {
    about: Description {
        id: "NODE-04",
        category: Category::Nodes,
        severity: Severity::Warning,
        title: "no shard is on a node that its cloud may take back at any time",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Nodes],
        also: "",
        why: "Spot capacity is taken back with thirty seconds (Azure, Google Cloud) or two minutes (AWS) of notice, whatever \
              budgets and annotations say: that is an outage of the whole system, at a time that nobody chose.",
        mend: "Ask for on-demand capacity in the NodePool or the node group, then move the shards, one at a time.\n$ shardctl \
               drain NODE",
        source: "Azure Spot VMs, EC2 Spot interruption notices, GKE Spot VMs",
        entails: &["THR-01"],
    },
    judge: node_04,
};

fn node_04(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let mut verdict = Verdict::new();
    let nodes = seen.nodes_with_shards()?;
    for (found, pods) in &nodes {
        let spot = SPOT
            .iter()
            .find(|(key, value)| node::label(found, key).is_some_and(|written| written.eq_ignore_ascii_case(value)));
        if let Some((key, value)) = spot {
            verdict
                .warn(
                    format!("node/{}", node::name(found)),
                    format!(
                        "its cloud may take it back at any time ({key}={value}); it holds {}",
                        names(pods)
                    ),
                )
                .remedy(seen.shardctl(&format!("drain {}", node::name(found))));
        }
    }
    Ok(verdict.seen(format!("{} nodes with shards, none of them spot", nodes.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    #[test]
    fn each_trouble_of_a_shards_node_is_told_and_no_other_nodes() {
        let mut scene = Scene::healthy(3);
        scene.edit(Resource::Nodes, "node-0", |node| {
            node["status"]["conditions"][0]["status"] = json!("Unknown");
            node["status"]["conditions"][2]["status"] = json!("True");
        });
        scene.edit(Resource::Nodes, "node-1", |node| {
            node["spec"]["unschedulable"] = json!(true);
            node["spec"]["taints"] = json!([
                {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
                {"key": "aws-node-termination-handler/spot-itn", "effect": "NoSchedule"},
            ]);
            let conditions = node["status"]["conditions"].as_array_mut().unwrap();
            conditions.push(json!({"type": "VMEventScheduled", "status": "True", "message": "Freeze at noon"}));
            conditions.push(json!({"type": "NetworkingReady", "status": "True"}));
        });
        scene.add(
            Resource::Nodes,
            json!({"metadata": {"name": "stranger"}, "spec": {"unschedulable": true}, "status": {}}),
        );
        let (outcome, findings) = words(&scene.judge(&NODE_01));
        assert_eq!(outcome, "fail");
        assert_eq!(
            findings,
            [
                "Error node/node-0: silent (Ready is Unknown: its kubelet doesn't report) for 1d 0h; it holds db-0",
                "Error node/node-0: DiskPressure; it holds db-0",
                "Error node/node-1: cordoned: db-1 can't come back here once stopped",
                "Warning node/node-1: VMEventScheduled: Freeze at noon; it holds db-1",
                "Warning node/node-1: AWS announced an interruption (taint aws-node-termination-handler/spot-itn:NoSchedule); \
                 it holds db-1",
            ]
        );
        scene.remove(Resource::Nodes, "node-2");
        let (_, findings) = words(&scene.judge(&NODE_01));
        assert!(findings.contains(&"Error node/node-2: the node of db-2 doesn't exist any more".to_owned()));
    }

    #[test]
    fn spot_capacity_is_known_by_every_clouds_label() {
        for (key, value) in SPOT {
            let mut scene = Scene::healthy(2);
            scene.merge(Resource::Nodes, "node-1", json!({"metadata": {"labels": {key: value}}}));
            assert_eq!(scene.judge(&NODE_04).findings.len(), 1, "{key}");
        }
        let mut scene = Scene::healthy(2);
        scene.merge(
            Resource::Nodes,
            "node-1",
            json!({"metadata": {"labels": {"karpenter.sh/capacity-type": "on-demand"}}}),
        );
        assert_eq!(words(&scene.judge(&NODE_04)), ("pass", vec![]));
    }
}
