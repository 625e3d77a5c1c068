//! Where each shard of the drained nodes goes, one after another: what the first one takes, the next one can't have.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod, PodTemplateSpec};
use serde_json::Value;

use super::Afterwards;
use super::node::closed;
use super::others::daemons_of;
use crate::model::quantity::Amount;
use crate::model::read::{Read, Skip};
use crate::model::refusal::Refusal;
use crate::model::set::{self, Ordinal};
use crate::model::snapshot::Snapshot;
use crate::model::{node, pod, volume};
use crate::plan::safety::catalogue::{ALSO_UPGRADES, CORDON_TOLERATED};
use crate::plan::safety::freeze::cluster_autoscaler_runs;
use crate::plan::safety::home::{Home, Newcomer, World, asked, home, tolerated_cordon};
use crate::plan::safety::preflight::places::homeless;
use crate::plan::verify::seen::{Seen, Shard};

/// Where a shard goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// To a node that there is.
    Node(String),
    /// To a node that this NodePool makes.
    Pool(String),
    /// To a node that Cluster Autoscaler makes, if it can: only the placeholder shows.
    Autoscaler,
    /// Nowhere.
    Nowhere,
}

impl Place {
    /// The node, where that is there.
    pub fn node(&self) -> Option<&str> {
        match self {
            Place::Node(name) => Some(name),
            Place::Pool(_) | Place::Autoscaler | Place::Nowhere => None,
        }
    }

    /// Whether a node has to be made for it.
    pub const fn is_new(&self) -> bool {
        matches!(self, Place::Pool(_) | Place::Autoscaler)
    }
}

/// A shard that is to move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// Its number.
    pub ordinal: Ordinal,
    /// Its pod's name.
    pub shard: String,
    /// The node that it leaves.
    pub from: String,
    /// Where it goes.
    pub to: Place,
    /// Everything that would take it, and what wouldn't.
    pub home: Home,
    /// The zones that its disks can be reached from, as the nodes write them; empty where they say nothing.
    pub zones: Vec<String>,
    /// Whether it is down already.
    pub is_down: bool,
    /// Whether the node that it goes to has yet to fetch its images.
    pub is_cold: bool,
}

/// Where every shard of the nodes goes, in the order in which they move: node after node, on each the shards that are down
/// first, then by falling ordinal.
///
/// # Errors
/// Unknown where the set or its pods can't be read.
pub fn moves(seen: &Seen<'_>, order: &[&Node], then: Afterwards) -> Result<Vec<Move>, Skip> {
    let set = seen.set()?;
    let template = set::template(set).cloned().unwrap_or_default();
    let newcomer = Newcomer {
        template: &template,
        revision: revision(set),
    };
    let mut world = seen.snapshot.clone();
    let mut moves: Vec<Move> = Vec::new();
    for (at, place) in order.iter().enumerate() {
        let not_on = closed(order, at, then == Afterwards::Uncordoned);
        if then == Afterwards::Uncordoned {
            reopen(&mut world, &order[..at]);
        }
        let leaving = leaving(seen, node::name(place))?;
        for (turn, shard) in leaving.iter().enumerate() {
            let now = Seen::of(&world, seen.policy);
            let home = home(&World::of(&now), shard, newcomer, &not_on);
            let to = choose(&now, &home, &leaving[turn + 1..], newcomer, &not_on);
            let moved = Move {
                ordinal: shard.ordinal,
                shard: shard.name.to_string(),
                from: node::name(place).to_owned(),
                zones: zones(&now, shard.ordinal),
                is_down: !shard.pod.is_some_and(pod::is_ready),
                is_cold: false,
                to,
                home,
            };
            settle(&mut world, set, &template, &moved);
            moves.push(moved);
        }
    }
    Ok(moves)
}

