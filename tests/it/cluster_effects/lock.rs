//! The lock: taken, held, taken over, lost, given back.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use serde_json::json;
use shardctl::cluster::connect::Connection;
use shardctl::cluster::lease::{Acquired, Lock, LostOr, NotAcquired, Wanted, acquire};
use shardctl::cluster::permit::Permit;
use shardctl::model::set;

use super::{administrator, connection};
use crate::cluster::{Network, Proxy, Scene};

const LONG: Duration = Duration::from_secs(30);
const SECOND: Duration = Duration::from_secs(1);

/// Somebody takes the lock of the scene's set; with how often he was told to wait.
fn take(
    scene: &Scene<'_>,
    connection: &Connection,
    holder: &str,
    duration: Duration,
) -> (Result<(Lock, Acquired), NotAcquired>, u32) {
    scene.plane().run(try_to_take(scene, connection, holder, duration))
}

async fn try_to_take(
    scene: &Scene<'_>,
    connection: &Connection,
    holder: &str,
    duration: Duration,
) -> (Result<(Lock, Acquired), NotAcquired>, u32) {
    let mut waits = 0;
    let uid = scene_uid(scene, connection).await;
    let wanted = Wanted {
        namespace: scene.namespace(),
        set: scene.name(),
        set_uid: &uid,
        holder,
        run: "upgrade/test",
        duration,
    };
    let never = std::future::pending();
    let taken = acquire(connection.api(), &Permit::confirmed(), &wanted, |_| waits += 1, never).await;
    (taken, waits)
}

async fn scene_uid(scene: &Scene<'_>, connection: &Connection) -> String {
    let path = format!(
        "/apis/apps/v1/namespaces/{}/statefulsets/{}",
        scene.namespace(),
        scene.name()
    );
    let answer = connection.api().get(&path).await.expect("the set");
    set::uid(&answer.parse().expect("a set")).to_owned()
}

fn lease(scene: &Scene<'_>) -> Option<Lease> {
    scene.find::<Lease>(&format!("shardctl-{}", scene.name()))
}

fn holder(scene: &Scene<'_>) -> Option<String> {
    lease(scene)?.spec?.holder_identity
}

fn renewed(scene: &Scene<'_>) -> String {
    let spec = lease(scene).and_then(|lease| lease.spec).expect("a lease");
    format!("{:?}", spec.renew_time)
}

/// Writes another holder into the Lease, as a thief would: whoever took it over while we slept.
fn steal(scene: &Scene<'_>) {
    let name = format!("shardctl-{}", scene.name());
    scene.patch::<Lease>(
        &name,
        json!({"spec": {"holderIdentity": "thief", "acquireTime": "2026-01-01T00:00:00.000000Z"}}),
    );
}

#[test]
fn the_lock_is_taken_kept_alive_and_given_back() {
    let scene = Scene::shards(1).start();
    let connection = administrator(&scene);
    let (taken, waits) = take(&scene, &connection, "me", SECOND);
    let (lock, acquired) = taken.expect("the lock");
    assert_eq!((acquired, waits), (Acquired::New, 0));
    let written = lease(&scene).expect("a lease");
    let owner = &written.metadata.owner_references.expect("an owner")[0];
    assert_eq!(
        (owner.uid.as_str(), owner.controller),
        (set::uid(&scene.set()), Some(false))
    );

    let first = renewed(&scene);
    scene.wait_until("the lease was renewed in the background", |scene| {
        renewed(scene) != first
    });
    scene.plane().run(lock.renew()).expect("still ours");
    assert!(!lock.is_lost());
    scene.plane().run(lock.release()).expect("given back");
    assert!(lease(&scene).is_none());
}

#[test]
fn a_lock_whose_holder_lives_is_not_taken() {
    let scene = Scene::shards(1).start();
    let (one, other) = (administrator(&scene), administrator(&scene));
    let (taken, _) = take(&scene, &one, "one", Duration::from_secs(3));
    let (lock, _) = taken.expect("the lock");
    let (refused, waits) = take(&scene, &other, "other", LONG);
    let Err(NotAcquired::Held(holder)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (holder.identity.as_str(), holder.run.as_deref(), waits),
        ("one", Some("upgrade/test"), 1)
    );
    scene.plane().run(lock.renew()).expect("still his");
}

#[test]
fn a_lock_whose_holder_died_is_taken_over() {
    let scene = Scene::shards(1).start();
    let (one, other) = (administrator(&scene), administrator(&scene));
    let (taken, _) = take(&scene, &one, "one", SECOND);
    // Dropped, a lock is no longer renewed: as if its process had been killed.
    drop(taken);
    let (taken, waits) = take(&scene, &other, "other", LONG);
    let (lock, acquired) = taken.expect("the lock");
    assert!(
        matches!(&acquired, Acquired::TakenOver(holder) if holder.identity == "one"),
        "{acquired:?}"
    );
    assert_eq!((holder(&scene).as_deref(), waits), (Some("other"), 1));
    let transitions = lease(&scene).and_then(|lease| lease.spec?.lease_transitions);
    assert_eq!(transitions, Some(1));
    scene.plane().run(lock.renew()).expect("the lock is whole");
}

