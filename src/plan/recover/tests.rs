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
    with(&Seen::of(&snapshot, &scene.policy))
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

/// A surge of `db` from three to four, its replicas back and its extra shard gone but for the claim.
fn surged() -> Scene {
    let mut scene = Scene::healthy(4);
    let mark = json!({"operation": "drain/shop/db/1", "by": "ada@laptop", "since": "2026-03-01T11:00:00Z",
        "until": "2026-03-01T11:30:00Z", "was": {"spec.replicas": 3}, "is": {"spec.replicas": 4}, "made": ["pvc/data-db-3"]});
    let annotations = json!({"metadata": {"annotations": {"shardctl.dev/mark": mark.to_string()}}});
    scene.merge(Resource::StatefulSets, "db", annotations);
    scene.merge(
        Resource::Claims,
        "data-db-3",
        json!({"metadata": {"creationTimestamp": "2026-03-01T11:00:05Z", "resourceVersion": "7"}}),
    );
    scene
}

#[test]
fn a_surge_is_taken_back_step_by_step_and_holds_up_nothing_else() {
    let mut scene = surged();
    scene.merge(Resource::Budgets, "db", mark("drain/shop/db/1", "2026-03-01T11:30:00Z"));
    let mut recover = recover(true);
    let Step::Act(first) = step(&scene, &recover) else {
        panic!("an act")
    };
    assert!(
        matches!(&first, Act::UndoMark { object, .. } if object == "pdb/db"),
        "{first:?}"
    );
    recover.acted(&first, &Acted::Undone { left: Vec::new() });
    assert_eq!(step(&scene, &recover), Step::Act(Act::ScaleBack));
    recover.acted(&Act::ScaleBack, &Acted::Done);
    scene.merge(Resource::StatefulSets, "db", json!({"spec": {"replicas": 3}}));
    let Step::Wait(wait) = step(&scene, &recover) else {
        panic!("a wait")
    };
    assert!(wait.words.contains("pod/db-3"), "{wait:?}");
    // Waited for in vain: the mark stays, and what is waited for is said.
    let late = now() + PATIENCE;
    let ended = judge(&scene, |seen| recover.next_step(seen, Wishes::default(), late));
    let Step::End { end, summary, findings } = ended else {
        panic!("an end")
    };
    assert_eq!(end, End::MarkLeft);
    assert!(summary.contains("pod/db-3, which the surge added"), "{summary}");
    assert!(!findings[0].remedy.is_empty(), "{findings:?}");

    scene.remove(Resource::Pods, "db-3");
    let Step::Act(removal) = step(&scene, &recover) else {
        panic!("an act")
    };
    assert!(
        matches!(&removal, Act::RemoveClaim { claim, .. } if claim == "data-db-3"),
        "{removal:?}"
    );
    recover.acted(&removal, &Acted::Done);
    scene.remove(Resource::Claims, "data-db-3");
    let Step::Act(last) = step(&scene, &recover) else {
        panic!("an act")
    };
    assert!(
        matches!(&last, Act::UndoMark { object, .. } if object == "statefulset/db"),
        "{last:?}"
    );
    recover.acted(&last, &Acted::Undone { left: Vec::new() });
    let Step::End { end, summary, .. } = step(&scene, &recover) else {
        panic!("an end")
    };
    assert_eq!(
        (end, summary.as_str()),
        (End::Done, "undone: pdb/db, pvc/data-db-3, statefulset/db")
    );
}

#[test]
fn a_surge_that_cannot_be_taken_back_keeps_its_mark() {
    let scene = surged();
    let mut recover = recover(false);
    judge(&scene, |seen| recover.about_to(&Act::ScaleBack, seen, now()));
    let failed = Finding::new(
        Severity::Error,
        "statefulset/db",
        "the server doesn't let us scale it back",
    );
    recover.acted(&Act::ScaleBack, &Acted::Failed(Box::new(failed)));
    let Step::End { end, findings, .. } = step(&scene, &recover) else {
        panic!("an end")
    };
    assert_eq!((end, findings.len()), (End::MarkLeft, 1));

    let mut blind = surged();
    blind.unreadable(Resource::Claims);
    let found = judge(&blind, |seen| find(seen, false, now()).unwrap());
    assert!(found.marks.is_empty() && found.stuck[0].evidence[0].contains("which claims it made"));
}

