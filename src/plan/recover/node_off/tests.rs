//! What is believed of a node that is said to be off, and when its taint may go, over small snapshots.

use serde_json::{Value, json};

use super::*;
use crate::model::resource::Resource;
use crate::plan::verify::testing::{NOW, Scene};

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// `node-1` with shard 1, silent for ten minutes.
fn silent() -> Scene {
    let mut scene = Scene::healthy(3);
    scene.edit(Resource::Nodes, "node-1", |node| {
        node["status"]["conditions"] = json!([{"type": "Ready", "status": "Unknown",
            "lastHeartbeatTime": "2026-03-01T11:49:00Z", "lastTransitionTime": "2026-03-01T11:50:00Z",
            "message": "Kubelet stopped posting node status."}]);
    });
    scene.merge(
        Resource::Pods,
        "db-1",
        json!({"metadata": {"deletionTimestamp": "2026-03-01T11:55:00Z"}}),
    );
    scene
}

fn with<T>(scene: &Scene, look: impl FnOnce(&Seen<'_>, &Node) -> T) -> T {
    let snapshot = scene.snapshot();
    let seen = Seen::of(&snapshot, &scene.policy);
    look(&seen, seen.node("node-1").unwrap().unwrap())
}

fn judged_with(scene: &Scene, renewed: &Read<Timestamp>) -> Result<Proof, Vec<Refusal>> {
    with(scene, |seen, place| judge(seen, place, renewed, now()))
}

fn judged(scene: &Scene) -> Result<Proof, Vec<Refusal>> {
    judged_with(scene, &Read::Got("2026-03-01T11:49:10Z".parse().unwrap()))
}

fn id(judged: Result<Proof, Vec<Refusal>>) -> String {
    judged.unwrap_err()[0].id.to_string()
}

#[test]
fn what_is_known_of_a_silence_is_told_and_that_it_proves_nothing() {
    let proof = judged(&silent()).unwrap();
    let words = proof.seen.join("\n");
    for expected in [
        "its Ready condition is Unknown since 10m",
        "Kubelet stopped posting node status.",
        "renewed its Lease 10m 50s ago",
        "pod/db-1 is on it, terminating",
        "1 disk is attached to it",
    ] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    assert_eq!(
        (proof.shards.as_slice(), proof.declared),
        (["db-1".to_owned()].as_slice(), false)
    );
    assert!(
        proof.to_see[0].contains("that it doesn't answer is no proof"),
        "{:?}",
        proof.to_see
    );
    assert_eq!(proof.notes, []);
}

#[test]
fn a_node_that_answers_or_did_a_moment_ago_or_holds_nothing_is_refused() {
    assert_eq!(id(judged(&Scene::healthy(3))), "node-answers");
    // Its condition is old, and its Lease isn't: the kubelet lives.
    let renewed = Read::Got("2026-03-01T11:59:30Z".parse().unwrap());
    assert_eq!(id(judged_with(&silent(), &renewed)), "node-silence");
    let mut young = silent();
    young.edit(Resource::Nodes, "node-1", |node| {
        node["status"]["conditions"][0]["lastTransitionTime"] = json!("2026-03-01T11:59:30Z");
    });
    assert_eq!(id(judged(&young)), "node-silence");
    let mut mute = silent();
    mute.edit(Resource::Nodes, "node-1", |node| {
        node["status"]["conditions"] = json!([]);
    });
    assert_eq!(id(judged(&mute)), "node-silence");
    let mut empty = silent();
    empty.remove(Resource::Pods, "db-1");
    assert!(judged(&empty).is_ok(), "its disk is attached there");
    empty.set(Resource::VolumeAttachments, Read::Got(Vec::new()));
    assert_eq!(id(judged(&empty)), "node-holds-nothing");
    for about in [&NODE_ANSWERS, &NODE_SILENCE, &NODE_HOLDS_NOTHING] {
        assert!(about.allowed.is_none(), "{} has no override", about.id);
    }
}

#[test]
fn the_cloud_is_asked_where_it_is_known_and_its_words_are_quoted() {
    let command = |id: &str| {
        let mut scene = silent();
        scene.merge(Resource::Nodes, "node-1", json!({"spec": {"providerID": id}}));
        judged(&scene).unwrap().to_see.last().unwrap().clone()
    };
    let vmss =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachineScaleSets/pool/virtualMachines/3";
    assert_eq!(
        command(&format!("azure://{vmss}")),
        format!("$ az vmss get-instance-view --ids {vmss} --query 'statuses[].code' --output tsv")
    );
    let vm = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm 1";
    assert!(command(&format!("azure://{vm}")).contains(&format!("az vm get-instance-view --ids '{vm}'")));
    assert!(
        command("aws:///us-east-1a/i-0abc")
            .contains("describe-instances --region us-east-1 --instance-ids i-0abc --query")
    );
    assert!(command("gce://project/zone/vm").contains("(gce://project/zone/vm)"));
}

#[test]
fn karpenter_is_the_better_way_and_a_shard_that_tolerates_the_taint_is_named() {
    let mut scene = silent();
    scene.set(
        Resource::NodeClaims,
        Read::Got(vec![json!({"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim",
            "metadata": {"name": "pool-x"}, "status": {"nodeName": "node-1"}})]),
    );
    scene.edit(Resource::Pods, "db-1", |pod| {
        pod["spec"]["tolerations"] = json!([{"operator": "Exists"}]);
    });
    let notes = judged(&scene).unwrap().notes;
    assert!(
        notes[0]
            .remedy
            .iter()
            .any(|line| line.ends_with("delete nodeclaim pool-x")),
        "{notes:?}"
    );
    assert!(notes[1].message.contains("tolerates the taint"), "{notes:?}");
}

#[test]
fn several_shards_are_said_to_come_as_the_set_makes_them() {
    let mut scene = silent();
    scene.merge(Resource::Pods, "db-2", json!({"spec": {"nodeName": "node-1"}}));
    let told = |scene: &Scene| judged(scene).unwrap().notes[0].message.clone();
    assert!(told(&scene).contains("together"));
    let ordered = json!({"spec": {"podManagementPolicy": "OrderedReady"}});
    scene.merge(Resource::StatefulSets, "db", ordered);
    assert!(told(&scene).contains("first one, then the other"));
}

#[test]
fn the_taint_stays_while_something_is_there_that_it_frees() {
    let why = |scene: &Scene| with(scene, |seen, _| held(seen, "node-1"));
    let mut scene = silent();
    assert_eq!(why(&scene), Some("pod/db-1 is still there".to_owned()));
    scene.remove(Resource::Pods, "db-1");
    assert_eq!(why(&scene), Some("pv/pv-1 is attached to it".to_owned()));
    scene.set(
        Resource::VolumeAttachments,
        Read::Unreadable("bob may not list them".to_owned()),
    );
    assert!(why(&scene).unwrap().contains("bob may not list them"));
    scene.set(Resource::VolumeAttachments, Read::Got(Vec::new()));
    assert_eq!(why(&scene), None);
    // Somebody else's, which is let go as well.
    let theirs = |deleted: Value| {
        json!({"metadata": {"name": "web", "namespace": "front", "uid": "uid-web", "deletionTimestamp": deleted},
            "spec": {"nodeName": "node-1", "containers": []}})
    };
    scene.add(Resource::NodePods, theirs(json!("2026-03-01T11:55:00Z")));
    assert!(why(&scene).unwrap().contains("pod/web of namespace front"));
    scene.set(Resource::NodePods, Read::Got(vec![theirs(Value::Null)]));
    assert_eq!(why(&scene), None, "one that tolerates the taint stays for ever");
    assert_eq!(
        with(&Scene::healthy(3), |seen, _| held(seen, "node-1")),
        None,
        "it is Ready again"
    );
}

#[test]
fn a_shard_is_awaited_until_it_is_ready_elsewhere() {
    let shards = ["db-1".to_owned()];
    let words = |scene: &Scene| with(scene, |seen, _| to_come(seen, "node-1", &shards));
    let mut scene = silent();
    assert!(words(&scene).unwrap().contains("db-1 is still on node-1"));
    scene.merge(Resource::Pods, "db-1", json!({"spec": {"nodeName": "node-2"}}));
    scene.edit(Resource::Pods, "db-1", |pod| pod["status"]["conditions"] = json!([]));
    assert!(words(&scene).unwrap().contains("db-1 is starting on node-2"));
    scene.merge(Resource::Pods, "db-1", json!({"spec": {"nodeName": null}}));
    assert!(words(&scene).unwrap().contains("db-1 has no node yet"));
    scene.remove(Resource::Pods, "db-1");
    assert!(words(&scene).unwrap().contains("db-1 is to be made anew"));
    assert_eq!(
        words(&Scene::healthy(3)).as_deref(),
        Some("db-1 is still on node-1, to be let go by the controllers within 20 s")
    );
}
