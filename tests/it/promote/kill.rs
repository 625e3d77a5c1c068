//! Promotions that are killed outright, right before and right after each kind of write, and run again.

use super::{disks, is_promoted, promote, words};
use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Witness};
use crate::deploy::deployed;
use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// Every kind of write that a promotion makes, but what an upgrade's and a drain's own tests kill at: locks, Events, marks on nodes.
const KINDS: [&str; 6] = [
    "write the pool",
    "write the set",
    "make a placeholder",
    "delete a shard",
    "delete a placeholder",
    "delete the pool",
];

/// How many grounds cases run on side by side: most of a run is waiting.
const LANES: usize = 3;

fn kind(request: &Request) -> Option<&'static str> {
    let last = request.path.rsplit('/').next().unwrap_or_default();
    let within = |collection: &str| request.path.contains(&format!("/{collection}/"));
    let kind = match (request.method.as_str(), last) {
        ("PATCH", _) if within("nodepools") => "write the pool",
        ("PATCH", _) if within("statefulsets") => "write the set",
        ("PATCH", _) if within("poddisruptionbudgets") || within("services") || within("priorityclasses") => {
            "write the rest"
        }
        ("POST", "pods") => "make a placeholder",
        ("DELETE", name) if within("pods") && name.starts_with("shardctl-") => "delete a placeholder",
        ("DELETE", _) if within("pods") => "delete a shard",
        ("DELETE", _) if within("nodepools") => "delete the pool",
        ("POST", "leases") | ("POST", "events") => "beside",
        ("PUT" | "DELETE", _) if within("leases") => "beside",
        ("PATCH", _) if within("nodes") => "beside",
        _ => return None,
    };
    request.is_write().then_some(kind)
}

fn killed_and_run_again(what: &'static str, after: bool) {
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
    for request in interceptor.writes() {
        assert!(
            kind(&request).is_some(),
            "a kind of write that isn't covered: {request}"
        );
    }
    let again = promote(&ground, ground.scene.kubeconfig(), &["--yes"]);
    let said = format!(
        "{case}\n{}{}\nthen:\n{}{}",
        killed.stderr, killed.stdout, again.stderr, again.stdout
    );
    assert_eq!(again.code, Some(0), "{said}");
    is_promoted(&ground, &before, &said);
    assert!(witness.most_down_at_once() <= 1, "{said}");
    assert_eq!(
        witness.deletions().into_iter().collect::<BTreeSet<_>>().len(),
        3,
        "{said}"
    );
    assert_eq!(witness.deletions().len(), 3, "no shard moves twice: {said}");
}

#[test]
fn killed_before_and_after_each_kind_of_write_it_converges_when_it_is_run_again() {
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
