//! Names that were typed and don't exist.

use serde_json::json;

use super::{kubeconfig, run, shards};
use crate::cluster::Scene;

#[test]
fn a_namespace_that_was_typed_and_does_not_exist_is_a_usage_error() {
    let scene = shards();
    for command in ["verify", "status", "snapshot"] {
        run(scene.shardctl([command, "-n", "kube-sistem"])).refused(
            2,
            &[
                "there is no namespace named kube-sistem",
                "did you mean kube-system",
                "kubectl get namespaces",
            ],
        );
    }
}

#[test]
fn a_set_that_does_not_exist_is_a_usage_error_with_the_nearest() {
    let scene = shards();
    for command in ["verify", "status", "snapshot"] {
        run(scene.shardctl([command, "--statefulset", "shart"])).refused(
            2,
            &[
                "there is no StatefulSet named shart",
                "did you mean",
                scene.name(),
                "kubectl get statefulsets -n",
            ],
        );
    }
    let ran = run(scene.shardctl(["verify", "-n", "no-such-place", "--statefulset", "shard"]));
    ran.refused(2, &["there is no namespace named no-such-place"]);
}

#[test]
fn a_context_that_does_not_exist_is_a_usage_error_that_lists_them() {
    let ran = run(shards().shardctl(["verify", "--context", "tset"]));
    ran.refused(
        2,
        &[
            "failed to find context \"tset\"",
            "did you mean \"test\"?",
            "--context NAME",
        ],
    );
}

#[test]
fn a_check_that_does_not_exist_is_a_usage_error_with_the_nearest() {
    let scene = shards();
    for arguments in [["verify", "--only", "STS-1"], ["verify", "--skip", "API-03,STS-1"]] {
        run(scene.shardctl(arguments)).refused(
            2,
            &[
                "there is no check named STS-1",
                "did you mean STS-01",
                "shardctl explain",
            ],
        );
    }
    run(scene.shardctl(["explain", "STS-1"]))
        .refused(2, &["there is no check, refusal or runbook named STS-1", "STS-01"]);
    run(scene.shardctl(["explain", "\u{1b}[31mzzz\u{202e}"])).refused(2, &["\\e[31m"]);
}

#[test]
fn words_that_clap_refuses_are_usage_errors_that_name_the_choices() {
    let scene = shards();
    run(scene.shardctl(["verify", "-o", "yaml"])).refused(2, &["text, short, json, junit, prometheus"]);
    run(scene.shardctl(["status", "-o", "short"])).refused(2, &["text, json"]);
    run(scene.shardctl(["verfy"])).refused(2, &["verify"]);
    run(scene.shardctl(["verify", "--expect", "0"])).refused(2, &["--expect"]);
    run(scene.shardctl(["verify", "--phase", "prod"])).refused(2, &["explore, stable"]);
    run(scene.shardctl(["verify", "--request-timeout", "soon"]))
        .refused(2, &["`soon` (--request-timeout) is not a duration", "30s"]);
    run(scene.shardctl(["verify", "--wait", "ten"])).refused(2, &["`ten` (--wait) is not a duration"]);
    run(scene.shardctl(["verify", "--dns", "pigeon"])).refused(2, &["`pigeon`", "port-forward, exec, system"]);
    run(scene.shardctl(["verify", "--as-group", "ops"])).refused(2, &["--as"]);
}

#[test]
fn a_namespace_without_a_set_fails_sts_01_when_nobody_typed_it() {
    let scene = shards();
    let empty = kubeconfig(&scene, "empty.kubeconfig", |config| {
        config["contexts"][0]["context"]["namespace"] = json!("kube-public");
    });
    let ran = run(scene.shardctl_with(&empty, ["verify", "-o", "short"]));
    ran.says(1, &["STS-01", "there is no StatefulSet in the namespace"]);
    run(scene.shardctl(["verify", "-o", "short", "-n", "kube-public"])).says(1, &["STS-01"]);
    run(scene.shardctl_with(&empty, ["status"])).says(7, &["UNKNOWN", "kube-public"]);

    let gone = kubeconfig(&scene, "gone.kubeconfig", |config| {
        config["contexts"][0]["context"]["namespace"] = json!("long-gone");
    });
    let ran = run(scene.shardctl_with(&gone, ["verify", "-o", "short"]));
    ran.says(1, &["STS-01", "namespace/long-gone", "there is no such namespace"]);
}

#[test]
fn two_sets_and_none_named_are_listed() {
    let scene = Scene::shards(1).start();
    let name = scene.name().to_owned();
    let pod =
        json!({"metadata": {"labels": {"app": "another"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    scene.apply(json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "another"},
        "spec": {"replicas": 0, "serviceName": "another", "selector": {"matchLabels": {"app": "another"}}, "template": pod},
    }));
    for command in ["verify", "status", "snapshot"] {
        let ran = run(scene.shardctl([command]));
        ran.refused(2, &["holds 2 StatefulSets", "another", &name, "--statefulset"]);
    }
    run(scene.shardctl(["status", "--statefulset", &name])).says(0, &["UP", &name]);
    run(scene.shardctl(["status", "--statefulset", &name, "-n", scene.namespace()])).says(0, &["UP"]);
}
