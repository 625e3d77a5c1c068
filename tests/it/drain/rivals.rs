//! A drain that isn't alone: somebody takes the freed place, writes the budget or the set, or takes the node back under its hands.

use std::sync::atomic::{AtomicBool, Ordering};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use serde_json::json;

use super::{AsItWas, Watched, drain, packed, said};
use crate::cluster::interceptor::{Request, Rule};
use crate::cluster::scene::running::Output;
use crate::cluster::{Interceptor, Running, Scene};
use crate::upgrade::left_behind;

/// A drain of shard 0's node that stands still at one of its requests.
struct Held {
    watched: Watched,
    before: AsItWas,
    interceptor: Interceptor,
    rule: Rule,
    command: Running,
    node: String,
}

impl Held {
    /// Starts it; the answer to the first request that `at` names is held back.
    fn after(scene: &Scene<'_>, further: &[&str], at: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Held {
        let interceptor = Interceptor::before(scene.plane());
        let rule = interceptor.on(at).nth(1).hold_answer();
        Self::with(scene, further, interceptor, rule)
    }

    /// Starts it; the first request that `at` names is held back.
    fn before(scene: &Scene<'_>, further: &[&str], at: impl Fn(&Request) -> bool + Send + Sync + 'static) -> Held {
        let interceptor = Interceptor::before(scene.plane());
        let rule = interceptor.on(at).nth(1).hold();
        Self::with(scene, further, interceptor, rule)
    }

    fn with(scene: &Scene<'_>, further: &[&str], interceptor: Interceptor, rule: Rule) -> Held {
        let (watched, before, node) = (Watched::of(scene), AsItWas::of(scene), scene.node_of(0));
        let command = scene.shardctl_process(&interceptor.kubeconfig(scene), drain(&node, further));
        rule.wait_hit();
        Held {
            watched,
            before,
            interceptor,
            rule,
            command,
            node,
        }
    }

    /// Lets it go on to its end.
    fn end(self) -> (Output, Watched, AsItWas, Interceptor) {
        self.rule.release();
        (self.command.wait(), self.watched, self.before, self.interceptor)
    }
}

fn evicts(request: &Request) -> bool {
    request.method == "POST" && request.path.ends_with("/eviction")
}

/// The deletion of the node's last shard, by --strategy direct.
fn deletes_the_first(request: &Request) -> bool {
    request.deletes("pods/shard-1")
}

/// How many of the scene's own pods were asked to go.
fn asked_to_go(interceptor: &Interceptor) -> usize {
    let goes = |request: &&Request| {
        let deleted = request.method == "DELETE" && request.path.contains("/pods/shard-");
        (deleted || evicts(request)) && matches!(request.answered, Some(200..=299))
    };
    interceptor.writes().iter().filter(goes).count()
}

