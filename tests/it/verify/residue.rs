//! RES-01: marks, Leases and helper pods of shardctl's own, and whether an operation is running.

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

use super::edited::{judged, objects, recorded};
use super::verify;
use crate::cluster::Scene;

fn mark(namespace: &str, until: &str) -> String {
    json!({"operation": format!("drain/{namespace}/shard/4f2a"), "by": "ada@laptop", "since": "2026-01-01T00:00:00Z", "until": until,
        "was": {"metadata.annotations": null}})
    .to_string()
}

#[test]
fn what_an_operation_left_is_named_until_recovered_and_expected_while_it_runs() {
    let scene = Scene::shards(3).start();
    let node = scene.node_of(1);
    let annotations = |text: &str| json!({"metadata": {"annotations": {"shardctl.dev/mark": text}}});
    scene.patch::<PodDisruptionBudget>("shard", annotations(&mark(scene.namespace(), "2026-01-01T00:10:00Z")));
    scene.patch::<Node>(&node, annotations(&mark(scene.namespace(), "2999-01-01T00:00:00Z")));
    scene.apply(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "prepull", "labels": {"shardctl.dev/helper": "prepull"}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "one", "image": "registry.example/shard:1.0"}]}}));
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["RES-01"], &[]);
    let words = seen.words("RES-01");
    assert!(words.contains("/shard/4f2a, run by ada@laptop"), "{words}");
    assert!(
        words.contains("meant to last until 2026-01-01T00:10:00Z, which is past"),
        "{words}"
    );
    assert!(words.contains("$ shardctl recover --expired"), "{words}");
    assert!(words.contains(&format!("node/{node}")), "{words}");
    assert!(words.contains("a helper pod (prepull)"), "{words}");

    // An operation that is running holds the Lease, by the server's clock: it is put into a recorded snapshot.
    let mut snapshot = recorded(&scene);
    let now = snapshot["taken"]["at"].as_str().expect("a time").to_owned();
    let lease = |renewed: &str| {
        json!({"metadata": {"name": "shardctl-shard"},
            "spec": {"holderIdentity": "ada@laptop", "leaseDurationSeconds": 30, "renewTime": renewed}})
    };
    objects(&mut snapshot, "leases").push(lease(&now));
    let seen = judged(&scene, &snapshot, &[]);
    seen.assert_only(&[], &["RES-01"], &[]);
    let findings = seen.check("RES-01")["findings"].as_array().expect("findings").clone();
    let warned: Vec<&str> = findings
        .iter()
        .filter(|finding| finding["severity"] == "warning")
        .filter_map(|finding| finding["object"].as_str())
        .collect();
    assert_eq!(
        warned,
        ["pdb/shard"],
        "only the mark that is past its time: {findings:?}"
    );
    let words = seen.words("RES-01");
    assert!(
        words.contains("an operation is running now: held by ada@laptop"),
        "{words}"
    );
    assert!(
        words.contains("when the operation that is running now has ended:"),
        "{words}"
    );
}

#[test]
fn an_abandoned_lease_is_residue_and_one_given_back_is_not() {
    let scene = Scene::shards(3).start();
    let lease = |holder: &str| {
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "shardctl-shard"},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 30, "renewTime": "2026-01-01T00:00:00.000000Z"}})
    };
    scene.apply(lease("ada@laptop"));
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["RES-01"], &[]);
    let words = seen.words("RES-01");
    assert!(words.contains("held by ada@laptop, but last renewed"), "{words}");
    scene.apply(lease(""));
    verify(&scene, &[]).assert_only(&[], &[], &[]);
}
