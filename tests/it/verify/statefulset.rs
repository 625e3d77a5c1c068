//! STS-01 to STS-06, each broken on a real StatefulSet.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::{assert_fails, verify};
use crate::cluster::{Budget, Scene};

#[test]
fn a_namespace_without_a_set_is_a_failure() {
    let scene = Scene::shards(3).start();
    scene.delete::<StatefulSet>("shard");
    scene.wait_until("the set is gone", |scene| scene.find::<StatefulSet>("shard").is_none());
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "STS-01", &[], &[], &[]);
    assert!(
        seen.words("STS-01").contains("there is no StatefulSet"),
        "{}",
        seen.words("STS-01")
    );
    verify(&scene, &["--only", "POD-01"]).assert_only(&[], &[], &["POD-01"]);
    verify(&scene, &["--only", "RES-01"]).assert_only(&[], &[], &["RES-01"]);
}

#[test]
fn a_shard_too_many_is_a_failure_since_a_surge_may_have_left_it() {
    let scene = Scene::shards(3).nodes_per_zone(2).start();
    scene.patch::<StatefulSet>("shard", json!({"spec": {"replicas": 4}}));
    scene.wait_until("the fourth shard is Ready and counted", |scene| {
        let status = scene.set().status.unwrap_or_default();
        scene.find::<Pod>("shard-3").is_some()
            && scene.is_ready(3)
            && status.available_replicas == Some(4)
            && scene
                .budget()
                .status
                .is_some_and(|status| status.current_healthy == Some(4))
    });
    let seen = verify(&scene, &[]);
    assert!(seen.with_status("fail").contains("STS-02"), "{:#}", seen.report);
    assert!(
        seen.words("STS-02")
            .contains("spec.replicas is 4, but there should be 3 shards (minAvailable of pdb/shard)"),
        "{}",
        seen.words("STS-02")
    );
    assert!(seen.words("STS-02").contains("scale statefulset shard --replicas=3"));
    // A budget that somebody relaxed looks the same, so neither number is taken for granted.
    assert!(
        seen.words("PDB-02")
            .contains("minAvailable 3, where 4 shards must be kept")
    );
    assert!(seen.words("STS-02").contains("first settle which number is right"));
    let also: Vec<String> = seen
        .with_status("fail")
        .into_iter()
        .filter(|id| id != "STS-02")
        .collect();
    let also: Vec<&str> = also.iter().map(String::as_str).collect();
    let warned: Vec<String> = seen.with_finding("warning").into_iter().collect();
    let warned: Vec<&str> = warned.iter().map(String::as_str).collect();
    assert_eq!(
        (also.as_slice(), warned.as_slice()),
        (&["EPS-01", "PDB-02", "PDB-03", "STS-03"][..], &["PVC-01", "THR-01"][..])
    );
    assert_fails(&seen, "STS-02", &also, &warned, &[]);
}

#[test]
fn a_set_scaled_to_no_shards_is_a_failure_and_its_claims_are_kept() {
    let scene = Scene::shards(3).budget(Budget::MaxUnavailable(0)).start();
    scene.patch::<StatefulSet>("shard", json!({"spec": {"replicas": 0}}));
    scene.wait_until("the shards are gone and counted", |scene| {
        (0..3).all(|ordinal| scene.find::<Pod>(&format!("shard-{ordinal}")).is_none())
            && scene.set().status.unwrap_or_default().replicas == 0
    });
    let seen = verify(&scene, &[]);
    assert_eq!(seen.code, 1);
    assert!(seen.with_status("fail").contains("STS-02"), "{:#}", seen.report);
    let words = seen.words("STS-02");
    assert!(
        words.contains("there are to be 0 shards (spec.replicas): the system is switched off"),
        "{words}"
    );
    assert!(words.contains("there are claims of the ordinals 0 to 2"), "{words}");
    assert!(words.contains("scale statefulset shard --replicas=3"), "{words}");
    let words = seen.words("PVC-01");
    assert!(words.contains("where there should be no shards"), "{words}");
    assert!(!words.contains("delete persistentvolumeclaim"), "{words}");
    verify(&scene, &["--only", "POD-01"]).assert_only(&[], &[], &["POD-01"]);
}

#[test]
fn shards_that_are_ready_but_not_long_enough_are_a_failure() {
    let scene = Scene::shards(3).start();
    scene.patch::<StatefulSet>("shard", json!({"spec": {"minReadySeconds": 3600}}));
    scene.wait_until("no shard counts as available", |scene| {
        let set = scene.set();
        let status = set.status.unwrap_or_default();
        status.observed_generation == set.metadata.generation && status.available_replicas == Some(0)
    });
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "STS-03", &[], &[], &[]);
    assert!(
        seen.words("STS-03").contains("3 of 3 shards are ready, 0 available"),
        "{}",
        seen.words("STS-03")
    );
}

#[test]
fn a_strategy_that_rolls_by_itself_is_a_failure() {
    let scene = Scene::shards(3).start();
    scene.patch::<StatefulSet>(
        "shard",
        json!({"spec": {"updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}}}),
    );
    scene.wait_until("the change is observed", |scene| {
        let set = scene.set();
        set.status.unwrap_or_default().observed_generation == set.metadata.generation
    });
    let seen = verify(&scene, &[]);
    let words = seen.words("STS-04");
    assert!(words.contains("updateStrategy is RollingUpdate"), "{words}");
    assert!(words.contains("whenDeleted Retain, whenScaled Delete"), "{words}");
    assert_fails(&seen, "STS-04", &[], &[], &[]);
}

#[test]
fn a_template_that_waits_for_its_shards_is_a_warning() {
    let scene = Scene::shards(3).start();
    let container =
        json!({"name": scene.pod(0).spec.unwrap().containers[0].name, "image": "registry.example/shard:2.0"});
    let mut containers = serde_json::to_value(&scene.set().spec.unwrap().template.spec.unwrap().containers).unwrap();
    containers[0]["image"] = container["image"].clone();
    scene.patch::<StatefulSet>(
        "shard",
        json!({"spec": {"template": {"spec": {"containers": containers}}}}),
    );
    scene.wait_until("the new revision is there", |scene| {
        let set = scene.set();
        let status = set.status.unwrap_or_default();
        status.observed_generation == set.metadata.generation && status.update_revision != status.current_revision
    });
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["STS-05"], &[]);
    assert!(
        seen.words("STS-05").contains("shard-0, shard-1, shard-2"),
        "{}",
        seen.words("STS-05")
    );
}

#[test]
fn one_tag_with_two_digests_is_a_warning() {
    let scene = Scene::shards(3).start();
    let mut statuses = serde_json::to_value(scene.pod(1).status.unwrap().container_statuses).unwrap();
    statuses[0]["imageID"] =
        json!("registry.example/shard@sha256:0000000000000000000000000000000000000000000000000000000000000000");
    scene.patch_status::<Pod>("shard-1", json!({"status": {"containerStatuses": statuses}}));
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["STS-06"], &[]);
    assert!(
        seen.words("STS-06").contains("2 different digests"),
        "{}",
        seen.words("STS-06")
    );
}
