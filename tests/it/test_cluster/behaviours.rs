//! What each behaviour shows in a pod's status, asked for by image or by annotation.

use crate::cluster::Scene;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::{Value, json};

/// A scene without shards: its node is there for single pods.
fn stage() -> Scene<'static> {
    Scene::shards(0).zones(["eastus-1"]).start()
}

/// A pod on the scene's node.
fn pod(scene: &Scene, name: &str, image: &str, annotations: Value) {
    scene.apply(json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "nodeSelector": {"test.shardctl.dev/scene": scene.namespace()},
            "containers": [{"name": "main", "image": image}],
        },
    }));
}

fn container(scene: &Scene, name: &str) -> Value {
    let pod = serde_json::to_value(scene.find::<Pod>(name)).expect("JSON");
    pod["status"]["containerStatuses"][0].clone()
}

#[test]
fn every_behaviour_shows_what_it_promises() {
    let scene = stage();
    let waiting = [
        ("crash", "CrashLoopBackOff"),
        ("oom", "CrashLoopBackOff"),
        ("pullfail", "ImagePullBackOff"),
        ("configerror", "CreateContainerConfigError"),
    ];
    for (behaviour, _) in waiting {
        pod(
            &scene,
            &format!("{behaviour}-image"),
            &format!("registry.example/x:1-{behaviour}"),
            json!({}),
        );
        let annotation = json!({"test.shardctl.dev/behaviour": behaviour});
        pod(
            &scene,
            &format!("{behaviour}-annotation"),
            "registry.example/x:1",
            annotation,
        );
    }
    for (behaviour, reason) in waiting {
        for how in ["image", "annotation"] {
            let name = format!("{behaviour}-{how}");
            scene.wait_until(&format!("{name} waits with {reason}"), |scene| {
                container(scene, &name)["state"]["waiting"]["reason"] == reason
            });
            assert!(
                !crate::cluster::scene::objects::is_ready(&scene.get(&name)),
                "{name} is not Ready"
            );
        }
    }
    for (behaviour, reason, exit_code) in [("crash", "Error", 1), ("oom", "OOMKilled", 137)] {
        for how in ["image", "annotation"] {
            let last = container(&scene, &format!("{behaviour}-{how}"))["lastState"]["terminated"].clone();
            assert_eq!(
                (&last["reason"], &last["exitCode"]),
                (&json!(reason), &json!(exit_code))
            );
        }
    }
    scene.wait_until("a crash is counted again", |s| {
        container(s, "crash-image")["restartCount"].as_u64() >= Some(2)
    });
}

#[test]
fn a_pod_may_take_its_time_and_may_never_be_ready() {
    let scene = stage();
    pod(&scene, "never", "registry.example/x:1-unready", json!({}));
    pod(
        &scene,
        "slow",
        "registry.example/x:1",
        json!({"test.shardctl.dev/ready-after": "1500ms"}),
    );
    pod(&scene, "quick", "registry.example/x:1", json!({}));
    let is_ready = |scene: &Scene, name: &str| crate::cluster::scene::objects::is_ready(&scene.get(name));
    scene.wait_until("the quick one is Ready", |scene| is_ready(scene, "quick"));
    assert!(!is_ready(&scene, "slow"));
    scene.wait_until("the slow one is Ready", |scene| is_ready(scene, "slow"));
    // By now the one that is never Ready would have been, had it been an ordinary one.
    assert!(!is_ready(&scene, "never"));
    assert!(container(&scene, "never")["state"]["running"].is_object());
}

