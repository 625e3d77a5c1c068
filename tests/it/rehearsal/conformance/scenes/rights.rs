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
        .ask("get", get(format!("{PODS}/db-0")).as_nobody())
        .ask("list", get(format!("{PODS}?limit=500")).as_nobody())
        .ask("list everywhere", get("/api/v1/pods?limit=500").as_nobody())
        .ask("watch", watch(format!("{PODS}?watch=true")).as_nobody())
        .ask("create", post(PODS, pod("a")).as_nobody())
        .ask(
            "create, tried",
            post(format!("{PODS}?dryRun=All"), pod("a")).as_nobody(),
        )
        .ask("replace", put(format!("{PODS}/a"), pod("a")).as_nobody())
        .ask("patch", patch(format!("{SETS}/db"), json!([])).as_nobody())
        .ask(
            "apply",
            apply(format!("{BUDGETS}/db?fieldManager=shardctl"), json!({})).as_nobody(),
        )
        .ask("delete", delete(format!("{PODS}/a"), json!({})).as_nobody())
        .ask("evict", post(format!("{PODS}/a/eviction"), json!({})).as_nobody())
        .ask("a log", get(format!("{PODS}/a/log")).as_nobody())
        .ask(
            "a port-forward",
            get(format!("{PODS}/a/portforward?ports=80")).as_nobody(),
        )
        .ask("a node", get("/api/v1/nodes/n").as_nobody())
        .ask("the namespace", get(CORE).as_nobody())
        .ask("a class", get("/apis/storage.k8s.io/v1/storageclasses").as_nobody())
}
