//! The placeholder: a pod that has a node made for a shard, and the image fetched there, before the shard is taken down.
//!
//! It asks for what the shard asks for, where the shard may stand, at a lower priority, so that the shard pushes it out when its
//! own pod comes: also when shardctl has died by then. Its labels are no shard's, so no budget and no Service counts it.
//!
//! No affinity names hosts: Karpenter makes no node for a pod that has one (`kubernetes.io/hostname` is a restricted label). What
//! keeps it off the drained nodes is their cordon, so that has to come first.
//!
//! It has no preemptionPolicy of its own: admission refuses one that isn't its class's (plugin/pkg/admission/priority). At
//! priority 0 it can only push out what calls itself less than that: pods that hold room for others, as it does itself.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{
    Affinity, Container, Node, NodeAffinity, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod,
    PodAffinityTerm, PodAntiAffinity, PodSpec, PodTemplateSpec, TopologySpreadConstraint,
};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::homes::{Move, Place};
use crate::model::mark::HELPER;
use crate::model::quantity::Amount;
use crate::model::set;
use crate::model::volume::ZONE;
use crate::model::{node, pod};
use crate::plan::pre_pull::helper::{TINY, bare, container, exactly, harmless, images, name_of};
use crate::plan::pre_pull::{Pull, pulled};
use crate::plan::safety::home::asked;

/// What the label [`HELPER`] says of these pods.
pub const PLACEHOLDER: &str = "placeholder";
/// What keeps running in it, where nothing else is said.
pub const PAUSE: &str = "registry.k8s.io/pause:3.10";
/// The container that holds the room.
const HOLDER: &str = "holder";
const HOSTNAME: &str = "kubernetes.io/hostname";

/// What a placeholder is made by.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The template that the shard's new pod is made from.
    pub template: &'a PodTemplateSpec,
    /// The shard's pod's name.
    pub shard: &'a str,
    /// The zones that its disks can be reached from, as nodes write them; any where it is empty.
    pub zones: &'a [String],
    /// The run.
    pub run: &'a str,
    /// After how long it ends by itself.
    pub seconds: i64,
    /// The image of the container that holds the room.
    pub pause: &'a str,
    /// The class that puts it below the shard, where that takes one.
    pub class: Option<&'a str>,
}

/// The name of a shard's placeholder: the same throughout a run, so that making it twice is refused.
pub fn placeholder_name(set: &StatefulSet, shard: &str, run: &str) -> String {
    name_of(PLACEHOLDER, set, shard, run)
}

/// The placeholder of a shard.
pub fn placeholder(set: &StatefulSet, ask: &Ask<'_>) -> Pod {
    let of_shard = ask.template.spec.clone().unwrap_or_default();
    let name = placeholder_name(set, ask.shard, ask.run);
    let mut made = bare(PLACEHOLDER, name, set, &of_shard, ask.run, ask.seconds);
    let fetching: Vec<Container> = images(&of_shard)
        .into_iter()
        .enumerate()
        .map(|(at, image)| container(at, image, "IfNotPresent"))
        .collect();
    let mut spec = made.spec.take().unwrap_or_default();
    spec.containers = vec![holder(&of_shard, ask.pause, fetching.len())];
    spec.containers.extend(fetching);
    spec.affinity = Some(affinity(set, &of_shard, ask));
    spec.node_selector = of_shard.node_selector;
    spec.tolerations = of_shard.tolerations;
    spec.topology_spread_constraints = of_shard.topology_spread_constraints.map(|all| stricter(all, ask));
    spec.scheduler_name = of_shard.scheduler_name;
    spec.priority_class_name = ask.class.map(str::to_owned);
    made.spec = Some(spec);
    made
}

