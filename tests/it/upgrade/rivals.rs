//! An upgrade that isn't alone: another run, a thief of its lock, somebody who changes the set, a shard or a node under its hands.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, Pod};
use serde_json::json;

use super::{NEXT, as_if_by_karpenter, is_whole, left_behind, upgrade, upgrade_with_lock};
use crate::cluster::interceptor::{Request, Rule};
use crate::cluster::scene::running::Output;
use crate::cluster::{Interceptor, Plane, PlaneConfig, Running, Scene, Witness};

/// An upgrade of three shards that stands still at one of its requests.
struct Held<'a> {
    witness: Witness,
    rule: Rule,
    command: Running,
    _interceptor: &'a Interceptor,
}

impl<'a> Held<'a> {
    /// Starts an upgrade; the answer to the first request that `at` names is held back.
    fn at(
        scene: &Scene<'_>,
        interceptor: &'a Interceptor,
        lock: &str,
        at: impl Fn(&Request) -> bool + Send + Sync + 'static,
    ) -> Held<'a> {
        let witness = Witness::of(scene);
        let rule = interceptor.on(at).nth(1).hold_answer();
        let arguments = upgrade_with_lock(lock, &["--image", NEXT]);
        let command = scene.shardctl_process(&interceptor.kubeconfig(scene), arguments);
        rule.wait_hit();
        Held {
            witness,
            rule,
            command,
            _interceptor: interceptor,
        }
    }

    /// Lets it go on to its end.
    fn end(self) -> (Output, Witness) {
        self.rule.release();
        (self.command.wait(), self.witness)
    }
}

/// What was said, for messages.
fn said(ran: &Output) -> String {
    format!("{}{}", ran.stderr, ran.stdout)
}

fn deletes_the_last(request: &Request) -> bool {
    request.deletes("pods/shard-2")
}

/// Changes something while shard 2 is in hand, and holds the run to its halt before the next shard.
#[track_caller]
fn halts(change: impl Fn(&Scene<'_>), words: &str) {
    let scene = Scene::shards(3).start();
    as_if_by_karpenter(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let held = Held::at(&scene, &interceptor, "2s", deletes_the_last);
    change(&scene);
    let (ran, _witness) = held.end();
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    assert!(ran.stdout.contains(words), "{}", said(&ran));
    let deletions = interceptor.writes().into_iter().filter(|write| {
        let pod = write.path.rsplit('/').next().unwrap_or_default().to_owned();
        write.method == "DELETE" && write.path.contains("/pods/") && pod.starts_with("shard-")
    });
    assert_eq!(deletions.count(), 1, "{}", said(&ran));
    let mut left = left_behind(&scene);
    left.retain(|what| what != "an open journal");
    assert_eq!(left, Vec::<String>::new(), "{}", said(&ran));
}

#[test]
fn of_two_runs_one_wins_and_the_other_changes_nothing() {
    let scene = Scene::shards(3).start();
    let (first, second) = (Interceptor::before(scene.plane()), Interceptor::before(scene.plane()));
    let held = Held::at(&scene, &first, "2s", deletes_the_last);
    let other = upgrade(&["--image", "registry.example/shard:9.9"]);
    let refused = scene.shardctl_process(&second.kubeconfig(&scene), other).wait();
    assert_eq!(refused.code, Some(6), "{}", said(&refused));
    assert!(
        refused.stdout.contains("holds the lock on statefulset/shard"),
        "{}",
        said(&refused)
    );
    assert!(second.writes().is_empty(), "{:?}", second.writes());
    let (ran, witness) = held.end();
    assert_eq!(ran.code, Some(0), "{}", said(&ran));
    assert!(is_whole(&scene));
    assert_eq!(witness.most_down_at_once(), 1);
}

fn steal(scene: &Scene<'_>) {
    scene.patch::<Lease>(
        "shardctl-shard",
        json!({"spec": {"holderIdentity": "thief", "acquireTime": "2026-01-01T00:00:00.000000Z"}}),
    );
}

#[test]
fn a_stolen_lock_stops_it_before_the_next_change_and_its_own_marks_go() {
    // A long lock is renewed seldom: the loss must be noticed because the change asks.
    let scene = Scene::shards(3).start();
    as_if_by_karpenter(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let freezes = |request: &Request| super::kill::kind(request) == Some("freeze a node");
    let held = Held::at(&scene, &interceptor, "10m", freezes);
    steal(&scene);
    let before = interceptor.writes().len();
    let (ran, witness) = held.end();
    assert_eq!(ran.code, Some(6), "{}", said(&ran));
    assert!(ran.stdout.contains("thief holds it now"), "{}", said(&ran));
    let kinds: Vec<_> = interceptor.writes()[before..]
        .iter()
        .filter_map(super::kill::kind)
        .collect();
    let only = [
        "renew the Lease",
        "delete a helper pod",
        "unfreeze a node",
        "post an Event",
    ];
    assert!(kinds.iter().all(|kind| only.contains(kind)), "{kinds:?}");
    assert_eq!(left_behind(&scene), ["the Lease"], "{}", said(&ran));
    assert_eq!(witness.deletions(), Vec::<String>::new());
}

#[test]
fn a_lock_that_is_deleted_stops_it_after_the_shard_in_hand() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let held = Held::at(&scene, &interceptor, "2s", deletes_the_last);
    scene.delete::<Lease>("shardctl-shard");
    let (ran, witness) = held.end();
    assert_eq!(ran.code, Some(6), "{}", said(&ran));
    assert!(ran.stdout.contains("the lock was lost"), "{}", said(&ran));
    scene.wait_until("shard 2 is back", |scene| scene.is_ready(2));
    assert_eq!(witness.deletions(), ["shard-2"]);
}

#[test]
fn a_template_that_somebody_else_changes_halts_it() {
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "shard", "image": "registry.example/shard:7"}]}}}});
    halts(
        |scene| drop(scene.patch::<StatefulSet>("shard", image.clone())),
        "its template was changed",
    );
}

