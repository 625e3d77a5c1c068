//! The nodes that should have the new images: wherever a shard may land.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Node, PersistentVolumeClaim, PodSpec, Taint};

use crate::model::finding::{Finding, Severity};
use crate::model::objects::Objects;
use crate::model::read::Skip;
use crate::model::set::Ordinal;
use crate::model::storage::PersistentVolume;
use crate::model::{node, pod};
use crate::plan::placement;
use crate::plan::verify::seen::Seen;

/// The taint of a node whose disk is nearly full.
const DISK_PRESSURE: &str = "node.kubernetes.io/disk-pressure";

/// The nodes to fetch images onto.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Targets {
    /// Their names: those that hold shards to be replaced first, in the order of these shards, then the others.
    pub nodes: Vec<String>,
    /// Nodes where fetching must not be tried, and why.
    pub findings: Vec<Finding>,
}

/// The nodes where a shard made from `spec` may land; `order` are the shards to be replaced, in their order.
///
/// A node counts where it would take such a pod and the disks of one of these shards can be reached from there. A node whose
/// disk is full is named instead: another image would make it throw pods out.
///
/// # Errors
/// Unknown where nodes, pods or claims can't be read.
pub fn targets(seen: &Seen<'_>, spec: &PodSpec, order: &[Ordinal]) -> Result<Targets, Skip> {
    let disks = order
        .iter()
        .map(|ordinal| {
            let claims = seen.claims_of(*ordinal)?;
            Ok(claims.into_iter().filter_map(|claim| claim.volume).collect())
        })
        .collect::<Result<Vec<Vec<&PersistentVolume>>, Skip>>()?;
    let may_land = |place: &Node| {
        let reachable = |disks: &Vec<&PersistentVolume>| disks.iter().all(|disk| placement::reaches(disk, place));
        placement::refusal(spec, &but_for_its_full_disk(place)).is_none() && disks.iter().any(reachable)
    };
    let (full, mut fit): (Vec<&Node>, Vec<&Node>) = seen
        .snapshot
        .nodes
        .need()?
        .iter()
        .filter(|place| may_land(place))
        .partition(|place| node::condition(place, "DiskPressure").is_some_and(|full| full.status == "True"));
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    for (turn, holder) in holders(seen, order)?.into_iter().enumerate() {
        turns.entry(holder).or_insert(turn);
    }
    let turn = |place: &Node| turns.get(node::name(place)).copied().unwrap_or(usize::MAX);
    fit.sort_by_key(|place| (turn(place), node::name(place)));
    let full: BTreeSet<&str> = full.into_iter().map(node::name).collect();
    Ok(Targets {
        nodes: fit.into_iter().map(|place| node::name(place).to_owned()).collect(),
        findings: full.into_iter().map(|name| short_of_disk(seen, name)).collect(),
    })
}

/// The nodes of these shards, in the shards' order.
fn holders<'a>(seen: &Seen<'a>, order: &[Ordinal]) -> Result<Vec<&'a str>, Skip> {
    let shards = seen.shards()?.into_iter();
    let homes: BTreeMap<Ordinal, &str> = shards
        .filter_map(|shard| Some((shard.ordinal, pod::node(shard.pod?)?)))
        .collect();
    Ok(order.iter().filter_map(|ordinal| homes.get(ordinal).copied()).collect())
}

/// The node as it would be with room on its disk: the taint goes by the condition, which is looked at itself.
fn but_for_its_full_disk(place: &Node) -> Cow<'_, Node> {
    let taints = place.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let is_full = |taint: &Taint| taint.key == DISK_PRESSURE;
    let mut place = Cow::Borrowed(place);
    if taints.is_some_and(|taints| taints.iter().any(is_full))
        && let Some(taints) = place.to_mut().spec.as_mut().and_then(|spec| spec.taints.as_mut())
    {
        taints.retain(|taint| !is_full(taint));
    }
    place
}

/// Targets that were worked out, and what from: nodes, disks and shards are the same from look to look, while helpers come and go.
#[derive(Debug)]
pub struct Known {
    /// The nodes to fetch images onto.
    pub targets: Targets,
    nodes: Objects<Node>,
    claims: Objects<PersistentVolumeClaim>,
    volumes: Option<Objects<PersistentVolume>>,
    order: Vec<Ordinal>,
    holders: Vec<String>,
}

impl Known {
    /// The targets for the shards of `order`; nothing where not all can be read that they are worked out from.
    pub fn of(seen: &Seen<'_>, order: &[Ordinal], targets: Targets) -> Option<Known> {
        Some(Known {
            targets,
            nodes: seen.snapshot.nodes.got()?.clone(),
            claims: seen.snapshot.claims.got()?.clone(),
            volumes: seen.snapshot.volumes.got().cloned(),
            order: order.to_vec(),
            holders: holders(seen, order).ok()?.into_iter().map(str::to_owned).collect(),
        })
    }

