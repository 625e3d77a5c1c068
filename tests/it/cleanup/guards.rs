//! What a cleanup refuses, so that nothing is lost that nobody asked to be: another's claims, marks of operations, pods of others.

use super::{claims, cleanup, words};
use crate::cluster::Interceptor;
use crate::deploy::deployed;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

#[test]
fn the_claims_of_a_set_that_is_not_the_workloads_stay() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let before = claims(&ground);
    // No pod holds them, so that nothing else would.
    let others = json!({
        "metadata": {"labels": {"app.kubernetes.io/part-of": "others"}}, "spec": {"replicas": 0},
    });
    ground.scene.patch::<StatefulSet>(&ground.set(), others);
    ground
        .scene
        .wait_until("no shard is left", |_| ground.shards().is_empty());
    let interceptor = Interceptor::before(ground.scene.plane());
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    cleanup(&ground, &kubeconfig, &["--data", "--confirm", &name]).is(
        3,
        &[
            "claims-of-another",
            &format!("statefulset/{}", ground.set()),
            "pvc/data-",
        ],
    );
    cleanup(
        &ground,
        &kubeconfig,
        &["--data", "--confirm", &name, "--allow", "claims-of-another"],
    )
    .is(2, &["data would be lost"]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
    assert_eq!(claims(&ground), before);
}

#[test]
fn what_an_operation_left_is_put_back_first_and_a_namesakes_pod_is_no_shard() {
    let ground = deployed();
    let (name, set) = (ground.scene.namespace().to_owned(), ground.set());
    let node = ground.nodes().into_keys().next().expect("a node");
    let interceptor = Interceptor::before(ground.scene.plane());
    let kubeconfig = interceptor.kubeconfig(&ground.scene);
    let mark = |mark: Value| {
        let patch = json!({"metadata": {"annotations": {"shardctl.dev/mark": mark}}});
        ground.scene.patch::<Node>(&node, patch);
    };
    let time = "2026-01-01T00:00:00Z";
    let left = json!({"operation": format!("drain/{name}/{set}/4f2a9c"), "by": "ada@laptop", "since": time, "until": time,
        "was": {"spec.unschedulable": false}});
    mark(left.to_string().into());
    cleanup(&ground, &kubeconfig, &["--yes"]).is(
        3,
        &[
            "marks-outlive",
            &format!("node/{node}"),
            &format!("drain/{name}/{set}/4f2a9c has left a mark on it, run by ada@laptop"),
            "shardctl",
            "recover",
        ],
    );
    mark(Value::Null);
    let proxy = format!("{set}-proxy");
    ground.scene.bare_pod(&proxy, &node, json!([]));
    cleanup(&ground, &kubeconfig, &["--yes"]).is(3, &["pool-in-use", &format!("pod {name}/{proxy}")]);
    assert!(interceptor.writes().is_empty(), "{:?}", interceptor.writes());
    ground.scene.delete::<Pod>(&proxy);
}

#[test]
fn a_retention_policy_that_changes_at_the_last_moment_is_seen() {
    let ground = deployed();
    let before = claims(&ground);
    let interceptor = Interceptor::before(ground.scene.plane());
    let set = format!("statefulsets/{}", ground.set());
    let last = interceptor
        .on(move |request| request.is_write() && request.deletes(&set))
        .nth(1)
        .hold();
    let arguments = words(&ground, &["--yes"]);
    let command = ground.scene.shardctl_process(
        &interceptor.kubeconfig(&ground.scene),
        arguments.iter().map(String::as_str),
    );
    last.wait_hit();
    let retention =
        json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete", "whenScaled": "Retain"}}});
    ground.scene.patch::<StatefulSet>(&ground.set(), retention);
    last.release();
    let ran = command.wait();
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(3), "{told}");
    assert!(
        told.contains("its retention policy deletes the claims with it"),
        "{told}"
    );
    assert!(ground.scene.find::<StatefulSet>(&ground.set()).is_some(), "{told}");
    assert_eq!(claims(&ground), before);
}
