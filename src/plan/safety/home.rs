//! Where a shard can live once its pod is made anew: the nodes that would take it, and the pools that could make one.
//!
//! The scheduler's own rules, simulated over one snapshot: taints, selectors and affinity ([`crate::plan::placement`]),
//! requests, attach slots, the reach of its disks, pod (anti-)affinity, topology spread. Preemption isn't counted on, but for
//! helper pods of ours, and what couldn't be read is said.

mod company;
mod disks;
mod room;
mod spread;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec, PodTemplateSpec, Taint};

use self::company::Company;
use self::disks::Disks;
use self::room::Needs;
use self::spread::Spread;
use crate::model::karpenter::NodePool;
use crate::model::mark::HELPER;
use crate::model::node;
use crate::model::pod;
use crate::model::quantity::Amount;
use crate::model::read::Read;
use crate::model::volume::{self, ZONE};
use crate::plan::affinity::{tolerates, untolerated};
use crate::plan::placement;
use crate::plan::verify::seen::{Seen, Shard};

/// The label of a node's own name.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// The scheduler whose rules these are.
const SCHEDULER: &str = "default-scheduler";

/// The pod that will take the shard's place.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer<'a> {
    /// The template that it is made from.
    pub template: &'a PodTemplateSpec,
    /// The name of the revision that it will be of, where that is known.
    pub revision: Option<&'a str>,
}

/// Where a shard can live.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The nodes that would take it, its own one first.
    pub nodes: Vec<String>,
    /// The Karpenter pools that could make one, as far as their taints, labels, zones and limits say.
    pub pools: Vec<String>,
    /// What won't do, as `kind/name`, and why, a clause each.
    pub refused: Vec<(String, String)>,
    /// What couldn't be judged, a clause each.
    pub unsure: Vec<String>,
}

impl Home {
    /// Whether anything would take the shard.
    pub fn exists(&self) -> bool {
        !self.nodes.is_empty() || !self.pools.is_empty()
    }
}

/// What stands on the nodes, gathered once for all shards.
pub struct World<'a> {
    seen: Seen<'a>,
    nodes: Vec<&'a Node>,
    /// By the name of their node.
    pods: BTreeMap<&'a str, Vec<&'a Pod>>,
    unsure: Vec<String>,
}

/// A pod and the node that it is on.
#[derive(Clone, Copy)]
struct Resident<'a> {
    pod: &'a Pod,
    node: &'a Node,
}

