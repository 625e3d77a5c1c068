//! `upgrade status`: before, in the middle, after; what went wrong; what can't be seen.

use serde_json::{Value, json};

use super::{NEXT, upgrade};
use crate::bad_days::{Ran, run};
use crate::cluster::{Interceptor, Scene};

fn status(scene: &Scene<'_>) -> Ran {
    run(scene.shardctl(["upgrade", "status"]))
}

#[track_caller]
fn as_json(scene: &Scene<'_>, code: i32) -> Value {
    let ran = run(scene.shardctl(["upgrade", "status", "-o", "json"]));
    ran.says(code, &[r#""kind": "UpgradeStatus""#]);
    serde_json::from_str(&ran.stdout).expect("JSON")
}

#[test]
fn it_tells_before_in_the_middle_and_after_a_run_that_was_killed() {
    let scene = Scene::shards(3).start();
    status(&scene).says(
        0,
        &[
            "complete: all 3 shards",
            "registry.example/shard:1.0, Ready for",
            "shardctl has written down no change",
            "nobody holds it",
            "nothing to go on with",
        ],
    );

    let interceptor = Interceptor::before(scene.plane());
    let second = interceptor.on(|request| request.deletes("pods/shard-1")).hold();
    let command = scene.shardctl_process(
        &interceptor.kubeconfig(&scene),
        upgrade(&["--image", NEXT, "--no-prepull"]),
    );
    second.wait_hit();
    status(&scene).says(
        1,
        &[
            "1 of 3 shards Ready with the set's template, 2 still to move",
            "image of shard: registry.example/shard:1.0 → registry.example/shard:2.0",
            "not finished",
            "it looks alive",
            "an operation is at it",
            "shardctl upgrade undo",
        ],
    );

    command.kill();
    second.discard();
    scene.wait_until("the lock's time is over", |s| {
        as_json(s, 1)["lock"]["looksAlive"] == json!(false)
    });
    let saved = scene.home().join("killed.json");
    let saved = saved.to_str().expect("a path in UTF-8");
    run(scene.shardctl(["snapshot", "--out", saved])).says(0, &[]);
    for ran in [
        status(&scene),
        run(scene.shardctl(["upgrade", "status", "--from", saved])),
    ] {
        ran.says(
            1,
            &[
                "2 still to move",
                "it looks dead",
                "Resume: shardctl upgrade\n",
                "Undo:   shardctl upgrade undo\n",
            ],
        );
    }

    run(scene.shardctl(upgrade(&["--no-prepull"]))).says(0, &[]);
    let after = as_json(&scene, 0);
    assert_eq!((&after["conclusion"], &after["done"]), (&json!("complete"), &json!(3)));
    assert!(after["lastChange"]["finished"].is_string(), "{after}");
    assert_eq!(after["lock"], json!({"state": "free"}));
    assert_eq!(after["shards"][0]["name"], json!(scene.pod_name(2)));
}

#[test]
fn a_mixed_set_and_a_shard_that_crashes_are_told_with_the_way_back() {
    let scene = Scene::shards(3).start();
    run(scene.shardctl(upgrade(&["--image", NEXT, "--only", "2"]))).says(0, &[]);
    let bad = "registry.example/shard:3.0-crash";
    run(scene.shardctl(upgrade(&["--image", bad, "--no-prepull", "--on-failure", "undo"]))).says(1, &[]);
    let mixed = as_json(&scene, 1);
    assert_eq!(
        (&mixed["conclusion"], &mixed["done"]),
        (&json!("unfinished"), &json!(1)),
        "{mixed}"
    );
    assert_eq!(mixed["lastChange"]["undo"], json!(true));
    status(&scene).says(
        1,
        &[
            "2 still to move",
            "the last change was an undo",
            "shardctl upgrade undo --to-revision shard-",
        ],
    );

    run(scene.shardctl(upgrade(&[
        "--image",
        "registry.example/shard:4.0-crash",
        "--no-prepull",
    ])))
    .says(1, &[]);
    scene.wait_until("the shard crashes for all to see", |s| {
        as_json(s, 1)["conclusion"] == json!("stuck")
    });
    status(&scene).says(
        1,
        &[
            "won't pass by itself",
            "CrashLoopBackOff",
            "mend what is in the way, or go back",
        ],
    );
}

#[test]
fn what_may_not_be_read_is_said() {
    let scene = Scene::shards(2).start();
    let rules = json!([
        {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get", "list"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
    ]);
    let user = scene.limited_user(rules);
    let ran = run(scene.shardctl_with(&user, ["upgrade", "status"]));
    ran.says(0, &["complete: all 2 shards", "lock      not known: ", "leases"]);
    let blind = scene.limited_user(json!([
        {"apiGroups": ["apps"], "resources": ["statefulsets"], "verbs": ["get", "list"]},
    ]));
    let ran = run(scene.shardctl_with(&blind, ["upgrade", "status"]));
    ran.says(7, &["pods can't be read"]);
}
