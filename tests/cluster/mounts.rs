//! The wait of a kubelet for disks: a pod annotated `test.shardctl.dev/disks: awaited` starts no container before every disk of
//! it is attached to its node. The annotation says `attached` then, and the fake kubelet goes on.

use super::api;
use super::watch::{annotation, follow, text};
use kube::Client;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often the attachments are looked at.
const AGAIN: Duration = Duration::from_millis(100);

/// The annotation.
const DISKS: &str = "test.shardctl.dev/disks";

type Awaiting = Arc<Mutex<BTreeSet<String>>>;

/// Runs until the plane ends.
pub async fn run(client: Client) {
    let awaiting = Awaiting::default();
    follow(client, "/api/v1/pods", move |client, pod| {
        // Once the fake kubelet has told of the pod (images.rs says why).
        if annotation(&pod, DISKS) == "awaited" && pod["status"]["startTime"].is_string() {
            tokio::spawn(wait(client, pod, awaiting.clone()));
        }
        std::future::ready(Ok(()))
    })
    .await;
}

async fn wait(client: Client, pod: Value, awaiting: Awaiting) {
    let uid = text(&pod, "/metadata/uid").to_owned();
    if !awaiting.lock().await.insert(uid.clone()) {
        return;
    }
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}",
        text(&pod, "/metadata/namespace"),
        text(&pod, "/metadata/name")
    );
    let attached = json!({"metadata": {"uid": uid, "annotations": {DISKS: "attached"}}});
    loop {
        let all_there = are_attached(&client, &pod).await.unwrap_or(false);
        if all_there && api::merge(&client, &path, &attached).await.is_ok() {
            return;
        }
        tokio::time::sleep(AGAIN).await;
        match api::get(&client, &path).await {
            Ok(now) if text(&now, "/metadata/uid") == uid => {}
            Err(error) if api::code(&error).is_none() => {}
            _ => return,
        }
    }
}

/// Whether every disk of a pod is attached to its node.
async fn are_attached(client: &Client, pod: &Value) -> kube::Result<bool> {
    let attachments = api::get(client, "/apis/storage.k8s.io/v1/volumeattachments").await?;
    let here = |volume: &str| {
        let mut all = attachments["items"].as_array().into_iter().flatten();
        all.any(|one| {
            text(one, "/spec/source/persistentVolumeName") == volume
                && text(one, "/spec/nodeName") == text(pod, "/spec/nodeName")
                && one["status"]["attached"] == true
        })
    };
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        let claim = text(volume, "/persistentVolumeClaim/claimName");
        if claim.is_empty() {
            continue;
        }
        let space = text(pod, "/metadata/namespace");
        let claim = api::get(
            client,
            &format!("/api/v1/namespaces/{space}/persistentvolumeclaims/{claim}"),
        )
        .await?;
        if !here(text(&claim, "/spec/volumeName")) {
            return Ok(false);
        }
    }
    Ok(true)
}
