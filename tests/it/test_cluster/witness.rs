//! The witness: what it says of shards is what happened to them.

use crate::cluster::witness::What;
use crate::cluster::{Plane, PlaneConfig, Scene, Witness, api, wait};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[test]
fn two_shards_deleted_at_once_are_both_down() {
    let scene = Scene::shards(3)
        .annotation("test.shardctl.dev/ready-after", "1s")
        .start();
    let witness = Witness::of(&scene);
    assert_eq!((witness.most_down_at_once(), witness.shard_seconds()), (0, 0.0));
    scene.delete::<Pod>("shard-2");
    scene.delete::<Pod>("shard-0");
    scene.wait_until("both are new and Ready", |scene| {
        scene.is_ready(0) && scene.is_ready(2) && (0..3).map(|shard| witness.restarts_of(shard)).eq([1, 0, 1])
    });

    assert_eq!(witness.most_down_at_once(), 2);
    assert_eq!(witness.deletions(), ["shard-2", "shard-0"]);
    assert_eq!(witness.gaps(), [Duration::ZERO]);
    let down = witness.shard_seconds();
    assert!(
        down >= 2.0,
        "each was down until it was Ready, a second after it ran: {down}"
    );
    let of_2 = |change: &crate::cluster::witness::Change| (change.pod == "shard-2").then_some(change.what);
    let happened: Vec<What> = witness.changes().iter().filter_map(of_2).collect();
    let first_and_last = [What::Deleting, What::Gone, What::Created, What::Ready];
    let expected = happened.iter().filter(|what| **what != What::NotReady);
    assert!(expected.eq(&first_and_last), "{happened:?}");
}

#[test]
fn shards_deleted_one_after_the_other_are_never_down_together() {
    let scene = Scene::shards(2).start();
    let witness = Witness::of(&scene);
    for ordinal in [1, 0] {
        let before = scene.uid(ordinal);
        scene.delete::<Pod>(&scene.pod_name(ordinal));
        scene.wait_until("the shard is new and Ready", |scene| {
            scene.is_ready(ordinal) && scene.uid(ordinal) != before
        });
    }
    assert_eq!(witness.most_down_at_once(), 1);
    assert_eq!(witness.deletions(), ["shard-1", "shard-0"]);
    let gaps = witness.gaps();
    assert!(gaps.len() == 1 && gaps[0] > Duration::ZERO, "{gaps:?}");
    let (down, again) = (witness.shard_seconds(), witness.shard_seconds());
    assert!(down > 0.0);
    assert_eq!(down, again, "nothing is down any more");
}

#[test]
fn a_shard_that_is_not_ready_is_down_and_one_that_vanishes_is_deleted() {
    let scene = Scene::shards(2).start();
    let witness = Witness::of(&scene);
    scene.make_unready(1);
    assert_eq!(witness.most_down_at_once(), 1, "seen as soon as it has been done");
    assert_eq!(witness.deletions().len(), 0);
    let down = witness.shard_seconds();
    assert!(witness.shard_seconds() > down, "it is down still");

    let path = format!("/api/v1/namespaces/{}/pods/shard-0", scene.namespace());
    let outright = json!({"gracePeriodSeconds": 0});
    let plane = scene.plane();
    plane
        .run(api::delete(plane.client(), &path, &outright))
        .expect("a deletion");
    assert_eq!(witness.most_down_at_once(), 2);
    assert_eq!(witness.deletions(), ["shard-0"]);
    let kinds: Vec<What> = witness.changes().iter().map(|change| change.what).collect();
    assert!(
        kinds.contains(&What::NotReady) && kinds.contains(&What::Gone),
        "{kinds:?}"
    );
}

#[test]
fn a_witness_whose_watch_broke_says_so_instead_of_too_little() {
    let plane = Plane::own_with(PlaneConfig {
        dns_replicas: 0,
        ..PlaneConfig::default()
    });
    let scene = Scene::shards(1).start_on(&plane);
    let witness = Witness::of(&scene);
    assert_eq!(witness.most_down_at_once(), 0);
    plane.kill("kube-apiserver");
    wait::wait_for("the witness notices", wait::DEADLINE, || {
        let panic = catch_unwind(AssertUnwindSafe(|| witness.most_down_at_once())).expect_err("no answer");
        let words = panic.downcast::<String>().map(|words| *words).unwrap_or_default();
        if words.contains("watch of") && words.contains("broke") {
            Ok(())
        } else {
            Err(words)
        }
    });
}
