//! The nodes of the tests' set as a table, and what isn't known of them.

use super::*;
use crate::model::resource::Resource;
use crate::model::room::{GIB, MIB};
use crate::plan::verify::testing::Scene;
use serde_json::{Value, json};

const DISK: Option<&str> = Some("disk.csi.azure.com");

/// Three shards of 32Gi and 4 cores on nodes of 120Gi and 16 cores in eastus, the third beside the first; a DaemonSet of 1Gi and
/// a web server of 10Gi on the first node.
fn scene() -> Scene {
    let mut scene = Scene::healthy(3);
    let labels = json!({"metadata": {"labels": {
        "topology.kubernetes.io/region": "eastus", "karpenter.sh/nodepool": "shards", "karpenter.sh/capacity-type": "on-demand",
    }}});
    for ordinal in 0..3 {
        scene.merge(Resource::Nodes, &format!("node-{ordinal}"), labels.clone());
    }
    scene.merge(Resource::Pods, "db-2", json!({"spec": {"nodeName": "node-0"}}));
    let shards = scene.objects[&Resource::Pods].clone();
    scene.set(Resource::NodePods, shards);
    scene.add(Resource::NodePods, neighbour("agent", "DaemonSet", "node-0", "1Gi"));
    scene.add(Resource::NodePods, neighbour("agent-b", "DaemonSet", "node-1", "1Gi"));
    scene.add(Resource::NodePods, neighbour("web", "ReplicaSet", "node-0", "10Gi"));
    let mut done = neighbour("job", "Job", "node-0", "50Gi");
    done["status"]["phase"] = json!("Succeeded");
    scene.add(Resource::NodePods, done);
    scene.add(Resource::NodePods, neighbour("far", "ReplicaSet", "elsewhere", "10Gi"));
    scene
}

fn neighbour(name: &str, owner: &str, place: &str, memory: &str) -> Value {
    json!({
        "metadata": {"name": name, "uid": format!("uid-{name}"), "namespace": "web", "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": owner, "name": name, "uid": "o", "controller": true},
        ]},
        "spec": {"nodeName": place, "containers": [
            {"name": "c", "resources": {"requests": {"memory": memory, "cpu": "100m"}}},
        ]},
        "status": {"phase": "Running"},
    })
}

fn look(scene: &Scene) -> Present {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let catalogue = Catalogue::azure(region(&seen).unwrap()).unwrap();
    let machines = Machines::of(&snapshot, DISK);
    present(&seen, &machines, &catalogue, Discount::default()).unwrap()
}

#[test]
fn every_node_of_the_shards_has_its_row() {
    let found = look(&scene());
    let names: Vec<&str> = found.rows.iter().map(|row| row.node.as_str()).collect();
    assert_eq!(names, ["node-0", "node-1", "node-2"]);
    let first = &found.rows[0];
    assert_eq!(first.shards, ["db-0", "db-2"]);
    assert_eq!(
        (first.by_shards.memory, first.by_shards.cpu, first.by_shards.disks),
        (64 * GIB, 8000, 2)
    );
    assert_eq!(
        (first.by_daemons.unwrap().memory, first.by_daemons.unwrap().pods),
        (GIB, 1)
    );
    assert_eq!(
        (first.by_others.unwrap().memory, first.by_others.unwrap().pods),
        (10 * GIB, 1)
    );
    assert_eq!(first.used(Limit::Memory), Some(625));
    // 120 − 64 − 1 − 10 are 45Gi: one more shard, and 13Gi that no shard fits into.
    assert_eq!((first.free_slots, first.stranded), (Some(1), Some(13 * GIB)));
    assert_eq!(first.hourly.unwrap().to_string(), "1.008");
    assert_eq!(first.stranded_money().unwrap().rounded(4), "0.1092");
    assert_eq!(first.room.unwrap().disks, Some(32));
    assert_eq!(found.daemons().unwrap().memory, GIB);
    assert_eq!(found.rows[2].shards, Vec::<String>::new());
}

