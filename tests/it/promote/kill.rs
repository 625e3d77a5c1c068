//! Promotions that are killed outright, right before and right after each kind of write, and run again.

use super::{disks, is_promoted, promote, words};
use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Witness};
use crate::deaths::{Point, points, until_it_ends};
use crate::deploy::{deployed, ran};
use crate::render::ground::Ground;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use std::collections::BTreeSet;

/// Every kind of write that a promotion makes. The first test fails where a run shows one that isn't here.
const KINDS: [&str; 12] = [
    "create the Lease",
    "renew the Lease",
    "write the pool",
    "write the set",
    "make a placeholder",
    "freeze a node",
    "post an Event",
    "delete a shard",
    "delete a placeholder",
    "unfreeze a node",
    "delete the Lease",
    "delete the pool",
];

/// The kinds after which somebody runs `recover` first.
const RECOVERED: [&str; 4] = [
    "make a placeholder",
    "freeze a node",
    "delete a shard",
    "delete the pool",
];

/// The kind of a write.
fn kind(request: &Request) -> Option<&'static str> {
    let last = request.path.rsplit('/').next().unwrap_or_default();
    let within = |collection: &str| request.path.contains(&format!("/{collection}/"));
    let patches = |op: &str| {
        let mut patches = request.body.as_array().into_iter().flatten();
        patches.any(|patch| patch["op"] == op && patch["path"] == "/metadata/annotations/shardctl.dev~1mark")
    };
    let kind = match (request.method.as_str(), last) {
        ("POST", "leases") => "create the Lease",
        ("PUT", _) if within("leases") => "renew the Lease",
        ("DELETE", _) if within("leases") => "delete the Lease",
        ("PATCH", _) if within("nodepools") => "write the pool",
        ("PATCH", _) if within("statefulsets") => "write the set",
        ("POST", "pods") => "make a placeholder",
        ("PATCH", _) if within("nodes") && patches("add") => "freeze a node",
        ("PATCH", _) if within("nodes") && patches("remove") => "unfreeze a node",
        ("POST", "events") => "post an Event",
        ("DELETE", name) if within("pods") && name.starts_with("shardctl-") => "delete a placeholder",
        ("DELETE", _) if within("pods") => "delete a shard",
        ("DELETE", _) if within("nodepools") => "delete the pool",
        _ => return None,
    };
    request.is_write().then_some(kind)
}

/// The kinds of what was written; panics at one that is unknown.
#[track_caller]
fn kinds(interceptor: &Interceptor) -> BTreeSet<&'static str> {
    let known = |request: &Request| {
        kind(request).unwrap_or_else(|| panic!("a kind of write that isn't covered: {request} {}", request.body))
    };
    interceptor.writes().iter().map(known).collect()
}

/// No lock, no helper pod and no mark of ours is there.
#[track_caller]
fn nothing_is_left(ground: &Ground, case: &str) {
    let lease = format!("shardctl-{}", ground.set());
    assert!(
        ground.scene.find::<Lease>(&lease).is_none(),
        "{case}: the Lease is left"
    );
    let helpers = ground.scene.list::<Pod>("labelSelector=shardctl.dev/helper");
    assert!(helpers.is_empty(), "{case}: helper pods are left");
    for node in ground.nodes_of_shards() {
        let annotations = ground.scene.get::<Node>(&node).metadata.annotations.unwrap_or_default();
        assert!(
            !annotations.contains_key("shardctl.dev/mark"),
            "{case}: {node} is marked"
        );
    }
}

/// Kills promotions of one ground at each of the points that they come to, and looks that the last one has done all of it. Where
/// somebody runs `recover` in between, nothing is left of the dead one then.
fn killed_until_it_ends(points: &mut BTreeSet<Point>, recovers: bool) {
    let ground = deployed();
    let before = disks(&ground);
    let witness = Witness::of_set(&ground.scene, &ground.set(), 3);
    let arguments = words(&ground, &["--yes"]);
    let start = |interceptor: &Interceptor| {
        let kubeconfig = interceptor.kubeconfig(&ground.scene);
        ground
            .scene
            .shardctl_process(&kubeconfig, arguments.iter().map(String::as_str))
    };
    let said = until_it_ends(ground.scene.plane(), kind, points, start, |point| {
        if recovers {
            recovers_from(&ground, point);
        }
    });
    is_promoted(&ground, &before, &said);
    assert!(witness.most_down_at_once() <= 1, "{said}");
    let moved = witness.deletions();
    assert_eq!(
        moved.iter().collect::<BTreeSet<_>>().len(),
        3,
        "every shard moves: {said}"
    );
    assert_eq!(moved.len(), 3, "no shard moves twice: {said}");
}

#[track_caller]
fn recovers_from(ground: &Ground, point: Point) {
    let (space, set) = (ground.scene.namespace(), ground.set());
    let recover = [
        "recover",
        "--yes",
        "--lease-duration",
        "1s",
        "-n",
        space,
        "--statefulset",
        &set,
    ];
    let recovered = ran(ground, ground.scene.kubeconfig(), &recover.map(str::to_owned));
    let said = format!("{point:?}\n{}{}", recovered.stderr, recovered.stdout);
    assert_eq!(recovered.code, Some(0), "{said}");
    nothing_is_left(ground, &said);
}

#[test]
fn no_kind_of_write_is_forgotten() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    promote(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]).is(0, &["-explore is gone"]);
    assert_eq!(kinds(&interceptor), BTreeSet::from(KINDS));
}

#[test]
fn killed_before_and_after_each_kind_of_write_it_converges_when_it_is_run_again() {
    let mut left = points(&KINDS);
    // Who was killed where one write was left to do doesn't come to that write again: another ground does.
    while !left.is_empty() {
        let before = left.len();
        killed_until_it_ends(&mut left, false);
        assert!(left.len() < before, "nothing comes to {left:?}");
    }
}

#[test]
fn killed_and_recovered_from_it_leaves_nothing_and_converges() {
    let mut left = BTreeSet::from(RECOVERED.map(|kind| Point { kind, after: true }));
    killed_until_it_ends(&mut left, true);
    assert_eq!(left, BTreeSet::new());
}
