//! Sets of every kind: in order, counted from elsewhere, with a minimum of seconds, with several containers, with other owners.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use super::{NEXT, checked, images, is_whole, patch_set_as, upgrade};
use crate::cluster::{Scene, Witness};

#[test]
fn a_set_in_order_with_later_numbers_and_min_ready_seconds_comes_over_one_at_a_time() {
    let scene = Scene::shards(3)
        .stateful_set(json!({"spec": {
            "podManagementPolicy": "OrderedReady", "ordinals": {"start": 4}, "minReadySeconds": 1,
        }}))
        .start();
    let witness = Witness::of(&scene);
    checked(&scene, upgrade(&["--only", "0"])).says(2, &["there is no shard 0 (--only)", "the shards are 4 to 6"]);
    let done = checked(&scene, upgrade(&["--image", NEXT, "--last", "6"]));
    done.says(0, &["3 shards on revision", "made in order (OrderedReady)"]);
    assert_eq!(witness.deletions(), ["shard-5", "shard-4", "shard-6"]);
    assert_eq!(witness.most_down_at_once(), 1);
    assert!(
        witness.gaps().into_iter().all(|gap| gap.as_secs_f64() > 0.9),
        "{:?}",
        witness.gaps()
    );
    assert!(is_whole(&scene));
}

#[test]
fn min_ready_lets_a_shard_settle_longer_than_the_set_asks() {
    let scene = Scene::shards(2).start();
    let witness = Witness::of(&scene);
    checked(&scene, upgrade(&["--image", NEXT, "--min-ready", "2s"])).says(0, &["2 shards on revision"]);
    assert_eq!(witness.deletions().len(), 2);
    assert!(
        witness.gaps().into_iter().all(|gap| gap.as_secs_f64() > 1.9),
        "{:?}",
        witness.gaps()
    );
}

#[test]
fn of_several_containers_the_one_that_is_meant_has_to_be_named() {
    let scene = Scene::shards(2).start();
    patch_set_as(
        &scene,
        "kubectl-edit",
        &json!({"spec": {"template": {"spec": {
            "containers": [{"name": "side", "image": "registry.example/side:1.0"}],
            "initContainers": [{"name": "prepare", "image": "registry.example/prepare:1.0"}],
        }}}}),
    );
    checked(&scene, upgrade(&["--image", NEXT])).refused(
        2,
        &[
            "the template has several containers (",
            "shard",
            "side",
            "prepare",
            "--image ",
        ],
    );
    checked(&scene, upgrade(&["--image", "sied=registry.example/side:2.0"]))
        .refused(2, &["the template has no container sied; it has ", "shard", "side"]);
    checked(
        &scene,
        upgrade(&[
            "--image",
            "side=registry.example/side:2.0",
            "--image",
            "side=registry.example/side:3.0",
        ]),
    )
    .refused(2, &["container side is given two images"]);
    let done = checked(
        &scene,
        upgrade(&[
            "--image",
            "side=registry.example/side:2.0",
            "--image",
            "prepare=registry.example/prepare:2.0",
        ]),
    );
    done.says(
        0,
        &[
            "2 shards on revision",
            "registry.example/side:2.0",
            "registry.example/prepare:2.0",
        ],
    );
    for pod in scene.pods() {
        let spec = pod.spec.unwrap();
        let all: Vec<&str> = spec
            .init_containers
            .iter()
            .flatten()
            .chain(&spec.containers)
            .filter_map(|one| one.image.as_deref())
            .collect();
        assert_eq!(
            all.len(),
            3,
            "the containers that weren't named are as they were: {all:?}"
        );
        for image in [
            "registry.example/prepare:2.0",
            "registry.example/side:2.0",
            "registry.example/shard:1.0",
        ] {
            assert!(all.contains(&image), "{image} isn't in {all:?}");
        }
    }
}

#[test]
fn what_a_tool_owns_it_has_to_write_and_what_it_wrote_is_rolled() {
    let scene = Scene::shards(2).start();
    let with_image = || checked(&scene, upgrade(&["--image", NEXT]));
    let annotate = |key: &str, value: serde_json::Value| {
        scene.patch::<StatefulSet>(scene.name(), json!({"metadata": {"annotations": {key: value}}}));
    };
    for (key, value, words) in [
        (
            "kustomize.toolkit.fluxcd.io/name",
            "apps",
            ["Flux writes the template", "flux suspend kustomization apps"],
        ),
        (
            "meta.helm.sh/release-name",
            "shop",
            ["Helm writes the template", "helm get values shop"],
        ),
        (
            "argocd.argoproj.io/tracking-id",
            "shop:apps/StatefulSet:x/shard",
            ["Argo CD writes the template", "argocd app set shop --sync-policy none"],
        ),
    ] {
        annotate(key, json!(value));
        with_image().says(3, &["gitops", words[0], words[1], "shardctl upgrade", "--allow gitops"]);
        annotate(key, json!(null));
    }
    annotate("argocd.argoproj.io/tracking-id", json!("shop:apps/StatefulSet:x/shard"));
    patch_set_as(
        &scene,
        "argocd-controller",
        &json!({"spec": {"template": {"spec": {"containers": [{"name": "shard", "image": NEXT}]}}}}),
    );
    checked(&scene, upgrade(&["--image", "registry.example/shard:3.0"]))
        .says(3, &["argocd-controller owns containers[shard].image"]);
    let witness = Witness::of(&scene);
    let done = checked(&scene, upgrade(&[]));
    done.says(
        0,
        &[
            "the template that is pending",
            "- registry.example/shard:1.0",
            "+ registry.example/shard:2.0",
            "2 shards on revision",
        ],
    );
    assert_eq!(images(&scene), [NEXT, NEXT]);
    assert_eq!(witness.deletions(), ["shard-1", "shard-0"]);
    // The tool's template is its own: there is nothing that shardctl would put back.
    checked(&scene, vec!["upgrade", "undo", "--yes"]).refused(2, &["there is nothing to undo"]);
    checked(
        &scene,
        upgrade(&["--image", "registry.example/shard:3.0", "--allow", "gitops"]),
    )
    .says(0, &["2 shards on revision"]);
    assert_eq!(images(&scene), ["registry.example/shard:3.0"; 2]);
}

#[test]
fn a_set_that_an_operator_controls_is_only_changed_when_that_is_allowed() {
    let scene = Scene::shards(2).start();
    scene.apply(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "database"}}));
    let owner: ConfigMap = scene.get("database");
    scene.patch::<StatefulSet>(
        scene.name(),
        json!({"metadata": {"ownerReferences": [{
            "apiVersion": "v1", "kind": "ConfigMap", "name": "database", "uid": owner.metadata.uid, "controller": true,
        }]}}),
    );
    checked(&scene, upgrade(&["--image", NEXT])).says(
        3,
        &[
            "owner",
            "it is controlled by configmap/database, which writes it anew",
            "--allow owner",
        ],
    );
    assert_eq!(images(&scene), ["registry.example/shard:1.0"; 2]);
    checked(&scene, upgrade(&["--image", NEXT, "--allow", "owner"])).says(0, &["2 shards on revision"]);
    assert_eq!(images(&scene), [NEXT, NEXT]);
}
