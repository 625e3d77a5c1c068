//! PVC-01, PV-01, PV-02, SC-01, VA-01 and DATA-01, on real volume binding, attaching and protection.

use k8s_openapi::api::core::v1::{Node, PersistentVolume, PersistentVolumeClaim, Pod};
use k8s_openapi::api::storage::v1::{StorageClass, VolumeAttachment};
use serde_json::json;

use super::edited::{judged, object, recorded};
use super::{assert_fails, verify};
use crate::cluster::{Scene, disks};

fn volume(scene: &Scene, ordinal: u32) -> String {
    scene.volume_of(ordinal).metadata.name.expect("a name")
}

fn attachment(scene: &Scene, ordinal: u32) -> VolumeAttachment {
    let volume = volume(scene, ordinal);
    let all: Vec<VolumeAttachment> = scene.list("");
    all.into_iter()
        .find(|one| one.spec.source.persistent_volume_name.as_ref() == Some(&volume))
        .expect("an attachment")
}

#[test]
fn a_claim_that_grows_before_its_disk_does_is_a_failure() {
    // No driver on this plane resizes disks, so a claim that asks for more keeps its capacity.
    let scene = Scene::shards(3).start();
    let more = json!({"spec": {"resources": {"requests": {"storage": "128Gi"}}}});
    scene.patch::<PersistentVolumeClaim>("data-shard-1", more);
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "PVC-01", &[], &[], &[]);
    let words = seen.words("PVC-01");
    assert!(words.contains("128Gi requested, 64Gi there"), "{words}");
}

#[test]
fn shards_whose_claims_stay_pending_are_a_failure() {
    let mut template = json!({
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "64Gi"}}},
    });
    template["spec"]["storageClassName"] = json!("no-such-class");
    let scene = Scene::shards(3)
        .stateful_set(json!({"spec": {"volumeClaimTemplates": [template]}}))
        .without_waiting()
        .start();
    scene.wait_until("the scheduler says why not", |scene| {
        let refused = |pod: &Pod| {
            let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
            conditions
                .into_iter()
                .any(|one| one.reason.as_deref() == Some("Unschedulable"))
        };
        let pods = scene.pods();
        pods.len() == 3 && pods.iter().all(refused) && verify(scene, &[]).with_finding("warning").contains("EVT-01")
    });
    let seen = verify(&scene, &[]);
    let also = ["POD-01", "POD-04", "STS-03", "EPS-01", "DNS-03", "PDB-03"];
    assert_fails(&seen, "PVC-01", &also, &["LB-02", "EVT-01"], &[]);
    let words = seen.words("PVC-01");
    assert!(words.contains("the claim of shard-0 is Pending, not Bound"), "{words}");
    assert!(words.contains("ProvisioningFailed"), "{words}");
    // The class that isn't there is said beside it.
    assert!(
        seen.words("SC-01").contains("storageclass/no-such-class"),
        "{}",
        seen.words("SC-01")
    );
}

#[test]
fn what_only_warns_leaves_the_set_healthy() {
    let scene = Scene::shards(3).start();

    // A leftover of a shard that is gone.
    scene.apply(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data-shard-3"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": ""},
    }));
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["PVC-01"], &[]);
    let words = seen.words("PVC-01");
    assert!(
        words.contains("a claim of ordinal 3") && words.contains("no pod uses it"),
        "{words}"
    );
    scene.delete::<PersistentVolumeClaim>("data-shard-3");
    scene.wait_until("the leftover is gone", |scene| {
        scene.find::<PersistentVolumeClaim>("data-shard-3").is_none()
    });

    // A disk that goes with its claim.
    let policy = |word: &str| json!({"spec": {"persistentVolumeReclaimPolicy": word}});
    let disk = volume(&scene, 2);
    scene.patch::<PersistentVolume>(&disk, policy("Delete"));
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["PV-01"], &[]);
    assert!(seen.words("PV-01").contains(&disk), "{}", seen.words("PV-01"));
    scene.patch::<PersistentVolume>(&disk, policy("Retain"));

    // A class that binds at once and can't grow disks. The binding mode can't be changed, so the class is made anew.
    let mut class: StorageClass = scene.get(scene.namespace());
    scene.delete::<StorageClass>(scene.namespace());
    class.metadata.resource_version = None;
    class.metadata.uid = None;
    class.metadata.managed_fields = None;
    class.volume_binding_mode = Some("Immediate".to_owned());
    class.allow_volume_expansion = None;
    scene.apply(serde_json::to_value(class).expect("JSON"));
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &["SC-01"], &[]);
    let words = seen.words("SC-01");
    assert!(
        words.contains("Immediate") && words.contains("allowVolumeExpansion"),
        "{words}"
    );
}

