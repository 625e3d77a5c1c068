//! Topology spread constraints that forbid (`DoNotSchedule`), as pkg/scheduler/framework/plugins/podtopologyspread filters.
//!
//! A domain counts when one of its nodes has all the keys, meets the pod's node selector and affinity (`nodeAffinityPolicy`,
//! Honor unless written) and, only where `nodeTaintsPolicy` is Honor, has no taint that keeps the pod away. So a cordoned
//! node counts unless Honor is written, and an empty one sets the minimum to nothing.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, PodSpec, TopologySpreadConstraint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use super::Resident;
use crate::model::{pod, set};
use crate::plan::affinity::unmet;

/// The constraints, with the shards counted in each of their domains.
pub(super) struct Spread<'a>(Vec<Counted<'a>>);

struct Counted<'a> {
    constraint: &'a TopologySpreadConstraint,
    /// Whether the new pod counts itself.
    itself: i32,
    counts: BTreeMap<String, i32>,
}

impl<'a> Spread<'a> {
    /// Counts the pods of `namespace`; `closed` tells which nodes have a taint that keeps the pod away.
    pub fn of(
        spec: &'a PodSpec,
        labels: &BTreeMap<String, String>,
        namespace: &str,
        nodes: &[&Node],
        residents: &[Resident<'_>],
        closed: &dyn Fn(&Node) -> bool,
    ) -> Spread<'a> {
        let hard: Vec<&TopologySpreadConstraint> = spec
            .topology_spread_constraints
            .iter()
            .flatten()
            .filter(|constraint| constraint.when_unsatisfiable == "DoNotSchedule")
            .collect();
        let has_all_keys = |place: &Node| {
            let value = |key: &str| {
                place
                    .metadata
                    .labels
                    .as_ref()
                    .is_some_and(|labels| labels.contains_key(key))
            };
            hard.iter().all(|constraint| value(&constraint.topology_key))
        };
        let count = |constraint: &&'a TopologySpreadConstraint| {
            let constraint = *constraint;
            let selector = selector(constraint, labels);
            let picked = |labels| selector.as_ref().is_some_and(|selector| set::selects(selector, labels));
            let mut counts: BTreeMap<String, i32> = BTreeMap::new();
            for place in nodes.iter().filter(|place| has_all_keys(place)) {
                let by_affinity = constraint.node_affinity_policy.as_deref() != Some("Ignore");
                let by_taints = constraint.node_taints_policy.as_deref() == Some("Honor");
                if by_affinity && !unmet(spec, place).is_empty() || by_taints && closed(place) {
                    continue;
                }
                let domain = place
                    .metadata
                    .labels
                    .as_ref()
                    .and_then(|labels| labels.get(&constraint.topology_key));
                let Some(domain) = domain else { continue };
                let here = residents.iter().filter(|one| {
                    one.node.metadata.name == place.metadata.name
                        && one
                            .pod
                            .metadata
                            .namespace
                            .as_deref()
                            .is_none_or(|found| found == namespace)
                        && !pod::is_terminating(one.pod)
                        && picked(one.pod.metadata.labels.as_ref())
                });
                *counts.entry(domain.clone()).or_default() += i32::try_from(here.count()).unwrap_or(i32::MAX);
            }
            Counted {
                constraint,
                itself: i32::from(picked(Some(labels))),
                counts,
            }
        };
        Spread(hard.iter().map(count).collect())
    }

    /// Which constraint keeps the pod off a node with these labels, a clause.
    pub fn refusal(&self, place: &BTreeMap<String, String>) -> Option<String> {
        self.0.iter().find_map(|one| one.refusal(place, &one.counts))
    }

    /// The same for a node that doesn't exist yet: its domains count as soon as it does.
    pub fn refusal_of_new(&self, place: &BTreeMap<String, String>) -> Option<String> {
        self.0.iter().find_map(|one| {
            let mut counts = one.counts.clone();
            if let Some(domain) = place.get(&one.constraint.topology_key) {
                counts.entry(domain.clone()).or_default();
            }
            one.refusal(place, &counts)
        })
    }
}

impl Counted<'_> {
    fn refusal(&self, place: &BTreeMap<String, String>, counts: &BTreeMap<String, i32>) -> Option<String> {
        let key = &self.constraint.topology_key;
        let Some(domain) = place.get(key) else {
            return Some(format!("has no label {key}, which the topology spread needs"));
        };
        let wanted = usize::try_from(self.constraint.min_domains.unwrap_or(1)).unwrap_or(0);
        let least = match counts.values().min() {
            Some(least) if counts.len() >= wanted => *least,
            _ => 0,
        };
        let here = counts.get(domain).copied().unwrap_or(0);
        let skew = here + self.itself - least;
        let most = self.constraint.max_skew;
        (skew > most).then(|| {
            let emptiest = counts
                .iter()
                .find(|(_, count)| **count == least)
                .map(|(domain, _)| domain.as_str());
            let beside = match emptiest {
                Some(other) if counts.len() >= wanted => format!("{other} has {least}"),
                _ => format!("there are {} of {wanted} domains", counts.len()),
            };
            format!(
                "would have {} shards in {key} {domain}, where {beside}: maxSkew is {most}",
                here + self.itself
            )
        })
    }
}

/// The constraint's selector, narrowed by the new pod's own values of its `matchLabelKeys`.
fn selector(constraint: &TopologySpreadConstraint, labels: &BTreeMap<String, String>) -> Option<LabelSelector> {
    let keys = constraint.match_label_keys.as_deref().unwrap_or_default();
    narrowed(constraint.label_selector.as_ref()?, keys, "In", labels)
}

/// A selector with one more requirement for each of the keys that the pod has.
pub(super) fn narrowed(
    selector: &LabelSelector,
    keys: &[String],
    operator: &str,
    labels: &BTreeMap<String, String>,
) -> Option<LabelSelector> {
    let mut narrowed = selector.clone();
    let more = keys.iter().filter_map(|key| {
        Some(LabelSelectorRequirement {
            key: key.clone(),
            operator: operator.to_owned(),
            values: Some(vec![labels.get(key)?.clone()]),
        })
    });
    narrowed.match_expressions.get_or_insert_default().extend(more);
    Some(narrowed)
}

#[cfg(test)]
mod tests;
