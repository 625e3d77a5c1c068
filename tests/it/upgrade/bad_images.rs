//! Images that can't be pulled, and nodes that can't be asked to pull: found before a shard is touched.

use super::untouched::Untouched;
use super::{NEXT, is_whole, ran};
use crate::cluster::{Scene, Witness};
use k8s_openapi::api::core::v1::{Pod, ResourceQuota};
use serde_json::json;

#[test]
fn a_tag_that_cannot_be_pulled_takes_no_shard_down_and_leaves_nothing_behind() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let before = Untouched::of(&scene);
    let bad = "registry.example/shard:2.0-pullfail";
    let ended = ran(&scene, &["--image", bad]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let says = [
        "✗ 1 node can't get the new images",
        &format!("can't fetch the image {bad}: ImagePullBackOff"),
        "Now:    3 of 3 shards Ready",
        "Undo:   nothing to undo",
        &format!("Resume: shardctl upgrade --yes --lease-duration 2s --image {bad}"),
    ];
    for words in says {
        assert!(ended.stdout.contains(words), "{words}\n{}", ended.stdout);
    }
    before.still_holds(&scene);
    assert_eq!(witness.deletions(), Vec::<String>::new());
    assert_eq!(witness.most_down_at_once(), 0);
}

#[test]
fn nodes_that_must_not_be_asked_to_pull_are_passed_over_where_that_is_allowed() {
    let scene = Scene::shards(3).start();
    // A quota that is full lets no fourth pod in, but a shard that makes room for itself.
    scene.apply(json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": {"hard": {"pods": "3"}},
    }));
    scene.wait_until("the quota is counted", |scene| {
        let used = scene.get::<ResourceQuota>("full").status.and_then(|status| status.used);
        used.is_some_and(|used| used.get("pods").is_some_and(|pods| pods.0 == "3"))
    });
    let before = Untouched::of(&scene);
    let witness = Witness::of(&scene);
    let refused = ran(&scene, &["--image", NEXT]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused
            .stdout
            .contains("the server refuses the pod that would fetch the images")
            && refused.stdout.contains("exceeded quota")
            && refused.stdout.contains("add --no-prepull"),
        "{}",
        refused.stdout
    );
    before.still_holds(&scene);

    let allowed = ran(&scene, &["--image", NEXT, "--allow", "pre-pull", "--only", "2"]);
    assert_eq!(allowed.code, Some(0), "{allowed:?}");
    assert!(
        allowed.stderr.contains("--allow pre-pull, though"),
        "{}",
        allowed.stderr
    );
    assert_eq!(witness.deletions(), [scene.pod_name(2)]);

    let without = ran(&scene, &["--no-prepull"]);
    assert_eq!(without.code, Some(0), "{without:?}");
    assert!(is_whole(&scene), "{without:?}");
    assert_eq!(witness.most_down_at_once(), 1);
    assert_eq!(scene.list::<Pod>("").len(), 3);
}
