//! What a recovery finds and does next, over small snapshots.

use serde_json::{Value, json};

use super::*;
use crate::model::resource::Resource;
use crate::plan::verify::testing::{NOW, Scene};

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A mark on `spec.minAvailable`, 3 before and 2 by the run.
fn mark(operation: &str, until: &str) -> Value {
    let mark = json!({"operation": operation, "by": "ada@laptop", "since": "2026-03-01T11:00:00Z", "until": until,
        "was": {"spec.minAvailable": 3}, "is": {"spec.minAvailable": 2}});
    json!({"metadata": {"annotations": {"shardctl.dev/mark": mark.to_string()}}, "spec": {"minAvailable": 2}})
}

fn helper(name: &str, owner: &str, seconds: i64) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"), "labels": {"shardctl.dev/helper": "pre-pull"},
            "creationTimestamp": "2026-03-01T11:50:00Z",
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": owner}]},
        "spec": {"containers": [], "activeDeadlineSeconds": seconds},
    })
}

fn recover(expired: bool) -> Recover {
    Recover::new(expired, "recover/shop/db/1".to_owned(), Again::default(), now())
}

fn judge<T>(scene: &Scene, with: impl FnOnce(&Seen<'_>) -> T) -> T {
    let snapshot = scene.snapshot();
    with(&Seen {
        snapshot: &snapshot,
        policy: &scene.policy,
    })
}

fn step(scene: &Scene, recover: &Recover) -> Step {
    judge(scene, |seen| recover.next_step(seen, Wishes::default(), now()))
}

#[test]
fn one_thing_after_another_is_undone_and_none_twice() {
    let mut scene = Scene::healthy(3);
    scene.merge(Resource::Budgets, "db", mark("drain/shop/db/1", "2026-03-01T13:00:00Z"));
    scene.add(Resource::Pods, helper("helper", "uid-db", 600));
    let mut recover = recover(false);
    let Step::Act(first) = step(&scene, &recover) else {
        panic!("an act")
    };
    assert!(
        matches!(&first, Act::UndoMark { object, .. } if object == "pdb/db"),
        "{first:?}"
    );
    recover.acted(&first, &Acted::LookAgain);
    assert_eq!(
        step(&scene, &recover),
        Step::Act(first.clone()),
        "nothing is known of it"
    );
    recover.acted(&first, &Acted::Undone { left: Vec::new() });
    let Step::Act(second) = step(&scene, &recover) else {
        panic!("an act")
    };
    assert!(
        matches!(&second, Act::RemoveHelper { pod, .. } if pod == "helper"),
        "{second:?}"
    );
    recover.acted(&second, &Acted::Done);
    let Step::End { end, summary, .. } = step(&scene, &recover) else {
        panic!("an end")
    };
    assert_eq!((end, summary.as_str()), (End::Done, "undone: pdb/db, pod/helper"));
}

#[test]
fn what_cannot_be_taken_away_holds_up_nothing_else_and_is_told_at_the_end() {
    let mut scene = Scene::healthy(3);
    scene.merge(Resource::Budgets, "db", mark("drain/shop/db/1", "2026-03-01T13:00:00Z"));
    scene.merge(
        Resource::Nodes,
        "node-1",
        json!({"metadata": {"annotations": {"shardctl.dev/mark": "{torn"}}}),
    );
    scene.add(Resource::Pods, helper("helper", "uid-db", 600));
    let mut recover = recover(false);
    let Step::Act(first) = step(&scene, &recover) else {
        panic!("an act")
    };
    let failed = Finding::new(Severity::Error, "pdb/db", "the server doesn't let us");
    recover.acted(&first, &Acted::Failed(Box::new(failed)));
    let Step::Act(second) = step(&scene, &recover) else {
        panic!("an act")
    };
    recover.acted(&second, &Acted::Done);
    let Step::End { end, summary, findings } = step(&scene, &recover) else {
        panic!("an end")
    };
    assert_eq!(end, End::MarkLeft);
    assert_eq!(summary, "undone: pod/helper; 2 things of ours couldn't be taken away");
    let objects: Vec<&str> = findings.iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(objects, ["pdb/db", "node/node-1"]);
    assert!(
        findings[1]
            .remedy
            .iter()
            .any(|line| line.contains("annotate nodes node-1 shardctl.dev/mark-"))
    );
}

#[test]
fn with_expired_only_what_is_past_its_time_is_touched() {
    let mut scene = Scene::healthy(3);
    scene.merge(Resource::Budgets, "db", mark("drain/shop/db/1", "2026-03-01T12:00:01Z"));
    scene.add(Resource::Pods, helper("young", "uid-db", 601));
    let of = |scene: &Scene| judge(scene, |seen| find(seen, true, now()).unwrap());
    let found = of(&scene);
    assert!(found.is_nothing(true) && !found.alone.is_empty());
    scene.merge(Resource::Budgets, "db", mark("drain/shop/db/1", "2026-03-01T11:59:59Z"));
    scene.add(Resource::Pods, helper("old", "uid-db", 599));
    let found = of(&scene);
    assert_eq!(found.marks.len(), 1);
    assert_eq!(
        found
            .helpers
            .iter()
            .map(|helper| helper.name.as_str())
            .collect::<Vec<_>>(),
        ["old"]
    );
}

#[test]
fn what_is_about_another_set_is_left_with_the_command_for_it() {
    let mut scene = Scene::healthy(3);
    scene.merge(
        Resource::Nodes,
        "node-0",
        mark("upgrade/shop/other/1", "2026-03-01T11:00:00Z"),
    );
    scene.add(Resource::Pods, helper("theirs", "uid-other", 1));
    let found = judge(&scene, |seen| find(seen, false, now()).unwrap());
    assert!(found.is_nothing(false));
    let objects: Vec<&str> = found.alone.iter().map(|finding| finding.object.as_str()).collect();
    assert_eq!(objects, ["node/node-0", "pod/theirs"]);
    assert_eq!(
        found.alone[0].remedy,
        ["$ shardctl recover -n shop --statefulset other"]
    );
}

#[test]
fn a_kind_that_cannot_be_read_leaves_it_unknown_whether_all_is_well() {
    let mut scene = Scene::healthy(3);
    scene.set(
        Resource::Nodes,
        crate::model::read::Read::Unreadable("bob may not list nodes".to_owned()),
    );
    let Step::End { end, summary, findings } = step(&scene, &recover(false)) else {
        panic!("an end")
    };
    assert_eq!(end, End::Unjudged);
    assert!(summary.contains("isn't known"), "{summary}");
    assert!(findings[0].message.contains("bob may not list nodes"));
}

#[test]
fn an_interrupted_recovery_says_how_much_is_left() {
    let mut scene = Scene::healthy(3);
    scene.merge(Resource::Budgets, "db", mark("drain/shop/db/1", "2026-03-01T13:00:00Z"));
    let stopped = judge(&scene, |seen| {
        recover(false).next_step(seen, Wishes { stop: true }, now())
    });
    let Step::End { end, summary, .. } = stopped else {
        panic!("an end")
    };
    assert_eq!(
        (end, summary.as_str()),
        (End::Interrupted, "interrupted: 0 undone, 1 left")
    );
}
