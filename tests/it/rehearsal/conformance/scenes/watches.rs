//! GET with `watch=true`.

use serde_json::json;

use super::{PODS, pod};
use crate::rehearsal::conformance::script::{Scene, delete, get, patch, post, watch};

/// Changes since a version, by selectors and without.
pub fn changes() -> Scene {
    let metadata = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
    let label = |value: &str| {
        patch(
            format!("{PODS}/b"),
            json!([{"op": "replace", "path": "/metadata/labels/app", "value": value}]),
        )
    };
    // The first pod's version stays what it was before anything else happened.
    let since = |more: &str| format!("{PODS}?watch=true&timeoutSeconds=1&resourceVersion=<version {PODS}/a>{more}");
    Scene::new("watches")
        .first(post(PODS, pod("a")))
        .ask("nothing new", watch(since("")))
        .first(post(PODS, pod("b")))
        .first(label("other"))
        .first(label("db"))
        .first(delete(format!("{PODS}/b"), json!({})))
        .ask("all changes", watch(since("")))
        .ask("by a label", watch(since("&labelSelector=app%3Ddb")))
        .ask("by the other label", watch(since("&labelSelector=app%3Dother")))
        .ask("by a name", watch(since("&fieldSelector=metadata.name%3Da")))
        .ask(
            "metadata alone",
            watch(since("&labelSelector=app%3Dother")).accepting(metadata),
        )
        .ask(
            "from the beginning",
            watch(format!("{PODS}?watch=true&timeoutSeconds=1&resourceVersion=0")),
        )
        .ask(
            "from what there is",
            watch(format!("{PODS}?watch=true&timeoutSeconds=1")),
        )
        .ask(
            "a version that is none",
            watch(format!("{PODS}?watch=true&timeoutSeconds=1&resourceVersion=x")),
        )
        .ask(
            "a field that none selects by",
            watch(format!("{PODS}?watch=true&fieldSelector=spec.hostname%3Da")),
        )
        .ask(
            "in a namespace that isn't there",
            watch("/api/v1/namespaces/nobody/pods?watch=true&timeoutSeconds=1"),
        )
        .ask(
            "what is there then",
            get(format!("{PODS}?fieldSelector=metadata.name%3Da")),
        )
}
