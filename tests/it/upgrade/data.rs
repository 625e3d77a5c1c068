//! The shards' data: a shard whose claim or volume would go with its pod isn't touched, whoever insists.

use super::untouched::Untouched;
use super::{NEXT, is_whole, ran, upgrade};
use crate::cluster::{Interceptor, Scene, Witness};
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim};
use serde_json::json;

fn claim(ordinal: u32) -> String {
    format!("data-shard-{ordinal}")
}

/// Deletes a claim that a pod uses: it stays until its pod goes.
fn delete_claim(scene: &Scene<'_>, ordinal: u32) {
    scene.delete::<PersistentVolumeClaim>(&claim(ordinal));
    let held: PersistentVolumeClaim = scene.get(&claim(ordinal));
    assert!(held.metadata.deletion_timestamp.is_some(), "held by its finalizer");
}

/// The uids of the shards' volumes.
fn volumes(scene: &Scene<'_>) -> Vec<Option<String>> {
    let shards = 0..scene.shard_count();
    shards.map(|ordinal| scene.volume_of(ordinal).metadata.uid).collect()
}

#[test]
fn a_shard_whose_data_would_go_with_its_pod_is_refused_and_nothing_overrides_that() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let owner = json!([{
        "apiVersion": "v1", "kind": "Pod", "name": "shard-0", "uid": scene.uid(0), "controller": true,
    }]);
    scene.patch::<PersistentVolumeClaim>(&claim(0), json!({"metadata": {"ownerReferences": owner}}));
    delete_claim(&scene, 1);
    let volume = scene.volume_of(2).metadata.name.expect("a name");
    scene.delete::<PersistentVolume>(&volume);
    let before = Untouched::of(&scene);
    let refused = ran(&scene, &["--image", NEXT]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    for words in [
        "pvc/data-shard-0: the claim data-shard-0 of shard-0 is owned by pod/shard-0, and is deleted with it",
        "pvc/data-shard-1: the claim data-shard-1 of shard-1 is being deleted since",
        "the volume of shard-2 is being deleted since",
        "persistentVolumeReclaimPolicy",
    ] {
        assert!(refused.stderr.contains(words), "{words}\n{}", refused.stderr);
    }
    for id in ["claim-deleted", "claim-owned-by-pod", "volume-deleted"] {
        let insisted = ran(&scene, &["--image", NEXT, "--allow", id]);
        assert_eq!(insisted.code, Some(2), "{insisted:?}");
        let says = insisted.stderr.contains(&format!("`{id}` can't be allowed"))
            && insisted.stderr.contains("data would be lost by going on")
            && insisted.stderr.contains(&format!("shardctl explain {id}"));
        assert!(says, "{}", insisted.stderr);
    }
    before.still_holds(&scene);
    assert_eq!(witness.deletions(), Vec::<String>::new());
}

#[test]
fn a_claim_that_is_deleted_mid_run_stops_the_run_before_its_shard() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let before = volumes(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let deletion = interceptor.on(|request| request.deletes("pods/shard-1")).nth(1).hold();
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--image", NEXT]));
    deletion.wait_hit();
    delete_claim(&scene, 0);
    deletion.release();
    let ended = command.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in [
        "the claim data-shard-0 of shard-0 is being deleted since",
        "2 volumes unchanged",
        "Now:    3 of 3 shards Ready",
    ] {
        assert!(ended.stdout.contains(words), "{words}\n{}", ended.stdout);
    }
    assert_eq!(witness.deletions(), ["shard-2", "shard-1"]);
    assert_eq!(volumes(&scene), before);
    // Run again, it is refused for the same.
    let again = ran(&scene, &[]);
    assert_eq!(again.code, Some(3), "{again:?}");
    assert_eq!(witness.most_down_at_once(), 1);
}

#[test]
fn unchanged_volumes_are_counted_and_they_are() {
    let scene = Scene::shards(3).start();
    let before = volumes(&scene);
    let ended = ran(&scene, &["--image", NEXT]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("3 volumes unchanged"), "{}", ended.stdout);
    assert_eq!(volumes(&scene), before);
}

#[test]
fn a_set_without_claim_templates_is_upgraded_and_says_so() {
    // A claim that all shards share, as on a file share.
    let shared = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "shared"}}]);
    for template in [
        json!({"spec": {"containers": [{"name": "shard", "image": "registry.example/shard:1.0"}]}}),
        json!({"spec": {"volumes": shared}}),
    ] {
        let scene = Scene::shards(2)
            .zones(["eastus-1"])
            .nodes_per_zone(2)
            .template(template)
            .stateful_set(json!({"spec": {"volumeClaimTemplates": []}}))
            .without_waiting()
            .start();
        scene.apply(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "shared"},
            "spec": {
                "accessModes": ["ReadWriteMany"], "storageClassName": scene.namespace(),
                "resources": {"requests": {"storage": "64Gi"}},
            },
        }));
        scene.wait_until_healthy();
        let ended = ran(&scene, &["--image", NEXT]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(is_whole(&scene), "{ended:?}");
        assert!(
            ended.stdout.contains("the set has no claim templates"),
            "{}",
            ended.stdout
        );
    }
}
