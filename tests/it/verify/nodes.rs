//! The nodes under the shards: NODE-01, NODE-02 and NODE-04, each broken on the real control plane.

use k8s_openapi::api::core::v1::Node;
use serde_json::json;

use super::edited::{judged, object, recorded};
use super::{assert_fails, verify};
use crate::cluster::Scene;

#[test]
fn a_cordoned_node_is_found_where_it_holds_a_shard() {
    let scene = Scene::shards(2).nodes_per_zone(1).start();
    let with = [scene.node_of(0), scene.node_of(1)];
    let nodes = scene.nodes();
    let names = || nodes.iter().filter_map(|node| node.metadata.name.as_deref());
    let empty = names()
        .find(|name| !with.iter().any(|held| held == name))
        .expect("a third zone's node");
    scene.cordon(empty, true);
    verify(&scene, &[]).assert_only(&[], &[], &[]);

    scene.cordon(&with[0], true);
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "NODE-01", &[], &["PV-02"], &[]);
    let words = seen.words("NODE-01");
    assert!(words.contains("shard-0 can't come back here"), "{words}");
    assert!(words.contains(&format!("$ shardctl uncordon {}", with[0])), "{words}");
}

/// The fake kubelet writes every condition anew: pressure and a scheduled event are written into the snapshot.
#[test]
fn pressure_fails_and_a_scheduled_event_warns() {
    let scene = Scene::shards(2).start();
    let node = scene.node_of(0);
    let condition = |kind: &str| json!({"type": kind, "status": "True", "message": "soon"});
    let with = |kind: &str| {
        let mut snapshot = recorded(&scene);
        let conditions = &mut object(&mut snapshot, "nodes", &node)["status"]["conditions"];
        let conditions = conditions.as_array_mut().expect("conditions");
        conditions.retain(|known| known["type"] != kind);
        conditions.push(condition(kind));
        judged(&scene, &snapshot, &[])
    };
    assert_fails(&with("DiskPressure"), "NODE-01", &[], &[], &[]);
    with("VMEventScheduled").assert_only(&[], &["NODE-01", "THR-01"], &[]);
}

#[test]
fn a_node_of_the_stable_pool_without_label_or_taint_is_found() {
    let scene = Scene::shards(2).stable().start();
    let node = scene.node_of(1);
    scene.patch::<Node>(&node, json!({"metadata": {"labels": {"workload": null}}}));
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "NODE-02", &[], &["PV-02"], &[]);
    assert!(
        seen.words("NODE-02").contains("demands workload In (biometric-stable)"),
        "{}",
        seen.check("NODE-02")
    );

    scene.patch::<Node>(
        &node,
        json!({"metadata": {"labels": {"workload": "biometric-stable"}}, "spec": {"taints": []}}),
    );
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "NODE-02", &[], &[], &[]);
    let words = seen.words("NODE-02");
    assert!(
        words.contains("lacks the pool's taint biometric=reserved:NoSchedule"),
        "{words}"
    );
}

/// The scheduler would never make such a skew, and a disk keeps its shard in its zone: the zone's label is edited.
#[test]
fn a_skew_beyond_what_the_template_demands_is_a_warning() {
    let scene = Scene::shards(3).start();
    let mut snapshot = recorded(&scene);
    let zone = |snapshot: &mut serde_json::Value, node: &str| {
        object(snapshot, "nodes", node)["metadata"]["labels"]["topology.kubernetes.io/zone"].clone()
    };
    let first = zone(&mut snapshot, &scene.node_of(0));
    let second = zone(&mut snapshot, &scene.node_of(1));
    // Shard 1's node joins shard 0's zone; a new node with room stays behind in its own.
    let mut empty = object(&mut snapshot, "nodes", &scene.node_of(1)).clone();
    empty["metadata"]["name"] = json!("empty");
    empty["metadata"]["labels"]["kubernetes.io/hostname"] = json!("empty");
    assert_eq!(empty["metadata"]["labels"]["topology.kubernetes.io/zone"], second);
    object(&mut snapshot, "nodes", &scene.node_of(1))["metadata"]["labels"]["topology.kubernetes.io/zone"] = first;
    super::edited::objects(&mut snapshot, "nodes").push(empty);
    let seen = judged(&scene, &snapshot, &["--only", "NODE-02"]);
    seen.assert_only(&[], &["NODE-02"], &[]);
    let words = seen.words("NODE-02");
    assert!(words.contains("skew over topology.kubernetes.io/zone is 2"), "{words}");
}

#[test]
fn spot_capacity_under_a_shard_is_a_warning() {
    let scene = Scene::shards(2).start();
    scene.patch::<Node>(
        &scene.node_of(0),
        json!({"metadata": {"labels": {"kubernetes.azure.com/scalesetpriority": "spot"}}}),
    );
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["NODE-04"], &[]);
    assert!(
        seen.words("NODE-04").contains(&scene.node_of(0)),
        "{}",
        seen.check("NODE-04")
    );
}