/// `node-1` silent and, with `taint`, declared off by this very operation.
fn lost(taint: bool) -> Scene {
    let mut scene = Scene::healthy(3);
    scene.edit(Resource::Nodes, "node-1", |node| {
        node["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown"}]);
        if taint {
            let written =
                json!({"key": "node.kubernetes.io/out-of-service", "value": "nodeshutdown", "effect": "NoExecute"});
            let path = "spec.taints.node.kubernetes.io/out-of-service";
            let mark = json!({"operation": "recover/shop/db/0", "by": "ada@laptop", "since": "2026-03-01T11:00:00Z",
                "until": "2026-03-01T13:00:00Z", "was": {path: null}, "is": {path: written}});
            node["metadata"]["annotations"] = json!({"shardctl.dev/mark": mark.to_string()});
            node["spec"]["taints"] = json!([written]);
        }
    });
    scene
}

#[test]
fn a_node_is_declared_off_awaited_and_the_taint_taken_away() {
    let mut recover = recover(false);
    recover.off = Some(Off {
        node: "node-1".to_owned(),
        shards: vec!["db-1".to_owned()],
        declared: false,
    });
    let declare = Act::DeclareOff {
        node: "node-1".to_owned(),
    };
    assert_eq!(step(&lost(false), &recover), Step::Act(declare.clone()));
    recover.acted(&declare, &Acted::Done);
    let mut scene = lost(true);
    let waits = |scene: &Scene, recover: &Recover, words: &str| {
        let next = step(scene, recover);
        assert!(
            matches!(&next, Step::Wait(wait) if wait.words.contains(words)),
            "{next:?}"
        );
    };
    waits(&scene, &recover, "db-1 is still on node-1");
    let stopped = judge(&scene, |seen| recover.next_step(seen, Wishes { stop: true }, now()));
    assert!(
        matches!(stopped, Step::End { end: End::MarkLeft, .. }),
        "this run's own mark is left: {stopped:?}"
    );
    scene.merge(Resource::Pods, "db-1", json!({"spec": {"nodeName": "node-2"}}));
    waits(&scene, &recover, "pv/pv-1 is attached");
    scene.set(Resource::VolumeAttachments, crate::model::read::Read::Got(Vec::new()));
    let Step::Act(undo) = step(&scene, &recover) else {
        panic!("an act")
    };
    assert!(
        matches!(&undo, Act::UndoMark { object, .. } if object == "node/node-1"),
        "{undo:?}"
    );
    recover.acted(&undo, &Acted::Undone { left: Vec::new() });
    let Step::End { end, summary, .. } = step(&scene, &recover) else {
        panic!("an end")
    };
    assert_eq!(
        (end, summary.as_str()),
        (End::Done, "moved off node node-1: db-1; undone: node/node-1")
    );
}

#[test]
fn what_is_still_to_be_let_go_keeps_the_taint_and_says_so() {
    let Step::End { end, findings, .. } = step(&lost(true), &recover(false)) else {
        panic!("an end")
    };
    assert_eq!(end, End::MarkLeft);
    assert!(findings[0].message.contains("pod/db-1 is still there"), "{findings:?}");
    let found = judge(&lost(true), |seen| find(seen, true, now()).unwrap());
    assert!(
        found.kept.is_empty() && !found.alone.is_empty(),
        "not past its time: {found:?}"
    );
}

#[test]
fn a_node_that_answers_by_then_is_not_declared_off() {
    let mut recover = recover(false);
    recover.off = Some(Off {
        node: "node-1".to_owned(),
        shards: Vec::new(),
        declared: false,
    });
    let declare = Act::DeclareOff {
        node: "node-1".to_owned(),
    };
    let refusal = crate::plan::safety::catalogue::NODE_ANSWERS.refuse("node/node-1", "it answers");
    recover.acted(&declare, &Acted::Refused(vec![refusal]));
    let Step::End { end, summary, .. } = step(&lost(false), &recover) else {
        panic!("an end")
    };
    assert_eq!(end, End::Refused);
    assert!(summary.contains("it answers"), "{summary}");
}
