//! `shardctl status`: UP, DOWN or unknown, which shards, and since when, with the exit code that says the same.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use crate::bad_days::{run, shards};
use crate::cluster::Scene;

#[track_caller]
fn as_json(scene: &Scene<'_>, code: i32) -> Value {
    let ran = run(scene.shardctl(["status", "-o", "json"]));
    ran.says(code, &[]);
    serde_json::from_str(&ran.stdout).expect("JSON")
}

#[test]
fn up_is_one_line_with_since_when() {
    let scene = shards();
    let ran = run(scene.shardctl(["status"]));
    ran.says(0, &["UP", "3 of 3 shards Ready", "since 20", scene.namespace()]);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    assert_eq!(ran.stderr, "");
    let status = as_json(&scene, 0);
    assert_eq!(
        (&status["state"], &status["ready"], &status["down"]),
        (&json!("UP"), &json!(3), &json!([]))
    );
    assert_eq!(status["kind"], "Status");
}

#[test]
fn a_terminating_shard_is_down_though_it_is_ready_and_so_is_one_that_crashes() {
    let scene = Scene::shards(2).annotation("test.shardctl.dev/stop", "never").start();
    scene.delete::<Pod>(&scene.pod_name(1));
    scene.wait_until("shard 1 is terminating", |s| {
        s.pod(1).metadata.deletion_timestamp.is_some()
    });
    let conditions = scene
        .pod(1)
        .status
        .and_then(|status| status.conditions)
        .unwrap_or_default();
    assert!(
        conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True"),
        "it is Ready all the while"
    );
    let ran = run(scene.shardctl(["status"]));
    ran.says(
        1,
        &[
            "DOWN",
            "1 of 2 shards Ready",
            &format!("{} (terminating)", scene.pod_name(1)),
            "down for",
        ],
    );

    let pod = scene.pod_name(0);
    let crash = json!({"metadata": {"annotations": {"test.shardctl.dev/behaviour": "crash"}}});
    scene.patch::<Pod>(&pod, crash);
    scene.wait_until("shard 0 has crashed", |s| !s.is_ready(0));
    let status = as_json(&scene, 1);
    assert_eq!((&status["state"], &status["ready"]), (&json!("DOWN"), &json!(0)));
    assert_eq!(status["down"][0]["name"], json!(pod));
    assert_eq!(status["down"][0]["why"], "CrashLoopBackOff");
    assert!(status["down"][0]["since"].is_string(), "{status}");
    assert!(status["since"].as_str() <= status["at"].as_str(), "{status}");
}

#[test]
fn a_shard_without_a_pod_is_down() {
    let scene = shards();
    let ran = run(scene.shardctl(["status", "--expect", "5"]));
    ran.says(
        1,
        &[
            "DOWN",
            "3 of 5 shards Ready",
            &format!("{} (no pod)", scene.pod_name(4)),
        ],
    );
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
}

#[test]
fn a_budget_that_somebody_lowered_makes_no_shard_superfluous() {
    let scene = Scene::shards(3).start();
    scene.patch::<PodDisruptionBudget>("shard", json!({"spec": {"minAvailable": 2}}));
    scene.make_unready(2);
    let ran = run(scene.shardctl(["status"]));
    ran.says(1, &["DOWN", "2 of 3 shards Ready", &scene.pod_name(2)]);
    let ran = run(scene.shardctl(["verify"]));
    ran.says(1, &["STS-02", "spec.replicas is 3, but there should be 2 shards"]);
    assert!(
        !ran.stdout.contains("delete persistentvolumeclaim"),
        "the advice to delete a shard's claim: {}",
        ran.stdout
    );
}
