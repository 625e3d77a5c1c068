//! PUT: the lock.

use serde_json::{Value, json};

use super::LEASES;
use crate::rehearsal::conformance::script::{Scene, get, post, put};

/// Leases.
pub fn leases() -> Scene {
    let path = format!("{LEASES}/lock?fieldManager=shardctl");
    let lease = |holder: &str, version: &str| {
        let mut lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": "lock"},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 30}});
        if !version.is_empty() {
            lease["metadata"]["resourceVersion"] = json!(version);
        }
        lease
    };
    let with = |pointer: &str, value: Value| {
        let mut lease = lease("other", &format!("<version {LEASES}/lock>"));
        *lease.pointer_mut(pointer).unwrap() = value;
        lease
    };
    let mut of_another = lease("other", &format!("<version {LEASES}/lock>"));
    of_another["metadata"]["uid"] = json!("another");
    Scene::new("replace-leases")
        .first(post(format!("{LEASES}?fieldManager=shardctl"), lease("me", "")))
        .ask(
            "at its version",
            put(&path, lease("other", &format!("<version {LEASES}/lock>"))),
        )
        .ask(
            "the same again",
            put(&path, lease("other", &format!("<version {LEASES}/lock>"))),
        )
        .ask("at an older version", put(&path, lease("me", "1")))
        .ask("at a version that is none", put(&path, lease("me", "x")))
        .ask("at no version", put(&path, lease("me", "")))
        .ask("with another uid", put(&path, of_another))
        .ask("with another name", put(&path, with("/metadata/name", json!("key"))))
        .ask(
            "without time",
            put(&path, with("/spec/leaseDurationSeconds", json!(-1))),
        )
        .ask("of another kind", put(&path, with("/kind", json!("Pod"))))
        .ask(
            "what isn't there",
            put(format!("{LEASES}/none"), with("/metadata/name", json!("none"))),
        )
        .ask("what it is then", get(format!("{LEASES}/lock")))
}
