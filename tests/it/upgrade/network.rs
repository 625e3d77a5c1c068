//! An upgrade over a network that loses answers, and before an API server that falls silent or goes away.

use std::time::{Duration, Instant};

use super::kill::{KINDS, kind};
use super::{NEXT, as_if_by_karpenter, is_whole, left_behind, upgrade, upgrade_with_lock};
use crate::cluster::interceptor::{Rule, When};
use crate::cluster::{Interceptor, Scene, Witness};

/// The API server's absence: longer than a lock lasts.
const OUTAGE: Duration = Duration::from_secs(20);

#[track_caller]
fn assert_all_went_well(scene: &Scene<'_>, witness: &Witness, ran: &crate::cluster::scene::running::Output) {
    let said = format!("{}{}", ran.stderr, ran.stdout);
    assert_eq!(ran.code, Some(0), "{said}");
    assert!(is_whole(scene), "{said}");
    assert_eq!(left_behind(scene), Vec::<String>::new(), "{said}");
    assert_eq!(witness.most_down_at_once(), 1, "{said}");
    let expected: Vec<String> = (0..scene.shard_count())
        .rev()
        .map(|ordinal| scene.pod_name(ordinal))
        .collect();
    assert_eq!(witness.deletions(), expected, "{said}");
}

/// An upgrade to whose first write of each of these kinds the same thing happens, one after the other.
fn each_once(wanted: impl Iterator<Item = &'static str>, what: impl Fn(When<'_>) -> Rule) {
    let scene = Scene::shards(3).start();
    as_if_by_karpenter(&scene);
    let witness = Witness::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let rules: Vec<_> = wanted
        .map(|wanted| {
            let first = interceptor.on(move |request| kind(request) == Some(wanted)).nth(1);
            (wanted, what(first))
        })
        .collect();
    // A long lock, so that it isn't renewed beside another write: what cuts one would cut the other.
    let arguments = upgrade_with_lock("10m", &["--image", NEXT]);
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), arguments)
        .wait();
    assert_all_went_well(&scene, &witness, &ran);
    for (kind, rule) in &rules {
        assert_eq!(rule.hits(), 1, "{kind}");
    }
}

/// Events are posted beside the rest; they have a test of their own.
const BESIDE: &str = "post an Event";

#[test]
fn the_first_answer_of_each_kind_of_write_may_be_lost() {
    let wanted = KINDS.into_iter().filter(|kind| *kind != BESIDE);
    each_once(wanted, |first| first.cut_answer());
}

#[test]
fn the_first_request_of_each_kind_of_write_may_be_lost_once_the_lock_is_held() {
    let wanted = KINDS
        .into_iter()
        .filter(|kind| ![BESIDE, "create the Lease"].contains(kind));
    each_once(wanted, |first| first.cut());
}

#[test]
fn an_event_that_is_lost_costs_nothing() {
    each_once([BESIDE].into_iter(), |first| first.cut());
}

#[test]
fn a_lock_that_can_t_be_asked_for_leaves_everything_as_it_was() {
    let scene = Scene::shards(1).start();
    let interceptor = Interceptor::before(scene.plane());
    interceptor
        .on(|request| kind(request) == Some("create the Lease"))
        .nth(1)
        .cut();
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--image", NEXT]))
        .wait();
    assert_eq!(ran.code, Some(7), "{}{}", ran.stderr, ran.stdout);
    assert_eq!(interceptor.writes().len(), 1);
    assert_eq!(left_behind(&scene), Vec::<String>::new());
}

#[test]
fn no_shard_is_deleted_while_another_fails_behind_a_silent_watch() {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let pause = ["--image", NEXT, "--pause", "3s"];
    let mut command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&pause));
    command.wait_for_output("a pause of 3s");
    interceptor.swallow_watches(true);
    scene.make_unready(0);
    let ran = command.wait();
    assert_eq!(ran.code, Some(1), "{}{}", ran.stderr, ran.stdout);
    assert!(
        ran.stdout.contains("shard-0 went down without this run's doing"),
        "{}",
        ran.stdout
    );
    assert_eq!(witness.deletions(), ["shard-2"]);
}

#[test]
fn silent_watches_alone_only_make_it_slower() {
    let scene = Scene::shards(1).start();
    as_if_by_karpenter(&scene);
    let witness = Witness::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    interceptor.swallow_watches(true);
    let ran = scene
        .shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--image", NEXT]))
        .wait();
    assert_all_went_well(&scene, &witness, &ran);
}

/// Starts an upgrade, takes the API server away when the first shard was deleted, and brings it back.
fn outage(begin: impl Fn(&Interceptor), end: impl Fn(&Interceptor)) {
    let scene = Scene::shards(3).start();
    let witness = Witness::of(&scene);
    let interceptor = Interceptor::before(scene.plane());
    let first = interceptor.on(|request| request.deletes("pods/shard-2")).hold_answer();
    let command = scene.shardctl_process(&interceptor.kubeconfig(&scene), upgrade(&["--image", NEXT]));
    first.wait_hit();
    let since = Instant::now();
    begin(&interceptor);
    first.release();
    scene.wait_until("the outage is over", |_| since.elapsed() >= OUTAGE);
    end(&interceptor);
    let ran = command.wait();
    assert_all_went_well(&scene, &witness, &ran);
}

#[test]
fn an_api_server_that_answers_nothing_for_twenty_seconds_is_waited_for() {
    outage(|api| api.hang(true), |api| api.hang(false));
}

#[test]
fn an_api_server_that_is_gone_for_twenty_seconds_is_waited_for() {
    outage(|api| api.away(true), |api| api.away(false));
}
