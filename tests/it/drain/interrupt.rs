//! Ctrl-C at every kind of a drain's waits: once puts all back exactly as it was, twice stops at once and names what heals it.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

use super::{AsItWas, Watched, drain, drained, packed, packed_by_karpenter, said};
use crate::cluster::{Interceptor, Running, Scene};
use crate::recover::recovered;
use crate::upgrade::left_behind;

/// Interrupts a drain of shard 0's node once it says that it waits for this, before any shard was taken: all is as before.
#[track_caller]
fn nothing_is_left_of_a_wait(scene: &Scene<'_>, waits_for: &str) {
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(scene), Watched::of(scene));
    let mut command = scene.shardctl_process(scene.kubeconfig(), drain(&node, &[]));
    command.wait_for_output("drain     waits");
    command.interrupt();
    let ran = command.wait();
    let told = said(&ran);
    assert!(told.contains(waits_for), "{told}");
    assert_eq!(ran.code, Some(130), "{told}");
    assert!(told.contains("Ctrl-C again stops now"), "{told}");
    assert!(told.contains("interrupted"), "{told}");
    assert!(
        told.contains(&format!("shardctl drain {node}")),
        "how to resume: {told}"
    );
    assert_eq!(watched.shards.deletions(), Vec::<String>::new(), "{told}");
    watched.was_careful(scene, &told);
    before.but_cordoned(scene, &[], &told);
}

#[test]
fn ctrl_c_while_a_node_is_waited_for_takes_the_placeholder_away() {
    let scene = packed_by_karpenter(1, 1).start();
    scene.new_nodes_take("10m");
    nothing_is_left_of_a_wait(&scene, "a node is waited for");
}

#[test]
fn ctrl_c_while_a_neighbours_budget_is_waited_for_takes_the_cordon_back() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    scene.deployment("web", 3, &node);
    scene.neighbours_budget("web", json!(2));
    let pods: Vec<Pod> = scene.list("labelSelector=neighbour=web");
    for name in pods.into_iter().take(2).filter_map(|pod| pod.metadata.name) {
        scene.make_pod_unready(&name);
    }
    scene.wait_until("the budget lets none go", |scene| {
        let status = scene.get::<PodDisruptionBudget>("web").status.unwrap_or_default();
        status.current_healthy == Some(1)
    });
    nothing_is_left_of_a_wait(&scene, "pdb/web");
}

#[test]
fn ctrl_c_while_the_extra_shard_comes_takes_it_and_its_claim_away() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let interceptor = Interceptor::before(scene.plane());
    let scaled = interceptor
        .on(|request| request.method == "PATCH" && request.path.ends_with("/statefulsets/shard"))
        .nth(1)
        .hold_answer();
    let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), drain(&node, &["--strategy", "surge"]));
    scaled.wait_hit();
    command.interrupt();
    command.wait_for_output("Ctrl-C again stops now");
    scaled.release();
    let ran = command.wait();
    assert_eq!(ran.code, Some(130), "{}", said(&ran));
    assert!(said(&ran).contains("interrupted"), "{}", said(&ran));
    assert_eq!(watched.shards.deletions(), Vec::<String>::new(), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[], &said(&ran));
}

/// A drain of shard 0's node whose first shard is stopping: that takes three seconds.
fn with_a_shard_in_hand(scene: &Scene<'_>) -> Running {
    let mut command = scene.shardctl_process(scene.kubeconfig(), drain(&scene.node_of(0), &[]));
    command.wait_for_output("terminating for");
    command
}

fn slow_to_stop() -> Scene<'static> {
    packed(3, 2, 2).annotation("test.shardctl.dev/stop-after", "3s").start()
}

#[test]
fn ctrl_c_with_a_shard_in_hand_waits_for_it_and_moves_no_other() {
    let scene = slow_to_stop();
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let node = scene.node_of(0);
    let mut command = with_a_shard_in_hand(&scene);
    command.interrupt();
    command.wait_for_output("after shard-1, which is in hand; Ctrl-C again stops now");
    let ran = command.wait();
    assert_eq!(ran.code, Some(130), "{}", said(&ran));
    assert!(said(&ran).contains("3 of 3 shards Ready"), "{}", said(&ran));
    assert_eq!(watched.shards.deletions(), ["shard-1"], "{}", said(&ran));
    assert_eq!(scene.shards_on(&node), ["shard-0"], "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[], &said(&ran));
}

#[test]
fn ctrl_c_twice_with_a_shard_in_hand_names_recover_which_heals_it() {
    let scene = slow_to_stop();
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let mut command = with_a_shard_in_hand(&scene);
    command.interrupt();
    command.wait_for_output("Ctrl-C again stops now");
    command.interrupt();
    let ran = command.wait();
    assert_eq!(ran.code, Some(5), "{}", said(&ran));
    for words in [
        "interrupted twice: stopped at once",
        "(down: shard-1)",
        "Undo:   shardctl recover",
    ] {
        assert!(said(&ran).contains(words), "{words}: {}", said(&ran));
    }
    assert_ne!(
        left_behind(&scene),
        Vec::<String>::new(),
        "the node's mark: {}",
        said(&ran)
    );
    let healed = recovered(&scene, &[]);
    assert_eq!(healed.code, 0, "{}{}", healed.stderr, healed.stdout);
    scene.wait_until_healthy();
    assert_eq!(watched.shards.deletions(), ["shard-1"], "{}", healed.stdout);
    watched.was_careful(&scene, &healed.stdout);
    before.but_cordoned(&scene, &[], &healed.stdout);
}

#[test]
fn what_ctrl_c_cut_short_goes_on_when_it_is_run_again() {
    let scene = slow_to_stop();
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let node = scene.node_of(0);
    let mut command = with_a_shard_in_hand(&scene);
    command.interrupt();
    let ran = command.wait();
    assert_eq!(ran.code, Some(130), "{}", said(&ran));
    let again = drained(&scene, &node, &[]);
    assert_eq!(again.code, Some(0), "{}", said(&again));
    assert_eq!(watched.shards.deletions(), ["shard-1", "shard-0"], "{}", said(&again));
    watched.was_careful(&scene, &said(&again));
    before.but_cordoned(&scene, &[&node], &said(&again));
}
