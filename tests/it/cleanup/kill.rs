//! Cleanups that are killed outright, right before and right after each kind of write, and run again.

use super::{claims, cleanup, is_gone, words};
use crate::cluster::Interceptor;
use crate::cluster::interceptor::Request;
use crate::deploy::deployed;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

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

/// How many grounds cases run on side by side: most of a run is waiting.
const LANES: usize = 2;

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

/// Kills a cleanup at the first write of a kind, and runs it again. The claims go where that is what it is killed at, and stay
/// elsewhere.
fn killed_and_run_again(what: &'static str, after: bool) {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let case = format!("killed at {what:?}, {}", if after { "after it" } else { "before it" });
    let before = claims(&ground);
    let data = what == "delete a claim";
    let how: &[&str] = if data {
        &["--data", "--confirm", &name]
    } else {
        &["--yes"]
    };
    let interceptor = Interceptor::before(ground.scene.plane());
    let first = interceptor.on(move |request| kind(request) == Some(what)).nth(1);
    let rule = if after { first.hold_answer() } else { first.hold() };
    let arguments = words(&ground, how);
    let command = ground.scene.shardctl_process(
        &interceptor.kubeconfig(&ground.scene),
        arguments.iter().map(String::as_str),
    );
    rule.wait_hit();
    let killed = command.kill();
    rule.discard();
    kinds(&interceptor);
    let again = cleanup(&ground, ground.scene.kubeconfig(), how);
    let said = format!(
        "{case}\n{}{}\nthen:\n{}{}",
        killed.stderr, killed.stdout, again.stderr, again.stdout
    );
    assert_eq!(again.code, Some(0), "{said}");
    is_gone(&ground, &said);
    assert_eq!(claims(&ground), if data { Vec::new() } else { before }, "{said}");
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

#[test]
fn killed_before_and_after_each_kind_of_write_it_goes_on_when_it_is_run_again() {
    let cases = KINDS.iter().flat_map(|what| [(*what, false), (*what, true)]);
    let cases: Mutex<Vec<(&'static str, bool)>> = Mutex::new(cases.collect());
    let next = || cases.lock().unwrap_or_else(PoisonError::into_inner).pop();
    std::thread::scope(|threads| {
        for _ in 0..LANES {
            threads.spawn(|| {
                while let Some((what, after)) = next() {
                    killed_and_run_again(what, after);
                }
            });
        }
    });
}
