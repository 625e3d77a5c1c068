//! What is there: discovery, objects, lists and their pages, logs.

use serde_json::json;

use super::{BUDGETS, CORE, PODS, SETS, budget, make, placed, pod, ready, set};
use crate::rehearsal::conformance::script::{Scene, get, post};

/// The server's health, and what it serves.
pub fn discovery() -> Scene {
    Scene::new("discovery")
        .ask("ready", get("/readyz"))
        .ask("a group", get("/apis/policy"))
        .ask("another group", get("/apis/coordination.k8s.io"))
        .ask("a group that isn't served", get("/apis/nobody.example"))
        .ask("a version of a group that isn't served", get("/apis/nobody.example/v1"))
        .ask(
            "a kind of a group that isn't served",
            get("/apis/nobody.example/v1/things?limit=500"),
        )
        .ask("a version that isn't served", get("/apis/policy/v7"))
        .ask("a kind that isn't served", get("/apis/policy/v1/things"))
        .ask("metrics that nobody serves", get("/apis/metrics.k8s.io/v1beta1/nodes"))
        .ask("no path of the server", get("/nowhere"))
}

/// One object, many of them, and what isn't there.
pub fn objects() -> Scene {
    let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let list = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
    let mut other = pod("c");
    other["metadata"]["labels"] = json!({"app": "other", "tier": "x"});
    Scene::new("reads")
        .ask("no such namespace", get("/api/v1/namespaces/nobody"))
        .ask("no such pod", get(format!("{PODS}/nobody")))
        .ask(
            "no such pod in a namespace that isn't there",
            get("/api/v1/namespaces/nobody/pods/nobody"),
        )
        .ask("no such set", get(format!("{SETS}/nobody")))
        .ask("no such budget", get(format!("{BUDGETS}/nobody")))
        .ask("no such node", get("/api/v1/nodes/nobody"))
        .ask(
            "no such secret by its metadata",
            get(format!("{CORE}/secrets/nobody")).accepting(metadata),
        )
        .ask("an empty list", get(PODS))
        .ask(
            "a list in a namespace that isn't there",
            get("/api/v1/namespaces/nobody/pods?limit=500"),
        )
        .first(post(PODS, pod("a")))
        .first(post(PODS, pod("b")))
        .first(post(PODS, other))
        .ask("the namespace", get(CORE))
        .ask("a pod", get(format!("{PODS}/a")))
        .ask("a pod's metadata", get(format!("{PODS}/a")).accepting(metadata))
        .ask("metadata of a list", get(format!("{PODS}?limit=500")).accepting(list))
        .ask("a whole list", get(format!("{PODS}?limit=500")))
        .ask("by a label", get(format!("{PODS}?limit=500&labelSelector=app%3Dother")))
        .ask(
            "by labels in sets",
            get(format!(
                "{PODS}?labelSelector=app+in+%28db%2Cother%29%2C%21tier&limit=1"
            )),
        )
        .ask("by a field", get(format!("{PODS}?fieldSelector=metadata.name%3Db")))
        .ask(
            "by the phase",
            get(format!("{PODS}?fieldSelector=status.phase!%3DPending")),
        )
        .ask(
            "by a field that none selects by",
            get(format!("{PODS}?fieldSelector=spec.hostname%3Da")),
        )
        .ask("a page", get(format!("{PODS}?limit=2")))
        .ask("a limit that is no number", get(format!("{PODS}?limit=many")))
        .first(post(SETS, set(0)))
        .first(post(BUDGETS, budget("db", 1)))
        .until(&format!("{SETS}/db"), "/status/observedGeneration", 1)
        .until(&format!("{BUDGETS}/db"), "/status/observedGeneration", 1)
        .ask("a budget that waits for its pods", get(format!("{BUDGETS}/db")))
        .ask("a set without pods", get(format!("{SETS}/db")))
}

/// What a container said.
pub fn logs() -> Scene {
    let mut two = placed("two");
    two["spec"]["containers"] = json!([{"name": "db", "image": "db:1"}, {"name": "side", "image": "side:1"}]);
    Scene::new("logs")
        .ask("of no pod", get(format!("{PODS}/nobody/log?container=db")))
        .first(post(PODS, pod("unplaced")))
        .ask(
            "of a pod without a node",
            get(format!("{PODS}/unplaced/log?container=db&tailLines=20")),
        )
        .first(make("waits"))
        .ask("of no container of it", get(format!("{PODS}/waits/log?container=web")))
        .first(post(PODS, two))
        .first(ready("two"))
        .ask("of one of two, unsaid which", get(format!("{PODS}/two/log")))
}
