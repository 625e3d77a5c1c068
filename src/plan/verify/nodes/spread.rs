//! How evenly the shards are spread, counted as the scheduler counts.
//!
//! Source: pkg/scheduler/framework/plugins/podtopologyspread (common.go, filtering.go; KEP-895, KEP-3094). One thing is
//! counted otherwise: a node that is too small for a shard even when empty counts as no domain, since the question here is
//! not where a pod may go but whether the shards could be spread better.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec, TopologySpreadConstraint};

use crate::model::quantity::Amount;
use crate::model::{node, pod, set};
use crate::plan::affinity;

/// How the shards lie under one constraint.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread<'a> {
    /// The constraint.
    pub constraint: &'a TopologySpreadConstraint,
    /// Shards in each domain that counts.
    pub domains: BTreeMap<&'a str, i32>,
    /// The most minus the fewest; 0 where there is no domain.
    pub skew: i32,
}

impl Spread<'_> {
    /// Whether the constraint is a demand, and not a wish.
    pub fn is_demand(&self) -> bool {
        self.constraint.when_unsatisfiable != "ScheduleAnyway"
    }

    /// Whether the skew is more than the constraint allows.
    pub fn is_exceeded(&self) -> bool {
        self.skew > self.constraint.max_skew
    }

    /// The domains with their shards: `zone-1: 2, zone-2: 0`.
    pub fn words(&self) -> String {
        let each: Vec<String> = self
            .domains
            .iter()
            .map(|(domain, count)| format!("{domain}: {count}"))
            .collect();
        each.join(", ")
    }
}

/// How `pods` lie over `nodes` under each constraint of `spec`, whose own labels are `labels`; constraints about other pods
/// are left out. Terminating pods don't count.
pub fn spreads<'a>(
    spec: &'a PodSpec,
    labels: Option<&BTreeMap<String, String>>,
    pods: &[&'a Pod],
    nodes: &[&'a Node],
) -> Vec<Spread<'a>> {
    let constraints = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    let about_shards = |constraint: &&TopologySpreadConstraint| {
        let selector = constraint.label_selector.as_ref();
        selector.is_some_and(|selector| set::selects(selector, labels))
    };
    constraints
        .iter()
        .filter(about_shards)
        .map(|constraint| spread(spec, constraint, constraints, pods, nodes))
        .collect()
}

fn spread<'a>(
    spec: &PodSpec,
    constraint: &'a TopologySpreadConstraint,
    all: &[TopologySpreadConstraint],
    pods: &[&'a Pod],
    nodes: &[&'a Node],
) -> Spread<'a> {
    let selector = constraint.label_selector.as_ref();
    let counts = |found: &&&Pod| {
        let labels = found.metadata.labels.as_ref();
        !pod::is_terminating(found) && selector.is_some_and(|selector| set::selects(selector, labels))
    };
    let held = |place: &Node| {
        let here = |found: &&&Pod| pod::node(found) == Some(node::name(place));
        i32::try_from(pods.iter().filter(counts).filter(here).count()).unwrap_or(i32::MAX)
    };
    let mut domains: BTreeMap<&str, i32> = BTreeMap::new();
    for place in nodes {
        // A node counts only where it has the keys of every constraint of the same kind.
        let has_all = all
            .iter()
            .filter(|other| other.when_unsatisfiable == constraint.when_unsatisfiable)
            .all(|other| node::label(place, &other.topology_key).is_some());
        let Some(domain) = node::label(place, &constraint.topology_key).filter(|_| has_all) else {
            continue;
        };
        let here = held(place);
        if here == 0 && !is_eligible(spec, constraint, place) {
            continue;
        }
        *domains.entry(domain).or_insert(0) += here;
    }
    let most = domains.values().copied().max().unwrap_or(0);
    let wanted = constraint.min_domains.unwrap_or(1);
    let short = i32::try_from(domains.len()).unwrap_or(i32::MAX) < wanted;
    let fewest = if short {
        0
    } else {
        domains.values().copied().min().unwrap_or(0)
    };
    Spread {
        constraint,
        domains,
        skew: most - fewest,
    }
}

/// Whether a node counts although it holds no shard.
fn is_eligible(spec: &PodSpec, constraint: &TopologySpreadConstraint, place: &Node) -> bool {
    let by_affinity = constraint.node_affinity_policy.as_deref() != Some("Ignore");
    let by_taints = constraint.node_taints_policy.as_deref() == Some("Honor");
    (!by_affinity || affinity::unmet(spec, place).is_empty())
        && (!by_taints || affinity::untolerated(spec, node::taints(place)).next().is_none())
        && is_large_enough(spec, place)
}

