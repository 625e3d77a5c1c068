//! How far an upgrade is, judged from made-up looks.

use serde_json::{Value, json};

use super::*;
use crate::model::journal::JOURNAL;
use crate::model::resource::Resource;
use crate::plan::verify::testing::Scene;

fn again() -> Again {
    Again {
        same: "S upgrade".to_owned(),
        after_undo: String::new(),
        resume: "S upgrade".to_owned(),
        undo: "S upgrade undo".to_owned(),
        status: "S upgrade status".to_owned(),
    }
}

fn judged(scene: &Scene) -> Progress {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    status(&seen, &again())
}

/// Three shards whose set has the template `db-2`, which these have.
fn moved(ordinals: &[usize]) -> Scene {
    let mut scene = Scene::healthy(3);
    scene.merge(
        Resource::StatefulSets,
        "db",
        // currentRevision lies, as it may under OnDelete.
        json!({"status": {"updateRevision": "db-2", "currentRevision": "db-2"}}),
    );
    for ordinal in ordinals {
        scene.merge(
            Resource::Pods,
            &format!("db-{ordinal}"),
            json!({"metadata": {"labels": {"controller-revision-hash": "db-2"}}}),
        );
    }
    scene
}

fn with_journal(mut scene: Scene, rest: Value) -> Scene {
    let mut journal = json!({
        "run": "upgrade/shop/db/4f2a", "by": "anna@laptop", "at": "2026-03-01T11:58:00Z",
        "what": "image of db: 1.0 → 2.0", "from": "db-1", "previous": {},
    });
    crate::plan::verify::testing::merge(&mut journal, &rest);
    let written = json!({"metadata": {"annotations": {JOURNAL: journal.to_string()}}});
    scene.merge(Resource::StatefulSets, "db", written);
    scene
}

fn lease(scene: &mut Scene, renewed: &str) {
    scene.add(
        Resource::Leases,
        json!({
            "metadata": {"name": "shardctl-db", "annotations": {"shardctl.dev/run": "upgrade/shop/db/4f2a"}},
            "spec": {"holderIdentity": "anna@laptop", "renewTime": renewed, "leaseDurationSeconds": 30},
        }),
    );
}

#[test]
fn complete_is_every_shard_ready_with_the_template() {
    let progress = judged(&with_journal(
        moved(&[0, 1, 2]),
        json!({"finished": "2026-03-01T11:59:00Z"}),
    ));
    assert_eq!((progress.conclusion, progress.done), (Conclusion::Complete, 3));
    assert_eq!(
        progress.summary,
        "complete: all 3 shards are Ready with the set's template"
    );
    assert_eq!(progress.how_to_resume, ["nothing to go on with"]);
    assert_eq!(progress.how_to_undo, ["$ S upgrade undo"]);
    let order: Vec<&str> = progress.shards.iter().map(|shard| shard.name.as_str()).collect();
    assert_eq!(order, ["db-2", "db-1", "db-0"]);
}

#[test]
fn a_run_that_was_killed_is_unfinished_whatever_the_current_revision_says() {
    let mut scene = with_journal(moved(&[2]), json!({}));
    lease(&mut scene, "2026-03-01T11:50:00.000000Z");
    scene.add(
        Resource::Pods,
        json!({"metadata": {"name": "helper", "labels": {"shardctl.dev/helper": "pre-pull"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "uid-db"}]}}),
    );
    let progress = judged(&scene);
    assert_eq!((progress.conclusion, progress.done), (Conclusion::Unfinished, 1));
    assert_eq!(
        progress.summary,
        "1 of 3 shards Ready with the set's template, 2 still to move"
    );
    assert_eq!(progress.helpers, ["helper"]);
    assert!(matches!(&progress.lock, Lock::Held { holder, looks_alive: false, .. } if holder == "anna@laptop"));
    assert_eq!(progress.how_to_resume, ["$ S upgrade"]);
    assert_eq!(progress.last_change.unwrap().finished, None);
}

#[test]
fn while_an_operation_is_at_it_nobody_is_told_to_start_another() {
    let mut scene = with_journal(moved(&[2]), json!({}));
    lease(&mut scene, "2026-03-01T11:59:50.000000Z");
    let progress = judged(&scene);
    assert!(matches!(progress.lock, Lock::Held { looks_alive: true, .. }));
    assert!(progress.how_to_resume[0].starts_with("an operation is at it"));
}

