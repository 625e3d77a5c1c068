//! A set's pod as its template makes it.
//!
//! Source: `pkg/controller/statefulset/stateful_set_utils.go`, newStatefulSetPod, initIdentity, updateStorage.

use serde_json::{Value, json};

use super::REVISION;
use super::claims::claim_name;
use crate::sim::json::{list, name, set, text, uid};

/// The pod with an ordinal, made of a revision's template.
pub(super) fn from_template(owner: &Value, template: &Value, ordinal: i64, revision: &str) -> Value {
    let called = format!("{}-{ordinal}", name(owner));
    let mut pod = json!({"metadata": template.get("metadata").cloned().unwrap_or_else(|| json!({})),
        "spec": template.get("spec").cloned().unwrap_or_else(|| json!({}))});
    for (label, value) in [
        ("statefulset.kubernetes.io/pod-name", called.as_str()),
        ("apps.kubernetes.io/pod-index", &ordinal.to_string()),
        (REVISION, revision),
    ] {
        set(&mut pod, &["metadata", "labels", label], json!(value));
    }
    set(&mut pod, &["metadata", "name"], json!(called));
    let reference = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name(owner), "uid": uid(owner),
        "controller": true, "blockOwnerDeletion": true});
    set(&mut pod, &["metadata", "ownerReferences"], json!([reference]));
    set(&mut pod, &["spec", "hostname"], json!(called));
    let service = text(owner, "/spec/serviceName");
    if !service.is_empty() {
        set(&mut pod, &["spec", "subdomain"], json!(service));
    }
    let claims = list(owner, "/spec/volumeClaimTemplates");
    let mut volumes: Vec<Value> = claims
        .iter()
        .map(|claim| {
            let claimed = claim_name(owner, name(claim), ordinal);
            json!({"name": name(claim), "persistentVolumeClaim": {"claimName": claimed}})
        })
        .collect();
    let others = list(&pod, "/spec/volumes").iter();
    volumes.extend(
        others
            .filter(|volume| !claims.iter().any(|claim| name(claim) == text(volume, "/name")))
            .cloned(),
    );
    if !volumes.is_empty() {
        set(&mut pod, &["spec", "volumes"], Value::Array(volumes));
    }
    pod
}
