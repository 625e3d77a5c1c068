//! The shards' pods: POD-01 to POD-08, each broken on the real control plane.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use serde_json::json;

use super::edited::{judged, object, objects, recorded};
use super::{assert_fails, verify};
use crate::cluster::Scene;

/// The checks that fail because a shard is down, beside the one that names the reason.
const DOWN: [&str; 4] = ["STS-03", "PDB-03", "EPS-01", "DNS-03"];
/// The check that warns of it.
const DOWN_WARNED: &str = "LB-02";

/// Whether the budget's controller counts this many shards as healthy, and both Services serve as many.
fn serves(scene: &Scene, shards: i32) -> bool {
    let status = scene.budget().status.expect("the budget's status");
    let served = usize::try_from(shards).expect("a number of shards");
    status.current_healthy == Some(shards) && scene.served() == [served; 2]
}

#[test]
fn an_unready_shard_is_named_with_its_consequences() {
    let scene = Scene::shards(3).start();
    scene.make_unready(1);
    scene.wait_until("budget and Services have seen it", |scene| serves(scene, 2));
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "POD-01", &DOWN, &[DOWN_WARNED], &[]);
    assert!(seen.words("POD-01").contains("pod/shard-1"), "{}", seen.check("POD-01"));
}

#[test]
fn crashing_shards_are_quoted_with_exit_code_and_log() {
    let scene = Scene::shards(2)
        .annotation("test.shardctl.dev/behaviour", "crash")
        .without_waiting()
        .start();
    scene.wait_until("both shards have crashed", |scene| {
        let waits = |pod: &Pod| {
            let status = pod
                .status
                .as_ref()
                .and_then(|status| status.container_statuses.as_ref());
            let first = status.and_then(|statuses| statuses.first().cloned());
            let waiting = first.and_then(|first| first.state?.waiting?.reason);
            waiting.as_deref() == Some("CrashLoopBackOff")
        };
        let pods = scene.pods();
        pods.len() == 2 && pods.iter().all(waits) && serves(scene, 0)
    });
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "POD-01", &DOWN, &[DOWN_WARNED, "POD-02", "EVT-01"], &[]);
    let words = seen.words("POD-01");
    assert!(
        words.contains("container shard: CrashLoopBackOff (exit code 1, Error"),
        "{words}"
    );
    assert!(words.contains("log of shard, the last"), "{words}");
}

#[test]
fn a_stranger_with_the_shards_labels_is_found() {
    let scene = Scene::shards(2).start();
    scene.apply(json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "debug", "labels": {"app": "shard"}},
        "spec": {"nodeName": scene.node_of(0), "containers": [{"name": "debug", "image": "registry.example/debug:1.0"}]},
    }));
    scene.wait_until("budget and Services have seen it", |scene| serves(scene, 3));
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "POD-01", &["PDB-03", "EPS-01"], &["THR-01"], &[]);
    assert!(
        seen.words("POD-01").contains("belongs to nobody"),
        "{}",
        seen.check("POD-01")
    );
}

#[test]
fn a_container_that_ran_out_of_memory_is_a_warning() {
    let scene = Scene::shards(2).start();
    scene.patch_status::<Pod>(
        "shard-1",
        json!({"status": {"containerStatuses": [{
            "name": "shard", "restartCount": 1,
            "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-01T00:00:00Z"}},
        }]}}),
    );
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["POD-02"], &[]);
    assert!(seen.words("POD-02").contains("OOMKilled"), "{}", seen.check("POD-02"));
}

#[test]
fn a_pod_on_a_silent_node_is_stuck_on_its_way_out() {
    let patient =
        |key: &str| json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    let tolerations = ["node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready"].map(patient);
    let scene = Scene::shards(2)
        .template(json!({"spec": {"tolerations": tolerations}}))
        .start();
    let node = scene.node_of(1);
    scene.silence(&node, true);
    scene.wait_until("the node is Unknown and its shard unready", |scene| {
        let taints = scene.get::<Node>(&node).spec.and_then(|spec| spec.taints);
        let silent = taints
            .into_iter()
            .flatten()
            .any(|taint| taint.key == "node.kubernetes.io/unreachable" && taint.effect == "NoExecute");
        let said: Vec<Event> = scene.list("fieldSelector=involvedObject.name%3Dshard-1,reason%3DNodeNotReady");
        silent && serves(scene, 1) && !said.is_empty()
    });
    let seen = verify(&scene, &[]);
    let warned = [DOWN_WARNED, "EVT-01", "PV-02", "THR-01"];
    assert_fails(&seen, "NODE-01", &[&["POD-01"], &DOWN[..]].concat(), &warned, &[]);
    scene.delete::<Pod>("shard-1");
    let seen = verify(&scene, &[]);
    assert_fails(
        &seen,
        "POD-03",
        &[&["POD-01", "NODE-01"], &DOWN[..]].concat(),
        &warned[..3],
        &[],
    );
    let words = seen.words("POD-03");
    assert!(words.contains("isn't Ready, and nobody can confirm"), "{words}");
}

