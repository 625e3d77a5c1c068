//! `upgrade undo` and `upgrade --restart`: back by the recorded name, and the same template with new pods.

use k8s_openapi::api::apps::v1::ControllerRevision;
use serde_json::json;

use super::{NEXT, checked, images, is_whole, revision, upgrade};
use crate::cluster::{Scene, Witness};

const FIRST: &str = "registry.example/shard:1.0";

fn undo<'a>(further: &[&'a str]) -> Vec<&'a str> {
    let mut arguments = vec!["upgrade", "undo", "--yes", "--lease-duration", "2s"];
    arguments.extend_from_slice(further);
    arguments
}

fn stamp(scene: &Scene<'_>) -> Option<String> {
    let template = scene.set().spec?.template;
    template
        .metadata?
        .annotations?
        .get("shardctl.dev/restarted-at")
        .cloned()
}

#[test]
fn undo_goes_back_by_the_recorded_name_also_where_no_revision_is_kept() {
    let scene = Scene::shards(2)
        .stateful_set(json!({"spec": {"revisionHistoryLimit": 0}}))
        .start();
    checked(&scene, undo(&[])).refused(
        2,
        &[
            "there is nothing to undo",
            "get controllerrevisions",
            "shardctl upgrade undo --to-revision NAME",
        ],
    );
    checked(&scene, upgrade(&["--image", NEXT])).says(0, &["2 shards on revision"]);
    let second = revision(&scene);
    checked(&scene, upgrade(&["--image", "registry.example/shard:3.0"])).says(0, &["2 shards on revision"]);
    let third = revision(&scene);
    scene.wait_until("the revision before is forgotten", |scene| {
        scene.find::<ControllerRevision>(&second).is_none()
    });

    let mistyped = format!("{third}x");
    checked(&scene, undo(&["--to-revision", &mistyped])).refused(
        2,
        &[
            &format!("has no revision `{mistyped}`"),
            &third,
            "get controllerrevisions",
        ],
    );

    let back = checked(&scene, undo(&[]));
    back.says(0, &[&format!("back to revision {second}"), "2 shards on revision"]);
    assert_eq!(images(&scene), [NEXT, NEXT]);
    assert_eq!(revision(&scene), second, "the same template has the same name again");
    assert!(is_whole(&scene));

    checked(&scene, undo(&[])).refused(
        2,
        &[
            "the last change of statefulset/shard was an undo itself",
            "shardctl upgrade undo --to-revision NAME",
        ],
    );
    checked(&scene, undo(&["--to-revision", &third])).says(0, &[&format!("2 shards on revision {third}")]);
    assert_eq!(images(&scene), ["registry.example/shard:3.0"; 2]);
    checked(&scene, undo(&["--to-revision", &third])).says(0, &["nothing to do"]);
}

#[test]
fn a_restart_makes_every_pod_anew_with_a_stamp_of_its_own_each_time() {
    let scene = Scene::shards(2).start();
    let uids = |scene: &Scene<'_>| [scene.uid(0), scene.uid(1)];
    let before = uids(&scene);
    let witness = Witness::of(&scene);
    checked(&scene, upgrade(&["--restart"])).says(0, &["restart, stamped ", "2 shards on revision"]);
    let first = stamp(&scene);
    let after = uids(&scene);
    assert!(first.is_some() && before.iter().zip(&after).all(|(before, after)| before != after));
    assert_eq!(images(&scene), [FIRST, FIRST]);

    // The stamp has seconds: another one begins with the next.
    scene.wait_until("a second has passed", |scene| {
        let now = scene
            .plane()
            .get("/version")
            .map(|_| jiff::Timestamp::now())
            .expect("a server");
        Some(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()) != first
    });
    checked(&scene, upgrade(&["--restart", "--only", "1"])).says(0, &["1 shard on revision", "1 left as they were"]);
    let second = stamp(&scene);
    assert!(second.is_some() && second != first);
    // Begun and not finished: the same again goes on with its stamp.
    checked(&scene, upgrade(&["--restart"])).says(0, &["1 shard on revision"]);
    assert_eq!(stamp(&scene), second);
    assert_eq!(witness.deletions(), ["shard-1", "shard-0", "shard-1", "shard-0"]);
    assert_eq!(witness.most_down_at_once(), 1);
}
