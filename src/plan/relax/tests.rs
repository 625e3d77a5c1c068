//! One more, never two: the value for each form of a budget, and every reason not to write it.

use super::*;
use crate::model::resource::Resource;
use crate::plan::verify::testing::{NOW, Scene};

fn judged(scene: &Scene) -> Result<Room, Box<Blocked>> {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    room(&seen, "db-0", NOW.parse().unwrap())
}

/// Three shards under a budget of this form.
fn form(value: &Value) -> Scene {
    let mut scene = Scene::healthy(3);
    scene.merge(Resource::Budgets, "db", json!({"spec": {"minAvailable": null}}));
    scene.merge(Resource::Budgets, "db", json!({"spec": value}));
    scene
}

fn why(scene: &Scene) -> (Again, String) {
    let blocked = judged(scene).unwrap_err();
    (blocked.again, blocked.finding.message)
}

const LATER: Again = Again::After(ASK_AGAIN);

#[test]
fn each_form_is_opened_for_exactly_one() {
    for (spec, field, to) in [
        (json!({"minAvailable": 3}), "minAvailable", 2),
        (json!({"minAvailable": "100%"}), "minAvailable", 2),
        (json!({"minAvailable": "67%"}), "minAvailable", 2),
        (json!({"maxUnavailable": 0}), "maxUnavailable", 1),
        (json!({"maxUnavailable": "0%"}), "maxUnavailable", 1),
    ] {
        let scene = form(&spec);
        let Ok(Room::Closed(change)) = judged(&scene) else {
            panic!("{spec}");
        };
        let (is, from) = ((change.field, change.to, change.keeps), &change.from);
        assert_eq!((is, from), ((field, to, 2), &spec[field]), "{spec}");
        let mut opened = form(&json!({field: to}));
        assert_eq!(judged(&opened), Ok(Room::Open), "{spec}");
        opened.merge(Resource::Pods, "db-1", json!({"status": {"conditions": null}}));
        assert!(judged(&opened).is_err(), "a second shard doesn't go");
    }
    for open in [
        json!({"minAvailable": 2}),
        json!({"minAvailable": "66%"}),
        json!({"maxUnavailable": "1%"}),
    ] {
        assert_eq!(judged(&form(&open)), Ok(Room::Open), "{open}");
    }
    let mut scene = Scene::healthy(3);
    scene.remove(Resource::Budgets, "db");
    assert_eq!(judged(&scene), Ok(Room::Open));
}

#[test]
fn it_stays_closed_unless_every_shard_is_ready() {
    let mut scene = Scene::healthy(3);
    scene.merge(Resource::Pods, "db-2", json!({"status": {"conditions": null}}));
    let (again, words) = why(&scene);
    assert_eq!(again, LATER);
    assert!(words.contains("db-2 is not Ready"), "{words}");
    let mut scene = Scene::healthy(3);
    let leaving = json!({"deletionTimestamp": NOW, "deletionGracePeriodSeconds": 0});
    scene.merge(Resource::Pods, "db-1", json!({"metadata": leaving}));
    assert!(why(&scene).1.contains("db-1 is being deleted"), "Ready or not");
    let mut scene = Scene::healthy(3);
    scene.remove(Resource::Pods, "db-1");
    assert!(why(&scene).1.contains("db-1 has no pod"));
}