/// The snapshot with the extra shard of a surge where it comes up, before the first shard moves; none where it is there already,
/// or where nothing would take it.
pub fn with_the_extra(seen: &Seen<'_>, order: &[&Node], ordinal: Ordinal) -> Option<Snapshot> {
    let set = seen.set().ok()?;
    let template = set::template(set)?;
    let name = set::pod_name(set, ordinal);
    let pods = seen.snapshot.pods.got()?;
    if pods.iter().any(|found| pod::name(found) == name) {
        return None;
    }
    let newcomer = Newcomer {
        template,
        revision: revision(set),
    };
    let extra = Shard::new(ordinal, name.clone(), None);
    let mut next: Vec<Shard<'_>> = Vec::new();
    for place in order {
        next.extend(leaving(seen, node::name(place)).ok()?);
    }
    let not_on = closed(order, 0, false);
    let home = home(&World::of(seen), &extra, newcomer, &not_on);
    let to = choose(seen, &home, &next, newcomer, &not_on);
    let mut world = seen.snapshot.clone();
    // A pod that is on no node yet, for `settle` to put somewhere.
    let first = next.first().and_then(|shard| shard.pod);
    let mut made = Pod {
        metadata: first.map(|found| found.metadata.clone()).unwrap_or_default(),
        spec: template.spec.clone(),
        status: None,
    };
    if let Some(spec) = &mut made.spec {
        spec.priority = first.and_then(|found| found.spec.as_ref()?.priority);
    }
    made.metadata.name = Some(name.clone());
    made.metadata.uid = None;
    made.metadata.namespace = Some(world.taken.namespace.clone());
    for list in [&mut world.node_pods, &mut world.pods] {
        if let Read::Got(pods) = list {
            pods.change(|pods| pods.push(Arc::new(made.clone())));
        }
    }
    let moved = Move {
        ordinal,
        shard: name,
        from: String::new(),
        to,
        home,
        zones: Vec::new(),
        is_down: false,
        is_cold: false,
    };
    settle(&mut world, set, template, &moved);
    Some(world)
}

/// The revision that new pods will be of, under OnDelete.
fn revision(set: &StatefulSet) -> Option<&str> {
    set.status.as_ref()?.update_revision.as_deref()
}

/// The revision that a shard's new pod will be of: under RollingUpdate those that the roll hasn't come to, or never will by its
/// partition, keep the old one (isCurrentRevisionNeeded in pkg/controller/statefulset/stateful_set_utils.go).
fn revision_of(set: &StatefulSet, ordinal: Ordinal) -> Option<&str> {
    let (spec, status) = (set.spec.as_ref()?, set.status.as_ref()?);
    let strategy = spec.update_strategy.as_ref();
    let rolls = strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("RollingUpdate");
    let partition = strategy
        .and_then(|strategy| strategy.rolling_update.as_ref())
        .map(|roll| roll.partition.unwrap_or(0));
    let old = partition.or(status.current_replicas).unwrap_or(0);
    if rolls && ordinal < set::first_ordinal(set).saturating_add(old) {
        return status.current_revision.as_deref();
    }
    status.update_revision.as_deref()
}

fn leaving<'a>(seen: &Seen<'a>, from: &str) -> Result<Vec<Shard<'a>>, Skip> {
    let mut here: Vec<Shard<'a>> = seen
        .every_shard()?
        .into_iter()
        .filter(|shard| shard.pod.and_then(pod::node) == Some(from))
        .collect();
    here.sort_by_key(|shard| (shard.pod.is_some_and(pod::is_ready), std::cmp::Reverse(shard.ordinal)));
    Ok(here)
}

/// The node that the fewest of the shards still to come could use; a new one where there is none.
///
/// The scheduler prefers by rules of its own, which needn't be these: this is a way that works, not the one that it takes.
fn choose(now: &Seen<'_>, found: &Home, next: &[Shard<'_>], newcomer: Newcomer<'_>, not_on: &BTreeSet<&str>) -> Place {
    if found.nodes.len() > 1 && !next.is_empty() {
        let world = World::of(now);
        let mut wanted: BTreeMap<String, usize> = BTreeMap::new();
        for other in next {
            for name in home(&world, other, newcomer, not_on).nodes {
                *wanted.entry(name).or_default() += 1;
            }
        }
        let least = found
            .nodes
            .iter()
            .min_by_key(|name| wanted.get(*name).copied().unwrap_or(0));
        if let Some(least) = least {
            return Place::Node(least.clone());
        }
    }
    match (found.nodes.first(), found.pools.first()) {
        (Some(first), _) => Place::Node(first.clone()),
        (None, Some(pool)) => Place::Pool(pool.clone()),
        (None, None) if cluster_autoscaler_runs(now) => Place::Autoscaler,
        (None, None) => Place::Nowhere,
    }
}

