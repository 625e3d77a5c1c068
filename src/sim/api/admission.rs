//! What the server's admission adds to a new pod, or has against it.

use serde_json::{Value, json};

use crate::sim::json::{flag, number, set, text};
use crate::sim::kind::Kind;
use crate::sim::refused::Refused;
use crate::sim::store::{Key, Store};

/// Gives a pod the priority of its class, as the Priority plugin does.
///
/// # Errors
/// 403 where there is no such class.
pub(in crate::sim) fn admit(store: &Store, pod: &mut Value) -> Result<(), Refused> {
    let class = text(pod, "/spec/priorityClassName").to_owned();
    let found = if class.is_empty() {
        store
            .all(Kind::PriorityClasses, None)
            .find(|class| flag(class, "/globalDefault"))
    } else {
        store.get(&Key::wide(Kind::PriorityClasses, &class))
    };
    let priority = match found {
        Some(found) => number(found, "/value").unwrap_or(0),
        None if class.is_empty() => 0,
        // These two are built in.
        None if class == "system-cluster-critical" => 2_000_000_000,
        None if class == "system-node-critical" => 2_000_001_000,
        None => {
            let name = text(pod, "/metadata/name");
            let message = format!("pods \"{name}\" is forbidden: no PriorityClass with name {class} was found");
            return Err(Refused::new(403, "Forbidden", message).about(Kind::Pods, name));
        }
    };
    let policy = found.map(|class| text(class, "/preemptionPolicy")).unwrap_or_default();
    let policy = if policy.is_empty() {
        "PreemptLowerPriority"
    } else {
        policy
    }
    .to_owned();
    set(pod, &["spec", "priority"], json!(priority));
    if pod.pointer("/spec/preemptionPolicy").is_none() {
        set(pod, &["spec", "preemptionPolicy"], json!(policy));
    }
    Ok(())
}