#[test]
fn it_stays_closed_where_how_many_it_lets_go_is_not_known() {
    let second =
        json!({"metadata": {"name": "old"}, "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "db"}}}});
    let mut scene = Scene::healthy(3);
    scene.add(Resource::Budgets, second);
    let (again, words) = why(&scene);
    assert_eq!(again, Again::Never);
    assert!(words.contains("pdb/db and pdb/old select the shards"), "{words}");

    let mut scene = Scene::healthy(3);
    scene.add(
        Resource::Pods,
        json!({"metadata": {"name": "web-1", "uid": "w", "labels": {"app": "db"}}}),
    );
    let (again, words) = why(&scene);
    assert_eq!(again, Again::Never);
    assert!(words.contains("its selector matches pod/web-1 as well"), "{words}");

    let status = |fields: Value| {
        let mut scene = Scene::healthy(3);
        scene.merge(Resource::Budgets, "db", json!({"status": fields}));
        why(&scene)
    };
    assert!(
        status(json!({"expectedPods": 4}))
            .1
            .contains("it counts 4 pods where there are 3 shards")
    );
    assert!(status(json!({"currentHealthy": 2})).1.contains("it counts 2 healthy"));
    assert!(
        status(json!({"observedGeneration": 0}))
            .1
            .contains("its status is behind its spec")
    );
    let (again, words) = status(json!({"disruptedPods": {"db-1": NOW}}));
    assert_eq!(again, LATER);
    assert!(words.contains("db-1 counts as evicted since"), "{words}");
    let mut scene = Scene::healthy(3);
    scene.unreadable(Resource::Budgets);
    assert_eq!(why(&scene).0, LATER);
}

#[test]
fn a_mark_that_is_there_already_is_not_written_over() {
    let mut scene = Scene::healthy(3);
    let mark = json!({"operation": "drain/shop/db/1", "by": "ada@laptop", "since": NOW, "until": NOW, "was": {}});
    let annotations = json!({"metadata": {"annotations": {MARK: mark.to_string()}}});
    scene.merge(Resource::Budgets, "db", annotations);
    let (again, words) = why(&scene);
    assert_eq!(again, Again::Never);
    assert!(
        words.contains("the mark of drain/shop/db/1, run by ada@laptop"),
        "{words}"
    );
}

fn change_of(spec: &Value) -> (PodDisruptionBudget, Change) {
    let Ok(Room::Closed(change)) = judged(&form(spec)) else {
        panic!("{spec}");
    };
    let budget = serde_json::from_value(json!({"metadata": {"name": "db"}, "spec": spec})).unwrap();
    (budget, change)
}

fn written(change: &Change) -> String {
    let (was, is) = change.was_and_is();
    json!({"operation": "drain/shop/db/1", "by": "ada@laptop", "since": NOW, "until": NOW, "was": was, "is": is})
        .to_string()
}

#[test]
fn value_and_mark_are_written_together_and_only_over_what_was_judged() {
    let (mut budget, change) = change_of(&json!({"minAvailable": "100%"}));
    let at = "/metadata/annotations/shardctl.dev~1mark";
    let rest = [
        json!({"op": "test", "path": at, "value": null}),
        json!({"op": "add", "path": at, "value": "M"}),
        json!({"op": "replace", "path": "/spec/minAvailable", "value": 2}),
    ];
    let patch = relax_patch(&budget, &change, "M");
    let patch = patch.as_array().unwrap();
    assert_eq!(
        patch[0],
        json!({"op": "test", "path": "/spec/minAvailable", "value": "100%"})
    );
    assert_eq!(patch[3..], rest);
    budget.metadata.annotations = Some([("a".to_owned(), "b".to_owned())].into());
    assert_eq!(relax_patch(&budget, &change, "M").as_array().unwrap()[1..], rest);
}

#[test]
fn what_is_put_back_is_what_it_was_and_only_where_it_is_ours() {
    for (spec, field) in [
        (json!({"minAvailable": "100%"}), "minAvailable"),
        (json!({"maxUnavailable": 0}), "maxUnavailable"),
    ] {
        let (_, change) = change_of(&spec);
        let mark = written(&change);
        let budget =
            |value: Value, mark: &str| json!({"metadata": {"annotations": {MARK: mark}}, "spec": {field: value}});
        let restore = restore_patch(&budget(change.to.into(), &mark), &mark).unwrap();
        assert_eq!(restore.theirs, None);
        let path = format!("/spec/{field}");
        let steps = restore.patch.as_array().unwrap();
        assert!(
            steps.contains(&json!({"op": "test", "path": path, "value": change.to})),
            "{steps:?}"
        );
        assert!(
            steps.contains(&json!({"op": "replace", "path": path, "value": spec[field]})),
            "{steps:?}"
        );
        assert!(steps.iter().all(|step| step["path"] != "/metadata/resourceVersion"));

        let theirs = restore_patch(&budget(json!(7), &mark), &mark).unwrap();
        assert!(
            theirs.theirs.is_some_and(|words| words.contains("somebody else's")),
            "their value stays"
        );
        assert_eq!(
            theirs.patch.as_array().map(Vec::len),
            Some(2),
            "the mark goes: {}",
            theirs.patch
        );
        assert_eq!(restore_patch(&budget(change.to.into(), "another"), &mark), None);
        assert_eq!(restore_patch(&json!({"metadata": {}, "spec": spec}), &mark), None);
    }
}

#[test]
fn a_budget_that_somebody_wrote_meanwhile_is_told_in_words() {
    let (_, change) = change_of(&json!({"minAvailable": 3}));
    let reverted = taken_away(&json!({"spec": {"minAvailable": 3}}), &change);
    assert!(reverted.evidence[0].contains("as it was before"), "{reverted:?}");
    assert!(reverted.remedy[0].contains("GitOps"), "{reverted:?}");
    let changed = taken_away(&json!({"spec": {"minAvailable": 1}}), &change);
    assert!(
        changed.evidence[0].contains("is 1; before this run it was 3"),
        "{changed:?}"
    );
    let other = taken_away(&json!({"spec": {"maxUnavailable": 1}}), &change);
    assert!(other.evidence[0].contains("has no minAvailable now"), "{other:?}");
}
