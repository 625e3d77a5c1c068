//! Whose each key is, saved before maintenance and held against after it.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::{outcome, served, tested};
use crate::cluster::{Behaviour, Ring, Scene};
use crate::drain::{drained, packed};
use crate::upgrade::{NEXT, ran};

#[test]
fn no_key_moves_over_an_upgrade_and_a_drain_and_one_that_does_is_named() {
    let scene = packed(3, 1, 4).start();
    let (scene, ring) = served(scene, Ring::of(3).start());
    tested(&scene, &["--save", "owners.json"]).says(0, &["STABLE"]);
    let compare = ["--compare", "owners.json"];

    let otherwise = tested(&scene, &[&compare[..], &["--path", "/lookup/{key}"]].concat());
    otherwise.refused(
        2,
        &[
            "owners.json can't be compared with this run",
            "something else was asked then",
        ],
    );

    let ended = ran(&scene, &["--image", NEXT]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let words = ["40 keys compared, 0 moved between shards that were there before"];
    tested(&scene, &compare).says(0, &words);
    let ended = drained(&scene, &scene.node_of(0), &[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    tested(&scene, &compare).says(0, &words);

    // Every member goes by the ring of two: all agree, and only the comparison shows it.
    for member in 0..3 {
        ring.let_member(member, Behaviour::StaleRing(2));
    }
    let found = outcome(&scene, 1, &compare);
    let moved = found["comparison"]["moved"].as_array().unwrap();
    assert!(
        !moved.is_empty() && moved.iter().all(|moved| moved["from"] == 2),
        "{moved:?}"
    );
    tested(&scene, &compare).says(1, &["shard 2 → ", "keys moved"]);
    tested(&scene, &[&compare[..], &["-o", "junit"]].concat()).says(1, &["keys moved"]);
}

#[test]
fn an_eleventh_shard_takes_about_an_eleventh_of_the_keys_and_nobody_else_does() {
    let (scene, mut ring) = served(Scene::shards(10).nodes_per_zone(4).start(), Ring::of(10).start());
    let by_the_balancer = ["--entry", "lb", "--keys", "400"];
    let keys = ["route-test", "--rate", "0"].iter().chain(&by_the_balancer);
    let saving = keys.clone().chain(&["--save", "ten.json"]).copied();
    crate::bad_days::run(scene.shardctl(saving)).says(0, &["each of 400 keys has one shard"]);

    ring.grow(11);
    scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": {"minAvailable": 11}}));
    scene.patch::<StatefulSet>(scene.name(), json!({"spec": {"replicas": 11}}));
    scene.wait_until("the eleventh shard is Ready", |scene| scene.is_ready(10));
    let comparing = keys.chain(&["--compare", "ten.json", "-o", "json"]).copied();
    let ran = crate::bad_days::run(scene.shardctl(comparing));
    ran.says(0, &[]);
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    let comparison = &found["comparison"];
    assert_eq!((&comparison["added"], &comparison["moved"]), (&json!([10]), &json!([])));
    let moved = comparison["movedAsExpected"].as_u64().unwrap();
    // 400 / 11 is 36; the ring and the keys are always the same, so that chance has no part in it.
    assert!((20..=55).contains(&moved), "{moved} of 400 keys moved");
    assert_eq!(found["balance"]["owners"]["10"], json!(moved));
}
