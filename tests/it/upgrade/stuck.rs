//! Shards that don't come back, or don't leave: the run ends by its timeout or by the scheduler's word, and forces nothing.

use super::untouched::Untouched;
use super::{NEXT, is_whole, ran, undone, upgrade};
use crate::cluster::{Interceptor, Scene, Witness};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

/// A scene whose shards get a second to stop.
fn hasty(shards: u32) -> crate::cluster::scene::SceneBuilder {
    Scene::shards(shards).template(json!({"spec": {"terminationGracePeriodSeconds": 1}}))
}

#[test]
fn a_shard_that_never_becomes_ready_ends_the_run_by_its_timeout() {
    let scene = hasty(3).start();
    let witness = Witness::of(&scene);
    let image = "registry.example/shard:2.0-unready";
    let ended = ran(&scene, &["--image", image, "--shard-timeout", "2s"]);
    assert_eq!(ended.code, Some(4), "{ended:?}");
    for words in [
        "shard-2 took longer than --shard-timeout",
        "Undo:   shardctl upgrade undo",
    ] {
        assert!(ended.stdout.contains(words), "{words}\n{}", ended.stdout);
    }
    let back = undone(&scene);
    assert_eq!(back.code, Some(0), "{back:?}");

    let healed = ran(
        &scene,
        &["--image", image, "--shard-timeout", "2s", "--on-failure", "undo"],
    );
    assert_eq!(healed.code, Some(1), "{healed:?}");
    assert!(is_whole(&scene), "{healed:?}");
    assert_eq!(witness.deletions(), ["shard-2"; 4]);
    assert_eq!(witness.most_down_at_once(), 1);
}

#[test]
fn a_shard_that_does_not_stop_is_never_forced() {
    let scene = hasty(3).annotation("test.shardctl.dev/stop", "never").start();
    let before = scene.uid(2);
    let interceptor = Interceptor::before(scene.plane());
    let witness = Witness::of(&scene);
    let ended = scene
        .shardctl_process(
            &interceptor.kubeconfig(&scene),
            upgrade(&["--image", NEXT, "--shard-timeout", "2s"]),
        )
        .wait();
    assert_eq!(ended.code, Some(4), "{ended:?}");
    assert!(ended.stdout.contains("grace"), "{}", ended.stdout);
    assert_eq!(scene.uid(2), before);
    let deletions = interceptor
        .writes()
        .into_iter()
        .filter(|request| request.deletes("pods/shard-2"));
    assert_eq!(deletions.count(), 1);
    assert_eq!(witness.deletions(), ["shard-2"]);
    assert_eq!(witness.most_down_at_once(), 1);
}

#[test]
fn a_template_that_fits_no_node_is_refused_and_halts_where_it_was_allowed() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let greedy = json!({"requests": {"memory": "1Ti"}, "limits": {"memory": "1Ti"}});
    let container = json!({"name": "shard", "resources": greedy});
    let old = super::revision(&scene);
    scene.patch::<StatefulSet>(
        scene.name(),
        json!({"spec": {"template": {"spec": {"containers": [container]}}}}),
    );
    scene.wait_until("the controller has seen the template", |scene| {
        super::revision(scene) != old
    });
    let before = Untouched::of(&scene);
    let refused = ran(&scene, &[]);
    assert_eq!(refused.code, Some(3), "{refused:?}");
    assert!(
        refused.stderr.contains("no node would take shard-2 again"),
        "{}",
        refused.stderr
    );
    before.still_holds(&scene);

    let halted = ran(&scene, &["--allow", "no-home"]);
    assert_eq!(halted.code, Some(1), "{halted:?}");
    assert!(halted.stdout.contains("Insufficient memory"), "{}", halted.stdout);
    assert_eq!(witness.deletions(), ["shard-2"]);

    // The revision before is the controller's word: shardctl wrote nothing here.
    let back = scene
        .shardctl_process(
            scene.kubeconfig(),
            [
                "upgrade",
                "undo",
                "--yes",
                "--lease-duration",
                "2s",
                "--to-revision",
                &old,
            ],
        )
        .wait();
    assert_eq!(back.code, Some(0), "{back:?}");
    assert!(is_whole(&scene), "{back:?}");
    assert_eq!(witness.most_down_at_once(), 1);
}

#[test]
fn a_node_cordoned_before_its_shards_turn_stops_the_run_and_one_cordoned_too_late_halts_it() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    // Cordoned while shard 2 is on its way: shard 1 stays up.
    let (first, second) = (scene.node_of(2), scene.node_of(1));
    let interceptor = Interceptor::before(scene.plane());
    let deletion = interceptor.on(|request| request.deletes("pods/shard-2")).nth(1).hold();
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--image", NEXT]));
    deletion.wait_hit();
    scene.cordon(&second, true);
    deletion.release();
    let ended = command.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stdout.contains("no node would take shard-1 again"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("is cordoned"), "{}", ended.stdout);
    assert_eq!(witness.deletions(), ["shard-2"]);
    scene.cordon(&second, false);

    // Cordoned after the last look: shard 1 is down then, and the scheduler's reason is told.
    let deletion = interceptor.on(|request| request.deletes("pods/shard-1")).nth(1).hold();
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&[]));
    deletion.wait_hit();
    scene.cordon(&second, true);
    deletion.release();
    let ended = command.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("cordoned"), "{}", ended.stdout);
    assert_eq!(witness.deletions(), ["shard-2", "shard-1"]);

    scene.cordon(&second, false);
    let rest = ran(&scene, &[]);
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert!(is_whole(&scene), "{rest:?}");
    assert_eq!(witness.most_down_at_once(), 1);
    assert_eq!(scene.node_of(2), first);
    assert_eq!(scene.list::<Pod>("").len(), 3);
}
