//! Drains that are killed outright, right before and right after each kind of write: `recover` alone ends clean, and so does the
//! same drain run again; never is the budget open without a mark that says so.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::Value;

use super::{AsItWas, Watched, packed, said};
use crate::cluster::interceptor::Request;
use crate::cluster::{Interceptor, Scene};
use crate::deaths::{Ended, Point, points, run, until_it_ends};
use crate::recover::recovered;
use crate::upgrade::as_if_by_karpenter;

const NEIGHBOUR: &str = "evict a neighbour";

/// What every drain writes that has shards, neighbours and placeholders.
const COMMON: [&str; 12] = [
    "create the Lease",
    "renew the Lease",
    "cordon a node",
    "freeze a node",
    "make a placeholder",
    NEIGHBOUR,
    "post an Event",
    "delete a placeholder",
    "leave a node",
    "unfreeze a node",
    "delete the Lease",
    "take a shard down",
];

/// What may be the last write of all, when only the Lease is left.
const AT_THE_END: [&str; 2] = ["post an Event", "delete the Lease"];

/// What `relax` writes besides.
const RELAX: [&str; 2] = ["open the budget", "close the budget"];

/// What `surge` writes besides.
const SURGE: [&str; 4] = ["scale up", "scale back", "remove the claim", "take the set's mark off"];

/// How many scenes cases run on side by side: most of a run is waiting.
const LANES: usize = 3;

/// The kind of a write.
pub fn kind(request: &Request) -> Option<&'static str> {
    let last = request.path.rsplit('/').next().unwrap_or_default();
    let within = |collection: &str| request.path.contains(&format!("/{collection}/"));
    let patches = |op: &str, path: &str| {
        let mut patches = request.body.as_array().into_iter().flatten();
        patches.any(|patch| patch["op"] == op && patch["path"] == path)
    };
    let any = |path: &str| ["add", "replace"].iter().any(|op| patches(op, path));
    let mark = "/metadata/annotations/shardctl.dev~1mark";
    let shard = request.path.contains("/pods/shard-");
    let kind = match (request.method.as_str(), last) {
        ("POST", "leases") => "create the Lease",
        ("PUT", _) if within("leases") => "renew the Lease",
        ("DELETE", _) if within("leases") => "delete the Lease",
        ("POST", "pods") => "make a placeholder",
        ("POST", "eviction") if shard => "take a shard down",
        ("POST", "eviction") => NEIGHBOUR,
        ("DELETE", _) if shard => "take a shard down",
        ("DELETE", name) if within("pods") && name.starts_with("shardctl-") => "delete a placeholder",
        ("DELETE", _) if within("persistentvolumeclaims") => "remove the claim",
        ("POST", "events") => "post an Event",
        ("PATCH", _) if within("nodes") && any(mark) && any("/spec/unschedulable") => "cordon a node",
        ("PATCH", _) if within("nodes") && any(mark) => "freeze a node",
        // Only the mark of a node that was to be emptied tells of a cordon.
        ("PATCH", _)
            if within("nodes")
                && patches("remove", mark)
                && request.body.to_string().contains("spec.unschedulable") =>
        {
            "leave a node"
        }
        ("PATCH", _) if within("nodes") && patches("remove", mark) => "unfreeze a node",
        ("PATCH", _) if within("statefulsets") && any(mark) => "scale up",
        ("PATCH", _) if within("statefulsets") && patches("remove", mark) => "take the set's mark off",
        ("PATCH", _) if within("statefulsets") && any("/spec/replicas") => "scale back",
        ("PATCH", _) if within("poddisruptionbudgets") && patches("remove", mark) => "close the budget",
        ("PATCH", _) if within("poddisruptionbudgets") && any(mark) => "open the budget",
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

fn arguments<'a>(node: &'a str, strategy: &'a str) -> Vec<&'a str> {
    let mut all = vec!["drain", node, "--yes", "--lease-duration", "1s", "--strategy", strategy];
    all.extend(["--prewarm", "always"]);
    if strategy == "downtime" {
        all.extend(["--confirm", "shard"]);
    }
    all
}

/// Three shards on two of three nodes, all of them such as Karpenter would have bought.
fn scene() -> Scene<'static> {
    let scene = packed(3, 2, 3).start();
    as_if_by_karpenter(&scene);
    scene
}

/// The node with most shards: two, since one node of three is always empty.
fn fullest(scene: &Scene<'_>) -> String {
    let names = scene.nodes().into_iter().filter_map(|node| node.metadata.name);
    names.max_by_key(|name| scene.shards_on(name).len()).expect("a node")
}

