//! Whether the shards are on the nodes that the template means, and as far apart as it asks.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, PodAffinityTerm, PodSpec, Taint};

use super::health::{LEAVING, is_key};
use super::spread::spreads;
use crate::model::check::{Category, Description};
use crate::model::finding::{Severity, Verdict};
use crate::model::read::Skip;
use crate::model::report::Phase;
use crate::model::resource::Resource;
use crate::model::set;
use crate::model::{node, pod, volume};
use crate::plan::affinity::{taint_words, tolerates, unmet, untolerated};
use crate::plan::verify::Check;
use crate::plan::verify::seen::Seen;

/// NODE-02.
pub const NODE_02: Check = Check {
    about: Description {
        id: "NODE-02",
        category: Category::Nodes,
        severity: Severity::Error,
        title: "every shard is on a node that the template admits, and they are spread as it demands",
        reads: &[Resource::StatefulSets, Resource::Pods, Resource::Nodes],
        also: "--phase, or `phase` in shardctl.toml",
        why: "Labels and taints of a node may change under a running shard: it runs on, and can't come back once stopped. In \
              the stable phase the pool's taint also keeps other pods off the shards' nodes. A skew over a spread \
              constraint with DoNotSchedule is a warning, and so are two shards on a node where required anti-affinity \
              forbids it; what is only wished for (ScheduleAnyway, preferred) is told and no more. Without either, several \
              shards on one node are what good packing looks like: the numbers stand in the passing line.",
        mend: "Correct the node's label or taint, or move the shard to a node that will do.\n$ kubectl label node NODE \
               KEY=VALUE\n$ kubectl taint node NODE KEY=VALUE:NoSchedule\n$ shardctl drain NODE",
        source: "core/v1 NodeAffinity, Taint, TopologySpreadConstraint; pkg/scheduler/framework/plugins/podtopologyspread",
        entails: &["PV-02"],
    },
    judge: node_02,
};

fn node_02(seen: &Seen<'_>) -> Result<Verdict, Skip> {
    let set = seen.set()?;
    let Some(spec) = set::pod_spec(set) else {
        return Err(Skip::Unknown(format!(
            "statefulset/{} has no pod template",
            set::name(set)
        )));
    };
    let (phase, _) = seen.phase()?;
    let nodes = seen.nodes_with_shards()?;
    let mut verdict = Verdict::new();
    for (place, pods) in &nodes {
        let holds: Vec<&str> = pods.iter().map(|found| pod::name(found)).collect();
        let holds = holds.join(", ");
        let name = node::name(place);
        for wanted in unmet(spec, place) {
            verdict
                .fail(
                    format!("node/{name}"),
                    format!("the template demands {wanted}: {holds} can't come back here once stopped"),
                )
                .remedy(seen.kubectl_cluster(&format!("get node {name} --show-labels")))
                .remedy(seen.shardctl(&format!("drain {name}")));
        }
        judge_taints(seen, spec, place, &holds, phase, &mut verdict);
    }
    let pods = seen.own_pods()?;
    judge_spread(seen, spec, &pods, &mut verdict)?;
    judge_neighbours(seen, spec, &nodes, &mut verdict);
    Ok(verdict.seen(layout(&nodes)))
}