#[test]
fn the_totals_add_up() {
    let totals = look(&scene()).totals();
    assert_eq!((totals.nodes, totals.empty, totals.shards), (3, 1, 3));
    assert_eq!(totals.hourly.to_string(), "3.024");
    assert_eq!(totals.hourly_a_shard().unwrap().to_string(), "1.008");
    assert_eq!((totals.lost_with_a_node, totals.lost_with_a_zone), (2, 2));
    // Row by row 1, 2 and 3 more shards: 45, 87 and 120Gi free, of which 13, 23 and 24Gi are stranded.
    assert_eq!((totals.free_slots, totals.stranded), (Some(6), Some(60 * GIB)));
    assert_eq!(totals.memory_used, Some(108 * 1000 / 360));
    assert_eq!(totals.cpu_used, Some(12_300 * 1000 / 48_000));
}

#[test]
fn a_node_of_another_pool_without_shards_costs_the_set_nothing() {
    let mut scene = scene();
    scene.merge(
        Resource::Nodes,
        "node-2",
        json!({"metadata": {"labels": {"karpenter.sh/nodepool": "web"}}}),
    );
    assert_eq!(look(&scene).rows.len(), 2);
}

#[test]
fn what_isnt_known_is_told_as_unknown() {
    let mut scene = scene();
    scene.unreadable(Resource::NodePods);
    let found = look(&scene);
    assert!(
        found.unseen.as_ref().unwrap().contains("may not list"),
        "{:?}",
        found.unseen
    );
    assert_eq!(
        (found.rows[0].asked(), found.rows[0].stranded, found.daemons()),
        (None, None, None)
    );
    let totals = found.totals();
    assert_eq!(
        (
            totals.stranded,
            totals.stranded_hourly,
            totals.free_slots,
            totals.memory_used
        ),
        (None, None, None, None)
    );
    assert_eq!(totals.hourly.to_string(), "3.024");
}

#[test]
fn a_size_or_a_way_to_pay_without_a_price_leaves_the_total_open() {
    let mut scene = scene();
    let label = |key: &str, value: &str| json!({"metadata": {"labels": {key: value}}});
    scene.merge(
        Resource::Nodes,
        "node-1",
        label("node.kubernetes.io/instance-type", "Standard_X1"),
    );
    scene.merge(Resource::Nodes, "node-2", label("karpenter.sh/capacity-type", "spot"));
    let found = look(&scene);
    // A spot price of an E16s_v5 in eastus is known.
    assert_eq!(found.rows[2].hourly.unwrap().to_string(), "0.212285");
    let totals = found.totals();
    assert_eq!(totals.unpriced, ["node-1"]);
    assert_eq!(totals.hourly.to_string(), "1.220285");
    assert_eq!((totals.hourly_a_shard(), totals.stranded_hourly), (None, None));
    scene.merge(
        Resource::Nodes,
        "node-0",
        label("topology.kubernetes.io/region", "westeurope"),
    );
    assert!(look(&scene).rows.iter().all(|row| row.price.is_none()));
}

#[test]
fn a_shard_on_no_node_is_told() {
    let mut scene = scene();
    scene.merge(Resource::Pods, "db-1", json!({"spec": {"nodeName": null}}));
    let found = look(&scene);
    assert_eq!(found.homeless, ["db-1"]);
    assert_eq!(found.totals().shards, 2);
}

#[test]
fn a_shard_takes_what_the_template_asks_for() {
    let scene = scene();
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let expected = Take {
        memory: 32 * 1024 * MIB,
        cpu: 4000,
        disks: 1,
        pods: 1,
    };
    assert_eq!(shard(&seen).unwrap(), expected);
    assert_eq!(archs(&seen).unwrap(), BTreeSet::from(["amd64".to_owned()]));
}