/// The container that runs and holds the room: what the shard asks for, less what the `others` beside it do.
fn holder(of_shard: &PodSpec, image: &str, others: usize) -> Container {
    // A runtime class adds its overhead to this pod as it does to the shard.
    let mut without = of_shard.clone();
    without.overhead = None;
    let mut amounts = asked(&without);
    for (resource, each) in TINY {
        let each = Amount::parse(each).unwrap_or_default();
        let sum = (0..others).fold(Amount::ZERO, |sum, _| sum.plus(each));
        let left = amounts.get(resource).copied().unwrap_or_default().minus(sum).max(each);
        amounts.insert(resource.to_owned(), left);
    }
    let quantities = amounts.into_iter().map(|(resource, amount)| {
        let written = amount.written(&resource);
        (resource, Quantity(written))
    });
    Container {
        name: HOLDER.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        resources: Some(exactly(quantities)),
        security_context: Some(harmless()),
        ..Container::default()
    }
}

/// Whether a selector picks the shards themselves.
fn picks_shards(selector: Option<&LabelSelector>, template: &PodTemplateSpec) -> bool {
    let labels = template.metadata.as_ref().and_then(|meta| meta.labels.as_ref());
    selector.is_some_and(|selector| set::selects(selector, labels))
}

/// The shard's spread, which would count the shard itself: for a pod that it doesn't count, one less is allowed. Over zones only that
/// of the disks counts, since the affinity is narrowed to it: a demand for more of them could never be met.
fn stricter(all: Vec<TopologySpreadConstraint>, ask: &Ask<'_>) -> Vec<TopologySpreadConstraint> {
    let one_less = |mut one: TopologySpreadConstraint| {
        if one.max_skew > 1 && picks_shards(one.label_selector.as_ref(), ask.template) {
            one.max_skew -= 1;
        }
        if !ask.zones.is_empty() && one.topology_key == ZONE {
            one.min_domains = None;
        }
        one
    };
    all.into_iter().map(one_less).collect()
}

/// The shard's own affinity, narrowed to its disks' zone; away from shards where a spread allows one a host, and away from
/// other placeholders where shards keep away from each other.
fn affinity(set: &StatefulSet, of_shard: &PodSpec, ask: &Ask<'_>) -> Affinity {
    let mut affinity = of_shard.affinity.clone().unwrap_or_default();
    let mut more = Vec::new();
    if !ask.zones.is_empty() {
        more.push(NodeSelectorRequirement {
            key: ZONE.to_owned(),
            operator: "In".to_owned(),
            values: Some(ask.zones.to_vec()),
        });
    }
    if !more.is_empty() {
        let nodes = affinity.node_affinity.get_or_insert_with(NodeAffinity::default);
        let required = nodes
            .required_during_scheduling_ignored_during_execution
            .get_or_insert_with(NodeSelector::default);
        // Any one term is enough: each of them is narrowed.
        if required.node_selector_terms.is_empty() {
            required.node_selector_terms.push(NodeSelectorTerm::default());
        }
        for term in &mut required.node_selector_terms {
            term.match_expressions.get_or_insert_default().extend(more.clone());
        }
    }
    let itself = LabelSelector {
        match_labels: Some(BTreeMap::from([(HELPER.to_owned(), PLACEHOLDER.to_owned())])),
        match_expressions: None,
    };
    let away = |key: &str, selector: &LabelSelector| PodAffinityTerm {
        label_selector: Some(selector.clone()),
        topology_key: key.to_owned(),
        ..PodAffinityTerm::default()
    };
    let mut terms: Vec<PodAffinityTerm> = apart(set, of_shard, ask.template)
        .iter()
        .map(|key| away(key, &itself))
        .collect();
    for one in one_a_host(of_shard, ask.template) {
        terms.extend(one.label_selector.as_ref().map(|shards| away(HOSTNAME, shards)));
    }
    if !terms.is_empty() {
        affinity
            .pod_anti_affinity
            .get_or_insert_with(PodAntiAffinity::default)
            .required_during_scheduling_ignored_during_execution
            .get_or_insert_default()
            .extend(terms);
    }
    affinity
}