/// A node's taints against the template's tolerations; in the stable phase also the pool's own taint, which the template's
/// tolerations name.
fn judge_taints(seen: &Seen<'_>, spec: &PodSpec, place: &Node, holds: &str, phase: Phase, verdict: &mut Verdict) {
    let name = node::name(place);
    // Kubernetes' own taints say how the node is, and the clouds' that it is about to go: NODE-01 judges those.
    let passing = |taint: &&Taint| {
        taint.key.starts_with("node.kubernetes.io/")
            || taint.key.starts_with("node.cloudprovider.kubernetes.io/")
            || LEAVING.iter().any(|(key, _)| is_key(&taint.key, key))
    };
    for taint in untolerated(spec, node::taints(place)).filter(|taint| !passing(taint)) {
        let message = format!(
            "the template doesn't tolerate its taint {}: {holds} can't come back here once stopped",
            taint_words(taint)
        );
        let finding = match phase {
            Phase::Stable => verdict.fail(format!("node/{name}"), message),
            Phase::Explore => verdict.warn(format!("node/{name}"), message),
        };
        finding.remedy(seen.kubectl_cluster(&format!("describe node {name}")));
    }
    if phase == Phase::Explore {
        return;
    }
    let pool: Vec<_> = spec
        .tolerations
        .iter()
        .flatten()
        .filter(|toleration| {
            let key = toleration.key.as_deref().unwrap_or_default();
            !key.is_empty() && !key.starts_with("node.kubernetes.io/")
        })
        .collect();
    let reserved = node::taints(place).iter().filter(|taint| !passing(taint)).any(|taint| {
        matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute")
            && (pool.is_empty() || pool.iter().any(|toleration| tolerates(toleration, taint)))
    });
    if reserved {
        return;
    }
    match pool.first() {
        Some(toleration) => {
            let key = toleration.key.as_deref().unwrap_or_default();
            let value = toleration
                .value
                .as_deref()
                .map(|value| format!("={value}"))
                .unwrap_or_default();
            let effect = toleration
                .effect
                .as_deref()
                .filter(|effect| !effect.is_empty())
                .unwrap_or("NoSchedule");
            verdict
                .fail(
                    format!("node/{name}"),
                    format!("it lacks the pool's taint {key}{value}:{effect}: other pods can land beside {holds}"),
                )
                .remedy(seen.kubectl_cluster(&format!("taint node {name} {key}{value}:{effect}")));
        }
        None => {
            verdict.inform(
                format!("node/{name}"),
                format!("no taint reserves it for the shards: other pods can land beside {holds}"),
            );
        }
    }
}

fn judge_spread(seen: &Seen<'_>, spec: &PodSpec, pods: &[&Pod], verdict: &mut Verdict) -> Result<(), Skip> {
    let set = seen.set()?;
    let labels = set::template(set)
        .and_then(|template| template.metadata.as_ref())
        .and_then(|meta| meta.labels.as_ref());
    let nodes: Vec<&Node> = seen.snapshot.nodes.need()?.iter().collect();
    for spread in spreads(spec, labels, pods, &nodes)
        .iter()
        .filter(|spread| spread.is_exceeded())
    {
        let constraint = spread.constraint;
        let message = format!(
            "the shards' skew over {} is {}, more than maxSkew {} ({}, {})",
            constraint.topology_key,
            spread.skew,
            constraint.max_skew,
            constraint.when_unsatisfiable,
            spread.words()
        );
        let object = format!("statefulset/{}", set::name(set));
        let finding = if spread.is_demand() {
            verdict.warn(object, message)
        } else {
            verdict.inform(object, message)
        };
        finding.remedy(seen.kubectl(&format!(
            "get pods -o wide -l {}",
            set.spec
                .as_ref()
                .map(|spec| crate::model::shell::shell_word(&set::selector_query(&spec.selector)))
                .unwrap_or_default()
        )));
    }
    Ok(())
}

/// Two shards on a node, where anti-affinity by host says otherwise.
fn judge_neighbours(seen: &Seen<'_>, spec: &PodSpec, nodes: &[(&Node, Vec<&Pod>)], verdict: &mut Verdict) {
    let anti = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let required = anti.and_then(|anti| anti.required_during_scheduling_ignored_during_execution.as_ref());
    let preferred = anti.and_then(|anti| anti.preferred_during_scheduling_ignored_during_execution.as_ref());
    let by_host = |term: &PodAffinityTerm, pods: &[&Pod]| {
        let alike = |found: &&&Pod| {
            let selector = term.label_selector.as_ref();
            selector.is_some_and(|selector| set::selects(selector, found.metadata.labels.as_ref()))
        };
        term.topology_key == "kubernetes.io/hostname" && pods.iter().filter(alike).count() > 1
    };
    for (place, pods) in nodes {
        let live: Vec<&Pod> = pods
            .iter()
            .copied()
            .filter(|found| !pod::is_terminating(found))
            .collect();
        let demanded = required.into_iter().flatten().any(|term| by_host(term, &live));
        let wished = preferred
            .into_iter()
            .flatten()
            .any(|weighted| by_host(&weighted.pod_affinity_term, &live));
        if !demanded && !wished {
            continue;
        }
        let names: Vec<&str> = live.iter().map(|found| pod::name(found)).collect();
        let object = format!("node/{}", node::name(place));
        let kind = if demanded { "forbids" } else { "asks otherwise" };
        let message = format!(
            "{} shards on it, which the anti-affinity {kind}: {}",
            names.len(),
            names.join(", ")
        );
        let finding = if demanded {
            verdict.warn(object, message)
        } else {
            verdict.inform(object, message)
        };
        finding.remedy(seen.kubectl(&format!("get pods {} -o wide", names.join(" "))));
    }
}

