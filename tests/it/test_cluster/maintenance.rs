//! Scenes for maintenance: shards that share a node, neighbours beside them, and a witness of the budget.

use crate::cluster::{BudgetWitness, Scene};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

#[test]
fn shards_share_a_node_with_neighbours_and_have_room_elsewhere() {
    let scene = Scene::shards(4)
        .zones(["eastus-1"])
        .nodes_per_zone(2)
        .together(3)
        .start();
    let node = scene.node_of(0);
    assert_eq!(scene.shards_on(&node), ["shard-2", "shard-1", "shard-0"]);
    assert_ne!(scene.node_of(3), node);
    assert!(
        scene
            .nodes()
            .iter()
            .all(|node| node.spec.as_ref().is_some_and(|spec| spec.unschedulable.is_none()))
    );
    scene.deployment("web", 2, &node);
    scene.neighbours_budget("web", json!(1));
    scene.daemon_set("agent", &node);
    scene.bare_pod("bare", &node, json!([{"name": "scratch", "emptyDir": {}}]));
    assert_eq!(scene.served(), [4, 4], "neighbours aren't served as shards");
}

#[test]
fn a_budget_is_relaxed_from_its_change_until_it_is_as_before() {
    let scene = Scene::shards(2).start();
    let witness = BudgetWitness::of(&scene);
    let set = |least: i32, mark: Option<&str>| {
        let annotations = json!({"shardctl.dev/mark": mark});
        let patch = json!({"metadata": {"annotations": annotations}, "spec": {"minAvailable": least}});
        scene.patch::<PodDisruptionBudget>(scene.name(), patch);
    };
    set(1, Some("a mark"));
    set(2, None);
    assert_eq!(witness.relaxed().len(), 1);
    assert_eq!(witness.unmarked().len(), 0);
    set(0, None);
    assert_eq!(witness.relaxed().len(), 2, "it is open still");
    let unmarked = witness.unmarked();
    assert_eq!(unmarked.len(), 1);
    assert_eq!(unmarked[0]["minAvailable"], 0);
    set(2, None);
    let (first, again) = (witness.relaxed(), witness.relaxed());
    assert_eq!(first, again, "nothing is open any more");
}

#[test]
fn shards_fill_the_nodes_that_karpenter_bought_and_new_ones_take_their_time() {
    let scene = crate::drain::packed_by_karpenter(4, 2).start();
    let node = scene.node_of(0);
    assert_eq!(scene.nodes().len(), 2);
    assert_eq!(scene.shards_on(&node).len(), 2);
    scene.new_nodes_take("3s");
    let claims = |scene: &Scene<'_>| {
        let query = format!("labelSelector=test.shardctl.dev/scene={}", scene.namespace());
        scene.list_any("karpenter.sh/v1", "NodeClaim", &query).len()
    };
    assert_eq!(claims(&scene), 2, "the other delay makes no new node by itself");
    scene.cordon(&node, true);
    let ordinal: u32 = scene.shards_on(&node)[0]
        .trim_start_matches("shard-")
        .parse()
        .expect("a number");
    let before = scene.uid(ordinal);
    let began = std::time::Instant::now();
    scene.delete::<k8s_openapi::api::core::v1::Pod>(&scene.pod_name(ordinal));
    scene.wait_until("the shard has a new node", |scene| {
        scene.is_ready(ordinal) && scene.uid(ordinal) != before
    });
    assert!(began.elapsed().as_secs_f64() >= 3.0, "{:?}", began.elapsed());
    assert_eq!(claims(&scene), 3);
}
