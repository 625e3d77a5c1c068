//! `shardctl snapshot --redact`: the checks give the same answers on the redacted file, and no name of the cluster is in it.

use std::collections::BTreeSet;
use std::path::Path;

use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

use crate::cluster::Scene;

fn snapshot(scene: &Scene, path: &Path, arguments: &[&str]) -> String {
    let path = path.to_str().expect("UTF-8");
    let command = [&["snapshot", "--out", path], arguments].concat();
    scene.shardctl(command).assert().success();
    std::fs::read_to_string(path).expect("the snapshot")
}

/// Every check's id, status, and the severities of its findings.
fn answers(scene: &Scene, path: &Path) -> Vec<(Value, Value, Vec<String>)> {
    let output = scene
        .shardctl(["verify", "-o", "json", "--from", path.to_str().expect("UTF-8")])
        .output()
        .expect("shardctl runs");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let checks = report["checks"].as_array().expect("checks").iter();
    checks
        .map(|check| {
            let findings = check["findings"].as_array().into_iter().flatten();
            let mut severities: Vec<String> = findings.map(|finding| finding["severity"].to_string()).collect();
            severities.sort();
            (check["id"].clone(), check["status"].clone(), severities)
        })
        .collect()
}

/// The strings at every place in a value that has this key.
fn under<'a>(key: &str, value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                if name == key {
                    found.extend(inner.as_str());
                }
                under(key, inner, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| under(key, item, found)),
        _ => {}
    }
}

/// What must be in the file as it was read, and nowhere in the redacted one.
fn names<'a>(scene: &'a Scene, recording: &'a Value) -> BTreeSet<&'a str> {
    let mut names = BTreeSet::from([scene.namespace(), "registry.example", "secret-value", "top-secret"]);
    for key in [
        "nodeName",
        "volumeName",
        "podIP",
        "uid",
        "volumeHandle",
        "providerID",
        "claimName",
    ] {
        under(key, recording, &mut names);
    }
    for kind in ["nodes", "pods", "volumes", "statefulsets"] {
        let objects = recording["objects"][kind]["got"].as_array().into_iter().flatten();
        names.extend(objects.filter_map(|object| object["metadata"]["name"].as_str()));
    }
    names.extend(recording["taken"]["context"].as_str());
    names
}

#[track_caller]
fn assert_alike(scene: &Scene) {
    let folder = tempfile::tempdir().expect("a folder");
    let (plain, redacted) = (folder.path().join("plain.json"), folder.path().join("redacted.json"));
    let written = snapshot(scene, &plain, &[]);
    let from = plain.to_str().expect("UTF-8");
    let hidden = snapshot(scene, &redacted, &["--redact", "--from", from]);
    assert_eq!(
        answers(scene, &plain),
        answers(scene, &redacted),
        "what the checks answer"
    );

    let recording: Value = serde_json::from_str(&written).expect("JSON");
    let names = names(scene, &recording);
    assert!(names.len() > 12, "{names:?}");
    let words: BTreeSet<&str> = hidden
        .split(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '.' | ':' | '/')))
        .collect();
    for name in names.iter().filter(|name| !name.is_empty() && **name != "127.0.0.1") {
        let there = if name.len() < 6 {
            words.contains(name)
        } else {
            hidden.contains(name)
        };
        let line = hidden.lines().find(|line| line.contains(name)).unwrap_or_default();
        assert!(!there, "`{name}` is in the redacted file: {line}");
    }

    let again = snapshot(
        scene,
        &folder.path().join("again.json"),
        &["--redact", "--from", redacted.to_str().expect("UTF-8")],
    );
    assert_eq!(again, hidden, "redacting twice");
    // A second look at the cluster finds the same pseudonyms.
    let later = snapshot(scene, &folder.path().join("later.json"), &["--redact"]);
    let later: Value = serde_json::from_str(&later).expect("JSON");
    let first: Value = serde_json::from_str(&hidden).expect("JSON");
    for field in ["namespace", "statefulset", "context"] {
        assert_eq!(later["taken"][field], first["taken"][field], "{field}");
    }
}

/// A template with what nobody else should read.
fn private() -> Value {
    json!({
        "metadata": {"annotations": {"acme.example/owner": "top-secret"}},
        "spec": {"containers": [{
            "name": "shard", "image": "registry.example/shard:1.0",
            "ports": [{"name": "http", "containerPort": 8080}],
            "env": [{"name": "PASSWORD", "value": "secret-value"}],
            "args": ["--password=secret-value"],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
            "resources": {"requests": {"cpu": "1", "memory": "8Gi"}, "limits": {"cpu": "1", "memory": "8Gi"}},
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        }]},
    })
}

#[test]
fn a_healthy_set_is_judged_alike_and_named_nowhere() {
    assert_alike(&Scene::shards(3).template(private()).start());
    assert_alike(&Scene::shards(3).stable().start());
}

#[test]
fn a_crashing_shard_and_one_without_a_node_are_judged_alike() {
    let scene = Scene::shards(3).start();
    scene.patch::<Pod>(
        "shard-1",
        json!({"metadata": {"annotations": {"test.shardctl.dev/behaviour": "crash"}}}),
    );
    let node = scene.node_of(2);
    scene.cordon(&node, true);
    scene.delete::<Pod>("shard-2");
    scene.make_unready(0);
    scene.wait_until("the scheduler has said why shard 2 has no node", |scene| {
        let status = scene.find::<Pod>("shard-2").and_then(|pod| pod.status);
        let conditions = status
            .into_iter()
            .flat_map(|status| status.conditions.unwrap_or_default());
        let mut said = conditions.filter_map(|condition| condition.message);
        said.any(|message| message.contains("unschedulable"))
    });
    assert_alike(&scene);
}

#[test]
fn a_crashing_image_is_judged_alike() {
    let scene = Scene::shards(2)
        .image("registry.example/shard:2.0-crash")
        .without_waiting()
        .start();
    scene.wait_until("a shard has crashed", |scene| {
        let status = scene.find::<Pod>("shard-0").and_then(|pod| pod.status);
        let containers = status.and_then(|status| status.container_statuses).unwrap_or_default();
        containers.iter().any(|container| container.restart_count > 0)
    });
    assert_alike(&scene);
}

#[test]
fn a_set_on_karpenters_nodes_is_judged_alike() {
    let scene = Scene::shards(2)
        .stable()
        .shard_size("4", "64Gi")
        .on_karpenter("Standard_E16s_v5", "1s")
        .start();
    assert_alike(&scene);
}
