//! What is used, as metrics.k8s.io tells it: served, served to others only, behind a server that is away or hangs, not served.

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use super::{packing, page};
use crate::bad_days::run;
use crate::cluster::{MetricsServer, Plane, Scene};
use crate::upgrade::rights::printed_rules;

/// Lets a shard have been Ready for long.
fn settle(scene: &Scene<'_>, ordinal: u32) {
    let name = scene.pod_name(ordinal);
    let long = json!({"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"});
    scene.patch_status::<Pod>(&name, json!({"status": {"conditions": [long]}}));
}

#[test]
fn what_is_used_stands_beside_what_is_asked_for_and_its_absence_is_one_line() {
    let plane = Plane::own();
    // Each asks for 8Gi and a core; the nodes have 128Gi and 16 cores.
    let scene = Scene::shards(3).start_on(&plane);
    let without = packing(&scene, &[]);
    without.says(
        0,
        &["? requests are shown, not what is used: the cluster serves no metrics.k8s.io"],
    );

    let server = MetricsServer::on(&plane);
    server.node(&scene.node_of(0), "64Gi", "4");
    for (ordinal, memory, cpu) in [(0, "2Gi", "600m"), (1, "2Gi", "950m"), (2, "9Gi", "100m")] {
        server.pod(scene.namespace(), &scene.pod_name(ordinal), memory, cpu);
    }
    settle(&scene, 0);
    let found = page(&scene, &[]);
    let row = |found: &Value| {
        let nodes = found["present"]["nodes"].as_array().unwrap();
        nodes
            .iter()
            .find(|row| row["node"] == json!(scene.node_of(0)))
            .unwrap()
            .clone()
    };
    assert_eq!(
        row(&found)["used"],
        json!({"memory": 64_i64 << 30, "cpuMilli": 4000, "memoryPercent": 50.0, "cpuPercent": 25.0})
    );
    let fit = |ordinal: u32, of: &str| found["usage"]["shards"][scene.pod_name(ordinal)][of]["fit"].clone();
    assert_eq!(
        [fit(0, "memory"), fit(0, "cpu")],
        [json!("too-much-asked"), json!("fits")]
    );
    // It has just started, so that too little says nothing yet; too much does.
    assert_eq!([fit(1, "memory"), fit(1, "cpu")], [json!("too-soon"), json!("near")]);
    assert_eq!([fit(2, "memory"), fit(2, "cpu")], [json!("over"), json!("too-soon")]);
    assert_eq!(found["usage"]["unseen"], json!([]));
    let told = packing(&scene, &[]);
    told.says(
        0,
        &[
            "MEMORY USED",
            "shard-0 (2Gi of 8Gi) uses less than half of the memory that is asked for",
            "shard-2 (9Gi of 8Gi) uses more memory than asked for",
            "shard-1 (0.95 of 1) uses CPU near what is asked for",
        ],
    );
    packing(&scene, &["-o", "wide"]).says(0, &["ASKED FOR", "shard-1", "25%"]);
    let csv = packing(&scene, &["-o", "csv"]).stdout;
    assert!(csv.contains(&format!(",{},4000\n", 64_i64 << 30)), "{csv}");

    let file = scene.home().join("snapshot.json");
    let file = file.to_str().unwrap();
    run(scene.shardctl(["snapshot", "--out", file])).says(0, &[]);
    assert_eq!(page(&scene, &["--from", file])["usage"], found["usage"]);
    let redacted = scene.home().join("redacted.json");
    let redacted = redacted.to_str().unwrap();
    run(scene.shardctl(["snapshot", "--redact", "--from", file, "--out", redacted])).says(0, &[]);
    let told = page(&scene, &["--from", redacted]);
    let sizes =
        |page: &Value| -> Vec<Value> { page["usage"]["shards"].as_object().unwrap().values().cloned().collect() };
    let (mut one, mut other) = (sizes(&found), sizes(&told));
    one.sort_by_key(Value::to_string);
    other.sort_by_key(Value::to_string);
    assert_eq!(one, other);

    refused_to_some(&scene);
    away(&scene, &server);
}

/// The API server refuses before it asks the metrics server.
fn refused_to_some(scene: &Scene<'_>) {
    let printed = run(scene.shardctl(["rbac", "--for", "packing", "-n", scene.namespace()])).stdout;
    let summary = ["packing-summary", "--kubelet", "kubelet-aks"];
    let (space, cluster) = printed_rules(&printed);
    let all = scene.limited_user_with(space.clone(), cluster.clone());
    run(scene.shardctl_with(&all, summary)).says(0, &["MEMORY USED", "uses more memory than asked for"]);
    let without = |rules: Value| -> Value {
        let kept = rules.as_array().unwrap().iter();
        kept.filter(|rule| rule["apiGroups"] != json!(["metrics.k8s.io"]))
            .cloned()
            .collect()
    };
    let some = scene.limited_user_with(without(space), without(cluster));
    let told = run(scene.shardctl_with(&some, summary));
    told.says(
        0,
        &[
            "? requests are shown, not what is used: metrics of nodes can't be read:",
            "3 shards on ",
        ],
    );
    assert!(!told.stdout.contains("MEMORY USED"), "{}", told.stdout);
}

/// It is registered, and nobody answers.
fn away(scene: &Scene<'_>, server: &MetricsServer<'_>) {
    server.goes();
    let told = packing(scene, &[]);
    told.says(
        0,
        &[
            "? requests are shown, not what is used: metrics of nodes can't be read:",
            "3 shards on ",
        ],
    );
    server.comes_back();
    server.hangs();
    packing(scene, &[]).says(0, &["metrics.k8s.io didn't answer within 5 s", "3 shards on "]);
    server.comes_back();
    packing(scene, &[]).says(0, &["uses more memory than asked for"]);
}