/// The grace period is thirty seconds and more in a healthy set: a test doesn't wait for that, the snapshot's time is moved.
#[test]
fn a_pod_past_its_grace_period_is_stuck() {
    let scene = Scene::shards(2).annotation("test.shardctl.dev/stop", "never").start();
    scene.delete::<Pod>("shard-0");
    scene.wait_until("budget and Services have seen it", |scene| serves(scene, 1));
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "POD-01", &DOWN, &[DOWN_WARNED], &[]);
    let mut snapshot = recorded(&scene);
    object(&mut snapshot, "pods", "shard-0")["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let seen = judged(&scene, &snapshot, &[]);
    assert_fails(&seen, "POD-03", &[&["POD-01"], &DOWN[..]].concat(), &[DOWN_WARNED], &[]);
    assert!(
        seen.words("POD-03").contains("still running: shard"),
        "{}",
        seen.check("POD-03")
    );
}

/// Why the scheduler has no place for a pod; nothing where it has one, or hasn't looked yet.
///
/// The fake kubelet may delete a shard's pod by its name a second time, and hit the one after it: a pod younger than two
/// seconds isn't asked.
fn refusal(scene: &Scene, pod: &str) -> String {
    let Some(pod) = scene.find::<Pod>(pod) else {
        return String::new();
    };
    let born = pod.metadata.creation_timestamp.expect("a creation time").0;
    if Timestamp::now().duration_since(born) < SignedDuration::from_secs(2) {
        return String::new();
    }
    let conditions = pod.status.and_then(|status| status.conditions);
    let refused = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.type_ == "PodScheduled" && condition.status == "False");
    refused.and_then(|refused| refused.message).unwrap_or_default()
}

#[test]
fn a_shard_that_waits_for_a_place_is_told_why() {
    let scene = Scene::shards(3).start();
    let node = scene.node_of(1);
    scene.cordon(&node, true);
    scene.delete::<Pod>("shard-1");
    scene.wait_until("shard 1 waits for the cordoned node", |scene| {
        refusal(scene, "shard-1").contains("were unschedulable") && serves(scene, 2)
    });
    let seen = verify(&scene, &[]);
    assert_fails(
        &seen,
        "POD-04",
        &[&["POD-01"], &DOWN[..]].concat(),
        &[DOWN_WARNED, "EVT-01", "PV-02"],
        &[],
    );
    assert!(
        seen.words("POD-04").contains("Pending (cordon)"),
        "{}",
        seen.check("POD-04")
    );

    // The node takes pods again, but has no room left: the filler is as important as a shard, and isn't pushed out.
    scene.apply(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "filler"},
        "spec": {"nodeName": node, "priorityClassName": scene.namespace(), "containers": [{
            "name": "filler", "image": "registry.example/filler:1.0", "resources": {"requests": {"memory": "125Gi"}},
        }]},
    }));
    scene.cordon(&node, false);
    scene.wait_until("the scheduler has tried again", |scene| {
        refusal(scene, "shard-1").contains("Insufficient memory")
    });
    let seen = verify(&scene, &[]);
    assert!(
        seen.words("POD-04").contains("Pending (memory)"),
        "{}",
        seen.check("POD-04")
    );

    // The only node of the disk's zone is gone. Nothing makes the scheduler look again then, but a new pod.
    scene.delete::<Node>(&node);
    scene.delete::<Pod>("shard-1");
    scene.wait_until("the scheduler has tried the new pod", |scene| {
        let said = refusal(scene, "shard-1");
        said.contains("PersistentVolume's node affinity") && !said.contains("memory")
    });
    let seen = verify(&scene, &[]);
    assert!(
        seen.words("POD-04").contains("Pending (disk-zone)"),
        "{}",
        seen.check("POD-04")
    );
}

