//! The lock while the objects of a phase are written and the explore pool goes, and a pool that is made again meanwhile.

use super::{pools, words};
use crate::cluster::scene::running::Output;
use crate::cluster::{Interceptor, api};
use crate::deploy::{self, deployed};
use crate::render::ground::Ground;
use k8s_openapi::api::coordination::v1::Lease;
use serde_json::{Value, json};

fn said(ran: &Output) -> String {
    format!("{}{}", ran.stderr, ran.stdout)
}

/// Somebody else holds the lock from now on.
fn taken_over(ground: &Ground) {
    let lease = format!("shardctl-{}", ground.set());
    let others = json!({"spec": {"holderIdentity": "ada@laptop"}});
    ground.scene.patch::<Lease>(&lease, others);
}

#[test]
fn a_lock_that_somebody_takes_over_during_the_writes_ends_them() {
    for command in ["deploy", "promote"] {
        let ground = deployed();
        let version = ground.version_of_the_set();
        let interceptor = Interceptor::before(ground.scene.plane());
        let first = interceptor
            .on(|request| request.is_write() && request.path.contains("/nodepools/"))
            .nth(1)
            .hold_answer();
        let arguments = match command {
            "deploy" => deploy::words(&ground, "stable", &["--yes"]),
            _ => words(&ground, &["--yes"]),
        };
        let running = ground.scene.shardctl_process(
            &interceptor.kubeconfig(&ground.scene),
            arguments.iter().map(String::as_str),
        );
        first.wait_hit();
        taken_over(&ground);
        first.release();
        let ran = running.wait();
        assert_eq!(ran.code, Some(6), "{command}: {}", said(&ran));
        let flat = said(&ran).split_whitespace().collect::<Vec<_>>().join(" ");
        for word in ["the lock was lost", "ada@laptop", "nodepool/"] {
            assert!(flat.contains(word), "{command} lacks {word:?}: {}", said(&ran));
        }
        assert_eq!(ground.version_of_the_set(), version, "{}", said(&ran));
    }
}

#[test]
fn a_lock_that_is_lost_before_the_explore_pool_goes_keeps_it() {
    let ground = deployed();
    let interceptor = Interceptor::before(ground.scene.plane());
    // The lock of the last step: of the writing, of the upgrade, of the end.
    let third = interceptor
        .on(|request| request.is_write() && request.method == "POST" && request.path.ends_with("/leases"))
        .nth(3)
        .hold_answer();
    let arguments = words(&ground, &["--yes"]);
    let running = ground.scene.shardctl_process(
        &interceptor.kubeconfig(&ground.scene),
        arguments.iter().map(String::as_str),
    );
    third.wait_hit();
    taken_over(&ground);
    third.release();
    let ran = running.wait();
    assert_eq!(ran.code, Some(6), "{}", said(&ran));
    assert!(
        pools(&ground).contains(&format!("{}-explore", ground.scene.namespace())),
        "{}",
        said(&ran)
    );
}

#[test]
fn an_explore_pool_that_was_made_again_since_is_named_and_left() {
    let ground = deployed();
    let name = format!("{}-explore", ground.scene.namespace());
    let path = format!("/apis/karpenter.sh/v1/nodepools/{name}");
    let plane = ground.scene.plane();
    let interceptor = Interceptor::before(plane);
    let deletion = format!("nodepools/{name}");
    let held = interceptor.on(move |request| request.deletes(&deletion)).nth(1).hold();
    let arguments = words(&ground, &["--yes"]);
    let running = ground.scene.shardctl_process(
        &interceptor.kubeconfig(&ground.scene),
        arguments.iter().map(String::as_str),
    );
    held.wait_hit();
    let mut pool: Value = plane.get(&path).expect("the pool");
    plane
        .run(api::delete(plane.client(), &path, &json!({})))
        .expect("its deletion");
    ground
        .scene
        .wait_until("it is gone", |scene| scene.plane().get(&path).is_err());
    pool["metadata"] = json!({"name": name, "labels": pool["metadata"]["labels"]});
    let made = ground.scene.apply(pool);
    held.release();
    let ran = running.wait();
    assert_eq!(ran.code, Some(1), "{}", said(&ran));
    assert!(said(&ran).contains("made again since"), "{}", said(&ran));
    let now: Value = plane.get(&path).expect("the pool is still there");
    assert_eq!(now["metadata"]["uid"], made["metadata"]["uid"]);
    assert!(now["metadata"]["deletionTimestamp"].is_null());
}