/// Whether a shard fits on the node when it is empty.
fn is_large_enough(spec: &PodSpec, place: &Node) -> bool {
    let Some(room) = place.status.as_ref().and_then(|status| status.allocatable.as_ref()) else {
        return true;
    };
    ["cpu", "memory"].into_iter().all(|resource| {
        let room = room.get(resource).and_then(Amount::of);
        room.is_none_or(|room| requested(spec, resource) <= room)
    })
}

fn requested(spec: &PodSpec, resource: &str) -> Amount {
    let of = |resources: Option<&k8s_openapi::api::core::v1::ResourceRequirements>| {
        let resources = resources?;
        let request = resources.requests.as_ref().and_then(|requests| requests.get(resource));
        let limit = resources.limits.as_ref().and_then(|limits| limits.get(resource));
        Amount::of(request.or(limit)?)
    };
    of(spec.resources.as_ref()).unwrap_or_else(|| {
        spec.containers
            .iter()
            .filter_map(|container| of(container.resources.as_ref()))
            .fold(Amount::ZERO, Amount::plus)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn nodes(each: &[(&str, &str, Value)]) -> Vec<Node> {
        each.iter()
            .map(|(name, zone, spec)| {
                serde_json::from_value(json!({
                    "metadata": {"name": name, "labels": {"host": name, "zone": zone, "size": "big"}},
                    "spec": spec, "status": {"allocatable": {"memory": "64Gi", "cpu": "8"}},
                }))
                .unwrap()
            })
            .collect()
    }

    fn pods(on: &[&str]) -> Vec<Pod> {
        on.iter()
            .map(|node| {
                serde_json::from_value(json!({
                    "metadata": {"name": "p", "labels": {"app": "db"}}, "spec": {"nodeName": node, "containers": []},
                }))
                .unwrap()
            })
            .collect()
    }

    fn skew(extra: Value, on: &[&str], places: &[Node]) -> i32 {
        let mut constraint = json!({
            "topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": {"matchLabels": {"app": "db"}},
        });
        crate::plan::verify::testing::merge(&mut constraint, &extra);
        let spec: PodSpec = serde_json::from_value(json!({
            "containers": [{"name": "db", "resources": {"requests": {"memory": "32Gi"}}}],
            "topologySpreadConstraints": [constraint],
        }))
        .unwrap();
        let labels = BTreeMap::from([("app".to_owned(), "db".to_owned())]);
        let pods = pods(on);
        let pods: Vec<&Pod> = pods.iter().collect();
        let places: Vec<&Node> = places.iter().collect();
        spreads(&spec, Some(&labels), &pods, &places)[0].skew
    }

    #[test]
    fn an_empty_domain_counts_where_a_shard_could_be() {
        let cordoned = json!({"unschedulable": true, "taints": [
            {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"},
        ]});
        let places = nodes(&[("a", "1", json!({})), ("b", "2", json!({})), ("c", "3", cordoned)]);
        assert_eq!(skew(json!({}), &["a", "b"], &places), 1);
        assert_eq!(skew(json!({"nodeTaintsPolicy": "Honor"}), &["a", "b"], &places), 0);
        assert_eq!(skew(json!({"nodeTaintsPolicy": "Honor"}), &["a", "a", "b"], &places), 1);
        assert_eq!(skew(json!({}), &["a", "a", "b"], &places), 2);
        assert_eq!(skew(json!({"topologyKey": "host"}), &["a", "a", "a"], &places), 3);
        assert_eq!(skew(json!({"topologyKey": "rack"}), &["a"], &places), 0);
        assert_eq!(
            skew(
                json!({"minDomains": 4, "nodeTaintsPolicy": "Honor"}),
                &["a", "b"],
                &places
            ),
            1
        );
    }

    #[test]
    fn a_node_too_small_for_a_shard_is_no_domain() {
        let mut places = nodes(&[("a", "1", json!({})), ("b", "2", json!({}))]);
        places[1].status = serde_json::from_value(json!({"allocatable": {"memory": "16Gi"}})).unwrap();
        assert_eq!(skew(json!({}), &["a", "a"], &places), 0);
    }
}
