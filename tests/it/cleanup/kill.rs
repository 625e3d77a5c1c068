//! Cleanups that are killed outright, right before and right after each kind of write, and run again.

use super::{claims, cleanup, is_gone, words};
use crate::cluster::Interceptor;
use crate::cluster::interceptor::Request;
use crate::deaths::{Point, points, until_it_ends};
use crate::deploy::deployed;
use std::collections::BTreeSet;

/// Every kind of write that a cleanup makes. The first test fails where a run shows one that isn't here.
const KINDS: [&str; 9] = [
    "create the Lease",
    "renew the Lease",
    "delete the set",
    "delete a Service",
    "delete the budget",
    "delete a claim",
    "delete the pool",
    "delete the priority class",
    "delete the Lease",
];

/// The kind of a write.
fn kind(request: &Request) -> Option<&'static str> {
    let collection = request.path.rsplit('/').nth(1).unwrap_or_default();
    let kind = match (request.method.as_str(), collection) {
        ("POST", _) if request.path.ends_with("/leases") => "create the Lease",
        ("PUT", "leases") => "renew the Lease",
        ("DELETE", "leases") => "delete the Lease",
        ("DELETE", "statefulsets") => "delete the set",
        ("DELETE", "services") => "delete a Service",
        ("DELETE", "poddisruptionbudgets") => "delete the budget",
        ("DELETE", "persistentvolumeclaims") => "delete a claim",
        ("DELETE", "nodepools") => "delete the pool",
        ("DELETE", "priorityclasses") => "delete the priority class",
        _ => return None,
    };
    request.is_write().then_some(kind)
}

/// The kinds of what was written; panics at one that is unknown.
#[track_caller]
fn kinds(interceptor: &Interceptor) -> BTreeSet<&'static str> {
    let known =
        |request: &Request| kind(request).unwrap_or_else(|| panic!("a kind of write that isn't covered: {request}"));
    interceptor.writes().iter().map(known).collect()
}

#[test]
fn no_kind_of_write_is_forgotten() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let interceptor = Interceptor::before(ground.scene.plane());
    let how = ["--data", "--confirm", &name];
    cleanup(&ground, &interceptor.kubeconfig(&ground.scene), &how).is(0, &["the claims are gone"]);
    assert_eq!(kinds(&interceptor), BTreeSet::from(KINDS));
}

/// Kills cleanups of one ground at each of the points that they come to, and looks that the last one has done all of it.
fn killed_until_it_ends(points: &mut BTreeSet<Point>, data: bool) {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let before = claims(&ground);
    let how: &[&str] = if data {
        &["--data", "--confirm", &name]
    } else {
        &["--yes"]
    };
    let arguments = words(&ground, how);
    let start = |interceptor: &Interceptor| {
        let kubeconfig = interceptor.kubeconfig(&ground.scene);
        ground
            .scene
            .shardctl_process(&kubeconfig, arguments.iter().map(String::as_str))
    };
    let said = until_it_ends(ground.scene.plane(), kind, points, start, |_| {});
    is_gone(&ground, &said);
    assert_eq!(claims(&ground), if data { Vec::new() } else { before }, "{said}");
}

#[test]
fn killed_before_and_after_each_kind_of_write_it_goes_on_when_it_is_run_again() {
    let mut left = points(&KINDS);
    killed_until_it_ends(&mut left, false);
    // Who was killed when all was gone has nothing to do when he is run again: the Lease's deletion is met once on a ground.
    let at_the_end: BTreeSet<Point> = left
        .iter()
        .filter(|point| !point.after || point.kind != "delete a claim")
        .copied()
        .collect();
    let mut first = at_the_end.clone();
    killed_until_it_ends(&mut first, true);
    left = left.difference(&at_the_end).copied().chain(first).collect();
    killed_until_it_ends(&mut left, true);
    assert_eq!(left, BTreeSet::new());
}