#[test]
fn a_lock_that_nobody_holds_is_taken_at_once() {
    let scene = Scene::shards(1).start();
    let connection = administrator(&scene);
    scene.apply(json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": format!("shardctl-{}", scene.name())},
        "spec": {"holderIdentity": "", "leaseDurationSeconds": 3600, "leaseTransitions": 4},
    }));
    let (taken, waits) = take(&scene, &connection, "me", LONG);
    assert_eq!((taken.expect("the lock").1, waits), (Acquired::New, 0));
}

#[test]
fn of_two_at_once_exactly_one_wins() {
    let scene = Scene::shards(1).start();
    let (one, other) = (administrator(&scene), administrator(&scene));
    for dead in [false, true] {
        if dead {
            let name = format!("shardctl-{}", scene.name());
            // The winner before is dropped: both wait for the same Lease to expire.
            scene.patch::<Lease>(&name, json!({"spec": {"leaseDurationSeconds": 1}}));
        }
        let both = scene.plane().run(async {
            futures::future::join(
                try_to_take(&scene, &one, "one", LONG),
                try_to_take(&scene, &other, "other", LONG),
            )
            .await
        });
        let won = [&both.0.0, &both.1.0].map(Result::is_ok);
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "{both:?}");
        let winner = if won[0] { "one" } else { "other" };
        assert_eq!(holder(&scene).as_deref(), Some(winner));
        let refused = if won[0] { both.1.0 } else { both.0.0 };
        assert!(
            matches!(&refused, Err(NotAcquired::Held(holder)) if holder.identity == winner),
            "{refused:?}"
        );
    }
}

#[test]
fn a_lock_that_was_taken_away_is_lost_for_good_and_left_alone() {
    let scene = Scene::shards(1).start();
    let connection = administrator(&scene);
    let plane = scene.plane();
    let (taken, _) = take(&scene, &connection, "me", LONG);
    let (lock, _) = taken.expect("the lock");
    let lost = lock.lost();
    steal(&scene);
    let refused = plane.run(lock.renew());
    assert!(
        matches!(&refused, Err(LostOr::Lost(Some(holder))) if holder.identity == "thief"),
        "{refused:?}"
    );
    assert!(lock.is_lost());
    assert_eq!(plane.run(lost).map(|holder| holder.identity).as_deref(), Some("thief"));
    plane.run(lock.release()).expect("nothing to give back");
    assert_eq!(holder(&scene).as_deref(), Some("thief"));
}

#[test]
fn the_background_notices_that_the_lock_is_lost() {
    let scene = Scene::shards(1).start();
    let connection = administrator(&scene);
    let (taken, _) = take(&scene, &connection, "me", SECOND);
    let (lock, _) = taken.expect("the lock");
    scene.delete::<Lease>(&format!("shardctl-{}", scene.name()));
    assert_eq!(scene.plane().run(lock.lost()), None, "nobody has it");
    assert!(lease(&scene).is_none(), "a lost lock isn't made again");
}

#[test]
fn a_label_of_somebody_elses_takes_no_lock_away() {
    let scene = Scene::shards(1).start();
    let connection = administrator(&scene);
    let (taken, _) = take(&scene, &connection, "me", LONG);
    let (lock, _) = taken.expect("the lock");
    let name = format!("shardctl-{}", scene.name());
    let label = |value: &str| {
        scene.patch::<Lease>(&name, json!({"metadata": {"labels": {"seen": value}}}));
    };
    label("once");
    scene.plane().run(lock.renew()).expect("still ours");
    label("twice");
    scene.plane().run(lock.release()).expect("given back");
    assert!(lease(&scene).is_none());
}

#[test]
fn a_server_that_is_away_takes_no_lock_away() {
    let scene = Scene::shards(1).start();
    let proxy = Proxy::before(scene.plane());
    let connection = connection(&scene, &scene.kubeconfig_through(&proxy.url()));
    let (taken, _) = take(&scene, &connection, "me", SECOND);
    let (lock, _) = taken.expect("the lock");
    proxy.set(Network::Refuses);
    // The last renewal may still be under way when the network goes.
    let before = renewed(&scene);
    let refused = scene.plane().run(lock.renew());
    assert!(matches!(&refused, Err(LostOr::Failed(_))), "{refused:?}");
    assert!(!lock.is_lost());
    proxy.set(Network::Fine);
    scene.wait_until("the lease is renewed again", |scene| renewed(scene) != before);
    scene.plane().run(lock.renew()).expect("still ours");
}

#[test]
fn a_renewal_whose_answer_was_lost_is_found_and_goes_on() {
    let scene = Scene::shards(1).start();
    let proxy = Proxy::before(scene.plane());
    let connection = connection(&scene, &scene.kubeconfig_through(&proxy.url()));
    let (taken, _) = take(&scene, &connection, "me", LONG);
    let (lock, _) = taken.expect("the lock");
    let before = renewed(&scene);
    // The request passes, and its answer never comes: until the client notices, by pings, that the connection is dead.
    proxy.set(Network::Delays(Duration::from_secs(3600)));
    let plane = scene.plane();
    let unanswered = plane.run(async { tokio::time::timeout(SECOND, lock.renew()).await });
    assert!(unanswered.is_err(), "{unanswered:?}");
    scene.wait_until("the renewal was done all the same", |scene| renewed(scene) != before);
    proxy.set(Network::Fine);
    scene.wait_until("the lock is renewed again", |_| plane.run(lock.renew()).is_ok());
    plane.run(lock.release()).expect("given back");
    assert!(lease(&scene).is_none());
}
