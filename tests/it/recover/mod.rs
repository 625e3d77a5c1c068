//! `shardctl recover` on the real control plane: what interrupted runs left is undone, what isn't ours is left.

mod at_once;
mod cronjob;
mod killed;
mod marks;
pub mod node_off;
mod surge;

use std::collections::BTreeMap;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use crate::bad_days::{Ran, run};
use crate::cluster::Scene;

/// `recover` that asks nothing and whose lock doesn't outlive it for long.
pub fn recover<'a>(further: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["recover", "--yes", "--lease-duration", "1s"];
    arguments.extend_from_slice(further);
    arguments
}

/// Recovers, as the administrator.
#[track_caller]
pub fn recovered(scene: &Scene<'_>, further: &[&str]) -> Ran {
    run(scene.shardctl(recover(further)))
}

/// Recovers through a kubeconfig.
#[track_caller]
pub fn recovered_with(scene: &Scene<'_>, kubeconfig: &Path, further: &[&str]) -> Ran {
    run(scene.shardctl_with(kubeconfig, recover(further)))
}

/// A mark as a drain of the scene's set would have left it, meant to last for so many more seconds.
pub fn mark(scene: &Scene<'_>, lasts: i64, was: Value, is: Value) -> String {
    let now = Timestamp::now();
    json!({
        "operation": format!("drain/{}/{}/4f2a9c", scene.namespace(), scene.name()), "by": "ada@laptop",
        "since": now - SignedDuration::from_secs(600), "until": now + SignedDuration::from_secs(lasts), "was": was, "is": is,
    })
    .to_string()
}

/// The annotation that holds a mark, as a patch.
pub fn marked(mark: &str) -> Value {
    json!({"metadata": {"annotations": {"shardctl.dev/mark": mark}}})
}

/// Annotations of ours.
pub fn ours(annotations: Option<&BTreeMap<String, String>>) -> Vec<String> {
    let keys = annotations.into_iter().flat_map(BTreeMap::keys);
    keys.filter(|key| key.starts_with("shardctl.dev/")).cloned().collect()
}

/// The budget's two values, and whether a mark is on it.
pub fn budget(scene: &Scene<'_>) -> (Value, Value, bool) {
    let budget: PodDisruptionBudget = scene.budget();
    let marked = !ours(budget.metadata.annotations.as_ref()).is_empty();
    let value = serde_json::to_value(budget.spec).expect("a spec");
    (value["minAvailable"].clone(), value["maxUnavailable"].clone(), marked)
}
