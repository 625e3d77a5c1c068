//! Courses of a shard, moment by moment.

use super::*;
use crate::model::resource::Resource;
use crate::plan::verify::testing::{NOW, Scene};
use serde_json::{Value, json};

/// A moment so many milliseconds after the scenes' own.
fn at(milliseconds: i64) -> Timestamp {
    NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_millis(milliseconds)
}

fn watch(course: &mut Course, scene: &Scene, milliseconds: i64) {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    course.observe(&seen, at(milliseconds)).unwrap();
}

fn begin(scene: &Scene, min_ready: i64) -> Course {
    let snapshot = scene.snapshot();
    let pods = snapshot.pods.got().unwrap();
    let old = pods.iter().find(|pod| pod::name(pod) == "db-1").unwrap();
    Course::begun(1, old, SignedDuration::from_secs(min_ready), at(0))
}

/// The new pod of shard 1.
fn come(scene: &mut Scene, uid: &str, node: Option<&str>) {
    scene.add(
        Resource::Pods,
        json!({
            "metadata": {"name": "db-1", "uid": uid, "labels": {"app": "db"}, "creationTimestamp": NOW},
            "spec": {"containers": [], "nodeName": node}, "status": {"phase": "Pending"},
        }),
    );
}

fn edit(scene: &mut Scene, patch: Value) {
    scene.merge(Resource::Pods, "db-1", patch);
}

fn run(scene: &mut Scene) {
    let status =
        json!({"name": "db", "image": "", "imageID": "", "ready": false, "restartCount": 0, "state": {"running": {}}});
    edit(scene, json!({"status": {"containerStatuses": [status]}}));
}

fn ready(scene: &mut Scene, status: &str) {
    edit(
        scene,
        json!({"status": {"conditions": [{"type": "Ready", "status": status}]}}),
    );
}

fn attach(scene: &mut Scene, node: &str, attached: bool) {
    scene.edit(Resource::VolumeAttachments, "va-1", |one| {
        one["spec"]["nodeName"] = json!(node);
        one["status"]["attached"] = json!(attached);
    });
}

fn told(course: &Course, now: i64) -> Vec<(&'static str, f64)> {
    let phases = course.phases(at(now));
    phases
        .iter()
        .map(|lasted| (lasted.phase.word(), lasted.seconds))
        .collect()
}

#[test]
fn a_shard_that_moves_goes_through_every_phase() {
    let mut scene = Scene::healthy(2);
    let mut course = begin(&scene, 1);
    watch(&mut course, &scene, 1_000);
    assert_eq!(told(&course, 1_500), [("terminate", 1.5)]);
    scene.remove(Resource::Pods, "db-1");
    watch(&mut course, &scene, 2_000);
    come(&mut scene, "new", None);
    watch(&mut course, &scene, 2_010);
    scene.remove(Resource::VolumeAttachments, "va-1");
    watch(&mut course, &scene, 2_500);
    edit(&mut scene, json!({"spec": {"nodeName": "node-0"}}));
    watch(&mut course, &scene, 3_250);
    scene.add(
        Resource::VolumeAttachments,
        json!({"metadata": {"name": "va-1"}, "spec": {"attacher": "x", "nodeName": "node-0", "source": {
            "persistentVolumeName": "pv-1"}}, "status": {"attached": false}}),
    );
    watch(&mut course, &scene, 3_500);
    attach(&mut scene, "node-0", true);
    watch(&mut course, &scene, 5_250);
    run(&mut scene);
    watch(&mut course, &scene, 6_000);
    ready(&mut scene, "True");
    watch(&mut course, &scene, 8_000);
    assert_eq!(course.done_at(), Some(at(9_000)));
    assert!(!course.is_done(at(8_999)) && course.is_done(at(9_000)));
    assert_eq!(
        told(&course, 60_000),
        [
            ("terminate", 2.0),
            ("detach", 0.5),
            ("schedule", 0.75),
            ("attach", 2.0),
            ("pull", 0.75),
            ("start", 3.0),
        ]
    );
    // It was down until it was Ready; having to prove itself isn't being down.
    assert!((course.down_seconds(at(60_000)) - 8.0).abs() < 1e-9);
}

#[test]
fn a_shard_that_comes_back_to_its_node_has_nothing_to_detach() {
    let mut scene = Scene::healthy(2);
    let mut course = begin(&scene, 0);
    scene.remove(Resource::Pods, "db-1");
    watch(&mut course, &scene, 1_000);
    come(&mut scene, "new", Some("node-1"));
    watch(&mut course, &scene, 1_250);
    run(&mut scene);
    ready(&mut scene, "True");
    watch(&mut course, &scene, 2_250);
    assert!(course.is_done(at(2_250)));
    assert_eq!(
        told(&course, 9_000),
        [
            ("terminate", 1.0),
            ("detach", 0.0),
            ("schedule", 0.25),
            ("attach", 0.0),
            ("pull", 1.0),
            ("start", 0.0)
        ]
    );
}

