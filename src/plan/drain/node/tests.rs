//! Which nodes are meant, their order, and what is said of each.

use serde_json::{Value, json};

use super::*;
use crate::model::karpenter::TERMINATION;
use crate::model::mark::MARK;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::model::snapshot::Snapshot;
use crate::plan::verify::testing::{NOW, Scene};

const RUN: &str = "drain/shop/db/4f2a";

fn seen<'a>(snapshot: &'a Snapshot, scene: &'a Scene) -> Seen<'a> {
    Seen::of(snapshot, &scene.policy)
}

fn names(nodes: &[&Node]) -> Vec<String> {
    nodes.iter().map(|place| node::name(place).to_owned()).collect()
}

#[test]
fn nodes_are_meant_by_name_or_by_label() {
    let scene = Scene::healthy(3);
    let snapshot = scene.snapshot();
    let seen = seen(&snapshot, &scene);
    let typed = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        chosen(&seen, &names, None)
    };
    let found = typed(&["node-2", "node/node-0", "node-2"]).unwrap();
    assert_eq!(names(&found), ["node-2", "node-0"]);
    let Err(Unclear::NoSuch { wanted, known }) = typed(&["nod-2"]) else {
        panic!("a node that isn't there");
    };
    assert_eq!((wanted.as_str(), known.len()), ("nod-2", 3));
    let labelled = |label: &str| chosen(&seen, &[], Some(label)).map(|found| names(&found));
    assert_eq!(
        labelled("topology.kubernetes.io/zone in (zone-1, zone-3)"),
        Ok(vec!["node-0".to_owned(), "node-2".to_owned()])
    );
    assert_eq!(labelled("pool=none"), Err(Unclear::Nothing("pool=none".to_owned())));
    assert!(matches!(labelled("pool in"), Err(Unclear::Selector(_))));
}

