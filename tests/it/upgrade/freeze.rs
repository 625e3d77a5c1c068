//! On Karpenter: nodes are kept from it while shards move, and are exactly as they were afterwards.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Node;
use serde_json::json;

use super::{NEXT, is_whole, upgrade};
use crate::bad_days::write;
use crate::cluster::{Scene, Witness};

const HOLD: &str = "karpenter.sh/do-not-disrupt";
const MARK: &str = "shardctl.dev/mark";

fn annotations(scene: &Scene<'_>) -> BTreeMap<String, BTreeMap<String, String>> {
    let of = |node: Node| {
        let mut all = node.metadata.annotations.unwrap_or_default();
        // Karpenter and the controllers write their own meanwhile.
        all.retain(|key, _| key == HOLD || key.starts_with("shardctl.dev/"));
        (node.metadata.name.unwrap_or_default(), all)
    };
    scene.nodes().into_iter().map(of).collect()
}

#[test]
fn karpenters_nodes_are_held_with_a_mark_while_shards_move_and_let_go_as_they_were() {
    let scene = Scene::shards(3).stable()
        .on_karpenter("Standard_E16s_v5", "1s")
        // A node each, and no spread: Karpenter's first node takes part in one as soon as it is there, alone.
        .shard_size("12", "64Gi")
        .template(json!({"spec": {"topologySpreadConstraints": null}}))
        .start();
    let (users, timed, plain) = (scene.node_of(0), scene.node_of(1), scene.node_of(2));
    let hold = |node: &str, value: &str| {
        scene.patch::<Node>(node, json!({"metadata": {"annotations": {HOLD: value}}}));
    };
    hold(&users, "true");
    hold(&timed, "3h");
    let before = annotations(&scene);
    let witness = Witness::of(&scene);

    let wait = "touch begun; while [ ! -e go ]; do sleep 0.1; done";
    let mut process = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--image", NEXT, "--before", wait]));
    process.wait_for_output("before: touch begun");
    let held = annotations(&scene);
    for node in [&users, &timed, &plain] {
        assert_eq!(held[node].get(HOLD).map(String::as_str), Some("true"), "{held:#?}");
    }
    assert_eq!(held[&users].get(MARK), None, "what the user holds isn't ours");
    let mark = |node: &str| -> serde_json::Value {
        serde_json::from_str(held[node].get(MARK).expect("a mark")).expect("JSON")
    };
    assert!(
        mark(&plain)["operation"]
            .as_str()
            .is_some_and(|run| run.starts_with("upgrade/"))
    );
    assert!(mark(&timed)["was"].to_string().contains("3h"), "{}", mark(&timed));
    write(&scene, "go", "");
    let ended = process.wait();
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert_eq!(annotations(&scene), before);
    assert_eq!(witness.most_down_at_once(), 1);
    assert!(is_whole(&scene));
}
