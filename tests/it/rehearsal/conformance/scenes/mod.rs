//! The scenes: what is asked, a file a subject.

mod applies;
mod creates;
mod deletes;
mod evictions;
mod patches;
mod reads;
mod replaces;
mod rights;
mod watches;

use serde_json::{Value, json};

use super::script::{Asked, Scene, patch, post};

/// All of them.
pub fn all() -> Vec<Scene> {
    vec![
        reads::discovery(),
        reads::objects(),
        reads::logs(),
        creates::pods(),
        creates::others(),
        patches::sets(),
        patches::others(),
        replaces::leases(),
        deletes::objects(),
        evictions::answers(),
        evictions::two_budgets(),
        applies::others(),
        applies::sets(),
        rights::reviews(),
        rights::refusals(),
        watches::changes(),
    ]
}

const CORE: &str = "/api/v1/namespaces/NS";
const PODS: &str = "/api/v1/namespaces/NS/pods";
const SETS: &str = "/apis/apps/v1/namespaces/NS/statefulsets";
const BUDGETS: &str = "/apis/policy/v1/namespaces/NS/poddisruptionbudgets";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/NS/leases";

/// A pod that nobody schedules.
fn pod(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": "db"}},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "db", "image": "db:1"}]}})
}

/// A pod on a node that isn't there, so that nobody runs it.
fn placed(name: &str) -> Value {
    let mut pod = pod(name);
    pod["spec"]["nodeName"] = json!("elsewhere");
    pod
}

/// A set whose pods nobody schedules.
fn set(replicas: i64) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"},
        "spec": {"replicas": replicas, "serviceName": "db", "selector": {"matchLabels": {"app": "db"}},
            "updateStrategy": {"type": "OnDelete"}, "template": {"metadata": {"labels": {"app": "db"}},
                "spec": {"schedulerName": "nobody", "containers": [{"name": "db", "image": "db:1",
                    "env": [{"name": "A", "value": "1"}], "ports": [{"name": "http", "containerPort": 8080}]}]}}}})
}

/// A budget over the scene's pods.
fn budget(name: &str, least: i64) -> Value {
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name},
        "spec": {"minAvailable": least, "selector": {"matchLabels": {"app": "db"}}}})
}

/// Makes a pod that was placed Ready.
fn ready(name: &str) -> Asked {
    let status = json!([{"op": "replace", "path": "/status", "value": {"phase": "Running",
        "conditions": [{"type": "Ready", "status": "True", "lastTransitionTime": "2026-03-01T12:00:00Z"}]}}]);
    patch(format!("{PODS}/{name}/status"), status)
}

/// Makes a pod on a node that isn't there.
fn make(name: &str) -> Asked {
    post(PODS, placed(name))
}
