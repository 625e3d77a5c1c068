//! The lock over a cleanup: taken whatever there is to delete, held until the end, and nothing is deleted without it.

use super::{claims, cleanup, is_gone, words};
use crate::cluster::Interceptor;
use crate::cluster::interceptor::Rule;
use crate::cluster::scene::running::Running;
use crate::deploy::deployed;
use crate::render::ground::Ground;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Service;
use serde_json::json;

/// A cleanup whose set is deleted, and that hasn't heard of that yet.
fn after_the_set(ground: &Ground, interceptor: &Interceptor, more: &[&str]) -> (Running, Rule) {
    let set = format!("statefulsets/{}", ground.set());
    let deleted = interceptor
        .on(move |request| request.is_write() && request.deletes(&set))
        .hold_answer();
    let arguments = words(ground, more);
    let command = ground.scene.shardctl_process(
        &interceptor.kubeconfig(&ground.scene),
        arguments.iter().map(String::as_str),
    );
    deleted.wait_hit();
    ground.scene.wait_until("the set is gone", |scene| {
        scene.find::<StatefulSet>(&ground.set()).is_none()
    });
    (command, deleted)
}

#[test]
fn a_set_that_is_deployed_again_meanwhile_keeps_what_is_left_and_its_claims() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    let before = claims(&ground);
    let interceptor = Interceptor::before(ground.scene.plane());
    let (command, deleted) = after_the_set(&ground, &interceptor, &["--data", "--confirm", &name]);
    ground.apply(&ground.render("explore", &["--shards", "3"]));
    deleted.release();
    let ran = command.wait();
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(1), "{told}");
    assert!(told.contains("another one of that name has come"), "{told}");
    assert!(told.contains("deploy explore"), "{told}");
    ground.wait_until_ready(3);
    assert_eq!(claims(&ground), before);
    assert!(ground.scene.find::<Service>(&format!("{name}-lb")).is_some());
    let pool = format!("/apis/karpenter.sh/v1/nodepools/{name}-explore");
    assert!(ground.scene.plane().get(&pool).is_ok());
}

#[test]
fn a_lock_that_was_lost_ends_it_before_the_next_deletion() {
    let ground = deployed();
    let name = ground.scene.namespace().to_owned();
    // What makes it a set of the stable phase, which is what would bring it back.
    let stable = json!({"spec": {"template": {"metadata": {"annotations": {"karpenter.sh/do-not-disrupt": "true"}}}}});
    ground.scene.patch::<StatefulSet>(&ground.set(), stable);
    let interceptor = Interceptor::before(ground.scene.plane());
    let (command, deleted) = after_the_set(&ground, &interceptor, &["--yes"]);
    let lease = format!("shardctl-{}", ground.set());
    ground
        .scene
        .patch::<Lease>(&lease, json!({"spec": {"holderIdentity": "thief"}}));
    deleted.release();
    let ran = command.wait();
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.code, Some(6), "{told}");
    assert!(told.contains("thief holds it now"), "{told}");
    assert!(told.contains("deploy stable"), "{told}");
    assert!(ground.scene.find::<Service>(&format!("{name}-lb")).is_some());
}

#[test]
fn without_the_set_the_rest_goes_under_the_lock_as_well() {
    let ground = deployed();
    ground.scene.delete::<StatefulSet>(&ground.set());
    let interceptor = Interceptor::before(ground.scene.plane());
    let ran = cleanup(&ground, &interceptor.kubeconfig(&ground.scene), &["--yes"]);
    ran.is(0, &["5 objects are deleted"]);
    is_gone(&ground, &ran.stderr);
    let writes = interceptor.writes();
    let (first, last) = (writes.first().expect("writes"), writes.last().expect("writes"));
    assert!(first.method == "POST" && first.path.ends_with("/leases"), "{first}");
    assert!(last.method == "DELETE" && last.path.contains("/leases/"), "{last}");
    let lease = format!("shardctl-{}", ground.set());
    assert!(ground.scene.find::<Lease>(&lease).is_none());
}