/// The layout in numbers: `10 shards on 4 nodes (3, 3, 2, 2) in 3 zones`.
fn layout(nodes: &[(&Node, Vec<&Pod>)]) -> String {
    let mut each: Vec<usize> = nodes.iter().map(|(_, pods)| pods.len()).collect();
    each.sort_unstable_by_key(|count| std::cmp::Reverse(*count));
    let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, pods) in nodes {
        if let Some(zone) = volume::node_zone(place) {
            *zones.entry(zone).or_default() += pods.len();
        }
    }
    let numbers: Vec<String> = each.iter().map(ToString::to_string).collect();
    let zones = match zones.len() {
        0 => String::new(),
        1 => " in 1 zone".to_owned(),
        count => format!(" in {count} zones"),
    };
    format!(
        "{} shards on {} nodes ({}){zones}",
        each.iter().sum::<usize>(),
        nodes.len(),
        numbers.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::verify::testing::{Scene, words};
    use serde_json::json;

    #[test]
    fn the_stable_pools_label_and_taint_are_demanded_of_every_node() {
        let mut scene = Scene::stable(3);
        assert_eq!(words(&scene.judge(&NODE_02)), ("pass", vec![]));
        scene.merge(
            Resource::Nodes,
            "node-0",
            json!({"metadata": {"labels": {"workload": "other"}}}),
        );
        scene.merge(Resource::Nodes, "node-1", json!({"spec": {"taints": null}}));
        scene.edit(Resource::Nodes, "node-2", |node| {
            let taints = node["spec"]["taints"].as_array_mut().unwrap();
            taints.push(json!({"key": "gpu", "effect": "NoExecute"}));
            taints.push(json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}));
        });
        let (outcome, findings) = words(&scene.judge(&NODE_02));
        assert_eq!(outcome, "fail");
        assert_eq!(
            findings,
            [
                "Error node/node-0: the template demands workload In (shop-stable) (it has other): db-0 can't come back here \
                 once stopped",
                "Error node/node-1: it lacks the pool's taint shop=reserved:NoSchedule: other pods can land beside db-1",
                "Error node/node-2: the template doesn't tolerate its taint gpu:NoExecute: db-2 can't come back here once \
                 stopped",
            ]
        );
    }

    #[test]
    fn a_skew_is_a_warning_where_the_template_demands_and_told_where_it_wishes() {
        let mut scene = Scene::healthy(3);
        scene.merge(Resource::Pods, "db-1", json!({"spec": {"nodeName": "node-0"}}));
        let (outcome, findings) = words(&scene.judge(&NODE_02));
        assert_eq!(outcome, "pass");
        assert_eq!(
            findings,
            [
                "Warning statefulset/db: the shards' skew over topology.kubernetes.io/zone is 2, more than maxSkew 1 \
                 (DoNotSchedule, zone-1: 2, zone-2: 0, zone-3: 1)",
                "Information statefulset/db: the shards' skew over kubernetes.io/hostname is 2, more than maxSkew 1 \
                 (ScheduleAnyway, node-0: 2, node-1: 0, node-2: 1)",
            ]
        );
    }

    #[test]
    fn several_shards_on_a_node_are_fine_unless_anti_affinity_says_otherwise() {
        let mut scene = Scene::healthy(4);
        // node-3 is in node-0's zone, which then has two shards either way.
        scene.merge(Resource::Pods, "db-3", json!({"spec": {"nodeName": "node-0"}}));
        scene.remove(Resource::Nodes, "node-3");
        let judged = scene.judge(&NODE_02);
        assert_eq!(words(&judged), ("pass", vec![]));
        assert_eq!(judged.seen, "4 shards on 3 nodes (2, 1, 1) in 3 zones");
        scene.merge(
            Resource::StatefulSets,
            "db",
            json!({"spec": {"template": {"spec": {"affinity": {"podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "db"}}},
                ],
            }}}}}}),
        );
        let (_, findings) = words(&scene.judge(&NODE_02));
        assert_eq!(
            findings,
            ["Warning node/node-0: 2 shards on it, which the anti-affinity forbids: db-0, db-3"]
        );
    }
}