#[test]
fn a_shard_that_the_pool_may_buy_no_node_for_is_told_so() {
    let scene = Scene::shards(2)
        .shard_size("9", "72Gi")
        .on_karpenter("Standard_E16s_v5", "1s")
        .pool(json!({"spec": {"limits": {"nodes": "2"}}}))
        .start();
    scene.cordon(&scene.node_of(1), true);
    scene.delete::<Pod>("shard-1");
    scene.wait_until("Karpenter has refused, and counted its nodes", |scene| {
        let pools = scene.list_any("karpenter.sh/v1", "NodePool", "");
        let ours = pools.iter().find(|pool| pool["metadata"]["name"] == scene.namespace());
        let counted = ours.is_some_and(|pool| pool["status"]["resources"]["nodes"] == "2");
        let events: Vec<Event> = scene.list("fieldSelector=involvedObject.name%3Dshard-1,reason%3DFailedScheduling");
        let uid = scene.uid(1);
        let refused = events.iter().any(|event| {
            let message = event.message.as_deref().unwrap_or_default();
            message.contains("limits") && event.involved_object.uid == uid
        });
        let refused = refused && !refusal(scene, "shard-1").is_empty();
        counted && refused && serves(scene, 1)
    });
    let seen = verify(&scene, &[]);
    let failed = [&["POD-01"], &DOWN[..]].concat();
    assert_fails(
        &seen,
        "POD-04",
        &failed,
        &[DOWN_WARNED, "EVT-01", "PV-02", "KARP-04"],
        &[],
    );
    let words = seen.words("POD-04");
    assert!(words.contains("Pending (pool-limits)"), "{words}");
    assert!(words.contains("karpenter: Failed to schedule pod, "), "{words}");
}

#[test]
fn an_init_container_without_resources_loses_guaranteed() {
    let init = json!({"spec": {"initContainers": [{"name": "wait", "image": "registry.example/wait:1.0"}]}});
    let scene = Scene::shards(2).template(init).start();
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "POD-05", &[], &[], &[]);
    let words = seen.words("POD-05");
    assert!(
        words.contains("init container wait has neither request nor limit for cpu"),
        "{words}"
    );
    let class = scene.pod(0).status.and_then(|status| status.qos_class);
    assert_eq!(class.as_deref(), Some("Burstable"), "the server agrees");
}

#[test]
fn short_grace_and_no_priority_are_warnings() {
    let weak = json!({"spec": {"terminationGracePeriodSeconds": 5, "priorityClassName": ""}});
    let scene = Scene::shards(2).template(weak).start();
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["POD-06"], &[]);
    let words = seen.words("POD-06");
    assert!(words.contains("terminationGracePeriodSeconds is 5"), "{words}");
    assert!(words.contains("priority 0 (no priorityClassName)"), "{words}");
}

#[test]
fn in_the_stable_phase_a_pod_without_do_not_disrupt_is_found() {
    let scene = Scene::shards(2)
        .stable()
        .shard_size("9", "72Gi")
        .on_karpenter("Standard_E16s_v5", "1s")
        .start();
    let before = verify(&scene, &[]);
    before.assert_only(&[], &[], &[]);
    assert_eq!(before.check("POD-07")["status"], "pass", "{}", before.check("POD-07"));
    scene.patch::<Pod>(
        "shard-1",
        json!({"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": null}}}),
    );
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "POD-07", &[], &[], &[]);
    assert!(seen.words("POD-07").contains("pod/shard-1"), "{}", seen.check("POD-07"));
}

/// Cluster Autoscaler's status would concern every scene of the plane: it is added to the snapshot.
#[test]
fn beside_cluster_autoscaler_a_pod_that_it_may_evict_is_a_warning() {
    let scene = Scene::shards(2).start();
    scene.patch::<Pod>(
        "shard-0",
        json!({"metadata": {"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "true"}}}),
    );
    assert_eq!(verify(&scene, &[]).check("POD-08")["status"], "not-applicable");
    let mut snapshot = recorded(&scene);
    objects(&mut snapshot, "cluster-autoscaler-status")
        .push(json!({"metadata": {"name": "cluster-autoscaler-status", "namespace": "kube-system"}, "data": {}}));
    let seen = judged(&scene, &snapshot, &[]);
    seen.assert_only(&[], &["POD-08"], &[]);
    assert!(seen.words("POD-08").contains("pod/shard-0"), "{}", seen.check("POD-08"));
}
