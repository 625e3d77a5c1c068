//! The end of pods: what a kubelet does when a pod has stopped. kwok could do it, and asks by the pod's name alone: under load
//! it asks twice, and then the second request deletes the pod that has been made in its place.

use super::api;
use super::images::duration;
use super::scene::SILENT;
use super::watch::{annotation, follow, text};
use kube::Client;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long a pod takes to stop that doesn't say.
const STOPS_AFTER: Duration = Duration::from_millis(200);

/// How often one that can't be let go yet is looked at again.
const AGAIN: Duration = Duration::from_millis(200);

type Stopping = Arc<Mutex<BTreeSet<String>>>;

/// Runs until the plane ends.
pub async fn run(client: Client) {
    let stopping = Stopping::default();
    follow(client, "/api/v1/pods", move |client, pod| {
        let stops = pod["metadata"]["deletionTimestamp"].is_string() && !text(&pod, "/spec/nodeName").is_empty();
        if stops {
            tokio::spawn(stop(client, pod, stopping.clone()));
        }
        std::future::ready(Ok(()))
    })
    .await;
}

async fn stop(client: Client, mut pod: Value, stopping: Stopping) {
    let uid = text(&pod, "/metadata/uid").to_owned();
    if !stopping.lock().await.insert(uid.clone()) {
        return;
    }
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}",
        text(&pod, "/metadata/namespace"),
        text(&pod, "/metadata/name")
    );
    let takes = duration(annotation(&pod, "test.shardctl.dev/stop-after")).unwrap_or(STOPS_AFTER);
    tokio::time::sleep(takes).await;
    let options = json!({"gracePeriodSeconds": 0, "preconditions": {"uid": uid}});
    loop {
        if may_go(&client, &pod).await && api::delete(&client, &path, &options).await.is_ok() {
            return;
        }
        tokio::time::sleep(AGAIN).await;
        pod = match api::get(&client, &path).await {
            Ok(now) if text(&now, "/metadata/uid") == uid => now,
            Err(error) if api::code(&error).is_none() => pod,
            _ => return,
        };
    }
}

/// Whether nothing keeps the pod: neither its behaviour, nor a finalizer, nor a node that nobody hears from.
async fn may_go(client: &Client, pod: &Value) -> bool {
    let finalizers = pod["metadata"]["finalizers"].as_array();
    if annotation(pod, "test.shardctl.dev/stop") == "never" || finalizers.is_some_and(|all| !all.is_empty()) {
        return false;
    }
    let node = text(pod, "/spec/nodeName");
    let node = api::get(client, &format!("/api/v1/nodes/{node}")).await;
    node.is_ok_and(|node| node["metadata"]["labels"][SILENT] != "true")
}
