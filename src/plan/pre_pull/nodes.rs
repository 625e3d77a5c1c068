//! The nodes that should have the new images: wherever a shard may land.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, PodSpec};

use crate::model::finding::{Finding, Severity};
use crate::model::read::Skip;
use crate::model::set::Ordinal;
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
    let shards = seen.shards()?;
    let holders: Vec<&str> = order
        .iter()
        .filter_map(|ordinal| shards.iter().find(|shard| shard.ordinal == *ordinal)?.pod)
        .filter_map(pod::node)
        .collect();
    let turn = |place: &Node| {
        holders
            .iter()
            .position(|holder| *holder == node::name(place))
            .unwrap_or(usize::MAX)
    };
    fit.sort_by_key(|place| (turn(place), node::name(place)));
    let full: BTreeSet<&str> = full.into_iter().map(node::name).collect();
    Ok(Targets {
        nodes: fit.into_iter().map(|place| node::name(place).to_owned()).collect(),
        findings: full.into_iter().map(|name| short_of_disk(seen, name)).collect(),
    })
}

/// The node as it would be with room on its disk: the taint goes by the condition, which is looked at itself.
fn but_for_its_full_disk(place: &Node) -> Node {
    let mut place = place.clone();
    if let Some(taints) = place.spec.as_mut().and_then(|spec| spec.taints.as_mut()) {
        taints.retain(|taint| taint.key != DISK_PRESSURE);
    }
    place
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
}
