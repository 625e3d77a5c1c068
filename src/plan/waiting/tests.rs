//! Scenes of a shard that waits, and the words for it.

use super::*;
use crate::model::resource::Resource;
use crate::plan::verify::testing::{NOW, Scene};
use serde_json::{Value, json};

fn at(seconds: i64) -> Timestamp {
    NOW.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// What is said of shard 1 at a moment, when its pod was deleted at the scenes' own and everything since is as it is here.
fn told(scene: &Scene, seconds: i64) -> (Phase, String) {
    let healthy = Scene::healthy(3).snapshot();
    let old = &healthy.pods.got().unwrap()[1];
    let mut course = Course::begun(1, old, SignedDuration::from_secs(30), at(0));
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    course.observe(&seen, at(0)).unwrap();
    let waiting = waiting(&seen, &course, at(seconds)).unwrap();
    (waiting.phase, waiting.words)
}

/// The scene with a new pod of shard 1.
fn with_new(rest: Value) -> Scene {
    let mut scene = Scene::healthy(3);
    scene.remove(Resource::Pods, "db-1");
    scene.add(
        Resource::Pods,
        json!({
            "metadata": {"name": "db-1", "uid": "new", "labels": {"app": "db"}, "creationTimestamp": NOW},
            "spec": {"containers": [{"name": "db"}]}, "status": {"phase": "Pending"},
        }),
    );
    scene.merge(Resource::Pods, "db-1", rest);
    scene
}

fn container(rest: Value) -> Value {
    let mut status = json!({"name": "db", "image": "", "imageID": "", "ready": false, "restartCount": 0});
    status
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    status
}

#[test]
fn a_terminating_pod_has_its_grace_and_then_what_holds_it_is_named() {
    let mut scene = Scene::healthy(3);
    assert_eq!(
        told(&scene, 1),
        (Phase::Terminate, "its deletion isn't seen yet".to_owned())
    );
    scene.merge(
        Resource::Pods,
        "db-1",
        json!({
            "metadata": {"deletionTimestamp": "2026-03-01T12:01:00Z", "deletionGracePeriodSeconds": 60},
            "spec": {"containers": [{"name": "db", "lifecycle": {"preStop": {"sleep": {"seconds": 100}}}}]},
        }),
    );
    assert_eq!(
        told(&scene, 12),
        (Phase::Terminate, "terminating for 12s of 1m".to_owned())
    );
    assert_eq!(
        told(&scene, 75).1,
        "terminating, 15s past its grace period of 1m: still running: db; preStop hook in db; it isn't deleted by force"
    );
    scene.merge(
        Resource::Pods,
        "db-1",
        json!({"metadata": {"finalizers": ["example.com/slow"]}}),
    );
    assert!(
        told(&scene, 75)
            .1
            .contains("it waits for its finalizers: example.com/slow")
    );
    scene.edit(Resource::Nodes, "node-1", |node| {
        node["status"]["conditions"][0]["status"] = json!("Unknown");
    });
    assert!(
        told(&scene, 12)
            .1
            .starts_with("terminating for 12s of 1m: its node/node-1 isn't Ready")
    );
    scene.unreadable(Resource::Nodes);
    assert_eq!(told(&scene, 12).1, "terminating for 12s of 1m");
}

#[test]
fn a_pod_that_is_not_made_again_waits_for_a_lower_one_or_for_the_controller() {
    let mut scene = Scene::healthy(3);
    scene.remove(Resource::Pods, "db-1");
    assert_eq!(told(&scene, 1).1, "the controller hasn't made it again yet");
    let refusal = "create Pod db-1 in StatefulSet db failed error: exceeded quota";
    scene.event(
        "StatefulSet",
        "db",
        "2026-03-01T11:00:00Z",
        json!({"reason": "FailedCreate", "message": refusal}),
    );
    assert_eq!(
        told(&scene, 1).1,
        "the controller hasn't made it again yet",
        "that was before"
    );
    scene.event(
        "StatefulSet",
        "db",
        "2026-03-01T12:00:01Z",
        json!({"reason": "FailedCreate", "message": refusal}),
    );
    assert_eq!(told(&scene, 1).1, format!("the controller can't make it: {refusal}"));
    scene.merge(Resource::Pods, "db-0", json!({"metadata": {"deletionTimestamp": NOW}}));
    assert!(
        told(&scene, 1).1.starts_with("the controller can't"),
        "Parallel waits for nobody"
    );
    scene.merge(
        Resource::StatefulSets,
        "db",
        json!({"spec": {"podManagementPolicy": "OrderedReady"}}),
    );
    assert_eq!(
        told(&scene, 1).1,
        "not made again before pod/db-0 is Ready: the set's podManagementPolicy is OrderedReady"
    );
}

#[test]
fn a_pending_pod_is_told_by_its_cause() {
    let mut scene = with_new(json!({}));
    assert_eq!(
        told(&scene, 3),
        (
            Phase::Schedule,
            "Pending for 3s: the scheduler has said nothing yet".to_owned()
        )
    );
    // What was said of the pod before doesn't count.
    let old = json!({
        "involvedObject": {"uid": "uid-db-1"}, "source": {"component": "default-scheduler"},
        "reason": "FailedScheduling", "message": "0/3 nodes are available: 3 Insufficient cpu.",
    });
    scene.event("Pod", "db-1", "2026-03-01T11:59:00Z", old);
    assert_eq!(told(&scene, 3).1, "Pending for 3s: the scheduler has said nothing yet");
    let unschedulable = json!({"status": {"conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/3 nodes are available: 3 Insufficient memory.",
    }]}});
    scene.merge(Resource::Pods, "db-1", unschedulable);
    assert_eq!(told(&scene, 12).1, "Pending for 12s: no node has enough memory free");
    scene.merge(
        Resource::Pods,
        "db-1",
        json!({"status": {"nominatedNodeName": "node-2"}}),
    );
    assert_eq!(
        told(&scene, 12).1,
        "Pending for 12s: room is being made for it on node/node-2"
    );
}

