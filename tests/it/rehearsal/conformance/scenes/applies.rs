//! PATCH by server-side apply: what `deploy` sends.

use serde_json::{Value, json};

use super::{BUDGETS, CORE, SETS, budget, set};
use crate::rehearsal::conformance::script::{Scene, apply, delete, get, patch};

const MINE: &str = "fieldManager=shardctl&force=false&fieldValidation=Strict";
const FORCED: &str = "fieldManager=shardctl&force=true&fieldValidation=Strict";

/// Services, budgets, namespaces, priority classes.
pub fn others() -> Scene {
    let service = |port: i64| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "db", "labels": {"app": "db"}},
        "spec": {"clusterIP": "None", "publishNotReadyAddresses": true, "selector": {"app": "db"},
            "ports": [{"name": "http", "port": port, "protocol": "TCP"}]}})
    };
    let class = |value: i64| {
        json!({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
        "metadata": {"name": "conformance"}, "value": value, "description": "the shards"})
    };
    let classes = "/apis/scheduling.k8s.io/v1/priorityclasses/conformance";
    Scene::new("apply-others")
        .ask(
            "a service, tried",
            apply(format!("{CORE}/services/db?{MINE}&dryRun=All"), service(8080)),
        )
        .ask("a service", apply(format!("{CORE}/services/db?{MINE}"), service(8080)))
        .ask(
            "the same again",
            apply(format!("{CORE}/services/db?{MINE}"), service(8080)),
        )
        .ask(
            "with another port",
            apply(format!("{CORE}/services/db?{MINE}"), service(8081)),
        )
        .ask("a budget", apply(format!("{BUDGETS}/db?{MINE}"), budget("db", 2)))
        .ask("a budget anew", apply(format!("{BUDGETS}/db?{MINE}"), budget("db", 3)))
        .ask(
            "the namespace",
            apply(
                format!("{CORE}?{MINE}"),
                json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "NS", "labels": {"app": "db"}}}),
            ),
        )
        .ask("a class", apply(format!("{classes}?{MINE}"), class(1000)))
        .ask("a class that changes", apply(format!("{classes}?{MINE}"), class(2000)))
        .first(delete(classes, json!({})))
}

/// StatefulSets, and fields that are somebody else's.
pub fn sets() -> Scene {
    let path = |query: &str| format!("{SETS}/db?{query}");
    let with = |pointer: &str, value: Value| {
        let mut set = set(0);
        *set.pointer_mut(pointer).unwrap() = value;
        set
    };
    let image = "/spec/template/spec/containers/0/image";
    let mut unknown = set(0);
    unknown["spec"]["none"] = json!(1);
    let mut kindless = set(0);
    kindless.as_object_mut().unwrap().remove("kind");
    let mut without_env = with(image, json!("db:3"));
    without_env["spec"]["template"]["spec"]["containers"][0]
        .as_object_mut()
        .unwrap()
        .remove("env");
    let mut both = with(image, json!("db:4"));
    both["spec"]["replicas"] = json!(2);
    Scene::new("apply-sets")
        .ask("tried", apply(path(&format!("{MINE}&dryRun=All")), set(0)))
        .ask("and not kept", get(format!("{SETS}/db")))
        .ask("made", apply(path(MINE), set(0)))
        .until(&format!("{SETS}/db"), "/status/observedGeneration", 1)
        .ask("the same again", apply(path(MINE), set(0)))
        .ask("another image", apply(path(MINE), with(image, json!("db:2"))))
        .first(patch(path("fieldManager=other"), json!([{"op": "replace", "path": image, "value": "other:1"}])))
        .ask("what another has written", apply(path(MINE), with(image, json!("db:3"))))
        .ask("what another has written, tried", apply(path(&format!("{MINE}&dryRun=All")), with(image, json!("db:3"))))
        .ask("the same as another has written", apply(path(MINE), with(image, json!("other:1"))))
        .first(patch(path("fieldManager=other"), json!([
            {"op": "replace", "path": image, "value": "other:2"}, {"op": "replace", "path": "/spec/replicas", "value": 1}])))
        .ask("two that another has written", apply(path(MINE), both.clone()))
        .ask("two that are taken over", apply(path(FORCED), both))
        .ask("without what was ours", apply(path(MINE), without_env))
        .ask("a field that isn't one", apply(path(MINE), unknown))
        .ask("of no kind", apply(path(MINE), kindless))
        .ask("of another name", apply(path(MINE), with("/metadata/name", json!("other"))))
        .ask("by nobody", apply(path("force=false"), set(0)))
        .ask("what can't be changed", apply(path(FORCED), with("/spec/serviceName", json!("other"))))
        .ask("what can't be", apply(path(FORCED), with("/spec/replicas", json!(-1))))
        .ask("in a namespace that isn't there", apply(format!("/apis/apps/v1/namespaces/nobody/statefulsets/db?{MINE}"), set(0)))
}