    /// Whether a look would give the same for these shards.
    pub fn holds(&self, seen: &Seen<'_>, order: &[Ordinal]) -> bool {
        let same_volumes = match (&self.volumes, seen.snapshot.volumes.got()) {
            (Some(ours), Some(theirs)) => ours.is_the_same_as(theirs),
            (None, None) => true,
            _ => false,
        };
        let is_same = |nodes: &Objects<Node>| self.nodes.is_the_same_as(nodes);
        let are_same = |claims: &Objects<PersistentVolumeClaim>| self.claims.is_the_same_as(claims);
        same_volumes
            && self.order == order
            && seen.snapshot.nodes.got().is_some_and(is_same)
            && seen.snapshot.claims.got().is_some_and(are_same)
            && holders(seen, order).is_ok_and(|holders| self.holders == holders)
    }
}

fn short_of_disk(seen: &Seen<'_>, name: &str) -> Finding {
    let mut finding = Finding::new(
        Severity::Warning,
        format!("node/{name}"),
        "its disk is nearly full (DiskPressure): the images aren't fetched there beforehand",
    );
    finding.remedy(seen.kubectl_cluster(&format!("describe node {name}")));
    finding
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::resource::Resource;
    use crate::model::set;
    use crate::plan::verify::testing::Scene;
    use serde_json::json;

    fn of(scene: &Scene, order: &[Ordinal]) -> Targets {
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        let spec = set::pod_spec(snapshot.set().unwrap()).unwrap().clone();
        targets(&seen, &spec, order).unwrap()
    }

    /// A node without shards.
    fn spare(scene: &mut Scene, name: &str, zone: &str) {
        scene.add(
            Resource::Nodes,
            json!({
                "metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone, "kubernetes.io/hostname": name}},
                "status": {"conditions": [{"type": "Ready", "status": "True"}]},
            }),
        );
    }

    #[test]
    fn nodes_of_the_next_shards_come_first_and_others_by_name() {
        let mut scene = Scene::healthy(3);
        spare(&mut scene, "b-spare", "zone-1");
        spare(&mut scene, "a-spare", "zone-2");
        spare(&mut scene, "far-away", "zone-9");
        assert_eq!(
            of(&scene, &[2, 1, 0]).nodes,
            ["node-2", "node-1", "node-0", "a-spare", "b-spare"]
        );
        // Of shard 1 alone, only what its disk reaches.
        assert_eq!(of(&scene, &[1]).nodes, ["node-1", "a-spare"]);
    }

    #[test]
    fn nodes_that_take_no_shard_are_left_out_and_full_ones_are_named() {
        let mut scene = Scene::healthy(3);
        scene.merge(Resource::Nodes, "node-0", json!({"spec": {"unschedulable": true}}));
        scene.edit(Resource::Nodes, "node-2", |node| {
            node["status"]["conditions"][2]["status"] = json!("True");
            node["spec"]["taints"] = json!([{"key": DISK_PRESSURE, "effect": "NoSchedule"}]);
        });
        let found = of(&scene, &[2, 1, 0]);
        assert_eq!(found.nodes, ["node-1"]);
        assert_eq!(found.findings.len(), 1);
        assert_eq!(found.findings[0].object, "node/node-2");
    }

    #[test]
    fn shards_without_disks_may_land_anywhere() {
        let mut scene = Scene::healthy(2);
        scene.merge(
            Resource::StatefulSets,
            "db",
            json!({"spec": {"volumeClaimTemplates": null}}),
        );
        spare(&mut scene, "far-away", "zone-9");
        assert_eq!(of(&scene, &[1, 0]).nodes, ["node-1", "node-0", "far-away"]);
    }

    #[test]
    fn targets_hold_until_nodes_disks_or_shards_are_others() {
        let mut scene = Scene::healthy(3);
        let snapshot = scene.snapshot();
        let policy = scene.policy.clone();
        let seen = Seen::of(&snapshot, &policy);
        let known = Known::of(&seen, &[2, 1], Targets::default()).unwrap();
        assert!(known.holds(&seen, &[2, 1]) && !known.holds(&seen, &[2]));
        let with = |change: &dyn Fn(&mut crate::model::snapshot::Snapshot)| {
            let mut other = snapshot.clone();
            change(&mut other);
            known.holds(&Seen::of(&other, &policy), &[2, 1])
        };
        let again = scene.snapshot();
        assert!(with(&|other| other.events = again.events.clone()));
        assert!(with(&|other| other.pods = again.pods.clone()));
        assert!(!with(&|other| other.nodes = again.nodes.clone()));
        assert!(!with(&|other| other.claims = again.claims.clone()));
        assert!(!with(&|other| other.volumes = again.volumes.clone()));
        scene.edit(Resource::Pods, "db-2", |pod| pod["spec"]["nodeName"] = json!("node-0"));
        let moved = scene.snapshot();
        assert!(!with(&|other| other.pods = moved.pods.clone()));
    }
}
