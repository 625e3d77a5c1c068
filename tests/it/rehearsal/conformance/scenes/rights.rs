//! "May I?", and what somebody gets who may not.

use serde_json::{Value, json};

use super::{BUDGETS, CORE, PODS, SETS, pod};
use crate::rehearsal::conformance::script::{Scene, apply, delete, get, patch, post, put, watch};

const REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

fn review(spec: Value) -> Value {
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "metadata": {}, "spec": spec})
}

/// Reviews.
pub fn reviews() -> Scene {
    let all = json!({"resourceAttributes": {"verb": "delete", "group": "", "resource": "pods", "namespace": "NS"}});
    let eviction = json!({"resourceAttributes": {"verb": "create", "group": "", "resource": "pods", "subresource": "eviction",
        "namespace": "NS", "name": "db-0"}});
    Scene::new("reviews")
        .ask("allowed", post(REVIEWS, review(all)))
        .ask("a subresource of one object", post(REVIEWS, review(eviction)))
        .ask("of nothing", post(REVIEWS, review(json!({}))))
}

/// 403.
pub fn refusals() -> Scene {
    Scene::new("refusals")
        .ask("get", get(format!("{PODS}/db-0")).by_nobody())
        .ask("list", get(format!("{PODS}?limit=500")).by_nobody())
        .ask("list everywhere", get("/api/v1/pods?limit=500").by_nobody())
        .ask("watch", watch(format!("{PODS}?watch=true")).by_nobody())
        .ask("create", post(PODS, pod("a")).by_nobody())
        .ask(
            "create, tried",
            post(format!("{PODS}?dryRun=All"), pod("a")).by_nobody(),
        )
        .ask("replace", put(format!("{PODS}/a"), pod("a")).by_nobody())
        .ask("patch", patch(format!("{SETS}/db"), json!([])).by_nobody())
        .ask(
            "apply",
            apply(format!("{BUDGETS}/db?fieldManager=shardctl"), json!({})).by_nobody(),
        )
        .ask("delete", delete(format!("{PODS}/a"), json!({})).by_nobody())
        .ask("evict", post(format!("{PODS}/a/eviction"), json!({})).by_nobody())
        .ask("a log", get(format!("{PODS}/a/log")).by_nobody())
        .ask(
            "a port-forward",
            get(format!("{PODS}/a/portforward?ports=80")).by_nobody(),
        )
        .ask("a node", get("/api/v1/nodes/n").by_nobody())
        .ask("the namespace", get(CORE).by_nobody())
        .ask("a class", get("/apis/storage.k8s.io/v1/storageclasses").by_nobody())
}