#[test]
fn a_disk_that_is_still_elsewhere_is_timed_with_what_to_expect() {
    let mut scene = with_new(json!({"spec": {"nodeName": "node-2"}}));
    let (phase, words) = told(&scene, 90);
    assert_eq!(phase, Phase::Detach);
    assert!(
        words.starts_with("its disk pv-1 is still attached to node/node-1, for 1m 30s; it leaves once"),
        "{words}"
    );
    scene.edit(Resource::Nodes, "node-1", |node| {
        node["status"]["conditions"][0]["status"] = json!("Unknown");
    });
    assert!(told(&scene, 90).1.contains("by force after 6 minutes"));
    scene.edit(Resource::VolumeAttachments, "va-1", |one| {
        one["spec"]["nodeName"] = json!("node-2");
        one["status"] = json!({"attached": false, "attachError": {"message": "the cloud says no"}});
    });
    assert_eq!(
        told(&scene, 90),
        (
            Phase::Attach,
            "its disk pv-1 is being attached to node/node-2, for 1m 30s: the cloud says no".to_owned()
        )
    );
}

#[test]
fn a_detach_that_was_asked_for_waits_for_the_storage_driver() {
    let mut scene = with_new(json!({"spec": {"nodeName": "node-2"}}));
    scene.edit(Resource::VolumeAttachments, "va-1", |one| {
        one["metadata"]["deletionTimestamp"] = json!(NOW);
    });
    let asked = at(0).strftime("%H:%M:%SZ");
    let (phase, words) = told(&scene, 90);
    assert_eq!(phase, Phase::Detach);
    assert!(
        words.contains(&format!("its detach was asked for at {asked}")),
        "{words}"
    );
}