#[test]
fn a_pod_may_not_want_to_stop() {
    let scene = stage();
    pod(
        &scene,
        "stays",
        "registry.example/x:1",
        json!({"test.shardctl.dev/stop": "never"}),
    );
    pod(
        &scene,
        "goes",
        "registry.example/x:1",
        json!({"test.shardctl.dev/stop-after": "1s"}),
    );
    for name in ["stays", "goes"] {
        scene.wait_until("both are Ready", |scene| {
            crate::cluster::scene::objects::is_ready(&scene.get(name))
        });
        scene.delete::<Pod>(name);
    }
    assert!(scene.find::<Pod>("goes").is_some(), "it takes a second");
    scene.wait_until("one is gone", |scene| scene.find::<Pod>("goes").is_none());
    let stays: Pod = scene.get("stays");
    assert!(stays.metadata.deletion_timestamp.is_some());
    // Ready still, as a kubelet reports it: whoever looks at readiness alone is misled.
    let conditions = stays.status.and_then(|status| status.conditions).unwrap_or_default();
    assert!(conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True"));
}

#[test]
fn a_slow_pull_is_slow_only_the_first_time_on_a_node() {
    let scene = stage();
    let image = "registry.example/big:1-slowpull";
    pod(
        &scene,
        "first",
        image,
        json!({"test.shardctl.dev/pull-after": "1500ms"}),
    );
    scene.wait_until("the pull goes on", |s| {
        container(s, "first")["state"]["waiting"]["reason"] == "ContainerCreating"
    });
    scene.wait_until("the first pod runs", |s| {
        container(s, "first")["state"]["running"].is_object()
    });
    let node: Node = scene.get(&scene.nodes()[0].metadata.name.clone().expect("a name"));
    let images = node.status.and_then(|status| status.images).unwrap_or_default();
    assert!(
        images
            .iter()
            .any(|seen| seen.names.iter().flatten().any(|name| name == image))
    );

    // Were it pulled again, this one would take a day.
    pod(
        &scene,
        "second",
        image,
        json!({"test.shardctl.dev/pull-after": "86400s"}),
    );
    scene.wait_until("the second pod runs", |s| {
        container(s, "second")["state"]["running"].is_object()
    });
}

#[test]
fn a_ready_shard_can_be_made_unready() {
    let scene = Scene::shards(2).start();
    scene.make_unready(1);
    scene.wait_until("the set has noticed", |s| {
        s.set().status.and_then(|status| status.ready_replicas) == Some(1)
    });
    assert!(scene.is_ready(0) && !scene.is_ready(1));
    scene.delete::<Pod>("shard-1");
    scene.wait_until("a new pod is Ready", |scene| scene.is_ready(1));
}

#[test]
fn init_containers_have_statuses_too() {
    let init = json!([
        {"name": "fetch", "image": "registry.example/fetch:1"},
        {"name": "sidecar", "image": "registry.example/sidecar:1", "restartPolicy": "Always"},
    ]);
    let scene = Scene::shards(1)
        .template(json!({"spec": {"initContainers": init}}))
        .start();
    let pod = serde_json::to_value(scene.pod(0)).expect("JSON");
    let statuses = &pod["status"]["initContainerStatuses"];
    assert_eq!(statuses[0]["state"]["terminated"]["reason"], "Completed");
    assert!(statuses[1]["state"]["running"].is_object());
}

#[test]
fn a_pod_that_has_only_fetched_an_image_that_crashes_does_not_crash() {
    let init = json!([{"name": "fetch", "image": "registry.example/fetch:1-crash"}]);
    let scene = Scene::shards(1)
        .template(json!({"spec": {"initContainers": init}}))
        .start();
    let status = scene.pod(0).status.expect("a status");
    let restarts = status.container_statuses.expect("containers")[0].restart_count;
    assert!(scene.is_ready(0) && restarts == 0);
}

#[test]
fn a_moved_tag_shows_in_the_digest() {
    let scene = stage();
    pod(&scene, "before", "registry.example:5000/x:latest", json!({}));
    pod(
        &scene,
        "after",
        "registry.example:5000/x:latest",
        json!({"test.shardctl.dev/digest": "moved"}),
    );
    let digest = format!("registry.example:5000/x@sha256:{}", "0123456789abcdef".repeat(4));
    pod(&scene, "pinned", &digest, json!({}));
    for name in ["before", "after", "pinned"] {
        scene.wait_until("it runs", |scene| {
            container(scene, name)["state"]["running"].is_object()
        });
    }
    let image_id = |name| {
        container(&scene, name)["imageID"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert!(
        image_id("before").starts_with("registry.example:5000/x@sha256:"),
        "{}",
        image_id("before")
    );
    assert_ne!(image_id("before"), image_id("after"));
    assert_eq!(image_id("pinned"), digest);
}
