//! Annotations: the known ones that checks look at stay, all others go.

use serde_json::{Map, Value};

use super::fields;
use super::names::Names;
use super::prose::REDACTED;
use crate::model::mark::{MARK, Mark};
use crate::model::pod::MIRROR;

/// Annotations that stay, as they are.
const KEPT: &[&str] = &[
    "controller.kubernetes.io/pod-deletion-cost",
    "deployment.kubernetes.io/revision",
    "downscaler/exclude",
    "downscaler/exclude-until",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/restartedAt",
    "node.alpha.kubernetes.io/ttl",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "volumes.kubernetes.io/controller-managed-attach-detach",
];
/// Domains whose annotations stay, as they are.
const KEPT_DOMAINS: &[&str] = &[
    "autoscaling.keda.sh",
    "cluster-autoscaler.kubernetes.io",
    "descheduler.alpha.kubernetes.io",
    "karpenter.azure.com",
    "karpenter.k8s.aws",
    "karpenter.sh",
    "storageclass.kubernetes.io",
];
/// Annotations whose value is a name.
const NAMES: &[&str] = &[
    "kubectl.kubernetes.io/default-container",
    "volume.kubernetes.io/selected-node",
];
/// Annotations whose value is a driver.
const DRIVERS: &[&str] = &[
    "pv.kubernetes.io/migrated-to",
    "pv.kubernetes.io/provisioned-by",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
];

/// The annotations that stay.
pub fn kept(names: &mut Names, found: Map<String, Value>) -> Map<String, Value> {
    let mut left = Map::new();
    for (key, written) in found {
        let Some(text) = written.as_str() else { continue };
        let domain = key.split_once('/').map_or("", |(domain, _)| domain);
        let text = if key == MARK {
            mark(names, text)
        } else if KEPT.contains(&key.as_str()) || KEPT_DOMAINS.contains(&domain) {
            text.to_owned()
        } else if NAMES.contains(&key.as_str()) {
            names.name(text)
        } else if DRIVERS.contains(&key.as_str()) {
            names.key(text)
        } else if domain == "shardctl.dev" || key == MIRROR || key.ends_with("/kured-reboot-in-progress") {
            // That it is there counts.
            REDACTED.to_owned()
        } else {
            continue;
        };
        left.insert(key, Value::String(text));
    }
    left
}

/// One of our marks: who ran the operation goes, and the set that it is of has its pseudonym, by which it is known as ours or
/// another's. One that can't be read stays one that can't.
fn mark(names: &mut Names, text: &str) -> String {
    let Ok(mut mark) = serde_json::from_str::<Mark>(text) else {
        return REDACTED.to_owned();
    };
    REDACTED.clone_into(&mut mark.by);
    if let [operation, namespace, set, run] = mark.operation.split('/').collect::<Vec<_>>()[..] {
        mark.operation = format!("{operation}/{}/{}/{run}", names.name(namespace), names.name(set));
    }
    mark.was = by_path(names, mark.was);
    mark.is = by_path(names, mark.is);
    serde_json::to_string(&mark).unwrap_or_else(|_| REDACTED.to_owned())
}

/// The fields of a mark. Their keys are paths into the object (`spec.minAvailable`), not names.
fn by_path(names: &mut Names, fields: Value) -> Value {
    match fields {
        Value::Object(fields) => fields
            .into_iter()
            .map(|(path, was)| {
                let field = path.rsplit('.').next().unwrap_or_default().to_owned();
                (path, fields::value(names, &field, was))
            })
            .collect(),
        other => fields::value(names, "", other),
    }
}