/// The snapshot as it will be when the shard has moved: its pod and its disks elsewhere, or the pool's limits nearer.
fn settle(world: &mut Snapshot, set: &StatefulSet, template: &PodTemplateSpec, moved: &Move) {
    let namespace = world.taken.namespace.clone();
    let is_it = |found: &Pod| {
        pod::name(found) == moved.shard
            && found
                .metadata
                .namespace
                .as_ref()
                .is_none_or(|place| *place == namespace)
    };
    let to = match &moved.to {
        Place::Node(name) => Some(name.clone()),
        _ => None,
    };
    for list in [&mut world.node_pods, &mut world.pods] {
        let Read::Got(pods) = list else { continue };
        let Some(at) = pods.iter().position(is_it) else {
            continue;
        };
        let mut there = pods[at].clone();
        pods.change(|pods| drop(pods.swap_remove(at)));
        let Some(to) = &to else { continue };
        let priority = there.spec.as_ref().and_then(|spec| spec.priority);
        let mut spec = template.spec.clone().unwrap_or_default();
        spec.priority = priority;
        spec.node_name = Some(to.clone());
        there.spec = Some(spec);
        if let Some(labels) = template.metadata.as_ref().and_then(|meta| meta.labels.clone()) {
            there.metadata.labels.get_or_insert_default().extend(labels);
        }
        if let (Some(revision), Some(labels)) = (revision(set), &mut there.metadata.labels) {
            labels.insert(pod::REVISION_LABEL.to_owned(), revision.to_owned());
        }
        pods.change(|pods| pods.push(Arc::new(there)));
    }
    if let (Some(to), Read::Got(attachments)) = (&to, &mut world.attachments) {
        let claims = world.claims.got().into_iter().flatten();
        let names: BTreeSet<String> = set::claim_templates(set)
            .map(|template| set::claim_name(set, template, moved.ordinal))
            .collect();
        let volumes: BTreeSet<&String> = claims
            .filter(|claim| claim.metadata.name.as_ref().is_some_and(|name| names.contains(name)))
            .filter_map(|claim| claim.spec.as_ref()?.volume_name.as_ref())
            .collect();
        let ours = |volume: &String| volumes.contains(volume);
        attachments.change(|attachments| {
            for one in attachments {
                if one.spec.source.persistent_volume_name.as_ref().is_some_and(ours) {
                    Arc::make_mut(one).spec.node_name.clone_from(to);
                }
            }
        });
    }
    if let (Place::Pool(name), Read::Got(pools)) = (&moved.to, &mut world.node_pools) {
        let spec = template.spec.clone().unwrap_or_default();
        for pool in pools
            .iter_mut()
            .filter(|pool| pool["metadata"]["name"] == name.as_str())
        {
            add(pool, &asked(&spec));
        }
    }
}

/// Adds amounts to what a pool's nodes have.
fn add(pool: &mut Value, more: &BTreeMap<String, Amount>) {
    for (resource, amount) in more {
        let used = &mut pool["status"]["resources"][resource];
        let before = used.as_str().and_then(|written| Amount::parse(written).ok());
        *used = Value::String(before.unwrap_or_default().plus(*amount).written(resource));
    }
}

/// Nodes that were emptied take pods again.
fn reopen(world: &mut Snapshot, done: &[&Node]) {
    let Read::Got(nodes) = &mut world.nodes else { return };
    let emptied = |place: &&mut Arc<Node>| done.iter().any(|one| node::name(one) == node::name(place));
    nodes.change(|nodes| {
        for place in nodes.iter_mut().filter(emptied) {
            if let Some(spec) = &mut Arc::make_mut(place).spec {
                spec.unschedulable = None;
            }
        }
    });
}

/// The zones of a shard's disks, as the nodes write them.
pub fn zones(seen: &Seen<'_>, ordinal: Ordinal) -> Vec<String> {
    let claims = seen.claims_of(ordinal).unwrap_or_default();
    let mut zonal = claims.iter().filter_map(|one| volume::zones(one.volume?));
    let Some(first) = zonal.next() else {
        return Vec::new();
    };
    let shared = zonal.fold(first, |all, one| {
        let both = |zone: &&str| one.iter().any(|other| volume::same_zone(zone, other));
        all.into_iter().filter(both).collect()
    });
    let nodes = seen.snapshot.nodes.got().into_iter().flatten();
    let known = volume::NodeZones::of(nodes);
    let found: BTreeSet<&str> = shared.into_iter().flat_map(|zone| known.named(zone)).collect();
    found.into_iter().map(str::to_owned).collect()
}

