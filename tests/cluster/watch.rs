//! Following objects of one kind for as long as a plane lives, for the stand-ins of what a cloud would do (disks.rs,
//! images.rs).

use futures::TryStreamExt;
use kube::Client;
use kube::core::WatchEvent;
use serde_json::Value;
use std::time::Duration;

/// Calls `seen` with each object under `path` that exists, appears or changes; starts over when the watch ends.
pub async fn follow<F, R>(client: Client, path: &'static str, seen: F)
where
    F: Fn(Client, Value) -> R,
    R: Future<Output = kube::Result<()>>,
{
    loop {
        let request = http::Request::get(format!("{path}?watch=true&resourceVersion=0&timeoutSeconds=3600"))
            .body(Vec::new())
            .expect("a well-formed request");
        if let Ok(events) = client.request_events::<Value>(request).await {
            let mut events = std::pin::pin!(events);
            while let Ok(Some(event)) = events.try_next().await {
                if let WatchEvent::Added(object) | WatchEvent::Modified(object) = event {
                    // A refusal (the object changed or went away meanwhile) is followed by another event.
                    let _ = seen(client.clone(), object).await;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A text field of an object, or "".
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// An annotation of an object, or "".
pub fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    object
        .pointer("/metadata/annotations")
        .and_then(|all| all.get(key))
        .and_then(Value::as_str)
        .unwrap_or_default()
}
