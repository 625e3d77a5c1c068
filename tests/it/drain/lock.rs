//! A drain that loses its lock half-way: it takes no further shard, leaves no budget open, and puts back what it made itself.

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use serde_json::{Value, json};
use shardctl::model::mark::MARK;

use super::{AsItWas, Watched, packed, said};
use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Scene};

/// Somebody else takes the Lease.
fn steal(scene: &Scene<'_>) {
    scene.patch::<Lease>(
        "shardctl-shard",
        json!({"spec": {"holderIdentity": "thief", "acquireTime": "2026-01-01T00:00:00.000000Z"}}),
    );
}

fn evicts(request: &Request) -> bool {
    request.method == "POST" && request.path.ends_with("/eviction")
}

fn patches_a_node(request: &Request) -> bool {
    request.method == "PATCH" && request.path.contains("/nodes/")
}

fn scales(request: &Request) -> bool {
    request.method == "PATCH" && request.path.ends_with("/statefulsets/shard")
}

/// Takes the lock away while the answer to the first request that `at` names is held back; `taken` shards go in all.
#[track_caller]
fn stops(
    strategy: &str,
    at: impl Fn(&Request) -> bool + Send + Sync + 'static,
    lose: impl Fn(&Scene<'_>),
    taken: &[&str],
) -> String {
    let scene = packed(3, 2, 2).start();
    let (node, before, watched) = (scene.node_of(0), AsItWas::of(&scene), Watched::of(&scene));
    let interceptor = Interceptor::before(scene.plane());
    let rule = interceptor.on(at).nth(1).hold_answer();
    // A long lock is renewed seldom: the loss must be noticed because the next change asks.
    let arguments = vec![
        "drain",
        &node,
        "--yes",
        "--lease-duration",
        "10m",
        "--strategy",
        strategy,
    ];
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), arguments);
    rule.wait_hit();
    lose(&scene);
    rule.release();
    let ran = command.wait();
    let told = said(&ran);
    assert_eq!(ran.code, Some(6), "{told}");
    assert!(told.contains("the lock was lost"), "{told}");
    scene.wait_until_healthy();
    assert_eq!(watched.shards.deletions(), taken, "{told}");
    watched.was_careful(&scene, &told);
    if scene.find::<Lease>("shardctl-shard").is_some() {
        // The thief's, which isn't ours to take away.
        scene.delete::<Lease>("shardctl-shard");
    }
    before.but_cordoned(&scene, &[], &told);
    told
}

#[test]
fn a_lock_that_is_stolen_after_the_cordon_stops_it_before_any_shard() {
    let told = stops("relax", patches_a_node, steal, &[]);
    assert!(told.contains("thief holds it now"), "{told}");
}

#[test]
fn a_lock_that_is_stolen_while_the_budget_is_open_leaves_it_closed() {
    let told = stops("relax", evicts, steal, &["shard-1"]);
    assert!(told.contains("thief holds it now"), "{told}");
}

#[test]
fn a_lock_that_is_stolen_with_a_shard_in_hand_lets_no_further_one_go() {
    stops("direct", |request| request.deletes("pods/shard-1"), steal, &["shard-1"]);
}

#[test]
fn a_lock_that_is_deleted_with_a_shard_in_hand_lets_no_further_one_go() {
    let delete = |scene: &Scene<'_>| scene.delete::<Lease>("shardctl-shard");
    stops(
        "direct",
        |request| request.deletes("pods/shard-1"),
        delete,
        &["shard-1"],
    );
}

#[test]
fn a_lock_that_is_stolen_after_a_surge_takes_the_extra_shard_away() {
    stops("surge", scales, steal, &[]);
}

#[test]
fn a_lock_that_is_lost_unnoticed_leaves_what_the_next_holder_goes_on_with() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    let watched = Watched::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let cordoned = interceptor.on(patches_a_node).nth(1).hold_answer();
    let arguments = vec!["drain", &node, "--yes", "--lease-duration", "10m"];
    let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), arguments);
    cordoned.wait_hit();
    // As if it had been suspended for longer than its lock lasts: the same drain, run elsewhere, goes on with its cordon.
    steal(&scene);
    let mark_on = |scene: &Scene<'_>| -> Value {
        let annotations = scene.get::<Node>(&node).metadata.annotations.unwrap_or_default();
        serde_json::from_str(annotations.get(MARK).expect("a mark")).expect("JSON")
    };
    let mut theirs = mark_on(&scene);
    theirs["operation"] = json!(format!("drain/{}/{}/thief", scene.namespace(), scene.name()));
    scene.patch::<Node>(&node, json!({"metadata": {"annotations": {MARK: theirs.to_string()}}}));
    // Who interrupts begins nothing more, so that nothing has asked for the lock by the time that it is tidied.
    command.interrupt();
    command.wait_for_output("Ctrl-C again stops now");
    cordoned.release();
    let ran = command.wait();
    let told = said(&ran);
    assert_eq!(ran.code, Some(130), "{told}");
    assert!(told.contains("lost: nothing more is begun"), "{told}");
    assert_eq!(mark_on(&scene), theirs, "{told}");
    let spec = scene.get::<Node>(&node).spec.unwrap_or_default();
    assert_eq!(spec.unschedulable, Some(true), "{told}");
    assert_eq!(watched.shards.deletions(), Vec::<String>::new(), "{told}");
    scene.delete::<Lease>("shardctl-shard");
}

#[test]
fn a_run_that_was_suspended_takes_nothing_away_from_the_one_that_goes_on_in_its_place() {
    let scene = packed(3, 2, 2).start();
    let node = scene.node_of(0);
    let watched = Watched::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let cordoned = interceptor.on(patches_a_node).nth(1).hold_answer();
    let evicting = interceptor.on(evicts).nth(1).hold();
    let kubeconfig = interceptor.kubeconfig(&scene);
    let arguments = ["drain", &node, "--yes", "--lease-duration", "5s"];
    let mut suspended = scene.shardctl_process(&kubeconfig, arguments);
    cordoned.wait_hit();
    suspended.suspend();
    cordoned.release();
    let next = scene.shardctl_process(&kubeconfig, arguments);
    evicting.wait_hit();
    suspended.resume();
    let ran = suspended.wait();
    let told = said(&ran);
    assert_eq!(ran.code, Some(6), "{told}");
    let found = scene.get::<Node>(&node);
    assert_eq!(found.spec.and_then(|spec| spec.unschedulable), Some(true), "{told}");
    assert!(
        found.metadata.annotations.is_some_and(|all| all.contains_key(MARK)),
        "{told}"
    );
    evicting.release();
    let ran = next.wait();
    let told = said(&ran);
    assert_eq!(ran.code, Some(0), "{told}");
    assert_eq!(watched.shards.deletions(), ["shard-1", "shard-0"], "{told}");
    watched.was_careful(&scene, &told);
    scene.wait_until_healthy();
}