/// Why a shard must not be moved, as far as its new place goes.
pub fn refusals(seen: &Seen<'_>, moves: &[Move], order: &[&Node]) -> Vec<Refusal> {
    let Ok(set) = seen.set() else { return Vec::new() };
    let mut refusals = Vec::new();
    if let (Some(toleration), false) = (set::pod_spec(set).and_then(tolerated_cordon), moves.is_empty()) {
        refusals.push(
            CORDON_TOLERATED
                .refuse(
                    format!("statefulset/{}", set::name(set)),
                    format!("its shards tolerate {toleration}: they would come back to the cordoned node"),
                )
                .remedy("take that toleration out of the template, or name the taints that are meant; then roll it:")
                .remedy(seen.shardctl("upgrade")),
        );
    }
    refusals.extend(also_upgrades(set, seen, moves));
    for one in moves.iter().filter(|one| one.to == Place::Nowhere) {
        refusals.extend(nowhere(seen, set, one, order));
    }
    refusals
}

/// The refusal where the shards would come back with another template than they have.
fn also_upgrades(set: &StatefulSet, seen: &Seen<'_>, moves: &[Move]) -> Option<Refusal> {
    let pods = seen.own_pods().ok()?;
    let outdated: Vec<&Move> = moves
        .iter()
        .filter(|one| {
            let found = pods.iter().find(|found| pod::name(found) == one.shard);
            let now = found.and_then(|found| pod::revision(found));
            now.is_some() && now != revision_of(set, one.ordinal)
        })
        .collect();
    if outdated.is_empty() {
        return None;
    }
    let names: Vec<&str> = outdated.iter().map(|one| one.shard.as_str()).collect();
    let mut refusal = ALSO_UPGRADES.refuse(
        format!("statefulset/{}", set::name(set)),
        format!(
            "a new template is pending: this drain will also upgrade {}",
            names.join(", ")
        ),
    );
    for one in outdated {
        let found = pods.iter().find(|found| pod::name(found) == one.shard);
        refusal = refusal.evidence(format!(
            "{} has revision {}, its new pod will have {}",
            one.shard,
            found.and_then(|found| pod::revision(found)).unwrap_or_default(),
            revision_of(set, one.ordinal).unwrap_or_default()
        ));
    }
    Some(
        refusal
            .remedy("see what differs, and roll it out or take it back first:")
            .remedy(seen.shardctl("upgrade status")),
    )
}

/// The refusal of a shard that nothing would take, with what would.
fn nowhere(seen: &Seen<'_>, set: &StatefulSet, one: &Move, order: &[&Node]) -> Option<Refusal> {
    let template = set::template(set)?;
    let pods = seen.own_pods().ok()?;
    let shard = Shard::new(
        one.ordinal,
        one.shard.clone(),
        pods.into_iter().find(|found| pod::name(found) == one.shard),
    );
    let mut refusal = homeless(seen, template, &shard, &one.home, true)?;
    let before: Vec<&str> = order.iter().map(|place| node::name(place)).collect();
    if before.len() > 1 {
        refusal = refusal.evidence(format!(
            "none of {} counts: all of them are to be emptied",
            before.join(", ")
        ));
    }
    Some(refusal.remedy(what_would_do(seen, template, one)))
}

/// What a node must have to take the shard: "a new node in zone-1 with at least 4 cpu and 32Gi memory for the shard…".
fn what_would_do(seen: &Seen<'_>, template: &PodTemplateSpec, one: &Move) -> String {
    let spec = template.spec.clone().unwrap_or_default();
    let words = |amounts: &BTreeMap<String, Amount>| {
        let each: Vec<String> = amounts
            .iter()
            .filter(|(_, amount)| !amount.is_zero())
            .map(|(resource, amount)| format!("{} {resource}", amount.written(resource)))
            .collect();
        each.join(", ")
    };
    let own = seen.node(&one.from).ok().flatten();
    let mut daemons: BTreeMap<String, Amount> = BTreeMap::new();
    for found in own.map(|own| daemons_of(seen, own)).unwrap_or_default() {
        for (resource, amount) in asked(&found.spec.clone().unwrap_or_default()) {
            let sum = daemons.entry(resource).or_default();
            *sum = sum.plus(amount);
        }
    }
    let zone = match one.zones.as_slice() {
        [] => String::new(),
        zones => format!(" in {}", zones.join(" or ")),
    };
    let mut text = format!("a node{zone} would do that has {} to give", words(&asked(&spec)));
    let beside = words(&daemons);
    if !beside.is_empty() {
        text.push_str(&format!(" beside what DaemonSets bring ({beside})"));
    }
    if let Some(size) = own.and_then(|own| node::label(own, node::INSTANCE_TYPE)) {
        text.push_str(&format!("; the one it is on is a {size}"));
    }
    text
}

#[cfg(test)]
mod tests;
