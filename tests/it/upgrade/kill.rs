//! An upgrade that is killed outright, right before and right after each kind of write, and run again.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;

use super::{as_if_by_karpenter, is_whole, left_behind};
use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Scene, Witness};
use crate::deaths::{Point, points, until_it_ends};
use crate::verify::verify;

/// Every kind of write that an upgrade makes. The first test fails where a run shows one that isn't here.
pub const KINDS: [&str; 11] = [
    "create the Lease",
    "renew the Lease",
    "make a helper pod",
    "freeze a node",
    "write the template",
    "post an Event",
    "delete a shard",
    "delete a helper pod",
    "close the journal",
    "unfreeze a node",
    "delete the Lease",
];

/// The kind of a write.
pub fn kind(request: &Request) -> Option<&'static str> {
    let last = request.path.rsplit('/').next().unwrap_or_default();
    let within = |collection: &str| request.path.contains(&format!("/{collection}/"));
    let patches = |op: &str, path: &str| {
        let mut patches = request.body.as_array().into_iter().flatten();
        patches.any(|patch| patch["op"] == op && patch["path"] == path)
    };
    let mark = "/metadata/annotations/shardctl.dev~1mark";
    let kind = match (request.method.as_str(), last) {
        ("POST", "leases") => "create the Lease",
        ("PUT", _) if within("leases") => "renew the Lease",
        ("DELETE", _) if within("leases") => "delete the Lease",
        ("POST", "pods") => "make a helper pod",
        ("DELETE", name) if within("pods") && name.starts_with("shardctl-") => "delete a helper pod",
        ("DELETE", _) if within("pods") => "delete a shard",
        ("POST", "events") => "post an Event",
        ("PATCH", _) if within("nodes") && patches("add", mark) => "freeze a node",
        ("PATCH", _) if within("nodes") && patches("remove", mark) => "unfreeze a node",
        ("PATCH", _) if within("statefulsets") && patches("replace", "/spec/template") => "write the template",
        ("PATCH", _) if within("statefulsets") => "close the journal",
        _ => return None,
    };
    (request.is_write()).then_some(kind)
}

/// The kinds of what was written; panics at one that is unknown.
#[track_caller]
fn kinds(interceptor: &Interceptor) -> BTreeSet<&'static str> {
    let known =
        |request: &Request| kind(request).unwrap_or_else(|| panic!("a kind of write that isn't covered: {request}"));
    interceptor.writes().iter().map(known).collect()
}

/// The arguments of an upgrade to an image of its own.
fn arguments(image: &str) -> [&str; 6] {
    ["upgrade", "--yes", "--lease-duration", "1s", "--image", image]
}

/// Kills upgrades of one scene at each of the points that they come to, and looks that the last one has done all of it.
fn killed_until_it_ends(scene: &Scene<'_>, points: &mut BTreeSet<Point>, image: &str) {
    let witness = Witness::of(scene);
    let start = |interceptor: &Interceptor| scene.shardctl_process(&interceptor.kubeconfig(scene), arguments(image));
    let said = until_it_ends(scene.plane(), kind, points, start, |point| {
        if point.kind == "delete the Lease" {
            lease_is_past_its_time(scene);
        }
    });
    assert!(is_whole(scene), "{said}");
    assert_eq!(left_behind(scene), Vec::<String>::new(), "{said}");
    assert!(witness.most_down_at_once() <= 1, "{said}");
    for ordinal in 0..3 {
        assert_eq!(witness.restarts_of(ordinal), 1, "shard {ordinal}: {said}");
    }
}

/// All was done by whoever was killed when he gave the lock back. A Lease that may still be somebody's is left alone by a run that
/// has nothing to do, and the server's time is told in whole seconds.
fn lease_is_past_its_time(scene: &Scene<'_>) {
    scene.wait_until("the Lease is past its time", |scene| {
        let spec = scene.find::<Lease>("shardctl-shard").and_then(|lease| lease.spec);
        let renewed = spec.and_then(|spec| spec.renew_time);
        renewed.is_none_or(|at| Timestamp::now().duration_since(at.0) > SignedDuration::from_secs(3))
    });
}

#[test]
fn no_kind_of_write_is_forgotten() {
    let scene = Scene::shards(3).start();
    as_if_by_karpenter(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), arguments("registry.example/shard:2.0"))
        .wait();
    assert_eq!(ran.code, Some(0), "{}{}", ran.stderr, ran.stdout);
    assert_eq!(kinds(&interceptor), BTreeSet::from(KINDS));
    assert_eq!(left_behind(&scene), Vec::<String>::new());
}

#[test]
fn killed_before_or_after_any_kind_of_write_it_goes_on_when_run_again() {
    let scene = Scene::shards(3).start();
    as_if_by_karpenter(&scene);
    let mut left = points(&KINDS);
    for image in ["registry.example/shard:3.1", "registry.example/shard:3.2"] {
        // Who was killed where one write was left to do doesn't come to that write again: the next image does.
        killed_until_it_ends(&scene, &mut left, image);
    }
    assert_eq!(left, BTreeSet::new());
}

#[test]
fn a_restart_that_was_killed_half_way_restarts_each_shard_once() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let witness = Witness::of(&scene);
    let second = interceptor.on(|request| request.deletes("pods/shard-1")).hold_answer();
    let restart = ["upgrade", "--yes", "--lease-duration", "1s", "--restart"];
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), restart);
    second.wait_hit();
    command.kill();
    second.discard();
    let again = scene.shardctl_process(scene.kubeconfig(), restart).wait();
    assert_eq!(again.code, Some(0), "{}{}", again.stderr, again.stdout);
    assert!(is_whole(&scene));
    assert_eq!(left_behind(&scene), Vec::<String>::new());
    assert_eq!(witness.deletions(), ["shard-2", "shard-1", "shard-0"]);
    assert_eq!(witness.most_down_at_once(), 1);
}

#[test]
fn verify_tells_a_run_that_lives_from_one_that_was_killed() {
    let scene = Scene::shards(3).start();
    as_if_by_karpenter(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let first = interceptor.on(|request| request.deletes("pods/shard-2")).hold();
    let mut arguments = arguments("registry.example/shard:2.0");
    arguments[3] = "4s";
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), arguments);
    first.wait_hit();
    let seen = verify(&scene, &[]);
    let (while_it_runs, status) = (seen.words("RES-01"), seen.check("RES-01")["status"].clone());
    assert_eq!(status, "pass", "{while_it_runs}");
    assert!(
        while_it_runs.contains("an operation is running now: held by"),
        "{while_it_runs}"
    );
    assert!(while_it_runs.contains("it takes this away itself"), "{while_it_runs}");

    command.kill();
    first.discard();
    scene.wait_until("the Lease is past its time", |scene| {
        verify(scene, &[])
            .words("RES-01")
            .contains("that operation ended without putting things back")
    });
    let killed = verify(&scene, &[]).words("RES-01");
    for left in ["left by upgrade/", "a helper pod (pre-pull)", "lease/shardctl-shard"] {
        assert!(killed.contains(left), "{left}: {killed}");
    }
    assert!(!killed.contains("an operation is running now"), "{killed}");

    let again = scene.shardctl_process(scene.kubeconfig(), arguments).wait();
    assert_eq!(again.code, Some(0), "{}{}", again.stderr, again.stdout);
    let seen = verify(&scene, &[]);
    assert_eq!(seen.check("RES-01")["status"], "pass", "{}", seen.words("RES-01"));
    assert!(!seen.words("RES-01").contains("left by"), "{}", seen.words("RES-01"));
}