/// What is added to the finding about shard 1, whose new pod waited too long: its evidence, then its remedy.
fn proof(scene: &Scene) -> String {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    let new = snapshot
        .pods
        .got()
        .unwrap()
        .iter()
        .find(|found| pod::name(found) == "db-1");
    let course = Course::found(1, new, SignedDuration::ZERO, at(0));
    let mut finding = crate::model::finding::Finding::new(crate::model::finding::Severity::Error, "pod/db-1", "late");
    what_to_prove(&seen, &course, new.unwrap(), &mut finding);
    format!("{}\n{}", finding.evidence.join("\n"), finding.remedy.join("\n"))
}

#[test]
fn what_holds_a_disk_is_named_with_what_to_prove_before_a_hand_is_lent() {
    let mut scene = with_new(json!({"spec": {"nodeName": "node-2"}}));
    scene.edit(Resource::VolumeAttachments, "va-1", |one| {
        one["metadata"]["finalizers"] = json!(["external-attacher/disk"]);
    });
    let said = proof(&scene);
    assert!(
        said.starts_with("volumeattachment/va-1 keeps disk pv-1 on node/node-1"),
        "{said}"
    );
    assert!(said.contains("nothing on node/node-1 writes to it"), "{said}");
    assert!(
        said.contains("never take the attachment or its finalizer away by hand"),
        "{said}"
    );
    assert!(
        !said.contains("external-attacher/disk"),
        "it isn't asked to go yet: {said}"
    );
    scene.edit(Resource::VolumeAttachments, "va-1", |one| {
        one["metadata"]["deletionTimestamp"] = json!(NOW);
    });
    assert!(proof(&scene).contains("waits for external-attacher/disk"));

    scene.edit(Resource::Nodes, "node-1", |node| {
        node["status"]["conditions"][0]["status"] = json!("Unknown");
    });
    let said = proof(&scene);
    assert!(said.contains("that node's machine is off"), "{said}");
    assert!(said.contains("$ shardctl recover --node-is-off node-1"), "{said}");
    scene.remove(Resource::Nodes, "node-1");
    let said = proof(&scene);
    assert!(
        said.contains("that node's machine is off") && !said.contains("--node-is-off"),
        "{said}"
    );

    scene.edit(Resource::VolumeAttachments, "va-1", |one| {
        one["spec"]["nodeName"] = json!("node-2");
        one["status"] = json!({"attached": false});
    });
    let said = proof(&scene);
    assert!(
        said.starts_with("volumeattachment/va-1 is to bring disk pv-1 to node/node-2"),
        "{said}"
    );
    assert!(!said.contains("prove"), "{said}");
    scene.edit(Resource::VolumeAttachments, "va-1", |one| {
        one["status"]["attached"] = json!(true);
    });
    assert_eq!(proof(&scene).trim(), "", "its disks are where they should be");
}

#[test]
fn after_the_disks_come_the_images() {
    let mut scene = with_new(json!({"spec": {"nodeName": "node-1"}}));
    assert_eq!(
        told(&scene, 4),
        (Phase::Pull, "node/node-1 makes its containers, for 4s".to_owned())
    );
    let said = |reason: &str, kind: &str, message: &str| json!({"reason": reason, "type": kind, "message": message});
    scene.event(
        "Pod",
        "db-1",
        "2026-03-01T12:00:01Z",
        said("Pulling", "Normal", "Pulling image \"db:2\""),
    );
    assert_eq!(told(&scene, 4).1, "node/node-1 fetches db:2, for 4s");
    scene.event(
        "Pod",
        "db-1",
        "2026-03-01T12:00:02Z",
        said("FailedMount", "Warning", "no such secret"),
    );
    assert_eq!(
        told(&scene, 4).1,
        "node/node-1 makes its containers, for 4s; FailedMount: no such secret"
    );
}

