//! Promotions that are killed outright, right before and right after each kind of write, and run again.

use super::{disks, is_promoted, promote, words};
use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Witness};
use crate::deploy::{deployed, ran};
use crate::render::ground::Ground;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

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

/// How many grounds cases run on side by side: most of a run is waiting.
const LANES: usize = 3;

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

/// Kills a promotion at the first write of a kind, has what it left taken away where that is asked, and runs it again.
fn killed_and_run_again(what: &'static str, after: bool, recovers: bool) {
    let ground = deployed();
    let case = format!("killed at {what:?}, {}", if after { "after it" } else { "before it" });
    let before = disks(&ground);
    let witness = Witness::of_set(&ground.scene, &ground.set(), 3);
    let interceptor = Interceptor::before(ground.scene.plane());
    let first = interceptor.on(move |request| kind(request) == Some(what)).nth(1);
    let rule = if after { first.hold_answer() } else { first.hold() };
    let arguments = words(&ground, &["--yes"]);
    let command = ground.scene.shardctl_process(
        &interceptor.kubeconfig(&ground.scene),
        arguments.iter().map(String::as_str),
    );
    rule.wait_hit();
    let killed = command.kill();
    rule.discard();
    kinds(&interceptor);
    if recovers {
        let space = ground.scene.namespace();
        let set = ground.set();
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
        let recovered = ran(&ground, ground.scene.kubeconfig(), &recover.map(str::to_owned));
        assert_eq!(
            recovered.code,
            Some(0),
            "{case}\n{}{}",
            recovered.stderr,
            recovered.stdout
        );
        nothing_is_left(&ground, &case);
    }
    let again = promote(&ground, ground.scene.kubeconfig(), &["--yes"]);
    let said = format!(
        "{case}\n{}{}\nthen:\n{}{}",
        killed.stderr, killed.stdout, again.stderr, again.stdout
    );
    assert_eq!(again.code, Some(0), "{said}");
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

#[test]
fn no_kind_of_write_is_forgotten() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    promote(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]).is(0, &["-explore is gone"]);
    assert_eq!(kinds(&interceptor), BTreeSet::from(KINDS));
}

#[test]
fn killed_before_and_after_each_kind_of_write_it_converges_when_it_is_run_again() {
    let plain = KINDS
        .iter()
        .flat_map(|what| [(*what, false, false), (*what, true, false)]);
    let recovered = RECOVERED.map(|what| (what, true, true));
    let cases: Mutex<Vec<(&'static str, bool, bool)>> = Mutex::new(plain.chain(recovered).collect());
    let next = || cases.lock().unwrap_or_else(PoisonError::into_inner).pop();
    std::thread::scope(|threads| {
        for _ in 0..LANES {
            threads.spawn(|| {
                while let Some((what, after, recovers)) = next() {
                    killed_and_run_again(what, after, recovers);
                }
            });
        }
    });
}