#[test]
fn a_zone_that_no_longer_takes_its_shard_is_a_warning_and_a_wrong_one_a_failure() {
    let scene = Scene::shards(3).nodes_per_zone(1).start();
    let node = scene.node_of(1);
    scene.cordon(&node, true);
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "NODE-01", &[], &["PV-02"], &[]);
    let words = seen.words("PV-02");
    assert!(
        words.contains("could take shard-1, should they be recreated now"),
        "{words}"
    );
    assert!(words.contains(&format!("node/{node} is cordoned")), "{words}");
    scene.cordon(&node, false);
    verify(&scene, &[]).assert_only(&[], &[], &[]);

    // Somebody wrote another zone on the node; its disk stays where it was.
    scene.patch::<Node>(
        &node,
        json!({"metadata": {"labels": {"topology.kubernetes.io/zone": "eastus-9", "topology.disk.csi.azure.com/zone": "eastus-9"}}}),
    );
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "PV-02", &[], &["PV-02"], &[]);
    assert!(
        seen.words("PV-02").contains("in eastus-9: once the shard restarts"),
        "{}",
        seen.words("PV-02")
    );
}

#[test]
fn disks_on_the_wrong_node_or_on_none_are_a_failure() {
    let scene = Scene::shards(3).start();
    let disk = volume(&scene, 1);

    // A second attachment, to a node where the shard isn't.
    let elsewhere = scene.node_of(2);
    let second = format!("{}-second", scene.namespace());
    scene.apply(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": second},
        "spec": {"attacher": disks::DRIVER, "nodeName": elsewhere, "source": {"persistentVolumeName": disk}},
    }));
    scene.wait_until("the second attachment is attached", |scene| {
        scene
            .get::<VolumeAttachment>(&second)
            .status
            .is_some_and(|status| status.attached)
    });
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "VA-01", &[], &[], &[]);
    let words = seen.words("VA-01");
    assert!(
        words.contains(&format!("is attached to node {elsewhere}, but the shard is on node")),
        "{words}"
    );
    scene.delete::<VolumeAttachment>(&second);
    verify(&scene, &[]).assert_only(&[], &[], &[]);

    // The cloud refuses to attach it; the attach controller may or may not have tried again by now.
    scene.patch::<PersistentVolume>(
        &disk,
        json!({"metadata": {"annotations": {"test.shardctl.dev/attach": "fail"}}}),
    );
    let name = attachment(&scene, 1).metadata.name.expect("a name");
    let node = scene.node_of(1);
    scene.delete::<VolumeAttachment>(&name);
    scene.apply(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment", "metadata": {"name": name},
        "spec": {"attacher": disks::DRIVER, "nodeName": node, "source": {"persistentVolumeName": disk}},
    }));
    scene.wait_until("attaching has failed", |scene| {
        let status = attachment(scene, 1).status;
        status.is_some_and(|status| status.attach_error.is_some())
    });
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "VA-01", &[], &[], &[]);
    let words = seen.words("VA-01");
    assert!(words.contains("the disk cannot be attached"), "{words}");
}