#[test]
fn replicas_that_somebody_else_changes_halt_it() {
    let more = json!({"spec": {"replicas": 4}});
    halts(
        |scene| drop(scene.patch::<StatefulSet>("shard", more.clone())),
        "its replicas were changed from 3 to 4",
    );
}

#[test]
fn a_set_that_is_deleted_halts_it() {
    let scene = Scene::shards(3).start();
    let interceptor = Interceptor::before(scene.plane());
    let held = Held::at(&scene, &interceptor, "2s", deletes_the_last);
    scene.delete::<StatefulSet>("shard");
    let (ran, _witness) = held.end();
    // Its Lease goes with it, and either may be noticed first.
    assert!(matches!(ran.code, Some(1 | 6)), "{}", said(&ran));
    assert!(
        !interceptor.writes().iter().any(|write| write.deletes("pods/shard-1")),
        "{}",
        said(&ran)
    );
}

#[test]
fn another_shard_that_fails_meanwhile_halts_it() {
    halts(
        |scene| scene.make_unready(0),
        "shard-0 went down without this run's doing",
    );
    halts(
        |scene| scene.delete::<Pod>("shard-1"),
        "shard-1 went down without this run's doing",
    );
}

#[test]
fn a_node_that_is_removed_meanwhile_is_named() {
    halts(
        |scene| {
            scene.delete::<Node>(&scene.node_of(0));
            // The pod of a node that is gone is collected after a minute only.
            scene.delete::<Pod>("shard-0");
        },
        "-0 is gone",
    );
}

#[test]
fn a_node_that_goes_away_meanwhile_halts_it_and_is_named() {
    let plane = Plane::own_with(PlaneConfig {
        node_grace: 4,
        dns_replicas: 0,
        ..PlaneConfig::default()
    });
    let scene = Scene::shards(3).start_on(&plane);
    let witness = Witness::of(&scene);
    let node = scene.node_of(0);
    let mut command = scene.shardctl_process(scene.kubeconfig(), upgrade(&["--image", NEXT, "--pause", "1h"]));
    command.wait_for_output("a pause of 1h");
    scene.silence(&node, true);
    let ran = command.wait();
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    assert!(ran.stdout.contains("shard-0 went down"), "{}", said(&ran));
    assert!(
        ran.stdout.contains(&format!("node/{node} isn't Ready")),
        "{}",
        said(&ran)
    );
    assert_eq!(witness.deletions(), ["shard-2"]);
}
