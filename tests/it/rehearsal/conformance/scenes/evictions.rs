//! The eviction subresource, and who decides on it.

use serde_json::{Value, json};

use super::{BUDGETS, PODS, budget, make, placed, pod, ready};
use crate::rehearsal::conformance::script::{Asked, Scene, get, patch, post};

fn evict(pod: &str, options: Value) -> Asked {
    evict_as(pod, pod, "", options)
}

fn evict_as(pod: &str, named: &str, query: &str, options: Value) -> Asked {
    let mut body =
        json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": named, "namespace": "NS"}});
    if !options.is_null() {
        body["deleteOptions"] = options;
    }
    post(format!("{PODS}/{pod}/eviction{query}"), body)
}

fn this(pod: &str) -> Value {
    json!({"preconditions": {"uid": format!("<uid {PODS}/{pod}>")}})
}

/// What a budget says.
pub fn answers() -> Scene {
    let mut dry = this("db-0");
    dry["dryRun"] = json!(["All"]);
    let least = |value: i64| {
        patch(
            format!("{BUDGETS}/db"),
            json!([{"op": "replace", "path": "/spec/minAvailable", "value": value}]),
        )
    };
    let policy = patch(
        format!("{BUDGETS}/db"),
        json!([
        {"op": "add", "path": "/spec/unhealthyPodEvictionPolicy", "value": "AlwaysAllow"}]),
    );
    let mut scene = Scene::new("evictions")
        .ask("no such pod", evict("nobody", Value::Null))
        .first(make("free"))
        .first(ready("free"))
        .first(patch(
            format!("{PODS}/free"),
            json!([{"op": "replace", "path": "/metadata/labels", "value": {"app": "free"}}]),
        ))
        .ask(
            "no budget, tried",
            evict_as("free", "free", "?dryRun=All", json!({"dryRun": ["All"]})),
        )
        .ask(
            "no budget, another uid",
            evict("free", json!({"preconditions": {"uid": "another"}})),
        )
        .ask("no budget", evict("free", this("free")))
        .ask("while it goes", evict("free", this("free")))
        .ask("by another name", evict_as("free", "other", "", Value::Null));
    for name in ["db-0", "db-1"] {
        scene = scene.first(make(name)).first(ready(name));
    }
    scene
        .first(post(PODS, pod("db-2")))
        .first(post(BUDGETS, budget("db", 2)))
        .until(&format!("{BUDGETS}/db"), "/status/currentHealthy", 2)
        .ask("refused", evict("db-0", this("db-0")))
        .ask("refused, tried", evict("db-0", dry.clone()))
        .ask("pending", evict("db-2", this("db-2")))
        .first(make("unready"))
        .first(patch(
            format!("{PODS}/unready/status"),
            json!([{"op": "replace", "path": "/status", "value": {
            "phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}}]),
        ))
        .until(&format!("{BUDGETS}/db"), "/status/expectedPods", 3)
        .ask(
            "not Ready while enough are",
            evict_as("unready", "unready", "?dryRun=All", this("unready")),
        )
        .first(least(3))
        .until(&format!("{BUDGETS}/db"), "/status/desiredHealthy", 3)
        .ask("not Ready while too few are", evict("unready", this("unready")))
        .first(policy)
        .until(&format!("{BUDGETS}/db"), "/status/observedGeneration", 3)
        .ask("not Ready and always allowed", evict("unready", this("unready")))
        .first(least(1))
        .until(&format!("{BUDGETS}/db"), "/status/disruptionsAllowed", 1)
        .ask("tried", evict("db-0", dry))
        .ask(
            "another uid",
            evict("db-0", json!({"preconditions": {"uid": "another"}})),
        )
        .until(&format!("{BUDGETS}/db"), "/status/currentHealthy", 1)
        .ask("and the slot that it took", get(format!("{BUDGETS}/db")))
}

/// Two budgets over one pod.
pub fn two_budgets() -> Scene {
    let mut alone = placed("db-0");
    alone["metadata"]["labels"]["more"] = json!("x");
    Scene::new("two-budgets")
        .first(post(PODS, alone))
        .first(ready("db-0"))
        .first(post(BUDGETS, budget("one", 0)))
        .first(post(BUDGETS, budget("two", 0)))
        .until(&format!("{BUDGETS}/two"), "/status/disruptionsAllowed", 1)
        .ask("two budgets", evict("db-0", this("db-0")))
}