#[test]
fn nodes_with_shards_that_are_down_come_first_then_empty_ones() {
    let mut scene = Scene::healthy(3);
    scene.merge(
        Resource::Pods,
        "db-2",
        json!({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
    );
    scene.merge(Resource::Pods, "db-1", json!({"spec": {"nodeName": "node-0"}}));
    let snapshot = scene.snapshot();
    let seen = seen(&snapshot, &scene);
    let all = chosen(&seen, &["node-0", "node-1", "node-2"].map(str::to_owned), None).unwrap();
    assert_eq!(names(&order(&seen, all).unwrap()), ["node-2", "node-1", "node-0"]);
}

#[test]
fn only_a_cordon_that_a_mark_of_ours_undoes_is_ours() {
    let with = |patch: Value| {
        let mut scene = Scene::healthy(1);
        scene.merge(Resource::Nodes, "node-0", patch);
        let snapshot = scene.snapshot();
        cordon(&snapshot.nodes.got().unwrap()[0], RUN)
    };
    let marked = |operation: &str, was: Value| {
        let mark = json!({
            "operation": operation, "by": "ann@host", "since": NOW, "until": NOW, "was": {"spec.unschedulable": was},
        });
        json!({"metadata": {"annotations": {MARK: mark.to_string()}}, "spec": {"unschedulable": true}})
    };
    assert_eq!(with(json!({})), Cordon::Open);
    assert_eq!(with(json!({"spec": {"unschedulable": true}})), Cordon::Theirs);
    assert_eq!(with(marked(RUN, json!(null))), Cordon::Ours);
    assert_eq!(with(marked("drain/shop/db/0000", json!(false))), Cordon::Ours);
    assert_eq!(with(marked("drain/shop/other/0000", json!(false))), Cordon::Theirs);
    assert_eq!(with(marked(RUN, json!(true))), Cordon::Theirs);
}

fn claimed(patch: Value) -> Scene {
    let mut scene = Scene::healthy(1);
    let mut claim = json!({
        "apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": {"name": "pool-x"}, "spec": {},
        "status": {"nodeName": "node-0"},
    });
    crate::plan::verify::testing::merge(&mut claim, &patch);
    scene.set(Resource::NodeClaims, Read::Got(vec![claim]));
    scene
}

fn said(scene: &Scene) -> Vec<String> {
    let snapshot = scene.snapshot();
    let seen = seen(&snapshot, scene);
    let found = notes(&seen, &snapshot.nodes.got().unwrap()[0], RUN, NOW.parse().unwrap());
    found.into_iter().map(|note| note.message).collect()
}

#[test]
fn a_node_that_is_taken_away_is_said_with_when_it_kills() {
    assert_eq!(said(&claimed(json!({}))), [""; 0]);
    let gone = claimed(json!({"metadata": {
        "deletionTimestamp": "2026-03-01T11:59:00Z", "annotations": {TERMINATION: "2026-03-01T12:05:00Z"},
    }}));
    assert!(
        said(&gone)[0].contains("at 2026-03-01T12:05:00Z (in 300 s)"),
        "{:?}",
        said(&gone)
    );
    let waiting = claimed(json!({"metadata": {"deletionTimestamp": "2026-03-01T11:59:00Z"}}));
    assert!(said(&waiting)[0].contains("taken away already"));
    let graced = claimed(json!({"spec": {"terminationGracePeriod": "1h"}}));
    assert!(said(&graced)[0].contains("terminationGracePeriod 1h"));
    let mut cordoned = Scene::healthy(1);
    cordoned.merge(
        Resource::Nodes,
        "node-0",
        json!({
            "metadata": {"labels": {"type": "virtual-kubelet"}}, "spec": {"unschedulable": true},
        }),
    );
    assert_eq!(said(&cordoned).len(), 2);
}

#[test]
fn a_claim_is_only_released_when_no_shard_is_left() {
    let mut scene = claimed(json!({}));
    let release = |scene: &Scene| {
        let snapshot = scene.snapshot();
        releasable(&seen(&snapshot, scene), "node-0").map(|claim| claim.name().to_owned())
    };
    assert_eq!(release(&scene), Err("db-0 is still on it".to_owned()));
    scene.merge(Resource::Pods, "db-0", json!({"spec": {"nodeName": "node-9"}}));
    assert_eq!(release(&scene), Ok("pool-x".to_owned()));
    assert!(release(&Scene::healthy(1)).is_err());
    scene.set(Resource::NodeClaims, Read::Unreadable("forbidden".to_owned()));
    assert_eq!(
        release(&scene),
        Err("whether Karpenter made it isn't known: forbidden".to_owned())
    );
}

#[test]
fn a_silent_node_is_named_with_the_proof_that_it_takes() {
    let dead = json!({"status": {"conditions": [
        {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."},
    ]}});
    let judged = |scene: &Scene| {
        let snapshot = scene.snapshot();
        silent(&seen(&snapshot, scene), &snapshot.nodes.got().unwrap()[0])
    };
    let mut scene = Scene::healthy(1);
    assert_eq!(judged(&scene), None);
    scene.merge(Resource::Nodes, "node-0", dead.clone());
    let (why, remedy) = judged(&scene).unwrap();
    assert!(why.contains("Kubelet stopped posting"), "{why}");
    assert_eq!(remedy[1], "$ shardctl recover --node-is-off node-0");
    scene.policy.shardctl_flags = vec!["--context".to_owned(), "prod".to_owned()];
    let (_, remedy) = judged(&scene).unwrap();
    assert_eq!(remedy[1], "$ shardctl --context prod recover --node-is-off node-0");
    let mut karpenter = claimed(json!({}));
    karpenter.merge(Resource::Nodes, "node-0", dead);
    assert_eq!(judged(&karpenter).unwrap().1[1], "$ kubectl delete nodeclaim pool-x");
    let off =
        json!({"spec": {"taints": [{"key": node::OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}]}});
    scene.merge(Resource::Nodes, "node-0", off);
    assert_eq!(judged(&scene), None);
}

#[test]
fn nodes_still_to_come_take_no_shard_and_emptied_ones_only_when_reopened() {
    let scene = Scene::healthy(3);
    let snapshot = scene.snapshot();
    let all: Vec<&Node> = snapshot.nodes.got().unwrap().iter().collect();
    assert_eq!(closed(&all, 1, false).len(), 3);
    let open: Vec<&str> = closed(&all, 1, true).into_iter().collect();
    assert_eq!(open, ["node-1", "node-2"]);
}
