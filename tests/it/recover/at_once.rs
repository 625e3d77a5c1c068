//! Others at the same time: two recoveries, a live operation, somebody who changes the value right before, a kill.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::{Value, json};

use super::{budget, mark, marked, recover, recovered};
use crate::cluster::{Interceptor, Scene};
use crate::upgrade::{NEXT, upgrade};

fn relax(scene: &Scene<'_>) {
    relax_for(scene, 600);
}

/// Relaxes the budget, with a mark that lasts for so many more seconds.
fn relax_for(scene: &Scene<'_>, lasts: i64) {
    let mut patch = marked(&mark(
        scene,
        lasts,
        json!({"spec.minAvailable": 3}),
        json!({"spec.minAvailable": 2}),
    ));
    patch["spec"] = json!({"minAvailable": 2});
    scene.patch::<PodDisruptionBudget>(scene.name(), patch);
}

#[test]
fn of_two_recoveries_one_undoes_and_the_other_is_told_who_is_at_it() {
    let scene = Scene::shards(3).start();
    relax(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let undo = interceptor
        .on(|request| request.is_write() && request.path.contains("poddisruptionbudgets"))
        .hold();
    let first = scene.shardctl_process(&interceptor.kubeconfig(&scene), recover(&[]));
    undo.wait_hit();
    recovered(&scene, &[]).says(6, &["holds the lock on statefulset/shard", "nothing was changed"]);
    assert_eq!(budget(&scene), (json!(2), Value::Null, true));
    undo.release();
    let ended = first.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(budget(&scene), (json!(3), Value::Null, false));
    recovered(&scene, &[]).says(0, &["nothing is left"]);
}

#[test]
fn killed_before_or_after_its_undo_it_is_finished_by_the_next() {
    let scene = Scene::shards(3).start();
    for done in [false, true] {
        relax(&scene);
        let interceptor = Interceptor::before(scene.plane());
        let undo = interceptor.on(|request| request.is_write() && request.path.contains("poddisruptionbudgets"));
        let undo = if done { undo.hold_answer() } else { undo.hold() };
        let first = scene.shardctl_process(&interceptor.kubeconfig(&scene), recover(&[]));
        undo.wait_hit();
        first.kill();
        undo.discard();
        recovered(&scene, &[]).says(0, &["was taken over and given back"]);
        assert_eq!(budget(&scene), (json!(3), Value::Null, false), "done: {done}");
        assert!(scene.find::<Lease>("shardctl-shard").is_none());
    }
}

#[test]
fn a_value_that_is_changed_between_the_look_and_the_undo_is_seen_and_left() {
    let scene = Scene::shards(3).start();
    relax(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let undo = interceptor
        .on(|request| request.is_write() && request.path.contains("poddisruptionbudgets"))
        .nth(1)
        .hold();
    let process = scene.shardctl_process(&interceptor.kubeconfig(&scene), recover(&[]));
    undo.wait_hit();
    scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": {"minAvailable": 1}}));
    undo.release();
    let ended = process.wait();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .stdout
            .contains("spec.minAvailable is 1 by now, and the run had written 2"),
        "{ended:?}"
    );
    assert_eq!(budget(&scene), (json!(1), Value::Null, false));
}

#[test]
fn while_an_operation_lives_nothing_of_it_is_touched() {
    let scene = Scene::shards(3).start();
    let wait = "touch begun; while [ ! -e go ]; do read -t 1 x; done";
    let process = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--image", NEXT, "--before", wait]));
    scene.wait_until("the first shard is about to go", |scene| {
        scene.home().join("begun").exists()
    });
    relax(&scene);
    let told = [
        "holds the lock on statefulset/shard",
        "(upgrade/",
        "nothing was changed",
    ];
    recovered(&scene, &[]).says(6, &told);
    recovered(&scene, &["--expired"]).says(0, &["nothing is left that is past its time"]);
    relax_for(&scene, -5);
    recovered(&scene, &["--expired"]).says(6, &told);
    assert_eq!(budget(&scene), (json!(2), Value::Null, true));
    process.kill();
}

#[test]
fn interrupted_it_stops_with_what_is_left_and_the_next_goes_on() {
    let scene = Scene::shards(3).start();
    relax(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let lock = interceptor
        .on(|request| request.method == "POST" && request.path.ends_with("/leases"))
        .hold();
    let mut process = scene.shardctl_process(&interceptor.kubeconfig(&scene), recover(&[]));
    lock.wait_hit();
    process.interrupt();
    lock.release();
    let ended = process.wait();
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(ended.stdout.contains("Resume: shardctl"), "{ended:?}");
    assert!(scene.find::<Lease>("shardctl-shard").is_none(), "{ended:?}");
    assert_eq!(budget(&scene), (json!(2), Value::Null, true));
    recovered(&scene, &[]).says(0, &["undone: pdb/shard"]);
}
