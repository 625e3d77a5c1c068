//! Words of a living cluster that steer a terminal: made visible in every output, and none of them lost.

use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

use super::run;
use crate::cluster::Scene;

/// Clears the screen, turns the reading direction, and begins an escape sequence in one byte.
const HOSTILE: &str = "gone\u{1b}[2J\u{202e}txt\u{9b}31m";
/// The same as a person must see it.
const SEEN: &str = "gone\\e[2J\\u{202e}txt\\u{9b}31m";

#[test]
fn hostile_words_in_events_annotations_and_statuses_are_printed_visibly() {
    let scene = Scene::shards(2).start();
    let pod = scene.pod(1);
    let now = jiff::Timestamp::now();
    scene.apply(json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "hostile"},
        "involvedObject": {"kind": "Pod", "name": "shard-1", "namespace": scene.namespace(), "uid": pod.metadata.uid},
        // Server-side apply reads YAML, which has no one-byte escape sequences; the status below takes them all.
        "type": "Warning", "reason": "Hostile", "message": HOSTILE.replace('\u{9b}', ""), "count": 1,
        "firstTimestamp": now.to_string(), "lastTimestamp": now.to_string(), "source": {"component": "test"},
    }));
    scene.make_unready(1);
    let waiting = json!({"name": "shard", "image": HOSTILE, "imageID": HOSTILE, "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": HOSTILE}}});
    scene.patch_status::<Pod>("shard-1", json!({"status": {"containerStatuses": [waiting]}}));
    for output in ["text", "short", "json", "junit", "prometheus"] {
        // `run` looks at every character of both streams.
        let ran = run(scene.shardctl(["verify", "-o", output]));
        ran.says(1, &["POD-01"]);
        if output == "text" {
            assert!(ran.stdout.contains(SEEN), "{}", ran.stdout);
        }
        if output == "json" {
            let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
            assert!(
                report
                    .to_string()
                    .contains(&json!(HOSTILE).to_string().trim_matches('"').to_owned())
            );
        }
    }
    let ran = run(scene.shardctl(["status"]));
    ran.says(1, &["DOWN", "shard-1"]);
    run(scene.shardctl(["snapshot"])).says(0, &[]);
}