/// Runs `work` for each point, side by side, each lane on a scene of its own.
fn side_by_side(points: BTreeSet<Point>, work: impl Fn(&Scene<'_>, Point) + Sync) {
    let points = Mutex::new(points);
    let next = || points.lock().unwrap_or_else(PoisonError::into_inner).pop_last();
    std::thread::scope(|threads| {
        for _ in 0..LANES {
            threads.spawn(|| {
                let scene = scene();
                while let Some(point) = next() {
                    work(&scene, point);
                }
            });
        }
    });
}

/// Kills a drain at a point; `recover` alone puts everything right.
fn killed_and_recovered(scene: &Scene<'_>, strategy: &'static str, point: Point) {
    let node = fullest(scene);
    if point.kind == NEIGHBOUR {
        scene.deployment("web", 1, &node);
    }
    let (before, watched) = (AsItWas::of(scene), Watched::of(scene));
    let start = |through: &Interceptor| scene.shardctl_process(&through.kubeconfig(scene), arguments(&node, strategy));
    let Ended::Killed(_, killed) = run(scene.plane(), kind, &BTreeSet::from([point]), start) else {
        panic!("{strategy} never came to {point:?}")
    };
    if AT_THE_END.contains(&point.kind) {
        lease_is_past_its_time(scene);
    }
    let ran = recovered(scene, &[]);
    let story = format!(
        "{strategy}, killed at {point:?}\n{}\nrecover:\n{}{}",
        said(&killed),
        ran.stderr,
        ran.stdout
    );
    assert_eq!(ran.code, 0, "{story}");
    scene.wait_until_healthy();
    // A node that was empty and left by then stays cordoned, as after any drain.
    let left = scene.shards_on(&node).is_empty() && is_cordoned(scene, &node);
    let cordoned: &[&str] = if left { &[&node] } else { &[] };
    before.but_cordoned(scene, cordoned, &story);
    scene.cordon(&node, false);
    careful(scene, strategy, &watched, &story);
    if point.kind == NEIGHBOUR {
        scene.delete::<Deployment>("web");
    }
    scene.wait_until_healthy();
}

/// Kills drains of one node at each of the points that they come to, without any `recover`, and looks that the last one has done
/// all of it.
fn killed_until_it_ends(strategy: &'static str, points: &mut BTreeSet<Point>) {
    let scene = scene();
    let node = fullest(&scene);
    scene.deployment("web", 1, &node);
    let (before, watched) = (AsItWas::of(&scene), Watched::of(&scene));
    let start = |through: &Interceptor| scene.shardctl_process(&through.kubeconfig(&scene), arguments(&node, strategy));
    let story = until_it_ends(scene.plane(), kind, points, start, |point| {
        if AT_THE_END.contains(&point.kind) {
            lease_is_past_its_time(&scene);
        }
    });
    let story = format!("{strategy}\n{story}");
    assert_eq!(scene.shards_on(&node), Vec::<String>::new(), "{story}");
    before.but_cordoned(&scene, &[&node], &story);
    careful(&scene, strategy, &watched, &story);
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

#[track_caller]
fn careful(scene: &Scene<'_>, strategy: &str, watched: &Watched, story: &str) {
    if strategy == "downtime" {
        watched.budget_was_guarded(scene, story);
    } else {
        watched.was_careful(scene, story);
    }
}

/// Both ways: `recover` after each death, and nothing but the same drain again.
fn healed(strategy: &'static str, kinds: &[&'static str]) {
    side_by_side(points(kinds), |scene, point| {
        killed_and_recovered(scene, strategy, point);
    });
    let mut left = points(kinds);
    killed_until_it_ends(strategy, &mut left);
    if !left.is_empty() {
        // Who was killed where one write was left to do doesn't come to that write again: the next drain does.
        killed_until_it_ends(strategy, &mut left);
    }
    assert_eq!(left, BTreeSet::new(), "{strategy}");
}

fn is_cordoned(scene: &Scene<'_>, node: &str) -> bool {
    let found: k8s_openapi::api::core::v1::Node = scene.get(node);
    found.spec.and_then(|spec| spec.unschedulable) == Some(true)
}

#[track_caller]
fn writes_only(strategy: &'static str, expected: &[&'static str]) {
    let scene = scene();
    let node = fullest(&scene);
    scene.deployment("web", 1, &node);
    let before = AsItWas::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), arguments(&node, strategy))
        .wait();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    let all = COMMON.iter().chain(expected).copied();
    assert_eq!(kinds(&interceptor), all.collect::<BTreeSet<_>>(), "{}", said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}

#[test]
fn no_kind_of_write_is_forgotten() {
    writes_only("relax", &RELAX);
    writes_only("surge", &SURGE);
    writes_only("direct", &[]);
    writes_only("downtime", &[]);
}

#[test]
fn relax_killed_anywhere_is_healed_by_recover_alone_and_by_running_it_again() {
    let mut kinds = COMMON.to_vec();
    kinds.extend(RELAX);
    healed("relax", &kinds);
}

#[test]
fn surge_killed_anywhere_is_healed_by_recover_alone_and_by_running_it_again() {
    let mut kinds = SURGE.to_vec();
    kinds.extend(["cordon a node", "take a shard down", "leave a node"]);
    healed("surge", &kinds);
}

#[test]
fn direct_killed_at_a_deletion_is_healed_by_recover_alone_and_by_running_it_again() {
    healed("direct", &["take a shard down"]);
}

#[test]
fn downtime_killed_at_a_deletion_is_healed_by_recover_alone_and_by_running_it_again() {
    healed("downtime", &["take a shard down", "leave a node"]);
}

#[test]
fn a_budget_that_was_left_open_says_so_until_it_is_closed() {
    let scene = scene();
    let node = fullest(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let rule = interceptor
        .on(|request| kind(request) == Some("close the budget"))
        .nth(1)
        .hold();
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), arguments(&node, "relax"));
    rule.wait_hit();
    command.kill();
    rule.discard();
    let budget = scene.budget();
    let least = budget.spec.and_then(|spec| spec.min_available);
    assert_eq!(serde_json::to_value(least).ok(), Some(Value::from(2)));
    let mark = budget
        .metadata
        .annotations
        .and_then(|mut all| all.remove("shardctl.dev/mark"));
    let mark: Value = serde_json::from_str(&mark.expect("a mark")).expect("JSON");
    assert_eq!(mark["was"]["spec.minAvailable"], 3);
    scene.wait_until("nobody holds the lock any more, and verify says what to do", |scene| {
        let seen = crate::verify::verify(scene, &["--only", "RES-01"]);
        seen.words("RES-01").contains("$ shardctl recover")
    });
    recovered(&scene, &[]).says(0, &["pdb/shard", "spec.minAvailable: 2 → 3"]);
}