#[test]
fn who_takes_the_freed_place_is_named_and_all_is_put_back() {
    let scene = packed(3, 2, 3).start();
    let held = Held::before(&scene, &[], evicts);
    // The window is open: somebody else evicts another shard, which is on another node.
    scene.wait_until("the rival was quicker", |scene| scene.evict(2).is_ok());
    let (ran, watched, before, interceptor) = held.end();
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    assert!(said(&ran).contains("shard-2"), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    assert_eq!(watched.shards.deletions(), ["shard-2"], "{}", said(&ran));
    assert_eq!(asked_to_go(&interceptor), 0, "{}", said(&ran));
    scene.wait_until_healthy();
    before.but_cordoned(&scene, &[], &said(&ran));
}

#[test]
fn who_writes_the_budget_back_while_it_is_open_is_told() {
    let scene = packed(3, 2, 2).start();
    let held = Held::before(&scene, &[], evicts);
    // What Argo CD or Flux does: the manifest's value, over whatever is there.
    scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": {"minAvailable": 3}}));
    let (ran, watched, before, interceptor) = held.end();
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    assert!(said(&ran).contains("pdb/shard"), "{}", said(&ran));
    assert_eq!(asked_to_go(&interceptor), 0, "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[], &said(&ran));
}

#[test]
fn a_budget_that_somebody_changes_for_good_is_left_to_them() {
    let scene = packed(3, 2, 2).start();
    let held = Held::after(&scene, &[], |request| {
        evicts(request) && request.path.contains("shard-1")
    });
    scene.patch::<PodDisruptionBudget>(scene.name(), json!({"spec": {"minAvailable": 1}}));
    let (ran, watched, _, interceptor) = held.end();
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    assert!(said(&ran).contains("minAvailable is 1"), "{}", said(&ran));
    assert!(asked_to_go(&interceptor) <= 1, "{}", said(&ran));
    assert!(watched.shards.most_down_at_once() <= 1, "{}", said(&ran));
    assert_eq!(left_behind(&scene), Vec::<String>::new(), "{}", said(&ran));
    let least = scene.budget().spec.and_then(|spec| spec.min_available);
    assert_eq!(serde_json::to_value(least).ok(), Some(json!(1)), "theirs stays");
}

/// Changes something while shard 1 is in hand, and holds the run to its halt before the next shard.
#[track_caller]
fn halts(change: impl Fn(&Scene<'_>, &str), words: &[&str]) -> (Scene<'static>, AsItWas, String) {
    let scene = packed(4, 2, 3).start();
    let held = Held::after(&scene, &["--strategy", "direct"], deletes_the_first);
    change(&scene, &held.node);
    let (ran, _watched, before, interceptor) = held.end();
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    for words in words {
        assert!(said(&ran).contains(words), "{words}: {}", said(&ran));
    }
    assert_eq!(asked_to_go(&interceptor), 1, "{}", said(&ran));
    assert_eq!(left_behind(&scene), Vec::<String>::new(), "{}", said(&ran));
    (scene, before, said(&ran))
}

#[test]
fn replicas_that_somebody_else_changes_halt_it() {
    let more = json!({"spec": {"replicas": 5}});
    let (scene, before, said) = halts(
        |scene, _| drop(scene.patch::<StatefulSet>("shard", more.clone())),
        &["its replicas were changed from 4 to 5"],
    );
    scene.patch::<StatefulSet>("shard", json!({"spec": {"replicas": 4}}));
    scene.wait_until("the fifth is gone", |scene| scene.find::<Pod>("shard-4").is_none());
    let claim = "data-shard-4";
    scene.delete::<k8s_openapi::api::core::v1::PersistentVolumeClaim>(claim);
    scene.wait_until("its claim too", |scene| {
        scene
            .find::<k8s_openapi::api::core::v1::PersistentVolumeClaim>(claim)
            .is_none()
    });
    before.but_cordoned(&scene, &[], &said);
}

#[test]
fn a_budget_that_somebody_changes_halts_it() {
    let (scene, _, said) = halts(
        |scene, _| drop(scene.patch::<PodDisruptionBudget>("shard", json!({"spec": {"minAvailable": 2}}))),
        &["pdb/shard: somebody changed it from minAvailable 4 to minAvailable 2"],
    );
    let least = scene.budget().spec.and_then(|spec| spec.min_available);
    assert_eq!(serde_json::to_value(least).ok(), Some(json!(2)), "theirs stays: {said}");
}

#[test]
fn a_node_that_somebody_uncordons_halts_it() {
    let (scene, before, said) = halts(|scene, node| scene.cordon(node, false), &["uncordoned"]);
    before.but_cordoned(&scene, &[], &said);
}

#[test]
fn a_node_that_somebody_deletes_halts_it() {
    halts(|scene, node| scene.delete::<Node>(node), &["is gone"]);
}

#[test]
fn another_shard_that_fails_meanwhile_halts_it() {
    halts(
        |scene, _| scene.make_unready(3),
        &["shard-3 went down without this run's doing"],
    );
}

#[test]
fn of_two_drains_one_wins_and_the_other_changes_nothing() {
    let scene = packed(3, 2, 2).start();
    let second = Interceptor::before(scene.plane());
    let held = Held::after(&scene, &["--strategy", "direct"], deletes_the_first);
    let refused = scene
        .shardctl_process(&second.kubeconfig(&scene), drain(&held.node, &[]))
        .wait();
    assert_eq!(refused.code, Some(6), "{}", said(&refused));
    assert!(
        said(&refused).contains("holds the lock on statefulset/shard"),
        "{}",
        said(&refused)
    );
    assert!(second.writes().is_empty(), "{:?}", second.writes());
    let node = held.node.clone();
    let (ran, watched, before, _) = held.end();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    before.but_cordoned(&scene, &[&node], &said(&ran));
}

#[test]
fn a_shard_that_was_made_anew_meanwhile_costs_the_budget_no_place() {
    let scene = packed(3, 2, 3).start();
    // The look at the pod right before the window.
    let held = Held::before(&scene, &[], |request| {
        request.method == "GET" && request.path.ends_with("/pods/shard-1")
    });
    let before = scene.uid(1);
    scene.delete::<Pod>("shard-1");
    scene.wait_until("its namesake is Ready", |scene| {
        scene.is_ready(1) && scene.uid(1) != before
    });
    let (ran, watched, _, interceptor) = held.end();
    let stale = interceptor.writes().into_iter().filter(|request| {
        evicts(request) && request.body["deleteOptions"]["preconditions"]["uid"].as_str() == before.as_deref()
    });
    assert_eq!(stale.count(), 0, "{}", said(&ran));
    let disrupted = scene.budget().status.and_then(|status| status.disrupted_pods);
    assert!(disrupted.is_none_or(|pods| pods.is_empty()), "{}", said(&ran));
    watched.was_careful(&scene, &said(&ran));
    assert_eq!(left_behind(&scene), Vec::<String>::new(), "{}", said(&ran));
}

#[test]
fn a_shard_that_falls_while_the_room_is_looked_at_keeps_the_next_one_up() {
    let scene = packed(3, 2, 2).start();
    let locked = AtomicBool::new(false);
    // Every pod of the cluster is listed for the preflight, too; behind the lock the list is the one before a deletion.
    let held = Held::before(&scene, &["--strategy", "direct"], move |request| {
        locked.fetch_or(
            request.is_write() && request.path.contains("/leases"),
            Ordering::Relaxed,
        );
        let lists_all = request.method == "GET" && request.path == "/api/v1/pods";
        lists_all && request.query.contains("status.phase") && locked.load(Ordering::Relaxed)
    });
    scene.make_unready(2);
    scene.wait_until("another shard fell", |scene| !scene.is_ready(2));
    let (ran, watched, _, interceptor) = held.end();
    assert_eq!(ran.code, Some(3), "{}", said(&ran));
    assert!(said(&ran).contains("shard-2"), "{}", said(&ran));
    assert_eq!(asked_to_go(&interceptor), 0, "{}", said(&ran));
    assert!(watched.shards.most_down_at_once() <= 1, "{}", said(&ran));
    assert_eq!(left_behind(&scene), Vec::<String>::new(), "{}", said(&ran));
}
