//! Several nodes in one drain: one after another, never two shards down, a spare node handed on from each to the next.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node;
use serde_json::json;

use super::{AsItWas, Watched, drain, packed, packed_by_karpenter, said};
use crate::cluster::scene::running::Output;
use crate::cluster::{Interceptor, Scene};
use crate::upgrade::left_behind;

/// The names of the nodes with shards.
fn occupied(scene: &Scene<'_>) -> BTreeSet<String> {
    (0..scene.shard_count()).map(|ordinal| scene.node_of(ordinal)).collect()
}

/// Drains what these arguments name.
fn ran(scene: &Scene<'_>, arguments: &[&str]) -> Output {
    let mut all = vec!["drain", "--yes", "--lease-duration", "2s"];
    all.extend_from_slice(arguments);
    scene.shardctl_process(scene.kubeconfig(), all).wait()
}

#[test]
fn two_nodes_go_one_after_the_other_and_both_stay_cordoned() {
    let scene = packed(4, 2, 4).start();
    let (first, second) = (scene.node_of(0), scene.node_of(3));
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let ran = ran(&scene, &[&first, &second]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    let occupied = occupied(&scene);
    assert!(
        !occupied.contains(&first) && !occupied.contains(&second),
        "{}",
        said(&ran)
    );
    // No shard is moved twice: none goes to a node that is emptied later.
    let deletions = watched.shards.deletions();
    let each: BTreeSet<&String> = deletions.iter().collect();
    assert_eq!(each.len(), deletions.len(), "{deletions:?}");
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&first, &second], &said(&ran));
}

#[test]
fn a_whole_pool_is_rolled_with_one_spare_node_that_is_handed_on() {
    // Each node has room for one shard, and one node is spare.
    let scene = Scene::shards(3)
        .zones(["eastus-1"])
        .nodes_per_zone(4)
        .node_size("4", "12Gi")
        .start();
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let names = scene.nodes().into_iter().filter_map(|node| node.metadata.name);
    let names: BTreeSet<String> = names.collect();
    let old = occupied(&scene);
    assert_eq!(old.len(), 3);
    let selector = format!("test.shardctl.dev/scene={}", scene.namespace());
    let ran = ran(&scene, &["-l", &selector, "--then-uncordon"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    assert_eq!(
        watched.shards.deletions().len(),
        3,
        "each shard moved once: {}",
        said(&ran)
    );
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[], &said(&ran));
    let now = occupied(&scene);
    assert_ne!(now, old, "somebody uses what was the spare");
    assert!(now.is_subset(&names));
}

#[test]
fn without_a_spare_that_is_handed_on_it_is_refused() {
    let scene = Scene::shards(2)
        .zones(["eastus-1"])
        .nodes_per_zone(3)
        .node_size("4", "12Gi")
        .start();
    let interceptor = Interceptor::before(scene.plane());
    let (first, second) = (scene.node_of(0), scene.node_of(1));
    let arguments = drain(&first, &[&second]);
    let refused = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), arguments)
        .wait();
    assert_eq!(refused.code, Some(3), "{}", said(&refused));
    assert!(said(&refused).contains("no-home"), "{}", said(&refused));
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
    let ran = ran(&scene, &[&first, &second, "--then-uncordon"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
}

#[test]
fn emptied_nodes_of_karpenter_are_released_one_after_another() {
    let scene = packed_by_karpenter(2, 1).start();
    scene.new_nodes_take("1s");
    let (watched, old) = (Watched::of(&scene), occupied(&scene));
    assert_eq!(old.len(), 2);
    let selector = format!("test.shardctl.dev/scene={}", scene.namespace());
    let ran = ran(&scene, &["-l", &selector, "--then-release"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    scene.wait_until("the old nodes are gone", |scene| {
        old.iter().all(|node| scene.find::<Node>(node).is_none())
    });
    assert!(occupied(&scene).is_disjoint(&old), "{}", said(&ran));
    assert_eq!(watched.shards.deletions().len(), 2, "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    assert_eq!(left_behind(&scene), Vec::<String>::new(), "{}", said(&ran));
    let query = format!("labelSelector={selector}");
    let claims = scene.list_any("karpenter.sh/v1", "NodeClaim", &query);
    let live = claims
        .iter()
        .filter(|claim| claim["metadata"]["deletionTimestamp"] == json!(null));
    assert_eq!(live.count(), 2, "no node too many was bought: {claims:?}");
}
