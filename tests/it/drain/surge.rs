//! One more shard for the time of a drain: it goes, and its claim with it, unless the claim was there before.

use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use serde_json::json;

use super::{AsItWas, Watched, drained, packed, said};
use crate::cluster::{Budget, Scene};

/// Scales up by one and back, so that a claim of an earlier shard is there.
fn leave_a_claim(scene: &Scene<'_>) {
    let scale = |replicas: u32| {
        scene.patch::<k8s_openapi::api::apps::v1::StatefulSet>(scene.name(), json!({"spec": {"replicas": replicas}}));
    };
    scale(scene.shard_count() + 1);
    scene.wait_until("one more is Ready", |scene| scene.is_ready(scene.shard_count()));
    scale(scene.shard_count());
    let extra = scene.pod_name(scene.shard_count());
    scene.wait_until("it is gone", |scene| scene.find::<Pod>(&extra).is_none());
    scene.wait_until_healthy();
}

#[test]
fn a_claim_that_was_there_before_is_kept() {
    let scene = packed(3, 2, 2).start();
    leave_a_claim(&scene);
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let ran = drained(&scene, &node, &["--strategy", "surge"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    assert!(said(&ran).contains("pvc/data-shard-3"), "{}", said(&ran));
    assert!(scene.find::<PersistentVolumeClaim>("data-shard-3").is_some());
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}

#[test]
fn where_scaling_away_deletes_claims_the_extra_one_goes_by_itself() {
    let scene = packed(3, 2, 2)
        .stateful_set(
            json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Delete"}}}),
        )
        .start();
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let ran = drained(&scene, &node, &["--strategy", "surge"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    scene.wait_until("its claim is gone", |scene| {
        scene.find::<PersistentVolumeClaim>("data-shard-3").is_none()
    });
    before.but_cordoned(&scene, &[&node], &said(&ran));
}

#[test]
fn ordered_pods_come_and_go_in_order_too() {
    let scene = packed(3, 2, 2)
        .stateful_set(json!({"spec": {"podManagementPolicy": "OrderedReady"}}))
        .start();
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let ran = drained(&scene, &node, &["--strategy", "surge"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}

#[test]
fn an_extra_shard_that_does_not_come_up_is_taken_back_before_anything_went() {
    let scene = packed(3, 2, 2)
        .budget(Budget::MinAvailable(3))
        .template(json!({"spec": {"terminationGracePeriodSeconds": 1}}))
        .start();
    let node = scene.node_of(0);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let spoil = |scene: &Scene<'_>| {
        let behaviour = json!({"metadata": {"annotations": {"test.shardctl.dev/behaviour": "unready"}}});
        let there = scene.find::<Pod>("shard-3").is_some();
        if there {
            scene.patch::<Pod>("shard-3", behaviour);
        }
        there
    };
    let arguments = super::drain(&node, &["--strategy", "surge", "--shard-timeout", "3s"]);
    let command = scene.shardctl_process(scene.kubeconfig(), arguments);
    scene.wait_until("the extra shard is there", spoil);
    let ran = command.wait();
    assert_eq!(ran.code, Some(4), "{}", said(&ran));
    let words = "the extra shard shard-3 took longer than --shard-timeout";
    assert!(said(&ran).contains(words), "{}", said(&ran));
    assert_eq!(watched.shards.deletions(), Vec::<String>::new(), "{}", said(&ran));
    before.but_cordoned(&scene, &[], &said(&ran));
}

#[test]
fn a_surge_over_three_zones_finds_room_for_the_extra_shard_and_for_those_that_move() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    let node = scene.node_of(1);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let ran = drained(&scene, &node, &["--strategy", "surge"]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}
