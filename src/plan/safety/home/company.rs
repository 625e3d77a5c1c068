//! Required pod affinity and anti-affinity, both ways: what the shard asks of its neighbours and what they ask of it.
//!
//! As pkg/scheduler/framework/plugins/interpodaffinity filters. Preferences forbid nothing and aren't looked at.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Pod, PodAffinityTerm, PodSpec};

use super::Resident;
use super::spread::narrowed;
use crate::model::{pod, set};
use crate::plan::verify::seen::Seen;

type Labels = BTreeMap<String, String>;

/// Where neighbours forbid or demand the shard to be.
pub(super) struct Company<'a> {
    /// A label's key and value that no node of the shard's may have, and the pod because of which.
    forbidden: BTreeMap<(String, String), String>,
    /// What each required term allows: the values under its key; none where it is the first of its kind and any will do.
    demanded: Vec<(&'a str, Option<BTreeSet<String>>)>,
}

/// What is known of the namespaces that a term may speak of.
struct Spaces<'a> {
    own: &'a str,
    labels: Option<&'a Labels>,
    /// Whether a term spoke of namespaces whose labels aren't known.
    blind: bool,
}

impl<'a> Company<'a> {
    /// Gathers the terms of the newcomer and of the pods that stand on the nodes.
    pub fn of(
        seen: &Seen<'a>,
        spec: &'a PodSpec,
        labels: &Labels,
        residents: &[Resident<'_>],
        unsure: &mut Vec<String>,
    ) -> Company<'a> {
        let space = seen.snapshot.namespace.got().and_then(|found| found.first());
        let own = seen.snapshot.taken.namespace.as_str();
        let mut spaces = Spaces {
            own,
            labels: space.and_then(|found| found.metadata.labels.as_ref()),
            blind: false,
        };
        let mut forbidden = BTreeMap::new();
        for term in anti(spec) {
            let matching = residents
                .iter()
                .filter(|one| wants(term, labels, own, one.pod, &mut spaces));
            for one in matching {
                forbid(&mut forbidden, term, one, "the shard keeps away from");
            }
        }
        for one in residents {
            for term in one.pod.spec.as_ref().into_iter().flat_map(anti) {
                let theirs = one.pod.metadata.namespace.as_deref().unwrap_or(own);
                let reached = in_namespace(term, theirs, own, &mut spaces);
                let picked = term
                    .label_selector
                    .as_ref()
                    .is_some_and(|selector| set::selects(selector, Some(labels)));
                if reached && picked {
                    forbid(&mut forbidden, term, one, "kept off by");
                }
            }
        }
        let demanded = demands(spec, labels, residents, &mut spaces);
        if spaces.blind {
            unsure.push("pod (anti-)affinity speaks of namespaces by labels that weren't read".to_owned());
        }
        Company { forbidden, demanded }
    }

    /// Why the shard may not be on a node with these labels, a clause.
    pub fn refusal(&self, place: &Labels) -> Option<String> {
        let kept_off = place
            .iter()
            .find_map(|(key, value)| self.forbidden.get(&(key.clone(), value.clone())));
        if let Some(words) = kept_off {
            return Some(format!("is ruled out by pod anti-affinity: {words}"));
        }
        self.demanded
            .iter()
            .find_map(|(key, values)| match (place.get(*key), values) {
                (None, _) => Some(format!("has no label {key}, which pod affinity needs")),
                (Some(value), Some(values)) if !values.contains(value) => Some(format!(
                    "has none of the pods beside it ({key}) that pod affinity demands"
                )),
                _ => None,
            })
    }
}

fn forbid(forbidden: &mut BTreeMap<(String, String), String>, term: &PodAffinityTerm, one: &Resident<'_>, how: &str) {
    let key = &term.topology_key;
    if let Some(value) = one.node.metadata.labels.as_ref().and_then(|labels| labels.get(key)) {
        forbidden
            .entry((key.clone(), value.clone()))
            .or_insert_with(|| format!("{how} {} ({key} {value})", pod::name(one.pod)));
    }
}

