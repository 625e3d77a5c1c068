//! What is taken back of a surge, step by step, over small snapshots.

use serde_json::{Value, json};

use super::*;
use crate::model::read::Read;
use crate::model::resource::Resource;
use crate::plan::verify::testing::Scene;

fn written() -> String {
    json!({"operation": "drain/shop/db/1", "by": "ada@laptop", "since": "2026-03-01T11:00:00.4Z", "until": "2026-03-01T13:00:00Z",
        "was": {"spec.replicas": 3}, "is": {"spec.replicas": 4}, "made": ["pvc/data-db-3"]})
    .to_string()
}

/// A set of three that was surged to four: shard 3 with its claim is there.
fn surged() -> Scene {
    let mut scene = Scene::healthy(4);
    scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"metadata": {"annotations": {"shardctl.dev/mark": written()}}}),
    );
    scene.merge(
        Resource::Claims,
        "data-db-3",
        json!({"metadata": {"creationTimestamp": "2026-03-01T11:00:00Z", "resourceVersion": "77"}}),
    );
    scene
}

fn scaled_back() -> Scene {
    let mut scene = surged();
    scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 3}}));
    scene
}

fn gone() -> Scene {
    let mut scene = scaled_back();
    scene.remove(Resource::Pods, "db-3");
    scene
}

fn judged(scene: &Scene) -> (Next, Vec<String>) {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let (mark, _) = of(&seen).expect("a mark");
    let told = left(&seen, &mark).into_iter().map(|finding| finding.message);
    (next(&seen, &mark, &written()).expect("a step"), told.collect())
}

fn waits(scene: &Scene) -> String {
    match judged(scene).0 {
        Next::Wait { words, remedy } if !remedy.is_empty() => words,
        other => panic!("a wait: {other:?}"),
    }
}

fn undoes(scene: &Scene) -> Vec<String> {
    let (next, told) = judged(scene);
    assert!(
        matches!(&next, Next::Act(Act::UndoMark { object, .. }) if object == "statefulset/db"),
        "{next:?}"
    );
    told
}

#[test]
fn the_replicas_go_first_then_the_shard_then_its_claim_and_the_mark_last() {
    assert_eq!(judged(&surged()).0, Next::Act(Act::ScaleBack));
    assert!(waits(&scaled_back()).contains("pod/db-3, which the surge added, is to be taken away"));
    let mut stopping = scaled_back();
    let deleted = json!({"metadata": {"deletionTimestamp": "2026-03-01T12:00:00Z"}});
    stopping.merge(Resource::Pods, "db-3", deleted.clone());
    assert!(waits(&stopping).contains("is stopping"));
    let removal = Act::RemoveClaim {
        claim: "data-db-3".to_owned(),
        uid: "uid-claim-3".to_owned(),
        resource_version: "77".to_owned(),
    };
    assert_eq!(judged(&gone()), (Next::Act(removal), Vec::new()));
    let mut going = gone();
    going.merge(Resource::Claims, "data-db-3", deleted);
    assert!(waits(&going).contains("pvc/data-db-3 is being deleted"));
    going.remove(Resource::Claims, "data-db-3");
    assert_eq!(undoes(&going), Vec::<String>::new());
    going.merge(
        Resource::StatefulSets,
        "db",
        json!({"metadata": {"annotations": {"shardctl.dev/mark": "another"}}}),
    );
    let snapshot = going.snapshot();
    let seen = Seen::of(&snapshot, &going.policy);
    let mark: Mark = serde_json::from_str(&written()).expect("a mark");
    assert_eq!(next(&seen, &mark, &written()), Ok(Next::Over));
}

#[test]
fn right_before_it_goes_a_claim_is_judged_by_the_set_as_it_is_then_and_by_every_pod() {
    let judge = |scene: &Scene, name: &str| {
        let snapshot = scene.snapshot();
        let seen = Seen::of(&snapshot, &scene.policy);
        let claims = snapshot.claims.got().expect("claims");
        let claim = claims.iter().find(|claim| claim.metadata.name.as_deref() == Some(name));
        may_go(&seen, claim.expect("the claim")).err().unwrap_or_default()
    };
    assert_eq!(judge(&gone(), "data-db-3"), "");
    assert!(judge(&gone(), "data-db-2").contains("no mark"));
    assert!(judge(&surged(), "data-db-3").contains("4 replicas"), "it may be in use");
    assert!(judge(&scaled_back(), "data-db-3").contains("pod/db-3 uses it"));
    let mut unmarked = gone();
    let mark = json!({"metadata": {"annotations": {"shardctl.dev/mark": null}}});
    unmarked.merge(Resource::StatefulSets, "db", mark);
    assert!(judge(&unmarked, "data-db-3").contains("no mark"));
    let mut old = gone();
    let before = json!({"metadata": {"creationTimestamp": "2026-03-01T10:59:00Z"}});
    old.merge(Resource::Claims, "data-db-3", before);
    assert!(judge(&old, "data-db-3").contains("before the surge began"));
}

#[test]
fn under_ordered_ready_a_shard_that_is_down_holds_it_up_and_is_named() {
    let mut scene = scaled_back();
    let ordered = json!({"spec": {"podManagementPolicy": "OrderedReady"}});
    scene.merge(Resource::StatefulSets, "db", ordered);
    assert!(waits(&scene).contains("is to be taken away"));
    scene.edit(Resource::Pods, "db-1", |pod| {
        pod["status"]["conditions"][2]["status"] = json!("False");
    });
    assert!(waits(&scene).contains("only once every shard is Ready (OrderedReady): db-1 isn't"));
}

#[test]
fn a_claim_that_is_older_or_used_or_no_extra_shards_is_left_and_told() {
    let mut older = gone();
    older.merge(
        Resource::Claims,
        "data-db-3",
        json!({"metadata": {"creationTimestamp": "2026-03-01T10:59:50Z"}}),
    );
    assert!(undoes(&older)[0].contains("before the surge began"));

    let mut used = gone();
    used.add(
        Resource::Pods,
        json!({"metadata": {"name": "copy", "namespace": "shop", "uid": "uid-copy"}, "spec": {"containers": [],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-3"}}]}}),
    );
    assert!(undoes(&used)[0].contains("pod/copy uses it"));

    // Another's claim, written into the mark.
    let mut forged = gone();
    forged.remove(Resource::Claims, "data-db-3");
    let elsewhere = written().replace("data-db-3", "data-db-0");
    forged.merge(
        Resource::StatefulSets,
        "db",
        json!({"metadata": {"annotations": {"shardctl.dev/mark": elsewhere}}}),
    );
    let snapshot = forged.snapshot();
    let seen = Seen::of(&snapshot, &forged.policy);
    let (mark, text) = of(&seen).expect("a mark");
    let step = next(&seen, &mark, text);
    assert!(matches!(step, Ok(Next::Act(Act::UndoMark { .. }))), "{step:?}");
    assert!(
        left(&seen, &mark)[0]
            .message
            .contains("isn't the claim of a shard that the surge added")
    );
}

#[test]
fn where_somebody_scaled_the_set_since_nothing_but_the_mark_goes() {
    let mut scene = surged();
    scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 5}}));
    assert!(undoes(&scene)[0].contains("scaled by somebody since"));
}

#[test]
fn what_cannot_be_seen_is_not_guessed() {
    let mut scene = gone();
    scene.set(Resource::Claims, Read::<Vec<Value>>::Unreadable("no".to_owned()));
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let (mark, text) = of(&seen).expect("a mark");
    assert!(next(&seen, &mark, text).is_err());
}