#[test]
fn a_pod_that_starts_is_told_by_its_containers() {
    let spec = json!({"nodeName": "node-1", "initContainers": [{"name": "a"}, {"name": "b"}]});
    let done = json!({"name": "a", "state": {"terminated": {"exitCode": 0}}});
    let running = json!({"name": "b", "state": {"running": {}}});
    let mut scene = with_new(json!({"spec": spec, "status": {
        "initContainerStatuses": [container(done.clone()), container(running)],
        "containerStatuses": [container(json!({"state": {"waiting": {"reason": "PodInitializing"}}}))],
    }}));
    assert_eq!(
        told(&scene, 5),
        (Phase::Start, "init container b (2 of 2), for 5s".to_owned())
    );
    let also_done = json!({"name": "b", "state": {"terminated": {"exitCode": 0}}});
    scene.merge(
        Resource::Pods,
        "db-1",
        json!({"status": {
            "initContainerStatuses": [container(done), container(also_done)],
            "containerStatuses": [container(json!({"state": {"running": {}}}))],
        }}),
    );
    assert_eq!(told(&scene, 5).1, "container db runs, but isn't ready, for 5s");
    scene.edit(Resource::Pods, "db-1", |pod| {
        pod["status"]["containerStatuses"][0]["ready"] = json!(true);
        pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False", "message": "a gate isn't met"}]);
    });
    assert_eq!(
        told(&scene, 5).1,
        "its containers are ready, the pod isn't, for 5s: a gate isn't met"
    );
    scene.edit(Resource::Pods, "db-1", |pod| {
        pod["status"]["conditions"][0]["status"] = json!("True");
    });
    assert_eq!(told(&scene, 12), (Phase::Start, "Ready for 12s of 30s".to_owned()));
}

#[test]
fn what_cannot_end_by_itself_is_told_from_what_may() {
    let pod: Pod = serde_json::from_value(json!({"metadata": {"creationTimestamp": NOW}})).unwrap();
    let said = |cause, by| Reason {
        cause,
        by,
        said: String::new(),
    };
    let judged =
        |reasons: &[Reason], autoscaled: bool| stuck(&pod, reasons, autoscaled, at(10)).map(|reason| reason.cause);
    for cause in [
        Cause::MissingClaim,
        Cause::LostVolume,
        Cause::Gated,
        Cause::TooLarge,
        Cause::PoolLimits,
        Cause::Quota,
    ] {
        assert_eq!(judged(&[said(cause, "scheduler")], true), Some(cause));
    }
    for cause in [
        Cause::Memory,
        Cause::Cpu,
        Cause::Spread,
        Cause::DiskZone,
        Cause::Taint,
        Cause::NoMatch,
        Cause::Cordon,
    ] {
        let scheduler = said(cause, "scheduler");
        assert_eq!(
            judged(std::slice::from_ref(&scheduler), false),
            Some(cause),
            "nobody makes another node"
        );
        assert_eq!(judged(std::slice::from_ref(&scheduler), true), None, "a node may come");
        let refused = [scheduler, said(Cause::NoMatch, "karpenter")];
        assert_eq!(judged(&refused, true), Some(cause), "nobody will make one");
    }
    for cause in [
        Cause::NotOffered,
        Cause::NodeNotReady,
        Cause::VolumeNotBound,
        Cause::AttachSlots,
        Cause::Unknown,
    ] {
        assert_eq!(judged(&[said(cause, "karpenter")], true), None);
    }
    let coming = [said(Cause::Quota, "karpenter"), said(Cause::NodeComing, "karpenter")];
    assert_eq!(judged(&coming, true), None);
    // The scheduler's first word may be of a moment ago.
    let gated = [said(Cause::Gated, "scheduler")];
    assert_eq!(stuck(&pod, &gated, false, at(9)), None);
    let mut nominated = pod.clone();
    nominated.status = serde_json::from_value(json!({"nominatedNodeName": "node-1"})).unwrap();
    assert_eq!(
        stuck(&nominated, &[said(Cause::Memory, "scheduler")], false, at(60)),
        None
    );
}

#[test]
fn an_autoscaler_that_cannot_be_read_may_be_there() {
    let autoscaled = |scene: &Scene| {
        let snapshot = scene.snapshot();
        is_autoscaled(&Seen::of(&snapshot, &scene.policy))
    };
    let mut scene = Scene::healthy(1);
    assert!(!autoscaled(&scene));
    scene.unreadable(Resource::NodePools);
    assert!(autoscaled(&scene));
}
