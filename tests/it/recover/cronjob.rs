//! `recover --expired`, as a CronJob runs it: only what is past its time, with the rights that the manifest gives it.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::{budget, mark, marked, ours, recovered, recovered_with};
use crate::bad_days::run;
use crate::cluster::{Interceptor, Scene, api};
use crate::upgrade::rights::printed_rules;

/// Each object of the manifest as the API server reads it, strictly, in the scene's namespace; nothing is kept.
fn manifest(scene: &Scene<'_>) -> Vec<Value> {
    let text = include_str!("../../../k8s/recover-cronjob.yaml");
    let text = text.replace("namespace: shards", &format!("namespace: {}", scene.namespace()));
    let field = |document: &str, name: &str| {
        let line = document.lines().find_map(|line| line.strip_prefix(name));
        line.expect("a field").trim().to_owned()
    };
    let read = |document: &str| {
        let collection = api::path_of_kind(
            &field(document, "apiVersion:"),
            &field(document, "kind:"),
            scene.namespace(),
        );
        let path = format!("{collection}?dryRun=All&fieldValidation=Strict");
        let made = api::send(
            scene.plane().client(),
            "POST",
            &path,
            "application/yaml",
            document.into(),
        );
        scene
            .plane()
            .run(made)
            .unwrap_or_else(|error| panic!("{path}: {error}\n{document}"))
    };
    text.split("\n---\n").map(read).collect()
}

#[test]
fn the_cronjob_is_valid_and_its_roles_suffice_for_what_is_past_its_time() {
    let scene = Scene::shards(3).start();
    let objects = manifest(&scene);
    let of = |kind: &str| {
        objects
            .iter()
            .find(|object| object["kind"] == kind)
            .expect("an object of the manifest")
    };
    let arguments = of("CronJob")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["args"].clone();
    assert_eq!(arguments, json!(["recover", "--expired", "--yes"]));
    let user = scene.limited_user_with(of("Role")["rules"].clone(), of("ClusterRole")["rules"].clone());

    let node = scene.node_of(1);
    let relaxed = |lasts| {
        let mut patch = marked(&mark(
            &scene,
            lasts,
            json!({"spec.minAvailable": 3}),
            json!({"spec.minAvailable": 2}),
        ));
        patch["spec"] = json!({"minAvailable": 2});
        scene.patch::<PodDisruptionBudget>(scene.name(), patch);
        let key = "metadata.annotations.karpenter.sh/do-not-disrupt";
        let mut patch = marked(&mark(&scene, lasts, json!({key: null}), json!({key: "true"})));
        patch["metadata"]["annotations"]["karpenter.sh/do-not-disrupt"] = json!("true");
        scene.patch::<Node>(&node, patch);
    };
    let uid = scene.set().metadata.uid;
    for (name, seconds) in [("helper-young", 3600), ("helper-old", 1)] {
        scene.apply(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {"shardctl.dev/helper": "pre-pull"},
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": scene.name(), "uid": uid}]},
            "spec": {"nodeName": node, "terminationGracePeriodSeconds": 0, "activeDeadlineSeconds": seconds,
                "containers": [{"name": "one", "image": "registry.example/shard:1.0"}]}}));
    }
    let helpers = || -> Vec<String> {
        let pods: Vec<Pod> = scene.list("labelSelector=shardctl.dev/helper");
        pods.into_iter().filter_map(|pod| pod.metadata.name).collect()
    };
    scene.wait_until("the old helper is past its deadline", |scene| {
        let pod: Pod = scene.get("helper-old");
        let began = pod.status.and_then(|status| status.start_time);
        began.is_some_and(|began| jiff::Timestamp::now().duration_since(began.0).as_secs() > 2)
    });

    // Not past: told, and left.
    relaxed(600);
    let early = recovered_with(&scene, &user, &["--expired"]);
    early.says(0, &["undone: pod/helper-old", "which isn't past"]);
    assert_eq!(budget(&scene), (json!(2), Value::Null, true));
    assert_eq!(helpers(), ["helper-young"]);
    let interceptor = Interceptor::before(scene.plane());
    recovered_with(&scene, &interceptor.kubeconfig(&scene), &["--expired"])
        .says(0, &["nothing is left that is past its time"]);
    assert_eq!(interceptor.writes().len(), 0);

    relaxed(-5);
    recovered_with(&scene, &user, &["--expired"]).says(0, &["undone: pdb/shard, node/"]);
    assert_eq!(budget(&scene), (json!(3), Value::Null, false));
    let seen: Node = scene.get(&node);
    assert_eq!(ours(seen.metadata.annotations.as_ref()), Vec::<String>::new());
    assert_eq!(helpers(), ["helper-young"]);
    recovered_with(&scene, &user, &[]).says(0, &["undone: pod/helper-young"]);
}

#[test]
fn rbac_prints_the_rights_that_the_manifest_gives() {
    let scene = Scene::shards(1).start();
    let objects = manifest(&scene);
    let printed = printed_rules(&run(scene.shardctl(["rbac", "--for", "recover"])).stdout);
    for (kind, printed) in [("Role", printed.0), ("ClusterRole", printed.1)] {
        let written = objects.iter().find(|object| object["kind"] == kind).expect("an object");
        assert_eq!(single(&written["rules"]), single(&printed), "{kind}");
    }
}

/// Rules as verb, group and resource each.
fn single(rules: &Value) -> BTreeSet<[String; 3]> {
    let words = |rule: &Value, field: &str| -> Vec<String> {
        let all = rule[field].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let mut all = BTreeSet::new();
    for rule in rules.as_array().into_iter().flatten() {
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                for verb in words(rule, "verbs") {
                    all.insert([verb, group.clone(), resource.clone()]);
                }
            }
        }
    }
    all
}

#[test]
fn who_may_not_change_a_node_undoes_the_rest_and_is_told_which_is_left() {
    let scene = Scene::shards(3).start();
    let node = scene.node_of(0);
    let objects = manifest(&scene);
    let rules = |kind: &str| objects.iter().find(|object| object["kind"] == kind).expect("an object")["rules"].clone();
    let reading = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["karpenter.sh"], "resources": ["*"], "verbs": ["get", "list", "watch"]}]);
    let reader = scene.limited_user_with(rules("Role"), reading);
    let blind = scene.limited_user(rules("Role"));
    let mut patch = marked(&mark(
        &scene,
        600,
        json!({"spec.unschedulable": null}),
        json!({"spec.unschedulable": true}),
    ));
    patch["spec"] = json!({"unschedulable": true});
    scene.patch::<Node>(&node, patch);
    let relax = || {
        let mut patch = marked(&mark(
            &scene,
            600,
            json!({"spec.minAvailable": 3}),
            json!({"spec.minAvailable": 2}),
        ));
        patch["spec"] = json!({"minAvailable": 2});
        scene.patch::<PodDisruptionBudget>(scene.name(), patch);
    };
    relax();
    let told = format!("node/{node}: the server doesn't let us change it");
    recovered_with(&scene, &reader, &[]).says(
        5,
        &[
            "undone: pdb/shard; 1 thing of ours couldn't be taken away",
            &told,
            "Resume: shardctl",
        ],
    );
    assert_eq!(budget(&scene), (json!(3), Value::Null, false));
    // Who can't even see nodes is told that it isn't known.
    relax();
    recovered_with(&scene, &blind, &[]).says(7, &["undone: pdb/shard", "isn't known", "nodes: "]);
    assert_eq!(budget(&scene), (json!(3), Value::Null, false));
    recovered(&scene, &[]).says(0, &[&format!("undone: node/{node}")]);
}
