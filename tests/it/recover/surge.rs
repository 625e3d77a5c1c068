//! What a surge that was cut off left is taken back: the replicas, the extra shard, the claim that it made and no other.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{PersistentVolumeClaim, Pod};
use serde_json::{Value, json};

use super::{mark, marked, ours, recovered, recovered_with};
use crate::cluster::Scene;
use crate::upgrade::rights::printed_rules;

/// Scales the set to four with the mark that a drain writes into the same patch, and waits until the extra shard is Ready.
fn surge(scene: &Scene<'_>, lasts: i64) {
    let (was, is) = (json!({"spec.replicas": 3}), json!({"spec.replicas": 4}));
    let mut written: Value = serde_json::from_str(&mark(scene, lasts, was, is)).expect("a mark");
    written["since"] = json!(jiff::Timestamp::now());
    written["made"] = json!(["pvc/data-shard-3"]);
    let mut patch = marked(&written.to_string());
    patch["spec"] = json!({"replicas": 4});
    scene.patch::<StatefulSet>(scene.name(), patch);
    scene.wait_until("the extra shard is Ready", |scene| {
        scene.find::<Pod>("shard-3").is_some() && scene.is_ready(3)
    });
}

fn stands(scene: &Scene<'_>) -> (Option<i32>, bool, Vec<String>) {
    let set = scene.set();
    let marked = !ours(set.metadata.annotations.as_ref()).is_empty();
    let mut claims: Vec<String> = scene
        .list::<PersistentVolumeClaim>("")
        .into_iter()
        .filter_map(|claim| claim.metadata.name)
        .collect();
    claims.sort();
    (set.spec.and_then(|spec| spec.replicas), marked, claims)
}

fn as_before() -> (Option<i32>, bool, Vec<String>) {
    let claims = ["data-shard-0", "data-shard-1", "data-shard-2"];
    (Some(3), false, claims.map(str::to_owned).to_vec())
}

#[test]
fn replicas_shard_and_claim_go_and_all_is_as_before_with_the_rights_that_rbac_prints() {
    let scene = Scene::shards(3).start();
    let printed = printed_rules(&crate::bad_days::run(scene.shardctl(["rbac", "--for", "recover"])).stdout);
    let user = scene.limited_user_with(printed.0, printed.1);
    let before: Vec<Option<String>> = (0..3).map(|ordinal| scene.pod(ordinal).metadata.uid).collect();
    surge(&scene, 600);
    // Not past its time.
    recovered(&scene, &["--expired"]).says(0, &["which isn't past"]);
    assert_eq!(stands(&scene).0, Some(4));
    let page = crate::bad_days::run(scene.shardctl(["recover", "--dry-run=server"]));
    page.says(0, &["spec.replicas: 4 → 3", "pvc/data-shard-3"]);
    recovered_with(&scene, &user, &[]).says(0, &["undone: pvc/data-shard-3, statefulset/shard"]);
    assert_eq!(stands(&scene), as_before());
    assert!(scene.find::<Pod>("shard-3").is_none());
    let after: Vec<Option<String>> = (0..3).map(|ordinal| scene.pod(ordinal).metadata.uid).collect();
    assert_eq!(before, after);

    surge(&scene, -5);
    recovered(&scene, &["--expired"]).says(0, &["undone: pvc/data-shard-3, statefulset/shard"]);
    assert_eq!(stands(&scene), as_before());
}

#[test]
fn under_ordered_ready_it_waits_for_every_shard_and_says_which_is_missing() {
    let scene = Scene::shards(3)
        .stateful_set(json!({"spec": {"podManagementPolicy": "OrderedReady"}}))
        .start();
    surge(&scene, 600);
    scene.make_unready(1);
    scene.wait_until("shard 1 isn't Ready", |scene| !scene.is_ready(1));
    recovered(&scene, &["--timeout", "2s"]).says(
        5,
        &[
            "waited 2s in vain",
            "takes pod/shard-3 away",
            "only once every shard is Ready (OrderedReady): shard-1 isn't",
            "shardctl events shard-1",
        ],
    );
    let (replicas, marked, claims) = stands(&scene);
    assert_eq!((replicas, marked, claims.len()), (Some(3), true, 4));
    scene.patch::<Pod>(
        "shard-1",
        json!({"metadata": {"annotations": {"test.shardctl.dev/behaviour": null}}}),
    );
    recovered(&scene, &[]).says(0, &["undone: pvc/data-shard-3, statefulset/shard"]);
    assert_eq!(stands(&scene), as_before());
}

#[test]
fn a_claim_that_somebody_uses_and_a_set_that_somebody_scaled_are_left_and_told() {
    let scene = Scene::shards(3).start();
    surge(&scene, 600);
    scene.apply(json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "copy"},
        "spec": {"containers": [{"name": "one", "image": "registry.example/copy:1.0"}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-shard-3"}}]}}));
    recovered(&scene, &[]).says(5, &["pod/copy uses it", "couldn't be taken away"]);
    assert_eq!(stands(&scene).2.len(), 4, "the claim stays");
    scene.delete::<Pod>("copy");
    scene.wait_until("the pod is gone", |scene| scene.find::<Pod>("copy").is_none());
    recovered(&scene, &[]).says(0, &["undone: pvc/data-shard-3, statefulset/shard"]);
    assert_eq!(stands(&scene), as_before());

    surge(&scene, 600);
    scene.patch::<StatefulSet>(scene.name(), json!({"spec": {"replicas": 5}}));
    scene.wait_until("a fifth shard is Ready", |scene| {
        scene.find::<Pod>("shard-4").is_some() && scene.is_ready(4)
    });
    recovered(&scene, &[]).says(
        0,
        &[
            "spec.replicas is 5 by now",
            "pvc/data-shard-3: named by drain/",
            "scaled by somebody since",
        ],
    );
    let (replicas, marked, claims) = stands(&scene);
    assert_eq!((replicas, marked, claims.len()), (Some(5), false, 5));
}

#[test]
fn placeholders_are_helpers_that_go_as_well() {
    let scene = Scene::shards(3).start();
    let uid = scene.set().metadata.uid;
    scene.apply(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "room", "labels": {"shardctl.dev/helper": "placeholder"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": scene.name(), "uid": uid}]},
        "spec": {"terminationGracePeriodSeconds": 0, "activeDeadlineSeconds": 600,
            "containers": [{"name": "hold", "image": "registry.example/pause:1.0"}]}}));
    recovered(&scene, &[]).says(0, &["a helper pod (placeholder)", "undone: pod/room"]);
    assert!(scene.find::<Pod>("room").is_none());
}