/// What the required affinity of the newcomer allows. A neighbour counts where it meets every term; where there is none in
/// the whole cluster, a pod that meets its own terms is the first and may go anywhere.
fn demands<'a>(
    spec: &'a PodSpec,
    labels: &Labels,
    residents: &[Resident<'_>],
    spaces: &mut Spaces<'_>,
) -> Vec<(&'a str, Option<BTreeSet<String>>)> {
    let terms: Vec<&PodAffinityTerm> = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.pod_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_deref())
        .unwrap_or_default()
        .iter()
        .collect();
    let own = spaces.own.to_owned();
    let meets_all: Vec<&Resident<'_>> = residents
        .iter()
        .filter(|one| terms.iter().all(|term| wants(term, labels, &own, one.pod, spaces)))
        .collect();
    let itself = Pod {
        metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta {
            namespace: Some(own.clone()),
            labels: Some(labels.clone()),
            ..Default::default()
        },
        ..Default::default()
    };
    let mut allowed: Vec<(&str, Option<BTreeSet<String>>)> = Vec::new();
    for term in &terms {
        let values: BTreeSet<String> = meets_all
            .iter()
            .filter_map(|one| one.node.metadata.labels.as_ref()?.get(&term.topology_key).cloned())
            .collect();
        allowed.push((&term.topology_key, Some(values)));
    }
    let nobody = allowed
        .iter()
        .all(|(_, values)| values.as_ref().is_some_and(BTreeSet::is_empty));
    if nobody && terms.iter().all(|term| wants(term, labels, &own, &itself, spaces)) {
        for (_, values) in &mut allowed {
            *values = None;
        }
    }
    allowed
}

/// Whether a term of the newcomer picks a neighbour.
fn wants(term: &PodAffinityTerm, labels: &Labels, own: &str, neighbour: &Pod, spaces: &mut Spaces<'_>) -> bool {
    let theirs = neighbour.metadata.namespace.as_deref().unwrap_or(own);
    let keys = |keys: &Option<Vec<String>>| keys.clone().unwrap_or_default();
    let selector = term
        .label_selector
        .as_ref()
        .and_then(|selector| narrowed(selector, &keys(&term.match_label_keys), "In", labels))
        .and_then(|selector| narrowed(&selector, &keys(&term.mismatch_label_keys), "NotIn", labels));
    let picked = selector.is_some_and(|selector| set::selects(&selector, neighbour.metadata.labels.as_ref()));
    picked && in_namespace(term, own, theirs, spaces)
}

/// Whether a term of a pod in namespace `from` speaks of pods in namespace `to`: those it lists, those its selector picks;
/// its own where it says neither. An empty selector picks all.
fn in_namespace(term: &PodAffinityTerm, from: &str, to: &str, spaces: &mut Spaces<'_>) -> bool {
    let listed = term.namespaces.as_deref().unwrap_or_default();
    let Some(selector) = &term.namespace_selector else {
        return if listed.is_empty() {
            from == to
        } else {
            listed.iter().any(|name| name == to)
        };
    };
    if listed.iter().any(|name| name == to) {
        return true;
    }
    let terms = selector.match_labels.as_ref().map_or(0, BTreeMap::len)
        + selector.match_expressions.as_ref().map_or(0, Vec::len);
    if terms == 0 {
        return true;
    }
    if to == spaces.own && spaces.labels.is_some() {
        return set::selects(selector, spaces.labels);
    }
    spaces.blind = true;
    false
}

fn anti(spec: &PodSpec) -> impl Iterator<Item = &PodAffinityTerm> {
    spec.affinity
        .as_ref()
        .and_then(|affinity| affinity.pod_anti_affinity.as_ref())
        .and_then(|affinity| affinity.required_during_scheduling_ignored_during_execution.as_deref())
        .unwrap_or_default()
        .iter()
}