impl<'a> World<'a> {
    /// Gathers what a snapshot holds. Where the pods of all namespaces weren't read, only the shards are seen on the nodes.
    pub fn of(seen: &Seen<'a>) -> World<'a> {
        let snapshot = seen.snapshot;
        let mut unsure = Vec::new();
        let mut nodes: Vec<&Node> = match &snapshot.nodes {
            Read::Got(nodes) => nodes.iter().collect(),
            Read::Absent(why) | Read::Unreadable(why) => {
                unsure.push(why.clone());
                Vec::new()
            }
        };
        nodes.sort_by_key(|found| node::name(found));
        let standing = match (&snapshot.node_pods, &snapshot.pods) {
            (Read::Got(pods), _) => Some(pods),
            (Read::Absent(why) | Read::Unreadable(why), shards) => {
                unsure.push(format!("how much room the nodes have: {why}"));
                shards.got()
            }
        };
        let mut pods: BTreeMap<&str, Vec<&Pod>> = BTreeMap::new();
        let unfinished = standing.into_iter().flatten().filter(|found| !pod::is_finished(found));
        for found in unfinished {
            if let Some(place) = pod::node(found) {
                pods.entry(place).or_default().push(found);
            }
        }
        World {
            seen: Seen::of(snapshot, seen.policy),
            nodes,
            pods,
            unsure,
        }
    }

    /// The pods on a node when the shard's own one has gone. A helper pod of ours that the shard may preempt makes way too.
    fn others_on(&self, place: &str, shard: &Shard<'_>, priority: i32) -> Vec<&'a Pod> {
        let namespace = &self.seen.snapshot.taken.namespace;
        let is_its = |found: &Pod| {
            pod::name(found) == shard.name && found.metadata.namespace.as_ref().is_none_or(|place| place == namespace)
        };
        let makes_way = |found: &Pod| {
            let theirs = found.spec.as_ref().and_then(|spec| spec.priority).unwrap_or(0);
            pod::label(found, HELPER).is_some() && theirs < priority
        };
        let here = self.pods.get(place).into_iter().flatten().copied();
        here.filter(|found| !is_its(found) && !makes_way(found)).collect()
    }
}

/// What a new pod of this spec asks of its node, by resource.
pub fn asked(spec: &PodSpec) -> BTreeMap<String, Amount> {
    Needs::of_template(spec).into_amounts()
}

/// Where a shard can live. Nodes of `not_on` are taken as cordoned.
pub fn home(world: &World<'_>, shard: &Shard<'_>, newcomer: Newcomer<'_>, not_on: &BTreeSet<&str>) -> Home {
    judge(world, shard, newcomer, not_on, false)
}

/// As [`home`], of a shard that may stay where it is: where its own node would take it again, the others aren't judged.
pub fn home_again(world: &World<'_>, shard: &Shard<'_>, newcomer: Newcomer<'_>) -> Home {
    judge(world, shard, newcomer, &BTreeSet::new(), true)
}

fn judge(
    world: &World<'_>,
    shard: &Shard<'_>,
    newcomer: Newcomer<'_>,
    not_on: &BTreeSet<&str>,
    own_will_do: bool,
) -> Home {
    let mut answer = Home {
        unsure: world.unsure.clone(),
        ..Home::default()
    };
    let Some(spec) = newcomer.template.spec.as_ref() else {
        answer.unsure.push("the template has no pod spec".to_owned());
        return answer;
    };
    unsimulated(spec, &mut answer.unsure);
    let labels = labels(&newcomer, shard);
    let priority = shard.pod.and_then(|found| found.spec.as_ref()?.priority).unwrap_or(0);
    let own = shard.pod.and_then(pod::node);
    let mut places: Vec<(&Node, Vec<&Pod>)> = world
        .nodes
        .iter()
        .map(|place| (*place, world.others_on(node::name(place), shard, priority)))
        .collect();
    let residents: Vec<Resident<'_>> = places
        .iter()
        .flat_map(|(place, here)| here.iter().map(|pod| Resident { pod, node: place }))
        .collect();
    // A stable sort: its own node comes first, the others stay in the order of their names.
    places.sort_by_key(|(place, _)| Some(node::name(place)) != own);
    let needs = Needs::of_template(spec);
    let disks = Disks::of(&world.seen, shard, &mut answer.unsure);
    let company = Company::of(&world.seen, spec, &labels, &residents, &mut answer.unsure);
    let closed = |place: &Node| is_closed(spec, place, not_on);
    let namespace = &world.seen.snapshot.taken.namespace;
    let spread = Spread::of(spec, &labels, namespace, &world.nodes, &residents, &closed);
    for (place, here) in places {
        let name = node::name(place);
        let no_labels = BTreeMap::new();
        let place_labels = place.metadata.labels.as_ref().unwrap_or(&no_labels);
        let why = stands_refused(spec, place, not_on)
            .or_else(|| disks.refusal(place))
            .or_else(|| needs.refusal(place, &here))
            .or_else(|| company.refusal(place_labels))
            .or_else(|| spread.refusal(place_labels));
        match why {
            None => answer.nodes.push(name.to_owned()),
            Some(why) => answer.refused.push((format!("node/{name}"), why)),
        }
        if own_will_do && own.is_some_and(|own| answer.nodes.first().is_some_and(|first| first == own)) {
            return answer;
        }
    }
    for pool in world.seen.snapshot.node_pools.got().into_iter().flatten().map(NodePool) {
        match refusal_of_pool(world, spec, pool, &needs, &disks, &company, &spread) {
            None => answer.pools.push(pool.name().to_owned()),
            Some(why) => answer.refused.push((format!("nodepool/{}", pool.name()), why)),
        }
    }
    answer
}

/// The labels that the new pod will have: the template's, and what the controller adds.
fn labels(newcomer: &Newcomer<'_>, shard: &Shard<'_>) -> BTreeMap<String, String> {
    let meta = newcomer.template.metadata.as_ref();
    let mut labels = meta.and_then(|meta| meta.labels.clone()).unwrap_or_default();
    // A revision that isn't known yet is at least none that a pod has now.
    let revision = newcomer.revision.unwrap_or("(new)");
    labels.insert(pod::REVISION_LABEL.to_owned(), revision.to_owned());
    labels.insert("statefulset.kubernetes.io/pod-name".to_owned(), shard.name.to_string());
    labels.insert("apps.kubernetes.io/pod-index".to_owned(), shard.ordinal.to_string());
    labels
}

/// What of the spec has a say in where the pod goes, and isn't looked at here.
fn unsimulated(spec: &PodSpec, unsure: &mut Vec<String>) {
    if let Some(other) = spec
        .scheduler_name
        .as_deref()
        .filter(|name| !name.is_empty() && *name != SCHEDULER)
    {
        unsure.push(format!(
            "the shards are placed by the scheduler {other}, whose rules aren't known here"
        ));
    }
    let ports = spec
        .containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten());
    if ports
        .into_iter()
        .any(|port| port.host_port.is_some_and(|port| port > 0))
    {
        unsure.push("the shards take ports of their nodes, which aren't looked at".to_owned());
    }
    if spec.resource_claims.as_ref().is_some_and(|claims| !claims.is_empty()) {
        unsure.push("the shards claim devices, which aren't looked at".to_owned());
    }
    if let Some(class) = &spec.runtime_class_name {
        unsure.push(format!(
            "what the runtime class {class} adds to the shards' requests isn't looked at"
        ));
    }
}

/// The taint that a cordon puts on a node, a moment after it.
fn cordon() -> Taint {
    Taint {
        key: "node.kubernetes.io/unschedulable".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Default::default()
    }
}

/// The toleration by which a pod of this spec goes to cordoned nodes, in words; none where a cordon keeps it off.
pub fn tolerated_cordon(spec: &PodSpec) -> Option<String> {
    let cordon = cordon();
    let found = spec.tolerations.iter().flatten().find(|one| tolerates(one, &cordon))?;
    Some(match found.key.as_deref() {
        Some(key) if !key.is_empty() => format!("the taint {key}"),
        _ => "every taint (operator Exists without a key)".to_owned(),
    })
}

/// Whether a taint of the node, a cordon among them, keeps the pod away.
fn is_closed(spec: &PodSpec, place: &Node, not_on: &BTreeSet<&str>) -> bool {
    let cordoned = node::is_cordoned(place) || not_on.contains(node::name(place));
    let cordon = cordoned.then(cordon);
    untolerated(spec, node::taints(place).iter().chain(&cordon))
        .next()
        .is_some()
}

/// What keeps the pod away whatever room there is. A pod that tolerates the cordon goes to a cordoned node.
fn stands_refused(spec: &PodSpec, place: &Node, not_on: &BTreeSet<&str>) -> Option<String> {
    if node::is_virtual(place) {
        return Some("is virtual: no disk can be attached there".to_owned());
    }
    if not_on.contains(node::name(place)) {
        return Some(match tolerated_cordon(spec) {
            Some(toleration) => {
                format!("is to be left, but a cordon won't keep the shard off it: it tolerates {toleration}")
            }
            None => "is to be left".to_owned(),
        });
    }
    if node::is_cordoned(place) && tolerated_cordon(spec).is_some() {
        let mut open = place.clone();
        if let Some(spec) = &mut open.spec {
            spec.unschedulable = None;
        }
        return placement::refusal(spec, &open);
    }
    placement::refusal(spec, place)
}

/// Why a pool wouldn't make a node for the shard. Its new node would be the first of its name, in one of the disks' zones or,
/// where those say nothing, in any zone that there is.
fn refusal_of_pool(
    world: &World<'_>,
    spec: &PodSpec,
    pool: NodePool<'_>,
    needs: &Needs,
    disks: &Disks<'_>,
    company: &Company<'_>,
    spread: &Spread<'_>,
) -> Option<String> {
    if let Some(why) = disks.refusal_of_new() {
        return Some(why);
    }
    let of_disks = disks.zones();
    if let Some(why) = placement::pool_refusal(spec, pool, &of_disks) {
        return Some(why);
    }
    let (limits, used) = (pool.limits(), pool.used());
    if let Some(why) = needs.over(&limits, &used) {
        return Some(why);
    }
    let known: BTreeSet<&str> = world
        .nodes
        .iter()
        .filter_map(|place| volume::node_zone(place))
        .collect();
    let zones = if of_disks.is_empty() { &known } else { &of_disks };
    let mut first = None;
    for zone in zones {
        if placement::pool_refusal(spec, pool, &BTreeSet::from([*zone])).is_some() {
            continue;
        }
        // As the nodes write it: a disk may call its zone by the number alone.
        let zone = known
            .iter()
            .find(|known| volume::same_zone(known, zone))
            .unwrap_or(zone);
        let mut labels = pool.labels();
        labels.insert(ZONE.to_owned(), (*zone).to_owned());
        labels.insert(HOSTNAME.to_owned(), "(a new node)".to_owned());
        labels.insert(node::NODE_POOL.to_owned(), pool.name().to_owned());
        match company.refusal(&labels).or_else(|| spread.refusal_of_new(&labels)) {
            None => return None,
            Some(why) => first = first.or(Some(format!("could make a node in {zone}, which {why}"))),
        }
    }
    first
}

#[cfg(test)]
mod tests;