/// The spreads by which hosts may differ by one shard at most.
fn one_a_host<'a>(
    of_shard: &'a PodSpec,
    template: &'a PodTemplateSpec,
) -> impl Iterator<Item = &'a TopologySpreadConstraint> {
    of_shard.topology_spread_constraints.iter().flatten().filter(|one| {
        one.when_unsatisfiable == "DoNotSchedule"
            && one.topology_key == HOSTNAME
            && one.max_skew == 1
            && picks_shards(one.label_selector.as_ref(), template)
    })
}

/// The topology keys of which two shards may not share a value: a host or a zone for each.
fn apart(set: &StatefulSet, of_shard: &PodSpec, template: &PodTemplateSpec) -> BTreeSet<String> {
    let namespace = set.metadata.namespace.as_ref();
    let anti = of_shard
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.pod_anti_affinity.as_ref())
        .and_then(|anti| anti.required_during_scheduling_ignored_during_execution.as_ref());
    let terms = anti.into_iter().flatten().filter(|term| {
        let here = term
            .namespaces
            .as_ref()
            .is_none_or(|all| all.is_empty() || namespace.is_some_and(|own| all.contains(own)));
        here && picks_shards(term.label_selector.as_ref(), template)
    });
    let mut keys: BTreeSet<String> = terms.map(|term| term.topology_key.clone()).collect();
    keys.extend(one_a_host(of_shard, template).map(|one| one.topology_key.clone()));
    keys
}

/// How a placeholder stands to a shard of this priority.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rank {
    /// The class that it needs; none where the cluster's default is low enough, or nothing is.
    pub class: Option<String>,
    /// Whether the shard pushes it out. Where it doesn't, the placeholder is deleted once the shard's pod is Unschedulable.
    pub gives_way: bool,
}

/// The rank of a placeholder below a shard: the cluster's default, where that is lower; else the nearest class below.
pub fn rank(classes: &[PriorityClass], shard_priority: i32) -> Rank {
    let default = classes
        .iter()
        .find(|class| class.global_default == Some(true))
        .and_then(|class| class.value)
        .unwrap_or(0);
    if default < shard_priority {
        return Rank {
            class: None,
            gives_way: true,
        };
    }
    let below = classes
        .iter()
        .filter(|class| class.value.is_some_and(|value| value < shard_priority))
        .max_by_key(|class| (class.preemption_policy.as_deref() == Some("Never"), class.value));
    Rank {
        class: below.and_then(|class| class.metadata.name.clone()),
        gives_way: below.is_some(),
    }
}

/// Whether a placeholder runs on a Ready node that has the shard's images: then the shard may come.
pub fn is_warm(made: &Pod, on: &Node) -> bool {
    // The holder has to run still: a pod that has ended holds nothing.
    let holds = pod::container_statuses(made)
        .any(|status| status.name == HOLDER && status.state.as_ref().is_some_and(|state| state.running.is_some()));
    !pod::is_terminating(made)
        && pod::phase(made) == "Running"
        && pod::node(made) == Some(node::name(on))
        && node::is_ready(on)
        && holds
        && matches!(pulled(made), Pull::Done(_))
}

/// Whether nodes are made beforehand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prewarm {
    /// Where a shard has to wait for a node to be made, or for a node to fetch its images.
    #[default]
    Auto,
    /// For every shard, also where a node with room is there: its image is fetched, and its room held.
    Always,
    /// Never.
    Never,
}

/// Whether a shard gets a placeholder. One that is down already moves at once: nothing would be gained by waiting.
pub fn wanted(prewarm: Prewarm, moved: &Move) -> bool {
    match prewarm {
        Prewarm::Never => false,
        _ if moved.is_down || moved.to == Place::Nowhere => false,
        Prewarm::Always => true,
        Prewarm::Auto => moved.to.is_new() || moved.is_cold,
    }
}

#[cfg(test)]
mod tests;
