//! PATCH by JSON patches: the template, the number of shards, the budget, the cordon.

use serde_json::json;

use super::{BUDGETS, SETS, budget, set};
use crate::rehearsal::conformance::script::{Scene, get, patch, post};

/// StatefulSets.
pub fn sets() -> Scene {
    let path = format!("{SETS}/db?fieldManager=shardctl");
    let image = "/spec/template/spec/containers/0/image";
    let test = |value: &str| json!({"op": "test", "path": image, "value": value});
    let put = |value: &str| json!({"op": "replace", "path": image, "value": value});
    Scene::new("patch-sets")
        .ask("no such set", patch(&path, json!([put("db:2")])))
        .first(post(format!("{SETS}?fieldManager=other"), set(0)))
        .until(&format!("{SETS}/db"), "/status/observedGeneration", 1)
        .ask(
            "tried",
            patch(format!("{path}&dryRun=All"), json!([test("db:1"), put("db:2")])),
        )
        .ask("a test that holds", patch(&path, json!([test("db:1"), put("db:2")])))
        .ask("a test that doesn't", patch(&path, json!([test("db:1"), put("db:3")])))
        .ask(
            "a test of the version that doesn't",
            patch(
                &path,
                json!([
            {"op": "test", "path": "/metadata/resourceVersion", "value": "1"}, put("db:3")]),
            ),
        )
        .ask(
            "a test of the uid that holds",
            patch(
                &path,
                json!([
            {"op": "test", "path": "/metadata/uid", "value": format!("<uid {SETS}/db>")}, put("db:3")]),
            ),
        )
        .ask(
            "a mark",
            patch(
                &path,
                json!([{"op": "add", "path": "/metadata/annotations", "value": {"shardctl.dev/mark": "x"}}]),
            ),
        )
        .ask(
            "a mark more",
            patch(
                &path,
                json!([{"op": "add", "path": "/metadata/annotations/shardctl.dev~1other", "value": "y"}]),
            ),
        )
        .ask(
            "a mark taken off",
            patch(
                &path,
                json!([{"op": "remove", "path": "/metadata/annotations/shardctl.dev~1other"}]),
            ),
        )
        .ask(
            "a mark that isn't there taken off",
            patch(
                &path,
                json!([
            {"op": "remove", "path": "/metadata/annotations/shardctl.dev~1other"}]),
            ),
        )
        .ask(
            "into what isn't there",
            patch(
                &path,
                json!([{"op": "replace", "path": "/spec/none/at/all", "value": 1}]),
            ),
        )
        .ask("no list of operations", patch(&path, json!({"op": "add"})))
        .ask("no JSON", patch(&path, json!([])).with_text("["))
        .ask(
            "an operation that there isn't",
            patch(&path, json!([{"op": "turn", "path": image}])),
        )
        .ask("nothing", patch(&path, json!([])))
        .ask(
            "what can't be changed",
            patch(
                &path,
                json!([{"op": "replace", "path": "/spec/serviceName", "value": "x"}]),
            ),
        )
        .ask(
            "fewer than none",
            patch(&path, json!([{"op": "replace", "path": "/spec/replicas", "value": -1}])),
        )
        .ask(
            "of the wrong type",
            patch(
                &path,
                json!([{"op": "replace", "path": "/spec/replicas", "value": "x"}]),
            ),
        )
        .ask(
            "another name",
            patch(
                &path,
                json!([{"op": "replace", "path": "/metadata/name", "value": "x"}]),
            ),
        )
        .ask(
            "at another version",
            patch(
                &path,
                json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}]),
            ),
        )
        .ask(
            "with another uid",
            patch(&path, json!([{"op": "replace", "path": "/metadata/uid", "value": "x"}])),
        )
        .ask(
            "strictly, a field that isn't one",
            patch(
                format!("{path}&fieldValidation=Strict"),
                json!([
            {"op": "add", "path": "/spec/none", "value": 1}]),
            ),
        )
        .until(&format!("{SETS}/db"), "/status/observedGeneration", 3)
        .ask("what it is then", get(format!("{SETS}/db")))
}

/// Budgets and nodes.
pub fn others() -> Scene {
    let path = format!("{BUDGETS}/db?fieldManager=shardctl");
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "conformance", "annotations": {"shardctl.dev/a": "b"}, "labels": {
        "test.shardctl.dev/silent": "true"}}});
    let at = "/api/v1/nodes/conformance?fieldManager=shardctl";
    Scene::new("patch-others")
        .first(post(format!("{BUDGETS}?fieldManager=other"), budget("db", 2)))
        .until(&format!("{BUDGETS}/db"), "/status/observedGeneration", 1)
        .ask(
            "relaxed and marked",
            patch(
                &path,
                json!([
            {"op": "test", "path": "/spec/minAvailable", "value": 2},
            {"op": "replace", "path": "/spec/minAvailable", "value": 1},
            {"op": "add", "path": "/metadata/annotations", "value": {"shardctl.dev/was": "2"}}]),
            ),
        )
        .ask(
            "relaxed again",
            patch(
                &path,
                json!([
            {"op": "test", "path": "/spec/minAvailable", "value": 2},
            {"op": "replace", "path": "/spec/minAvailable", "value": 1}]),
            ),
        )
        .ask(
            "a number for a share",
            patch(
                &path,
                json!([{"op": "replace", "path": "/spec/minAvailable", "value": "50%"}]),
            ),
        )
        .ask(
            "a share that is none",
            patch(
                &path,
                json!([{"op": "replace", "path": "/spec/minAvailable", "value": "half"}]),
            ),
        )
        .ask(
            "below nothing",
            patch(
                &path,
                json!([{"op": "replace", "path": "/spec/minAvailable", "value": -1}]),
            ),
        )
        .ask(
            "both limits",
            patch(
                &path,
                json!([{"op": "add", "path": "/spec/maxUnavailable", "value": 1}]),
            ),
        )
        .ask(
            "the other form",
            patch(
                &path,
                json!([
            {"op": "remove", "path": "/spec/minAvailable"}, {"op": "add", "path": "/spec/maxUnavailable", "value": 1}]),
            ),
        )
        .first(post("/api/v1/nodes", node))
        .ask(
            "cordoned",
            patch(
                at,
                json!([
            {"op": "test", "path": "/metadata/uid", "value": "<uid /api/v1/nodes/conformance>"},
            {"op": "add", "path": "/spec/unschedulable", "value": true},
            {"op": "add", "path": "/metadata/annotations/shardctl.dev~1cordon", "value": "me"}]),
            ),
        )
        .ask(
            "cordoned again",
            patch(
                at,
                json!([{"op": "test", "path": "/spec/unschedulable", "value": null}]),
            ),
        )
        .ask(
            "uncordoned",
            patch(
                at,
                json!([
            {"op": "remove", "path": "/spec/unschedulable"},
            {"op": "remove", "path": "/metadata/annotations/shardctl.dev~1cordon"}]),
            ),
        )
        .ask(
            "no such node",
            patch("/api/v1/nodes/nobody?fieldManager=shardctl", json!([])),
        )
        .first(super::super::script::delete("/api/v1/nodes/conformance", json!({})))
}
