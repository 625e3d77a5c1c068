//! EVT-01: the cluster's own warnings about the shards.

use serde_json::json;

use super::verify;
use crate::cluster::Scene;

#[test]
fn a_warning_after_the_shard_became_ready_is_told_and_the_noise_before_is_not() {
    let scene = Scene::shards(2).start();
    verify(&scene, &[]).assert_only(&[], &[], &[]);

    let event = |name: &str, about: &str, at: &str| {
        json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": scene.namespace()},
            "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": about, "namespace": scene.namespace()},
            "type": "Warning", "reason": "Unhealthy", "message": "Readiness probe failed: timeout", "count": 3,
            "firstTimestamp": at, "lastTimestamp": at, "source": {"component": "kubelet"},
        })
    };
    let ready = scene
        .pod(1)
        .status
        .and_then(|status| status.conditions)
        .into_iter()
        .flatten();
    let ready = ready
        .filter(|condition| condition.type_ == "Ready")
        .find_map(|condition| condition.last_transition_time)
        .expect("shard 1 is Ready");
    let later = (ready.0 + std::time::Duration::from_secs(1)).to_string();
    scene.apply(event("before", "shard-1", &ready.0.to_string()));
    scene.apply(event("another", "web-1", &later));
    verify(&scene, &[]).assert_only(&[], &[], &[]);
    scene.apply(event("after", "shard-1", &later));
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["EVT-01"], &[]);
    let words = seen.words("EVT-01");
    assert!(words.contains("Unhealthy, 3 times in the last hour"), "{words}");
}
