//! Disks that leave the node slowly, or not at all: timed, with what to expect and what to prove; never taken off by force.

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::storage::v1::VolumeAttachment;
use serde_json::json;

use super::{AsItWas, Watched, drain, drained, packed, said};
use crate::cluster::{Interceptor, Scene, SceneBuilder, disks};

/// What the external attacher of a driver puts on an attachment, so that it stays until the cloud says that the disk is off.
const ATTACHER: &str = "external-attacher/disk-test-shardctl-dev";

/// Shards whose containers start only once their disks are there, and stop at once.
pub fn with_awaited_disks(scene: SceneBuilder) -> SceneBuilder {
    scene.template(json!({
        "metadata": {"annotations": {"test.shardctl.dev/disks": "awaited"}},
        "spec": {"terminationGracePeriodSeconds": 1},
    }))
}

/// The attachment of a shard's disk.
pub fn attachment(scene: &Scene<'_>, ordinal: u32) -> String {
    let volume = scene.volume_of(ordinal).metadata.name;
    let all: Vec<VolumeAttachment> = scene.list("");
    let of_shard = all
        .into_iter()
        .find(|one| one.spec.source.persistent_volume_name == volume);
    of_shard.and_then(|one| one.metadata.name).expect("an attachment")
}

/// From now on the cloud doesn't let go of a disk.
pub fn hold(scene: &Scene<'_>, attachment: &str) {
    let finalizers = json!({"metadata": {"finalizers": [ATTACHER]}});
    scene.patch::<VolumeAttachment>(attachment, finalizers);
}

/// The cloud has let go of it.
pub fn let_go(scene: &Scene<'_>, attachment: &str) {
    let finalizers = json!({"metadata": {"$deleteFromPrimitiveList/finalizers": [ATTACHER]}});
    scene.patch::<VolumeAttachment>(attachment, finalizers);
}

/// What a node says of the shards' disks that it has mounted, while it has.
pub fn uses(scene: &Scene<'_>, node: &str, ordinals: &[u32]) {
    let unique = |ordinal: &u32| {
        let volume = scene.volume_of(*ordinal).metadata.name.unwrap_or_default();
        format!("kubernetes.io/csi/{}^{volume}", disks::DRIVER)
    };
    let volumes: Vec<String> = ordinals.iter().map(unique).collect();
    scene.patch_status::<Node>(node, json!({"status": {"volumesInUse": volumes}}));
}

#[test]
fn a_disk_that_leaves_slowly_is_timed_with_what_to_expect() {
    let scene = with_awaited_disks(packed(3, 2, 2)).start();
    let node = scene.node_of(0);
    uses(&scene, &node, &[1]);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let mut command = scene.shardctl_process(scene.kubeconfig(), drain(&node, &[]));
    command.wait_for_output("Multi-Attach error for volume");
    // The timer is said again though nothing happens, and the other shard of the node stays where it is.
    command.wait_for_output(&format!("is still attached to node/{node}, for 1"));
    assert_eq!(watched.shards.deletions(), ["shard-1"]);
    uses(&scene, &node, &[]);
    let ran = command.wait();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    for words in [
        "it leaves once that node has unmounted it",
        "Azure has taken 7 to 20 minutes",
    ] {
        assert!(said(&ran).contains(words), "{words}: {}", said(&ran));
    }
    let in_detach = ran
        .stderr
        .lines()
        .filter(|line| line.contains("shard-1   detach      its disk"))
        .count();
    assert!(in_detach >= 2, "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
    scene.wait_until_healthy();
}

#[test]
fn a_disk_that_never_leaves_ends_the_wait_with_what_to_prove_and_nothing_is_forced() {
    let scene = with_awaited_disks(packed(3, 2, 2)).start();
    let node = scene.node_of(0);
    let held = attachment(&scene, 1);
    hold(&scene, &held);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let interceptor = Interceptor::before(scene.plane());
    let ran = scene
        .shardctl_process(
            &interceptor.kubeconfig(&scene),
            drain(&node, &["--shard-timeout", "2s"]),
        )
        .wait();
    assert_eq!(ran.code, Some(4), "{}", said(&ran));
    let expected = [
        format!("volumeattachment/{held} keeps disk"),
        format!("it is to go, and waits for {ATTACHER}"),
        format!("prove that nothing on node/{node} writes to it"),
        format!("get pods -A -o wide --field-selector spec.nodeName={node}"),
        format!("get node {node} -o jsonpath='{{.status.volumesInUse}}'"),
        "never take the attachment or its finalizer away by hand".to_owned(),
    ];
    for words in expected {
        assert!(said(&ran).contains(&words), "{words}: {}", said(&ran));
    }
    assert_eq!(watched.shards.deletions(), ["shard-1"], "{}", said(&ran));
    nothing_was_forced(&interceptor);
    before.but_cordoned(&scene, &[], &said(&ran));

    let_go(&scene, &held);
    scene.wait_until_healthy();
    let ran = drained(&scene, &node, &[]);
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
}

/// No attachment was written, no pod deleted without its grace, no node said to be off.
#[track_caller]
fn nothing_was_forced(interceptor: &Interceptor) {
    for write in interceptor.writes() {
        assert!(!write.path.contains("volumeattachments"), "{write}");
        assert!(!write.path.contains("persistentvolume"), "{write}");
        assert_ne!(write.body["gracePeriodSeconds"], 0, "{write}");
        assert_ne!(write.body["deleteOptions"]["gracePeriodSeconds"], 0, "{write}");
        assert!(!write.body.to_string().contains("out-of-service"), "{write}");
    }
}
