//! What a pod's status says of its containers.

use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::sim::json::{list, set, stamp, text, uid};

/// Why a container doesn't run.
pub(super) struct Wait<'a> {
    /// The reason, one word.
    pub(super) reason: &'a str,
    /// The sentence.
    pub(super) message: &'a str,
}

/// The images of all containers, each once.
pub(super) fn images(pod: &Value) -> Vec<&str> {
    let mut images: Vec<&str> = ["/spec/initContainers", "/spec/containers"]
        .into_iter()
        .flat_map(|pointer| list(pod, pointer))
        .map(|container| text(container, "/image"))
        .collect();
    images.sort_unstable();
    images.dedup();
    images
}

/// Writes that the containers run.
pub(super) fn running(pod: &mut Value, ready: bool, now: Timestamp) {
    let state = |before: Option<&Value>| {
        let since = before.and_then(|before| before.pointer("/state/running/startedAt").cloned());
        json!({"running": {"startedAt": since.unwrap_or_else(|| stamp(now))}})
    };
    write(pod, ready, None, &state);
}

/// Writes that the containers wait.
pub(super) fn waiting(pod: &mut Value, wait: &Wait<'_>, restarts: i64, now: Timestamp) {
    let mut why = json!({"reason": wait.reason});
    if !wait.message.is_empty() {
        why["message"] = json!(wait.message);
    }
    write(pod, false, Some(restarts), &|_| json!({"waiting": why}));
    for kind in ["Ready", "ContainersReady"] {
        let said = json!({"type": kind, "status": "False", "reason": "ContainersNotReady"});
        crate::sim::json::set_condition(pod, said, now);
    }
}

/// Writes that the containers have ended with a code, and since when.
pub(super) fn ended(pod: &mut Value, code: i64, now: Timestamp) {
    let id = uid(pod).to_owned();
    let reason = if code == 0 { "Completed" } else { "Error" };
    let statuses = pod
        .pointer_mut("/status/containerStatuses")
        .and_then(Value::as_array_mut);
    for status in statuses.into_iter().flatten() {
        let container = format!("containerd://{id}/{}", name_of(status));
        let image = text(status, "/image").to_owned();
        status["imageID"] = json!(image_id(&image));
        status["lastState"] = json!({"terminated": {"exitCode": code, "reason": reason, "containerID": container,
            "startedAt": stamp(now), "finishedAt": stamp(now)}});
    }
}

fn write(pod: &mut Value, ready: bool, restarts: Option<i64>, state: &dyn Fn(Option<&Value>) -> Value) {
    let before = list(pod, "/status/containerStatuses").to_vec();
    let statuses: Vec<Value> = list(pod, "/spec/containers")
        .iter()
        .map(|container| {
            let before = before.iter().find(|before| name_of(before) == name_of(container));
            let count = before.and_then(|before| before["restartCount"].as_i64());
            let state = state(before);
            let image = text(container, "/image");
            let runs = state.get("running").is_some();
            json!({"name": name_of(container), "image": image, "imageID": if runs { image_id(image) } else { String::new() },
                "containerID": if runs { format!("containerd://{}/{}", uid(pod), name_of(container)) } else { String::new() },
                "ready": ready, "started": runs, "restartCount": restarts.or(count).unwrap_or(0),
                "state": state, "lastState": {}})
        })
        .collect();
    set(pod, &["status", "containerStatuses"], Value::Array(statuses));
}

fn name_of(container: &Value) -> &str {
    text(container, "/name")
}

/// What an image is wherever it is pulled: a digest says itself.
fn image_id(image: &str) -> String {
    if image.contains("@sha256:") {
        return image.to_owned();
    }
    let digest: String = Sha256::digest(image.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{image}@sha256:{digest}")
}

/// An address that no other pod has.
pub(super) fn address(uid: &str) -> String {
    let digest = Sha256::digest(uid.as_bytes());
    let part = |at: usize| digest.get(at).copied().unwrap_or(1);
    format!("10.{}.{}.{}", part(0) | 128, part(1), part(2).max(1))
}