#[test]
fn a_claim_that_is_being_deleted_is_a_threat_though_all_is_ready() {
    let scene = Scene::shards(3).start();
    scene.delete::<PersistentVolumeClaim>("data-shard-1");
    scene.wait_until("the claim waits for its pod", |scene| {
        let claim = scene.find::<PersistentVolumeClaim>("data-shard-1");
        claim.is_some_and(|claim| claim.metadata.deletion_timestamp.is_some())
    });
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "DATA-01", &[], &[], &[]);
    let words = seen.words("DATA-01");
    assert!(words.contains("the shard comes back on a new, empty disk"), "{words}");
    assert!(words.contains(&volume(&scene, 1)), "{words}");

    scene.delete::<PersistentVolume>(&volume(&scene, 2));
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "DATA-01", &[], &[], &[]);
    assert!(
        seen.words("DATA-01").contains("the volume of shard-2 is being deleted"),
        "{}",
        seen.words("DATA-01")
    );
}

#[test]
fn claims_that_belong_to_the_set_are_a_consequence_of_its_retention() {
    let policy = json!({"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}});
    let scene = Scene::shards(3).stateful_set(policy).start();
    scene.wait_until("the set owns its claims", |scene| {
        let claims: Vec<PersistentVolumeClaim> = scene.list("");
        claims.len() == 3 && claims.iter().all(|claim| claim.metadata.owner_references.is_some())
    });
    let seen = verify(&scene, &[]);
    assert_fails(&seen, "STS-04", &["DATA-01"], &[], &[]);
    let words = seen.words("DATA-01");
    assert!(
        words.contains("owned by statefulset/shard (retention whenDeleted: Delete)"),
        "{words}"
    );

    // A set whose shards own their claims is being scaled down that moment; recorded, and the owner edited.
    let mut snapshot = recorded(&scene);
    object(&mut snapshot, "claims", "data-shard-0")["metadata"]["ownerReferences"] =
        json!([{"apiVersion": "v1", "kind": "Pod", "name": "shard-0", "uid": "another"}]);
    let seen = judged(&scene, &snapshot, &["--only", "DATA-01"]);
    assert!(
        seen.words("DATA-01").contains("owned by pod/shard-0"),
        "{}",
        seen.words("DATA-01")
    );
}

#[test]
fn a_set_with_one_shared_claim_or_with_none_is_healthy() {
    let scene = Scene::shards(3)
        .stateful_set(json!({"spec": {"volumeClaimTemplates": []}}))
        .template(json!({"spec": {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "shared"}}]}}))
        .without_waiting()
        .start();
    let share = format!("{}-share", scene.namespace());
    scene.apply(json!({
        "apiVersion": "v1", "kind": "PersistentVolume",
        "metadata": {"name": share, "labels": {"test.shardctl.dev/scene": scene.namespace()}},
        "spec": {
            "accessModes": ["ReadWriteMany"], "capacity": {"storage": "1Ti"}, "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "files", "nfs": {"server": "files.example", "path": "/"},
            "claimRef": {"namespace": scene.namespace(), "name": "shared"},
        },
    }));
    scene.apply(json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "shared"},
        "spec": {
            "accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Ti"}},
            "storageClassName": "files", "volumeName": share,
        },
    }));
    scene.wait_until("all shards are Ready", |scene| {
        (0..3).all(|ordinal| scene.is_ready(ordinal))
    });
    let seen = verify(&scene, &["--wait", "30s"]);
    seen.assert_only(&[], &[], &[]);
    for id in ["PV-02", "SC-01", "VA-01"] {
        assert_eq!(seen.check(id)["status"], "not-applicable", "{}", seen.words(id));
    }

    let scene = Scene::shards(3)
        .stateful_set(json!({"spec": {"volumeClaimTemplates": []}}))
        .template(json!({"spec": {"volumes": [{"name": "data", "emptyDir": {}}]}}))
        .start();
    let seen = verify(&scene, &[]);
    seen.assert_only(&[], &[], &[]);
    for id in ["PVC-01", "PV-01", "PV-02", "SC-01", "VA-01", "DATA-01"] {
        assert_eq!(seen.check(id)["status"], "not-applicable", "{}", seen.words(id));
    }
}