#[test]
fn a_node_that_is_found_while_the_disk_is_elsewhere_costs_nothing_of_its_own() {
    let mut scene = Scene::healthy(2);
    let mut course = begin(&scene, 0);
    scene.remove(Resource::Pods, "db-1");
    come(&mut scene, "new", Some("node-0"));
    watch(&mut course, &scene, 1_000);
    watch(&mut course, &scene, 4_000);
    assert_eq!(told(&course, 4_000), [("terminate", 1.0), ("detach", 3.0)]);
    attach(&mut scene, "node-0", true);
    watch(&mut course, &scene, 5_000);
    assert_eq!(
        told(&course, 6_000)[1..4],
        [("detach", 4.0), ("schedule", 0.0), ("attach", 0.0)]
    );
}

#[test]
fn a_pod_that_is_made_again_is_followed_from_its_own_beginning() {
    let mut scene = Scene::healthy(2);
    let mut course = begin(&scene, 0);
    scene.remove(Resource::Pods, "db-1");
    come(&mut scene, "first", Some("node-1"));
    run(&mut scene);
    watch(&mut course, &scene, 1_000);
    scene.remove(Resource::Pods, "db-1");
    come(&mut scene, "second", Some("node-1"));
    watch(&mut course, &scene, 3_000);
    assert_eq!(
        told(&course, 4_000),
        [
            ("terminate", 1.0),
            ("detach", 0.0),
            ("schedule", 2.0),
            ("attach", 0.0),
            ("pull", 1.0)
        ]
    );
    assert!((course.down_seconds(at(4_000)) - 4.0).abs() < 1e-9);
}

#[test]
fn a_shard_that_falls_back_is_down_again() {
    let mut scene = Scene::healthy(2);
    let mut course = begin(&scene, 30);
    scene.remove(Resource::Pods, "db-1");
    come(&mut scene, "new", Some("node-1"));
    run(&mut scene);
    ready(&mut scene, "True");
    watch(&mut course, &scene, 2_000);
    ready(&mut scene, "False");
    watch(&mut course, &scene, 12_000);
    assert_eq!(course.ready_since(), None);
    ready(&mut scene, "True");
    watch(&mut course, &scene, 15_000);
    assert_eq!(course.done_at(), Some(at(45_000)));
    assert!((course.down_seconds(at(45_000)) - 5.0).abs() < 1e-9);
}

#[test]
fn the_old_pods_readiness_is_not_the_shards() {
    // One that won't stop stays Ready all the while.
    let scene = Scene::healthy(2);
    let mut course = begin(&scene, 0);
    watch(&mut course, &scene, 5_000);
    assert_eq!(course.ready_since(), None);
    assert!((course.down_seconds(at(5_000)) - 5.0).abs() < 1e-9);
}

#[test]
fn a_shard_without_disks_has_no_phases_of_disks() {
    let mut scene = Scene::healthy(2);
    scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"spec": {"volumeClaimTemplates": null}}),
    );
    let mut course = begin(&scene, 0);
    scene.remove(Resource::Pods, "db-1");
    come(&mut scene, "new", Some("node-0"));
    watch(&mut course, &scene, 1_000);
    assert_eq!(
        told(&course, 2_000),
        [("terminate", 1.0), ("schedule", 0.0), ("pull", 1.0)]
    );
}

#[test]
fn a_later_run_takes_what_it_did_not_see_from_the_pod_and_counts_from_its_own_first_sight() {
    let mut scene = Scene::healthy(2);
    edit(
        &mut scene,
        json!({
            "metadata": {"creationTimestamp": "2026-03-01T11:59:50Z"},
            "status": {
                "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-03-01T11:59:52Z"}],
                "containerStatuses": [{"name": "db", "ready": false, "restartCount": 0, "image": "", "imageID": "",
                    "state": {"running": {"startedAt": "2026-03-01T11:59:57Z"}}}],
            },
        }),
    );
    let snapshot = scene.snapshot();
    let pods = snapshot.pods.got().unwrap();
    let young = pods.iter().find(|pod| pod::name(pod) == "db-1");
    let mut course = Course::found(1, young, SignedDuration::ZERO, at(0));
    watch(&mut course, &scene, 0);
    ready(&mut scene, "True");
    watch(&mut course, &scene, 3_000);
    assert!((course.down_seconds(at(9_000)) - 3.0).abs() < 1e-9);
    let told = told(&course, 9_000);
    assert_eq!(told.first(), Some(&("schedule", 2.0)));
    assert_eq!(told.last(), Some(&("start", 6.0)));
    let nobody = Course::found(1, None, SignedDuration::ZERO, at(0));
    assert_eq!(
        nobody.phases(at(2_000)),
        [Lasted {
            phase: Phase::Schedule,
            seconds: 2.0
        }]
    );
}
