//! DELETE: preconditions, grace, finalizers, what is only tried.

use serde_json::json;

use super::{CORE, LEASES, PODS, make, pod, ready};
use crate::rehearsal::conformance::script::{Scene, delete, get, post};

/// Pods, claims, leases.
pub fn objects() -> Scene {
    let of = |uid: &str, version: &str| json!({"preconditions": {"uid": uid, "resourceVersion": version}});
    let exactly = |pod: &str| of(&format!("<uid {PODS}/{pod}>"), &format!("<version {PODS}/{pod}>"));
    let mut tried = exactly("a");
    tried["dryRun"] = json!(["All"]);
    let mut soon = exactly("a");
    soon["gracePeriodSeconds"] = json!(7);
    let claim = json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}}});
    let lease =
        json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"}, "spec": {}});
    let mut holder = pod("holder");
    holder["spec"]["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    Scene::new("deletes")
        .ask("no such pod", delete(format!("{PODS}/a"), json!({})))
        .first(make("a"))
        .first(ready("a"))
        .ask(
            "another uid",
            delete(format!("{PODS}/a"), of("another", &format!("<version {PODS}/a>"))),
        )
        .ask(
            "another version",
            delete(format!("{PODS}/a"), of(&format!("<uid {PODS}/a>"), "1")),
        )
        .ask("tried", delete(format!("{PODS}/a"), tried))
        .ask("and still there", get(format!("{PODS}/a")))
        .ask("exactly this one", delete(format!("{PODS}/a"), soon))
        .ask("while it goes", delete(format!("{PODS}/a"), json!({})))
        .ask("at once", delete(format!("{PODS}/a"), json!({"gracePeriodSeconds": 0})))
        .ask("and gone", get(format!("{PODS}/a")))
        .first(post(PODS, pod("b")))
        .ask("one that never ran", delete(format!("{PODS}/b"), exactly("b")))
        .first(post(LEASES, lease))
        .ask(
            "a lease of another uid",
            delete(format!("{LEASES}/lock"), of("another", "1")),
        )
        .ask("a lease", delete(format!("{LEASES}/lock"), json!({})))
        .first(post(format!("{CORE}/persistentvolumeclaims"), claim))
        .first(post(PODS, holder))
        .ask(
            "a claim in use",
            delete(format!("{CORE}/persistentvolumeclaims/data"), json!({})),
        )
        .ask(
            "no such claim",
            delete(format!("{CORE}/persistentvolumeclaims/none"), json!({})),
        )
}