#[test]
fn a_template_that_the_controller_hasnt_seen_is_never_complete() {
    let mut scene = moved(&[0, 1, 2]);
    scene.merge(Resource::StatefulSets, "db", json!({"metadata": {"generation": 2}}));
    let progress = judged(&scene);
    assert_eq!(progress.conclusion, Conclusion::Unfinished);
    assert!(
        progress
            .summary
            .starts_with("the controller hasn't seen the set's template yet")
    );
    assert!(progress.shards.iter().all(|shard| shard.current.is_none()));
    assert_eq!(progress.template.unwrap().revision, None);
}

#[test]
fn a_shard_that_crashes_is_stuck_and_one_that_starts_isnt() {
    let unready = json!([{"type": "Ready", "status": "False", "lastTransitionTime": "2026-03-01T11:59:00Z"}]);
    let mut scene = with_journal(moved(&[2]), json!({}));
    scene.edit(Resource::Pods, "db-2", |pod| {
        pod["status"]["conditions"] = unready;
        pod["status"]["containerStatuses"][0]["ready"] = json!(false);
    });
    let progress = judged(&scene);
    assert_eq!(progress.conclusion, Conclusion::Unfinished, "{}", progress.summary);
    assert!(progress.shards[0].why.is_some());
    scene.edit(Resource::Pods, "db-2", |pod| {
        pod["status"]["containerStatuses"][0]["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    });
    let progress = judged(&scene);
    assert_eq!(progress.conclusion, Conclusion::Stuck);
    assert!(progress.shards[0].why.as_ref().unwrap().contains("CrashLoopBackOff"));
    assert_eq!(progress.findings[0].object, "pod/db-2");
    assert!(
        progress
            .summary
            .ends_with("2 still to move, 1 down, and that won't pass by itself")
    );
}

#[test]
fn a_shard_that_terminates_past_its_grace_period_is_stuck_one_within_it_isnt() {
    let deleted = |at: &str| json!({"metadata": {"deletionTimestamp": at, "deletionGracePeriodSeconds": 60}});
    let mut scene = moved(&[2]);
    scene.merge(Resource::Pods, "db-1", deleted("2026-03-01T12:00:30Z"));
    assert_eq!(judged(&scene).conclusion, Conclusion::Unfinished);
    scene.merge(Resource::Pods, "db-1", deleted("2026-03-01T11:59:00Z"));
    let progress = judged(&scene);
    assert_eq!(progress.conclusion, Conclusion::Stuck);
    assert!(progress.findings[0].message.contains("past its grace period"));
}

#[test]
fn ready_for_less_than_min_ready_seconds_isnt_complete() {
    let mut scene = moved(&[0, 1, 2]);
    scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"spec": {"minReadySeconds": 100_000}}),
    );
    let progress = judged(&scene);
    assert_eq!((progress.conclusion, progress.done), (Conclusion::Unfinished, 0));
    assert_eq!(progress.shards[0].why.as_deref(), Some("Ready for 1d of 1d 3h"));
    assert_eq!(
        progress.summary,
        "0 of 3 shards Ready with the set's template, 3 not Ready for long enough"
    );
}

#[test]
fn after_an_undo_the_way_back_is_a_revision_by_its_name() {
    let progress = judged(&with_journal(moved(&[0, 1]), json!({"undo": true, "from": "db-9"})));
    assert_eq!(progress.conclusion, Conclusion::Unfinished);
    assert_eq!(
        progress.how_to_undo.last().unwrap(),
        "$ S upgrade undo --to-revision db-9"
    );
}

#[test]
fn without_a_journal_the_other_shards_revision_is_named_where_it_is_kept() {
    let mut scene = moved(&[2]);
    let progress = judged(&scene);
    assert_eq!(progress.last_change, None);
    assert_eq!(
        progress.how_to_undo.last().unwrap(),
        "$ S upgrade undo --to-revision NAME"
    );
    scene.add(
        Resource::ControllerRevisions,
        json!({"metadata": {"name": "db-1"}, "revision": 1}),
    );
    assert_eq!(
        judged(&scene).how_to_undo.last().unwrap(),
        "$ S upgrade undo --to-revision db-1"
    );
}

#[test]
fn what_cant_be_read_is_said_and_never_complete() {
    let mut scene = moved(&[0, 1, 2]);
    scene.unreadable(Resource::Leases);
    let progress = judged(&scene);
    assert_eq!(progress.conclusion, Conclusion::Complete);
    assert!(matches!(progress.lock, Lock::Unknown { .. }));
    scene.unreadable(Resource::Pods);
    let progress = judged(&scene);
    assert_eq!(progress.conclusion, Conclusion::Unknown);
    assert!(progress.summary.contains("may not list"));
}
