//! Slow pulls: an image whose name ends in `-slowpull` takes a while the first time on a node, and is there at once
//! the next time; the node lists it among its images, as a kubelet would. How long: the pod's annotation
//! `test.shardctl.dev/pull-after` ("1500ms", "3s"), else two seconds.

use super::api;
use super::watch::{annotation, follow, text};
use kube::Client;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OnceCell};

type Pulls = Arc<Mutex<BTreeMap<(String, String), Arc<OnceCell<()>>>>>;

/// Runs until the plane ends.
pub async fn run(client: Client) {
    let pulls = Pulls::default();
    follow(client, "/api/v1/pods", move |client, pod| {
        // A pull must not hold up the others.
        tokio::spawn(pull(client, pod, pulls.clone()));
        std::future::ready(Ok(()))
    })
    .await;
}

async fn pull(client: Client, pod: Value, pulls: Pulls) -> kube::Result<()> {
    let mut slow = Vec::new();
    for containers in ["initContainers", "containers"] {
        let containers = pod["spec"][containers].as_array();
        let images = containers
            .into_iter()
            .flatten()
            .map(|container| text(container, "/image").to_owned());
        slow.extend(images.filter(|image| image.ends_with("-slowpull")));
    }
    let node = text(&pod, "/spec/nodeName");
    let done =
        annotation(&pod, "test.shardctl.dev/pulled") == "true" || pod["metadata"]["deletionTimestamp"].is_string();
    // Not before the fake kubelet has told of the pod: it would take the annotation for news, and tell the same once more, over
    // what became of the pod meanwhile.
    let told_of = pod["status"]["startTime"].is_string();
    if node.is_empty() || done || slow.is_empty() || !told_of {
        return Ok(());
    }
    let takes = duration(annotation(&pod, "test.shardctl.dev/pull-after")).unwrap_or(Duration::from_secs(2));
    for image in slow {
        let cell = pulls
            .lock()
            .await
            .entry((node.to_owned(), image.clone()))
            .or_default()
            .clone();
        cell.get_or_init(|| async {
            tokio::time::sleep(takes).await;
            list_on_node(&client, node, &image).await.unwrap_or_default();
        })
        .await;
    }
    let path = format!(
        "/api/v1/namespaces/{}/pods/{}",
        text(&pod, "/metadata/namespace"),
        text(&pod, "/metadata/name")
    );
    let pulled = json!({"metadata": {
        "uid": pod["metadata"]["uid"], "annotations": {"test.shardctl.dev/pulled": "true"},
    }});
    api::merge(&client, &path, &pulled).await.map(drop)
}

async fn list_on_node(client: &Client, node: &str, image: &str) -> kube::Result<()> {
    let path = format!("/api/v1/nodes/{node}");
    let seen = api::get(client, &path).await?;
    let mut images = seen["status"]["images"].as_array().cloned().unwrap_or_default();
    images.push(json!({"names": [image], "sizeBytes": 1_500_000_000u64}));
    api::merge(
        client,
        &format!("{path}/status"),
        &json!({"status": {"images": images}}),
    )
    .await
    .map(drop)
}

/// A length as behaviours give it: `300ms`, `5s`.
pub fn duration(text: &str) -> Option<Duration> {
    if let Some(number) = text.strip_suffix("ms") {
        return number.parse().ok().map(Duration::from_millis);
    }
    text.strip_suffix('s')?.parse().ok().map(Duration::from_secs_f64)
}
