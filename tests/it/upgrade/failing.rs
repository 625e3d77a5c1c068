//! Templates whose shards can't come up: one shard down, and no more; its story told; taken back where that was asked for.

use super::{is_whole, ran, revision, revision_of, undone, upgrade};
use crate::cluster::{Scene, Witness};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};

#[test]
fn a_crash_loop_takes_one_shard_down_and_is_told_with_its_logs() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let old = revision(&scene);
    let ended = ran(&scene, &["--image", "registry.example/shard:2.0-crash"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for words in [
        "✗ shard-2 can't become Ready",
        "pod/shard-2: container shard: CrashLoopBackOff (exit code 1, Error, restarted",
        "previous log of shard: ",
        "Now:    2 of 3 shards Ready (down: shard-2);",
        "Undo:   shardctl upgrade undo",
        "Resume: shardctl upgrade --yes --lease-duration 2s",
    ] {
        assert!(ended.stdout.contains(words), "{words}\n{}", ended.stdout);
    }
    assert_eq!(witness.deletions(), [scene.pod_name(2)]);
    assert_eq!(witness.most_down_at_once(), 1);
    assert_eq!(scene.list::<Pod>("").len(), 3, "no helper pod is left");

    // Run again, it says the same and takes no other shard.
    let again = ran(&scene, &[]);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stdout.contains("CrashLoopBackOff"), "{}", again.stdout);
    assert_eq!(witness.deletions(), [scene.pod_name(2)]);

    // What the report says to do heals it, without another shard being touched.
    let back = undone(&scene);
    assert_eq!(back.code, Some(0), "{back:?}");
    assert_eq!(revision(&scene), old);
    assert!(is_whole(&scene), "{back:?}");
    assert_eq!(witness.deletions(), [scene.pod_name(2), scene.pod_name(2)]);
    assert_eq!(witness.most_down_at_once(), 1);
}

#[test]
fn a_failed_shard_heals_where_an_undo_was_asked_for() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let old = revision(&scene);
    let image = ["--image", "registry.example/shard:2.0-crash"];
    let ended = ran(&scene, &[image[0], image[1], "--on-failure", "undo", "-o", "json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let last: Value = serde_json::from_str(ended.stdout.lines().last().unwrap_or_default()).expect("the end as JSON");
    assert!(is_whole(&scene), "{ended:?}");
    // Both of its pods' times count: it was down from the first deletion on. Half a second is for what each saw later.
    let told = last.pointer("/event/shardSeconds").or(last.pointer("/shardSeconds"));
    let told = told
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("seconds in {last:#}"));
    assert!(
        (told - witness.shard_seconds()).abs() < 0.5,
        "{told} of {}",
        witness.shard_seconds()
    );
    assert_eq!(revision(&scene), old);
    assert_eq!(witness.deletions(), [scene.pod_name(2), scene.pod_name(2)]);
    assert_eq!(witness.most_down_at_once(), 1);
}

#[test]
fn shards_that_came_over_before_the_failure_are_left_and_taken_back_when_it_runs_again() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let old = revision(&scene);
    // The shards wait for the test to say how they do.
    scene.patch::<StatefulSet>(
        scene.name(),
        json!({"spec": {"template": {"metadata": {"annotations": {"test.shardctl.dev/ready-after": "1h"}}}}}),
    );
    scene.wait_until("the controller has seen the template", |scene| revision(scene) != old);
    let new = revision(&scene);
    let command = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--on-failure", "undo"]));
    let behaves = |ordinal: u32, key: &str, value: &str| {
        scene.wait_until("the shard is made anew", |scene| {
            let labels = scene
                .find::<Pod>(&scene.pod_name(ordinal))
                .and_then(|pod| pod.metadata.labels);
            labels.is_some_and(|labels| labels.get("controller-revision-hash") == Some(&new))
        });
        let annotations = json!({"metadata": {"annotations": {format!("test.shardctl.dev/{key}"): value}}});
        scene.patch::<Pod>(&scene.pod_name(ordinal), annotations);
    };
    behaves(2, "ready-after", "100ms");
    behaves(1, "behaviour", "crash");
    let ended = command.wait();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(revision(&scene), old);
    let revisions: Vec<String> = (0..3).map(|ordinal| revision_of(&scene, ordinal)).collect();
    assert_eq!(revisions, [old.clone(), old.clone(), new]);
    assert!((0..3).all(|ordinal| scene.is_ready(ordinal)), "{ended:?}");
    for words in [
        "the set is mixed: 2 shards on the set's revision",
        "on another: shard-2",
        "Now:    3 of 3 shards Ready",
    ] {
        assert!(ended.stdout.contains(words), "{words}\n{}", ended.stdout);
    }
    let rest = ran(&scene, &[]);
    assert_eq!(rest.code, Some(0), "{rest:?}");
    assert!(is_whole(&scene), "{rest:?}");
    assert_eq!(witness.deletions(), ["shard-2", "shard-1", "shard-1", "shard-2"]);
    assert_eq!(witness.most_down_at_once(), 1);
    let idle = ran(&scene, &[]);
    assert_eq!(
        (idle.code, idle.stdout.contains("nothing to do")),
        (Some(0), true),
        "{idle:?}"
    );
}

#[test]
fn each_way_to_fail_is_named_and_taken_back() {
    let scene = Scene::shards(2).start();
    let witness = Witness::of(&scene);
    for (number, (behaviour, says, further)) in [
        ("oom", "exit code 137, OOMKilled", None),
        ("configerror", "secret \"missing\" not found", None),
        ("pullfail", "ImagePullBackOff", Some("--no-prepull")),
    ]
    .into_iter()
    .enumerate()
    {
        let image = format!("registry.example/shard:2.0-{behaviour}");
        let mut arguments = vec!["--image", image.as_str()];
        arguments.extend(further);
        let ended = ran(&scene, &arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stdout.contains(says), "{says}\n{}", ended.stdout);
        assert_eq!(witness.deletions().len(), 2 * number + 1);
        let back = undone(&scene);
        assert_eq!(back.code, Some(0), "{back:?}");
        assert!(is_whole(&scene), "{back:?}");
    }
    assert!(witness.deletions().iter().all(|name| name == "shard-1"));
    assert_eq!(witness.most_down_at_once(), 1);
}
